"""Nodes whose kubelets are simulated: they run the pods of the real API and report their usage."""

import asyncio
import contextlib
import ssl
import threading
import time

import aiohttp

from adapter.model.resources import PodKey
from adapter.model.times import format_rfc3339, parse_rfc3339
from adapter.periodic import SystemClock
from adapter.sim.faults import Faults
from adapter.sim.housekeeping import Housekeeping
from adapter.sim.kube_resources import node_object
from adapter.sim.kubelet import SimKubelet
from adapter.sim.kubelet_server import KubeletServer
from adapter.sim.patterns import Steady
from adapter.sim.report import Reporter
from adapter.sim.workloads import Container, ContainerKey, Node, Pod, Truth
from e2e.kube import Client
from e2e.loads import Shares

SYNC_SECONDS = 0.3
"""How often a kubelet looks which pods its node should run."""

SYSTEM_CPU, SYSTEM_MEMORY = 0.25, float(2 << 30)
"""What a node uses beside its pods: cores and bytes."""


class Authenticator:
    """Whose token the kubelets accept: who may ``get nodes/metrics``, as a real one decides.

    A kubelet asks kube-apiserver and remembers what was allowed.
    """

    def __init__(self, client):
        self._client = client
        self._allowed = set()

    def accepts(self, token):
        if token not in self._allowed and self._asked(token):
            self._allowed.add(token)
        return token in self._allowed

    def _asked(self, token):
        with contextlib.suppress(OSError):
            user = self._review("authentication.k8s.io", "TokenReview", {"token": token})["user"]
            attributes = {"verb": "get", "resource": "nodes", "subresource": "metrics"}
            spec = {
                "user": user["username"],
                "groups": user["groups"],
                "resourceAttributes": attributes,
            }
            status = self._review("authorization.k8s.io", "SubjectAccessReview", spec)
            return status["allowed"]
        return False

    def _review(self, group, kind, spec):
        document = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
        answer = self._client.create(f"/apis/{group}/v1/{kind.lower()}s", document)
        return {"user": {"username": "", "groups": []}} | answer["status"]


class Nodes:
    """The nodes and their kubelets, in a thread of their own.

    A pod of the API that names one of the nodes begins to run at once; one that is deleted ends at
    once.

    Args:
        control_plane: Where nodes and pods are objects.
        names: Of the nodes.

    Attributes:
        truth: What truly runs there.
        shares: What it uses.
        kubelets: By node.
    """

    def __init__(self, control_plane, names):
        self._control_plane = control_plane
        pair = control_plane.authority.issue("e2e-nodes", organizations=["system:masters"])
        self._pair = pair
        client = Client(control_plane.url, control_plane.ca_file, certificate=pair)
        self._authenticator = Authenticator(client)
        self._names = names
        self._loop = asyncio.new_event_loop()
        self.truth = Truth()
        self.shares = Shares()
        self.kubelets = {}

    @contextlib.contextmanager
    def running(self):
        """Run them while the block runs."""
        started, stop = threading.Event(), asyncio.Event()
        failed = []

        def run():
            try:
                with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                    runner.run(self._serve(started, stop))
            except BaseException as error:
                failed.append(error)
                started.set()
                raise

        thread = threading.Thread(target=run, name="nodes")
        thread.start()
        try:
            started.wait()
            if failed:
                raise failed[0]
            yield self
        finally:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(stop.set)
            thread.join()

    def share(self, namespace, app, container, **totals):
        """Set what all containers of an application have together: cpu, memory, requests, depth."""
        for quantity, total in totals.items():
            self._call(self.shares.set, (namespace, app), container, quantity, total)
        self._call(self._split)

    def refuse(self, refusing):
        """Have all kubelets refuse connections, or accept them again."""
        self._call(self._set_refusing, refusing)

    def _call(self, function, *arguments):
        async def called():
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(timeout=10)

    def _split(self):
        self.shares.split(self.truth.pods())

    def _set_refusing(self, refusing):
        for kubelet in self.kubelets.values():
            kubelet.faults.refusing = refusing

    async def _serve(self, started, stop):
        clock = SystemClock()
        server = KubeletServer(self._authenticator.accepts, clock)
        await server.start()
        try:
            for name in self._names:
                self.truth.add_node(
                    Node(name, clock.time() - 3600, Steady(SYSTEM_CPU), Steady(SYSTEM_MEMORY))
                )
                self.kubelets[name] = self._kubelet(name, server)
                await server.add(self.kubelets[name])
            context = ssl.create_default_context(cafile=self._control_plane.ca_file)
            context.load_cert_chain(*self._pair)
            connector = aiohttp.TCPConnector(ssl=context)
            async with aiohttp.ClientSession(
                self._control_plane.url, connector=connector
            ) as session:
                await self._register(session)
                started.set()
                await self._follow(session, stop)
        finally:
            await server.stop()

    def _kubelet(self, name, server):
        faults = Faults()
        certificate = self._control_plane.authority.issue(
            f"system:node:{name}",
            organizations=["system:nodes"],
            dns=[name],
            addresses=["127.0.0.1"],
            server=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        return SimKubelet(
            name,
            reporter=Reporter(self.truth, name, housekeeping=Housekeeping(0.0, 1), faults=faults),
            faults=faults,
            context=context,
            connections=server,
        )

    async def _register(self, session):
        for name, kubelet in self.kubelets.items():
            node = node_object(
                name,
                labels={"kubernetes.io/hostname": name},
                addresses=[("InternalIP", "127.0.0.1"), ("Hostname", name)],
                kubelet_port=kubelet.port,
                created=time.time(),
            )
            document = {"apiVersion": "v1", "kind": "Node", **node}
            async with session.post("/api/v1/nodes", json=document) as response:
                assert response.status == 201, await response.text()

    async def _follow(self, session, stop):
        while not stop.is_set():
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get("/api/v1/pods") as response:
                    if response.status == 200:
                        await self._sync(session, (await response.json())["items"])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), SYNC_SECONDS)

    async def _sync(self, session, pods):
        wanted = {}
        for pod in pods:
            meta = pod["metadata"]
            if pod["spec"].get("nodeName") not in self.kubelets:
                continue
            if "deletionTimestamp" in meta:
                path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
                async with session.delete(path, json={"gracePeriodSeconds": 0}):
                    pass
            else:
                wanted[PodKey(meta["namespace"], meta["name"])] = pod
        for pod in self.truth.pods():
            if pod.key not in wanted:
                self.truth.delete_pod(pod.key, time.time())
        running = {pod.key for pod in self.truth.pods()}
        for key in wanted.keys() - running:
            await self._run(session, key, wanted[key])
        self._split()

    async def _run(self, session, key, pod):
        containers = [
            ContainerKey(*key, container["name"]) for container in pod["spec"]["containers"]
        ]
        started = parse_rfc3339(pod["metadata"]["creationTimestamp"])
        load = self.shares.load
        made = tuple(
            Container(name, load(name, "cpu"), load(name, "memory"), [started])
            for name in containers
        )
        labels = pod["metadata"].get("labels", {})
        truly = Pod(key, pod["spec"]["nodeName"], made, labels, started)
        self.truth.add_pod(truly)  # which gives it its address
        path = f"/api/v1/namespaces/{key.namespace}/pods/{key.name}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        status = {"status": _status(containers, format_rfc3339(started), truly.ip)}
        async with session.patch(path, json=status, headers=headers) as response:
            if response.status != 200:
                self.truth.delete_pod(key, time.time())


def _status(containers, started, address):
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": started,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": started}],
        "containerStatuses": [
            {
                "name": container.name,
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}},
                "image": "registry.example/app:1",
                "imageID": "",
            }
            for container in containers
        ],
    }
