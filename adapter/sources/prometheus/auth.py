"""What proves who we are to Prometheus, read again when a file changes."""

import base64
import ssl

from multidict import CIMultiDict
from yarl import URL

from adapter.errors import ConfigError
from adapter.kube.credentials import KubeCredentials
from adapter.periodic import Clock
from adapter.rules.headers import header_name
from adapter.sources.followed import FollowedSecret, FollowedTLS, cause
from adapter.sources.prometheus.oauth2 import OAuth2Tokens
from adapter.sources.prometheus.options import (
    OAuth2Options,
    PrometheusOptions,
    parse_headers,
)
from adapter.transport import client_context

_BEARER = "Bearer "


class PrometheusAuth:
    """Headers and TLS context of a request.

    Args:
        options: Where Prometheus is; its files win over *credentials*.
        credentials: Of a kubeconfig or the service account, if Prometheus is to be reached by
            those.
        clock: Decides when a token is renewed.

    Raises:
        ConfigError: A file is missing or holds nothing usable.
    """

    def __init__(
        self, options: PrometheusOptions, credentials: KubeCredentials | None, clock: Clock
    ) -> None:
        self._options = options
        self._wording = options.wording
        self._credentials = credentials
        where = f"{self._wording.prefix}headers" if options.name else "--prometheus-header"
        self._headers = parse_headers(options.headers, where)
        self._header_files = [
            (header_name(name, where), FollowedSecret(path, prefix=self._wording.prefix))
            for name, path in options.header_files
        ]
        self._secret = FollowedSecret(
            options.token_file or options.basic_auth_file or options.basic_password_file,
            prefix=self._wording.prefix,
        )
        kube = credentials
        self._ca_file = options.ca_file or (kube.ca_file if kube else None)
        self._tls = FollowedTLS(
            ca_file=self._ca_file,
            cert_file=options.cert_file or (kube.cert_file if kube else None),
            key_file=options.key_file or (kube.key_file if kube else None),
            insecure=options.insecure or (kube is not None and kube.insecure),
            prefix=self._wording.prefix,
        )
        self._tokens: OAuth2Tokens | None = None
        try:
            for secret in (self._secret, *(file for _, file in self._header_files)):
                secret.text()
            self._tls.context()
            if options.oauth2 is not None:
                self._tokens = self._token_source(options.oauth2, clock)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            text = (
                f"{self._wording.prefix}cannot use the credentials for prometheus: {cause(error)}"
            )
            raise ConfigError([text]) from error

    async def headers(self) -> CIMultiDict[str]:
        """Headers of one request, the authorization of the moment included.

        Raises:
            SourceError: A token was to be fetched and could not be.
        """
        headers: CIMultiDict[str] = CIMultiDict({"Accept-Encoding": "identity"})
        authorization = await self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        from_files = [(name, file.text()) for name, file in self._header_files]
        for name in (*self._headers, *(name for name, _ in from_files)):
            headers.popall(name, None)
        headers.extend(self._headers)
        for name, value in from_files:
            headers.add(name, value)
        return headers

    def refused(self, authorization: str | None) -> bool:
        """Take note that a request was answered 401; True when trying again may be of use.

        Args:
            authorization: The header it had.
        """
        if self._tokens is None or authorization is None:
            return False
        return self._tokens.refused(authorization.removeprefix(_BEARER))

    def tls(self) -> ssl.SSLContext:
        """TLS context of a request; the same one until a certificate file changes."""
        return self._tls.context()

    def _token_source(self, options: OAuth2Options, clock: Clock) -> OAuth2Tokens:
        # The endpoint may be a public one, or one of the same private CA as Prometheus. It is
        # always verified: it gets a secret.
        trust = client_context()
        if self._ca_file:
            trust.load_verify_locations(self._ca_file)
        tokens = OAuth2Tokens(
            options,
            clock=clock,
            timeout=self._options.timeout,
            tls=trust,
            wording=self._wording,
        )
        tokens.check()
        return tokens

    async def _authorization(self) -> str | None:
        options = self._options
        if options.token_file:
            return _BEARER + self._secret.text()
        if self._tokens is not None:
            return _BEARER + await self._tokens.token()
        if options.basic_user is not None:
            return _basic(options.basic_user, self._secret.text())
        if options.basic_auth_file:
            return _basic(*self._secret.text().partition(":")[::2])
        url = URL(options.url)
        if url.user is not None:
            return _basic(url.user, url.password or "")
        return None if self._credentials is None else await self._credentials.authorization()


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
