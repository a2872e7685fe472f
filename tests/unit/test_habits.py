"""Policy as tests: what reviewers would otherwise have to look for every time."""

import ast
import inspect
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import Metric

from adapter import errors
from adapter.cli import top
from adapter.cli.main import COMMANDS
from adapter.settings.options import declared_flags
from adapter.telemetry import Telemetry

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "adapter"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
FLAT_LISTS = {("adapter/telemetry", "__init__")}
"""Functions, by folder, that only declare one thing after another: cutting them helps no reader."""


def ident(path):
    return str(path.relative_to(ROOT))


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def written_files():
    """Every file of the project that people or tools read as text."""
    generated = re.compile(r"(^|/)(\.git|\.venv|\.\w+_cache|\.hypothesis|__pycache__|dist)(/|$)")
    suffixes = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".sh", ""}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and path.suffix in suffixes
        and not generated.search(path.relative_to(ROOT).as_posix())
    ]


@pytest.mark.parametrize("path", MODULES, ids=ident)
def test_modules_are_short(path):
    assert path.read_text(encoding="utf-8").count("\n") <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=ident)
def test_modules_say_what_they_are(path):
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("path", SOURCES, ids=ident)
def test_functions_are_short(path):
    """Docstrings do not count: they may say what there is to say."""
    too_long = [
        f"{node.name}: {lines} lines"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (ident(path.parent), node.name) not in FLAT_LISTS
        and (lines := code_lines(node)) > MAX_FUNCTION_LINES
    ]

    assert too_long == []


def code_lines(function):
    documented = ast.get_docstring(function) is not None
    start = function.body[0].end_lineno + 1 if documented else function.lineno
    return function.end_lineno - start + 1


@pytest.mark.parametrize("path", SOURCES, ids=ident)
def test_typed_models_of_kubernetes_are_never_imported(path):
    """``CoreV1Api`` alone costs half a second and 25 MB."""
    names = [
        name.name.rpartition(".")[2]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    ]

    assert [name for name in names if name.endswith("V1Api")] == []


def test_the_error_tree_in_the_docstring_equals_the_classes():
    described, indents = [], [(-1, "Exception")]
    for line in errors.__doc__.splitlines():
        match = re.match(r"(    [│ ├└─]*)(\w+) +(\d{3}) (\w+)", line)
        if not match:
            continue
        indent, name, code, reason = match.groups()
        while indents[-1][0] >= len(indent):
            indents.pop()
        described.append((name, indents[-1][1], int(code), reason))
        indents.append((len(indent), name))

    classes = [
        (name, found.__bases__[0].__name__, int(found.code), found.reason)
        for name, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, errors.AdapterError)
    ]
    assert sorted(described) == sorted(classes)


def own_metrics() -> list[Metric]:
    return list(Telemetry().registry.collect())


def exposed_name(metric):
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


@pytest.mark.parametrize("metric", own_metrics(), ids=exposed_name)
def test_own_metrics_follow_the_naming_rules(metric):
    """``viaduct_<subsystem>_<quantity>_<unit>[_total]``, base units, a sentence of help."""
    name = exposed_name(metric)

    assert re.fullmatch(r"viaduct(_[a-z0-9]+){2,}", name)
    assert not re.search(r"(milliseconds|minutes|kilobytes|megabytes|_ms|percent)(_|$)", name)
    assert metric.type == "counter" or not re.search(r"_(total|count|sum|bucket|info)$", name)
    assert metric.type != "histogram" or name.endswith(("_seconds", "_bytes"))
    assert metric.documentation.endswith(".")


@pytest.mark.prometheus
def test_own_metrics_pass_promtool():
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool on PATH: install prometheus")

    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=Telemetry().expose(),
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_own_metrics_are_documented_and_nothing_else():
    table = re.findall(r"^\| `(viaduct_\w+)` \|", read("deploy/README.md"), re.MULTILINE)

    assert table == sorted(exposed_name(metric) for metric in own_metrics())


def packages():
    """Packages and modules directly in ``adapter/``, and packages of one level more."""
    deeper = [path.parent for path in PACKAGE.glob("*/*/__init__.py")]
    top = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    modules = [path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    names = [f"{path.relative_to(PACKAGE)}/" for path in [*top, *deeper]]
    return sorted(names + [path.name for path in modules])


def test_the_code_map_is_complete():
    mapped = re.findall(r"^\| `([\w./]+)` \|", read("adapter/ARCHITECTURE.md"), re.MULTILINE)

    assert sorted(mapped) == packages()


def targets():
    return set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


@pytest.mark.parametrize(
    "document",
    ["README.md", ".github/CONTRIBUTING.md", "tests/README.md", "adapter/ARCHITECTURE.md"],
)
def test_commands_in_documents_exist(document):
    text = read(document)
    made = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(code_in(text))))
    run = set(re.findall(r"^viaduct ([a-z]+)", "\n".join(code_in(text)), re.MULTILINE))

    assert made <= targets()
    assert run <= COMMANDS.keys()


OTHER_PROGRAMS = re.compile(
    r"^\s*(\w+=\$\()?(docker|helm|kube-apiserver|kubectl)\b(.*\\\n)*.*$",
    re.MULTILINE,
)
"""Commands whose flags are not ours."""


def code_in(text):
    """Code of a Markdown document: fenced blocks and spans."""
    fenced = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", fenced.sub("", text))
    return [*fenced.findall(text), *spans]


@pytest.mark.parametrize("document", ["README.md", ".github/CONTRIBUTING.md", "deploy/README.md"])
def test_flags_in_documents_exist(document):
    """A flag that was renamed must not live on in a document."""
    known = {f"--{flag.name}" for flag in declared_flags()} | {"--help", "--report"}
    known |= top.parser()._option_string_actions.keys()
    code = OTHER_PROGRAMS.sub("", "\n".join(code_in(read(document))))
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", code))

    assert used - known == set()


@pytest.mark.parametrize(
    "document", [path for path in written_files() if path.suffix == ".md"], ids=ident
)
def test_links_between_documents_hold(document):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [
        link for link in links if "://" not in link and not (document.parent / link).exists()
    ]

    assert missing == []


def test_the_readme_is_short():
    assert read("README.md").count("\n") <= 150


def test_the_makefile_is_short_and_explains_every_target():
    makefile = read("Makefile")

    assert makefile.count("\n") <= 50
    assert set(re.findall(r"^([a-z]+):.* ## \S", makefile, re.MULTILINE)) == targets()


def test_no_path_of_one_machine_is_written_down():
    homes = re.compile(r"(?<![\w.{}/])/(home|Users|root|work)/\w")
    found = [
        f"{ident(path)}: {match.group(0)}"
        for path in written_files()
        if (match := homes.search(path.read_text(encoding="utf-8", errors="replace")))
    ]

    assert found == []
