"""Certificates, tokens and kubeconfigs of a simulated cluster, as files in its directory."""

import base64
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from adapter.sim.identity import MASTERS, Identities, User
from adapter.sim.pki import CertificateAuthority, KeyPair

ServingNames = Literal["address", "name", "common-name"]
"""What a kubelet's certificate is valid for: IP address and node name, the name alone, or nothing
but the subject, as certificates that kubelets sign themselves sometimes are."""

SERVER_USER = User(
    "system:serviceaccount:kube-system:viaduct",
    ("system:serviceaccounts", "system:serviceaccounts:kube-system"),
)


class FrontProxy:
    """The aggregator's client certificate and how a backend recognises it.

    Attributes:
        authority: Signs it, and others that tests want.
    """

    def __init__(self, directory: Path) -> None:
        self.authority = CertificateAuthority("front-proxy-ca", directory)
        self.common_name = "front-proxy-client"
        self.key_pair: KeyPair = self.authority.issue(self.common_name)
        self.ca_file = self.authority.ca_file

    @property
    def cert_file(self) -> Path:
        """The client certificate."""
        return self.key_pair.cert_file

    @property
    def key_file(self) -> Path:
        """The client certificate's key."""
        return self.key_pair.key_file

    def config_map(self, client_ca_pem: str) -> dict[str, str]:
        """Data of ConfigMap ``kube-system/extension-apiserver-authentication``."""
        return {
            "client-ca-file": client_ca_pem,
            "requestheader-client-ca-file": self.ca_file.read_text(),
            "requestheader-allowed-names": json.dumps([self.common_name]),
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }


class Credentials:
    """Everything that proves who somebody is.

    Args:
        directory: Where the files go.
        identities: Who has which token.

    Attributes:
        authority: The cluster's CA.
    """

    def __init__(self, directory: Path, identities: Identities) -> None:
        self.front_proxy = FrontProxy(directory)
        self._directory = directory
        self.authority = CertificateAuthority("cluster-ca", directory)
        self.ca_file = self.authority.ca_file
        self.admin = self.authority.issue("kubernetes-admin", organizations=[MASTERS])
        self._api = self.authority.issue(
            "kube-apiserver",
            dns=["kubernetes.default.svc", "localhost"],
            addresses=["127.0.0.1"],
            server=True,
        )
        self.server_token = identities.issue(SERVER_USER)
        self.token_file = directory / "token"
        self.token_file.write_text(self.server_token)
        self.token_file.chmod(0o600)

    def client_certificate(self, name: str, groups: Sequence[str] = ()) -> KeyPair:
        """Issue a client certificate that the API server and the kubelets accept."""
        return self.authority.issue(name, organizations=groups)

    def serving_certificate(self, name: str, dns: Sequence[str]) -> KeyPair:
        """Issue a serving certificate for 127.0.0.1 and *dns*, for a backend of the aggregator."""
        return self.authority.issue(name, dns=dns, addresses=["127.0.0.1"], server=True)

    def api_context(self) -> ssl.SSLContext:
        """TLS of the API server."""
        return self._server_context(self._api)

    def kubelet_context(self, node: str, names: ServingNames) -> ssl.SSLContext:
        """TLS of a node's kubelet, its certificate valid for *names*."""
        certificate = self.authority.issue(
            f"system:node:{node}",
            organizations=["system:nodes"],
            dns=[] if names == "common-name" else [node],
            addresses=["127.0.0.1"] if names == "address" else [],
            server=True,
        )
        return self._server_context(certificate)

    def write_kubeconfigs(self, url: str) -> tuple[Path, Path]:
        """Write the administrator's kubeconfig and the server's own, and return their paths."""
        admin = {
            "client-certificate-data": _base64(self.admin.cert_file),
            "client-key-data": _base64(self.admin.key_file),
        }
        server = {"tokenFile": str(self.token_file)}
        return (
            self._write_kubeconfig("admin", url, admin),
            self._write_kubeconfig("server", url, server),
        )

    def _write_kubeconfig(self, name: str, url: str, user: dict[str, Any]) -> Path:
        cluster = {"server": url, "certificate-authority-data": _base64(self.ca_file)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sim", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": name}}],
            "current-context": "sim",
        }
        path = self._directory / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)
        return path

    def _server_context(self, certificate: KeyPair) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert_file, certificate.key_file)
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
