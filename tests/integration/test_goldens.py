"""metrics-server's recorded answers, from the same cluster: simulated kubelets, the whole service.

The unit test beside the recordings compares encoding; here the numbers travel the whole way. Of
prometheus-adapter's those are here that need no Prometheus.
"""

from pathlib import Path

import pytest
from golden.compare import (
    ADAPTER_OPERATIONS,
    IDENTITY,
    Answer,
    Golden,
    as_text,
    differences,
    names,
)
from golden.purpose import ON_PURPOSE
from integration.service import lab, warm_lab
from yarl import URL

WHY = {
    "node-no-metrics": "node node-0002 unreachable since ",
    "pod-no-metrics": "node node-0002 unreachable since ",
}
"""Messages that hold a time; the reason is compared up to it."""

RULES = Path(__file__).parents[2] / "config" / "rules.kubelet.yaml"


@pytest.fixture(scope="module")
async def service():
    # without the check of ours that metrics-server has no name for
    tolerant = ["--authentication-tolerate-lookup-failure"]
    async with warm_lab(layout="golden", flags=lambda _: tolerant) as made:
        made.cluster.api.access.reason = ""  # as of RBAC
        yield made


async def ask(session, golden: Golden) -> Answer:
    headers = {"Accept-Encoding": "identity", **golden.request_headers}
    url = URL(golden.path, encoded=True)
    async with session.request(golden.method, url, headers=headers) as response:
        answered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, answered, as_text(await response.read()))


@pytest.mark.parametrize("name", [name for name in names() if name not in WHY])
async def test_answer_is_the_recorded_one(service, name):
    golden = Golden.load(name)
    if name in ON_PURPOSE:
        golden = golden.changed(ON_PURPOSE[name].change, ON_PURPOSE[name].status)

    assert differences(golden, await ask(service.session, golden)) == []


@pytest.mark.parametrize("name", names(IDENTITY))
async def test_answer_to_whom_is_the_recorded_one(service, name):
    """What both peers answer those who may not ask, and those the aggregator vouches for."""
    golden = Golden.load(name, IDENTITY)
    cluster = service.cluster
    shown = {
        "anonymous": None,
        "client certificate without rights": cluster.credentials.authority.issue("viewer"),
        "front-proxy": cluster.front_proxy.key_pair,
    }

    async with service.client(shown[golden.identity]) as session:
        assert differences(golden, await ask(session, golden)) == []


@pytest.mark.parametrize("name", WHY)
async def test_the_message_says_why(service, name):
    golden = Golden.load(name)

    answer = await ask(service.session, golden)

    recorded = golden.answer.body["message"]
    message = answer.body["message"]
    assert answer.status == 404
    assert message.startswith(f"{recorded}: {WHY[name]}")
    assert message.endswith("connection refused")
    rest = {key: value for key, value in answer.body.items() if key != "message"}
    assert rest == {key: value for key, value in golden.answer.body.items() if key != "message"}


async def test_without_prometheus_and_fallback_usage_is_not_available():
    """prometheus-adapter then answers as if the cluster were empty."""
    flags = ["--prometheus-url=http://127.0.0.1:9", f"--config={RULES}", "--fallback=off"]
    goldens = [
        Golden.load(name, ADAPTER_OPERATIONS)
        for name in ("down-resource-nodes", "down-resource-pod")
    ]

    async with lab(layout="golden", flags=lambda _: flags) as made:
        await made.turn(1)
        answers = [await ask(made.session, golden) for golden in goldens]

    assert [golden.answer.status for golden in goldens] == [200, 404]
    assert [answer.status for answer in answers] == [503, 503]
    assert {answer.body["message"] for answer in answers} == {
        "cannot connect to prometheus: connection refused"
    }
