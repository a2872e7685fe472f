"""What stores of running pods have in common: an informer fills them, names are asked for."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import chain
from typing import Generic, Protocol, TypeVar

from adapter.kube.sharedlabels import SharedLabels


class NamedPod(Protocol):
    """A pod, however little is kept of it; immutable."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, which may be shared between pods."""


P = TypeVar("P", bound=NamedPod)


class PodStore(ABC, Generic[P]):
    """Running pods by namespace and name, kept current by one informer.

    Attributes:
        has_synced: Whether a first list was completed.
        problem: Why they cannot be read from kube-apiserver now, or None.
        revision: Grows when a pod was added, removed or changed in what is kept of it.
    """

    def __init__(self) -> None:
        self.has_synced = False
        self.problem: str | None = None
        self.revision = 0
        self._by_namespace: dict[str, dict[str, P]] = {}
        self._staged: dict[str, dict[str, P]] = {}
        self._labels = SharedLabels(lambda: (pod.labels for pod in self._all()))

    def __len__(self) -> int:
        return sum(map(len, self._by_namespace.values()))

    def stage(self, pods: Iterable[P]) -> None:
        """Set *pods* aside for `replace`: a page at a time, so that no list stops the loop."""
        for pod in pods:
            kept = self._shared(pod)
            self._staged.setdefault(kept.namespace, {})[kept.name] = kept

    def unstage(self) -> None:
        """Forget what was set aside."""
        self._staged = {}

    def replace(self, pods: Iterable[P] = ()) -> None:
        """Hold exactly what is staged and *pods* from now on; the store has synced then."""
        self.stage(pods)
        after = self._staged
        self.unstage()
        if after != self._by_namespace:
            self._by_namespace = after
            self._changed(None)
        self.has_synced = True

    def upsert(self, pod: P) -> None:
        """Add *pod*, or take what changed of it."""
        kept = self._shared(pod)
        if self._find(kept.namespace, kept.name) is not kept:
            self._by_namespace.setdefault(kept.namespace, {})[kept.name] = kept
            self._changed(kept.namespace)

    def remove(self, pod: P) -> None:
        """Forget *pod*; nothing happens when it is not known."""
        namespace = self._by_namespace.get(pod.namespace, {})
        if namespace.pop(pod.name, None) is None:
            return
        if not namespace:
            del self._by_namespace[pod.namespace]
        self._changed(pod.namespace)

    @abstractmethod
    def _kept(self, pod: P, namespace: str, labels: dict[str, str]) -> P:
        """What to hold for *pod*: with this *namespace* and these *labels*, which are shared."""

    def _changed(self, namespace: str | None) -> None:
        """Forget what was made of the pods of *namespace*, of all where it is None."""
        del namespace
        self.revision += 1

    def _find(self, namespace: str, name: str) -> P | None:
        return self._by_namespace.get(namespace, {}).get(name)

    def _sorted_in(self, namespace: str) -> list[P]:
        pods = self._by_namespace.get(namespace, {})
        return [pods[name] for name in sorted(pods)]

    def _shared(self, pod: P) -> P:
        """The object to hold for *pod*: the one held already when nothing changed."""
        before = self._find(pod.namespace, pod.name)
        if before is not None and before == pod:
            return before
        return self._kept(pod, sys.intern(pod.namespace), self._labels.share(pod.labels))

    def _all(self) -> Iterable[P]:
        namespaces = chain(self._by_namespace.values(), self._staged.values())
        return chain.from_iterable(pods.values() for pods in namespaces)
