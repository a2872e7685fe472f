"""Rules with ``json`` → metrics ready to be served."""

from adapter.errors import ConfigError
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.extraction import Extraction, SeriesExtraction
from adapter.model.labels import parse_selector
from adapter.rules.findings import Severity
from adapter.rules.json_lint import json_problems
from adapter.rules.json_metric import Access, PodsMetric, URLMetric
from adapter.rules.json_section import JsonPods, JsonSection
from adapter.rules.policy import ValuePolicy
from adapter.rules.schema import DiscoveryRule

MAX_AGE_INTERVALS = 2.5
"""How many intervals old a value may be where the rule does not say: one fetch may fail."""

MAX_AGE_SECONDS = 60.0
"""How old it may be at least, so that a short interval does not make a metric flicker."""


def default_max_age(interval: float) -> float:
    """Age in seconds from which a value is refused, where nothing is said.

    Args:
        interval: Seconds between fetches.

    >>> default_max_age(15.0), default_max_age(120.0)
    (60.0, 300.0)
    """
    return max(MAX_AGE_INTERVALS * interval, MAX_AGE_SECONDS)


def compile_pods_metric(rule: DiscoveryRule, rule_id: str, order: int) -> PodsMetric:
    """Make a rule of ``rules`` with ``json`` ready.

    Args:
        rule: The rule.
        rule_id: What people call it: ``rules[0]``.
        order: Its place among the rules of its section.

    Raises:
        ConfigError: It cannot work; with every reason.
    """
    section = _checked(rule, rule_id, external=False)
    pods = section.pods or JsonPods()
    return PodsMetric(
        id=rule_id,
        order=order,
        metric=rule.metric,
        access=_access(section, rule_id),
        interval=section.interval,
        always=section.always,
        policy=_policy(rule, section),
        extraction=_value(section),
        selector=parse_selector(pods.selector),
        namespaces=frozenset(pods.namespaces),
        include_not_ready=pods.include_not_ready,
        min_ready_age=pods.min_ready_age,
        scheme=section.scheme,
        port=section.port,
        path=section.path,
    )


def compile_url_metric(rule: DiscoveryRule, rule_id: str, order: int) -> URLMetric:
    """Make a rule of ``externalRules`` with ``json`` ready; arguments as for pods.

    Raises:
        ConfigError: It cannot work; with every reason.
    """
    section = _checked(rule, rule_id, external=True)
    return URLMetric(
        id=rule_id,
        order=order,
        metric=rule.metric,
        access=_access(section, rule_id),
        interval=section.interval,
        always=section.always,
        policy=_policy(rule, section),
        extraction=SeriesExtraction(
            _value(section),
            each=compile_path(section.each) if section.each else None,
            labels={label: compile_path(text) for label, text in section.labels.items()},
        ),
        url=section.url,
        allowed_namespaces=frozenset(rule.allowed_namespaces),
    )


def _checked(rule: DiscoveryRule, rule_id: str, *, external: bool) -> JsonSection:
    if rule.json_ is None:
        raise ConfigError([f"{rule_id}: has no 'json'"])
    problems = json_problems(rule, external=external)
    errors = [each.text for each in problems if each.severity is Severity.ERROR]
    if errors:
        raise ConfigError([f"{rule_id}: {text}" for text in errors])
    return rule.json_


def _access(section: JsonSection, rule_id: str) -> Access:
    return Access(
        headers=section.headers,
        auth=section.auth,
        tls=section.tls,
        timeout=section.timeout,
        connect_timeout=section.timeout,
        where=f"{rule_id}.json",
    )


def _policy(rule: DiscoveryRule, section: JsonSection) -> ValuePolicy:
    return ValuePolicy(
        on_empty=rule.on_empty,
        on_nan=rule.on_nan,
        max_age=rule.max_age or default_max_age(section.interval),
        window=rule.window,
    )


def _value(section: JsonSection) -> Extraction:
    return Extraction(
        compile_path(section.query),
        aggregate=section.aggregate,
        value_type=section.value_type,
        timestamp=compile_path(section.timestamp) if section.timestamp else None,
    )
