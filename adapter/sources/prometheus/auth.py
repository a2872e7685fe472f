"""What proves who we are to Prometheus, read again when a file changes."""

import base64
import logging
import ssl
from pathlib import Path

from multidict import CIMultiDict
from yarl import URL

from adapter.errors import ConfigError
from adapter.kube.credentials import KubeCredentials
from adapter.sources.prometheus.options import PrometheusOptions, parse_headers
from adapter.transport import client_context

log = logging.getLogger(__name__)

_Fingerprint = tuple[int, int, int]


class PrometheusAuth:
    """Headers and TLS context of a request.

    Args:
        options: Where Prometheus is; its files win over *credentials*.
        credentials: Of a kubeconfig or the service account, if Prometheus is to be reached by
            those.

    Raises:
        ConfigError: A file is missing or holds nothing usable.
    """

    def __init__(self, options: PrometheusOptions, credentials: KubeCredentials | None) -> None:
        self._options = options
        self._credentials = credentials
        self._headers = parse_headers(options.headers)
        self._secret = _SecretFile(options.token_file or options.basic_auth_file)
        kube = credentials
        self._ca_file = options.ca_file or (kube.ca_file if kube else None)
        self._cert_file = options.cert_file or (kube.cert_file if kube else None)
        self._key_file = options.key_file or (kube.key_file if kube else None)
        self._insecure = options.insecure or (kube is not None and kube.insecure)
        try:
            self._secret.text()
            self._tls_seen = self._certificates()
            self._tls = self._build_tls()
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise ConfigError([f"cannot use the credentials for prometheus: {error}"]) from error

    async def headers(self) -> CIMultiDict[str]:
        """Headers of one request, the authorization of the moment included."""
        headers: CIMultiDict[str] = CIMultiDict({"Accept-Encoding": "identity"})
        authorization = await self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        for name in self._headers:
            headers.popall(name, None)
        headers.extend(self._headers)
        return headers

    def tls(self) -> ssl.SSLContext:
        """TLS context of a request; the same one until a certificate file changes."""
        try:
            seen = self._certificates()
            if seen != self._tls_seen:
                self._tls = self._build_tls()
                self._tls_seen = seen
        except OSError as error:
            # Between the two writes of a rotation; the certificates we have may still be good.
            log.warning("cannot use the new certificates for prometheus: %s", error)
        return self._tls

    def _certificates(self) -> list[_Fingerprint | None]:
        return [_fingerprint(path) for path in (self._ca_file, self._cert_file, self._key_file)]

    def _build_tls(self) -> ssl.SSLContext:
        return client_context(
            ca_file=self._ca_file,
            insecure=self._insecure,
            cert_file=self._cert_file,
            key_file=self._key_file,
        )

    async def _authorization(self) -> str | None:
        if self._options.token_file:
            return f"Bearer {self._read_secret()}"
        if self._options.basic_auth_file:
            return _basic(*self._read_secret().partition(":")[::2])
        url = URL(self._options.url)
        if url.user is not None:
            return _basic(url.user, url.password or "")
        return None if self._credentials is None else await self._credentials.authorization()

    def _read_secret(self) -> str:
        try:
            return self._secret.text()
        except (OSError, ValueError) as error:
            log.warning("cannot read the credentials for prometheus: %s", error)
            return self._secret.last


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class _SecretFile:
    """The text of a file, stripped, read again when the file has changed."""

    def __init__(self, path: str) -> None:
        self.last = ""
        self._path = path
        self._seen: object = None

    def text(self) -> str:
        seen = _fingerprint(self._path)
        if seen != self._seen:
            text = Path(self._path).read_text(encoding="utf-8").strip()
            if not text or not text.isprintable():
                raise ValueError(f"{self._path} holds no single line of text")
            self.last = text
            self._seen = seen
        return self.last


def _fingerprint(path: str | None) -> _Fingerprint | None:
    """What changes when a file is written or a mounted secret is swapped."""
    if not path:
        return None
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns, status.st_size
