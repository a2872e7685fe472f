"""Viaduct as a process of its own, with its own account, and as the aggregator finds it."""

import base64
import contextlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from integration.manifests import NAMESPACE, environment, kustomized

from adapter.sim.ports import free_port
from e2e.kube import Client
from e2e.programs import Program

NAME = "viaduct"
SERVER_NAME = f"{NAME}.{NAMESPACE}.svc"
"""What the aggregator wants the certificate to be for."""
GROUP_VERSIONS = (
    ("metrics.k8s.io", "v1"),
    ("metrics.k8s.io", "v1beta1"),
    ("custom.metrics.k8s.io", "v1beta2"),
    ("custom.metrics.k8s.io", "v1beta1"),
    ("external.metrics.k8s.io", "v1beta1"),
)
"""What is registered with the aggregator."""

_API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_CONFIG = Path(__file__).parents[2] / "config"
_RULES = (_CONFIG / "rules.kubelet.yaml", Path(__file__).parent / "rules.yaml")
_DEPLOYED = Path(__file__).parent / "deployed"
_JSON_RULES = Path(__file__).parent / "rules.json.yaml"


class Condition(NamedTuple):
    """Whether the aggregator finds an API available, and why."""

    status: str
    reason: str
    message: str
    since: str


class Viaduct(Program):
    """The service under test, as ``deployed/`` has it except that it runs in no pod.

    Args:
        control_plane: Whose APIs it serves.
        prometheus_url: The Prometheus it asks.
        json_port: Where pods, and a broker on this machine, publish JSON.
    """

    def __init__(self, control_plane, prometheus_url, json_port):
        self.control_plane = control_plane
        self.port = free_port()
        self._documents = kustomized(_DEPLOYED)
        directory = control_plane.directory
        pair = control_plane.authority.issue(
            SERVER_NAME, dns=[SERVER_NAME], addresses=["127.0.0.1"], server=True
        )
        self.token_file = directory / "viaduct-token"
        self.token_file.touch(mode=0o600)
        user = {"tokenFile": str(self.token_file)}
        json_rules = directory / "rules.json.yaml"
        json_rules.write_text(_JSON_RULES.read_text().replace("PORT", str(json_port)))
        command = [
            *(sys.executable, "-m", "adapter", "serve"),
            f"--kubeconfig={control_plane.kubeconfig_for(NAME, user)}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={pair.cert_file}",
            f"--tls-private-key-file={pair.key_file}",
            "--self-managed-certificates=false",
            "--shutdown-delay-duration=0s",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
            f"--prometheus-url={prometheus_url}",
            "--prometheus-timeout=5s",
            "--metrics-relist-interval=5s",
            "--metrics-max-age=5m",
            *(f"--config={rules}" for rules in (*_RULES, json_rules)),
            "--json-allow=127.0.0.0/8",  # pods and broker are on this machine
        ]
        self._probe = self.client()
        super().__init__(
            NAME,
            command,
            directory,
            ready=lambda: self._probe.succeeds("/readyz"),
            environment=environment(self._documents),
        )

    def client(self, *, ca_file=None, **identity):
        """A client that asks Viaduct itself, as a `certificate` or `token` says."""
        return Client(
            f"https://127.0.0.1:{self.port}",
            ca_file or self.control_plane.ca_file,
            server_name=SERVER_NAME,
            **identity,
        )

    def install(self):
        """Deploy all but the APIs, and give the process its account."""
        self._apply(d for d in self._documents if d["kind"] != "APIService")
        self.token_file.write_text(self.control_plane.token_of(NAMESPACE, NAME))

    def register(self):
        """Tell the aggregator of it; `available` tells when that has found it."""
        self._apply(d for d in self._documents if d["kind"] == "APIService")

    def _apply(self, documents):
        objects = [self._as_found_here(document) for document in documents]
        self.control_plane.kubectl("apply", "--filename=-", stdin=as_list(objects))

    def conditions(self):
        """What the aggregator says of each of its APIs, by name."""
        found = {}
        for service in self.control_plane.admin.read(_API_SERVICES)["items"]:
            if service["spec"].get("service", {}).get("name") == NAME:
                conditions = service.get("status", {}).get("conditions", [])
                found[service["metadata"]["name"]] = next(
                    (
                        Condition(c["status"], c["reason"], c["message"], c["lastTransitionTime"])
                        for c in conditions
                        if c["type"] == "Available"
                    ),
                    Condition("Unknown", "", "no condition yet", ""),
                )
        return found

    def available(self):
        """Whether the aggregator finds all its APIs available."""
        conditions = self.conditions()
        return len(conditions) == len(GROUP_VERSIONS) and all(
            condition.status == "True" for condition in conditions.values()
        )

    def have_checked(self):
        """Have the aggregator look at all APIs again, which it else does every 30 s."""
        for name in self.conditions():
            annotations = {"e2e/checked": str(time.time())}
            path = f"{_API_SERVICES}/{name}"
            self.control_plane.admin.patch(path, {"metadata": {"annotations": annotations}})

    @contextlib.contextmanager
    def watched(self):
        """Look at the conditions while the block runs; gives a list of those that were not True."""
        bad, stop = [], threading.Event()

        def look():
            while not stop.wait(0.25):
                conditions = self.conditions()
                bad.extend((name, c) for name, c in conditions.items() if c.status != "True")

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield bad
        finally:
            stop.set()
            thread.join()

    def _as_found_here(self, document):
        """*document* of the deployment as it must be where the process is in no pod."""
        if document["kind"] == "Service":
            # An endpoint may not be a loopback address, but a name may be one's.
            spec = {"type": "ExternalName", "externalName": "localhost"}
            return document | {"spec": spec}
        if document["kind"] == "APIService":
            spec = document["spec"]
            service = spec["service"] | {"port": self.port}
            ca = base64.b64encode(self.control_plane.ca_file.read_bytes()).decode()
            return document | {"spec": spec | {"service": service, "caBundle": ca}}
        return document


def as_list(objects):
    """*objects* as one document for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
