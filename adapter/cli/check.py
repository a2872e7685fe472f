"""``viaduct check``: what is wrong with rule files, and what they would serve; asks no server."""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adapter.cli.check_text import print_report
from adapter.errors import ConfigError
from adapter.exposition.text import BadLine, parse_lines
from adapter.rulefiles import read_rule_files
from adapter.rules.findings import Finding
from adapter.rules.jsonschema import json_schema
from adapter.rules.load import Loaded, load_rule_texts
from adapter.rules.preview import Series, Served, preview, series_of
from adapter.rules.yamltext import MAX_BYTES
from adapter.sources.json.checking import refused_urls

STDIN = "-"
_STDIN_NAME = "<stdin>"


def main(argv: Sequence[str]) -> int:
    """Check rule files: 0 without errors, 1 with, 2 when a file or an argument cannot be read."""
    arguments = parser()
    options = arguments.parse_args(argv)
    if options.schema:
        print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return 0
    if not options.files:
        arguments.error("name a rule file, a directory, or - for standard input")
    try:
        texts = _read(options.files)
        series = None if options.series is None else _read_series(options.series)
        loaded = _load(texts, options.json_allow)
    except ConfigError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    served = preview(loaded, series)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character
    try:
        if options.output == "json":
            print(json.dumps(_report(loaded, served), indent=2, ensure_ascii=False))
        else:
            print_report(loaded, served, dict(texts))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(bool(loaded.errors) or (options.strict and bool(loaded.warnings)))


def parser() -> argparse.ArgumentParser:
    """The arguments of ``viaduct check``."""
    found = argparse.ArgumentParser(
        prog="viaduct check",
        description="Report every error and warning of rule files with its line, and what the "
        "rules would serve. Needs neither a cluster nor Prometheus.",
        epilog="Exit status: 0 no error (there may be warnings), 1 an error, or with --strict a "
        "warning, 2 a file that cannot be read or wrong arguments.",
    )
    add = found.add_argument
    add("files", nargs="*", metavar="FILE", help="rule file, directory of them, or - for stdin")
    add(
        "--series",
        metavar="FILE",
        help="series in the Prometheus text format: list the metrics they would become",
    )
    add(
        "--json-allow",
        metavar="HOST",
        action="append",
        default=[],
        help="as the flag of viaduct serve: a host, address or network that JSON may be read from; "
        "may be given several times",
    )
    add("--output", choices=("text", "json"), default="text", help="form of the report")
    add("--strict", action="store_true", help="count warnings as errors")
    add("--schema", action="store_true", help="print the JSON Schema of a rule file, and no more")
    return found


def _read(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    texts: list[tuple[str, bytes]] = []
    for path in dict.fromkeys(paths):
        if path == STDIN:
            texts.append((_STDIN_NAME, sys.stdin.buffer.read(MAX_BYTES + 1)))
        else:
            texts += read_rule_files([path])
    return texts


def _load(texts: Sequence[tuple[str, bytes]], allowed: Sequence[str]) -> Loaded:
    loaded = load_rule_texts(texts)
    order = {name: number for number, (name, _) in enumerate(texts)}
    findings = sorted(
        [*loaded.findings, *refused_urls(loaded, allowed)],
        key=lambda found: (order[found.filename], found.line),
    )
    return replace(loaded, findings=tuple(findings))


def _read_series(path: str) -> list[Series]:
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError([f"cannot read --series {path}: {error.strerror or error}"]) from None
    samples = []
    for line in parse_lines(body):
        if isinstance(line, BadLine):
            print(f"warning: {path}:{line.number}: left out: {line.reason}", file=sys.stderr)
        else:
            samples.append((line.name, line.labels))
    return series_of(samples)


def _report(loaded: Loaded, served: Sequence[Served]) -> dict[str, object]:
    return {
        "errors": len(loaded.errors),
        "warnings": len(loaded.warnings),
        "findings": [_finding(found) for found in loaded.findings],
        "metrics": [_metric(metric) for metric in served],
    }


def _finding(found: Finding) -> dict[str, object]:
    return {
        "severity": found.severity.value,
        "file": found.filename,
        "line": found.line,
        "column": found.column,
        "text": found.text,
        "hint": found.hint,
        "fatal": found.fatal,
    }


def _metric(metric: Served) -> dict[str, object]:
    return {
        "rule": metric.rule,
        "file": metric.place.filename,
        "line": metric.place.line,
        "api": metric.api,
        "name": metric.name or None,
        "series": metric.series or None,
        "resources": list(metric.resources),
        "query": metric.query,
        "hiddenBy": metric.hidden_by or None,
    }
