"""``backends`` of the rule file: further Prometheus servers and how to reach them.

Secrets are never in the rule file, which is a ConfigMap that many can read: it names the files they
are in, which are read again when they change.
"""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapter.rules.sections import Seconds, Section

DEFAULT_BACKEND = "default"
"""The server of ``--prometheus-url``."""

TENANT_HEADER = "X-Scope-OrgID"
"""What Mimir, Cortex, Loki and Thanos read a tenant from."""


class BasicAuth(Section):
    """User and password."""

    username: str
    """The user."""

    password_file: str
    """File with the password."""


class OAuth2(Section):
    """Client credentials (RFC 6749 §4.4): a token is fetched, used and renewed."""

    token_url: Annotated[str, Field(alias="tokenURL")]
    """Where tokens are given out; https, or http to a loopback address."""

    client_id: Annotated[str, Field(alias="clientID")]
    """Who we are there."""

    client_secret_file: str
    """File with the client's secret."""

    scopes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Scopes to ask for. Empty: the server's usual ones."""

    endpoint_params: Annotated[dict[str, str], Field(default_factory=dict)]
    """Further parameters of the token request, such as ``audience``."""


class BackendAuth(Section):
    """What proves who we are; at most one of these."""

    bearer_file: str = ""
    """File with a bearer token. Empty: not used."""

    basic: BasicAuth | None = None
    """User and password. Absent: not used."""

    oauth2: Annotated[OAuth2 | None, Field(alias="oauth2")] = None
    """Client credentials. Absent: not used."""

    @model_validator(mode="after")
    def _at_most_one(self) -> "BackendAuth":
        if sum(map(bool, (self.bearer_file, self.basic, self.oauth2))) > 1:
            raise PydanticCustomError(
                "exclusive", "give at most one of 'bearerFile', 'basic' and 'oauth2'"
            )
        return self


class BackendTLS(Section):
    """TLS with the server."""

    ca_file: str = ""
    """CA bundle (PEM) that replaces the system's roots. Empty: the system's."""

    cert_file: str = ""
    """Client certificate chain (PEM). Empty: none is shown."""

    key_file: str = ""
    """Key (PEM) of `cert_file`."""

    insecure_skip_verify: bool = False
    """Accept any certificate; for tests only."""

    @model_validator(mode="after")
    def _pair(self) -> "BackendTLS":
        if bool(self.cert_file) != bool(self.key_file):
            raise PydanticCustomError("exclusive", "needs both of 'certFile' and 'keyFile'")
        return self


class BackendHeader(Section):
    """A header of each request; exactly one of the two sources of its value."""

    name: str
    """The header's name."""

    value: str = ""
    """Its value, where it is no secret."""

    value_file: str = ""
    """File with its value."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "BackendHeader":
        if bool(self.value) == bool(self.value_file):
            raise PydanticCustomError("exclusive", "needs exactly one of 'value' and 'valueFile'")
        return self


class Backend(Section):
    """A Prometheus server, or what speaks its query API."""

    name: str
    """What rules call it. ``default`` is the server of the command line."""

    url: str
    """Base URL, without ``/api/v1``; without user and password."""

    auth: BackendAuth = BackendAuth()
    """What proves who we are. Empty: nothing is sent."""

    tls: BackendTLS = BackendTLS()
    """TLS with the server."""

    headers: Annotated[tuple[BackendHeader, ...], Field(strict=False)] = ()
    """Further headers of each request."""

    tenant: str = ""
    """Value of the tenant header. Empty: the header is not sent."""

    tenant_header: str = TENANT_HEADER
    """Name of the tenant header."""

    timeout: Seconds = 10.0
    """Time one query may take."""

    concurrency: Annotated[int, Field(ge=1, le=1000)] = 16
    """Queries under way at once; more wait."""
