"""Names of HTTP headers in flags and in the rule file."""

import re

from adapter.errors import ConfigError

_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+\Z", re.ASCII)
"""What a header may be called (RFC 9110 §5.6.2)."""


def header_name(text: str, where: str) -> str:
    """One spelling of a header's name: of two, the HTTP client would send the last only.

    Args:
        text: The name as somebody wrote it.
        where: What the error calls its place.

    Raises:
        ConfigError: A header cannot be called so.

    >>> header_name(" x-scope-orgID", "")
    'X-Scope-Orgid'
    """
    name = text.strip()
    if not _HEADER_NAME.match(name):
        raise ConfigError([f"{where}: cannot use a header named {text!r}"])
    return "-".join(map(str.capitalize, name.split("-")))
