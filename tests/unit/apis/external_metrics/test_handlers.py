"""``external.metrics.k8s.io`` through HTTP, beyond what the golden answers cover."""

import pytest
from golden.cluster import NOW, serving
from golden.custom_cluster import CustomCluster

from adapter.errors import BadRequest, Forbidden, SourceError, SourceTimeout
from adapter.model.metrics import ExternalMetricValue

BASE = "/apis/external.metrics.k8s.io/v1beta1"
METRIC = "my-external-metric"
URL = f"{BASE}/namespaces/default/{METRIC}"


@pytest.fixture
def cluster():
    cluster = CustomCluster()
    cluster.external.metrics += (METRIC,)
    cluster.external.values[METRIC, ""] = [
        ExternalMetricValue({"foo": "bar"}, 42.0, NOW),
        ExternalMetricValue({"foo": "baz"}, 0.5, NOW, 120.0),
    ]
    return cluster


async def get(cluster, path):
    async with serving(cluster.app()) as session, session.get(path) as response:
        return response, await response.json()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"{BASE}/{METRIC}", id="root-scope"),
        pytest.param(f"{BASE}/namespaces/default", id="no-metric"),
        pytest.param(f"{BASE}/namespaces/default/", id="empty-metric"),
        pytest.param(f"{URL}/more", id="metric-with-slash"),
        pytest.param(URL.replace("v1beta1", "v1beta2"), id="version"),
    ],
)
async def test_other_paths_are_not_found(cluster, path):
    response, body = await get(cluster, path)

    assert response.status == 404
    assert body["message"] == "the server could not find the requested resource"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param("", 2, id="all"),
        pytest.param("?labelSelector=foo%3Dbar", 1, id="label"),
        pytest.param("?labelSelector=foo", 2, id="exists"),
        pytest.param("?labelSelector=foo!=bar", 1, id="not"),
        pytest.param("?labelSelector=foo in (bar,baz)", 2, id="in"),
        pytest.param("?labelSelector=other=x", 0, id="none"),
        pytest.param("?limit=1&continue=x&resourceVersion=7&timeoutSeconds=1", 2, id="ignored"),
        pytest.param("?watch=false&fieldSelector=metadata.name=x", 2, id="no-watch"),
    ],
)
async def test_a_selector_selects_series(cluster, query, count):
    response, body = await get(cluster, URL + query)

    assert (response.status, len(body["items"])) == (200, count)
    assert body["kind"] == "ExternalMetricValueList"


@pytest.mark.parametrize("metric", ["status", "finalize", "metrics", "namespaces"])
async def test_any_name_of_a_metric_can_be_asked(cluster, metric):
    """``status`` and ``finalize`` are out of reach in the peer."""
    cluster.external.metrics += (metric,)
    cluster.external.values[metric, ""] = [ExternalMetricValue({}, 1.0, NOW)]

    response, body = await get(cluster, f"{BASE}/namespaces/default/{metric}")

    assert (response.status, body["items"][0]["metricName"]) == (200, metric)


async def test_items_are_the_bytes_go_writes(cluster):
    """Labels sorted; null for a scalar, which never had any; the window a whole number."""
    cluster.external.values[METRIC, ""] = [
        ExternalMetricValue({"z": "<1>", "a": 'q"'}, 1234.5, NOW, 90.0),
        ExternalMetricValue({}, 0.0, NOW),
        ExternalMetricValue(None, -1.5, NOW),
    ]
    async with serving(cluster.app()) as session, session.get(URL) as response:
        text = await response.text()

    stamp = '"timestamp":"2026-11-21T13:52:05Z"'
    name = f'"metricName":"{METRIC}"'
    assert text == (
        '{"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1",'
        '"metadata":{},"items":['
        rf'{{{name},"metricLabels":{{"a":"q\"","z":"\u003c1\u003e"}},{stamp},"window":90,'
        '"value":"1234500m"},'
        f'{{{name},"metricLabels":{{}},{stamp},"value":"0"}},'
        f'{{{name},"metricLabels":null,{stamp},"value":"-1500m"}}]}}\n'
    )


@pytest.mark.parametrize("watch", ["true", "1", ""])
async def test_watching_is_not_allowed(cluster, watch):
    response, body = await get(cluster, f"{URL}?watch={watch}")

    kind = f"{METRIC}.external.metrics.k8s.io"
    assert (response.status, body["reason"]) == (405, "MethodNotAllowed")
    assert body["message"] == f'watch is not supported on resources of kind "{kind}"'


@pytest.mark.parametrize("query", ["labelSelector=a in (b", "fieldSelector=nonsense"])
async def test_a_wrong_selector_is_a_bad_request(cluster, query):
    response, body = await get(cluster, f"{URL}?{query}")

    assert (response.status, body["reason"]) == (400, "BadRequest")
    assert cluster.external.asked == []


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        pytest.param(None, f"no series of {METRIC} is selected", id="none"),
        pytest.param("too old", "too old", id="source"),
    ],
)
async def test_an_empty_list_has_a_warning(cluster, warning, expected):
    cluster.external.warning = warning

    response, body = await get(cluster, f"{URL}?labelSelector=other=x")

    assert body["items"] == []
    assert response.headers["Warning"] == f'299 - "{expected}"'


async def test_a_parameter_nobody_reads_is_warned_of(cluster):
    response, _ = await get(cluster, f"{URL}?metricLabelSelector=a")

    assert response.headers["Warning"] == (
        '299 - "unknown query parameter \\"metricLabelSelector\\" ignored: '
        'selectors are labelSelector, fieldSelector"'
    )


@pytest.mark.parametrize(
    ("error", "status", "reason", "message"),
    [
        pytest.param(
            SourceError("refused"),
            500,
            "InternalError",
            "Internal error occurred: unable to fetch metrics: refused",
            id="broken",
        ),
        pytest.param(
            SourceTimeout("slow"),
            500,
            "InternalError",
            "Internal error occurred: unable to fetch metrics: slow",
            id="slow",
        ),
        pytest.param(BadRequest("no such label"), 400, "BadRequest", "no such label", id="bad"),
        pytest.param(Forbidden("not yours"), 403, "Forbidden", "not yours", id="forbidden"),
    ],
)
async def test_failures_of_the_source(cluster, error, status, reason, message):
    cluster.external.error = error

    response, body = await get(cluster, URL)

    assert (response.status, body["reason"], body["message"]) == (status, reason, message)


async def test_ages_of_values_are_counted(cluster):
    cluster.clock.now += 10
    async with serving(cluster.app()) as session:
        (await session.get(URL)).release()
        text = await (await session.get("/metrics")).text()

    label = 'group="external.metrics.k8s.io"'
    assert f"viaduct_api_value_age_seconds_sum{{{label}}} 20.0" in text.splitlines()
