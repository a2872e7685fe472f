"""Checks of a rule with ``json``: what cannot work, and what is hardly meant."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

from adapter.errors import BadRequest
from adapter.jsonpath.errors import JSONPathError
from adapter.jsonpath.expressions import compile_path
from adapter.model.labels import parse_selector
from adapter.model.names import qualified_name_problems
from adapter.rules.findings import Path, Problem, Severity
from adapter.rules.json_lint_access import access_problems
from adapter.rules.json_section import JsonPods, JsonSection
from adapter.rules.naming import usable_name
from adapter.rules.schema import DiscoveryRule
from adapter.rules.urls import read_url

SHORTEST_INTERVAL = 1.0
"""Seconds between two fetches of one document, at least."""

_NAMESPACE = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f]")
_SECRET_PARAMETER = re.compile(
    r"(?i)[?&](([^=&]*[-_])?(token|secret|password|passwd|sig|signature)|[^=&]*(api|access)[-_]?key)="
)

_POINTLESS = {
    "seriesQuery": "no series is looked for: remove it, or 'json'",
    "seriesFilters": "no series is looked for: remove it, or 'json'",
    "resources": "a metric of 'json.pods' belongs to pods, one of 'json.url' to nothing",
    "name": "'metric' is its name",
    "metricsQuery": "'json.query' says which number of the document it is",
    "timestampQuery": "'json.timestamp' says where the document has its time",
    "backend": "'json' says what is asked",
    "cacheTTL": "'json.interval' says how often the document is fetched",
    "namespaceLabel": "a document has no namespaces: 'allowedNamespaces' says who may ask",
    "sourceNamespace": "a document has no namespaces: 'allowedNamespaces' says who may ask",
}
"""Fields that say nothing of a document, and what to do about them."""

_FIELDS = {field.alias: name for name, field in DiscoveryRule.model_fields.items()}

_ONLY_FOR_PODS = {
    "pods": "an external metric is read from one 'url'",
    "port": "write it into 'url'",
    "path": "write it into 'url'",
    "scheme": "write it into 'url'",
}
_ONLY_FOR_URLS = {
    "url": "pods are asked at their own addresses: give 'pods', 'port' and 'path'",
    "each": "a pod has one value: 'aggregate' makes one of several",
    "labels": "the value of a pod has the pod's name, and no labels",
}


def json_problems(rule: DiscoveryRule, *, external: bool) -> Iterator[Problem]:
    """Find what is wrong with *rule*, which has ``json``; paths are relative to it.

    Args:
        rule: A rule that is well-formed.
        external: Whether it stands in ``externalRules``.
    """
    section = rule.json_
    if section is None:
        return
    yield from _name_problems(rule)
    yield from _pointless(rule, external=external)
    yield from _namespace_problems(rule.allowed_namespaces, ("allowedNamespaces",))
    yield from _age_problems(rule, section)
    within = chain(
        _url_problems(section) if external else _pod_problems(section),
        _expression_problems(section),
        _time_problems(section),
        access_problems(section, external=external),
    )
    yield from (problem.below("json") for problem in within)


def _name_problems(rule: DiscoveryRule) -> Iterator[Problem]:
    if not rule.metric:
        text = "json: needs 'metric', the name in the API"
        yield Problem((), text, "such as metric: queue_length", fatal=True)
    elif not usable_name(rule.metric):
        text = f"metric: {rule.metric!r} cannot stand in a path"
        yield Problem(("metric",), text, "use letters, digits, _, - and .", fatal=True)


def _pointless(rule: DiscoveryRule, *, external: bool) -> Iterator[Problem]:
    for field, hint in _POINTLESS.items():
        if field == "sourceNamespace" and not external:
            continue  # told for every rule
        name = _FIELDS[field]
        default = DiscoveryRule.model_fields[name].default
        if name in rule.model_fields_set and getattr(rule, name) != default:
            text = f"{field}: is for rules that ask Prometheus, but 'json' gives the value"
            yield Problem((field,), text, hint, fatal=True, key=True)


def _namespace_problems(names: Iterable[str], path: Path) -> Iterator[Problem]:
    for number, name in enumerate(names):
        if not _NAMESPACE.match(name):
            text = f"{path[-1]}[{number}]: {name[:63]!r} is no name of a namespace"
            hint = "lower-case letters, digits and dashes; there are no patterns"
            yield Problem((*path, number), text, hint, fatal=True)


def _age_problems(rule: DiscoveryRule, section: JsonSection) -> Iterator[Problem]:
    if "max_age" in rule.model_fields_set and rule.max_age == 0:
        text = "maxAge: a number from JSON is never served without a limit of its age"
        hint = "remove it for 2.5 times 'json.interval', at least 60s, or give a duration"
        yield Problem(("maxAge",), text, hint, Severity.WARNING)
    elif 0 < rule.max_age < section.interval:
        text = "maxAge: is shorter than 'json.interval', so there is no value before each fetch"
        yield Problem(("maxAge",), text, "twice the interval, or more", Severity.WARNING)


def _pod_problems(section: JsonSection) -> Iterator[Problem]:
    wrong = list(_misplaced(section, _ONLY_FOR_URLS, "externalRules"))
    yield from wrong
    if section.pods is None:
        if not section.url:
            text = "json: needs 'pods', which says what pods are asked"
            hint = "such as pods: {selector: app=web}, or move the rule to 'externalRules'"
            yield Problem((), text, hint, fatal=True, key=True)
        return
    if not section.port:
        text = "json: needs 'port', a number or the name of a container's port"
        yield Problem((), text, "such as port: 8080", fatal=True, key=True)
    if not section.path.startswith("/"):
        yield Problem(("path",), "path: must begin with /", "such as /stats", fatal=True)
    yield from _text_problems("path", section.path)
    yield from (problem.below("pods") for problem in _choice_problems(section.pods))


def _choice_problems(pods: JsonPods) -> Iterator[Problem]:
    try:
        parse_selector(pods.selector)
    except BadRequest as error:
        text = f"selector: not a label selector: {error}"
        yield Problem(("selector",), text, "such as app=web,tier in (front, back)", fatal=True)
    if not pods.selector.strip() and not pods.namespaces:
        text = "pods: every pod of the cluster is asked"
        hint = "give a 'selector', such as app=web, or 'namespaces'"
        yield Problem((), text, hint, Severity.WARNING, key=True)
    yield from _namespace_problems(pods.namespaces, ("namespaces",))
    if pods.include_not_ready and pods.min_ready_age:
        text = "minReadyAge: leaves out the pods that 'includeNotReady' is for"
        yield Problem(("minReadyAge",), text, "remove one of them", fatal=True, key=True)


def _url_problems(section: JsonSection) -> Iterator[Problem]:
    yield from _misplaced(section, _ONLY_FOR_PODS, "rules")
    if not section.url:
        if section.pods is None:
            text = "json: needs 'url', where the document is"
            hint = "such as https://broker.example.com/stats, or move the rule to 'rules'"
            yield Problem((), text, hint, fatal=True, key=True)
        return
    complete, credentials = read_url(section.url)
    if credentials:
        text = "url: must not hold user and password"
        hint = "give them as 'auth.basic', the password in a file"
        yield Problem(("url",), text, hint, fatal=True)
    elif not complete:
        text = "url: must begin with http:// or https:// and name a host"
        hint = "such as https://broker.example.com/stats; a port is 1 to 65535"
        yield Problem(("url",), text, hint, fatal=True)
    yield from _text_problems("url", section.url)


def _text_problems(field: str, text: str) -> Iterator[Problem]:
    """Find what cannot be in a URL or its path; the text itself is never repeated."""
    wrong = _NOT_IN_URLS.search(text)
    if wrong:
        what = f"{field}: has a space or a control character"
        hint = "write a space as %20"
        yield Problem((field,), what, hint, fatal=True, offset=wrong.start())
    if "#" in text:
        what = f"{field}: has a fragment, which no server gets to see"
        hint = "remove # and what follows, or write it as %23"
        yield Problem((field,), what, hint, fatal=True, offset=text.index("#"))
    if _SECRET_PARAMETER.search(text):
        what = f"{field}: its query seems to hold a secret, which all can read who see the rules"
        hint = "send it as a header whose 'valueFile' names a file, if the server takes it so"
        yield Problem((field,), what, hint, Severity.WARNING)


def _misplaced(section: JsonSection, fields: dict[str, str], home: str) -> Iterator[Problem]:
    for field, hint in fields.items():
        given = field in section.model_fields_set
        if given and getattr(section, field) not in ("", None, {}):
            text = f"{field}: is for {home!r} only"
            yield Problem((field,), text, hint, fatal=True, key=True)


def _expression_problems(section: JsonSection) -> Iterator[Problem]:
    yield from _path_problems(("query",), section.query, section.each)
    if section.each:
        yield from _path_problems(("each",), section.each)
    if section.timestamp:
        yield from _path_problems(("timestamp",), section.timestamp, section.each)
    for label, text in section.labels.items():
        if qualified_name_problems(label):
            what = f"labels: {label[:63]!r} is no name of a label"
            hint = "as selectors of HPAs can have it: letters, digits, '-', '_' and '.'"
            yield Problem(("labels", label), what, hint, fatal=True, key=True)
        yield from _path_problems(("labels", label), text, section.each)
    if section.aggregate is None and _finds_all(section.query):
        text = "query: may find several values, which are an error"
        hint = "say by 'aggregate' what becomes of them"
        yield Problem(("query",), text, hint, Severity.WARNING)


def _finds_all(query: str) -> bool:
    """Whether *query* asks for all of an array; filters and ``..`` are often meant to find one."""
    with suppress(JSONPathError):
        return any(segment.text == "[*]" for segment in compile_path(query).segments)
    return False


def _path_problems(path: Path, text: str, each: str | None = None) -> Iterator[Problem]:
    """Find what is wrong with the JSONPath *text*; *each* finds the items it is read within."""
    name = ".".join(map(str, path))
    if not text.strip():
        hint = "a JSONPath such as $.queue.length"
        yield Problem(path, f"{name}: is empty", hint, fatal=True)
        return
    try:
        compile_path(text)
    except JSONPathError as error:
        what, mended, instead = str(error).partition(": write ")
        hint = f"write {instead}" if mended else "such as $.queue.length"
        problem = f"{name}: not a JSONPath: {what}"
        yield Problem(path, problem, hint, fatal=True, offset=error.position or 0)
    else:
        items = (each or "$").strip()
        within = text.strip().removeprefix(items)
        if items != "$" and within[:1] in {".", "["}:
            what = f"{name}: begins as 'each' does, but is read within an item"
            yield Problem(path, what, f"write ${within}", Severity.WARNING)


def _time_problems(section: JsonSection) -> Iterator[Problem]:
    if section.interval < SHORTEST_INTERVAL:
        hint = "HPAs ask every 15s; shorter intervals cost each pod a request"
        yield Problem(("interval",), "interval: must be 1s or more", hint, fatal=True)
    if section.timeout <= 0:
        yield Problem(("timeout",), "timeout: must be positive", "such as 5s", fatal=True)
    elif section.timeout <= section.interval or section.interval < SHORTEST_INTERVAL:
        return
    elif "timeout" not in section.model_fields_set:
        text = "interval: is shorter than 'timeout', by default 5s, so a slow fetch delays the next"
        hint = "give a third of it, such as timeout: 1s"
        yield Problem(("interval",), text, hint, Severity.WARNING)
    else:
        text = "timeout: is longer than 'interval', so a slow fetch delays the next"
        yield Problem(("timeout",), text, "such as a third of 'interval'", Severity.WARNING)
