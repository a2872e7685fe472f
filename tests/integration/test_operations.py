"""The audit and the access log, switched on by flags."""

import json
import logging

import pytest
from integration.service import lab

from adapter.errors import ConfigError
from adapter.settings import parse_settings

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: None, nonResourceURLs: ["/readyz*", "/metrics"]}
  - {level: RequestResponse, resources: [{group: metrics.k8s.io}]}
"""


def files(directory, policy=POLICY):
    (directory / "policy.yaml").write_text(policy)
    return [
        f"--audit-policy-file={directory / 'policy.yaml'}",
        f"--audit-log-path={directory / 'audit' / 'audit.log'}",
    ]


async def test_who_read_what_is_in_the_audit(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    async with lab(nodes=1, pods_per_node=1, flags=lambda _: files(tmp_path)) as made:
        for path in ("/readyz", "/version", "/apis/metrics.k8s.io/v1/nodes"):
            async with made.session.get(f"https://127.0.0.1:{made.server.port}{path}") as response:
                assert response.headers["Audit-ID"]

    events = [
        json.loads(line) for line in (tmp_path / "audit" / "audit.log").read_text().splitlines()
    ]
    assert [event["objectRef"]["resource"] for event in events] == ["nodes"]
    assert events[0]["user"]["username"]
    assert events[0]["annotations"]["authorization.k8s.io/decision"] == "allow"
    assert "RequestResponse are taken for Metadata" in caplog.text


@pytest.mark.parametrize(("verbosity", "logged"), [(2, False), (3, True)])
async def test_requests_are_logged_when_that_is_asked_for(caplog, verbosity, logged):
    caplog.set_level(logging.INFO)
    async with (
        lab(nodes=1, pods_per_node=1, flags=lambda _: [f"-v={verbosity}"]) as made,
        made.session.get(f"https://127.0.0.1:{made.server.port}/version"),
    ):
        pass

    assert ("path='/version' status=200" in caplog.text) is logged


async def test_a_wrong_policy_stops_the_start(tmp_path):
    with pytest.raises(ConfigError, match=r"rules\[0\]: nonResourceURLs"):
        async with lab(
            nodes=1,
            pods_per_node=1,
            flags=lambda _: files(
                tmp_path, POLICY.replace("level: None,", "level: None, namespaces: [a],")
            ),
        ):
            pass


async def test_a_file_that_cannot_be_written_stops_the_start(tmp_path):
    (tmp_path / "audit").write_text("not a directory")

    with pytest.raises(ConfigError, match="--audit-log-path"):
        async with lab(nodes=1, pods_per_node=1, flags=lambda _: files(tmp_path)):
            pass


@pytest.mark.parametrize(
    ("arguments", "caution"),
    [
        (["--audit-log-path=-"], "nothing is audited"),
        (["--audit-policy-file=x"], "the audit goes nowhere"),
    ],
)
def test_half_an_audit_is_cautioned_of(arguments, caution):
    assert any(caution in warning for warning in parse_settings(arguments, {}).warnings)


@pytest.mark.parametrize("name", ["maxsize", "maxbackup", "maxage"])
def test_limits_are_not_negative(name):
    with pytest.raises(ConfigError, match=f"--audit-log-{name} -1 must not be negative"):
        parse_settings([f"--audit-log-{name}=-1"], {})
