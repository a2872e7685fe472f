"""The simulated cluster: nodes, pods, kubelets and a stand-in for kube-apiserver in one process."""

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adapter.model.resources import PodKey
from adapter.periodic import Clock, SystemClock
from adapter.sim.access import Access
from adapter.sim.aggregator import Aggregator
from adapter.sim.authentication import PublishedAuthentication
from adapter.sim.credentials import Credentials, FrontProxy, ServingNames
from adapter.sim.faults import Faults
from adapter.sim.housekeeping import Housekeeping
from adapter.sim.identity import Identities, User, allow_known_users
from adapter.sim.json_pods import JsonPods
from adapter.sim.kube_apiserver import KubeApiServer
from adapter.sim.kube_autoscaling import AutoscalingObjects
from adapter.sim.kube_objects import ObjectStore
from adapter.sim.kube_resources import (
    RESOURCES,
    changed_node,
    namespace_object,
    node_object,
    pod_object,
)
from adapter.sim.kube_served import PlainObjects, ServedResources
from adapter.sim.kubelet import SimKubelet
from adapter.sim.kubelet_server import KubeletServer
from adapter.sim.layout import Layout, LayoutName, namespaces, node_labels
from adapter.sim.patterns import Pattern, Steady
from adapter.sim.report import Reporter
from adapter.sim.workloads import Container, ContainerKey, Node, Pod, Truth
from adapter.transport import cap_tls_buffers

_CLUSTER_AGE = 86_400.0
_SYSTEM_MEMORY = float(1 << 30)
_GOLDEN = (3, 4, 2)


@dataclass(kw_only=True)
class SimCluster:
    """A cluster to test against, as an asynchronous context manager.

    While it is entered, kubelets and API server listen on free loopback ports and their
    certificates and kubeconfigs are files in `directory`. At exit everything is closed and removed.

    Attributes:
        nodes: Number of nodes.
        pods_per_node: Pods on each.
        containers_per_pod: Containers in each.
        seed: Decides everything that looks random.
        clock: Time of the cluster.
        housekeeping: Seconds between samples of one container (to 1.5 times that); 0 samples at
            the moment of the scrape.
        layout: ``golden`` is the cluster the recorded answers were taken from: 3 nodes, 12 pods,
            the last node's kubelet refuses; the three sizes are then ignored.
        serving_names: What the kubelets' certificates are valid for.
        bad_addresses: Types and addresses every node reports before its good ones.
    """

    nodes: int = 3
    pods_per_node: int = 10
    containers_per_pod: int = 2
    seed: int = 1
    clock: Clock = field(default_factory=SystemClock)
    housekeeping: float = 10.0
    layout: LayoutName = "default"
    serving_names: ServingNames = "address"
    bad_addresses: Sequence[tuple[str, str]] = ()

    directory: Path = field(init=False)
    admin_kubeconfig: Path = field(init=False)
    server_kubeconfig: Path = field(init=False)
    credentials: Credentials = field(init=False)
    workloads: Truth = field(init=False)
    kubelets: dict[str, SimKubelet] = field(init=False)
    api: KubeApiServer = field(init=False)
    objects: PlainObjects = field(init=False)
    autoscaling: AutoscalingObjects = field(init=False)
    json: JsonPods = field(init=False)
    identities: Identities = field(init=False)
    authentication: PublishedAuthentication = field(init=False)

    async def __aenter__(self) -> Self:
        """Start everything."""
        cap_tls_buffers()
        async with contextlib.AsyncExitStack() as stack:
            self.directory = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="viaduct-sim-"))
            )
            self._populate()
            await self._start_kubelets(stack)
            await self._start_api(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close everything and remove the directory."""
        await self._stack.aclose()

    @property
    def ca_file(self) -> Path:
        """The cluster's CA: API server, kubelets and client certificates."""
        return self.credentials.ca_file

    @property
    def kubelet_ca_file(self) -> Path:
        """What the kubelets' certificates are verified with."""
        return self.credentials.ca_file

    @property
    def kubelet_token(self) -> str:
        """A bearer token the kubelets accept: the server's own."""
        return self.credentials.server_token

    @property
    def front_proxy(self) -> FrontProxy:
        """The aggregator's client certificate."""
        return self.credentials.front_proxy

    def issue_token(self, name: str, groups: Sequence[str] = ()) -> str:
        """Make a bearer token for a user; API server and kubelets accept it."""
        return self.identities.issue(User(name, tuple(groups)))

    def register_api_service(
        self,
        group: str,
        versions: Sequence[str],
        url: str,
        ca_file: str | Path,
        *,
        server_name: str | None = None,
    ) -> None:
        """Have ``/apis/<group>/…`` proxied to *url*; see `Aggregator.register`."""
        self.api.aggregator.register(group, versions, url, ca_file, server_name=server_name)

    def add_pod(
        self,
        key: PodKey,
        node: str,
        containers: Mapping[str, tuple[Pattern | float, Pattern | int]],
        *,
        labels: Mapping[str, str] | None = None,
        phase: str = "Running",
        age: float = 0.0,
    ) -> Pod:
        """Start a pod now, or *age* seconds ago.

        Args:
            key: Its namespace and name.
            node: Where it runs.
            containers: Cpu (cores) and memory (bytes) by container name; numbers are steady.
            labels: Its labels.
            phase: Its phase; kubelets do not report Pending pods.
            age: How long it has been running.
        """
        now = self.clock.time() - age
        made = tuple(
            Container(ContainerKey(*key, name), _pattern(cpu), _pattern(memory), [now])
            for name, (cpu, memory) in sorted(containers.items())
        )
        pod = Pod(key, node, made, dict(labels or {}), now, phase)
        self.workloads.add_pod(pod)
        if self.api.store.get("namespaces", "", key.namespace) is None:
            self.api.store.put("namespaces", namespace_object(key.namespace, now))
        self.api.store.put("pods", pod_object(pod))
        return pod

    def delete_pod(self, key: PodKey) -> None:
        """End a pod now."""
        self.workloads.delete_pod(key, self.clock.time())
        self.json.forget(key)
        self.api.store.delete("pods", *key)

    def set_phase(self, key: PodKey, phase: str) -> None:
        """Change a pod's phase; only Pending ones are not reported by their kubelet."""
        pod = self.workloads.pod(key)
        pod.phase = phase
        self.api.store.put("pods", pod_object(pod))

    def set_ready(self, key: PodKey, *, ready: bool) -> None:
        """Let a pod become ready, or cease to be so, now."""
        pod = self.workloads.pod(key)
        pod.ready, pod.ready_changed = ready, self.clock.time()
        self.api.store.put("pods", pod_object(pod))

    def terminate(self, key: PodKey) -> None:
        """Ask for a pod's deletion: it goes on running until `delete_pod`."""
        pod = self.workloads.pod(key)
        pod.terminating = self.clock.time()
        self.api.store.put("pods", pod_object(pod))

    def restart_container(self, key: ContainerKey) -> None:
        """Restart a container now; its counter begins at 0 again."""
        self.workloads.restart_container(key, self.clock.time())
        self.api.store.put("pods", pod_object(self.workloads.pod(key.pod_key)))

    async def add_node(
        self, name: str, *, labels: Mapping[str, str] | None = None, system_cpu: float = 0.1
    ) -> SimKubelet:
        """Let a node without pods join now; *system_cpu* is what it uses itself, in cores."""
        now = self.clock.time()
        self.workloads.add_node(Node(name, now, Steady(system_cpu), Steady(_SYSTEM_MEMORY)))
        kubelet = await self._start_kubelet(name)
        self.api.store.put("nodes", self._node_object(name, labels or {}, now))
        return kubelet

    async def delete_node(self, name: str) -> None:
        """Take a node and its pods away now."""
        for pod in self.workloads.pods(name):
            self.delete_pod(pod.key)
        self.api.store.delete("nodes", "", name)
        await self.kubelets.pop(name).close()
        self.workloads.delete_node(name)

    def update_node(
        self,
        name: str,
        *,
        ready: bool | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        addresses: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        """Change a node's object; what is None stays as it is."""
        node = self.api.store.get("nodes", "", name)
        if node is None:
            raise KeyError(name)
        changed = changed_node(
            node, ready=ready, labels=labels, annotations=annotations, addresses=addresses
        )
        self.api.store.put("nodes", changed)

    def _populate(self) -> None:
        self.identities = Identities()
        self.credentials = Credentials(self.directory, self.identities)
        self.workloads = Truth()
        sizes = (self.nodes, self.pods_per_node, self.containers_per_pod)
        layout = Layout(self.layout, seed=self.seed, now=self.clock.time())
        layout.populate(self.workloads, *(_GOLDEN if self.layout == "golden" else sizes))

    async def _start_kubelets(self, stack: contextlib.AsyncExitStack) -> None:
        self._kubelet_server = KubeletServer(
            lambda token: self.identities.lookup(token) is not None, self.clock
        )
        await self._kubelet_server.start()
        stack.push_async_callback(self._kubelet_server.stop)
        self.kubelets = {}
        names = self.workloads.nodes()
        for name in names:
            kubelet = await self._start_kubelet(name)
            if self.layout == "golden" and name == names[-1]:
                await kubelet.stop()

    async def _start_kubelet(self, name: str) -> SimKubelet:
        faults = Faults()
        housekeeping = Housekeeping(self.housekeeping, self.seed)
        kubelet = SimKubelet(
            name,
            reporter=Reporter(self.workloads, name, housekeeping=housekeeping, faults=faults),
            faults=faults,
            context=self.credentials.kubelet_context(name, self.serving_names),
            connections=self._kubelet_server,
        )
        await self._kubelet_server.add(kubelet)
        self.kubelets[name] = kubelet
        return kubelet

    async def _start_api(self, stack: contextlib.AsyncExitStack) -> None:
        store, served = ObjectStore(), ServedResources(RESOURCES)
        self.objects = PlainObjects(store, served, self.clock)
        self.autoscaling = AutoscalingObjects(store, self.clock)
        self.json = JsonPods(
            self.workloads, lambda pod: store.put("pods", pod_object(pod)), self.clock
        )
        stack.push_async_callback(self.json.stop)
        self._fill(store)
        self.api = KubeApiServer(
            store,
            served,
            identities=self.identities,
            access=Access(self.identities, allow_known_users(self.identities), self.clock),
            aggregator=Aggregator(self.front_proxy.key_pair),
            clock=self.clock,
        )
        await self.api.start(self.credentials.api_context())
        stack.push_async_callback(self.api.stop)
        paths = self.credentials.write_kubeconfigs(self.api.url)
        self.admin_kubeconfig, self.server_kubeconfig = paths

    def _fill(self, store: ObjectStore) -> None:
        created = self.clock.time() - _CLUSTER_AGE
        for name in ("default", "kube-system", *namespaces()):
            store.put("namespaces", namespace_object(name, created))
        data = self.front_proxy.config_map(self.ca_file.read_text())
        self.authentication = PublishedAuthentication(store, data, created)
        for index, name in enumerate(self.workloads.nodes()):
            store.put("nodes", self._node_object(name, node_labels(index), created))
        for pod in self.workloads.pods():
            store.put("pods", pod_object(pod))
        for namespace in namespaces()[:2]:
            self.objects.add("ingresses.networking.k8s.io", namespace, "front", {"tier": "edge"})
            self.objects.add("services", namespace, "web", {"team": namespace})

    def _node_object(self, name: str, labels: Mapping[str, str], created: float) -> dict[str, Any]:
        return node_object(
            name,
            labels=labels,
            addresses=(*self.bad_addresses, ("InternalIP", "127.0.0.1"), ("Hostname", name)),
            kubelet_port=self.kubelets[name].port,
            created=created,
        )


def _pattern(usage: Pattern | float) -> Pattern:
    return Steady(usage) if isinstance(usage, int | float) else usage
