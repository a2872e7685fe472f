"""Field selectors over the two fields metrics objects have (apimachinery ``pkg/fields``)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from adapter.errors import BadRequest

_NAME = "metadata.name"
_NAMESPACE = "metadata.namespace"
_TERM = re.compile(r"(?:[^,\\]|\\.|\\$)+", re.DOTALL)  # a comma may be escaped by a backslash
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


class FieldRequirement(NamedTuple):
    """``field = value``, or ``!=`` when *negated*."""

    field: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        value = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{'!=' if self.negated else '='}{value}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A conjunction of requirements on name and namespace; none of them selects everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether everything is selected."""
        return not self.requirements

    def matches(self, namespace: str, name: str) -> bool:
        """Whether the object *namespace*/*name* is selected (*namespace* "" for nodes)."""
        return all(
            ((name if field == _NAME else namespace) == value) is not negated
            for field, value, negated in self.requirements
        )

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


MOST_TERMS = 1000
"""Of one selector. There are two fields to select by; what is longer only costs time."""

_REMEMBERED_LENGTH = 600
"""Characters of a selector that is kept; a name has 253 at most."""


def parse_field_selector(text: str) -> FieldSelector:
    r"""Read a field selector such as ``metadata.name=web-0,metadata.namespace!=default``.

    ``=`` and ``==`` mean the same; ``\``, ``,`` and ``=`` are escaped by a backslash in values.

    Raises:
        BadRequest: *text* is no field selector, or names another field, and the message is
            kube-apiserver's; or it has more than `MOST_TERMS`, which kube-apiserver does not know.

    >>> parse_field_selector("metadata.name==web-0").matches("any", "web-0")
    True
    """
    return (_remembered if len(text) <= _REMEMBERED_LENGTH else _read)(text)


def _read(text: str) -> FieldSelector:
    if text.count(",") > MOST_TERMS:
        raise BadRequest(f"a field selector has at most {MOST_TERMS} terms", details=False)
    # sorted as apimachinery does: of several mistakes both report the same one
    requirements = [_requirement(term, text) for term in sorted(_TERM.findall(text))]
    for field, _, _ in requirements:
        if field not in {_NAME, _NAMESPACE}:
            raise BadRequest(
                f'"{field}" is not a known field selector: only "{_NAME}", "{_NAMESPACE}"',
                details=False,
            )
    return FieldSelector(tuple(sorted(requirements)))


_remembered = lru_cache(maxsize=1024)(_read)


def _requirement(term: str, text: str) -> FieldRequirement:
    match = re.match(r"(?P<field>[^=!]*(?:!(?!=)[^=!]*)*)(?P<operator>!=|==|=)", term)
    if match is None:
        raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'", details=False)
    value = _unescaped(term[match.end() :])
    return FieldRequirement(match["field"], value, match["operator"] == "!=")


def _unescaped(value: str) -> str:
    """Undo the escapes of a value."""
    for escape in _ESCAPE.finditer(value):
        if escape[1] not in {"\\", ",", "="}:
            raise BadRequest(
                f"invalid field selector: invalid escape sequence: {escape[0]}", details=False
            )
    if "=" in _ESCAPE.sub("", value):
        raise BadRequest("invalid field selector: unescaped character in value: =", details=False)
    return _ESCAPE.sub(r"\1", value)
