"""etcd, kube-apiserver with aggregation, and kube-controller-manager, on free loopback ports."""

import contextlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapter.sim.credentials import FrontProxy
from adapter.sim.identity import MASTERS
from adapter.sim.pki import CertificateAuthority
from adapter.sim.ports import free_port
from e2e.kube import Client, Kubectl, write_kubeconfig
from e2e.programs import Missing, Program, answers, control_plane_program

CONTROLLERS = (
    "horizontal-pod-autoscaler",
    "deployment",
    "replicaset",
    "namespace",
    "clusterrole-aggregation",
)
SYNC_SECONDS = 1
"""How often the HPA controller looks; 15 in a cluster nobody waits for."""


class ControlPlane:
    """A Kubernetes control plane without nodes; RBAC decides who may do what.

    Args:
        directory: For certificates, data and logs.

    Attributes:
        authority: The cluster's CA: of servers, clients and kubelets.
        front_proxy: The aggregator's client certificate, from a CA of its own.
        admin: A client that may do everything.
        kubectl: A kubectl that may do everything.

    Raises:
        Missing: A program is not here.
    """

    def __init__(self, directory):
        self.directory = directory
        self.authority = CertificateAuthority("cluster-ca", directory)
        self.front_proxy = FrontProxy(directory)
        self.url = f"https://127.0.0.1:{free_port()}"
        self.etcd = self._etcd()
        self.api = self._api()
        self.controllers = self._controllers()
        self.admin_pair = self.authority.issue("kubernetes-admin", organizations=[MASTERS])
        self.admin = self.client(certificate=self.admin_pair)
        pair = self.admin_pair
        user = {"client-certificate": str(pair.cert_file), "client-key": str(pair.key_file)}
        self.kubectl = self.kubectl_for("admin", user)

    @property
    def ca_file(self):
        return self.authority.ca_file

    def client(self, **identity):
        """A client of kube-apiserver, as a `certificate` or `token` says."""
        return Client(self.url, self.ca_file, **identity)

    def kubeconfig_for(self, name, user):
        """A kubeconfig called *name* for *user*, whose fields are kubeconfig's."""
        path = self.directory / f"{name}.kubeconfig"
        return write_kubeconfig(path, self.url, self.ca_file, user)

    def kubectl_for(self, name, user):
        """A kubectl for *user*."""
        return Kubectl(self.kubeconfig_for(name, user), self.directory)

    def token_of(self, namespace, account):
        """A token of a service account, as a pod gets it."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return self.admin.create(path, request)["status"]["token"]

    @contextlib.contextmanager
    def running(self):
        """Run it while the block runs; without a kube-controller-manager where there is none."""
        programs = [self.etcd, self.api, *([self.controllers] if self.controllers else [])]
        with contextlib.ExitStack() as stack:
            for program in programs:
                stack.callback(program.stop)
            self.etcd.start().wait()
            self.api.start().wait()
            if self.controllers:
                self.controllers.start()
            yield self

    def _etcd(self):
        url, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd_url = url
        command = [
            control_plane_program("etcd"),
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ]
        return Program("etcd", command, self.directory, ready=lambda: answers(f"{url}/health"))

    def _api(self):
        serving = self.authority.issue(
            "kube-apiserver",
            dns=["localhost", "kubernetes.default.svc"],
            addresses=["127.0.0.1"],
            server=True,
        )
        proxy = self.front_proxy
        key_file, public_file = self._service_account_keys()
        command = [
            control_plane_program("kube-apiserver"),
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.url.rpartition(':')[2]}",
            f"--tls-cert-file={serving.cert_file}",
            f"--tls-private-key-file={serving.key_file}",
            f"--client-ca-file={self.ca_file}",
            f"--requestheader-client-ca-file={proxy.ca_file}",
            f"--requestheader-allowed-names={proxy.common_name}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy.cert_file}",
            f"--proxy-client-key-file={proxy.key_file}",
            f"--service-account-key-file={public_file}",
            f"--service-account-signing-key-file={key_file}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            # no controller makes the accounts that pods without one would have to name
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
        ]
        return Program(
            "kube-apiserver",
            command,
            self.directory,
            ready=lambda: self.admin.succeeds("/readyz"),
        )

    def _controllers(self):
        try:
            program = control_plane_program("kube-controller-manager")
        except Missing:
            return None
        pair = self.authority.issue("system:kube-controller-manager")
        user = {"client-certificate": str(pair.cert_file), "client-key": str(pair.key_file)}
        kubeconfig = self.kubeconfig_for("kube-controller-manager", user)
        command = [
            program,
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            "--leader-elect=false",
            # each controller as its own account: the HPA controller is no master, RBAC counts
            "--use-service-account-credentials",
            f"--controllers={','.join(f'{name}-controller' for name in CONTROLLERS)}",
            f"--horizontal-pod-autoscaler-sync-period={SYNC_SECONDS}s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
        ]
        return Program("kube-controller-manager", command, self.directory)

    def _service_account_keys(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        files = self.directory / "service-account.key", self.directory / "service-account.pub"
        for file, content in zip(files, (private, public), strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        return files
