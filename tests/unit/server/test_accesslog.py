"""A line for each request, when it is asked for."""

import json
import logging
import sys

import pytest
from aiohttp import ClientSession, web
from golden.cluster import Cluster, FakeClock, peer_checks

from adapter.logs import configure_logs
from adapter.model.identity import UserInfo
from adapter.server.accesslog import access_logged
from adapter.server.app import build_app, start
from adapter.server.authn import USER
from adapter.telemetry import Telemetry

POD = "/apis/metrics.k8s.io/v1/namespaces/team-00/pods/svc-000-00000000-00000"


class Watch(FakeClock):
    """Runs a millisecond at each look."""

    def monotonic(self):
        self.now += 0.001
        return self.now


@pytest.fixture
async def ask():
    names = []

    @web.middleware
    async def known(request, handler):
        if names:
            request[USER] = UserInfo(names.pop())
        return await handler(request)

    app = build_app(
        groups=[Cluster().group()],
        checks=peer_checks(),
        telemetry=Telemetry(),
        identity=[known],
        recording=[access_logged(Watch())],
    )
    server = await start(app, host="127.0.0.1", port=0)
    async with ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def ask(path, method="GET", user=None):
            names.extend([user] if user else [])
            async with session.request(method, path) as response:
                return await response.read()

        yield ask
    await server.close()


def lines(caplog):
    return [record.fields for record in caplog.records if record.name.endswith("accesslog")]


async def test_a_request_is_a_line(ask, caplog):
    with caplog.at_level(logging.INFO):
        body = await ask(f"{POD}?labelSelector=secret")

    (line,) = lines(caplog)
    sent = line.pop("bytes")
    assert line == {"method": "GET", "path": POD, "status": 200, "seconds": 0.001, "user": ""}
    assert len(body) < sent < len(body) + 500
    assert f"request: method='GET' path='{POD}' status=200" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("POST", POD, 405), ("GET", f"{POD}?watch=1", 200)],
)
async def test_refusals_are_lines_too(ask, caplog, method, path, status):
    with caplog.at_level(logging.INFO):
        await ask(path, method)

    assert [line["status"] for line in lines(caplog)] == [status]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz?verbose", "/readyz/ping"])
async def test_probes_are_left_out(ask, caplog, path):
    with caplog.at_level(logging.INFO):
        await ask(path)

    assert lines(caplog) == []


async def test_paths_are_cut_and_stay_on_their_line(ask, caplog):
    with caplog.at_level(logging.INFO):
        await ask("/x%0Ay/" + "z" * 1000)

    (line,) = lines(caplog)
    assert line["path"].startswith("/x%0Ay/zzz")
    assert len(line["path"]) == 501


async def test_names_of_users_are_cut_and_stay_on_their_line(ask, caplog):
    with caplog.at_level(logging.INFO):
        await ask(POD, user="ann\nWARNING forged\u2028" + "n" * 1000)

    (line,) = lines(caplog)
    assert len(line["user"]) == 501
    assert line["user"].endswith("n…")
    (record,) = [each for each in caplog.records if each.name.endswith("accesslog")]
    assert record.getMessage().isprintable()


def test_lines_are_objects_where_logs_are_json(capsys, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    configure_logs(json_format=True)

    logging.getLogger("adapter.server.accesslog").info(
        "request: %s", "…", extra={"fields": {"status": 200, "user": "ann"}}
    )
    sys.stderr.flush()

    entry = json.loads(capsys.readouterr().err)
    assert (entry["status"], entry["user"], entry["level"]) == (200, "ann", "info")
