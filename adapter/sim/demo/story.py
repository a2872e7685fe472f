"""The order of events: warm up, look, lose Prometheus, get it back, judge."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import adapter
from adapter.model.metrics import Origin
from adapter.sim.cluster import SimCluster
from adapter.sim.demo import documents
from adapter.sim.demo.display import Display
from adapter.sim.demo.documents import Documents
from adapter.sim.demo.observer import Answer, Observer
from adapter.sim.demo.processes import Child, ProcessDied, child, find_program, output_of
from adapter.sim.demo.prometheus import Prometheus
from adapter.sim.demo.report import Report
from adapter.sim.ports import free_port

STEADY_SECONDS = 10.0
WARM_UP_SECONDS = 120.0
RETURN_SECONDS = 120.0
LOOK_SECONDS = 0.5
HOUSEKEEPING = 2 / 3
"""Of the resolution: samples come every 10 to 15 s at 15 s, as real kubelets take them."""
MOST = 0.8
"""Part of the pods that must come from Prometheus for it to count as serving."""


class Story:
    """One run of the demo.

    Args:
        display: Where it is told.
        nodes: Simulated nodes.
        pods: Pods on all nodes together.
        resolution: ``--metric-resolution`` in seconds.
        outage: Seconds without Prometheus.
        seed: Decides the workloads.
    """

    def __init__(
        self,
        display: Display,
        *,
        nodes: int,
        pods: int,
        resolution: float,
        outage: float,
        seed: int,
    ) -> None:
        self._display = display
        self._pods_per_node = -(-pods // nodes)
        self._nodes = nodes
        self._outage = outage
        self._seed = seed
        self._report = Report(resolution)
        self._origins: dict[str, int] = {}
        self._phase = ""

    async def run(self) -> Report:
        """Run it and return the report."""
        try:
            await self._run()
        except (ProcessDied, TimeoutError) as error:
            self._report.note(str(error) or "took too long")
        self._display.verdict(self._report)
        return self._report

    async def _run(self) -> None:
        binary = find_program("prometheus")
        async with SimCluster(
            nodes=self._nodes,
            pods_per_node=self._pods_per_node,
            seed=self._seed,
            housekeeping=HOUSEKEEPING * self._report.resolution,
        ) as cluster:
            count = self._nodes * self._pods_per_node
            self._display.step(f"simulated cluster: {self._nodes} nodes, {count} pods")
            self._documents = Documents(cluster, self._report)
            self._display.step(await self._documents.publish())
            if binary is None:
                self._display.step("no prometheus on this machine: only the kubelets will serve")
                async with self._viaduct(cluster, None):
                    await self._without_prometheus(cluster)
                return
            prometheus = Prometheus(cluster, binary)
            self._report.prometheus = await prometheus.version()
            async with contextlib.AsyncExitStack() as first_life:
                process = await first_life.enter_async_context(prometheus.running())
                self._display.step(f"prometheus {self._report.prometheus} scrapes the kubelets")
                async with self._viaduct(cluster, prometheus):
                    await self._with_prometheus(cluster, prometheus, process)

    async def _without_prometheus(self, cluster: SimCluster) -> None:
        observer = Observer(cluster, self._report, self._documents)
        await self._until(observer, lambda answer: answer.complete, "the kubelets", WARM_UP_SECONDS)
        await self._show(cluster)
        async with self._watching(observer):
            await self._pass("kubelets serve", self._outage)

    async def _with_prometheus(
        self, cluster: SimCluster, prometheus: Prometheus, process: Child
    ) -> None:
        observer = Observer(cluster, self._report, self._documents)
        await self._until(observer, _from_prometheus, "prometheus", WARM_UP_SECONDS)
        await self._show(cluster)
        async with self._watching(observer):
            await self._pass("prometheus serves", STEADY_SECONDS)
            await process.kill()
            self._display.step("prometheus is killed")
            await self._pass("prometheus is dead", self._outage)
            async with prometheus.running():
                self._display.step("prometheus is started again")
                self._phase = "prometheus is back"
                await self._until(observer, _from_prometheus, "prometheus", RETURN_SECONDS)
                await self._pass("prometheus serves again", STEADY_SECONDS)

    async def _until(
        self,
        observer: Observer,
        reached: Callable[[Answer], bool],
        whom: str,
        seconds: float,
    ) -> None:
        """Wait until *whom* serve the pods.

        Raises:
            TimeoutError: That took longer than *seconds*.
        """
        problem = "no answer"
        try:
            async with asyncio.timeout(seconds), observer.session() as session:
                while not reached(answer := await observer.look(session)):
                    problem = answer.problem
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            text = f"{whom} did not serve within {seconds:.0f} s; the last answer was: {problem}"
            raise TimeoutError(text) from None
        self._display.step(f"{whom} serve{'s' if whom == 'prometheus' else ''}")

    async def _pass(self, phase: str, seconds: float) -> None:
        self._phase = phase
        await asyncio.sleep(seconds)

    @contextlib.asynccontextmanager
    async def _watching(self, observer: Observer) -> AsyncIterator[None]:
        def told(answer: Answer) -> None:
            self._display.progress(self._phase, self._report, dict(answer.origins))

        async with asyncio.TaskGroup() as group:
            watch = group.create_task(observer.watch(told))
            yield
            watch.cancel()

    @contextlib.asynccontextmanager
    async def _viaduct(
        self, cluster: SimCluster, prometheus: Prometheus | None
    ) -> AsyncIterator[None]:
        """Run ``viaduct serve`` and register it with the aggregator."""
        port = free_port()
        certificates = cluster.directory / "viaduct"
        command = [
            *(sys.executable, "-m", "adapter", "serve"),
            f"--kubeconfig={cluster.server_kubeconfig}",
            f"--cert-dir={certificates}",
            f"--secure-port={port}",
            f"--metric-resolution={self._report.resolution:g}s",
            f"--kubelet-request-timeout={min(10.0, 0.6 * self._report.resolution):g}s",
            "--kubelet-use-node-status-port",
        ]
        command += self._documents.flags()
        if prometheus is not None:
            rules = shipped_config("rules.kubelet.yaml")
            command += [f"--prometheus-url={prometheus.url}", f"--config={rules}"]
        else:
            # a rule file without resource rules leaves metrics.k8s.io to another server otherwise
            command.append("--fallback=primary")
        async with child("viaduct", command, cluster.directory / "viaduct.log") as process:
            await _listening(process, port)
            served = {"metrics.k8s.io": ("v1", "v1beta1"), documents.API: documents.VERSIONS}
            for group, versions in served.items():
                cluster.register_api_service(
                    group, versions, f"https://127.0.0.1:{port}", certificates / "apiserver.crt"
                )
            self._display.step(f"viaduct serves {' and '.join(served)} behind the aggregator")
            yield

    async def _show(self, cluster: SimCluster) -> None:
        """Print what a person would ask for."""
        requests = (("nodes",), ("pods", "-A", "--containers"))
        kubectl = find_program("kubectl")
        if kubectl is None:
            self._display.step("no kubectl on this machine: viaduct top stands in")
        config = f"--kubeconfig={cluster.admin_kubeconfig}"
        for words in requests:
            if kubectl is not None:
                command = [kubectl, config, "top", *words]
            else:
                command = [sys.executable, "-m", "adapter", "top", *words, config]
            code, printed = await output_of(command)
            name = "kubectl" if kubectl is not None else "viaduct"
            self._display.output(" ".join((name, "top", *words)), printed)
            if code:
                self._report.note(f"{name} top {' '.join(words)} ended with {code}: {printed}")
        self._display.output(f"cat {documents.RULE_FILE}", documents.RULES)
        if kubectl is not None:
            code, printed = await output_of([kubectl, config, "get", "--raw", documents.REQUEST])
            self._display.output(f"kubectl get --raw '{documents.REQUEST}'", printed)
            if code:
                self._report.note(f"kubectl get --raw ended with {code}: {printed}")


def shipped_config(name: str) -> Path:
    """Path of a file of ``config/``: beside the package in a checkout, inside it when installed."""
    package = Path(adapter.__file__).parent
    beside = package.parent / "config" / name
    return beside if beside.exists() else package / "config" / name


async def _listening(process: Child, port: int) -> None:
    async with asyncio.timeout(WARM_UP_SECONDS):
        while True:
            process.check()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return


def _from_prometheus(answer: Answer) -> bool:
    """All pods are there, nearly all from Prometheus: the scraper may have newer ones of a few."""
    count = answer.origins[Origin.PROMETHEUS.value]
    return answer.complete and count >= MOST * answer.origins.total()
