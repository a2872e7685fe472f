"""Self-managed certificates: replicas over one kube-apiserver, through the years."""

import base64
import contextlib
import ssl
import time

import msgspec
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
from adapter.kube.servingcert import ServingSecret
from adapter.server.pairs import PEMPair, certificates_of, load_pair, shown_certificate
from adapter.sim.clock import ManualClock


async def test_the_first_replica_makes_them_and_the_others_read(cluster, api, issued):
    clock = ManualClock(start=time.time())

    first = await Replica(api, clock).start()
    second = await Replica(api, clock).start()

    assert first.served == second.served
    assert issued == ["ca", "pair"]
    assert sorted(secret(cluster)["data"]) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]
    assert secret(cluster)["type"] == "kubernetes.io/tls"


async def test_replicas_that_begin_together_agree(cluster, api):
    import asyncio

    clock = ManualClock(start=time.time())
    replicas = [Replica(api, clock) for _ in range(5)]

    await asyncio.gather(*(replica.start() for replica in replicas))

    assert len({replica.served[0].certificate for replica in replicas}) == 1


async def test_the_certificate_has_the_names_of_the_service(api):
    replica = await Replica(api, ManualClock(start=time.time())).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, replica.served[0])

    info = shown_certificate(context)

    assert set(info.names) >= {
        "viaduct", "viaduct.monitoring", "viaduct.monitoring.svc",
        "viaduct.monitoring.svc.cluster.local", "localhost",
    }  # fmt: skip
    assert info.has_names(["127.0.0.1", "::1"])
    assert info.ends - time.time() == pytest.approx(90 * DAY, abs=DAY)


async def test_the_ca_goes_into_our_api_services_only(cluster, api, caplog):
    caplog.set_level("INFO")
    register(cluster, "v1.metrics.k8s.io", insecureSkipTLSVerify=True, versionPriority=100)
    register(cluster, "v1beta1.metrics.k8s.io", service="metrics-server", caBundle="b3RoZXI=")
    replica = await Replica(api, ManualClock(start=time.time())).start()
    for _ in range(3):
        await replica.certificates.refresh()

    ours = registered(cluster, "v1.metrics.k8s.io")
    assert trusted(replica.served[0], bundle(cluster, "v1.metrics.k8s.io"))
    assert "insecureSkipTLSVerify" not in ours
    assert ours["versionPriority"] == 100
    assert registered(cluster, "v1beta1.metrics.k8s.io")["caBundle"] == "b3RoZXI="
    assert caplog.text.count("belongs to the Service monitoring/metrics-server") == 1
    assert caplog.text.count("wrote the CA of this service into APIService v1.metrics") == 1


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(None, "there is no APIService of this name", id="absent"),
        pytest.param("", "kube-apiserver serves it itself", id="local"),
    ],
)
async def test_api_services_that_are_not_ours_are_no_failure(cluster, api, caplog, found, said):
    caplog.set_level("INFO")
    if found is not None:
        register(cluster, "v1.metrics.k8s.io", service=found)
    replica = await Replica(api, ManualClock(start=time.time())).start()

    await replica.certificates.refresh()

    assert said in caplog.text


async def test_nothing_is_written_when_nothing_changed(cluster, api):
    for name in API_SERVICES:
        register(cluster, name)
    replica = await Replica(api, ManualClock(start=time.time())).start()
    await replica.certificates.refresh()
    cluster.api.requests.clear()

    await replica.certificates.refresh()

    assert {line.split()[0] for line in cluster.api.requests} == {"GET"}


@pytest.mark.parametrize(("changes", "written"), [(3, True), (100, False)])
async def test_an_api_service_that_changes_is_read_again(
    cluster, api, monkeypatch, changes, written
):
    """kube-apiserver writes its status just then: it finds that nobody answers it yet."""
    name = API_SERVICES[0]
    register(cluster, name)
    left = iter(range(changes))
    get = api.get

    async def get_and_change(path, *arguments, **options):
        body = await get(path, *arguments, **options)
        if name in path and next(left, None) is not None:
            register(cluster, name)
        return body

    monkeypatch.setattr(api, "get", get_and_change)
    replica = await Replica(api, ManualClock(start=time.time())).start()

    outcome = contextlib.nullcontext() if written else pytest.raises(KubeApiError, match=name)
    with outcome:
        await replica.certificates.refresh()

    assert ("caBundle" in registered(cluster, name)) == written


async def test_the_pair_is_renewed_before_it_ends_and_all_replicas_follow(cluster, api, issued):
    clock = ManualClock(start=time.time())
    replicas = [await Replica(api, clock).start() for _ in range(2)]
    issued.clear()

    for day in range(61):
        clock.advance(DAY if day else 0)
        for replica in replicas:
            await replica.certificates.refresh()

    assert issued == ["pair"]
    assert replicas[0].served == replicas[1].served
    assert len(replicas[0].served) == 2


async def test_at_no_moment_is_a_pair_shown_that_cannot_be_verified(cluster, api, issued):
    """Two years, a look each 20 days, two replicas; the CA is replaced on the way."""
    register(cluster, "v1.metrics.k8s.io")
    clock = ManualClock(start=time.time())
    replicas = [await Replica(api, clock).start() for _ in range(2)]
    await replicas[0].certificates.refresh()
    before = bundle(cluster, "v1.metrics.k8s.io")
    bad = []
    for _ in range(2 * 365 // 20):
        clock.advance(20 * DAY - 60)
        for _ in range(2):
            clock.advance(30)
            for replica in replicas:
                await replica.certificates.refresh()
                now = bundle(cluster, "v1.metrics.k8s.io")
                shown = {each.served[-1].certificate: each.served[-1] for each in replicas}
                # also by a kube-apiserver that has not seen the change yet
                bad += [
                    clock.time()
                    for ca in {now, before}
                    for pair in shown.values()
                    if not trusted(pair, ca)
                ]
                before = now

    assert bad == []
    assert issued.count("ca") == 2
    assert len(certificates_of(before)) == 1  # the old one is not trusted for ever


async def test_a_new_ca_is_relied_on_only_when_it_was_published_for_a_while(cluster, api):
    register(cluster, "v1.metrics.k8s.io")
    clock = ManualClock(start=time.time())
    replica = await Replica(api, clock).start()
    for day in range(0, 620, 20):  # its CA is to be renewed after 610 days
        clock.advance(20 * DAY if day else 0)
        await replica.certificates.refresh()
        clock.advance(60)
        await replica.certificates.refresh()
    old, served = bundle(cluster, "v1.metrics.k8s.io"), len(replica.served)

    clock.advance(20 * DAY)
    rounds = []
    for _ in range(4):
        await replica.certificates.refresh()
        newest = certificates_of(bundle(cluster, "v1.metrics.k8s.io"))[0][0]
        rounds.append(trusted(replica.served[-1], newest))
        clock.advance(20)

    assert bundle(cluster, "v1.metrics.k8s.io") != old
    assert rounds == [False, False, False, True]
    assert len(replica.served) == served + 1


async def test_a_pair_that_ended_is_replaced_at_once(cluster, api):
    register(cluster, "v1.metrics.k8s.io")
    clock = ManualClock(start=time.time())
    await Replica(api, clock).start()
    clock.advance(100 * DAY)  # nobody was there to renew it

    replica = await Replica(api, clock).start()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, replica.served[-1])
    assert shown_certificate(context).ends > clock.time()


@pytest.mark.parametrize("key", ["tls_crt", "tls_key", "ca_crt"])
async def test_what_was_spoilt_is_made_anew(cluster, api, key):
    clock = ManualClock(start=time.time())
    running = await Replica(api, clock).start()
    spoil(cluster, **{key: b"junk"})

    def serve(pair):
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pair)
        running.served.append(pair)

    running.certificates.serve = serve
    await running.certificates.refresh()
    started = await Replica(api, clock).start()

    cas = base64.b64decode(secret(cluster)["data"]["ca.crt"]).decode()
    assert trusted(running.served[-1], cas)
    assert started.served[-1] == running.served[-1]


async def test_a_key_of_another_ca_is_told(cluster, api):
    from datetime import UTC, datetime

    from adapter.server.selfsigned import make_authority

    clock = ManualClock(start=time.time())
    await Replica(api, clock).start()
    _, key = make_authority("other", datetime.now(UTC), 10)
    spoil(cluster, ca_key=key, tls_crt=b"junk")

    with pytest.raises(KubeApiError, match=r"ca\.key in the Secret does not belong"):
        await Replica(api, clock).start()


async def test_a_secret_of_somebody_else_is_left_alone(cluster, api):
    theirs = {
        "metadata": {"name": "viaduct-serving", "namespace": "monitoring"},
        "data": {"tls.crt": "", "tls.key": ""},
    }
    cluster.api.store.put("secrets", theirs)
    before = secret(cluster)

    with pytest.raises(KubeApiError, match=r"monitoring/viaduct-serving has no ca.crt"):
        await Replica(api, ManualClock(start=time.time())).start()

    assert secret(cluster) == before


async def test_without_the_right_to_write_api_services_the_pair_is_served(cluster, api):
    register(cluster, "v1.metrics.k8s.io")
    allowed = cluster.api.access.policy
    cluster.api.access.policy = lambda spec: (
        spec.get("resourceAttributes", {}).get("verb") != "patch" and allowed(spec)
    )
    replica = Replica(api, ManualClock(start=time.time()))
    try:
        with pytest.raises(KubeApiError, match=r"403 to PATCH .*v1.metrics.k8s.io"):
            await replica.certificates.refresh()
    finally:
        cluster.api.access.policy = allowed

    assert len(replica.served) == 1
    assert replica.certificates.check() is None


async def test_no_key_is_ever_shown(cluster, api):
    replica = await Replica(api, ManualClock(start=time.time())).start()
    kept = await ServingSecret(api, "monitoring", "viaduct-serving").read()
    broken = msgspec.json.decode(msgspec.json.encode(secret(cluster)))
    broken["data"]["tls.key"] = "%%%" + broken["data"]["tls.key"]
    cluster.api.store.put("secrets", broken)

    with pytest.raises(KubeApiError) as raised:
        await ServingSecret(api, "monitoring", "viaduct-serving").read()

    for shown in (repr(kept), repr(replica.served), str(raised.value), repr(raised.value)):
        assert "PRIVATE" not in shown
        assert base64.b64encode(b"-----BEGIN PRIVATE").decode()[:20] not in shown
    assert isinstance(replica.served[0], PEMPair)
