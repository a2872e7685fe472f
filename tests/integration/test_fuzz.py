"""Whatever is sent, the answer is one the API has, the log has no traceback, memory stays flat.

5,000 requests; ``FUZZ_REQUESTS=100000`` is the long form, ``FUZZ_SEED`` another series.
"""

import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import random
from collections import deque
from pathlib import Path

import pytest
import yaml
from golden.cluster import FakeClock, peer_checks
from golden.custom_cluster import CustomCluster
from golden.messages import MAGIC, read_document
from integration.hostile import HostileClient, hostile_request
from unit.server.identified import Configured, Tokens

from adapter.errors import SourceError
from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.model.identity import Decision
from adapter.server.accesslog import access_logged
from adapter.server.app import build_app, start
from adapter.server.audit import Audit, audited, json_line
from adapter.server.auditpolicy import Level, Policy, Rule
from adapter.server.authn import Authentication, authenticated
from adapter.server.authz import Authorization, authorized

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", "5"))
CLIENTS = 8
WARM = 0.3
"""Part of the requests after which caches and buffers have their size."""

MEBIBYTE = 1 << 20
DECLARED = {500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


class Anyone:
    """Allows everybody everything."""

    async def review(self, user, attributes):
        return Decision(True)


class AuditLines:
    """Reads each line of the audit."""

    def __init__(self):
        self.count = 0

    def put(self, line):
        self.count += 1
        json.loads(line)


@pytest.fixture
async def served():
    """All that a request passes through in the process, over sources that always answer."""
    cluster, clock, lines = CustomCluster(), FakeClock(), AuditLines()
    telemetry = cluster.telemetry
    tokens = Tokens()
    usage = cluster.resource_metrics.source
    for fake in (tokens, usage, cluster.custom, cluster.external, cluster.objects):
        fake.asked = deque(maxlen=1)  # or they would be what grows
    authentication = Authentication(
        Configured(AuthenticationConfig()), tokens, clock=clock, telemetry=telemetry
    )
    authorization = Authorization(Anyone(), always_allowed=(), telemetry=telemetry)
    audit = Audit(Policy("audit.k8s.io/v1", "Policy", (Rule(Level.METADATA),)), lines, json_line)
    app = build_app(
        groups=cluster.groups(),
        checks=peer_checks(),
        telemetry=telemetry,
        clock=clock,
        max_in_flight=0,
        identity=[authenticated(authentication), authorized(authorization)],
        recording=[audited(audit, clock), access_logged(clock)],
    )
    server = await start(app, host="127.0.0.1", port=0)
    yield server, lines, cluster
    await server.close()


def problem(request, answer):
    """What is wrong with *answer*; empty when nothing is."""
    if answer.status == 0:
        return "no answer"
    if answer.status >= 500:
        status = content(answer)
        if status.get("kind") != "Status" or status.get("code") != answer.status:
            return f"{answer.status} without a Status"
        if DECLARED.get(answer.status) != status["reason"] or "unexpected" in status["message"]:
            return f"{answer.status}: {status['message']}"
    elif answer.status >= 400 and request.method != "HEAD" and not answer.body:
        return f"{answer.status} without a word"
    return ""


def content(answer):
    if answer.body.startswith(MAGIC):
        return read_document(answer.body)
    return yaml.safe_load(answer.body) or {}  # JSON is YAML


def resident_bytes():
    """Memory in use: what was freed and is only kept for later does not count."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def send(port, count, chance, found):
    async def client(share):
        sender = HostileClient(port)
        for _ in range(share):
            request = hostile_request(chance)
            answer = await sender.ask(request)
            found[answer.status] = found.get(answer.status, 0) + 1
            if wrong := problem(request, answer):
                found.setdefault("wrong", []).append((wrong, request.data[:300]))
        await sender.close()

    await asyncio.gather(*(client(count // CLIENTS) for _ in range(CLIENTS)))


@pytest.mark.parametrize("down", [False, True], ids=["sources-answer", "sources-are-down"])
async def test_hostile_requests_get_answers_the_api_has(served, caplog, down):
    server, lines, cluster = served
    caplog.set_level(logging.ERROR)
    if down:
        cluster.custom.error = cluster.external.error = SourceError("connection refused")
    chance = random.Random(SEED + down)
    found = {}

    warm = round(REQUESTS / 2 * WARM)
    await send(server.port, warm, chance, found)
    before = resident_bytes()
    await send(server.port, round(REQUESTS / 2) - warm, chance, found)
    grown = resident_bytes() - before

    assert found.get("wrong", []) == []
    assert caplog.records == []
    assert grown < 4 * MEBIBYTE, f"grew by {grown / MEBIBYTE:.1f} MiB"
    assert lines.count > REQUESTS / 4
    assert {200, 400, 404, 405, 406} <= set(found)
    assert bool(found.get(500)) is down
