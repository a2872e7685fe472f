"""The report of ``viaduct check`` for people: findings with source lines, tables of metrics."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from adapter.rules.findings import Finding
from adapter.rules.load import Loaded
from adapter.rules.preview import Served

_WIDEST = 160
_TOKEN = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|[\w.$-]+|\S""")
_SECRETS = re.compile(
    r"(?i)(?:(?<=://)[^/\s]*(?=@))"
    r"|(?:(?<=password:)|(?<=passwd:)|(?<=token:)|(?<=secret:)|(?<=apikey:)|(?<=value:))\s*\S.*"
    r"|(?:(?<=password=)|(?<=token=)|(?<=secret=)|(?<=key=)|(?<=signature=)|(?<=sig=))[^&\s'\"]+"
)


def print_report(loaded: Loaded, served: Sequence[Served], texts: Mapping[str, bytes]) -> None:
    """Print every finding, every metric, and a summary.

    Args:
        loaded: What was read.
        served: What it serves.
        texts: Contents of the files by name.
    """
    lines = {name: text.decode(errors="replace").splitlines() for name, text in texts.items()}
    for found in loaded.findings:
        print("\n".join(described(found, lines.get(found.filename, []))))
        print()
    for api, metrics in groupby(served, key=lambda metric: metric.api):
        print(f"{api}:")
        _print_table(["NAME", "SERIES", "RESOURCES", "QUERY", "RULE"], [*map(_cells, metrics)])
        print()
    print(_summary(loaded))


def described(found: Finding, lines: Sequence[str]) -> Iterator[str]:
    """Lines that show *found*: where and what, the source line underlined, the hint."""
    place = f"{found.filename}:{found.line}:{found.column}"
    yield f"{place}: {found.severity}: {found.text}"
    row = found.line - 1
    if row < len(lines) and lines[row].strip():
        begin = max(found.column - 1, 0)
        line = _printable(_without_secrets(lines[row]))
        skipped = max(begin - _WIDEST // 2, 0)
        token = _TOKEN.match(line, begin)
        tildes = "~" * (min(token.end() - begin, _WIDEST // 2) - 1 if token else 0)
        yield f"{found.line:>6} | {line[skipped : skipped + _WIDEST]}"
        yield f"       | {' ' * (begin - skipped)}^{tildes}"
    if found.hint:
        yield f"       = {found.hint}"


def _without_secrets(line: str) -> str:
    """Cover what may be a credential that does not belong into a rule file; columns stay."""
    return _SECRETS.sub(lambda match: "*" * len(match[0]), line)


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else " " for char in line)


def _cells(metric: Served) -> list[str]:
    resources = ", ".join(metric.resources) or "-"
    if metric.hidden_by:
        resources = f"hidden by {metric.hidden_by}"
    query = " ".join(metric.query.split())
    name = metric.name or "(depends on the series)"
    return [name, metric.series or "-", resources, query, f"{metric.rule} {metric.place}"]


def _summary(loaded: Loaded) -> str:
    counts = [
        f"{len(found)} {word}{'' if len(found) == 1 else 's'}"
        for found, word in ((loaded.errors, "error"), (loaded.warnings, "warning"))
    ]
    fatal = any(found.fatal for found in loaded.findings)
    ending = "; the server would not start with this" if fatal else ""
    return ", ".join(counts) + ending


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        for row in (titles, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        # a name that is cut helps nobody; a query is read on from line to line
        table.add_column(Text(title), overflow="fold", no_wrap=title == "NAME")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)
