"""Texts of rule files → one `RuleFile`, with every problem at once, each at its line and column.

Two kinds of errors are told apart. What prometheus-adapter refuses at start is refused here too:
unknown fields, patterns that are none, templates that cannot be parsed. What it starts with is an
error of one rule, which is reported, but the file is served.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from adapter.errors import ConfigError
from adapter.rules.check import check_resource_rules
from adapter.rules.findings import Finding, Path, Place, Problem, Severity
from adapter.rules.lint import rule_problems
from adapter.rules.lint_file import BackendNames, RuleAtPlace, backend_problems, overlaps
from adapter.rules.mending import MendedRule, mended_rules
from adapter.rules.positions import Document
from adapter.rules.schema import RuleFile
from adapter.rules.validation import object_problem, schema_problem
from adapter.rules.yamltext import read_yaml

MAX_FINDINGS = 500
"""Of one file; a file with more is not a rule file."""

_LISTS = ("backends", "rules", "externalRules")
_FIELDS = {"backends": "backends", "rules": "rules", "externalRules": "external_rules"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read.

    Attributes:
        rule_file: All files as one; entries that are not well-formed are left out.
        findings: What is wrong, by file as given, then by line.
        places: Where each rule begins, by the name it is known by: ``rules[0]``,
            ``externalRules[2]``, ``backends[0]``, ``resourceRules``; the numbers are those of
            `rule_file`.
        broken: Rules that cannot work as they stand, by the same names, and why: the first error.
    """

    rule_file: RuleFile
    findings: tuple[Finding, ...]
    places: Mapping[str, Place]
    broken: Mapping[str, str]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that are errors, fatal or not."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that are no errors."""
        return tuple(found for found in self.findings if found.severity is Severity.WARNING)

    def check(self) -> None:
        """Refuse what cannot be served.

        Raises:
            ConfigError: A finding is fatal; with every error, as ``file:line:column: text``.
        """
        if any(found.fatal for found in self.findings):
            raise ConfigError([str(found) for found in self.errors])


def load_rule_texts(texts: Iterable[tuple[str, bytes]]) -> Loaded:
    """Read rule files, and put them together in the order given.

    Rules of all files count, the earlier first; ``resourceRules`` may stand in one file only.

    Args:
        texts: Names, for messages, and contents.
    """
    parts = [_Part.read(filename, content) for filename, content in texts]
    places = _places(parts)
    _check_resource_rules_once(parts)
    backends = BackendNames()
    for part in parts:
        part.add(backend_problems(part.entries("backends"), backends))
        if part.rule_file.resource_rules is not None:
            part.add(check_resource_rules(part.rule_file.resource_rules))
    broken: dict[str, str] = {}
    for name in ("rules", "externalRules"):
        rules = _rules_at_places(parts, name)
        for number, (part, (path, _, rule)) in enumerate(rules):
            external = name == "externalRules"
            problems = list(rule_problems(rule, backends.names, external=external))
            part.add(problem.below(*path) for problem in problems)
            errors = [one.text for one in problems if one.severity is Severity.ERROR]
            if errors:
                broken[f"{name}[{number}]"] = errors[0]
        for part, mended in _mended(parts, name):
            external = name == "externalRules"
            rest = rule_problems(mended.rule, backends.names, external=external)
            part.add(one.below(*mended.path) for one in rest if mended.concerns(one))
        for number, problem in overlaps([rule for _, rule in rules]):
            part, at_place = rules[number]
            part.add([problem.below(*at_place.path)])
    findings = tuple(found for part in parts for found in part.findings())
    return Loaded(_merged(parts), findings, places, broken)


def load_rule_file(text: str, filename: str) -> RuleFile:
    """Read one rule file that is to have no error at all.

    Raises:
        ConfigError: With every error found, fatal or not, each as ``file:line:column: text``.
    """
    loaded = load_rule_texts([(filename, text.encode(errors="surrogatepass"))])
    if loaded.errors:
        raise ConfigError([str(found) for found in loaded.errors])
    return loaded.rule_file


class _Entry(NamedTuple):
    """An entry of a list of the file, at its path."""

    path: Path
    value: Any


@dataclass
class _Part:
    """One file."""

    filename: str
    document: Document
    rule_file: RuleFile
    kept: Mapping[str, list[int]]
    """By list: the numbers in the file of the entries in `rule_file`."""
    mended: Sequence[MendedRule]
    """The rules that are not in it, as far as they can be checked."""
    found: list[Finding] = field(default_factory=list)

    @classmethod
    def read(cls, filename: str, content: bytes) -> "_Part":
        document, mistakes = read_yaml(content)
        data = {} if document.data is None else document.data
        foreign = object_problem(data)
        # of an object nothing more is said: every field of it would be unknown
        rule_file, kept, problems, mended = _validated({} if foreign else data)
        part = cls(filename, document, rule_file, kept, mended)
        for mistake in mistakes:
            part.found.append(
                Finding(
                    mistake.severity,
                    filename,
                    *mistake.position,
                    mistake.text,
                    mistake.hint,
                    fatal=mistake.fatal,
                )
            )
        for key, position in document.duplicates:
            what = f"key {key!r} is given twice"
            hint = "remove one of them"
            part.found.append(Finding(Severity.ERROR, filename, *position, what, hint, fatal=True))
        part.add([foreign] if foreign else problems)
        return part

    def add(self, problems: Iterable[Problem]) -> None:
        """Note *problems*, whose paths begin at the root of the file."""
        for problem in problems:
            place = self.place(problem.path, problem.offset, key=problem.key)
            self.found.append(
                Finding(problem.severity, *place, problem.text, problem.hint, fatal=problem.fatal)
            )

    def place(self, path: Path, offset: int | None = None, *, key: bool = False) -> Place:
        """Find where the value at *path* stands, or its key."""
        document = self.document
        position = document.key_position(path) if key else document.position(path, offset)
        return Place(self.filename, *position)

    def entries(self, name: str) -> list[_Entry]:
        """Entries of the list *name* that are well-formed, with their paths."""
        values = getattr(self.rule_file, _FIELDS[name])
        return [
            _Entry((name, number), value)
            for number, value in zip(self.kept[name], values, strict=True)
        ]

    def findings(self) -> list[Finding]:
        """Everything noted, by line; at most `MAX_FINDINGS`."""
        ordered = sorted(set(self.found), key=lambda one: (one.line, one.column, one.text))
        if len(ordered) <= MAX_FINDINGS:
            return ordered
        more = f"and {len(ordered) - MAX_FINDINGS} more; mend these first"
        fatal = any(one.fatal for one in ordered)
        place = ordered[MAX_FINDINGS][1:4]
        return [*ordered[:MAX_FINDINGS], Finding(Severity.ERROR, *place, more, fatal=fatal)]


def _validated(
    data: object,
) -> tuple[RuleFile, Mapping[str, list[int]], list[Problem], Sequence[MendedRule]]:
    """Read *data*; where it is wrong, read what is left without the wrong entries."""
    problems: list[Problem] = []
    mended: Sequence[MendedRule] = ()
    dropped: set[Path] = set()
    try:
        rule_file = RuleFile.model_validate(data)
    except ValidationError as error:
        problems = [schema_problem(details) for details in error.errors()]
        dropped = {_unit(details["loc"]) for details in error.errors()}
        mended = list(mended_rules(data, [details["loc"] for details in error.errors()]))
        rule_file = RuleFile.model_validate(_without(data, dropped))
    lengths = {name: len(getattr(rule_file, _FIELDS[name])) for name in _LISTS}
    gone = {
        name: {path[1] for path in dropped if path[:1] == (name,) and path[1:]} for name in _LISTS
    }
    kept = {
        name: [
            number for number in range(lengths[name] + len(gone[name])) if number not in gone[name]
        ]
        for name in _LISTS
    }
    return rule_file, kept, problems, mended


def _unit(path: Path) -> Path:
    """Entry of a list or section that is left out for an error at *path*."""
    return path[:2] if path[:1] and path[0] in _LISTS and len(path) > 1 else path[:1]


def _without(data: object, dropped: set[Path]) -> dict[str, object]:
    if not isinstance(data, dict):
        return {}
    left = {}
    for name, value in data.items():
        if (name,) in dropped or not isinstance(name, str):
            continue
        left[name] = (
            [item for number, item in enumerate(value) if (name, number) not in dropped]
            if name in _LISTS and isinstance(value, list)
            else value
        )
    return left


def _merged(parts: Iterable[_Part]) -> RuleFile:
    files = [part.rule_file for part in parts]
    sections = [one.resource_rules for one in files if one.resource_rules is not None]
    return RuleFile.model_construct(
        backends=tuple(each for one in files for each in one.backends),
        rules=tuple(each for one in files for each in one.rules),
        external_rules=tuple(each for one in files for each in one.external_rules),
        resource_rules=sections[0] if sections else None,
    )


def _places(parts: Iterable[_Part]) -> dict[str, Place]:
    found: dict[str, Place] = {}
    counts = dict.fromkeys(_LISTS, 0)
    for part in parts:
        for name in _LISTS:
            for path, _ in part.entries(name):
                found[f"{name}[{counts[name]}]"] = part.place(path)
                counts[name] += 1
        if part.rule_file.resource_rules is not None:
            found.setdefault("resourceRules", part.place(("resourceRules",), key=True))
    return found


def _check_resource_rules_once(parts: Iterable[_Part]) -> None:
    first: Place | None = None
    for part in parts:
        if part.rule_file.resource_rules is None:
            continue
        if first is not None:
            text = f"resourceRules: stands in {first} already"
            hint = "keep one of the two"
            part.add([Problem(("resourceRules",), text, hint, fatal=True, key=True)])
        first = first or part.place(("resourceRules",), key=True)


def _mended(parts: Iterable[_Part], name: str) -> Iterator[tuple[_Part, MendedRule]]:
    return ((part, rule) for part in parts for rule in part.mended if rule.path[0] == name)


def _rules_at_places(parts: Iterable[_Part], name: str) -> list[tuple[_Part, RuleAtPlace]]:
    return [
        (part, RuleAtPlace(path, part.place(path), rule))
        for part in parts
        for path, rule in part.entries(name)
    ]
