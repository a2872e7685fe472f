"""Decode and store the answers of one kubelet with 60 containers, swap series included."""

import itertools

from measure import Row, best_of
from prometheus_client.parser import text_string_to_metric_families

from adapter.sim.clock import ManualClock
from adapter.sim.exposition import render_resource_metrics
from adapter.sim.faults import Faults
from adapter.sim.housekeeping import Housekeeping
from adapter.sim.layout import Layout
from adapter.sim.report import Reporter
from adapter.sim.workloads import Truth
from adapter.sources.kubelet.decode import ResourceDecoder
from adapter.sources.kubelet.storage import NodeStore

RESOLUTION = 15.0
BODIES = 40


def bodies() -> list[bytes]:
    """Answers a period apart; every sample has a time of its own."""
    clock = ManualClock()
    truth = Truth()
    Layout("default", seed=1, now=clock.time()).populate(
        truth, nodes=1, pods_per_node=30, containers_per_pod=2
    )
    housekeeping = Housekeeping(10.0, 1)
    reporter = Reporter(truth, truth.nodes()[0], housekeeping=housekeeping, faults=Faults())
    made = []
    for _ in range(BODIES):
        clock.advance(RESOLUTION)
        made.append(render_resource_metrics(reporter.report(clock.time())).encode())
    return made


def run(slower: float) -> list[Row]:
    answers = bodies()
    decoder, store = ResourceDecoder(), NodeStore("node", RESOLUTION)
    turn = itertools.cycle(answers)
    store.store(decoder.decode(next(turn), 0.0, 0.0), 0.0)

    def decode_and_store() -> None:
        store.store(decoder.decode(next(turn), 0.0, 1.0), 1.0)

    ours = best_of(decode_and_store, number=BODIES)
    strict = best_of(lambda: ResourceDecoder().decode(answers[0], 0.0, 0.0), number=3)
    text = answers[0].decode()
    theirs = best_of(lambda: list(text_string_to_metric_families(text)), repeat=3, number=2)
    return [
        Row("body of 60 containers", len(answers[0]) / 1024, "KiB"),
        Row("decode + store one body", ours * 1e6, "µs", 100.0, slower),
        Row("the same, first time (strict parser)", strict * 1e6, "µs"),
        Row("prometheus_client's parser / ours", theirs / ours, "times"),
    ]
