"""A kube-apiserver whose side of each conversation the test speaks."""

import asyncio
import base64
import contextlib
import json
from collections import deque

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from unit.kube.informing import running

from adapter.kube.api import KubeApi
from adapter.kube.informer import HEALTHY_SECONDS, Informer
from adapter.kube.listers import NodeLister, PodLister
from adapter.kube.watched import NODES, RUNNING_PODS
from adapter.telemetry import Telemetry


class InstantClock:
    """Time passes only by sleeping, and sleeping takes no time; pauses are recorded.

    Informers do not pause but wait while their watch goes well: for that a test sets *healthy*.
    """

    def __init__(self):
        self.now = 1000.0
        self.pauses = []
        self.healthy = asyncio.Event()

    def time(self):
        return self.now

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        if seconds == HEALTHY_SECONDS:
            await self.healthy.wait()
            return
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Watch:
    """One open watch."""

    def __init__(self, params, accept):
        self.params = params
        self.accept = accept
        self.closed = asyncio.Event()
        self._response = None
        self._request = None

    async def open(self, request):
        self._request = request
        self._response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await self._response.prepare(request)

    async def event(self, kind, item):
        await self.line(json.dumps({"type": kind, "object": item}).encode())

    async def line(self, content, *, end=b"\n"):
        await self._response.write(content + end)

    def end(self):
        """End the watch as the server does after timeoutSeconds."""
        self.closed.set()

    def drop(self):
        """Break the connection."""
        self._request.transport.abort()
        self.closed.set()


class FakeApiServer:
    """Answers lists from `lists` (then from the last of them) and hands watches to the test.

    An entry of *lists* is a page ``(items, metadata)`` or an error status code.
    """

    def __init__(self):
        self.lists = deque()
        self.requests = []
        self.refuse_watches = deque()
        self.routes = {}
        self.server = None
        self._watches = asyncio.Queue()
        self._open = []

    @property
    def url(self):
        return str(self.server.make_url("/")).rstrip("/")

    async def watch(self):
        """The next watch the client opens."""
        async with asyncio.timeout(5):
            return await self._watches.get()

    async def handle(self, request):
        self.requests.append(request)
        for path, answer in self.routes.items():
            if request.path == path:
                return await answer(request)
        if request.query.get("watch") == "true":
            return await self._handle_watch(request)
        answer = self.lists.popleft() if len(self.lists) > 1 else self.lists[0]
        if isinstance(answer, int):
            return refusal(answer)
        if isinstance(answer, bytes):
            return web.Response(body=answer)
        items, metadata = answer
        return web.json_response({"kind": "List", "metadata": metadata, "items": items})

    async def _handle_watch(self, request):
        if self.refuse_watches:
            return refusal(self.refuse_watches.popleft())
        watch = Watch(dict(request.query), request.headers["Accept"])
        await watch.open(request)
        self._open.append(watch)
        await self._watches.put(watch)
        await watch.closed.wait()
        return watch._response

    def release(self):
        for watch in self._open:
            watch.end()


def refusal(code):
    body = {"kind": "Status", "message": f"refused with {code}", "code": code}
    return web.json_response(body, status=code)


@pytest.fixture
def clock():
    return InstantClock()


@pytest.fixture
async def apiserver():
    fake = FakeApiServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    fake.server = TestServer(app)
    await fake.server.start_server()
    yield fake
    fake.release()
    await fake.server.close()


@pytest.fixture
def write_kubeconfig(tmp_path):
    """Write a kubeconfig and return its path."""

    def write(server, *, user=None, **cluster):
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "u", "user": {"token": "secret-1"} if user is None else user}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


@pytest.fixture
def encoded():
    """File content as the ``-data`` fields of a kubeconfig hold it."""
    return lambda content: base64.b64encode(content).decode()


@pytest.fixture
def eventually():
    """Poll until a condition holds; what we wait for crosses a real socket."""

    async def wait(condition):
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - a lister signals nothing to wait for
                await asyncio.sleep(0.002)

    return wait


@pytest.fixture
async def api(apiserver, write_kubeconfig):
    client = await KubeApi.connect(write_kubeconfig(apiserver.url))
    yield client
    await client.close()


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
async def pods(api, clock, telemetry):
    """A pod lister kept by a running informer, once `start` was called."""
    lister = PodLister()
    lister.informer = Informer(api, RUNNING_PODS, lister, clock=clock, telemetry=telemetry)
    stack = contextlib.AsyncExitStack()
    lister.start = lambda: stack.enter_async_context(running(lister.informer))
    yield lister
    await stack.aclose()


@pytest.fixture
async def nodes(api, clock, telemetry):
    lister = NodeLister()
    async with contextlib.AsyncExitStack() as stack:
        informer = Informer(api, NODES, lister, clock=clock, telemetry=telemetry)
        lister.start = lambda: stack.enter_async_context(running(informer))
        yield lister
