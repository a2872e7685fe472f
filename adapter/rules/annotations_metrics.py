"""Options of annotations on an HPA → metrics, one function for each collector. Pure.

Defaults are kube-metrics-adapter's: 60 s between two fetches (its
``--default-collection-interval``), 15 s for a fetch and for its connection, no least age.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

from adapter.jsonpath.errors import JSONPathError
from adapter.jsonpath.evaluation import compile_script
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.extraction import Aggregate, Extraction, SeriesExtraction
from adapter.promql.analysis import check_promql
from adapter.promql.syntax import PromQLError
from adapter.rules.annotations_keys import did_you_mean
from adapter.rules.annotations_options import Options
from adapter.rules.backends import DEFAULT_BACKEND
from adapter.rules.json_metric import Access, PodsMetric, URLMetric
from adapter.rules.json_section import Scheme
from adapter.rules.policy import ValuePolicy
from adapter.rules.schema import OnEmpty, OnNaN
from adapter.rules.urls import read_url

INTERVAL_SECONDS = 60.0
TIMEOUT_SECONDS = 15.0

LEAST_INTERVAL = 1.0
"""Seconds; an HPA asks each 15 s."""

LEAST_TIMEOUT = 0.001
"""Seconds; zero would be no limit."""

MOST_TIMEOUT = 60.0
"""Seconds; all HPAs share the fetches under way at once, and one that hangs is one of these."""

ORDER = 1_000_000
"""Place among the rules: after those of rule files, which whoever runs the cluster writes."""

MAX_AGE_INTERVALS = 2.5
LEAST_MAX_AGE = 60.0
"""Up to which age a value is served, as for a rule with ``json``: one fetch may fail."""

ENDPOINT = "endpoint"
PER_REPLICA = "per-replica"
QUERY_NAME = "query-name"

_EXTRACTION = ("json-key", "json-eval", "aggregator")
_ACCESS = ("request-timeout", "connect-timeout", "interval")
PODS_OPTIONS = frozenset(
    (*_EXTRACTION, *_ACCESS, "path", "port", "scheme", "raw-query", "min-pod-ready-age")
)
URL_OPTIONS = frozenset((*_EXTRACTION, *_ACCESS, ENDPOINT))
PROMETHEUS_OPTIONS = frozenset(
    ("query", "prometheus-server", "prometheus-server-alias", "interval", QUERY_NAME)
)

_PATH_SAFE = "/!$&'()*+,;=:@-._~"
_QUERY_SAFE = f"{_PATH_SAFE}?%[]"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrometheusMetric:
    """A metric that is the result of one query; compared by identity.

    Attributes:
        id: What people call the HPA that defines it.
        metric: Name in the API.
        backend: Name of the server asked.
        query: The query.
        keep_seconds: How long a result serves; None for the usual time.
    """

    id: str
    metric: str
    backend: str
    query: str
    keep_seconds: float | None = None


Servers = Mapping[str, str]
"""URLs of the Prometheus servers there are, by name."""


def pods_metric(options: Options, owner: str, namespace: str) -> PodsMetric | None:
    """A metric of pods by ``json-path``; None where *options* then hold what is wrong."""
    options.unknown(PODS_OPTIONS)
    extraction = _extraction(options)
    port = options.port("port")
    scheme = options.choice("scheme", Scheme) or Scheme.HTTP
    access = _access(options, owner)
    interval = _interval(options)
    age = options.duration("min-pod-ready-age", 0.0)
    if extraction is None or not options.usable:
        return None
    return PodsMetric(
        id=owner,
        order=ORDER,
        metric=options.metric,
        access=access,
        interval=interval,
        policy=_policy(interval),
        extraction=extraction,
        namespaces=frozenset((namespace,)),
        min_ready_age=age,
        scheme=scheme,
        port=port,
        path=_path(options),
    )


def url_metric(options: Options, owner: str, namespace: str) -> URLMetric | None:
    """A metric of one URL by ``json-path``; None where *options* then hold what is wrong."""
    options.unknown(URL_OPTIONS)
    extraction = _extraction(options)
    url = options.needed(ENDPOINT, "write the URL of the document")
    if url:
        _check_url(options, url)
    access = _access(options, owner)
    interval = _interval(options)
    if extraction is None or not options.usable:
        return None
    return URLMetric(
        id=owner,
        order=ORDER,
        metric=options.metric,
        access=access,
        interval=interval,
        policy=_policy(interval),
        extraction=SeriesExtraction(extraction),
        url=url,
        allowed_namespaces=frozenset((namespace,)),
    )


def prometheus_metric(
    options: Options, owner: str, servers: Servers, queries: frozenset[str]
) -> PrometheusMetric | None:
    """A metric that is a query's result; None where *options* then hold what is wrong.

    Args:
        options: What is given.
        owner: The HPA, as people call it.
        servers: Who can be asked.
        queries: Options that are names of queries, of this metric or of others of its name.
    """
    options.unknown(PROMETHEUS_OPTIONS | queries)
    # a query named by the label query-name is how it was done before there was the option query
    named = options.text(QUERY_NAME)
    option = named if named and "query" not in options.given else "query"
    query = options.needed(option, "write the PromQL whose result is the metric")
    if query:
        _doubt(options, option, query)
    backend = _backend(options, servers)
    keep = _interval(options) if "interval" in options.given else None
    if not options.usable:
        return None
    return PrometheusMetric(
        id=owner, metric=options.metric, backend=backend, query=query, keep_seconds=keep
    )


def per_replica(options: Options) -> bool:
    """Whether the value is to be divided by the number of replicas."""
    text = options.text(PER_REPLICA)
    if PER_REPLICA in options.given and text != "true":
        # kube-metrics-adapter takes any value for yes, "false" too
        options.wrong(PER_REPLICA, f"{text[:20]!r} is not known", 'write "true", or leave it out')
    return text == "true"


def _extraction(options: Options) -> Extraction | None:
    key, script = options.text("json-key"), options.text("json-eval")
    if key and script:
        options.wrong("json-eval", "there is json-key, too", "give one of them")
        return None
    option, text = ("json-eval", script) if script else ("json-key", key)
    if not options.needed(option, "write the JSONPath of the value, such as $.http_server.rps"):
        return None
    aggregate = options.choice("aggregator", Aggregate)
    try:
        query = _script(text) if script else _path_of(text)
    except JSONPathError as error:
        options.wrong(option, str(error))
        return None
    return Extraction(query, aggregate=aggregate)


# a millisecond each, and the HPAs of a cluster are often made from one template
_path_of = lru_cache(maxsize=4096)(compile_path)
_script = lru_cache(maxsize=4096)(compile_script)


def _access(options: Options, owner: str) -> Access:
    request, connect = (
        options.duration(f"{part}-timeout", TIMEOUT_SECONDS, least=LEAST_TIMEOUT, most=MOST_TIMEOUT)
        for part in ("request", "connect")
    )
    return Access(timeout=request, connect_timeout=connect, where=owner)


def _interval(options: Options) -> float:
    return options.duration("interval", INTERVAL_SECONDS, least=LEAST_INTERVAL)


def _policy(interval: float) -> ValuePolicy:
    return ValuePolicy(
        on_empty=OnEmpty.ERROR,
        on_nan=OnNaN.ERROR,
        max_age=max(LEAST_MAX_AGE, MAX_AGE_INTERVALS * interval),
        window=0.0,
    )


def _path(options: Options) -> str:
    path = quote(options.text("path"), safe=_PATH_SAFE)
    query = quote(options.text("raw-query"), safe=_QUERY_SAFE)
    return f"/{path.removeprefix('/')}" + (f"?{query}" if query else "")


def _check_url(options: Options, url: str) -> None:
    # what is wrong may be that it holds a secret, so it is not shown
    complete, credentials = read_url(url)
    if credentials:
        options.wrong(
            ENDPOINT,
            "the URL holds a user or password, which everybody could read here",
            "write a rule with 'json' and 'auth', which names a file, in place of annotations",
        )
    elif not complete or any(sign <= " " or sign == "\x7f" for sign in url):
        options.wrong(ENDPOINT, "is no URL that can be fetched", "write http://host:port/path")


def _backend(options: Options, servers: Servers) -> str:
    """Name of the server to ask.

    Only those that whoever runs the cluster has named: any other URL would let each author of an
    HPA make this server send requests anywhere.
    """
    url, alias = options.text("prometheus-server"), options.text("prometheus-server-alias")
    if url:  # goes before the alias, as at kube-metrics-adapter
        wanted = _normal(url)
        found = [name for name, known in servers.items() if wanted and _normal(known) == wanted]
        if not found:
            text = "this server may not be asked: no server known here has this URL"
            options.wrong(
                "prometheus-server", text, "let it be added to 'backends' of the rule file"
            )
        return found[0] if found else ""
    name = alias or DEFAULT_BACKEND
    if name not in servers:
        _no_server(options, alias, servers)
    return name


def _doubt(options: Options, option: str, query: str) -> None:
    """Tell what Prometheus would refuse; it is asked all the same, others than it know more."""
    try:
        check_promql(query)
    except PromQLError as error:
        hint = "it is asked as it is, but Prometheus will refuse it"
        options.wrong(option, f"is no PromQL: {error}", hint, fatal=False)


def _no_server(options: Options, alias: str, servers: Servers) -> None:
    if alias:
        add = "let it be added to 'backends' of the rule file"
        hint = did_you_mean(alias, servers, add)
        text = f"there is no server {alias[:60]!r}"
        options.wrong("prometheus-server-alias", text, hint)
        return
    hint = "let --prometheus-url be set, or name one of 'backends' of the rule file here"
    options.wrong("prometheus-server-alias", "no default server is configured", hint)


def _normal(url: str) -> tuple[str, str, int, str] | None:
    """What makes two URLs the same server's; None where it is none, or has more than that."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")
