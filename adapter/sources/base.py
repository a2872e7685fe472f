"""What an API group asks of a source. The contract is the documentation."""

from collections.abc import Sequence
from typing import Protocol

from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.resources import PodKey


class ResourceMetricsSource(Protocol):
    """Usage of nodes and pods, for ``metrics.k8s.io``."""

    async def pods(
        self, keys: Sequence[PodKey], namespace: str | None
    ) -> Sequence[PodMetrics | None]:
        """Usage of each pod of *keys*, in their order; None where there is no usable sample.

        Args:
            keys: The pods wanted.
            namespace: The namespace all of *keys* are in, or None for any: the scope in which a
                source may look things up at once.

        Raises:
            SourceError: The source as a whole failed; `SourceTimeout` if it was slow.
        """

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        """Usage of each node of *names*, in their order; None where there is no usable sample.

        Raises:
            SourceError: The source as a whole failed; `SourceTimeout` if it was slow.
        """

    def why_no_pod(self, key: PodKey, node: str | None) -> str:
        """Why `pods` has nothing for *key*: a clause for ``Status.message``, never empty.

        Args:
            key: The pod.
            node: The node it runs on, when that is known.
        """

    def why_no_node(self, name: str) -> str:
        """Why `nodes` has nothing for node *name*: a clause for ``Status.message``."""
