"""Every recorded answer of prometheus-adapter about custom and external metrics is ours."""

import pytest
from golden.adapter_purpose import ON_PURPOSE, UNLIKE, expected
from golden.cluster import serving
from golden.compare import PROMETHEUS_ADAPTER, Answer, Golden, as_text, differences, names
from golden.custom_cluster import CustomCluster
from yarl import URL

from adapter.errors import SourceError

NAMES = names(PROMETHEUS_ADAPTER)


@pytest.fixture
async def ask():
    cluster = CustomCluster()
    async with serving(cluster.app()) as session:

        async def ask(golden: Golden) -> Answer:
            if golden.name.startswith("down-"):
                cluster.custom.error = cluster.external.error = SourceError("connection refused")
            headers = {"Accept-Encoding": "identity", **golden.request_headers}
            url = URL(golden.path, encoded=True)
            async with session.request(golden.method, url, headers=headers) as response:
                answered = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, answered, as_text(await response.read()))

        yield ask


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNLIKE])
async def test_answer_is_the_recorded_one(ask, name):
    golden = expected(name)

    assert differences(golden, await ask(golden), tolerance=0) == []


@pytest.mark.parametrize("name", [*ON_PURPOSE, *UNLIKE])
async def test_what_differs_on_purpose_really_differs(ask, name):
    """Keeps the tables of purposes honest."""
    golden = Golden.load(name, PROMETHEUS_ADAPTER)
    if name not in UNLIKE:
        golden = golden.changed(lambda body: body)

    assert differences(golden, await ask(golden), tolerance=0)


async def test_core_objects_have_the_version_objects_of_kubernetes_have(ask):
    """``v1``: the peer's ``/v1`` is no group and version."""
    answer = await ask(expected("v1beta2-pod"))

    assert answer.body["items"][0]["describedObject"]["apiVersion"] == "v1"


async def test_aggregated_discovery_has_all_groups(ask):
    """The peer's has metrics.k8s.io alone, and kube-apiserver then shows nothing of the others."""
    answer = await ask(Golden.load("apis-aggregated-v2", PROMETHEUS_ADAPTER))

    groups = {
        item["metadata"]["name"]: [version["version"] for version in item["versions"]]
        for item in answer.body["items"]
    }
    assert groups == {
        "custom.metrics.k8s.io": ["v1beta2", "v1beta1"],
        "external.metrics.k8s.io": ["v1beta1"],
        "metrics.k8s.io": ["v1", "v1beta1"],
    }
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["etag"]
