"""URLs of rule files: whether they can be used, and what of them may be shown."""

from urllib.parse import SplitResult, urlsplit

_HIDDEN = "…"


def read_url(url: str) -> tuple[bool, bool]:
    """Tell whether *url* is complete, http or https, and whether it holds credentials."""
    parts = _split(url)
    if parts is None:
        return False, False
    complete = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    return complete, "@" in parts.netloc


def scheme_of(url: str) -> str:
    """The scheme of *url* in lower case; empty where there is none."""
    parts = _split(url)
    return parts.scheme if parts else ""


def shown_url(url: str) -> str:
    """Return *url*, or a path, without what may be a secret: user, password, values of its query.

    >>> shown_url("https://me:pass@broker.example:8443/stats?format=json&token=abc")
    'https://broker.example:8443/stats?format=…&token=…'
    """
    parts = _split(url)
    if parts is None:
        return _HIDDEN
    given = [one.partition("=") for one in parts.query.split("&")] if parts.query else []
    query = "&".join(f"{name}={_HIDDEN}" if equals else _HIDDEN for name, equals, _ in given)
    netloc = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=netloc, query=query, fragment="").geturl()


def _split(url: str) -> SplitResult | None:
    """Split *url*; None where that cannot be done, or its port is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises what the splitting leaves open
    except ValueError:
        return None
    return parts
