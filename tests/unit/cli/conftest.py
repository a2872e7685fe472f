"""A server of the Kubernetes API for commands that ask one."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from aiohttp import web


@pytest.fixture
def api():
    """A server in a thread of its own, because the command runs its own event loop.

    ``answers`` maps paths to JSON, ``forbidden`` to the user who may not; ``requests`` lists what
    was asked.
    """
    state = SimpleNamespace(answers={}, forbidden={}, requests=[], url="")
    state.answers["/apis/metrics.k8s.io"] = {"versions": [{"version": "v1beta1"}]}

    async def answer(request):
        state.requests.append(request.rel_url)
        if request.path in state.forbidden:
            text = f'forbidden: User "{state.forbidden[request.path]}" cannot get path "/x"'
            status = {"kind": "Status", "message": text, "reason": "Forbidden", "code": 403}
            return web.json_response(status, status=403)
        if request.path in state.answers:
            return web.json_response(state.answers[request.path])
        status = {"kind": "Status", "message": "not here", "reason": "NotFound", "code": 404}
        return web.json_response(status, status=404)

    started, loop = threading.Event(), asyncio.new_event_loop()

    async def start():
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        state.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        started.set()
        return runner

    def run():
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    yield state
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
