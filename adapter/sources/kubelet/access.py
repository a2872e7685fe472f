"""What proves who we are to a kubelet, and what a kubelet must prove to us.

The base is what we use towards kube-apiserver; the ``--kubelet-…`` flags override it one by one, as
metrics-server's ``KubeletClientOptions.Config`` does.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from adapter.errors import ConfigError
from adapter.kube.credentials import KubeCredentials
from adapter.transport import client_context


def _no_token() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletAccess:
    """Credentials and trust for all kubelets.

    Attributes:
        scheme: ``https``, or ``http`` for the old read-only port.
        token: Gives the bearer token of the moment, or None.
        ca_file: PEM bundle that signs kubelets' serving certificates; None for the system's roots.
        insecure: Accept any serving certificate.
        cert_file: Client certificate chain (PEM).
        key_file: Its key (PEM).
    """

    scheme: str = "https"
    token: Callable[[], str | None] = _no_token
    ca_file: str | None = None
    insecure: bool = False
    cert_file: str | None = None
    key_file: str | None = None

    @classmethod
    def build(
        cls,
        credentials: KubeCredentials,
        *,
        ca_file: str = "",
        insecure_tls: bool = False,
        completely_insecure: bool = False,
        cert_file: str = "",
        key_file: str = "",
    ) -> Self:
        """Combine *credentials* with the flags; empty ones change nothing."""
        if completely_insecure:
            return cls(scheme="http")
        insecure = insecure_tls or (credentials.insecure and not ca_file)
        return cls(
            token=credentials.token,
            ca_file=None if insecure else ca_file or credentials.ca_file,
            insecure=insecure,
            cert_file=cert_file or credentials.cert_file,
            key_file=key_file or credentials.key_file,
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """The TLS context for all connections; None for plain http.

        Raises:
            ConfigError: A file is missing or holds no usable PEM.
        """
        if self.scheme == "http":
            return None
        try:
            return client_context(
                ca_file=self.ca_file,
                insecure=self.insecure,
                cert_file=self.cert_file,
                key_file=self.key_file,
            )
        except OSError as error:  # ssl.SSLError is one
            files = ", ".join(filter(None, (self.ca_file, self.cert_file, self.key_file)))
            problem = (
                f"cannot use {files} for the kubelets: {error.strerror or error}; check "
                "--kubelet-certificate-authority, --kubelet-client-certificate, "
                "--kubelet-client-key"
            )
            raise ConfigError([problem]) from error
