"""TLS of the server, its certificates and its limits, from the flags."""

import asyncio
import logging
import resource
import ssl
from collections.abc import Sequence
from pathlib import Path

from adapter.apis.base import APIGroup
from adapter.bootstrap.parts import Parts
from adapter.errors import ConfigError
from adapter.kube.api import KubeApiError
from adapter.kube.credentials import SERVICE_ACCOUNT
from adapter.kube.servingcert import CABundles, ServingSecret
from adapter.periodic import Periodic
from adapter.server.issuing import IssuingError, issue_self_signed
from adapter.server.limits import Limits
from adapter.server.pairs import Pair, PEMPair, self_signed_pair
from adapter.server.probes import Check
from adapter.server.selfmanaged import PERIOD_SECONDS, SelfManagedCertificates, service_names
from adapter.server.tls import NamedPairFiles, ServingTLS, TLSOptions
from adapter.settings import Settings
from adapter.settings.tls import openssl_ciphers, parse_named_pair

log = logging.getLogger(__name__)

RELOAD_SECONDS = 10.0
"""How often certificate files are looked at."""

_DAY_SECONDS = 86400.0
_OTHER_FILES = 512
"""Files and connections of this process that are not clients of it: kubelets come on top."""

_VERSIONS = {"VersionTLS12": ssl.TLSVersion.TLSv1_2, "VersionTLS13": ssl.TLSVersion.TLSv1_3}

RETRY_SECONDS = 1.0
"""After a failure to read or publish the self-managed certificate: without it nobody is sent here,
and kube-apiserver may only be starting itself."""


class Serving:
    """Builds TLS and limits from *parts*; *groups* are what is served.

    Attributes:
        tls: The contexts to serve with, after `prepare`.
        limits: What connections may cost.
    """

    tls: ServingTLS

    def __init__(self, parts: Parts, groups: Sequence[APIGroup]) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._managed = (
            self._self_managed(groups) if self._settings.self_managed_certificates else None
        )
        self._rounds: Periodic | None = None
        self.limits = connection_limits(self._settings)

    async def prepare(self) -> ServingTLS:
        """Get hold of a serving pair, and keep it up to date.

        Raises:
            ConfigError: A certificate cannot be served with, or none can be made.
        """
        settings, parts = self._settings, self._parts
        self.tls = ServingTLS(
            await self._first_pair(),
            named=[_named(text) for text in settings.tls_sni_cert_key],
            options=TLSOptions(
                _VERSIONS.get(settings.tls_min_version, ssl.TLSVersion.TLSv1_2),
                openssl_ciphers(settings.tls_cipher_suites),
            ),
            clock=parts.clock,
            telemetry=parts.telemetry,
        )
        parts.repeat(
            Periodic(
                "serving-certificate-files", self._reload, period=RELOAD_SECONDS, clock=parts.clock
            )
        )
        if self._managed is not None:
            self._managed.serve = self.tls.use
            self._rounds = Periodic(
                "serving-certificate",
                self._managed.refresh,
                period=PERIOD_SECONDS,
                clock=parts.clock,
                jitter=0.1,  # replicas that march in step would conflict
                retry=RETRY_SECONDS,
            )
            parts.repeat(self._rounds)
        elif not settings.tls_cert_file:
            parts.repeat(
                Periodic(
                    "self-signed-certificate",
                    self._renew,
                    period=_DAY_SECONDS,
                    clock=parts.clock,
                )
            )
        return self.tls

    def checks(self) -> Sequence[Check]:
        """Whether clients can verify this server: only with ``--self-managed-certificates``."""
        if self._managed is None:
            return []
        return [Check("serving-certificate", self._check_managed, ("readyz",))]

    def _check_managed(self) -> str | None:
        why = self._managed.check() if self._managed is not None else None
        cause = self._rounds.last_error if self._rounds is not None else None
        return f"{why}: {cause}" if why and cause else why

    async def _first_pair(self) -> Pair | PEMPair:
        settings = self._settings
        if self._managed is not None:
            return await self._managed_pair(self._managed)
        if settings.tls_cert_file:
            return Pair(Path(settings.tls_cert_file), Path(settings.tls_private_key_file))
        return await asyncio.to_thread(self_signed_pair, Path(settings.cert_dir))

    async def _managed_pair(self, managed: SelfManagedCertificates) -> PEMPair:
        try:
            return await managed.read()
        except (KubeApiError, IssuingError) as error:
            # probes must be answered all the same, or a restart would be tried as a remedy
            log.warning("serving with a certificate nobody trusts until this works: %s", error)
        names, now = service_names(self._settings.service_name, "none"), self._parts.clock.time()
        return PEMPair(*await asyncio.to_thread(issue_self_signed, names, now))

    def _self_managed(self, groups: Sequence[APIGroup]) -> SelfManagedCertificates:
        settings, api = self._settings, self._parts.api
        service = settings.service_name
        namespace = settings.service_namespace or _own_namespace()
        secret = settings.serving_certificate_secret or f"{service}-serving-certificate"
        names = [f"{version}.{group.name}" for group in groups for version in group.versions]
        return SelfManagedCertificates(
            ServingSecret(api, namespace, secret),
            CABundles(api, namespace, service, names),
            service_names(service, namespace),
            clock=self._parts.clock,
        )

    async def _reload(self) -> None:
        self.tls.reload()

    async def _renew(self) -> None:
        """Make a new self-signed pair in time; the files are then seen to have changed."""
        await asyncio.to_thread(self_signed_pair, Path(self._settings.cert_dir))


def connection_limits(settings: Settings) -> Limits:
    """What connections may cost; no more of them than the system lets this process open."""
    most = raise_file_limit() - _OTHER_FILES
    if most < settings.max_connections:
        log.warning(
            "--max-connections %d is more than the limit of open files allows: %d are served; "
            "raise that limit (ulimit -Hn)",
            settings.max_connections,
            max(most, 1),
        )
    return Limits(connections=max(1, min(settings.max_connections, most)))


def raise_file_limit() -> int:
    """Use as many files as the hard limit allows, as programs in Go do; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1 << 20
    if soft != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _named(text: str) -> NamedPairFiles:
    named = parse_named_pair(text)
    return NamedPairFiles(Pair(Path(named.cert_file), Path(named.key_file)), named.names)


def _own_namespace() -> str:
    try:
        return (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            ["--self-managed-certificates outside a pod needs --service-namespace"]
        ) from error
