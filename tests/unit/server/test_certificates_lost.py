"""A Secret with certificates that is deleted or spoilt while replicas serve with them."""

import base64
import contextlib
import time

import pytest
from unit.server.replicas import (
    API_SERVICES,
    DAY,
    Replica,
    bundle,
    register,
    registered,
    secret,
    spoil,
    trusted,
)

from adapter.kube.api import KubeApiError
from adapter.server.pairs import certificates_of
from adapter.sim.clock import ManualClock

NAME = API_SERVICES[0]


@pytest.fixture
def clock():
    return ManualClock(start=time.time())


@contextlib.contextmanager
def forbidden(cluster, resource):
    """Nobody may touch *resource* for a while."""
    allowed = cluster.api.access.policy
    cluster.api.access.policy = lambda spec: (
        spec.get("resourceAttributes", {}).get("resource") != resource and allowed(spec)
    )
    try:
        yield
    finally:
        cluster.api.access.policy = allowed


class Watched:
    """Replicas, of which every pair must be verifiable, also by who has not seen a change yet."""

    def __init__(self, cluster, api, clock):
        self.cluster = cluster
        self.api = api
        self.clock = clock
        self.replicas = []
        self.bundles = ["", ""]
        self.bad = []

    async def start(self):
        """Begin to serve: nobody can have verified it before its first round."""
        replica = await Replica(self.api, self.clock).start()
        self.look()
        await replica.certificates.refresh()
        self.look()
        self.replicas.append(replica)

        def serve(pair):
            replica.served.append(pair)
            self.look()

        replica.certificates.serve = serve
        return replica

    async def round(self, *replicas):
        """One of each, half a minute apart."""
        for replica in replicas or self.replicas:
            self.clock.advance(30)
            await replica.certificates.refresh()
            self.look()

    def look(self):
        written = registered(self.cluster, NAME).get("caBundle", "")
        self.bundles = [self.bundles[-1], base64.b64decode(written).decode()]
        self.bad += [
            (self.clock.monotonic(), number)
            for number, replica in enumerate(self.replicas)
            for ca in filter(None, self.bundles)
            if not trusted(replica.served[-1], ca)
        ]

    def newest(self):
        return certificates_of(bundle(self.cluster, NAME))[0][0]

    def delete(self):
        self.cluster.api.store.delete("secrets", "monitoring", "viaduct-serving")


@pytest.fixture
async def watched(cluster, api, clock):
    register(cluster, NAME)
    made = Watched(cluster, api, clock)
    for _ in range(2):
        await made.start()
    for _ in range(2):
        await made.round()
    return made


async def settled(watched):
    """Whether all replicas serve with one pair of the newest CA in the end."""
    for _ in range(4):
        await watched.round()
    served = {replica.served[-1].certificate for replica in watched.replicas}
    return len(served) == 1 and trusted(watched.replicas[0].served[-1], watched.newest())


async def test_a_deleted_secret_is_made_anew_as_a_ca_is_renewed(watched, issued):
    before, served = watched.newest(), watched.replicas[0].served[-1]
    issued.clear()
    watched.delete()

    assert await settled(watched)
    assert watched.bad == []
    assert watched.newest() != before
    assert watched.replicas[0].served[-1] != served
    assert issued == ["ca", "pair"]


async def test_a_secret_that_is_deleted_again_and_again(watched):
    for _ in range(3):
        watched.delete()
        await watched.round(watched.replicas[0])
    watched.delete()
    await watched.round(watched.replicas[1])

    assert await settled(watched)
    assert watched.bad == []


async def test_a_replica_that_begins_without_a_secret_leaves_the_others_trusted(watched):
    """As when somebody deletes it and restarts one after the other."""
    watched.delete()
    await watched.start()

    assert await settled(watched)
    assert watched.bad == []


async def test_what_a_beginner_signed_waits_until_it_is_published(watched, api, clock):
    watched.delete()
    await Replica(api, clock).start()  # it stops before its first round

    await watched.round()

    assert [len(replica.served) for replica in watched.replicas] == [1, 1]
    assert await settled(watched)
    assert watched.bad == []


async def test_a_secret_that_is_deleted_while_api_services_cannot_be_read(watched, cluster):
    watched.delete()
    with forbidden(cluster, "apiservices"), pytest.raises(KubeApiError, match="403"):
        await watched.round()

    assert await settled(watched)
    assert watched.bad == []


@pytest.mark.parametrize("key", ["ca_crt", "tls_crt", "tls_key", "ca_key"])
async def test_a_secret_that_was_spoilt_leaves_them_trusted(watched, cluster, key):
    spoil(cluster, **{key: b"junk"})

    await settled(watched)

    assert watched.bad == []


async def test_old_cas_are_not_trusted_for_ever(watched, clock):
    """Who deletes the Secret may do so because its keys were stolen."""
    old = watched.newest()
    watched.delete()
    assert await settled(watched)
    assert old in bundle(watched.cluster, NAME)

    clock.advance(1.5 * DAY)
    assert await settled(watched)

    assert watched.bad == []
    assert [pem for pem, _ in certificates_of(bundle(watched.cluster, NAME))] == [watched.newest()]


async def test_a_pair_that_ended_while_nobody_was_there_is_not_taken_over(watched, clock):
    watched.delete()
    clock.advance(100 * DAY)
    await watched.replicas[0].certificates.refresh()

    assert trusted(watched.replicas[0].served[-1], watched.newest())


async def test_cas_of_others_are_not_taken_over(cluster, api, clock):
    """What somebody wrote into an APIService before is not for us to trust."""
    from datetime import UTC, datetime

    from unit.server.replicas import encoded

    from adapter.server.selfsigned import make_authority

    theirs = make_authority("theirs", datetime.now(UTC), 10)[0]
    register(cluster, NAME, caBundle=encoded(theirs))
    replica = await Replica(api, clock).start()
    await replica.certificates.refresh()

    assert len(certificates_of(bundle(cluster, NAME))) == 1


@pytest.mark.parametrize("text", ["", "%%%", "anVuaw=="])
async def test_a_bundle_that_cannot_be_read_is_replaced(cluster, api, clock, text):
    register(cluster, NAME, caBundle=text)
    replica = await Replica(api, clock).start()
    await replica.certificates.refresh()

    assert trusted(replica.served[-1], bundle(cluster, NAME))


async def test_a_secret_is_made_also_where_api_services_cannot_be_read(cluster, api, clock):
    register(cluster, NAME)
    with forbidden(cluster, "apiservices"):
        replica = await Replica(api, clock).start()
        with pytest.raises(KubeApiError, match="403"):
            await replica.certificates.refresh()

    assert secret(cluster)["type"] == "kubernetes.io/tls"
    assert len(replica.served) == 1


async def test_a_pair_is_renewed_though_api_services_cannot_be_written(cluster, api, clock):
    """One that is not ours to write would end the pair of all replicas after months."""
    register(cluster, NAME)
    replica = await Replica(api, clock).start()
    await replica.certificates.refresh()
    clock.advance(80 * DAY)

    with forbidden(cluster, "apiservices"), pytest.raises(KubeApiError, match="403"):
        await replica.certificates.refresh()

    assert len(replica.served) == 2
    assert trusted(replica.served[-1], bundle(cluster, NAME))
