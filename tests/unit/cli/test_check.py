"""``viaduct check``: exit status, forms of the report, what it reads, and what it never shows."""

import io
import json
import re
import subprocess
import sys

import pytest

from adapter.cli import check
from adapter.cli.main import main
from adapter.rules.jsonschema import json_schema

GOOD = """rules:
- seriesQuery: http_requests_total{pod!=""}
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
"""
WARNING = GOOD.replace(" by (<<.GroupBy>>)", "")
ERROR = GOOD.replace("metricsQuery", "metricQuery")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a file into the current directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="rules.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.mark.parametrize(
    ("text", "flags", "status"),
    [
        pytest.param(GOOD, [], 0, id="good"),
        pytest.param(WARNING, [], 0, id="warning"),
        pytest.param(WARNING, ["--strict"], 1, id="strict"),
        pytest.param(GOOD, ["--strict"], 0, id="strict-and-good"),
        pytest.param(ERROR, [], 1, id="error"),
        pytest.param(ERROR, ["--output=json"], 1, id="json"),
        pytest.param("", [], 0, id="empty"),
    ],
)
def test_exit_status(file, text, flags, status):
    assert check.main([file(text), *flags]) == status


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["none.yaml"], id="no-such-file"),
        pytest.param(["."], id="directory-without-rules"),
        pytest.param(["rules.txt", "--series", "none"], id="no-such-series"),
    ],
)
def test_what_cannot_be_read_exits_2(file, capsys, argv):
    file(GOOD, "rules.txt")

    assert check.main(argv) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("argv", [[], ["--outputs=json", "x"], ["--output=xml", "x"]])
def test_wrong_arguments_exit_2(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        check.main(argv)

    assert caught.value.code == 2
    assert "usage: viaduct check" in capsys.readouterr().err


def test_the_source_line_is_underlined(file, capsys):
    check.main([file(ERROR)])

    assert capsys.readouterr().out.splitlines()[:4] == [
        "rules.yaml:4:3: error: unknown field 'metricQuery'",
        "     4 |   metricQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
        "       |   ^~~~~~~~~~~",
        "       = did you mean 'metricsQuery'?",
    ]


def test_json_has_findings_and_metrics(file, capsys):
    series = file('http_requests_total{namespace="a",pod="b"} 1\n', "series.txt")

    check.main([file(WARNING), "--output=json", f"--series={series}"])

    report = json.loads(capsys.readouterr().out)
    (finding,) = report["findings"]
    assert (report["errors"], report["warnings"]) == (0, 1)
    assert finding == {
        "severity": "warning",
        "file": "rules.yaml",
        "line": 4,
        "column": 17,
        "text": "metricsQuery: the answer has no label 'pod', so no value finds its object",
        "hint": "an aggregation needs 'by (<<.GroupBy>>)'",
        "fatal": False,
    }
    assert report["metrics"] == [
        {
            "rule": "rules[0]",
            "file": "rules.yaml",
            "line": 2,
            "api": "custom.metrics.k8s.io",
            "name": "http_requests_total",
            "series": "http_requests_total",
            "resources": ["namespaces", "pods"],
            "query": 'sum(http_requests_total{namespace="default",pod="sample-0"})',
            "hiddenBy": None,
        }
    ]


def test_directories_and_files_are_read_together(file, capsys):
    file(GOOD, "more/b.yaml")
    file(GOOD.replace("http_requests", "jobs"), "more/a.yml")

    assert check.main([file(GOOD), "more", "rules.yaml"]) == 0

    printed = capsys.readouterr().out
    assert "more/b.yaml:2:3: warning: this rule is the same as the one at rules.yaml:2" in printed
    assert printed.endswith("0 errors, 1 warning\n")


def test_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ERROR.encode())))

    assert check.main(["-"]) == 1
    assert capsys.readouterr().out.startswith("<stdin>:4:3: error: ")


def test_bad_lines_of_the_series_are_named_and_left_out(file, capsys):
    series = file("http_requests_total{} x\n", "series.txt")

    assert check.main([file(GOOD), "--series", series]) == 0

    printed = capsys.readouterr()
    assert printed.err == "warning: series.txt:1: left out: value 'x' is not a number\n"
    assert "custom.metrics.k8s.io" not in printed.out


def test_a_metric_that_depends_on_its_series_is_shown_with_a_placeholder(file, capsys):
    check.main([file(GOOD.replace('http_requests_total{pod!=""}', "'{__name__=~\"http_.*\"}'"))])

    printed = capsys.readouterr().out
    assert "(depends on the series)" in printed
    assert 'sum(SERIES{namespace="default",pod="sample-0"}) by (pod)' in printed


def test_a_terminal_gets_a_table_that_fits(file, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    check.main([file(GOOD)])

    lines = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 80
    assert "http_requests_total" in "".join(lines)


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("url: 'http://user:hunter2@prom'", id="url"),
        pytest.param("url: 'http://prom', password: hunter2", id="misplaced-password"),
        pytest.param("url: 'http://prom', auth: {token: 'hunter2'}", id="token"),
        pytest.param("url: 'http://prom', headers: [{nam: x, value: hunter2}]", id="header"),
        pytest.param("url: ['http://user:hunter2@prom']", id="wrong-type"),
    ],
)
def test_secrets_are_covered(file, capsys, backend, output):
    text = f"backends:\n- {{name: a, {backend}}}\n"

    assert check.main([file(text), f"--output={output}"]) == 1

    printed = capsys.readouterr()
    assert "hunter2" not in printed.out + printed.err
    assert "rules.yaml" in printed.out


def test_the_schema_is_printed(capsys):
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def run(*argv, **options):
    command = [sys.executable, "-m", "adapter", "check", *argv]
    return subprocess.run(command, capture_output=True, check=False, timeout=30, **options)


URLS = """externalRules:
- metric: meta
  json: {url: "http://169.254.169.254/latest", query: $.a}
- metric: queue
  json: {url: "http://queues:8080/stats", query: $.a}
- metric: no_port
  json: {url: "ftp://localhost/stats", query: $.a}
"""


def test_a_url_that_would_not_be_read_from(file, capsys):
    file("rules: [{seriesQuery: 1}]\n", "b.yaml")
    check.main(["--output=json", file(URLS), "b.yaml"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(each["file"], each["line"], each["severity"]) for each in found] == [
        ("rules.yaml", 2, "warning"),
        ("rules.yaml", 7, "error"),
        ("b.yaml", 1, "error"),
    ]
    assert found[0]["text"].startswith("json.url: 169.254.169.254, an address of a cloud's")

    allowed = ["--json-allow=169.254.0.0/16", "--json-allow=*.shop"]
    check.main(["--output=json", *allowed, "rules.yaml"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [each["line"] for each in found] == [7]


def test_an_exception_that_is_none(file, capsys):
    assert check.main(["--json-allow=a b", file(URLS)]) == 2
    assert capsys.readouterr().err == (
        "error: --json-allow: 'a b' is no host name, address or network\n"
    )


def test_a_reader_that_has_seen_enough_gets_no_traceback(file):
    file(ERROR * 3)
    command = f"'{sys.executable}' -m adapter check rules.yaml | true"

    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=30)

    assert done.stderr == b""


def test_a_locale_without_the_character_gets_no_traceback(file):
    file(GOOD.replace("http_requests_total", "é"))

    done = run("rules.yaml", env={"PYTHONIOENCODING": "ascii", "PATH": ""})

    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)


def test_it_asks_nobody():
    """No HTTP, Kubernetes or Prometheus client is even loaded."""
    code = (
        "import sys; from adapter.cli.main import main; main(['check', 'config'])\n"
        "heavy = {'aiohttp', 'kubernetes', 'prometheus_api_client', 'prometheus_client', 'rich'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 0, done.stderr
