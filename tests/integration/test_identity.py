"""Identities, certificates and paths against the running service, over real TLS connections.

Each row says who asks and how, and what they get on each kind of path. Nobody who should be out is
let in by any of them.
"""

import asyncio
import datetime as dt
from typing import NamedTuple

import aiohttp
import pytest
from integration.service import warm_lab

from adapter.sim.access import ReviewFaults
from adapter.sim.pki import CertificateAuthority

PATHS = ("/apis/metrics.k8s.io/v1/nodes", "/apis/metrics.k8s.io/v1", "/metrics", "/readyz", "/nope")
"""A resource, discovery, a path that is not open, one that is, one that is not there."""

EVERYTHING = (200, 200, 200, 200, 404)
DISCOVERY = (403, 200, 403, 200, 403)
STRANGER = (403, 403, 403, 200, 403)
REFUSED = (401, 401, 401, 401, 401)
HANDSHAKE = (0, 0, 0, 0, 0)
"""The connection ends before a request is read."""

MASTER = (("X-Remote-User", "root"), ("X-Remote-Group", "system:masters"))
MINUTE = dt.timedelta(minutes=1)


class Row(NamedTuple):
    """Who asks, and what they get."""

    expected: tuple[int, ...]
    certificate: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    token: str = ""
    faults: ReviewFaults = ReviewFaults()


ROWS = {
    # nothing, and what only claims to be something
    "nobody": Row(STRANGER),
    "spoofed-user": Row(STRANGER, headers=MASTER),
    "spoofed-in-lower-case": Row(STRANGER, headers=(("x-remote-user", "root"), *MASTER[1:])),
    "spoofed-with-underscores": Row(STRANGER, headers=(("X_Remote_User", "root"), *MASTER[1:])),
    "impersonating-nobody": Row(
        STRANGER,
        headers=(("Impersonate-User", "root"), ("Impersonate-Group", "system:masters")),
    ),
    "basic-authentication": Row(STRANGER, headers=(("Authorization", "Basic cm9vdDpyb290"),)),
    # client certificates
    "administrator": Row(EVERYTHING, "administrator"),
    "known-user": Row(EVERYTHING, "known"),
    "user-without-rights": Row(DISCOVERY, "viewer"),
    "user-without-rights-spoofing": Row(DISCOVERY, "viewer", MASTER),
    "user-without-rights-impersonating": Row(
        DISCOVERY,
        "viewer",
        (("Impersonate-User", "root"), ("Impersonate-Group", "system:masters")),
    ),
    "user-named-like-the-aggregator": Row(DISCOVERY, "client-of-that-name", MASTER),
    "user-without-a-name": Row(REFUSED, "nameless", MASTER),
    "expired": Row(HANDSHAKE, "expired"),
    "unknown-ca": Row(HANDSHAKE, "stranger"),
    "unknown-ca-with-a-good-token": Row(HANDSHAKE, "stranger", token="good"),
    "certificate-of-a-server": Row(HANDSHAKE, "server"),
    # the aggregator
    "aggregator-for-a-master": Row(EVERYTHING, "aggregator", MASTER),
    "aggregator-for-a-known-user": Row(EVERYTHING, "aggregator", (("X-Remote-User", "known"),)),
    "aggregator-for-a-user-without-rights": Row(
        DISCOVERY, "aggregator", (("X-Remote-User", "viewer"),)
    ),
    "aggregator-for-nobody-special": Row(
        STRANGER,
        "aggregator",
        (("X-Remote-User", "system:anonymous"), ("X-Remote-Group", "system:unauthenticated")),
    ),
    "aggregator-with-several-groups": Row(
        EVERYTHING,
        "aggregator",
        (("X-Remote-User", "x"), ("X-Remote-Group", "dev"), ("X-Remote-Group", "system:masters")),
    ),
    "aggregator-without-a-user": Row(REFUSED, "aggregator", MASTER[1:]),
    "aggregator-with-an-empty-user": Row(
        REFUSED, "aggregator", (("X-Remote-User", ""), *MASTER[1:])
    ),
    "aggregator-with-two-users": Row(
        REFUSED, "aggregator", (("X-Remote-User", "viewer"), ("X-Remote-User", "root"))
    ),
    "aggregator-with-one-groups-text": Row(
        DISCOVERY,
        "aggregator",
        (("X-Remote-User", "x"), ("X-Remote-Group", "dev,system:masters")),
    ),
    "other-name-of-the-aggregators-ca": Row(REFUSED, "other-name", MASTER),
    "other-name-with-a-good-token": Row(EVERYTHING, "other-name", MASTER, token="good"),
    "expired-aggregator": Row(HANDSHAKE, "expired-aggregator", MASTER),
    "aggregator-of-an-unknown-ca": Row(HANDSHAKE, "stranger-aggregator", MASTER),
    # bearer tokens
    "good-token": Row(EVERYTHING, token="good"),
    "good-token-spoofing": Row(DISCOVERY, headers=MASTER, token="other"),
    "expired-token": Row(REFUSED, token="expired"),
    "nonsense-token": Row(REFUSED, token="nonsense"),
    # kube-apiserver does not say
    "tokens-down": Row(REFUSED, token="unseen", faults=ReviewFaults(tokens_down=True)),
    "tokens-down-with-a-certificate": Row(
        EVERYTHING, "administrator", token="unseen", faults=ReviewFaults(tokens_down=True)
    ),
    "tokens-garbage": Row(REFUSED, token="unseen", faults=ReviewFaults(garbage=True)),
    "access-down": Row(STRANGER, "unseen", faults=ReviewFaults(access_down=True)),
    "access-down-for-a-master": Row(
        EVERYTHING, "aggregator", MASTER, faults=ReviewFaults(access_down=True)
    ),
    "access-garbage": Row(STRANGER, "unseen", faults=ReviewFaults(garbage=True)),
    "reviews-slow": Row(EVERYTHING, token="slow", faults=ReviewFaults(slow=3.0)),
}


class Place:
    """The lab, and everything anybody could show it."""

    def __init__(self, lab, directory):
        self.lab = lab
        cluster = lab.cluster
        ca, proxy = cluster.credentials.authority, cluster.front_proxy
        stranger = CertificateAuthority("cluster-ca", _folder(directory, "cluster"))
        other_proxy = CertificateAuthority("front-proxy-ca", _folder(directory, "proxy"))
        masters = ["system:masters"]
        self.certificates = {
            "administrator": cluster.credentials.admin,
            "known": ca.issue("known"),
            "viewer": ca.issue("viewer"),
            "unseen": ca.issue("unseen"),
            "nameless": ca.issue("", organizations=masters),
            "client-of-that-name": ca.issue(proxy.common_name),
            "server": ca.issue("kubernetes-admin", organizations=masters, server=True),
            "expired": ca.issue("kubernetes-admin", organizations=masters, valid_for=-MINUTE),
            "stranger": stranger.issue("kubernetes-admin", organizations=masters),
            "aggregator": proxy.key_pair,
            "other-name": proxy.authority.issue("other-name"),
            "expired-aggregator": proxy.authority.issue(proxy.common_name, valid_for=-MINUTE),
            "stranger-aggregator": other_proxy.issue(proxy.common_name),
        }
        issue = cluster.issue_token
        issue("known")
        self.tokens = {
            "good": issue("known"),
            "other": issue("outsider"),
            "unseen": issue("unseen"),
            "slow": issue("known"),
            "expired": issue("known"),
            "nonsense": "nonsense",
        }
        cluster.identities.revoke(self.tokens["expired"])
        usual = cluster.api.access.policy
        cluster.api.access.policy = lambda spec: usual(_without_rights(spec))

    async def statuses(self, row):
        faults = self.lab.cluster.api.access.faults
        self.lab.cluster.api.access.faults = row.faults
        headers = list(row.headers)
        if row.token:
            headers.append(("Authorization", f"Bearer {self.tokens[row.token]}"))
        certificate = self.certificates.get(row.certificate)
        try:
            async with self.lab.client(certificate) as session:
                return tuple([await self._status(session, path, headers) for path in PATHS])
        finally:
            self.lab.cluster.api.access.faults = faults
            self.lab.clock.advance(11)  # what is kept is forgotten

    async def _status(self, session, path, headers):
        asking = asyncio.create_task(_status(session, path, headers))
        while not (await asyncio.wait([asking], timeout=0.05))[0]:
            self.lab.clock.advance(0.5)  # it waits for another attempt
        return await asking


def _without_rights(spec):
    """The outsider has a token, but otherwise is nobody the default policy knows."""
    return {**spec, "user": ""} if spec.get("user") == "outsider" else spec


async def _status(self, session, path, headers):
    asking = asyncio.create_task(_status(session, path, headers))
    while not asking.done():
        await self.lab.turn(0.5)
    return await asking


def allowed_in(spec):
    return spec.get("user") not in {"outsider", "viewer"}


def discovers(spec):
    return spec.get("nonResourceAttributes", {}).get("path", "").startswith("/apis")


async def _status(session, path, headers):
    try:
        async with session.get(path, headers=headers) as response:
            await response.read()
            return response.status
    except aiohttp.ClientError:
        return 0


def _folder(directory, name):
    made = directory / name
    made.mkdir()
    return made


@pytest.fixture(scope="module")
async def place(tmp_path_factory):
    async with warm_lab(nodes=1, pods_per_node=2) as made:
        yield Place(made, tmp_path_factory.mktemp("pki"))


@pytest.mark.parametrize("name", ROWS)
async def test_who_gets_what(place, name):
    row = ROWS[name]

    assert await place.statuses(row) == row.expected
