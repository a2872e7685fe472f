"""``/metrics/resource`` as a kubelet of Kubernetes 1.29 and later writes it.

Families are in alphabetical order, samples sorted by container, namespace and pod; every sample
but the start times and the error gauges carries its own timestamp in milliseconds (KEP-727).
"""

import functools
from collections.abc import Iterable

from adapter.sim.report import ContainerReport, NodeReport, PodReport, Reading
from adapter.sim.workloads import ContainerKey

_CPU = "Cumulative cpu time consumed by the {} in core-seconds"
_MEMORY = "Current working set of the {} in bytes"
_SWAP = "Current amount of the {} in bytes. Reported only on non-windows systems"
_ERROR = "1 if there was an error while getting container metrics, 0 otherwise"
_FAMILIES = {
    "container_cpu_usage_seconds_total": ("counter", f"[STABLE] {_CPU.format('container')}"),
    "container_memory_working_set_bytes": ("gauge", f"[STABLE] {_MEMORY.format('container')}"),
    "container_start_time_seconds": (
        "gauge",
        "[STABLE] Start time of the container since unix epoch in seconds",
    ),
    "container_swap_limit_bytes": ("gauge", f"[ALPHA] {_SWAP.format('container swap limit')}"),
    "container_swap_usage_bytes": ("gauge", f"[ALPHA] {_SWAP.format('container swap usage')}"),
    "node_cpu_usage_seconds_total": ("counter", f"[STABLE] {_CPU.format('node')}"),
    "node_memory_working_set_bytes": ("gauge", f"[STABLE] {_MEMORY.format('node')}"),
    "node_swap_usage_bytes": (
        "gauge",
        "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems",
    ),
    "pod_cpu_usage_seconds_total": ("counter", f"[STABLE] {_CPU.format('pod')}"),
    "pod_memory_working_set_bytes": ("gauge", f"[STABLE] {_MEMORY.format('pod')}"),
    "pod_swap_usage_bytes": ("gauge", f"[ALPHA] {_SWAP.format('pod swap usage')}"),
    "resource_scrape_error": ("gauge", f"[STABLE] {_ERROR}"),
    "scrape_error": ("gauge", f"[ALPHA] (Deprecated since 1.29.0) {_ERROR}"),
}
_GARBAGE = 'container_cpu_usage_seconds_total{container="unclosed 17\n}}} ### not a sample at all\n'


def go_float(value: float) -> str:
    """Write *value* as Go's ``strconv.FormatFloat(value, 'g', -1, 64)`` does.

    >>> [go_float(value) for value in (0, 1.0, 4.710169, 357.35491, 123456, 12533760, 0.00001)]
    ['0', '1', '4.710169', '357.35491', '123456', '1.253376e+07', '1e-05']
    """
    text = repr(float(value))
    if "e" in text:
        return text
    whole, _, fraction = text.partition(".")
    if fraction == "0":
        fraction = ""
    if len(whole.lstrip("-")) <= 6:
        return f"{whole}.{fraction}" if fraction else whole
    sign, whole = ("-", whole[1:]) if whole[0] == "-" else ("", whole)
    digits = (whole[1:] + fraction).rstrip("0")
    return f"{sign}{whole[0]}{'.' if digits else ''}{digits}e+{len(whole) - 1:02d}"


def render_resource_metrics(
    report: NodeReport, *, timestamps: bool = True, garbage: bool = False
) -> str:
    """Write *report* as text exposition.

    Args:
        report: What the kubelet knows.
        timestamps: False leaves all timestamps out.
        garbage: Put two lines nobody can understand among the good ones.
    """
    containers = _containers(report.pods, timestamps=timestamps)
    if garbage:
        containers[0] += _GARBAGE
    node = _node(report.reading, timestamps=timestamps)
    return "".join((*containers, *node, *_pods(report.pods, timestamps=timestamps), *_errors(0)))


def render_scrape_error() -> str:
    """Write what a kubelet writes that could not collect anything."""
    return "".join(_errors(1))


def _containers(pods: Iterable[PodReport], *, timestamps: bool) -> list[str]:
    cpu, memory, start, swap_limit, swap = _new_lists(5)
    for report in sorted((entry for pod in pods for entry in pod.containers), key=_label_order):
        labels = _container_labels(report.container.key)
        stamp = _stamp(report.reading) if timestamps else "\n"
        _, cpu_seconds, memory_bytes = report.reading
        if cpu_seconds is not None:
            value = _counter(cpu_seconds)
            cpu.append(f"container_cpu_usage_seconds_total{labels} {value}{stamp}")
        if memory_bytes is not None:
            value = _repeated_float(memory_bytes)
            memory.append(f"container_memory_working_set_bytes{labels} {value}{stamp}")
        started = _repeated_float(report.started)
        start.append(f"container_start_time_seconds{labels} {started}\n")
        swap_limit.append(f"container_swap_limit_bytes{labels} 0{stamp}")
        swap.append(f"container_swap_usage_bytes{labels} 0{stamp}")
    return [
        _family("container_cpu_usage_seconds_total", cpu),
        _family("container_memory_working_set_bytes", memory),
        _family("container_start_time_seconds", start),
        _family("container_swap_limit_bytes", swap_limit),
        _family("container_swap_usage_bytes", swap),
    ]


def _node(reading: Reading, *, timestamps: bool) -> list[str]:
    stamp = _stamp(reading) if timestamps else "\n"
    cpu = f"node_cpu_usage_seconds_total {_counter(reading.cpu_seconds)}{stamp}"
    memory = f"node_memory_working_set_bytes {go_float(reading.memory_bytes or 0)}{stamp}"
    return [
        _family("node_cpu_usage_seconds_total", [cpu]),
        _family("node_memory_working_set_bytes", [memory]),
        _family("node_swap_usage_bytes", [f"node_swap_usage_bytes 0{stamp}"]),
    ]


def _pods(pods: Iterable[PodReport], *, timestamps: bool) -> list[str]:
    cpu, memory, swap = _new_lists(3)
    for report in sorted(pods, key=lambda report: report.pod.key):
        key = report.pod.key
        labels = f'{{namespace="{key.namespace}",pod="{key.name}"}}'
        stamp = _stamp(report.reading) if timestamps else "\n"
        cpu_seconds = _counter(report.reading.cpu_seconds)
        cpu.append(f"pod_cpu_usage_seconds_total{labels} {cpu_seconds}{stamp}")
        memory_bytes = _repeated_float(report.reading.memory_bytes or 0)
        memory.append(f"pod_memory_working_set_bytes{labels} {memory_bytes}{stamp}")
        swap.append(f"pod_swap_usage_bytes{labels} 0{stamp}")
    return [
        _family("pod_cpu_usage_seconds_total", cpu),
        _family("pod_memory_working_set_bytes", memory),
        _family("pod_swap_usage_bytes", swap),
    ]


def _errors(value: int) -> list[str]:
    names = ("resource_scrape_error", "scrape_error")
    return [_family(name, [f"{name} {value}\n"]) for name in names]


def _family(name: str, lines: list[str]) -> str:
    if not lines:
        return ""
    kind, text = _FAMILIES[name]
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{''.join(lines)}"


def _new_lists(count: int) -> list[list[str]]:
    return [[] for _ in range(count)]


def _label_order(report: ContainerReport) -> tuple[str, str, str]:
    key = report.container.key
    return key.name, key.namespace, key.pod


_repeated_float = functools.lru_cache(maxsize=1 << 16)(go_float)
"""For memory and start times, which are the same from scrape to scrape."""


@functools.lru_cache(maxsize=1 << 16)
def _container_labels(key: ContainerKey) -> str:
    return f'{{container="{key.name}",namespace="{key.namespace}",pod="{key.pod}"}}'


def _counter(cpu_seconds: float | None) -> str:
    # cAdvisor counts nanoseconds.
    return go_float(int((cpu_seconds or 0.0) * 1e9) / 1e9)


def _stamp(reading: Reading) -> str:
    return f" {round(reading.timestamp * 1000)}\n"
