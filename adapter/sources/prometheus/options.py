"""How to reach Prometheus: what is fixed for life, checked once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from multidict import CIMultiDict
from yarl import URL

from adapter.errors import ConfigError
from adapter.rules.backends import Backend, OAuth2
from adapter.rules.headers import header_name
from adapter.sources.prometheus.failure import COMMAND_LINE, Wording, backend_wording

CONCURRENCY = 16
"""Requests at once; more than that wait, which is kinder to Prometheus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2Options:
    """Client credentials (RFC 6749 §4.4)."""

    token_url: str
    """Where tokens are given out; https, or http to a loopback address."""

    client_id: str
    """Who we are there."""

    secret_file: str
    """File with the client's secret."""

    scopes: tuple[str, ...] = ()
    """Scopes to ask for. Empty: the server's usual ones."""

    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further parameters of the token request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusOptions:
    """Where Prometheus is and how to speak to it: the ``--prometheus-*`` flags, or a backend.

    Files are read again when they change. User and password in the URL become basic auth and are
    never logged. At most one of *token_file*, *basic_auth_file*, *basic_user* and *oauth2* is
    given.
    """

    url: str = field(repr=False)
    """Base URL. Its path is a prefix and its query is sent with each request."""

    name: str = ""
    """Name in ``backends`` of the rule file. Empty: the server of the command line."""

    verb: str = "POST"
    """``GET`` or ``POST``. POST carries the query in the body, where no length limit applies."""

    headers: tuple[str, ...] = field(default=(), repr=False)
    """Extra headers as ``K=V``; repeats of a key accumulate. They win over all others."""

    header_files: tuple[tuple[str, str], ...] = ()
    """Extra headers by name whose values are in files."""

    token_file: str = ""
    """Bearer token. Empty: that of the kubeconfig or service account, if any."""

    basic_auth_file: str = ""
    """``user:password`` in a file. Empty: user and password of the URL, if any."""

    basic_user: str | None = None
    """User of basic auth whose password is in *basic_password_file*. None: not used."""

    basic_password_file: str = ""
    """Password of *basic_user*."""

    oauth2: OAuth2Options | None = None
    """Where a bearer token is fetched. None: nowhere."""

    ca_file: str = ""
    """PEM bundle that replaces the system's roots. Empty: that of the kubeconfig, if any."""

    cert_file: str = ""
    """Client certificate chain (PEM). Empty: that of the kubeconfig, if any."""

    key_file: str = ""
    """Key (PEM) of *cert_file*."""

    insecure: bool = False
    """Accept any certificate of Prometheus; an OAuth2 token endpoint is always verified."""

    timeout: float = 10.0
    """Seconds one query may take; Prometheus is told, too."""

    concurrency: int = CONCURRENCY
    """Requests at once; more wait."""

    @property
    def wording(self) -> Wording:
        """What texts call these options."""
        return backend_wording(self.name) if self.name else COMMAND_LINE


def backend_options(section: Backend) -> PrometheusOptions:
    """Options of an entry of ``backends`` in the rule file.

    Raises:
        ConfigError: A header cannot be called so.
    """
    auth, tls = section.auth, section.tls
    where = f"{backend_wording(section.name).prefix}headers"
    for name in (*(header.name for header in section.headers), section.tenant_header):
        header_name(name, where)
    headers = [f"{header.name}={header.value}" for header in section.headers if header.value]
    if section.tenant:
        headers.append(f"{section.tenant_header}={section.tenant}")
    return PrometheusOptions(
        url=section.url,
        name=section.name,
        headers=tuple(headers),
        header_files=tuple((h.name, h.value_file) for h in section.headers if h.value_file),
        token_file=auth.bearer_file,
        basic_user=auth.basic.username if auth.basic else None,
        basic_password_file=auth.basic.password_file if auth.basic else "",
        oauth2=_oauth2_options(auth.oauth2) if auth.oauth2 else None,
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        insecure=tls.insecure_skip_verify,
        timeout=section.timeout,
        concurrency=section.concurrency,
    )


def _oauth2_options(section: OAuth2) -> OAuth2Options:
    return OAuth2Options(
        token_url=section.token_url,
        client_id=section.client_id,
        secret_file=section.client_secret_file,
        scopes=section.scopes,
        parameters=tuple(section.endpoint_params.items()),
    )


def check_options(options: PrometheusOptions) -> None:
    """Find contradictions.

    Raises:
        ConfigError: With every problem found.
    """
    problems = list(_problems_of_backend(options) if options.name else _problems_of_flags(options))
    if options.timeout <= 0:
        problems.append(f"the timeout of a query must be positive, not {options.timeout:g} s")
    if problems:
        raise ConfigError([options.wording.prefix + problem for problem in problems])


def _problems_of_flags(options: PrometheusOptions) -> Iterator[str]:
    url = _parse_url(options.url)
    if url is None:
        yield "--prometheus-url must start with http:// or https:// and name a host"
    if options.verb not in {"GET", "POST"}:
        yield f"--prometheus-verb must be GET or POST, not {options.verb!r}"
    if bool(options.cert_file) != bool(options.key_file):
        yield (
            "--prometheus-client-tls-cert-file and --prometheus-client-tls-key-file "
            "must be given together"
        )


def _problems_of_backend(options: PrometheusOptions) -> Iterator[str]:
    """What the schema of the rule file, which knows no URLs, leaves open."""
    url = _parse_url(options.url)
    if url is None:
        yield "url must start with http:// or https:// and name a host"
    elif url.user is not None or url.password is not None:
        yield "url must not hold user and password: give them as auth.basic, the password in a file"
    if ":" in (options.basic_user or ""):
        yield "auth.basic.username must not hold a colon, which ends the user in basic auth"
    if options.oauth2 is not None:
        endpoint = _parse_url(options.oauth2.token_url)
        if endpoint is None or not (endpoint.scheme == "https" or _is_loopback(endpoint)):
            yield "auth.oauth2.tokenURL must be https, or http to a loopback address"


def _parse_url(text: str) -> URL | None:
    """Read an absolute HTTP URL; None when *text* is something else."""
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in {"http", "https"} and url.host else None


def _is_loopback(url: URL) -> bool:
    try:
        return ip_address(url.host or "").is_loopback
    except ValueError:
        return url.host == "localhost"


def parse_headers(arguments: Iterable[str], where: str = "--prometheus-header") -> CIMultiDict[str]:
    """Read ``K=V`` arguments: split at the first ``=``, no ``=`` means an empty value.

    Args:
        arguments: The arguments.
        where: What errors call their place.

    Raises:
        ConfigError: A header without a name, or with a line end in it.

    >>> list(parse_headers(["foo=bar", "Foo=baz", "bux=baz=23", "x-y"]).items())
    [('Foo', 'bar'), ('Foo', 'baz'), ('Bux', 'baz=23'), ('X-Y', '')]
    """
    headers: CIMultiDict[str] = CIMultiDict()
    for argument in arguments:
        name, _, value = argument.partition("=")
        spelt = header_name(name, where)
        if not value.isprintable():
            raise ConfigError([f"{where}: the value of the header {name!r} is no single line"])
        headers.add(spelt, value)
    return headers
