"""What can go wrong with a kubelet, switched on and off while it runs."""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from adapter.model.resources import PodKey
from adapter.sim.workloads import ContainerKey


@dataclass(kw_only=True)
class Faults:
    """Faults of one kubelet, all off by default; set attributes, `clear` ends all of them.

    They concern ``/metrics/resource`` and ``/stats/summary`` alike, except those said to be about
    text. What was counted or reported is what `Truth` knows unless a field says otherwise.
    """

    # The conversation.
    slow: float = 0.0
    """Seconds, by the cluster's clock, before an answer begins."""
    hanging: bool = False
    """Accepts connections and requests and never answers."""
    refusing: bool = False
    """The listener and all connections are closed; takes effect at once, in both directions."""
    status: int = 0
    """Answers with this HTTP status, such as 500 or 401, and a line of text."""
    truncated: bool = False
    """Closes the connection in the middle of a chunked body."""
    truncated_length: bool = False
    """Closes the connection in the middle of a body whose Content-Length promised more."""
    huge_body: int = 0
    """Goes on with well-formed lines until so many bytes were sent (text only)."""
    drip: float = 0.0
    """Seconds, by the cluster's clock, between any two bytes of the body."""
    no_resource_metrics: bool = False
    """``/metrics/resource`` does not exist (404), as before Kubernetes 1.18."""
    no_summary: bool = False
    """``/stats/summary`` does not exist (404)."""

    # The text.
    cut_mid_line: bool = False
    """The text ends in the middle of a line though HTTP says it is complete (text only)."""
    garbage_line: bool = False
    """Two lines nobody can understand stand among the good ones (text only)."""
    no_timestamps: bool = False
    """Samples carry no timestamps (text only)."""
    scrape_error: bool = False
    """The kubelet could not collect: ``resource_scrape_error 1`` and nothing else (text only)."""

    # The numbers.
    clock_skew: float = 0.0
    """Seconds added to all timestamps and start times."""
    counters_since: float | None = None
    """Unix seconds at which all cpu counters went back to 0; start times do not tell."""
    missing_memory: Collection[ContainerKey] = ()
    """Containers without a memory sample."""
    missing_cpu: Collection[ContainerKey] = ()
    """Containers without a cpu sample."""
    zero_cpu: Collection[ContainerKey] = ()
    """Containers whose cpu counter stays at 0, whatever they truly use."""
    duplicate_pods: Collection[PodKey] = ()
    """Pods of other nodes that are reported here, too."""
    hidden_pods: Collection[PodKey] = ()
    """Pods of this node that are left out."""
    churn: float = 0.0
    """Every so many seconds another pod of the node is the one left out."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a fault; the listener hears of ``refusing``."""
        changed = name == "refusing" and value != getattr(self, "refusing", value)
        super().__setattr__(name, value)
        listener = self.__dict__.get("_refusing_changed")
        if changed and listener is not None:
            listener(value)

    def on_refusing(self, listener: Callable[[bool], None]) -> None:
        """Call *listener* with the new value whenever ``refusing`` changes."""
        self._refusing_changed = listener

    def clear(self) -> None:
        """Switch all faults off."""
        for fault in dataclasses.fields(self):
            setattr(self, fault.name, fault.default)
