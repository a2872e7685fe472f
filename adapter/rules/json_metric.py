"""Metrics read from JSON, ready to be served: what rule files and annotations of HPAs both give."""

from dataclasses import dataclass, field

from adapter.jsonpath.extraction import Extraction, SeriesExtraction
from adapter.model.labels import EVERYTHING, Selector
from adapter.rules.backends import BackendHeader
from adapter.rules.json_section import JsonAuth, JsonTLS, Scheme
from adapter.rules.policy import ValuePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How documents are fetched: what is sent, how long is waited. Hashable.

    Attributes:
        headers: Further headers.
        auth: What proves who we are.
        tls: TLS with the endpoint.
        timeout: Seconds one fetch may take.
        connect_timeout: Seconds of it for the connection.
        where: What its texts begin with where they are about these settings: ``rules[0].json``.
    """

    headers: tuple[BackendHeader, ...] = ()
    auth: JsonAuth = field(default_factory=JsonAuth)
    tls: JsonTLS = field(default_factory=JsonTLS)
    timeout: float = 5.0
    connect_timeout: float = 5.0
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _JsonMetric:
    """What both kinds have; compared by identity.

    Attributes:
        id: What people call it: ``rules[0]``, or ``HorizontalPodAutoscaler default/web``.
        order: Its place among the rules of its section; of two that give one metric the lower wins.
        metric: Name in the API.
        access: How documents are fetched.
        interval: Seconds between fetches while somebody asks.
        always: Whether it is fetched though nobody asks.
        policy: What missing, odd and old values mean.
    """

    id: str
    order: int = 0
    metric: str
    access: Access
    interval: float
    always: bool = False
    policy: ValuePolicy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodsMetric(_JsonMetric):
    """A custom metric of pods: one value from the document of each.

    Attributes:
        extraction: The value in a document.
        selector: Labels of the pods.
        namespaces: Theirs; empty for all.
        include_not_ready: Whether pods that are not ready are asked.
        min_ready_age: Seconds a pod must have been ready.
        scheme: How they are spoken to.
        port: Number, or name of a container's port.
        path: Path and query of the document.
    """

    extraction: Extraction
    selector: Selector = EVERYTHING
    namespaces: frozenset[str] = frozenset()
    include_not_ready: bool = False
    min_ready_age: float = 0.0
    scheme: Scheme = Scheme.HTTP
    port: int | str
    path: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class URLMetric(_JsonMetric):
    """An external metric: one or more series from one document.

    Attributes:
        extraction: The series in the document.
        url: Where it is.
        allowed_namespaces: Who may ask; empty for all.
    """

    extraction: SeriesExtraction
    url: str
    allowed_namespaces: frozenset[str] = frozenset()
