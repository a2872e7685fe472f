"""Loads that tests change while they are measured, and the exporter that shows some of them."""

import bisect
import time

from integration.exporter import listening

from adapter.sim.workloads import ContainerKey

IDLE = {"cpu": 0.02, "memory": float(32 << 20), "requests": 0.0, "depth": 0.0}
"""What a container has that no load was given."""


class Load:
    """A quantity that stays as it is until it is set; a `Pattern` of the simulated kubelets.

    Setting it changes nothing of the past, so counters made from it go on smoothly.
    """

    def __init__(self, value=0.0):
        self._steps = [(0.0, value, 0.0)]  # since when, value, integral until then

    def set(self, value):
        """Make it *value* from now on."""
        now = time.time()
        self._steps = [*self._steps, (now, value, self._total(now))]

    def at(self, time):
        return self._step(time)[1]

    def integral(self, start, end):
        return self._total(end) - self._total(start)

    def extremes(self, start, end):
        values = [self.at(start), *(step[1] for step in self._steps if start < step[0] <= end)]
        return min(values), max(values)

    def _step(self, time):
        return self._steps[max(0, bisect.bisect_right(self._steps, (time, float("inf"))) - 1)]

    def _total(self, time):
        since, value, total = self._step(time)
        return total + value * (time - since)


class Shares:
    """The loads of applications, shared evenly by their pods, however many there are.

    A container follows its share; one that was not told uses a little all the time.
    """

    def __init__(self):
        self._totals = {}
        self._loads = {}

    def load(self, container, quantity):
        """The `Load` of *container*: cpu in cores, memory in bytes, requests a second, or depth."""
        return self._loads.setdefault((container, quantity), Load(IDLE[quantity]))

    def set(self, app, container, quantity, total):
        """What all containers of this name have together from now on; *app* is namespace, name."""
        self._totals[app, container, quantity] = total

    def split(self, pods):
        """Give each of *pods* its share."""
        for (app, container, quantity), total in self._totals.items():
            keys = [p.key for p in pods if (p.key.namespace, p.labels.get("app")) == app]
            for key in keys:
                load = self.load(ContainerKey(*key, container), quantity)
                if load.at(time.time()) != total / len(keys):
                    load.set(total / len(keys))

    def requests(self):
        """Requests so far, by container."""
        now = time.time()
        loads = list(self._loads.items())
        return {key: load.integral(_BEGAN, now) for (key, q), load in loads if q == "requests"}


_BEGAN = time.time()


class Exporter:
    """What the applications of the cluster tell Prometheus; attribute *port* is where.

    Args:
        shares: Whose requests are counted.

    Attributes:
        gauges: Value by series, such as ``queue_depth{queue="mail"}``.
    """

    def __init__(self, shares):
        self.gauges = {}
        self.port = 0
        self._shares = shares

    def page(self):
        """The exposition of this moment."""
        lines = [f"{series} {value}" for series, value in list(self.gauges.items())]
        lines += [
            f'http_requests_total{{namespace="{key.namespace}",pod="{key.pod}"}} {total}'
            for key, total in self._shares.requests().items()
        ]
        return "\n".join(lines) + "\n"


def exporting(shares):
    """An exporter that listens while the block runs."""
    return listening(Exporter(shares))
