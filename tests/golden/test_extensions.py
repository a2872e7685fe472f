"""The fields that are ours, one file each: rules, what is asked and answered, and what comes of it.

A case is a file: rules, a line of dashes, requests with the backend's answers (YAML), a line of
dashes, and for each request the queries that were sent (``?`` and the backend's name where it is
not the default one) and the values with their age, or the status and message.

A request has ``pods: NAMESPACE/NAME…`` or ``external: NAMESPACE/METRIC``, perhaps ``selector``;
``after`` turns the clock first; ``answer`` lists rows as ``series value``, ``times`` those of a
query for times, as seconds ago.
"""

import math
from pathlib import Path

import pytest
import yaml
from unit.sources.prometheus.answering import Answering, FoundSeries, OneBackend

from adapter.errors import AdapterError
from adapter.exposition.text import parse_lines
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.restmapper import BUILTIN
from adapter.sim.clock import ManualClock
from adapter.sources.base import ObjectQuestion
from adapter.sources.prometheus.asking import ObjectAsker
from adapter.sources.prometheus.custom import PrometheusCustomSource
from adapter.sources.prometheus.external import PrometheusExternalSource
from adapter.telemetry import Telemetry

CASES = sorted(Path(__file__).parent.glob("extensions/*.txt"))
DASHES = "\n----------\n"


class Case:
    """The sources over the rules of one file."""

    def __init__(self, rules):
        self.clock = ManualClock()
        self.backend = Answering(self.clock)
        self.backends = OneBackend(self.backend)
        telemetry = Telemetry()
        discovery = FoundSeries(rules)
        self.asker = ObjectAsker(self.backends, clock=self.clock, telemetry=telemetry)
        self.custom = PrometheusCustomSource(
            discovery, self.asker, clock=self.clock, telemetry=telemetry
        )
        self.external = PrometheusExternalSource(
            discovery, self.backends, clock=self.clock, telemetry=telemetry
        )

    async def lines(self, step):
        """What comes of one request."""
        self.clock.advance(step.get("after", 0))
        self.backend.answer = lambda promql: self._rows(step, promql)
        self.backend.asked.clear()
        self.backends.names.clear()
        selector = parse_selector(step["selector"]) if "selector" in step else EVERYTHING
        try:
            if "pods" in step:
                found, warning = await self._pods(step["pods"], selector)
            else:
                found, warning = await self._series(step["external"], selector)
            outcome = [f"{what} = {self._shown(value)}" for what, value in found]
            outcome += [f"warning: {warning}"] if warning else []
        except AdapterError as error:
            outcome = [f"{error.code} {error.reason}: {error}"]
        name = self.backends.names[0] if self.backends.names else ""
        asked = [f"?{f' [{name}]' if name else ''} {promql}" for promql in self.backend.asked]
        return asked + (outcome or ["nothing"])

    async def _pods(self, wanted, selector):
        namespace, _, names = wanted.partition("/")
        (metric,) = {listed.metric for listed in self.custom.listed()}
        split = tuple(names.split())
        answer = await self.custom.object_values(
            ObjectQuestion(
                BUILTIN.resolve("pods"), namespace, split, metric, selector, len(split) == 1
            )
        )
        return answer.values.items(), answer.warning

    async def _series(self, wanted, selector):
        namespace, _, metric = wanted.partition("/")
        answer = await self.external.series(metric, namespace, selector)
        found = [
            (",".join(f"{k}={v}" for k, v in (series.labels or {}).items()) or "-", series)
            for series in answer.values
        ]
        return found, answer.warning

    def _rows(self, step, promql):
        times = "timestamp(" in promql
        lines = "\n".join(step.get("times" if times else "answer", ())) + "\n"
        now = self.clock.time()
        return [
            (dict(sample.labels), now - sample.value if times else sample.value)
            for sample in parse_lines(lines.encode())
        ]

    def _shown(self, value):
        age = self.clock.time() - value.timestamp
        assert math.isfinite(value.value)
        window = f", over {value.window:g} s" if value.window else ""
        return f"{value.value:g} ({age:g} s old{window})"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_fields_of_our_own(path):
    rules, steps, expected = path.read_text(encoding="utf-8").split(DASHES)
    case = Case(rules)

    found = [await case.lines(step) for step in yaml.safe_load(steps)]

    await case.asker.close()
    await case.external.close()
    assert "\n\n".join("\n".join(lines) for lines in found) == expected.strip()
