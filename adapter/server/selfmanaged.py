"""A CA and a serving pair of our own: made, shared by all replicas, renewed before they end.

Replicas agree by the Secret alone: whoever writes first wins, the others read. The pair is renewed
with the CA there is. A new CA goes into the Secret beside the old one, and from there into the
APIServices; only when it has been there for a while is anything served that it signed. So at no
moment is a pair shown that kube-apiserver cannot verify. A Secret that was deleted is made anew in
the same way: with a new CA, and the pair that is served.
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

OLD_CA_SECONDS = 86400.0
"""How long the old CA is trusted beside a pair of the new one: replicas have that time to take it.
Not longer, as somebody may have deleted the Secret because the key was stolen."""

_OLD_CAS = 3
"""CAs that are taken over into a new Secret: different replicas may serve what they signed."""

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
        self._cas = ""
        self._relied_on = ""

    async def read(self) -> PEMPair:
        """The pair in the Secret, which is made if there is none that serves.

        Raises:
            IssuingError: It cannot be made.
            KubeApiError: The Secret can neither be read nor made.
        """
        kept = await self._with_newest_pair(await self._kept(), 0.0)
        self._served = _pair(kept)
        self._cas = self._relied_on = kept.cas
        return self._served

    async def refresh(self) -> None:
        """Bring everything up to date: one round of the loop.

        Raises:
            IssuingError: A certificate cannot be made.
            KubeApiError: The Secret or an APIService cannot be read or written.
        """
        kept = await self._with_newest_ca(await self._kept())
        self._cas = kept.cas
        self._show(kept)
        unpublished: KubeApiError | None = None
        try:
            published = await self._publish(kept.cas)
        except KubeApiError as error:
            # an APIService that may not be written must not keep the pair of all from being renewed
            unpublished, published = error, 0.0
        if published >= PUBLISHED_SECONDS:
            self._relied_on = kept.cas
        kept = await self._with_newest_pair(kept, published)
        self._show(kept)
        if unpublished is not None:
            raise unpublished
        await self._without_old_cas(kept)

    def check(self) -> str | None:
        """Answer a probe: None when the pair in the Secret is served."""
        return None if self._served is not None else "the serving certificate was not read yet"

    async def _publish(self, cas: str) -> float:
        """Write *cas* into the APIServices; seconds for which they have been there."""
        await self._bundles.publish(cas)
        now = self._clock.monotonic()
        if self._published[0] != cas:
            self._published = (cas, now)
        return now - self._published[1]

    def _show(self, kept: KeptCertificates) -> None:
        pair = _pair(kept)
        if pair == self._served or self._is_early(kept):
            return
        try:
            self.serve(pair)
        except ssl.SSLError as error:
            log.warning("the certificate in the Secret cannot be served with: %s", error)
            return
        self._served = pair
        log.info("serving with a new certificate from the Secret")

    def _is_early(self, kept: KeptCertificates) -> bool:
        """Whether kube-apiservers may not know yet who signed that pair, but know what is served.

        Who found no Secret, or a broken one, could not wait before it signed what others read now.
        """
        early = self._inspected(_pair(kept), self._relied_on) is None
        return early and self._inspected(self._served, kept.cas) is not None

    async def _kept(self) -> KeptCertificates:
        """What the Secret holds; whoever finds none makes it, and the first to do so wins."""
        if (kept := await self._secret.read()) is not None:
            return kept
        made = await self._made()
        try:
            return await self._secret.create(made)
        except KubeConflict:
            if (kept := await self._secret.read()) is None:
                raise
            return kept

    async def _made(self) -> KeptCertificates:
        ca, ca_key = await asyncio.to_thread(self._make_authority)
        cas = ca.decode() + "".join(await self._old_cas())
        pair = self._served
        if pair is None or self._inspected(pair, cas) is None:
            pair = PEMPair(*await asyncio.to_thread(self._sign, ca, ca_key))
        return KeptCertificates(cas=cas, ca_key=ca_key, certificate=pair.certificate, key=pair.key)

    async def _old_cas(self) -> list[str]:
        """CAs of what replicas may serve, when the Secret does not tell; that of ours is first."""
        ours = f"CN={self._authority_name()}"
        written = certificates_of(await self._bundles.published())
        known = dict(certificates_of(self._cas))
        known |= {pem: info for pem, info in written if info.issuer.startswith(ours)}
        needed = {pem: self._inspected(self._served, pem) is not None for pem in known}
        return sorted(known, key=lambda pem: (not needed[pem], -known[pem].ends))[:_OLD_CAS]

    async def _with_newest_ca(self, kept: KeptCertificates) -> KeptCertificates:
        cas = certificates_of(kept.cas)
        if cas and cas[0][1].ends - self._clock.time() > _CA_RENEW:
            return kept
        made = await asyncio.to_thread(self._make_authority)
        old = [cas[0][0]] if cas else await self._old_cas()
        bundle = made[0].decode() + "".join(old)
        return await self._replaced(dataclasses.replace(kept, cas=bundle, ca_key=made[1]))

    async def _with_newest_pair(self, kept: KeptCertificates, published: float) -> KeptCertificates:
        cas = certificates_of(kept.cas)
        if not cas:
            kept = await self._with_newest_ca(kept)
            cas = certificates_of(kept.cas)
        newest = cas[0][0]
        usable = self._inspected(_pair(kept), kept.cas) is not None
        info = self._inspected(_pair(kept), newest)
        if info is None and usable and published < PUBLISHED_SECONDS:
            return kept  # what the newest CA signs may not be trusted everywhere yet
        if info is not None and info.ends - self._clock.time() > _PAIR_RENEW:
            return kept
        made = await asyncio.to_thread(self._sign, newest.encode(), kept.ca_key)
        kept = dataclasses.replace(kept, certificate=made[0], key=made[1])
        if self._inspected(_pair(kept), newest) is None:
            raise KubeApiError("ca.key in the Secret does not belong to ca.crt: delete the Secret")
        return await self._replaced(kept)

    async def _without_old_cas(self, kept: KeptCertificates) -> None:
        """Trust the newest CA only, when what it signed was there for all replicas to take."""
        cas = certificates_of(kept.cas)
        info = self._inspected(_pair(kept), cas[0][0]) if len(cas) > 1 else None
        if info is not None and self._clock.time() - _signed(info) > OLD_CA_SECONDS:
            await self._replaced(dataclasses.replace(kept, cas=cas[0][0]))

    async def _replaced(self, kept: KeptCertificates) -> KeptCertificates:
        try:
            return await self._secret.replace(kept)
        except KubeConflict:
            # another replica was faster: what it wrote counts
            if (found := await self._secret.read()) is None:
                raise
            return found

    def _inspected(self, pair: PEMPair | None, cas: str) -> CertificateInfo | None:
        """What *pair* says; None when *cas* did not sign it or it does not serve."""
        if pair is None or not cas:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            load_pair(context, pair)
            info = shown_certificate(context, ca=cas, server_name=self._names[0])
        except ssl.SSLError:
            return None
        serves = info.has_names(self._names) and info.ends > self._clock.time()
        return info if serves else None

    def _make_authority(self) -> tuple[bytes, bytes]:
        now = self._clock.time()
        # a name of its own: clients find the CA of a certificate by its name
        return issue_authority(f"{self._authority_name()}{now:.0f}", now, _CA_DAYS)

    def _authority_name(self) -> str:
        return f"{self._names[0]}-ca@"

    def _sign(self, ca: bytes, ca_key: bytes) -> tuple[bytes, bytes]:
        return issue_signed(self._names, (ca, ca_key), self._clock.time(), _PAIR_DAYS)


def _pair(kept: KeptCertificates) -> PEMPair:
    return PEMPair(kept.certificate, kept.key)


def _signed(info: CertificateInfo) -> float:
    """When a pair of ours was made, in Unix seconds."""
    return info.ends - _PAIR_DAYS * _DAY


def _nobody(_: PEMPair) -> None:
    raise KubeApiError("nobody serves with the certificate")
