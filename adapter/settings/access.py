"""Flags of authentication and authorization."""

import dataclasses

from adapter.settings.flags import Kind, Peer, option

ACCESS = "Access"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """One field per flag; see `adapter.settings.options.Settings`."""

    authorization_always_allow_paths: tuple[str, ...] = option(
        Kind.LIST,
        ("/healthz", "/readyz", "/livez"),
        ACCESS,
        "paths that need no authorization; giving it replaces the list",
        peer=Peer.BOTH,
        pending=True,
    )
