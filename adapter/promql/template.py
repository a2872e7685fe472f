"""The part of Go's ``text/template`` that rule files use, with ``<<`` and ``>>`` as delimiters.

Three steps: text → tokens (`adapter.promql.lexer`), tokens → closures (`adapter.promql.parser`),
closures → text (`Template.render`). What the subset lacks is refused with its position, never
rendered wrongly.

Supported: fields (``.Series``, ``.LabelValuesByName.pod``), ``.``, ``$`` and the variables of a
``range``, string and integer literals, parentheses, pipelines, the functions of
`adapter.promql.functions`, ``if``/``else if``/``else``/``end``, ``range``, comments, and the trims
``<<-`` and ``->>``.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from adapter.promql.nodes import Node, Scope, run
from adapter.promql.parser import TemplateParser
from adapter.promql.values import TemplateError, Value

__all__ = ["Template", "TemplateError", "Value", "parse_template"]


class Template(NamedTuple):
    """A parsed template.

    Attributes:
        source: Its text.
        fields: The top-level fields it refers to.
        nodes: What it was compiled to.
        straight: It does with texts nothing but print them, whole: no condition, comparison or
            length. Two renderings, with lists as long and maps with the same keys, then differ
            only where a value is printed.
    """

    source: str
    fields: frozenset[str]
    nodes: tuple[Node, ...]
    straight: bool

    def render(self, values: Mapping[str, Value]) -> str:
        """Fill in *values*, by field name without the dot.

        Raises:
            TemplateError: A function does not fit its arguments.
        """
        parts: list[str] = []
        run(self.nodes, Scope(None, values, {}), parts)
        return "".join(parts)


def parse_template(source: str, fields: Collection[str]) -> Template:
    """Parse *source*, which may refer to *fields*.

    Raises:
        TemplateError: Not in the subset, or an unknown field.

    >>> template = parse_template("<<range .GroupBySlice>>[<<.>>]<<end>>", {"GroupBySlice"})
    >>> template.render({"GroupBySlice": ["pod", "container"]})
    '[pod][container]'
    """
    parser = TemplateParser(source, fields)
    nodes, end = parser.block(top=True)
    if end is not None:
        raise TemplateError(f"<<{end.text}>> without <<if>> or <<range>>", end.position)
    return Template(source, frozenset(parser.used), nodes, parser.straight)
