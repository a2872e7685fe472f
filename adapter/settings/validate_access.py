"""What does not fit together in the flags of authentication and authorization."""

import re
from collections.abc import Iterator

from adapter.model.times import format_duration
from adapter.settings.access import AccessSettings

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110


def access_problems(settings: AccessSettings) -> Iterator[str]:
    """Sentences, each naming the flag to change."""
    ttls = {
        "authentication-token-webhook-cache-ttl": settings.authentication_token_webhook_cache_ttl,
        "authorization-webhook-cache-authorized-ttl": (
            settings.authorization_webhook_cache_authorized_ttl
        ),
        "authorization-webhook-cache-unauthorized-ttl": (
            settings.authorization_webhook_cache_unauthorized_ttl
        ),
    }
    for name, seconds in ttls.items():
        if seconds < 0:
            yield f"--{name} {format_duration(seconds)} must not be negative"
    for path in settings.authorization_always_allow_paths:
        if "*" in path[:-1]:
            yield f'--authorization-always-allow-paths "{path}": a * may only be at the end'
    headers = {
        "username-headers": settings.requestheader_username_headers,
        "uid-headers": settings.requestheader_uid_headers,
        "group-headers": settings.requestheader_group_headers,
        "extra-headers-prefix": settings.requestheader_extra_headers_prefix,
    }
    for name, values in headers.items():
        for value in values:
            if not _HEADER.fullmatch(value):
                yield f'--requestheader-{name}: "{value}" is no name of an HTTP header'


def access_cautions(settings: AccessSettings) -> Iterator[str]:
    """Sentences about what works but may not be meant."""
    cas = settings.client_ca_file or settings.requestheader_client_ca_file
    if settings.authentication_skip_lookup and not cas:
        yield (
            "--authentication-skip-lookup without --requestheader-client-ca-file: the aggregator "
            "is not known, so only bearer tokens are accepted"
        )
    if any(path in {"*", "/*"} for path in settings.authorization_always_allow_paths):
        yield (
            "--authorization-always-allow-paths *: own metrics and discovery are open to anybody "
            "who reaches this server"
        )
