"""Series selectors, as rules and ``match[]`` have them: parsed, and extended as text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapter.promql.matchers import Matcher, MatchOp
from adapter.promql.syntax import Expression, PromQLError, kind_of, parse_promql

__all__ = ["PromQLError", "SeriesSelector", "matchers_of", "parse_series_selector"]

_NAME = "__name__"
_OPERATORS = {
    "Equal": MatchOp.EQUAL,
    "NotEqual": MatchOp.NOT_EQUAL,
    "Re": MatchOp.REGEX,
    "NotRe": MatchOp.NOT_REGEX,
}
_PIECE = re.compile(
    r"""(?P<nothing>\s+|\#[^\n]*)
      | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*`
      | .""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SeriesSelector:
    """An instant-vector selector without ``offset`` and ``@``.

    Attributes:
        text: The selector as it was written.
        name: The metric it names exactly; empty where it names none, or by a pattern.
        matchers: Its other matchers, in their order.
    """

    text: str
    name: str
    matchers: tuple[Matcher, ...]

    def with_label(self, label: str) -> str:
        """Write the selector so that it takes only series which have *label*, too.

        The text is added to, never written anew: what stands in it keeps its meaning.

        Raises:
            PromQLError: *label* is empty, or the text is one that cannot be added to.

        >>> parse_series_selector('up{job="a"}').with_label("pod")
        'up{job="a",pod!=""}'
        >>> parse_series_selector("up").with_label("pod")
        'up{pod!=""}'
        """
        if not label:
            raise PromQLError("a label has a name")
        demanded = Matcher(label, MatchOp.NOT_EQUAL, "")
        if demanded in self.matchers:
            return self.text
        text = _insert(self.text, str(demanded))
        try:
            extended = parse_series_selector(text)
        except PromQLError as error:
            raise PromQLError(f"cannot add {demanded} to {self.text}: {error}") from None
        if (extended.name, extended.matchers) != (self.name, (*self.matchers, demanded)):
            raise PromQLError(f"cannot add {demanded} to {self.text}")
        return text


def parse_series_selector(text: str) -> SeriesSelector:
    """Parse *text*, such as ``up{job="a"}``.

    Raises:
        PromQLError: It is no PromQL, or an expression of another kind.
    """
    text = text.strip()
    expression = parse_promql(text)
    if kind_of(expression) != "VectorSelector":
        raise PromQLError('an expression where a series selector such as up{job="a"} belongs')
    if expression.offset is not None or expression.at is not None:
        raise PromQLError("a series selector takes no offset and no @")
    matchers = matchers_of(expression)
    name = expression.name or ""
    named = next((m for m in matchers if m.label == _NAME and m.op is MatchOp.EQUAL), None)
    if not name and named is not None:
        name = named.value
        position = matchers.index(named)
        matchers = (*matchers[:position], *matchers[position + 1 :])
    return SeriesSelector(text, name, matchers)


def matchers_of(selector: Expression) -> tuple[Matcher, ...]:
    """Return the matchers of a ``VectorSelector``, without a name that stands before them.

    Raises:
        PromQLError: They are alternatives, which Prometheus does not know.
    """
    found: Sequence[Expression] = selector.matchers.matchers
    if selector.matchers.or_matchers:
        raise PromQLError("'or' between matchers is not PromQL; use =~ or two expressions")
    return tuple(
        Matcher(matcher.name, _OPERATORS[str(matcher.op).rpartition(".")[2]], matcher.value)
        for matcher in found
    )


def _insert(selector: str, matcher: str) -> str:
    """Put *matcher* behind the last of *selector*, before spaces and comments that follow it."""
    pieces = [piece for piece in _PIECE.finditer(selector) if piece["nothing"] is None]
    if len(pieces) < 2 or pieces[-1][0] != "}":
        end = pieces[-1].end()
        return f"{selector[:end]}{{{matcher}}}{selector[end:]}"
    before = pieces[-2]
    comma = "" if before[0] in {"{", ","} else ","
    return f"{selector[: before.end()]}{comma}{matcher}{selector[before.end() :]}"
