"""The ConfigMap with the cluster's CAs, read and watched over a real connection."""

import asyncio
import contextlib

import pytest
from unit.kube.informing import running

from adapter.kube.api import KubeApi
from adapter.kube.requestheader import AuthenticationConfigWatcher, Overrides
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.sim.pki import CertificateAuthority
from adapter.telemetry import Telemetry


@pytest.fixture
async def cluster():
    async with SimCluster(nodes=1, pods_per_node=1, clock=ManualClock()) as made:
        yield made


@pytest.fixture
async def watcher(cluster):
    api = await KubeApi.connect(cluster.server_kubeconfig, clock=cluster.clock)
    made = AuthenticationConfigWatcher(
        api, overrides=Overrides(), clock=cluster.clock, telemetry=Telemetry()
    )
    made.api = api
    yield made
    await api.close()


@contextlib.asynccontextmanager
async def watching(watcher, cluster):
    """The watcher, running, with its watch open."""
    async with running(watcher):
        await until(lambda: cluster.api.store.watches)
        yield


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what we wait for crosses a socket
            await asyncio.sleep(0.002)


async def test_it_is_read_and_its_changes_are_seen_at_once(cluster, watcher):
    seen = []
    watcher.on_change(lambda config: seen.append(config.allowed_names))
    assert watcher.check() == (
        "ConfigMap kube-system/extension-apiserver-authentication: it was not read yet"
    )
    async with watching(watcher, cluster):
        assert watcher.check() is None
        assert watcher.config.client_ca == cluster.ca_file.read_text()
        revision = watcher.revision
        cluster.authentication.change(requestheader_allowed_names='["aggregator"]')
        await until(lambda: watcher.revision > revision)

    assert seen == [(), ("front-proxy-client",), ("aggregator",)]


async def test_only_that_one_object_is_asked_for(cluster, watcher):
    """The Role for it names the object, so nothing else may be asked."""
    async with watching(watcher, cluster):
        cluster.clock.advance(61)
        await until(lambda: sum("GET" in each for each in asked(cluster)) == 4)

    name = "extension-apiserver-authentication"
    assert all(name in each for each in asked(cluster))


def asked(cluster):
    return [each for each in cluster.api.requests if "configmaps" in each]


async def test_it_is_read_again_each_minute_should_a_watch_be_silent(cluster, watcher):
    async with watching(watcher, cluster):
        store = cluster.api.store
        store._watches.clear()  # a watch that is open and hears nothing
        cluster.authentication.change(requestheader_allowed_names='["aggregator"]')
        cluster.clock.advance(61)
        await until(lambda: watcher.config.allowed_names == ("aggregator",))


async def test_what_is_broken_is_said_once_and_changes_nothing(cluster, watcher, caplog):
    async with watching(watcher, cluster):
        before = watcher.config
        cluster.authentication.change(
            client_ca_file="nonsense", requestheader_allowed_names="[", unrelated="1"
        )
        await until(lambda: "not a JSON list" in caplog.text)
        cluster.authentication.change(unrelated="2")
        cluster.authentication.change(requestheader_uid_headers='["X-U"]')
        await until(lambda: watcher.config.uid_headers == ("X-U",))

    assert watcher.config.client_ca == before.client_ca
    assert watcher.config.allowed_names == before.allowed_names
    said = [each for each in caplog.messages if "stays in force" in each]
    place = "of ConfigMap kube-system/extension-apiserver-authentication"
    assert len(said) == 2
    assert f"client-ca-file {place}: no certificate" in said[0]
    assert f"requestheader-allowed-names {place}: not a JSON list" in said[1]


async def test_a_missing_object_disables_certificates_and_is_awaited(cluster, watcher, caplog):
    cluster.authentication.delete()
    async with watching(watcher, cluster):
        assert watcher.check() is None
        assert watcher.config.client_cas() == ""
        assert "does not exist" in caplog.text
        cluster.authentication.change()
        await until(lambda: watcher.config.client_ca)


async def test_an_object_that_vanishes_stays_in_force(cluster, watcher, caplog):
    async with watching(watcher, cluster):
        before = watcher.config
        cluster.authentication.delete()
        await until(lambda: "does not exist" in caplog.text)
        cluster.clock.advance(61)
        cluster.authentication.change(requestheader_uid_headers='["X-U"]')
        await until(lambda: watcher.config.uid_headers == ("X-U",))

    assert watcher.config.client_ca == before.client_ca


async def test_whoever_may_not_read_it_is_told_which_binding_is_missing(cluster, watcher, caplog):
    policy, cluster.api.access.policy = cluster.api.access.policy, lambda _: False
    async with running(watcher):
        await until(lambda: "may not read" in caplog.text)
        assert "may not read" in watcher.check()
        for _ in range(3):
            cluster.clock.advance(31)
            await asyncio.sleep(0.02)
        cluster.api.access.policy = policy
        cluster.clock.advance(31)
        await until(lambda: watcher.check() is None)

    (said,) = [each for each in caplog.messages if "may not read" in each]
    assert "--role=extension-apiserver-authentication-reader" in said


async def test_a_file_that_is_broken_by_a_rewrite_is_named_once(cluster, tmp_path, caplog):
    file = tmp_path / "ca.crt"
    file.write_text(CertificateAuthority("a", tmp_path).ca_pem)
    watcher = AuthenticationConfigWatcher(
        None,
        overrides=Overrides(client_ca_file=str(file)),
        clock=cluster.clock,
        telemetry=Telemetry(),
    )
    before = watcher.config
    file.write_text("half a certif")

    for _ in range(3):
        await watcher.look()

    assert watcher.config == before
    (said,) = [each for each in caplog.messages if "stays in force" in each]
    assert f"--client-ca-file {file}: no certificate in PEM format" in said
    assert "ConfigMap" not in said


async def test_flags_alone_when_nothing_is_to_be_looked_up(cluster, tmp_path):
    file = tmp_path / "ca.crt"
    first, second = (CertificateAuthority(name, tmp_path).ca_pem for name in ("a", "b"))
    file.write_text(first)
    watcher = AuthenticationConfigWatcher(
        None,
        overrides=Overrides(client_ca_file=str(file)),
        clock=cluster.clock,
        telemetry=Telemetry(),
    )

    assert watcher.check() is None
    assert watcher.config.client_ca == first
    async with running(watcher):
        await asyncio.sleep(0)
        file.write_text(second)
        for _ in range(3):
            cluster.clock.advance(61)
            await asyncio.sleep(0.01)

    assert watcher.config.client_ca == second
