"""A rule made ready: patterns compiled, templates parsed, the series selector understood."""

from dataclasses import dataclass

from adapter.promql.matchers import format_matchers
from adapter.promql.selectors import PromQLError, SeriesSelector, parse_series_selector
from adapter.promql.template import Template, parse_template
from adapter.rules.naming import SeriesNamer
from adapter.rules.schema import DiscoveryRule
from adapter.rules.sections import QUERY_FIELDS


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CompiledRule:
    """One rule of ``rules`` or ``externalRules``; compared by identity.

    Attributes:
        id: What people call it: ``rules[0]``.
        rule: As it stands in the file.
        namer: Series name → name in the API.
        selector: Of ``seriesQuery``; None where there is none or it is no selector.
        query: Of ``metricsQuery``.
        timestamp_query: Of ``timestampQuery``, if any.
        problem: Why the rule cannot work, or None. Such a rule is served as failing; the others
            are not concerned.
        order: Its place among the rules of its section; of two that give one metric the lower wins.
    """

    id: str
    rule: DiscoveryRule
    namer: SeriesNamer
    selector: SeriesSelector | None
    query: Template
    timestamp_query: Template | None
    problem: str | None
    order: int = 0

    @property
    def series_matchers(self) -> str:
        """What ``.SeriesMatchers`` prints: the matchers of ``seriesQuery`` except for names."""
        matchers = self.selector.matchers if self.selector else ()
        return format_matchers(each for each in matchers if each.label != "__name__")


def compile_rule(rule: DiscoveryRule, rule_id: str, order: int = 0) -> CompiledRule:
    """Make *rule* ready.

    Raises:
        ConfigError: A pattern of its names cannot be used.
    """
    selector, problem = None, None
    if rule.series_query:
        try:
            selector = parse_series_selector(rule.series_query)
        except PromQLError as error:
            problem = f"seriesQuery is no series selector: {error}"
    elif not rule.metric:
        problem = "seriesQuery is empty, and so is metric"
    if not rule.metrics_query.strip():
        problem = problem or "metricsQuery is empty"
    return CompiledRule(
        id=rule_id,
        rule=rule,
        namer=SeriesNamer(rule),
        selector=selector,
        query=parse_template(rule.metrics_query, QUERY_FIELDS),
        timestamp_query=(
            parse_template(rule.timestamp_query, QUERY_FIELDS) if rule.timestamp_query else None
        ),
        problem=problem,
        order=order,
    )
