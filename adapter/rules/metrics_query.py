"""``metricsQuery`` → PromQL, for the objects or the selector a request is about.

Variables, their order and format are prometheus-adapter's (``pkg/naming/metrics_query.go``), with
one difference: names joined in a pattern are escaped, so that a dot is a dot.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapter.errors import AdapterError, BadRequest
from adapter.model.labels import Operator, Requirement, Selector
from adapter.promql.matchers import (
    LABEL_NAME,
    Matcher,
    MatchOp,
    escape_regex,
    format_matchers,
)
from adapter.promql.template import Template, TemplateError, Value
from adapter.rules.query import ANY_VALUE

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:|+-]*\Z")
"""What may stand for a value in ``.LabelValuesByName``, which templates put between quotes of
their own: nothing that could end a string."""


class ObjectScope(NamedTuple):
    """The objects a query is about.

    Attributes:
        resource_label: Label that holds an object's name.
        names: The objects; empty for all that have the label.
        namespace_label: Label that holds the namespace; "" when the query is not bound to one.
        namespace: The namespace; None, with a label, for all.
    """

    resource_label: str
    names: Sequence[str] = ()
    namespace_label: str = ""
    namespace: str | None = None

    def matchers(self) -> list[Matcher]:
        """The namespace's, then the objects'."""
        found = []
        if self.namespace_label:
            found.append(_one_of(self.namespace_label, _given(self.namespace)))
        return [*found, _one_of(self.resource_label, self.names)]

    def values(self) -> dict[str, str]:
        """Label → values, joined as for a pattern."""
        found = {self.resource_label: "|".join(self.names) or ANY_VALUE}
        if self.namespace_label:
            found[self.namespace_label] = "|".join(_given(self.namespace)) or ANY_VALUE
        return found

    def group_by(self) -> list[str]:
        """Labels that tell the objects of the answer apart."""
        if self.namespace_label and self.namespace is None:
            return [self.resource_label, self.namespace_label]
        return [self.resource_label]


class Subject(NamedTuple):
    """What the series are: the rule's side of a query."""

    series: str
    series_matchers: str = ""


def render_objects(
    template: Template, subject: Subject, scope: ObjectScope, selector: Selector
) -> str:
    """Render the query of a custom metric.

    Args:
        template: Of ``metricsQuery`` or ``timestampQuery``.
        subject: The series.
        scope: The objects.
        selector: Further conditions on labels of the series.

    Raises:
        BadRequest: The selector, or a name, cannot be put into this query.
        AdapterError: The template gives nothing, or cannot be rendered.
    """
    matchers = [*map(matcher_of, selector.requirements), *scope.matchers()]
    values = _values_of(selector) | scope.values()
    return _render(template, subject, matchers, values, scope.group_by())


def render_external(
    template: Template,
    subject: Subject,
    selector: Selector,
    *,
    namespace_label: str = "",
    namespace: str = "",
    group_by: Sequence[str] = (),
) -> str:
    """Render the query of an external metric.

    Args:
        template: Of ``metricsQuery`` or ``timestampQuery``.
        subject: The series.
        selector: Conditions on labels of the series.
        namespace_label: Label that holds the namespace; "" when the query is not bound to one.
        namespace: That namespace.
        group_by: What ``.GroupBy`` holds; prometheus-adapter always leaves it empty.

    Raises:
        BadRequest: The selector, or the namespace, cannot be put into this query.
        AdapterError: The template gives nothing, or cannot be rendered.
    """
    matchers = [matcher_of(requirement) for requirement in selector.requirements]
    values = _values_of(selector)
    if namespace_label:
        matchers.append(_one_of(namespace_label, [namespace]))
        values[namespace_label] = namespace
    return _render(template, subject, matchers, values, group_by)


def matcher_of(requirement: Requirement) -> Matcher:
    """The matcher that means *requirement*.

    One value of ``in`` and ``notin`` is taken as a pattern: that is how patterns are given at
    prometheus-adapter.

    Raises:
        BadRequest: PromQL has nothing like it.
    """
    label, operator, values = requirement.key, requirement.operator, requirement.values
    if not LABEL_NAME.match(label):
        raise BadRequest(
            f"cannot select metrics by {label!r}: labels of Prometheus have letters, digits and _ "
            "only",
            details=False,
        )
    match operator:
        case Operator.EXISTS:
            return Matcher(label, MatchOp.NOT_EQUAL, "")
        case Operator.DOES_NOT_EXIST:
            return Matcher(label, MatchOp.EQUAL, "")
        case Operator.EQUALS | Operator.DOUBLE_EQUALS:
            return Matcher(label, MatchOp.EQUAL, values[0])
        case Operator.NOT_EQUALS:
            return Matcher(label, MatchOp.NOT_EQUAL, values[0])
        case Operator.IN:
            return Matcher(label, MatchOp.REGEX, "|".join(values))
        case Operator.NOT_IN:
            return Matcher(label, MatchOp.NOT_REGEX, "|".join(values))
        case _:
            raise BadRequest(
                f"cannot select metrics by {str(requirement)!r}: Prometheus compares labels only "
                "by =, !=, in, notin, exists and !exists",
                details=False,
            )


def _one_of(label: str, values: Sequence[str]) -> Matcher:
    if not values:
        return Matcher(label, MatchOp.NOT_EQUAL, "")
    if len(values) == 1:
        return Matcher(label, MatchOp.EQUAL, values[0])
    return Matcher(label, MatchOp.REGEX, "|".join(map(escape_regex, values)))


def _given(namespace: str | None) -> Sequence[str]:
    return () if namespace is None else (namespace,)


def _values_of(selector: Selector) -> dict[str, str]:
    return {each.key: "|".join(each.values) for each in selector.requirements}


def _render(
    template: Template,
    subject: Subject,
    matchers: Sequence[Matcher],
    values_by_name: Mapping[str, str],
    group_by: Sequence[str],
) -> str:
    if "LabelValuesByName" in template.fields:
        _check_plain(values_by_name)
    values: dict[str, Value] = {
        "Series": subject.series,
        "SeriesMatchers": subject.series_matchers,
        "LabelMatchers": format_matchers(matchers),
        "LabelValuesByName": values_by_name,
        "GroupBy": ",".join(group_by),
        "GroupBySlice": group_by,
    }
    try:
        text = template.render(values)
    except TemplateError as error:
        raise AdapterError(f"the rule's query cannot be rendered: {error}") from error
    if not text.strip():
        raise AdapterError("the rule's query is empty")
    return text


def _check_plain(values_by_name: Mapping[str, str]) -> None:
    for label, value in values_by_name.items():
        if not _PLAIN_VALUE.match(value):
            shown = value if len(value) <= 60 else value[:60] + "…"
            raise BadRequest(
                f"{label} {shown!r} cannot be put into the query of this metric, which uses "
                ".LabelValuesByName",
                details=False,
            )
