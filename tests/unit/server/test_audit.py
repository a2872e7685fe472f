"""The audit says who asked for what, and what came of it, as kube-apiserver's says it."""

import json
import re
import time

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request
from golden.cluster import NOW, FakeClock
from golden.custom_cluster import CustomCluster
from unit.server.identified import Configured, Reviews, Tokens
from yarl import URL

from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.model.identity import UserInfo
from adapter.server.app import build_app, start
from adapter.server.audit import Audit, audited, json_line, legacy_line
from adapter.server.auditpolicy import Level, Policy, Rule, Stage
from adapter.server.authn import Authentication, authenticated
from adapter.server.authz import Authorization, authorized
from adapter.server.probes import Checks
from adapter.server.sourceips import source_ips
from adapter.telemetry import Telemetry

QUEUE = "/apis/external.metrics.k8s.io/v1beta1/namespaces/team-01/queue_messages_ready"
UID = "6f1d2a5e-0000-4000-8000-000000000001"
TIME = "2026-11-21T13:52:05.750000Z"


class Lines:
    def __init__(self):
        self.written = []

    def put(self, line):
        self.written.append(line)

    @property
    def events(self):
        return [json.loads(line) for line in self.written]


def everything(*rules, omit=()):
    return Policy("audit.k8s.io/v1", "Policy", rules or (Rule(Level.METADATA),), omit)


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
async def serve(lines):
    """Serve as the process does; ann may ask, whoever else is known may not."""
    servers, sessions = [], []

    async def serve(policy=None, line=json_line):
        telemetry, clock = Telemetry(), FakeClock()
        tokens, reviews = Tokens(), Reviews()
        tokens.users["bob-1"] = UserInfo(
            "bob", uid="7", groups=("dev",), extra={"scopes": ("a", "b")}
        )
        reviews.reason = "RBAC: says so"
        authentication = Authentication(
            Configured(AuthenticationConfig()), tokens, clock=clock, telemetry=telemetry
        )
        authorization = Authorization(reviews, always_allowed=("/livez",), telemetry=telemetry)
        audit = None if policy is None else Audit(policy, lines, line)
        app = build_app(
            groups=CustomCluster().groups(),
            checks=Checks([]),
            telemetry=telemetry,
            clock=clock,
            identity=[authenticated(authentication), authorized(authorization)],
            recording=[audited(audit, clock)],
        )
        server = await start(app, host="127.0.0.1", port=0)
        servers.append(server)
        session = ClientSession(f"http://127.0.0.1:{server.port}")
        sessions.append(session)

        async def ask(path, token="ann-1", **headers):
            if token:
                headers["Authorization"] = f"Bearer {token}"
            async with session.get(path, headers={"User-Agent": "test", **headers}) as response:
                await response.read()
                return response

        return ask

    yield serve
    for session in sessions:
        await session.close()
    for server in servers:
        await server.close()


async def test_an_answered_request_has_two_events(serve, lines):
    ask = await serve(everything())

    await ask(QUEUE + "?labelSelector=queue%3Da", **{"Audit-ID": UID})

    received, complete = lines.written
    common = (
        f'{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{UID}",'
    )
    request = (
        f'"requestURI":"{QUEUE}?labelSelector=queue%3Da","verb":"list",'
        '"user":{"username":"ann","groups":["dev","system:authenticated"]},'
        '"sourceIPs":["127.0.0.1"],"userAgent":"test",'
        '"objectRef":{"resource":"queue_messages_ready","namespace":"team-01",'
        '"apiGroup":"external.metrics.k8s.io","apiVersion":"v1beta1"},'
    )
    times = f'"requestReceivedTimestamp":"{TIME}","stageTimestamp":"{TIME}"'
    assert received.decode() == f'{common}"stage":"RequestReceived",{request}{times}}}\n'
    assert complete.decode() == (
        f'{common}"stage":"ResponseComplete",{request}'
        f'"responseStatus":{{"metadata":{{}},"code":200}},{times},'
        '"annotations":{"authorization.k8s.io/decision":"allow",'
        '"authorization.k8s.io/reason":"RBAC: says so"}}\n'
    )
    assert NOW == 1_795_269_125.75  # that time


async def test_a_refusal_says_why(serve, lines):
    ask = await serve(everything(omit=(Stage.REQUEST_RECEIVED,)))

    await ask(QUEUE, token="bob-1")

    (event,) = lines.events
    assert event["user"] == {
        "username": "bob",
        "uid": "7",
        "groups": ["dev", "system:authenticated"],
        "extra": {"scopes": ["a", "b"]},
    }
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"
    status = event["responseStatus"]
    assert list(status) == ["metadata", "status", "message", "reason", "details", "code"]
    assert (status["reason"], status["code"]) == ("Forbidden", 403)
    assert 'User "bob" cannot list resource "queue_messages_ready"' in status["message"]


async def test_who_is_not_known_is_recorded_without_a_name(serve, lines):
    ask = await serve(everything(omit=(Stage.REQUEST_RECEIVED,)))

    await ask("/version", token="no-such-token")

    (event,) = lines.events
    assert event["user"] == {}
    assert event["responseStatus"]["code"] == 401
    assert "objectRef" not in event
    assert "no-such-token" not in json.dumps(event)


async def test_a_failure_is_recorded_with_its_message(serve, lines):
    ask = await serve(everything(omit=(Stage.REQUEST_RECEIVED,)))

    await ask(f"{QUEUE}?watch=true")

    (event,) = lines.events
    assert event["verb"] == "watch"
    assert event["responseStatus"]["reason"] == "MethodNotAllowed"


@pytest.mark.parametrize(
    ("rule", "recorded"),
    [
        pytest.param(Rule(Level.NONE), 0, id="none"),
        pytest.param(Rule(Level.REQUEST_RESPONSE), 2, id="bodies"),
        pytest.param(Rule(Level.METADATA, users=("ann",)), 2, id="user"),
        pytest.param(Rule(Level.METADATA, users=("bob",)), 0, id="other-user"),
        pytest.param(Rule(Level.METADATA, non_resource_urls=("/version",)), 0, id="path"),
    ],
)
async def test_only_what_the_policy_wants_is_recorded(serve, lines, rule, recorded):
    ask = await serve(everything(rule))

    await ask(QUEUE)

    assert [event["level"] for event in lines.events] == ["Metadata"] * recorded


@pytest.mark.parametrize("policy", [everything(), None], ids=["audited", "not-audited"])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param(UID, True, id="kept"),
        pytest.param("", False, id="none"),
        pytest.param("x" * 257, False, id="long"),
        pytest.param("é", False, id="no-header-text"),
    ],
)
async def test_an_answer_names_its_request(serve, policy, given, kept):
    ask = await serve(policy)

    response = await ask(QUEUE, **{"Audit-ID": given})

    name = response.headers["Audit-ID"]
    assert name == given if kept else re.fullmatch(r"[0-9a-f-]{36}", name)


@pytest.mark.parametrize(
    ("headers", "addresses"),
    [
        pytest.param({}, ["127.0.0.1"], id="direct"),
        pytest.param(
            {"X-Forwarded-For": "10.0.0.1, nonsense,::1"},
            ["10.0.0.1", "::1", "127.0.0.1"],
            id="proxies",
        ),
        pytest.param(
            {"X-Forwarded-For": "10.0.0.1", "X-Real-Ip": "10.0.0.1"},
            ["10.0.0.1", "127.0.0.1"],
            id="named-twice",
        ),
        pytest.param({"X-Real-Ip": "10.0.0.9"}, ["10.0.0.9", "127.0.0.1"], id="real"),
        pytest.param({"X-Forwarded-For": "127.0.0.1"}, ["127.0.0.1"], id="last-is-the-same"),
        pytest.param(
            {"X-Forwarded-For": ",".join(f"10.0.0.{number}" for number in range(100))},
            [*(f"10.0.0.{number}" for number in range(84, 100)), "127.0.0.1"],
            id="last-of-many",
        ),
        pytest.param(
            {"X-Forwarded-For": "10.0.0.1," + "x," * 16}, ["127.0.0.1"], id="before-the-last"
        ),
        pytest.param({"X-Real-Ip": "fe80::1%" + "a" * 60_000}, ["127.0.0.1"], id="long-zone"),
    ],
)
async def test_addresses_on_the_way_are_recorded(serve, lines, headers, addresses):
    ask = await serve(everything())

    await ask("/version", **headers)

    assert lines.events[0]["sourceIPs"] == addresses


async def test_what_is_long_or_odd_is_made_harmless(serve, lines):
    ask = await serve(everything())

    await ask("/version", **{"User-Agent": "<a>" + "x" * 3000})

    assert lines.events[0]["userAgent"] == "<a>" + "x" * 1021 + "...TRUNCATED"
    assert b"\\u003ca\\u003e" in lines.written[0]


async def test_a_long_header_of_addresses_costs_little():
    """Tens of thousands of addresses took most of a second each time."""
    headers = {"X-Forwarded-For": "::," * 21_000}
    request = make_mocked_request("GET", "/", headers=headers)

    began = time.process_time()
    for _ in range(100):
        source_ips(request)

    assert time.process_time() - began < 5


@pytest.mark.parametrize("line", [json_line, legacy_line], ids=["json", "legacy"])
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/nope?" + "&" * 64_000, id="query"),
        pytest.param("/" + "%22" * 20_000, id="path"),
        pytest.param("/apis/g/v1/namespaces/" + "/".join(["&" * 15_000] * 4), id="names"),
        pytest.param(f"{QUEUE}?fieldSelector=metadata.name%3D" + "&" * 60_000, id="selector"),
    ],
)
async def test_no_request_makes_a_long_line(serve, lines, line, path):
    ask = await serve(everything(), line)

    await ask(URL(path, encoded=True), token="bob-1", **{"User-Agent": "&" * 60_000})

    assert [each.count(b"\n") for each in lines.written] == [1, 1]
    assert max(map(len, lines.written)) < 128 * 1024


async def test_what_is_cut_is_marked(serve, lines):
    ask = await serve(everything())
    long = "a" * 3000

    await ask(f"/apis/g/v1/namespaces/ns/{long}/name?x={'y' * 20_000}", token="bob-1")

    received, complete = lines.events
    for event in (received, complete):
        assert event["requestURI"].startswith(f"/apis/g/v1/namespaces/ns/{long}/name?x=yyy")
        assert event["requestURI"].endswith("yyy...TRUNCATED")
        assert len(event["requestURI"]) == 8192 + len("...TRUNCATED")
        assert event["objectRef"]["resource"] == "a" * 1024 + "...TRUNCATED"
        assert event["objectRef"]["name"] == "name"
        assert event["annotations"]["audit.k8s.io/truncated"] == "true"
    assert complete["responseStatus"]["message"].endswith("a...TRUNCATED")
    assert complete["responseStatus"]["details"]["kind"] == "a" * 1024 + "...TRUNCATED"
    assert complete["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_what_is_not_cut_is_not_marked(serve, lines):
    ask = await serve(everything())
    selector = "labelSelector=" + ",".join(["queue%3Da"] * 1000)

    await ask(URL(f"{QUEUE}?{selector}", encoded=True))

    assert lines.events[0]["requestURI"] == f"{QUEUE}?{selector}"
    assert "annotations" not in lines.events[0]
    assert "audit.k8s.io/truncated" not in lines.events[1]["annotations"]


async def test_the_policy_sees_the_whole_path(serve, lines):
    path = "/" + "x" * 9000
    ask = await serve(everything(Rule(Level.METADATA, non_resource_urls=(path,))))

    await ask(path)

    assert len(lines.events) == 2


async def test_the_legacy_format_is_a_line_of_text(serve, lines):
    ask = await serve(everything(), legacy_line)

    await ask(QUEUE, **{"Audit-ID": UID})

    received, complete = (line.decode() for line in lines.written)
    assert complete == (
        f'2026-11-21T13:52:05.75Z AUDIT: id="{UID}" stage="ResponseComplete" ip="127.0.0.1" '
        'method="list" user="ann" groups="\\"dev\\",\\"system:authenticated\\"" as="<self>" '
        f'asgroups="<lookup>" user-agent="test" namespace="team-01" uri="{QUEUE}" '
        'response="200"\n'
    )
    assert 'response="<deferred>"' in received
