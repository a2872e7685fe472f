"""CAs are exchanged under load, as kube-apiserver's are: no request fails, and the old ones end."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter

import aiohttp
import pytest
from integration.service import warm_lab

from adapter.sim.pki import CertificateAuthority
from adapter.transport import client_context

NODES = "/apis/metrics.k8s.io/v1/nodes"
CLIENTS = 4
SECONDS = 10.0


@pytest.fixture
async def lab():
    async with warm_lab(nodes=1, pods_per_node=2) as made:
        yield made


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority("the-next-ca", tmp_path)


class Load:
    """Clients that ask without a pause: over the aggregator, and on old and new connections."""

    def __init__(self, lab):
        self.lab = lab
        self.answers = Counter()
        self.shown = lab.cluster.credentials.admin

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._through_the_aggregator()) for _ in range(CLIENTS)]
            tasks += [group.create_task(self._directly()) for _ in range(CLIENTS)]
            tasks.append(group.create_task(self._anew()))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def passed(self, number):
        """Wait until every kind of client had so many more answers."""
        before = Counter(self.answers)
        async with asyncio.timeout(SECONDS):
            while min(self.answers[kind] - before[kind] for kind in KINDS) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _through_the_aggregator(self):
        token = self.lab.cluster.issue_token("known")
        url = f"{self.lab.cluster.api.url}{NODES}"
        headers = {"Authorization": f"Bearer {token}"}
        context = client_context(ca_file=self.lab.cluster.ca_file)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), headers=headers
        ) as session:
            while True:
                await self._ask(session, url, "aggregator")

    async def _directly(self):
        """One connection for ever."""
        async with self.lab.client(self.shown) as session:
            while True:
                await self._ask(session, NODES, "connected")

    async def _anew(self):
        while True:
            async with self.lab.client(self.shown) as session:
                await self._ask(session, NODES, "connecting")

    async def _ask(self, session, url, kind):
        try:
            async with session.get(url) as response:
                await response.read()
                status = response.status
        except aiohttp.ClientError as error:
            status = repr(error)
        self.answers[kind if status == 200 else f"{kind}: {status}"] += 1


KINDS = ("aggregator", "connected", "connecting")


async def accepted(lab, key_pair, **headers):
    """Whether a new connection with that certificate is let in."""
    with contextlib.suppress(aiohttp.ClientError):
        async with lab.client(key_pair) as session, session.get(NODES, headers=headers) as response:
            return response.status == 200
    return False


async def until_accepted(lab, key_pair, *, wanted=True, **headers):
    async with asyncio.timeout(SECONDS):
        while await accepted(lab, key_pair, **headers) is not wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


MASTER = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}


async def test_the_aggregators_ca(lab, authority):
    old = lab.cluster.front_proxy
    new = authority.issue(old.common_name)
    published = lab.cluster.authentication
    load = Load(lab)
    async with load.running():
        await load.passed(20)
        assert not await accepted(lab, new, **MASTER)
        published.change(requestheader_client_ca_file=old.authority.ca_pem + authority.ca_pem)
        await until_accepted(lab, new, **MASTER)
        await load.passed(20)
        lab.cluster.api.aggregator.show(new)
        await load.passed(20)
        published.change(requestheader_client_ca_file=authority.ca_pem)
        await until_accepted(lab, old.key_pair, wanted=False, **MASTER)
        await load.passed(20)

    assert set(load.answers) == set(KINDS)


async def test_the_ca_of_client_certificates(lab, authority):
    old = lab.cluster.credentials.admin
    new = authority.issue("kubernetes-admin", organizations=["system:masters"])
    published = lab.cluster.authentication
    load = Load(lab)
    async with load.running():
        await load.passed(20)
        both = lab.cluster.ca_file.read_text() + authority.ca_pem
        published.change(client_ca_file=both)
        await until_accepted(lab, new)
        load.shown = new
        await load.passed(20)

    async with lab.client(old) as session:
        assert (await session.get(NODES)).status == 200
        published.change(client_ca_file=authority.ca_pem)
        await until_accepted(lab, old, wanted=False)
        assert (await session.get(NODES)).status == 401  # also on a connection of before
        assert await accepted(lab, new)

    assert set(load.answers) == set(KINDS)


class Resuming:
    """A client of TLS 1.2 that resumes its session with each connection."""

    def __init__(self, lab, key_pair):
        self._port = lab.server.port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(*key_pair)
        self._session = None

    async def ask(self):
        """Whether the session was resumed, and the status; 0 when it is not let in."""
        return await asyncio.to_thread(self._ask)

    def _ask(self):
        with socket.create_connection(("127.0.0.1", self._port), SECONDS) as raw:
            try:
                with self._context.wrap_socket(raw, session=self._session) as connection:
                    text = f"GET {NODES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                    connection.sendall(text.encode())
                    with connection.makefile("rb") as answer:
                        line = answer.read().splitlines()[0]
                    self._session = connection.session
                    return connection.session_reused, int(line.split()[1])
            except OSError:
                return False, 0


async def test_sessions_that_are_resumed(lab, authority):
    """They are as good as the first connection, until the CA that let them in is taken away."""
    client = Resuming(lab, lab.cluster.credentials.admin)

    assert [await client.ask() for _ in range(3)] == [(False, 200), (True, 200), (True, 200)]

    lab.cluster.authentication.change(client_ca_file=authority.ca_pem)
    await until_accepted(lab, lab.cluster.credentials.admin, wanted=False)
    assert await client.ask() == (False, 0)
