"""The command line: which command runs, exit codes, help."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from adapter import __version__
from adapter.cli import main as cli
from adapter.errors import ConfigError
from adapter.settings.flags import ENV_PREFIX
from adapter.settings.options import declared_flags
from adapter.settings.peers import accepted_flags


@pytest.fixture
def served(monkeypatch):
    """Settings that reached the composition root; ``error`` is raised there."""
    seen = SimpleNamespace(settings=[], error=None)

    async def serve(settings):
        seen.settings.append(settings)
        if seen.error:
            raise seen.error

    # the real module loads every backend; what counts here is what is handed over
    monkeypatch.setitem(sys.modules, "adapter.bootstrap", SimpleNamespace(serve=serve))
    monkeypatch.setattr("adapter.cli.serve.configure_logs", lambda **_: None)
    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)
    return seen


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["serve", "--v=3"], id="command"),
        pytest.param(["--v=3"], id="flags-alone"),
        pytest.param(["/metrics-server", "--v=3"], id="with-the-peers-path"),
    ],
)
def test_ways_to_serve(served, argv):
    assert cli.main(argv) == 0
    assert [settings.v for settings in served.settings] == [3]


def test_no_arguments_serve(served):
    assert cli.main([]) == 0
    assert len(served.settings) == 1


def test_wrong_flags_exit_2_with_every_problem(served, capsys):
    assert cli.main(["--kubelet-prt=1", "--v=x"]) == 2

    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "error: unknown flag --kubelet-prt: did you mean --kubelet-port?",
        'error: --v: "x" is not a whole number',
        "viaduct --help lists all flags",
    ]
    assert served.settings == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(
            ConfigError(["rules.yaml:3:1: a", "rules.yaml:9:1: b"]),
            "error: rules.yaml:3:1: a\nerror: rules.yaml:9:1: b\n",
            id="rule-file",
        ),
        pytest.param(
            OSError(98, "address in use"), "error: [Errno 98] address in use\n", id="port"
        ),
    ],
)
def test_failure_to_serve_exits_1_without_a_traceback(served, capsys, error, text):
    served.error = error

    assert cli.main(["serve"]) == 1
    assert capsys.readouterr().err == text


def test_a_bug_is_not_hidden(served):
    served.error = RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        cli.main(["serve"])


@pytest.mark.parametrize("argv", [["version"], ["--version"], ["serve", "--version"]])
def test_version(served, capsys, argv):
    assert cli.main(argv) == 0
    assert capsys.readouterr().out.startswith(f"viaduct {__version__} (Python ")
    assert served.settings == []


@pytest.mark.parametrize(
    ("word", "hint"),
    [pytest.param("tops", ": did you mean top?", id="near"), pytest.param("x", "", id="far")],
)
def test_an_unknown_command_exits_2(capsys, word, hint):
    assert cli.main([word]) == 2
    assert f'error: unknown command "{word}"{hint}\n' in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["serve", "--help"]])
def test_help_documents_every_flag(served, capsys, monkeypatch, argv):
    monkeypatch.setenv("COLUMNS", "72")

    assert cli.main(argv) == 0

    text = capsys.readouterr().out
    words = " ".join(text.split())
    for flag in declared_flags():
        assert re.search(rf"^  (-\w, )?--{flag.name}( |$)", text, re.MULTILINE), flag.name
        assert flag.help in words
        assert flag.variable in words
        assert flag.default_text in words
    for name in accepted_flags():
        assert f" --{name}" in words
    assert max(map(len, text.splitlines())) <= 100
    assert served.settings == []


def test_help_needs_nothing_heavy():
    """Help and version answer at once: no HTTP, Kubernetes or Prometheus library is loaded."""
    code = (
        "import sys; from adapter.cli.main import main; main(['--help']); main(['version'])\n"
        "heavy = {'aiohttp', 'kubernetes', 'pydantic', 'prometheus_client', 'rich'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 0, done.stderr


def test_python_m_adapter_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "adapter", "version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stdout.split()[1]) == (0, __version__)
