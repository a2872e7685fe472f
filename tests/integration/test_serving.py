"""The server under attack, in change and in shutdown; how fast it stays is measured by a bench."""

import asyncio
import base64
import contextlib
import json
import ssl
import time

import aiohttp
import pytest
import trustme
from golden.cluster import Cluster
from integration.attacks import Attacks, Watch, unverified

from adapter.bootstrap import running
from adapter.bootstrap.serving import connection_limits
from adapter.server.app import start
from adapter.server.limits import Limits
from adapter.server.pairs import PEMPair
from adapter.server.tls import ServingTLS
from adapter.settings import Settings, parse_settings
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.telemetry import Telemetry

# Python 3.11.2, which Debian 12 has, forgets the transport of a handshake that is cut off
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*_SSLProtocolTransport.__del__:pytest.PytestUnraisableExceptionWarning"
)

CA = trustme.CA()
LIST = "/apis/metrics.k8s.io/v1beta1/pods"
PATIENCE = 10.0
"""Seconds an answer may take on a machine that is busy with other things."""


def tls_of(*names):
    certificate = CA.issue_cert(*names)
    pair = PEMPair(certificate.cert_chain_pems[0].bytes(), certificate.private_key_pem.bytes())
    return ServingTLS(pair, clock=ManualClock(), telemetry=Telemetry())


def client_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    return context


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda a: a.slowloris(500, 1.0, pause=0.2), id="slow-requests"),
        pytest.param(lambda a: a.slow_handshakes(500), id="slow-handshakes"),
        pytest.param(lambda a: a.idle(2000), id="idle-connections"),
        pytest.param(lambda a: a.giant_headers(), id="giant-header"),
        pytest.param(lambda a: a.giant_headers(line=1000), id="giant-headers"),
        pytest.param(lambda a: a.half_closed(100), id="half-closed"),
        pytest.param(lambda a: a.greedy(200, LIST), id="parallel-lists"),
    ],
)
async def test_probes_and_lists_are_answered_meanwhile(attack, caplog):
    server = await start(
        Cluster().app(), host="127.0.0.1", port=0, tls=tls_of("127.0.0.1"),
        limits=Limits(connections=1500, headers=1.0),
    )  # fmt: skip
    watch = Watch(f"https://127.0.0.1:{server.port}", client_context(), LIST)
    stop = asyncio.Event()
    watching = asyncio.create_task(watch.run(stop))
    async with Attacks(server.port, unverified()) as attacks:
        await attack(attacks)
        await asyncio.sleep(0.2)
        stop.set()
        await watching
    await server.close()

    assert watch.failures == []
    assert max(watch.probes) < PATIENCE
    assert max(watch.lists) < PATIENCE
    assert caplog.records == []


async def test_a_server_that_stops_sends_its_clients_away_one_by_one():
    server = await start(Cluster().app(), host="127.0.0.1", port=0, tls=tls_of("127.0.0.1"))
    url = f"https://127.0.0.1:{server.port}"
    connector = aiohttp.TCPConnector(ssl=client_context())
    async with aiohttp.ClientSession(url, connector=connector) as session:
        async with session.get(LIST) as before:
            await before.read()
        server.begin_shutdown()
        seen = {}
        for path in (LIST, "/livez", "/readyz"):
            async with session.get(path) as answer:
                await answer.read()
                seen[path] = (answer.status, answer.headers.get("Connection"))
        await server.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("/livez")

    assert before.headers.get("Connection") is None
    assert seen == {LIST: (200, "close"), "/livez": (200, "close"), "/readyz": (500, "close")}


class Switch:
    """A Service: sends new connections to the instances that were ready at its last look."""

    def __init__(self):
        self.ready = []
        self._turn = 0
        self._pipes = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def _connected(self, reader, writer):
        task = asyncio.ensure_future(self._pipe(reader, writer))
        self._pipes.add(task)

    async def _pipe(self, reader, writer):
        self._turn += 1
        port = self.ready[self._turn % len(self.ready)]
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                each.transport.abort()

    async def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()


async def test_no_request_fails_while_instances_are_replaced():
    async def instance():
        return await start(Cluster().app(), host="127.0.0.1", port=0, tls=tls_of("127.0.0.1"))

    instances = [await instance(), await instance()]
    statuses, stop = [], asyncio.Event()
    async with Switch() as switch:
        switch.ready = [each.port for each in instances]
        url = f"https://127.0.0.1:{switch.port}"

        async def client():
            connector = aiohttp.TCPConnector(ssl=client_context())
            async with aiohttp.ClientSession(url, connector=connector) as session:
                while not stop.is_set():
                    async with session.get(LIST) as answer:
                        await answer.read()
                        statuses.append(answer.status)

        async def answered(more):
            wanted, end = len(statuses) + more, time.monotonic() + 30
            while len(statuses) < wanted:
                assert time.monotonic() < end
                await asyncio.sleep(0.01)

        clients = [asyncio.create_task(client()) for _ in range(8)]
        for number in (0, 1, 0, 1):
            fresh = await instance()
            old, instances[number] = instances[number], fresh
            old.begin_shutdown()
            await answered(20)  # kube-proxy needs a while to see it
            switch.ready = [each.port for each in instances]
            await answered(40)  # the delay of --shutdown-delay-duration
            await old.close()
        stop.set()
        await asyncio.gather(*clients)
    for each in instances:
        await each.close()

    assert set(statuses) == {200}
    assert len(statuses) > 240


@contextlib.asynccontextmanager
async def service(cluster, *flags):
    settings = parse_settings(
        [
            f"--kubeconfig={cluster.server_kubeconfig}",
            f"--cert-dir={cluster.directory}",
            "--secure-port=0",
            "--kubelet-use-node-status-port",
            *flags,
        ],
        {},
    )
    async with running(settings, cluster.clock) as server:
        yield server


async def shown(server, ca, name):
    """Status of ``/livez`` for a client that trusts *ca* and expects *name*."""
    context = ssl.create_default_context(cadata=ca)
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        url = f"https://127.0.0.1:{server.port}/livez"
        async with session.get(url, server_hostname=name) as answer:
            return answer.status


async def turn_until(clock, reached):
    end = time.monotonic() + 30
    while not await reached():
        assert time.monotonic() < end, "did not come about"
        clock.advance(1.0)
        await asyncio.sleep(0.005)


MANAGED = ("--self-managed-certificates", "--service-namespace=monitoring")


def api_service(cluster, name="v1.metrics.k8s.io"):
    return cluster.api.store.get("apiservices.apiregistration.k8s.io", "", name)["spec"]


@pytest.fixture
async def cluster():
    async with SimCluster(nodes=1, clock=ManualClock(start=time.time())) as made:
        reference = {"namespace": "monitoring", "name": "viaduct"}
        spec = {"service": reference, "insecureSkipTLSVerify": True}
        made.api.store.put(
            "apiservices.apiregistration.k8s.io",
            {"metadata": {"name": "v1.metrics.k8s.io"}, "spec": spec},
        )
        yield made


async def test_self_managed_certificates_are_trusted_by_what_the_api_service_says(cluster):
    async with service(cluster, *MANAGED) as first:

        async def published():
            return "caBundle" in api_service(cluster)

        await turn_until(cluster.clock, published)
        ca = base64.b64decode(api_service(cluster)["caBundle"]).decode()
        async with service(cluster, *MANAGED) as second:
            statuses = [
                await shown(server, ca, "viaduct.monitoring.svc") for server in (first, second)
            ]

    assert statuses == [200, 200]
    assert "insecureSkipTLSVerify" not in api_service(cluster)


async def test_without_its_secret_a_replica_answers_probes_but_is_not_ready(cluster):
    allowed = cluster.api.access.policy
    cluster.api.access.policy = lambda spec: (
        spec.get("resourceAttributes", {}).get("resource") != "secrets" and allowed(spec)
    )
    connector = aiohttp.TCPConnector(ssl=unverified())
    async with (
        service(cluster, *MANAGED) as server,
        aiohttp.ClientSession(f"https://127.0.0.1:{server.port}", connector=connector) as session,
    ):
        async with session.get("/livez") as live, session.get("/readyz") as ready:
            found = live.status, ready.status, await ready.text()
        cluster.api.access.policy = allowed

        async def read():
            async with session.get("/readyz?verbose") as answer:
                return "[+]serving-certificate ok" in await answer.text()

        await turn_until(cluster.clock, read)

    assert found[:2] == (200, 500)
    assert "[-]serving-certificate failed: the serving certificate was not read yet" in found[2]


async def test_files_of_the_serving_pair_are_reloaded(cluster, tmp_path):
    files = tmp_path / "tls.crt", tmp_path / "tls.key"

    def write(ca):
        certificate = ca.issue_cert("viaduct.monitoring.svc")
        files[0].write_bytes(certificate.cert_chain_pems[0].bytes())
        files[1].write_bytes(certificate.private_key_pem.bytes())
        return ca.cert_pem.bytes().decode()

    first = write(trustme.CA())
    flags = f"--tls-cert-file={files[0]}", f"--tls-private-key-file={files[1]}"
    async with service(cluster, *flags) as server:
        before = await shown(server, first, "viaduct.monitoring.svc")
        second = write(trustme.CA())

        async def replaced():
            with contextlib.suppress(aiohttp.ClientConnectorCertificateError):
                return await shown(server, second, "viaduct.monitoring.svc") == 200

        await turn_until(cluster.clock, replaced)

    assert before == 200


async def test_limits_of_the_flags_are_those_of_the_server(cluster):
    connector = aiohttp.TCPConnector(ssl=unverified())
    token = cluster.issue_token("someone", ("system:masters",))
    async with (
        service(cluster, "--max-requests-inflight=1", "--request-timeout=1m") as server,
        aiohttp.ClientSession(
            f"https://127.0.0.1:{server.port}",
            connector=connector,
            headers={"Authorization": f"Bearer {token}"},
        ) as session,
    ):

        async def status():
            async with session.get(LIST) as answer:
                return answer.status, json.loads(await answer.read())["kind"]

        found = set(await asyncio.gather(*(status() for _ in range(5))))

    assert (429, "Status") in found


def test_there_are_no_more_connections_than_files(caplog):
    (allowed, most) = (
        connection_limits(Settings(max_connections=wanted)).connections for wanted in (10, 1 << 40)
    )

    assert allowed == 10
    assert 0 < most < 1 << 40
    assert "raise that limit" in caplog.text
