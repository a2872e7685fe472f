"""Every recorded answer of metrics-server about discovery, objects, lists and errors is ours."""

import pytest
from golden.cluster import Cluster, serving
from golden.compare import Answer, Golden, as_text, differences, names
from golden.purpose import ON_PURPOSE
from yarl import URL


@pytest.fixture
async def ask():
    async with serving(Cluster().app()) as session:

        async def ask(golden: Golden) -> Answer:
            headers = {"Accept-Encoding": "identity", **golden.request_headers}
            url = URL(golden.path, encoded=True)
            async with session.request(golden.method, url, headers=headers) as response:
                answered = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, answered, as_text(await response.read()))

        yield ask


@pytest.mark.parametrize("name", names())
async def test_answer_is_the_recorded_one(ask, name):
    golden = Golden.load(name)
    if name in ON_PURPOSE:
        difference = ON_PURPOSE[name]
        golden = golden.changed(difference.change, difference.status)

    assert differences(golden, await ask(golden)) == []


@pytest.mark.parametrize("name", ON_PURPOSE)
async def test_what_differs_on_purpose_really_differs(ask, name):
    """Keeps the table above honest; order alone may happen to be the recorded one."""
    golden = Golden.load(name)

    assert differences(golden, await ask(golden))
