"""How to reach Prometheus: what is fixed for life, checked once."""

from collections.abc import Iterable
from dataclasses import dataclass

from multidict import CIMultiDict
from yarl import URL

from adapter.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusOptions:
    """Where Prometheus is and how to speak to it; one field a ``--prometheus-*`` flag.

    Files are read again when they change. User and password in the URL become basic auth and are
    never logged.
    """

    url: str
    """Base URL. Its path is a prefix and its query is sent with each request."""

    verb: str = "POST"
    """``GET`` or ``POST``. POST carries the query in the body, where no length limit applies."""

    headers: tuple[str, ...] = ()
    """Extra headers as ``K=V``; repeats of a key accumulate. They win over all others."""

    token_file: str = ""
    """Bearer token. Empty: that of the kubeconfig or service account, if any."""

    basic_auth_file: str = ""
    """``user:password`` in a file. Empty: user and password of the URL, if any."""

    ca_file: str = ""
    """PEM bundle that replaces the system's roots. Empty: that of the kubeconfig, if any."""

    cert_file: str = ""
    """Client certificate chain (PEM). Empty: that of the kubeconfig, if any."""

    key_file: str = ""
    """Key (PEM) of *cert_file*."""

    insecure: bool = False
    """Accept any certificate."""

    timeout: float = 10.0
    """Seconds one query may take; Prometheus is told, too."""


def check_options(options: PrometheusOptions) -> None:
    """Find contradictions.

    Raises:
        ConfigError: With every problem found.
    """
    problems = []
    url = _parse_url(options.url)
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        problems.append("--prometheus-url must start with http:// or https:// and name a host")
    if options.verb not in {"GET", "POST"}:
        problems.append(f"--prometheus-verb must be GET or POST, not {options.verb!r}")
    if bool(options.cert_file) != bool(options.key_file):
        problems.append(
            "--prometheus-client-tls-cert-file and --prometheus-client-tls-key-file "
            "must be given together"
        )
    if options.timeout <= 0:
        problems.append(f"the timeout of a query must be positive, not {options.timeout:g} s")
    if problems:
        raise ConfigError(problems)


def _parse_url(text: str) -> URL | None:
    try:
        return URL(text)
    except ValueError:
        return None


def parse_headers(arguments: Iterable[str]) -> CIMultiDict[str]:
    """Read ``K=V`` arguments: split at the first ``=``, no ``=`` means an empty value.

    Raises:
        ConfigError: A header without a name, or with a line end in it.

    >>> list(parse_headers(["foo=bar", "Foo=baz", "bux=baz=23", "x-y"]).items())
    [('Foo', 'bar'), ('Foo', 'baz'), ('Bux', 'baz=23'), ('X-Y', '')]
    """
    headers: CIMultiDict[str] = CIMultiDict()
    for argument in arguments:
        name, _, value = argument.partition("=")
        if not name.strip() or not f"{name}{value}".isprintable():
            raise ConfigError([f"--prometheus-header: cannot use a header named {name!r}"])
        # One spelling: of two, the HTTP client would send the last only.
        headers.add("-".join(map(str.capitalize, name.strip().split("-"))), value)
    return headers
