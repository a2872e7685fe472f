"""``/stats/summary``: the kubelet's other format (kubelet ``pkg/apis/stats/v1alpha1``).

Times are whole seconds here, as ``metav1.Time`` writes them: the counters are exact, the moments
they belong to are cut.
"""

from typing import Any

import msgspec

from adapter.model.times import format_rfc3339
from adapter.sim.patterns import PAGE_BYTES
from adapter.sim.report import ContainerReport, NodeReport, PodReport, Reading

_GIB = 1 << 30


def render_summary(report: NodeReport) -> bytes:
    """Write *report* as JSON."""
    node = {
        "nodeName": report.node.name,
        "startTime": format_rfc3339(report.started),
        **_usage(report.reading, report.node.system_cpu.at(report.reading.timestamp)),
        "swap": {"time": format_rfc3339(report.reading.timestamp), "swapUsageBytes": 0},
    }
    node["memory"]["availableBytes"] = 64 * _GIB - (report.reading.memory_bytes or 0)
    return msgspec.json.encode({"node": node, "pods": [_pod(pod) for pod in report.pods]})


def _pod(report: PodReport) -> dict[str, Any]:
    containers = [_container(container) for container in report.containers]
    cores = sum(entry.container.cpu.at(report.reading.timestamp) for entry in report.containers)
    return {
        "podRef": {
            "name": report.pod.key.name,
            "namespace": report.pod.key.namespace,
            "uid": report.pod.uid,
        },
        "startTime": format_rfc3339(report.pod.created),
        "containers": containers,
        **_usage(report.reading, cores),
    }


def _container(report: ContainerReport) -> dict[str, Any]:
    cores = report.container.cpu.at(report.reading.timestamp)
    return {
        "name": report.container.key.name,
        "startTime": format_rfc3339(report.started),
        **_usage(report.reading, cores),
        "swap": {"time": format_rfc3339(report.reading.timestamp), "swapUsageBytes": 0},
    }


def _usage(reading: Reading, cores: float) -> dict[str, Any]:
    time = format_rfc3339(reading.timestamp)
    usage: dict[str, Any] = {"cpu": {"time": time}, "memory": {"time": time}}
    if reading.cpu_seconds is not None:
        usage["cpu"]["usageNanoCores"] = round(cores * 1e9)
        usage["cpu"]["usageCoreNanoSeconds"] = int(reading.cpu_seconds * 1e9)
    if reading.memory_bytes is not None:
        usage["memory"]["usageBytes"] = reading.memory_bytes + 256 * PAGE_BYTES
        usage["memory"]["workingSetBytes"] = reading.memory_bytes
        usage["memory"]["rssBytes"] = reading.memory_bytes // 2
        usage["memory"]["pageFaults"] = 0
        usage["memory"]["majorPageFaults"] = 0
    return usage
