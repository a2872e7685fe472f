"""Where our answers differ from prometheus-adapter's on purpose: why, and to what.

`expected` gives the answer we owe for a recorded one, whatever serves it: the fake source of the
tests beside, or the whole service over a real Prometheus.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from golden.compare import PROMETHEUS_ADAPTER, Golden

V2 = "apidiscovery.k8s.io/v2"


class OnPurpose(NamedTuple):
    """Why our answer is another one, and which."""

    why: str
    change: Callable[[Any], Any]
    status: int | None = None


def expected(name: str) -> Golden:
    """The recorded exchange *name*, with the answer as it is to be."""
    golden = Golden.load(name, PROMETHEUS_ADAPTER)
    if name in UNLIKE:
        return golden
    golden = golden.changed(usual)
    if name in ON_PURPOSE:
        golden = golden.changed(ON_PURPOSE[name].change, ON_PURPOSE[name].status)
    return golden


def usual(body):
    """What is another everywhere: core objects are of ``v1``, not ``/v1``; discovery is sorted."""
    for item in body.get("items", ()):
        described = item.get("describedObject", {})
        if described.get("apiVersion") == "/v1":
            described["apiVersion"] = "v1"
    if "resources" in body:
        body["resources"].sort(key=lambda resource: resource["name"])
    return body


def because(body):
    body["message"] += ": …"
    for cause in body.get("details", {}).get("causes", ()):
        cause["message"] += ": …"
    return body


def no_value(body):
    """Of odd values: the peer makes a number of them."""
    (item,) = body["items"]
    metric = item["metricName"] if "metricName" in item else item["metric"]["name"]
    return not_found(f"the server could not find the metric {metric} for pods…")


def not_found(message):
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "NotFound",
        "code": 404,
    }


def bad_request(body):
    return {
        **{key: value for key, value in body.items() if key != "code"},
        "reason": "BadRequest",
        "code": 400,
    }


def no_resource(_):
    metric, resource = "http_requests_per_second", "widgets.example.com"
    return not_found(f"the server could not find the metric {metric} for {resource}: …")


def no_watch(_):
    kind = {"group": "custom.metrics.k8s.io", "kind": "pods"}
    return {
        **not_found('watch is not supported on resources of kind "pods.custom.metrics.k8s.io"'),
        "reason": "MethodNotAllowed",
        "details": kind,
        "code": 405,
    }


def micro(body):
    (item,) = body["items"]
    item["value"] = "500u"
    return body


def node_of(version):
    def change(_):
        return usual(Golden.load(f"{version}-node", PROMETHEUS_ADAPTER).answer.body)

    return change


def both_versions(body):
    groups = body.get("groups", [body])
    for group in groups:
        if group["name"] != "external.metrics.k8s.io":
            newer = "v1beta2" if group["name"].startswith("custom") else "v1"
            version = {"groupVersion": f"{group['name']}/{newer}", "version": newer}
            group["versions"].insert(0, version)
            group["preferredVersion"] = version
    return body


def ordered_status(change):
    """Put the fields of a Status in Kubernetes' order."""
    order = ("kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code")

    def changed(body):
        made = change(body)
        return {key: made[key] for key in order if key in made}

    return changed


ODD_NUMBERS = "NaN and infinities are no values; the answer says so"
CAUSE = "the message names the cause"
CLIENTS_MISTAKE = "a wrong selector is the client's mistake, not the server's"

_OF_EACH_VERSION = {
    "inf": lambda _: OnPurpose(ODD_NUMBERS, no_value, 404),
    "label-none": lambda _: OnPurpose(CAUSE, because),
    "metric-missing": lambda _: OnPurpose(CAUSE, because),
    "metriclabel-bad": lambda _: OnPurpose(CLIENTS_MISTAKE, ordered_status(bad_request), 400),
    "nan": lambda _: OnPurpose(ODD_NUMBERS, no_value, 404),
    "node-under-namespace": lambda version: OnPurpose(
        "HPAs ask for metrics of nodes below their own namespace", node_of(version), 200
    ),
    "pods-root": lambda _: OnPurpose(CAUSE, because),
    "quoted-selector": lambda _: OnPurpose(CLIENTS_MISTAKE, ordered_status(bad_request), 400),
    "resource-missing": lambda _: OnPurpose(
        "a resource that does not exist is not found", no_resource, 404
    ),
    "submilli": lambda _: OnPurpose("a small number is no zero", micro),
    "watch": lambda _: OnPurpose(
        "watching is refused, not answered with a list", ordered_status(no_watch), 405
    ),
}

ON_PURPOSE = {
    f"{version}-{case}": make(version)
    for version in ("v1beta1", "v1beta2")
    for case, make in _OF_EACH_VERSION.items()
} | {
    "down-custom-pods": OnPurpose(CAUSE, because),
    "down-external": OnPurpose(CAUSE, because),
    "external-missing": OnPurpose(
        CAUSE, lambda _: not_found("the server could not find the metric absent for …")
    ),
    "group-custom": OnPurpose("v1beta2 is advertised, too, and preferred", both_versions),
    "groups": OnPurpose("v1beta2 is advertised, too, and preferred", both_versions),
}

UNLIKE = {
    "apis-aggregated-v2": "all groups are in the aggregated list, not metrics.k8s.io alone",
}
"""Recorded answers ours has no likeness to; `test_prometheus_adapter` says what ours is."""
