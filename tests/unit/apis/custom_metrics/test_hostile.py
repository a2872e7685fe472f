"""Names and selectors nobody should send: the right answer or a 4xx, and never another question."""

import asyncio

import pytest
from aiohttp import ClientSession
from golden.custom_cluster import RATE, CustomCluster
from yarl import URL

from adapter.server.app import start

PODS = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/team-01/pods"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces"


@pytest.fixture
def cluster():
    return CustomCluster()


@pytest.fixture
async def ask(cluster):
    server = await start(cluster.app(), host="127.0.0.1", port=0, ssl_context=None)
    async with ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def ask(path: str):
            url = URL(path, encoded=True)
            async with session.get(url) as response:
                return response.status, await response.json()

        yield ask
    await server.close()


ODD_NAMES = {
    "quote": ("a%22b", 'a"b'),
    "backslash": ("a%5Cb", "a\\b"),
    "newline": ("a%0Ab", "a\nb"),
    "nul": ("a%00b", "a\0b"),
    "regex": (".*%7C.%2B", ".*|.+"),
    "unicode": ("%C3%A4%E2%80%A8%F0%9F%98%80", "ä\u2028😀"),
    "html": ("%3Cb%3E%26", "<b>&"),
    "comma": ("a,b", "a,b"),
    "plus": ("a+b", "a+b"),
    "dollar": ("$1", "$1"),
    "long": ("x" * 10_000, "x" * 10_000),
}


@pytest.mark.parametrize(("path", "name"), ODD_NAMES.values(), ids=ODD_NAMES)
async def test_a_name_arrives_as_it_is_and_is_answered_as_it_is(cluster, ask, path, name):
    cluster.custom.put(RATE, "pods", "team-01", name, 3.0)

    status, body = await ask(f"{PODS}/{path}/{RATE}")

    (question,) = cluster.custom.asked
    assert question.names == (name,)
    assert status == 200
    assert body["items"][0]["describedObject"]["name"] == name


@pytest.mark.parametrize("path", ["a%2Fb", "%2E%2E", "a%252Fb", "%2F", "%25"])
async def test_a_name_no_object_can_have_is_not_found(cluster, ask, path):
    status, body = await ask(f"{PODS}/{path}/{RATE}")

    assert (status, cluster.custom.asked) == (404, [])
    assert body["message"].endswith(": no object can have that name")


@pytest.mark.parametrize(
    "path",
    [
        f"{PODS}/%7Bx%3D%22%22%7D/{RATE}",
        f"{PODS}/%FF/{RATE}",
        f"{PODS}/x/%FF",
        f"{PODS}/x/%22%0A%00",
        f"{PODS.replace('pods', '%22%0A')}/x/m",
        f"{PODS.replace('pods', 'pods..')}/x/m",
        f"{PODS.replace('pods', '.pods')}/*/m",
        f"{PODS.replace('team-01', 'a%2Fb')}/x/m",
        f"{PODS}/*/{RATE}?labelSelector=%FF",
        f"{PODS}/*/{RATE}?labelSelector=a%00b",
        f"{PODS}/*/{RATE}?metricLabelSelector=code%3D%22%7D%20or%20up%7B%22",
        f"{PODS}/*/{RATE}?metricLabelSelector=code%20in%20(a%7C.*)",
        f"{PODS}/*/{RATE}?labelSelector=a%3D%F0%9F%98%80",
        f"{PODS}/*/{RATE}?fieldSelector=metadata.name%3D%5C",
        f"{EXTERNAL}/x/%22%0A%00%FF",
        f"{EXTERNAL}/x/queue_messages_ready?labelSelector=a%3D%22",
    ],
)
async def test_nonsense_is_the_clients_mistake(ask, path):
    status, body = await ask(path)

    assert 400 <= status < 500
    assert body["kind"] == "Status"
    assert body["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(f"{PODS}/../{RATE}", 404, id="name"),
        pytest.param(f"{PODS.replace('team-01', '..')}/x/{RATE}", 404, id="namespace"),
        pytest.param(f"{PODS}/x/..", 404, id="metric"),
        pytest.param(f"{PODS}/../../../../../../../../etc/passwd", 404, id="upwards"),
    ],
)
async def test_dots_in_a_path_lead_nowhere(cluster, path, status):
    """Sent as they are; clients of HTTP would resolve them."""
    server = await start(cluster.app(), host="127.0.0.1", port=0, ssl_context=None)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await server.close()

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert all(question.metric == ".." for question in cluster.custom.asked)


async def test_a_namespace_is_never_taken_for_a_header(cluster, ask):
    """It is in the warning for an empty list."""
    cluster.external.warning = "nothing in namespace a\0\r\nSet-Cookie: x"

    status, body = await ask(f"{EXTERNAL}/a%00%0D%0ASet-Cookie:%20x/queue_messages_ready")

    assert (status, body["items"]) == (200, [])


async def test_a_long_selector_is_answered(cluster, ask):
    values = ",".join(f"v{number}" for number in range(9_000))
    cluster.objects.labels["pods", "team-01"] = {"web-0": {"app": "v8999"}}
    cluster.custom.put(RATE, "pods", "team-01", "web-0", 3.0)

    status, body = await ask(f"{PODS}/*/{RATE}?labelSelector=app+in+({values})")

    assert len(values) > 50_000
    assert (status, len(body["items"])) == (200, 1)


async def test_a_long_selector_that_selects_nothing_is_not_repeated_whole(ask):
    values = ",".join(f"v{number}" for number in range(9_000))

    status, body = await ask(f"{PODS}/*/{RATE}?labelSelector=app+in+({values})")

    assert status == 404
    assert len(body["message"]) < 500


async def test_a_request_line_over_the_limit_is_refused(cluster):
    server = await start(cluster.app(), host="127.0.0.1", port=0, ssl_context=None)
    async with ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}{PODS}/*/{RATE}?labelSelector=a+in+({'x' * 70_000})"
        async with session.get(URL(url, encoded=True)) as response:
            status = response.status
    await server.close()

    assert 400 <= status < 500


async def test_ten_thousand_objects(cluster, ask):
    names = [f"web-{number:05}" for number in range(10_000)]
    cluster.objects.labels["pods", "team-01"] = {name: {} for name in names}
    for number, name in enumerate(names):
        cluster.custom.put(RATE, "pods", "team-01", name, number / 4)

    status, body = await ask(f"{PODS}/*/{RATE}")

    assert status == 200
    assert [item["describedObject"]["name"] for item in body["items"]] == names
    assert body["items"][-1]["value"] == "2499750m"
