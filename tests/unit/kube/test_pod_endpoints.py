"""Where pods answer: what is decoded of them, and the store an informer keeps current."""

import json

import pytest
from unit.kube.informing import page, running

from adapter.kube.informer import Informer
from adapter.kube.pod_endpoints import (
    PodEndpoint,
    PodEndpoints,
    PodEndpointsOfMany,
    watched_pods,
)
from adapter.model.labels import EVERYTHING, parse_selector

READY_SINCE = 1767225600.0


def wire(name="web-1", *, namespace="ns", version="7", labels=None, deleted=None, **changed):
    """A pod as kube-apiserver sends it; *changed* replaces parts of its status."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "resourceVersion": version,
            "labels": {"app": "web"} if labels is None else labels,
            "deletionTimestamp": deleted,
            "managedFields": [{"manager": "kubelet"}],
        },
        "spec": {
            "nodeName": "n1",
            "initContainers": [
                {"restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 15020}]},
                {"ports": [{"name": "once", "containerPort": 1}]},
            ],
            "containers": [
                {
                    "name": "web",
                    "ports": [
                        {"name": "http", "containerPort": 8080, "protocol": "TCP"},
                        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                        {"containerPort": 9},
                    ],
                },
                {"name": "no ports"},
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.1.2.3",
            "podIPs": [{"ip": "10.1.2.3"}, {"ip": "fd00::3"}],
            "conditions": [{"type": "Initialized", "status": "True"}, ready],
            **changed,
        },
    }


def decode(item):
    return watched_pods(None).decode(json.dumps(item).encode())


def pod(key, **fields):
    namespace, name = key.split("/")
    return PodEndpoint(namespace, name, **fields)


def test_fields_of_a_pod():
    assert decode(wire()) == (
        PodEndpoint(
            namespace="ns",
            name="web-1",
            labels={"app": "web"},
            ip="10.1.2.3",
            ready=True,
            ready_since=READY_SINCE,
            terminating=False,
            ports={"http": 8080, "mesh": 15020},
        ),
        "7",
    )


def test_address_of_another_family():
    assert decode(wire(podIP="fd00::3"))[0].ip == "fd00::3"


def test_pod_that_is_being_deleted():
    assert decode(wire(deleted="2026-01-01T00:00:00Z"))[0].terminating


def ready(status, since="2026-01-01T00:00:00Z"):
    return [{"type": "Ready", "status": status, "lastTransitionTime": since}]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param(ready("True"), (True, READY_SINCE), id="ready"),
        pytest.param(ready("False"), (False, None), id="not ready"),
        pytest.param(ready("Unknown"), (False, None), id="node lost"),
        pytest.param(ready("True", None), (True, None), id="no time"),
        pytest.param(ready("True", "soon"), (True, None), id="broken time"),
        pytest.param([], (False, None), id="no condition"),
        pytest.param(None, (False, None), id="null"),
    ],
)
def test_readiness(conditions, expected):
    found = decode(wire(conditions=conditions))[0]

    assert (found.ready, found.ready_since) == expected


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"metadata": {"namespace": "ns", "name": "p"}}, id="metadata alone"),
        pytest.param(
            {
                "metadata": {"namespace": "ns", "name": "p", "labels": None},
                "spec": {"containers": None, "initContainers": None},
                "status": {},
            },
            id="nulls",
        ),
    ],
)
def test_bare_pod(item):
    assert decode(item)[0] == pod("ns/p")


def test_bookmark():
    """It has a resource version, and an empty specification."""
    found, version = decode({"metadata": {"resourceVersion": "9"}, "spec": {"containers": None}})

    assert (found, version) == (PodEndpoint("", ""), "9")


@pytest.mark.parametrize(
    ("arguments", "path", "params"),
    [
        ((None,), "/api/v1/pods", {}),
        (("ns",), "/api/v1/namespaces/ns/pods", {}),
        (("ns", "app in (a,b)"), "/api/v1/namespaces/ns/pods", {"labelSelector": "app in (a,b)"}),
    ],
)
def test_what_is_asked_for(arguments, path, params):
    watched = watched_pods(*arguments)

    assert watched.path == path
    assert watched.params == {"fieldSelector": "status.phase=Running", **params}


def test_informers_do_not_share_a_gauge():
    scopes = [(None, ""), (None, "app=web"), ("a", ""), ("a", "app=web"), ("b", "app=web")]

    assert len({watched_pods(*each).resource for each in scopes}) == len(scopes)


def test_store_by_namespace_and_name():
    store = PodEndpoints()
    store.replace([pod("b/y"), pod("b/x", ip="10.0.0.1"), pod("a/z")])

    assert store.has_synced
    assert len(store) == 3
    assert store.namespaces() == ["a", "b"]
    assert [each.name for each in store.selected("b", EVERYTHING)] == ["x", "y"]
    assert store.selected("none", EVERYTHING) == ()
    assert store.get("b", "x").ip == "10.0.0.1"
    assert store.get("a", "x") is None


def test_namespace_is_kept_at_hand_until_it_changes():
    store = PodEndpoints()
    store.replace([pod("a/x"), pod("b/y")])
    a, b = store.selected("a", EVERYTHING), store.selected("b", EVERYTHING)
    assert store.selected("a", EVERYTHING) is a

    store.upsert(pod("a/w"))

    assert [each.name for each in store.selected("a", EVERYTHING)] == ["w", "x"]
    assert store.selected("b", EVERYTHING) is b


SELECTORS = [
    "app=web",
    "app in (web,db)",
    "app=web,!old",
    "tier!=x",
    "tier=b,app=web",
    "app=no",
    "old",
]


@pytest.mark.parametrize("text", SELECTORS)
def test_pods_are_found_by_their_labels(text):
    store, selector = PodEndpoints(), parse_selector(text)
    store.replace(
        pod(
            f"a/{app}-{tier}-{old}",
            labels={"app": app, "tier": tier, **({"old": ""} if old else {})},
        )
        for app in ("web", "db", "mail")
        for tier in "abc"
        for old in (False, True)
    )
    store.upsert(pod("a/bare", labels={}))
    for _ in range(2):
        expected = {
            each.name for each in store.selected("a", EVERYTHING) if selector.matches(each.labels)
        }
        assert {each.name for each in store.selected("a", selector)} == expected
        store.upsert(pod("a/bare", labels={"app": "web", "tier": "b"}))


def test_another_pod_of_the_same_name_and_address_is_a_change():
    store = PodEndpoints()
    store.replace([pod("a/x", uid="1")])
    before = store.revision
    store.replace([pod("a/x", uid="2")])
    assert store.revision > before


def test_last_pod_takes_its_namespace_along():
    store = PodEndpoints()
    store.replace([pod("a/x")])
    store.remove(pod("a/x"))

    assert (len(store), store.namespaces(), store.selected("a", EVERYTHING)) == (0, [], ())


def added(store):
    store.upsert(pod("a/new"))


def moved(store):
    store.upsert(pod("a/x", ip="10.0.0.2"))


def removed(store):
    store.remove(pod("a/x"))


def unchanged(store):
    store.upsert(pod("a/x", labels={"app": "web"}))


def removed_twice(store):
    store.remove(pod("a/none"))


def listed_again(store):
    store.stage([pod("a/x", labels={"app": "web"})])
    store.replace()


def listed_without(store):
    store.replace()


@pytest.mark.parametrize(
    ("change", "grows"),
    [
        (added, True),
        (moved, True),
        (removed, True),
        (listed_without, True),
        (unchanged, False),
        (removed_twice, False),
        (listed_again, False),
    ],
)
def test_revision_grows_with_changes_alone(change, grows):
    store = PodEndpoints()
    store.replace([pod("a/x", labels={"app": "web"})])
    before = store.revision

    change(store)

    assert (store.revision > before) is grows


def test_unstaged_pods_are_forgotten():
    store = PodEndpoints()
    store.stage([pod("a/x")])
    store.unstage()
    store.replace([pod("a/y")])

    assert [each.name for each in store.selected("a", EVERYTHING)] == ["y"]


def test_equal_labels_are_held_once():
    store = PodEndpoints()
    store.replace([pod("a/x", labels={"app": "web"}), pod("b/y", labels={"app": "web"})])
    store.upsert(pod("a/z", labels={"app": "web"}))

    assert store.get("a", "x").labels is store.get("b", "y").labels
    assert store.get("a", "x").labels is store.get("a", "z").labels


def test_view_over_many_namespaces():
    stores = a, b = PodEndpoints(), PodEndpoints()
    view = PodEndpointsOfMany(stores)
    a.replace([pod("a/x")])
    assert not view.has_synced

    b.replace([pod("b/y"), pod("b/w")])
    before = view.revision
    b.remove(pod("b/w"))

    assert view.has_synced
    assert view.revision > before
    assert view.namespaces() == ["a", "b"]
    assert view.get("b", "y") == pod("b/y")
    assert view.get("b", "w") is None
    assert view.selected("b", EVERYTHING) is b.selected("b", EVERYTHING)
    assert view.selected("c", EVERYTHING) == ()
    assert len(view) == 2
    assert view.problem is None
    b.problem = "refused"
    assert view.problem == "refused"


async def test_informer_keeps_a_store_current(apiserver, api, clock, telemetry, eventually):
    apiserver.lists.append(page(wire("x"), wire("y")))
    store = PodEndpoints()
    informer = Informer(api, watched_pods("ns"), store, clock=clock, telemetry=telemetry)

    async with running(informer):
        watch = await apiserver.watch()
        assert watch.params["fieldSelector"] == "status.phase=Running"
        await watch.event("MODIFIED", wire("x", conditions=ready("False")))
        await watch.event("ADDED", wire("z", podIP="10.1.2.4"))
        # a pod that ends leaves the field selector
        await watch.event("DELETED", wire("y", phase="Succeeded"))
        await eventually(lambda: store.get("ns", "y") is None)

    assert [each.name for each in store.selected("ns", EVERYTHING)] == ["x", "z"]
    assert not store.get("ns", "x").ready
    assert store.get("ns", "z").ip == "10.1.2.4"
