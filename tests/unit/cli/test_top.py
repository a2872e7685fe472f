"""``viaduct top`` against a server that answers as kube-apiserver does, and its rounding."""

import re
from types import SimpleNamespace

import pytest

from adapter.cli import top
from adapter.cli.main import main
from adapter.cli.top_api import Container, Metadata, Metrics, Node, NodeStatus
from adapter.cli.top_table import cells, node_rows, ordered, pod_rows
from adapter.model.times import format_rfc3339

NOW = 1_700_000_000.0
MIB = 1024**2


def node(name, cpu="100m", memory="1Mi", age=10, origin=None):
    annotations = {"viaduct/origin": origin} if origin else {}
    return {
        "metadata": {"name": name, "annotations": annotations},
        "timestamp": format_rfc3339(NOW - age),
        "window": "15s",
        "usage": {"cpu": cpu, "memory": memory},
    }


def pod(namespace, name, containers, origin="prometheus"):
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"viaduct/origin": origin},
        },
        "timestamp": format_rfc3339(NOW - 20),
        "window": "1m0s",
        "containers": [
            {"name": container, "usage": {"cpu": cpu, "memory": memory}}
            for container, cpu, memory in containers
        ],
    }


PODS = [
    pod("shop", "web-0", [("app", "250m", "64Mi"), ("proxy", "1n", "1Mi")]),
    pod("shop", "web-1", [("app", "2", "1Gi")], origin="kubelet"),
    pod("team", "job-0", [("main", "0", "0")]),
]

ALLOCATABLE = {"cpu": "4", "memory": "8Gi"}


@pytest.fixture
def run(api, capsys, monkeypatch):
    """Run the command line against the server; what it printed and returned."""
    monkeypatch.setattr(top.SystemClock, "time", lambda _: NOW)

    def call(*argv):
        code = main(["top", *argv, "--server", api.url])
        printed = capsys.readouterr()
        return SimpleNamespace(code=code, out=printed.out, err=printed.err)

    return call


def test_nodes_as_kubectl_prints_them_with_age_and_origin(api, run):
    """Percentages refer to what is allocatable; a node without metrics is shown as unknown."""
    api.answers["/apis/metrics.k8s.io/v1beta1/nodes"] = {
        "items": [
            node("node-b", "1500m", "2Gi", origin="prometheus"),
            node("node-a", "250000001n", "524288Ki", age=75),
        ]
    }
    api.answers["/api/v1/nodes"] = {
        "items": [
            {"metadata": {"name": name}, "status": {"allocatable": ALLOCATABLE}}
            for name in ("node-0", "node-a", "node-b")
        ]
    }

    done = run("nodes")

    assert done.code == 0
    assert done.out == (
        "NAME     CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   AGE         ORIGIN\n"
        "node-a   251m         6%          512Mi           6%          1m15s       -\n"
        "node-b   1500m        37%         2048Mi          25%         10s         prometheus\n"
        "node-0   <unknown>    <unknown>   <unknown>       <unknown>   <unknown>   -\n"
    )


def test_nodes_of_a_server_that_knows_no_core_api_have_no_percentages(api, run):
    api.answers["/apis/metrics.k8s.io/v1beta1/nodes"] = {"items": [node("a")]}

    done = run("nodes", "--no-headers")

    assert done.out.split() == ["a", "100m", "<unknown>", "1Mi", "<unknown>", "10s", "-"]


def test_one_node_by_name(api, run):
    api.answers["/apis/metrics.k8s.io/v1beta1/nodes/a"] = node("a", "1")
    api.answers["/api/v1/nodes/a"] = {
        "metadata": {"name": "a"},
        "status": {"allocatable": ALLOCATABLE},
    }

    assert run("node", "a", "--no-headers").out.split()[:3] == ["a", "1000m", "25%"]


def test_pods_of_a_namespace(api, run):
    api.answers["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"] = {"items": PODS[:2]}

    done = run("pods", "-n", "shop")

    assert done.out == (
        "NAME    CPU(cores)   MEMORY(bytes)   AGE   ORIGIN\n"
        "web-0   251m         65Mi            20s   prometheus\n"
        "web-1   2000m        1024Mi          20s   kubelet\n"
    )


@pytest.mark.parametrize(
    ("flags", "first_columns"),
    [
        pytest.param([], [["shop", "web-0"], ["shop", "web-1"], ["team", "job-0"]], id="name"),
        pytest.param(
            ["--sort-by", "cpu"],
            [["shop", "web-1"], ["shop", "web-0"], ["team", "job-0"]],
            id="cpu",
        ),
        pytest.param(
            ["--sort-by=memory", "--containers"],
            [
                ["shop", "web-1", "app"],
                ["shop", "web-0", "app"],
                ["shop", "web-0", "proxy"],
                ["team", "job-0", "main"],
            ],
            id="containers-by-memory",
        ),
    ],
)
def test_pods_of_all_namespaces(api, run, flags, first_columns):
    api.answers["/apis/metrics.k8s.io/v1beta1/pods"] = {"items": PODS}

    done = run("pods", "-A", *flags, "--no-headers")

    shown = [line.split()[: len(first_columns[0])] for line in done.out.splitlines()]
    assert shown == first_columns


def test_titles_of_containers_in_all_namespaces(api, run):
    api.answers["/apis/metrics.k8s.io/v1beta1/pods"] = {"items": PODS}

    titles = run("pods", "-A", "--containers").out.splitlines()[0].split()

    assert titles == ["NAMESPACE", "POD", "NAME", "CPU(cores)", "MEMORY(bytes)", "AGE", "ORIGIN"]


def test_v1_is_preferred_and_selectors_and_origin_are_asked_for(api, run):
    api.answers["/apis/metrics.k8s.io"]["versions"].append({"version": "v1"})
    api.answers["/apis/metrics.k8s.io/v1/namespaces/default/pods"] = {"items": PODS[:1]}

    run("pods", "-l", "app in (a,b)", "--field-selector", "metadata.name!=x")

    asked = api.requests[-1]
    assert asked.path == "/apis/metrics.k8s.io/v1/namespaces/default/pods"
    assert dict(asked.query) == {
        "origin": "true",
        "labelSelector": "app in (a,b)",
        "fieldSelector": "metadata.name!=x",
    }


@pytest.mark.parametrize(
    ("argv", "answers", "code", "message"),
    [
        pytest.param(
            ["nodes"], {}, 1, "error: metrics not available yet: no node has a sample", id="nodes"
        ),
        pytest.param(
            ["pods"],
            {"/api/v1/namespaces/default/pods": {"items": [{}]}},
            1,
            "error: metrics not available yet: there are pods, but none has a sample",
            id="pods-without-samples",
        ),
        pytest.param(
            ["pods"],
            {"/api/v1/namespaces/default/pods": {"items": []}},
            0,
            "No resources found in default namespace.",
            id="no-pods",
        ),
        pytest.param(["pods", "-A"], {}, 0, "No resources found.", id="no-pods-anywhere"),
        pytest.param(
            ["pods", "-l", "app=x"], {}, 0, "No resources found in default namespace.", id="none"
        ),
    ],
)
def test_nothing_to_show(api, run, argv, answers, code, message):
    for path in ("nodes", "pods", "namespaces/default/pods"):
        api.answers[f"/apis/metrics.k8s.io/v1beta1/{path}"] = {"items": []}
    api.answers.update(answers)

    done = run(*argv)

    assert (done.code, done.out, done.err) == (code, "", message + "\n")


def test_a_cluster_without_the_metrics_api(api, run):
    del api.answers["/apis/metrics.k8s.io"]

    done = run("nodes")

    assert done.code == 1
    assert "metrics API not available" in done.err


def test_an_unknown_version(api, run):
    api.answers["/apis/metrics.k8s.io"] = {"versions": [{"version": "v9"}]}

    done = run("nodes")

    assert done.code == 1
    assert "served as v9" in done.err


def test_an_answer_that_is_something_else(api, run):
    api.answers["/apis/metrics.k8s.io"] = ["hello"]

    done = run("nodes")

    assert done.code == 1
    assert done.err.startswith("error: the answer is not what the Kubernetes API sends")


def test_a_missing_pod_is_said_to_be_missing(api, run):
    done = run("pod", "web-9")

    assert done.code == 1
    assert "not here" in done.err


def test_a_server_that_is_not_there(capsys):
    assert main(["top", "nodes", "--server", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_kubeconfig_that_is_not_there(capsys, tmp_path):
    missing = str(tmp_path / "kubeconfig")

    assert main(["top", "nodes", "--kubeconfig", missing]) == 1
    assert missing in capsys.readouterr().err


def test_the_environments_kubeconfig_is_used(capsys, monkeypatch, tmp_path):
    missing = str(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", f"{missing}:other")

    assert main(["top", "nodes"]) == 1
    assert missing in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param([], id="nothing"),
        pytest.param(["services"], id="other-resource"),
        pytest.param(["pods", "web-0", "-A"], id="name-in-all-namespaces"),
        pytest.param(["pods", "--insecure-skip-tls-verify"], id="server-flag-without-server"),
        pytest.param(["pods", "--sort-by", "age"], id="sort"),
    ],
)
def test_arguments_that_cannot_be_used_exit_2(capsys, argv):
    with pytest.raises(SystemExit) as stopped:
        main(["top", *argv])

    assert stopped.value.code == 2
    assert "usage: viaduct top" in capsys.readouterr().err


def test_whoever_may_not_is_told_what_is_missing(api, run, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret-1")

    api.forbidden["/apis/metrics.k8s.io"] = "system:anonymous"
    without = run("nodes")
    api.forbidden["/apis/metrics.k8s.io"] = "alice"
    as_user = run("nodes", "--token-file", str(token))

    assert (without.code, as_user.code) == (1, 1)
    assert without.err.endswith("the request came without credentials: give --token-file\n")
    assert as_user.err.endswith(": user alice needs a ClusterRole that allows it\n")


def test_a_terminal_gets_the_same_texts(api, run, monkeypatch):
    api.answers["/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"] = {"items": PODS[:2]}
    plain = run("pods").out.split()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")  # too narrow: nothing may be cut

    shown = re.sub(r"\x1b\[[0-9;]*m", "", run("pods").out)

    assert shown.split() == plain


@pytest.mark.parametrize(
    ("cpu", "memory", "shown"),
    [
        pytest.param(["0"], ["0"], ["0m", "0Mi"], id="zero"),
        pytest.param(["1n"], ["1"], ["1m", "0Mi"], id="cpu-up-memory-down"),
        pytest.param(["1m"], [str(MIB - 1)], ["1m", "0Mi"], id="just-below"),
        pytest.param(["1000001n"], [str(MIB)], ["2m", "1Mi"], id="just-above"),
        pytest.param(["1n", "1n"], ["600Ki", "600Ki"], ["1m", "1Mi"], id="sum-then-round"),
        pytest.param(["1500u", "0"], ["1k", "1M"], ["2m", "0Mi"], id="other-suffixes"),
    ],
)
def test_rounding_is_kubectls(cpu, memory, shown):
    usages = [{"cpu": c, "memory": m} for c, m in zip(cpu, memory, strict=True)]
    metrics = Metrics(
        metadata=Metadata(name="p"),
        timestamp=format_rfc3339(NOW),
        containers=[Container(name="c", usage=usage) for usage in usages],
    )

    (row,) = pod_rows([metrics], NOW, with_namespace=False)

    assert cells(row, percent=False)[1:3] == shown


@pytest.mark.parametrize(
    ("used", "allocatable", "shown"),
    [
        pytest.param("999m", "1", "99%", id="down"),
        pytest.param("1", "1", "100%", id="full"),
        pytest.param("3", "2", "150%", id="over"),
        pytest.param("1", "0", "<unknown>", id="nothing-allocatable"),
    ],
)
def test_percentages_are_rounded_down(used, allocatable, shown):
    metrics = Metrics(
        metadata=Metadata(name="n"),
        timestamp=format_rfc3339(NOW),
        usage={"cpu": used, "memory": "1"},
    )
    known = Node(
        metadata=Metadata(name="n"),
        status=NodeStatus(allocatable={"cpu": allocatable, "memory": "1"}),
    )

    (row,) = node_rows([metrics], [known], NOW)

    assert cells(row, percent=True)[2] == shown


def test_a_sample_from_the_future_has_no_negative_age():
    metrics = Metrics(
        metadata=Metadata(name="n"), timestamp=format_rfc3339(NOW + 5), usage={"cpu": "1"}
    )

    (row,) = ordered(node_rows([metrics], None, NOW), "")

    assert row.age == "0s"
