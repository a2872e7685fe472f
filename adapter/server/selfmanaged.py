"""A CA and a serving pair of our own: made, shared by all replicas, renewed before they end.

Replicas agree by the Secret alone: whoever writes first wins, the others read. The pair is renewed
with the CA there is. A new CA goes into the Secret beside the old one, and from there into the
APIServices; only when it has been there for a while is anything served that it signed. So at no
moment is a pair shown that kube-apiserver cannot verify.
"""

import asyncio
import dataclasses
import logging
import ssl
from collections.abc import Callable, Sequence

from adapter.kube.api import KubeApiError, KubeConflict
from adapter.kube.servingcert import CABundles, KeptCertificates, ServingSecret
from adapter.periodic import Clock
from adapter.server.issuing import issue_authority, issue_signed
from adapter.server.pairs import (
    LOCAL_NAMES,
    CertificateInfo,
    PEMPair,
    certificates_of,
    load_pair,
    shown_certificate,
)

log = logging.getLogger(__name__)

PERIOD_SECONDS = 60.0
"""How often Secret and APIServices are looked at."""

PUBLISHED_SECONDS = 45.0
"""How long a CA is in the APIServices before it is relied on: kube-apiservers watch them."""

_DAY = 86400.0
_CA_DAYS = 730
_CA_RENEW = 120 * _DAY
_PAIR_DAYS = 90
_PAIR_RENEW = 30 * _DAY
"""Less than what a CA has left when it is renewed: no pair outlives its CA."""


def service_names(service: str, namespace: str) -> tuple[str, ...]:
    """Names the serving certificate of a Service needs; the aggregator asks for the first.

    No pod's IP: all replicas share the pair, and nobody verifies a pod by its address.
    """
    full = f"{service}.{namespace}.svc"
    return (full, service, f"{service}.{namespace}", f"{full}.cluster.local", *LOCAL_NAMES)


class SelfManagedCertificates:
    """Keeps a CA and a serving pair in a Secret, and the CA in the APIServices.

    Args:
        secret: Where they are kept.
        bundles: Where the CA is published.
        names: What the pair must be valid for, the name the aggregator asks for first.
        clock: Decides when they end.

    Attributes:
        serve: Called with each new pair.
    """

    def __init__(
        self, secret: ServingSecret, bundles: CABundles, names: Sequence[str], *, clock: Clock
    ) -> None:
        self.serve: Callable[[PEMPair], None] = _nobody
        self._secret = secret
        self._bundles = bundles
        self._names = tuple(names)
        self._clock = clock
        self._served: PEMPair | None = None
        self._published = ("", 0.0)

    async def read(self) -> PEMPair:
        """The pair in the Secret, which is made if there is none that serves.

        Raises:
            IssuingError: It cannot be made.
            KubeApiError: The Secret can neither be read nor made.
        """
        kept = await self._with_newest_pair(await self._kept(), 0.0)
        self._served = PEMPair(kept.certificate, kept.key)
        return self._served

    async def refresh(self) -> None:
        """Bring everything up to date: one round of the loop.

        Raises:
            IssuingError: A certificate cannot be made.
            KubeApiError: The Secret or an APIService cannot be read or written.
        """
        kept = await self._with_newest_ca(await self._kept())
        self._show(kept)
        await self._bundles.publish(kept.cas)
        now = self._clock.monotonic()
        if self._published[0] != kept.cas:
            self._published = (kept.cas, now)
        self._show(await self._with_newest_pair(kept, now - self._published[1]))

    def check(self) -> str | None:
        """Answer a probe: None when the pair in the Secret is served."""
        return None if self._served is not None else "the serving certificate was not read yet"

    def _show(self, kept: KeptCertificates) -> None:
        pair = PEMPair(kept.certificate, kept.key)
        if pair == self._served:
            return
        try:
            self.serve(pair)
        except ssl.SSLError as error:
            log.warning("the certificate in the Secret cannot be served with: %s", error)
            return
        self._served = pair
        log.info("serving with a new certificate from the Secret")

    async def _kept(self) -> KeptCertificates:
        """What the Secret holds; whoever finds none makes it, and the first to do so wins."""
        if (kept := await self._secret.read()) is not None:
            return kept
        made = await asyncio.to_thread(self._make_all)
        try:
            return await self._secret.create(made)
        except KubeConflict:
            if (kept := await self._secret.read()) is None:
                raise
            return kept

    async def _with_newest_ca(self, kept: KeptCertificates) -> KeptCertificates:
        cas = certificates_of(kept.cas)
        if cas and cas[0][1].ends - self._clock.time() > _CA_RENEW:
            return kept
        made = await asyncio.to_thread(self._make_authority)
        bundle = made[0].decode() + (cas[0][0] if cas else "")
        return await self._replaced(dataclasses.replace(kept, cas=bundle, ca_key=made[1]))

    async def _with_newest_pair(self, kept: KeptCertificates, published: float) -> KeptCertificates:
        cas = certificates_of(kept.cas)
        if not cas:
            kept = await self._with_newest_ca(kept)
            cas = certificates_of(kept.cas)
        newest = cas[0][0]
        usable = self._inspected(kept, kept.cas) is not None
        if usable and published < PUBLISHED_SECONDS:
            return kept  # what the newest CA signs may not be trusted everywhere yet
        info = self._inspected(kept, newest)
        if info is not None and info.ends - self._clock.time() > _PAIR_RENEW:
            return kept
        made = await asyncio.to_thread(self._sign, newest.encode(), kept.ca_key)
        kept = dataclasses.replace(kept, certificate=made[0], key=made[1])
        if self._inspected(kept, newest) is None:
            raise KubeApiError("ca.key in the Secret does not belong to ca.crt: delete the Secret")
        return await self._replaced(kept)

    async def _replaced(self, kept: KeptCertificates) -> KeptCertificates:
        try:
            return await self._secret.replace(kept)
        except KubeConflict:
            # another replica was faster: what it wrote counts
            if (found := await self._secret.read()) is None:
                raise
            return found

    def _inspected(self, kept: KeptCertificates, cas: str) -> CertificateInfo | None:
        """What the pair says; None when *cas* did not sign it or it does not serve."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            load_pair(context, PEMPair(kept.certificate, kept.key))
            info = shown_certificate(context, ca=cas, server_name=self._names[0])
        except ssl.SSLError:
            return None
        serves = info.has_names(self._names) and info.ends > self._clock.time()
        return info if serves else None

    def _make_all(self) -> KeptCertificates:
        ca, ca_key = self._make_authority()
        certificate, key = self._sign(ca, ca_key)
        return KeptCertificates(cas=ca.decode(), ca_key=ca_key, certificate=certificate, key=key)

    def _make_authority(self) -> tuple[bytes, bytes]:
        now = self._clock.time()
        # a name of its own: clients find the CA of a certificate by its name
        return issue_authority(f"{self._names[0]}-ca@{now:.0f}", now, _CA_DAYS)

    def _sign(self, ca: bytes, ca_key: bytes) -> tuple[bytes, bytes]:
        return issue_signed(self._names, (ca, ca_key), self._clock.time(), _PAIR_DAYS)


def _nobody(_: PEMPair) -> None:
    raise KubeApiError("nobody serves with the certificate")
