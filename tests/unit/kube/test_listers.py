import pytest

from adapter.errors import SourceError
from adapter.kube.listers import (
    MOST_SELECTORS,
    NodeAddress,
    NodeInfo,
    NodeLister,
    PodLister,
    PodMeta,
    check_synced,
)
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.resources import PodKey


def pod(key, **labels):
    namespace, name = key.split("/")
    return PodMeta(namespace, name, labels)


@pytest.fixture
def pods():
    lister = PodLister()
    lister.replace([pod("b/y", app="web"), pod("b/x", app="db"), pod("a/z", app="web")])
    return lister


@pytest.mark.parametrize(
    ("namespace", "selector", "expected"),
    [
        (None, "", ["a/z", "b/x", "b/y"]),
        ("b", "", ["b/x", "b/y"]),
        ("none", "", []),
        (None, "app=web", ["a/z", "b/y"]),
        ("b", "app=web", ["b/y"]),
        ("b", "app notin (web)", ["b/x"]),
    ],
)
def test_pods_are_listed_by_scope_and_selector_in_order(pods, namespace, selector, expected):
    found = pods.list(namespace, parse_selector(selector))

    assert [f"{each.namespace}/{each.name}" for each in found] == expected


def test_names_sort_by_byte_order():
    lister = PodLister()
    lister.replace([pod("a/b-1"), pod("a/b"), pod("a-b/a"), pod("a/b.1"), pod("a/B")])

    found = [f"{each.namespace}/{each.name}" for each in lister.list(None, EVERYTHING)]

    assert found == ["a/B", "a/b", "a/b-1", "a/b.1", "a-b/a"]


def test_lists_are_kept_until_a_change(pods):
    before = pods.list(None, EVERYTHING)
    assert pods.list(None, EVERYTHING) is before
    other_namespace = pods.list("a", EVERYTHING)

    pods.upsert(pod("b/w"))

    assert len(pods.list(None, EVERYTHING)) == 4
    assert pods.list("a", EVERYTHING) is other_namespace
    assert [each.name for each in pods.list("b", EVERYTHING)] == ["w", "x", "y"]


def test_selected_pods_are_kept_until_a_change_in_their_namespace(pods):
    web = parse_selector("app=web")
    before = pods.list("b", web)
    assert pods.list("b", web) is before
    pods.upsert(pod("a/new", app="web"))
    assert pods.list("b", web) is before

    pods.upsert(pod("b/w", app="web"))
    assert [each.name for each in pods.list("b", web)] == ["w", "y"]
    pods.remove(pod("b/y"))
    assert [each.name for each in pods.list("b", web)] == ["w"]
    pods.replace([pod("b/z", app="web")])
    assert [each.name for each in pods.list("b", web)] == ["z"]


def test_selectors_that_are_kept_have_a_limit(pods):
    for number in range(MOST_SELECTORS + 1):
        assert pods.list("b", parse_selector(f"app={number}")) == []
    assert [each.name for each in pods.list("b", parse_selector("app=web"))] == ["y"]

    large = parse_selector(f"app in (web,{','.join(map(str, range(50)))})")
    before = pods.list("b", large)
    assert [each.name for each in before] == ["y"]
    assert pods.list("b", large) is not before


def test_a_list_that_was_never_read_is_not_answered_from():
    lister = NodeLister()
    with pytest.raises(SourceError, match=r"kube-apiserver yet$"):
        check_synced(lister, "nodes")
    lister.problem = "GET /api/v1/nodes: 403"
    with pytest.raises(SourceError, match=r"yet: GET /api/v1/nodes: 403$"):
        check_synced(lister, "nodes")
    lister.replace([])
    check_synced(lister, "nodes")


def test_changes_of_pods(pods):
    pods.upsert(pod("b/x", app="cache"))
    pods.remove(pod("a/z"))
    pods.remove(pod("none/none"))

    assert pods.get(PodKey("b", "x")).labels == {"app": "cache"}
    assert pods.get(PodKey("a", "z")) is None
    assert pods.list("a", EVERYTHING) == []
    assert len(pods) == 2


def test_an_unchanged_pod_keeps_its_identity(pods):
    """The encoder's cache of finished text relies on it."""
    before = pods.get(PodKey("b", "y"))

    pods.replace([pod("b/y", app="web")])
    pods.upsert(pod("b/y", app="web"))

    assert pods.get(PodKey("b", "y")) is before
    assert len(pods) == 1


def test_equal_label_sets_are_one_object():
    lister = PodLister()
    lister.replace(PodMeta("ns", f"p{n}", {"tier": "x", "app": "web"}) for n in range(3))
    lister.upsert(PodMeta("ns", "late", {"app": "web", "tier": "x"}))

    shared = {id(each.labels) for each in lister.list(None, EVERYTHING)}

    assert len(shared) == 1
    assert list(lister.get(PodKey("ns", "late")).labels) == ["app", "tier"]


def test_label_sets_out_of_use_are_forgotten():
    lister = PodLister()
    lister.replace([])
    for n in range(10_000):
        lister.upsert(PodMeta("ns", "same", {"pod-template-hash": str(n)}))

    assert len(lister._labels._sets) < 2000
    assert lister.get(PodKey("ns", "same")).labels == {"pod-template-hash": "9999"}


def test_listers_are_synced_once_filled():
    pods, nodes = PodLister(), NodeLister()
    assert not pods.has_synced
    assert not nodes.has_synced

    pods.replace([])
    nodes.replace([])

    assert pods.has_synced
    assert nodes.has_synced


def node(name, **fields):
    return NodeInfo(name, addresses=(NodeAddress("InternalIP", "10.0.0.1"),), **fields)


def test_nodes_are_listed_by_selector_in_order():
    lister = NodeLister()
    lister.replace([node("b", labels={"zone": "1"}), node("c"), node("a", labels={"zone": "1"})])

    assert [each.name for each in lister.list(EVERYTHING)] == ["a", "b", "c"]
    assert [each.name for each in lister.list(parse_selector("zone=1"))] == ["a", "b"]
    assert lister.get("c").name == "c"
    assert lister.get("none") is None
    assert len(lister) == 3


def test_revision_grows_with_changes_alone():
    lister = NodeLister()
    lister.replace([node("a"), node("b")])
    revisions = [lister.revision]

    def note():
        revisions.append(lister.revision)

    lister.upsert(node("a"))
    note()
    lister.replace([node("b"), node("a")])
    note()
    lister.remove(node("none"))
    note()
    assert revisions == [revisions[0]] * 4

    lister.upsert(node("a", ready=False))
    note()
    lister.upsert(node("c"))
    note()
    lister.remove(node("b"))
    note()
    lister.replace([node("c")])
    note()
    assert revisions[4:] == [revisions[0] + step for step in (1, 2, 3, 4)]
    assert [each.name for each in lister.list(EVERYTHING)] == ["c"]


def test_an_unchanged_node_keeps_its_identity():
    lister = NodeLister()
    lister.replace([node("a")])
    before = lister.get("a")

    lister.replace([node("a"), node("b")])

    assert lister.get("a") is before


def test_what_is_staged_is_not_served_until_it_replaces():
    pods, nodes = PodLister(), NodeLister()
    pods.replace([pod("a/old")])
    nodes.replace([node("old")])
    revision = nodes.revision

    pods.stage([pod("a/x")])
    pods.stage([pod("a/y")])
    nodes.stage([node("x")])
    assert [entry.name for entry in pods.list(None, EVERYTHING)] == ["old"]
    assert [entry.name for entry in nodes.list(EVERYTHING)] == ["old"]
    assert nodes.revision == revision

    pods.replace()
    nodes.replace()
    assert [entry.name for entry in pods.list(None, EVERYTHING)] == ["x", "y"]
    assert [entry.name for entry in nodes.list(EVERYTHING)] == ["x"]


def test_what_is_unstaged_is_gone():
    """A list that broke off must leave nothing in the next one."""
    pods, nodes = PodLister(), NodeLister()
    pods.stage([pod("a/x")])
    nodes.stage([node("x")])
    pods.unstage()
    nodes.unstage()

    pods.replace([pod("a/y")])
    nodes.replace()

    assert [entry.name for entry in pods.list(None, EVERYTHING)] == ["y"]
    assert len(nodes) == 0
