"""Checks of how JSON documents are fetched: headers, proof of who we are, TLS.

No value of a header is ever repeated.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address

from adapter.errors import ConfigError
from adapter.rules.backends import BackendHeader
from adapter.rules.findings import Problem, Severity
from adapter.rules.headers import header_name
from adapter.rules.json_section import JsonAuth, JsonSection, JsonTLS, Scheme
from adapter.rules.urls import scheme_of

_SECRET = re.compile(r"(?i)authorization|cookie|token|secret|passw|api[-_]?key")
_OURS = frozenset(
    {
        "Connection",
        "Content-Length",
        "Expect",
        "Host",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Range",
        "If-Unmodified-Since",
        "Keep-Alive",
        "Proxy-Connection",
        "Range",
        "Te",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    }
)
"""Headers that belong to the connection, or make a request conditional, which is done anyway."""

_SERVER_NAME = re.compile(r"(?=.{1,253}\Z)([\w-]{1,63}\.)*(?![0-9]+\.?\Z)[\w-]{1,63}\.?\Z")
"""The last part of a name is no number; `ip_address` knows the addresses."""


def access_problems(section: JsonSection, *, external: bool) -> Iterator[Problem]:
    """Find what is wrong with headers, ``auth`` and ``tls``; paths are relative to *section*."""
    seen: set[str] = set()
    for number, header in enumerate(section.headers):
        for problem in _header_problems(header, section.auth, seen):
            yield problem.below("headers", number, "name")
    scheme = scheme_of(section.url) if external else section.scheme.value
    yield from _tls_problems(section.tls, scheme, of_pods=not external)


def _header_problems(header: BackendHeader, auth: JsonAuth, seen: set[str]) -> Iterator[Problem]:
    """Find what is wrong with *header*, whose name is noted in *seen*; paths begin at the name."""
    try:
        name = header_name(header.name, "")
    except ConfigError:
        text = f"name: {header.name[:40]!r} is no name of a header"
        yield Problem((), text, "letters, digits and dashes", fatal=True)
        return
    if name in _OURS:
        text = f"name: {header.name} is set for each request as that needs it"
        yield Problem((), text, "remove it", fatal=True)
    if name in seen:
        text = f"name: {header.name} is given twice"
        yield Problem((), text, "remove one of them", fatal=True)
    seen.add(name)
    if name == "Authorization" and auth != JsonAuth():
        text = "name: Authorization is given by 'auth', too"
        yield Problem((), text, "remove one of them", fatal=True)
    if not header.value.isprintable():
        text = f"value: that of {header.name} has a line end or a control character"
        yield Problem((), text, "a header is one line", fatal=True)
    if header.value and _SECRET.search(header.name):
        text = f"value: that of {header.name} seems to be a secret, which all can read who see "
        hint = "put it into a file, and name that as 'valueFile'"
        yield Problem((), f"{text}the rules", hint, Severity.WARNING)


def _tls_problems(tls: JsonTLS, scheme: str, *, of_pods: bool) -> Iterator[Problem]:
    if tls.server_name and not _SERVER_NAME.match(tls.server_name) and not _is_ip(tls.server_name):
        text = f"serverName: {tls.server_name[:63]!r} is neither a host's name nor an address"
        hint = "the name the certificate has, such as web.shop.svc"
        yield Problem(("tls", "serverName"), text, hint, fatal=True)
    if scheme == Scheme.HTTP.value and tls != JsonTLS():
        field = "scheme" if of_pods else "url"
        text = f"tls: does nothing, as the {field} is http"
        hint = "write 'scheme: https', or remove it" if of_pods else "write https://, or remove it"
        yield Problem(("tls",), text, hint, Severity.WARNING, key=True)
    elif tls.insecure_skip_verify:
        text = "insecureSkipVerify: any certificate is taken, so the numbers may be anybody's"
        hint = "give the CA as 'caFile', and the name in the certificates as 'serverName'"
        yield Problem(("tls", "insecureSkipVerify"), text, hint, Severity.WARNING)
    elif scheme == Scheme.HTTPS.value and of_pods and not tls.server_name:
        text = "scheme: the pods' certificates must carry their addresses, for want of a name"
        hint = "give the name they carry as 'tls.serverName'"
        yield Problem(("scheme",), text, hint, Severity.WARNING)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
