"""Who asks and whether they may: authentication and authorization from the flags."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Self

from aiohttp.typedefs import Middleware

from adapter.bootstrap.parts import Parts
from adapter.kube.access import AccessReviewer
from adapter.kube.api import KubeApi
from adapter.kube.requestheader import AuthenticationConfigWatcher, Overrides
from adapter.kube.tokens import TokenReviewer
from adapter.server.authn import Authentication, authenticated
from adapter.server.authz import Authorization, authorized
from adapter.server.probes import Check
from adapter.settings import Settings

FIRST_LOOK_SECONDS = 5.0
"""How long the start waits for kube-apiserver; later it is asked again beside everything else."""


class Identity:
    """Builds both from *parts*.

    Args:
        parts: What all groups share.
        authentication_api: Reviews tokens and has the ConfigMap of the cluster's CAs.
        authorization_api: Reviews access.

    Raises:
        ConfigError: A file with CAs of clients cannot be used.
    """

    def __init__(
        self, parts: Parts, authentication_api: KubeApi, authorization_api: KubeApi
    ) -> None:
        settings, clock, telemetry = parts.settings, parts.clock, parts.telemetry
        overrides = _overrides(settings)
        overrides.check()
        self._tolerant = settings.authentication_tolerate_lookup_failure
        self._watcher = AuthenticationConfigWatcher(
            None if settings.authentication_skip_lookup else authentication_api,
            overrides=overrides,
            clock=clock,
            telemetry=telemetry,
        )
        parts.loops.append(self._watcher.run)
        tokens = TokenReviewer(
            authentication_api,
            ttl=settings.authentication_token_webhook_cache_ttl,
            clock=clock,
            telemetry=telemetry,
        )
        reviews = AccessReviewer(
            authorization_api,
            authorized_ttl=settings.authorization_webhook_cache_authorized_ttl,
            unauthorized_ttl=settings.authorization_webhook_cache_unauthorized_ttl,
            clock=clock,
            telemetry=telemetry,
        )
        self.authentication = Authentication(
            self._watcher, tokens, clock=clock, telemetry=telemetry
        )
        self.authorization = Authorization(
            reviews,
            always_allowed=settings.authorization_always_allow_paths,
            telemetry=telemetry,
        )

    @classmethod
    async def build(cls, parts: Parts) -> Self:
        """Connect where flags name another kubeconfig, and build.

        Raises:
            ConfigError: A kubeconfig, or a file with CAs of clients, is missing or broken.
        """
        settings = parts.settings
        return cls(
            parts,
            await _api(parts, settings.authentication_kubeconfig),
            await _api(parts, settings.authorization_kubeconfig),
        )

    def middlewares(self) -> Sequence[Middleware]:
        """Authentication, then authorization: inside of what turns errors into answers."""
        return [authenticated(self.authentication), authorized(self.authorization)]

    async def prepare(self, listener: Callable[[str], None]) -> None:
        """Get to know the aggregator before it connects, if that is possible now.

        Args:
            listener: Called with the PEM bundle TLS has to accept, now and when it changes.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await self._watcher.look()
        self._watcher.on_change(lambda config: listener(config.client_cas()))

    def checks(self) -> Sequence[Check]:
        """Readiness waits until the aggregator is known: before, it would be refused."""
        if self._tolerant:
            return []
        return [Check("authentication-config", self._watcher.check, ("readyz",))]


def _overrides(settings: Settings) -> Overrides:
    return Overrides(
        client_ca_file=settings.client_ca_file,
        requestheader_ca_file=settings.requestheader_client_ca_file,
        allowed_names=settings.requestheader_allowed_names,
        username_headers=settings.requestheader_username_headers,
        uid_headers=settings.requestheader_uid_headers,
        group_headers=settings.requestheader_group_headers,
        extra_prefixes=settings.requestheader_extra_headers_prefix,
    )


async def _api(parts: Parts, kubeconfig: str) -> KubeApi:
    if not kubeconfig:
        return parts.api
    api = await KubeApi.connect(kubeconfig, clock=parts.clock)
    parts.stack.push_async_callback(api.close)
    return api
