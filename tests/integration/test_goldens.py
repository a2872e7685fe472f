"""metrics-server's recorded answers, from the same cluster: simulated kubelets, the whole service.

The unit test beside the recordings compares encoding; here the numbers travel the whole way.
"""

import pytest
from golden.compare import Answer, Golden, as_text, differences, names
from golden.purpose import ON_PURPOSE
from integration.service import warm_lab
from yarl import URL

WHY = {
    "node-no-metrics": "node node-0002 unreachable since ",
    "pod-no-metrics": "node node-0002 unreachable since ",
}
"""Messages that hold a time; the reason is compared up to it."""


@pytest.fixture(scope="module")
async def service():
    # without the check of ours that metrics-server has no name for
    tolerant = ["--authentication-tolerate-lookup-failure"]
    async with warm_lab(layout="golden", flags=lambda _: tolerant) as made:
        yield made


async def ask(service, golden: Golden) -> Answer:
    headers = {"Accept-Encoding": "identity", **golden.request_headers}
    url = URL(golden.path, encoded=True)
    async with service.session.request(golden.method, url, headers=headers) as response:
        answered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, answered, as_text(await response.read()))


@pytest.mark.parametrize("name", [name for name in names() if name not in WHY])
async def test_answer_is_the_recorded_one(service, name):
    golden = Golden.load(name)
    if name in ON_PURPOSE:
        golden = golden.changed(ON_PURPOSE[name].change, ON_PURPOSE[name].status)

    assert differences(golden, await ask(service, golden)) == []


@pytest.mark.parametrize("name", WHY)
async def test_the_message_says_why(service, name):
    golden = Golden.load(name)

    answer = await ask(service, golden)

    recorded = golden.answer.body["message"]
    message = answer.body["message"]
    assert answer.status == 404
    assert message.startswith(f"{recorded}: {WHY[name]}")
    assert message.endswith("connection refused")
    rest = {key: value for key, value in answer.body.items() if key != "message"}
    assert rest == {key: value for key, value in golden.answer.body.items() if key != "message"}
