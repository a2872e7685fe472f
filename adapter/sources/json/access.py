"""What a request for a document is sent with: headers, credentials, trust; files are read again."""

import base64
import ssl
from collections.abc import Callable, Iterator

import aiohttp
from multidict import CIMultiDict

from adapter import __version__
from adapter.errors import ConfigError, SourceError
from adapter.rules.backends import BackendHeader
from adapter.rules.headers import header_name
from adapter.rules.json_metric import Access
from adapter.rules.json_section import JsonTLS
from adapter.sources.followed import FollowedSecret, FollowedTLS, cause
from adapter.sources.json.addresses import read_address
from adapter.sources.json.guard import host_name

_HEADERS = (
    ("Accept", "application/json"),
    # A document is small, and near; what is compressed all the same is read, too.
    ("Accept-Encoding", "identity"),
    ("User-Agent", f"viaduct/{__version__}"),
)

_OURS = frozenset(
    {
        "Connection",
        "Content-Length",
        "Expect",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Range",
        "If-Unmodified-Since",
        "Keep-Alive",
        "Range",
        "Te",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    }
)
"""Headers that frame a request or make it conditional: given by somebody else they would break the
connection for the next one, or the reading of the answer."""

_NEVER = 1e9
"""Seconds from which aiohttp rounds a timeout up to whole ones."""

_GRACE_SECONDS = 0.02
"""How much later than the connection's the whole timeout ends where both are the same: the error
then says rightly which of them it was."""


class Prepared:
    """An `Access` made ready once for all its requests.

    Args:
        access: What rules or annotations say.

    Attributes:
        timeout: For aiohttp.
        server_name: What the certificate must be for; None for the host of the URL.

    Raises:
        ConfigError: A header or a name cannot be sent.
    """

    def __init__(self, access: Access) -> None:
        connect = min(access.connect_timeout, access.timeout)
        self.timeout = aiohttp.ClientTimeout(
            total=access.timeout + _GRACE_SECONDS, connect=connect, ceil_threshold=_NEVER
        )
        where = f"{access.where}." if access.where else ""
        self.server_name = _server_name(access.tls.server_name, f"{where}tls.serverName")
        given = [(_usable_name(header, f"{where}headers"), header) for header in access.headers]
        names = {name for name, _ in given}
        self._fixed = CIMultiDict((name, value) for name, value in _HEADERS if name not in names)
        if access.auth.basic is not None and ":" in access.auth.basic.username:
            raise ConfigError([f"{where}auth.basic.username: a colon would end the user there"])
        self._secrets = [secret for secret in _credentials(access) if secret.name not in names]
        for name, header in given:
            if header.value_file:
                self._secrets.append(_Secret(name, header.value_file, str))
            else:
                self._fixed.add(name, header.value)

    def headers(self, etag: str, last_modified: str) -> CIMultiDict[str]:
        """Headers of one request.

        Args:
            etag: Of the document that is known. Empty: none is.
            last_modified: Likewise.

        Raises:
            SourceError: A secret could not be read, now or ever before.
        """
        if not self._secrets and not etag and not last_modified:
            return self._fixed
        headers = self._fixed.copy()
        for secret in self._secrets:
            headers.add(secret.name, secret.value())
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        return headers

    def problems(self) -> Iterator[str]:
        """Secrets that cannot be read now."""
        for secret in self._secrets:
            problem = secret.problem()
            if problem:
                yield problem


class _Secret:
    """A header whose value is in a file.

    Args:
        name: The header.
        path: The file.
        form: Makes the value of the file's text.
    """

    def __init__(self, name: str, path: str, form: Callable[[str], str]) -> None:
        self.name = name
        self._file = FollowedSecret(path)
        self._form = form

    def value(self) -> str:
        """The header's value, of the file's last readable text."""
        try:
            return self._form(self._file.text())
        except (OSError, ValueError) as error:
            text = f"cannot send the header {self.name}: {cause(error)}"
            raise SourceError(text) from None

    def problem(self) -> str:
        """Why the file cannot be read; empty when it can be."""
        return self._file.problem()


class TrustStore:
    """TLS contexts by what makes them; each is built once, and again when a file changes."""

    def __init__(self) -> None:
        self._known: dict[JsonTLS, FollowedTLS] = {}

    def context(self, tls: JsonTLS) -> ssl.SSLContext:
        """The context for *tls*.

        Raises:
            SourceError: A file cannot be used, and there is no context of before.
        """
        try:
            return self._of(tls).context()
        except OSError as error:
            raise SourceError(cause(error)) from error

    def problem(self, tls: JsonTLS) -> str:
        """Why no context can be made for *tls* now; empty when it can be."""
        return self._of(tls).problem()

    def _of(self, tls: JsonTLS) -> FollowedTLS:
        known = self._known.get(tls)
        if known is None:
            known = self._known[tls] = FollowedTLS(
                ca_file=tls.ca_file,
                cert_file=tls.cert_file,
                key_file=tls.key_file,
                insecure=tls.insecure_skip_verify,
            )
        return known


def _usable_name(header: BackendHeader, where: str) -> str:
    name = header_name(header.name, where)
    if name in _OURS:
        raise ConfigError([f"{where}: {name} is for this server to send, and cannot be given"])
    if not header.value.isprintable():
        raise ConfigError([f"{where}: the value of the header {name} is no single line"])
    return name


def _server_name(text: str, where: str) -> str | None:
    if text and host_name(text) is None and read_address(text) is None:
        raise ConfigError([f"{where}: {text!r} is neither a host name nor an address"])
    return text or None


def _credentials(access: Access) -> Iterator[_Secret]:
    auth = access.auth
    if auth.bearer_file:
        yield _Secret("Authorization", auth.bearer_file, "Bearer {}".format)
    elif auth.basic is not None:
        user = auth.basic.username

        def basic(password: str) -> str:
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

        yield _Secret("Authorization", auth.basic.password_file, basic)
