"""Where a request came from."""

import ipaddress

from aiohttp import hdrs, web

_MAX_FORWARDED = 16
"""Addresses of ``X-Forwarded-For`` that are looked at: the last, as each proxy adds one there."""

_MAX_ADDRESS = 64
"""Characters: those of IPv6, and the name of an interface."""


def source_ips(request: web.Request) -> tuple[str, ...]:
    """Addresses a request came from, as apimachinery's ``net.SourceIPs`` finds them.

    All but the last are what the client, or a proxy, says; of many, the first are left out.
    """
    forwarded = request.headers.get(hdrs.X_FORWARDED_FOR, "")
    last = forwarded.rsplit(",", _MAX_FORWARDED)[-_MAX_FORWARDED:]
    found = [_address(text) for text in last]
    real = _address(request.headers.get("X-Real-Ip", ""))
    if real not in found:
        found.append(real)
    addresses = [address for address in found if address]
    remote = _address(request.remote or "")
    if remote and addresses[-1:] != [remote]:
        addresses.append(remote)
    return tuple(addresses)


def _address(text: str) -> str:
    text = text.strip()
    if len(text) > _MAX_ADDRESS:  # the zone of an address may be anything
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
