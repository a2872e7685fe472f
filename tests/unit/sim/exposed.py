"""Reading back what a simulated kubelet exposes."""

from prometheus_client.parser import text_string_to_metric_families

from adapter.sim.workloads import ContainerKey

NODE = "node-0000"
CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
START = "container_start_time_seconds"


def samples(text, name):
    """Value and timestamp by container."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                labels = sample.labels
                key = ContainerKey(labels["namespace"], labels["pod"], labels["container"])
                found[key] = (sample.value, sample.timestamp)
    return found
