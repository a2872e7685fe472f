"""``Table`` and ``PartialObjectMetadata``, beyond what the golden answers cover."""

import pytest
from golden.cluster import Cluster, serving

from adapter.model.metrics import ContainerMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey

BASE = "/apis/metrics.k8s.io/v1"
POD_URL = f"{BASE}/namespaces/team-00/pods/svc-000-00000000-00000"
KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


def accept(kind, version="v1"):
    return f"application/json;as={kind};v={version};g=meta.k8s.io"


@pytest.fixture
def cluster():
    return Cluster()


async def get(cluster, path, accepted):
    async with (
        serving(cluster.app()) as session,
        session.get(path, headers={"Accept": accepted}) as response,
    ):
        return response.status, await response.json()


async def test_kubectl_gets_a_table(cluster):
    _, body = await get(cluster, f"{BASE}/pods", KUBECTL)

    assert (body["kind"], body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in body["columnDefinitions"]] == [
        "Name", "cpu", "memory", "Window",
    ]  # fmt: skip
    assert len(body["rows"]) == 8


async def test_rows_sum_containers(cluster):
    """Rows metrics-server's tests have, and one where rounding each container matters."""
    samples = [
        ("a", 1e-6, [(0.005, 2 << 20), (0.005, 3 << 20)]),
        ("b", 2e-6, [(0.01, 10 << 20), (0.01, 5 << 20)]),
        ("c", 3e-6, [(0.02, 25 << 20)]),
        ("d", 1.0, [(1.4e-9, 0), (1.4e-9, 0)]),
    ]
    cluster.source.by_pod = {
        key: PodMetrics(
            namespace=key.namespace,
            name=name,
            timestamp=0.0,
            window=window,
            containers=tuple(ContainerMetrics(str(i), *usage) for i, usage in enumerate(usages)),
            origin=Origin.KUBELET,
        )
        for (name, window, usages), key in zip(samples, cluster.source.by_pod, strict=False)
    }

    _, body = await get(cluster, f"{BASE}/pods", KUBECTL)

    assert sorted(row["cells"] for row in body["rows"]) == [
        ["a", "10m", "5Mi", "1µs"],
        ["b", "20m", "15Mi", "2µs"],
        ["c", "20m", "25Mi", "3µs"],
        ["d", "2n", "0", "1s"],
    ]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_the_version_asked_is_the_version_given(cluster, version):
    _, body = await get(cluster, f"{BASE}/nodes", accept("Table", version))

    api_version = f"meta.k8s.io/{version}"
    assert (body["apiVersion"], body["rows"][0]["object"]["apiVersion"]) == (api_version,) * 2


@pytest.mark.parametrize(
    ("include", "kind"),
    [
        pytest.param("", "PartialObjectMetadata", id="default"),
        pytest.param("Metadata", "PartialObjectMetadata", id="metadata"),
        pytest.param("Object", "PodMetrics", id="object"),
        pytest.param("None", None, id="none"),
    ],
)
async def test_rows_carry_what_is_asked(cluster, include, kind):
    _, body = await get(cluster, f"{BASE}/pods?includeObject={include}", KUBECTL)

    row = body["rows"][0]["object"]
    assert (row and row["kind"]) == kind


async def test_an_unknown_include_object_is_refused(cluster):
    status, body = await get(cluster, f"{BASE}/pods?includeObject=Some", KUBECTL)

    assert (status, body["reason"]) == (400, "BadRequest")
    assert '"Some"' in body["message"]


async def test_an_empty_table_has_no_columns(cluster):
    _, body = await get(cluster, f"{BASE}/namespaces/nowhere/pods", KUBECTL)

    assert list(body) == ["kind", "apiVersion", "metadata", "columnDefinitions", "rows"]
    assert (body["columnDefinitions"], body["rows"]) == ([], [])


async def test_one_object_is_a_table_of_one_row(cluster):
    _, body = await get(cluster, POD_URL, KUBECTL)

    assert [row["cells"][0] for row in body["rows"]] == ["svc-000-00000000-00000"]


async def test_one_object_can_be_partial(cluster):
    _, body = await get(cluster, POD_URL, accept("PartialObjectMetadata"))

    assert list(body) == ["kind", "apiVersion", "metadata"]
    assert body["metadata"]["name"] == "svc-000-00000000-00000"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param(f"{BASE}/pods", "PartialObjectMetadata", id="list-as-object"),
        pytest.param(POD_URL, "PartialObjectMetadataList", id="object-as-list"),
    ],
)
async def test_a_list_is_no_object_and_the_reverse(cluster, path, kind):
    status, body = await get(cluster, path, accept(kind))

    assert (status, body["reason"]) == (406, "NotAcceptable")


async def test_lists_longer_than_a_chunk_are_one_table(cluster):
    metas = cluster.pods.list(None, cluster.node_selector)
    labels = metas[0].labels
    sample = next(iter(cluster.source.by_pod.values()))
    keys = [PodKey("team-00", f"p{number:04}") for number in range(600)]
    cluster.pods.replace([type(metas[0])(*key, labels) for key in keys])
    cluster.source.by_pod = dict.fromkeys(keys, sample)

    _, body = await get(cluster, f"{BASE}/pods", KUBECTL)

    assert [row["object"]["metadata"]["name"] for row in body["rows"]] == [k.name for k in keys]
