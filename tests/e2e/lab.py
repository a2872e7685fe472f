"""The cluster of the suite: control plane, nodes, Prometheus and Viaduct, all for real."""

import contextlib
import time

import yaml

from adapter.sim.ports import free_port
from e2e.control_plane import ControlPlane
from e2e.loads import exporting
from e2e.manifests import ingress, namespace, pod, prometheus_account
from e2e.nodes import Nodes
from e2e.programs import Program, answers, control_plane_program, poll
from e2e.publishing import publishing
from e2e.viaduct import Viaduct, as_list

SCRAPE_SECONDS = 2
NODES = ("node-a", "node-b")

TEAM = "team"
"""Namespace of the pods ``web-0`` and ``web-1``, which are always there."""

CPU = {"app": 0.2, "proxy": 0.05}
"""Cores that each container of these pods uses."""

MEMORY = {"app": 128 << 20, "proxy": 32 << 20}
"""Bytes that it uses."""

REQUESTS = 12.0
"""Requests a second that each of these pods gets."""

INGRESS_REQUESTS, QUEUE_DEPTH = 42, 7
"""What the exporter says of ingress ``front`` and of queue ``mail``."""

REGISTERED_SECONDS = 60.0


class Lab:
    """Everything that runs; made by `running_lab`.

    Attributes:
        control_plane: etcd, kube-apiserver, kube-controller-manager.
        nodes: The simulated kubelets.
        exporter: What applications tell Prometheus.
        publisher: What they publish as JSON.
        prometheus: Scrapes kubelets and exporter.
        viaduct: The service under test.
        available_seconds: From its registration until all its APIs were available.
    """

    def __init__(self, control_plane, nodes, exporter, publisher):
        self.control_plane = control_plane
        self.nodes = nodes
        self.exporter = exporter
        self.publisher = publisher
        self.admin = control_plane.admin
        self.kubectl = control_plane.kubectl
        self.prometheus_url = f"http://127.0.0.1:{free_port()}"
        self.prometheus = self._prometheus()
        self.viaduct = Viaduct(control_plane, self.prometheus_url, publisher.port)
        self.available_seconds = 0.0

    def populate(self):
        """Create what is always there."""
        pods = [pod(TEAM, f"web-{number}", "web", NODES[number]) for number in range(2)]
        self.apply(namespace(TEAM), ingress(TEAM, "front"), *pods)
        for container, cores in CPU.items():
            memory = 2 * MEMORY[container]
            self.nodes.share(TEAM, "web", container, cpu=2 * cores, memory=memory)
        self.nodes.share(TEAM, "web", "app", requests=2 * REQUESTS)
        gauges = self.exporter.gauges
        gauges[f'ingress_requests{{namespace="{TEAM}",ingress="front"}}'] = INGRESS_REQUESTS
        gauges[f'queue_depth{{namespace="{TEAM}",queue="mail"}}'] = QUEUE_DEPTH

    def apply(self, *objects):
        """Create or change objects."""
        self.kubectl("apply", "--filename=-", stdin=as_list(objects))

    def serves(self, path):
        """Whether the aggregator answers a GET with a list that is not empty."""
        answer = self.admin.get(path)
        return answer.status == 200 and bool(answer.json()["items"])

    def join(self):
        """Start Viaduct and have the aggregator find it."""
        self.viaduct.install()
        self.viaduct.start().wait()
        began = time.monotonic()
        self.viaduct.register()
        poll(self.viaduct.available, REGISTERED_SECONDS, lambda: str(self.viaduct.conditions()))
        self.available_seconds = time.monotonic() - began

    @contextlib.contextmanager
    def without_prometheus(self):
        """Prometheus is dead while the block runs, and back with its data afterwards."""
        self.prometheus.kill()
        try:
            yield
        finally:
            self.prometheus.start().wait()

    @contextlib.contextmanager
    def without_kubelets(self):
        """All kubelets refuse connections while the block runs."""
        self.nodes.refuse(True)
        try:
            yield
        finally:
            self.nodes.refuse(False)

    def _prometheus(self):
        directory = self.control_plane.directory / "prometheus"
        directory.mkdir()
        self.apply(*prometheus_account())
        token_file = directory / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(self.control_plane.token_of("kube-system", "prometheus"))
        kubelets = {
            "job_name": "kubelet",
            "scheme": "https",
            "metrics_path": "/metrics/resource",
            "tls_config": {"ca_file": str(self.control_plane.ca_file)},
            "authorization": {"credentials_file": str(token_file)},
            "static_configs": [
                {"targets": [f"127.0.0.1:{kubelet.port}"], "labels": {"node": name}}
                for name, kubelet in self.nodes.kubelets.items()
            ],
        }
        applications = {
            "job_name": "applications",
            "static_configs": [{"targets": [f"127.0.0.1:{self.exporter.port}"]}],
        }
        config = {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s"},
            "scrape_configs": [kubelets, applications],
        }
        config_file = directory / "prometheus.yml"
        config_file.write_text(yaml.safe_dump(config))
        command = [
            control_plane_program("prometheus"),
            f"--config.file={config_file}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={self.prometheus_url.removeprefix('http://')}",
        ]
        ready = f"{self.prometheus_url}/-/ready"
        return Program("prometheus", command, directory, ready=lambda: answers(ready))


@contextlib.contextmanager
def running_lab(directory):
    """A lab while the block runs."""
    with contextlib.ExitStack() as stack:
        control_plane = stack.enter_context(ControlPlane(directory).running())
        nodes = stack.enter_context(Nodes(control_plane, NODES).running())
        exporter = stack.enter_context(exporting(nodes.shares))
        publisher = stack.enter_context(publishing(nodes))
        lab = Lab(control_plane, nodes, exporter, publisher)
        stack.callback(lab.prometheus.kill)
        stack.callback(lab.viaduct.stop)
        lab.populate()
        lab.prometheus.start().wait()
        lab.join()
        yield lab
