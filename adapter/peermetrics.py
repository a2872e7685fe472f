"""Own metrics under the names of metrics-server and apiserver, which dashboards and alerts know.

Nothing is measured for them but what each kubelet took: the others are made of our own metrics when
somebody asks. Types, labels and buckets are the peers' (metrics-server ``pkg/scraper``,
``pkg/server``, ``pkg/api``; apiserver ``pkg/endpoints/metrics``), labels we know nothing of are
left out.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.samples import Sample

DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Those of Prometheus' Go client, in seconds."""

NODES_PER_CHUNK = 100
"""Kubelets written at once: 1,400 lines, half a millisecond."""

_NEAR = 0.005

_REQUEST_SECONDS = "metrics_server_kubelet_request_duration_seconds"
_LAST_REQUEST = "metrics_server_kubelet_last_request_time_seconds"
_TICK_SECONDS = "metrics_server_manager_tick_duration_seconds"


def tick_buckets(resolution: float) -> tuple[float, ...]:
    """Buckets for what lasts about *resolution* seconds (metrics-server ``pkg/utils``).

    >>> tick_buckets(15.0)[-5:]
    (10.0, 12.5, 15.0, 22.5, 30.0)
    """
    last = DEFAULT_BUCKETS[-1]
    if resolution > last:
        more = (last + (resolution - last) / 2, resolution, 1.5 * resolution, 2 * resolution)
        return (*DEFAULT_BUCKETS, *more)
    if any(abs(bound - resolution) <= _NEAR for bound in DEFAULT_BUCKETS):
        return DEFAULT_BUCKETS
    return tuple(sorted((*DEFAULT_BUCKETS, resolution)))


class Buckets:
    """Observations, counted by bucket; much smaller than a ``Histogram`` with its labels."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float] = DEFAULT_BUCKETS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count *value*."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, label: str = "") -> Iterator[str]:
        """The histogram *name* as text; *label* is a label that all lines have, with a comma."""
        total = 0
        for bound, count in zip((*self._bounds, math.inf), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{label}le="{_go_text(bound)}"}} {total}\n'
        braces = f"{{{label[:-1]}}}" if label else ""
        yield f"{name}_sum{braces} {self._sum}\n{name}_count{braces} {total}\n"


class KubeletRequests:
    """What each kubelet's scrapes took. Durations are seconds, times Unix seconds."""

    def __init__(self) -> None:
        self._durations: dict[str, Buckets] = {}
        self._last: dict[str, int] = {}
        self._resolution = 0.0
        self._ticks = Buckets()
        self._tick_began = 0.0
        self._slowest = 0.0

    def begin(self, resolution: float) -> None:
        """Every kubelet will be scraped once in *resolution* seconds."""
        self._resolution = resolution
        self._ticks = Buckets(tick_buckets(resolution))

    def observe(self, node: str, duration: float, ended: float) -> None:
        """A scrape of *node* has ended, well or not.

        Of all those of a period the slowest stands for what metrics-server calls a tick: it scrapes
        all kubelets at once, and waits for them.
        """
        buckets = self._durations.get(node)
        if buckets is None:
            buckets = self._durations[node] = Buckets()
        buckets.observe(duration)
        self._last[node] = int(ended - duration)
        if ended - self._tick_began >= self._resolution:
            if self._tick_began:
                self._ticks.observe(self._slowest)
            self._tick_began, self._slowest = ended, 0.0
        self._slowest = max(self._slowest, duration)

    def forget(self, node: str) -> None:
        """*node* is not scraped any more."""
        self._durations.pop(node, None)
        self._last.pop(node, None)

    def chunks(self) -> Iterator[bytes]:
        """Text exposition, in pieces that each take little time."""
        yield _head(_TICK_SECONDS, "histogram", "The slowest scrape of each period.")
        yield "".join(self._ticks.lines(_TICK_SECONDS)).encode()
        yield _head(_LAST_REQUEST, "gauge", "When the last scrape of a kubelet began.")
        for nodes in _parts(list(self._last)):
            yield "".join(
                [
                    f'{_LAST_REQUEST}{{node="{_escaped(node)}"}} {self._last[node]}\n'
                    for node in nodes
                    if node in self._last
                ]
            ).encode()
        yield _head(_REQUEST_SECONDS, "histogram", "Time of the scrapes of a kubelet.")
        for nodes in _parts(list(self._durations)):
            found = [(node, self._durations[node]) for node in nodes if node in self._durations]
            yield "".join(
                [
                    line
                    for node, buckets in found
                    for line in buckets.lines(_REQUEST_SECONDS, f'node="{_escaped(node)}",')
                ]
            ).encode()


class _Families:
    """What was collected, for ``generate_latest``."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        return self._metrics


class Exposition:
    """Our own metrics, those of *registry*, and the peers', made of them and of *kubelets*."""

    def __init__(self, registry: CollectorRegistry, kubelets: KubeletRequests) -> None:
        self._registry = registry
        self._kubelets = kubelets
        self._process = ProcessCollector(registry=None)

    def chunks(self) -> Iterator[bytes]:
        """Text exposition of all, in pieces."""
        own = list(self._registry.collect())  # once: some are counted when they are asked for
        yield _text(own)
        yield _text([*self._peers(own), *self._process.collect()])
        yield from self._kubelets.chunks()

    def _peers(self, own: Iterable[Metric]) -> Iterator[Metric]:
        by_name = {metric.name: metric for metric in own}
        for name, source, kind, documentation, labels in _ALIASES:
            if source in by_name:
                yield _renamed(by_name[source], Metric(name, documentation, kind), labels)


def _text(metrics: Iterable[Metric]) -> bytes:
    return generate_latest(_Families(metrics))


Labels = Callable[[Mapping[str, str]], dict[str, str]]


def _renamed(source: Metric, made: Metric, labels: Labels) -> Metric:
    """The samples of *source* under the name and labels of *made*; those alike are added up."""
    values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = defaultdict(float)
    for sample in source.samples:
        suffix = sample.name.removeprefix(source.name)
        if suffix == "_created":
            continue
        kept = labels(sample.labels)
        if "le" in sample.labels:
            kept["le"] = _go_text(float(sample.labels["le"]))
        values[made.name + suffix, tuple(kept.items())] += sample.value
    made.samples = [Sample(name, dict(items), value) for (name, items), value in values.items()]
    return made


_HTTP_VERBS = {"create": "POST", "update": "PUT"}


def _request(labels: Mapping[str, str]) -> dict[str, str]:
    verb = _HTTP_VERBS.get(labels["verb"], labels["verb"].upper())
    rest = {name: labels[name] for name in ("group", "resource", "code") if name in labels}
    return {"verb": verb, **rest}


def _same(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "le"}


_ALIASES: tuple[tuple[str, str, str, str, Labels], ...] = (
    (
        "apiserver_request",
        "viaduct_api_requests",
        "counter",
        "Requests answered, as viaduct_api_requests_total.",
        _request,
    ),
    (
        "apiserver_request_duration_seconds",
        "viaduct_api_request_duration_seconds",
        "histogram",
        "Time to answer a request, as viaduct_api_request_duration_seconds.",
        _request,
    ),
    (
        "apiserver_current_inflight_requests",
        "viaduct_server_requests_in_flight",
        "gauge",
        "Requests being answered, as viaduct_server_requests_in_flight.",
        lambda _: {"request_kind": "readOnly"},
    ),
    (
        "metrics_apiserver_metric_freshness_seconds",
        "viaduct_api_value_age_seconds",
        "histogram",
        "Age of values answered, as viaduct_api_value_age_seconds.",
        _same,
    ),
    (
        "metrics_server_api_metric_freshness_seconds",
        "viaduct_resource_metrics_age_seconds",
        "histogram",
        "Age of samples answered, as viaduct_resource_metrics_age_seconds.",
        lambda _: {},
    ),
    (
        "metrics_server_kubelet_request",
        "viaduct_kubelet_scrapes",
        "counter",
        "Scrapes of kubelets, as viaduct_kubelet_scrapes_total.",
        lambda labels: {"success": "true" if labels["result"] == "success" else "false"},
    ),
    (
        "metrics_server_storage_points",
        "viaduct_kubelet_storage_points",
        "gauge",
        "Nodes and containers that can be served, as viaduct_kubelet_storage_points.",
        _same,
    ),
)
"""Name, our own, type, help, and the labels made of our own; counters without their ``_total``."""


def _head(name: str, kind: str, documentation: str) -> bytes:
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n".encode()


def _go_text(bound: float) -> str:
    """The bound of a bucket as Go's client writes it."""
    return "+Inf" if bound == math.inf else f"{bound:g}"


def _parts(nodes: Sequence[str]) -> Iterator[Sequence[str]]:
    return (
        nodes[start : start + NODES_PER_CHUNK] for start in range(0, len(nodes), NODES_PER_CHUNK)
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
