"""What the stand-in publishes for aggregated servers, and reviews that go wrong."""

import aiohttp
import pytest

from adapter.sim.access import ReviewFaults

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
TOKEN = {"kind": "TokenReview", "spec": {"token": "x"}}
ACCESS = {"kind": "SubjectAccessReview", "spec": {"user": "x"}}


async def test_keys_come_change_and_go(api, cluster):
    before = (await api.json(CONFIG_MAP))["data"]
    cluster.authentication.change(requestheader_allowed_names="[]", client_ca_file=None)
    after = (await api.json(CONFIG_MAP))["data"]

    assert after["requestheader-allowed-names"] == "[]"
    assert before.keys() - after.keys() == {"client-ca-file"}
    assert cluster.authentication.data == after

    cluster.authentication.delete()
    await api.json(CONFIG_MAP, status=404)


@pytest.mark.parametrize(
    ("faults", "tokens", "access"),
    [
        (ReviewFaults(), 201, 201),
        (ReviewFaults(tokens_down=True), 500, 201),
        (ReviewFaults(access_down=True), 201, 500),
    ],
)
async def test_reviews_that_fail(api, cluster, faults, tokens, access):
    cluster.api.access.faults = faults

    await api.json(TOKEN_REVIEWS, method="POST", status=tokens, json=TOKEN)
    await api.json(ACCESS_REVIEWS, method="POST", status=access, json=ACCESS)


async def test_reviews_that_are_none(api, cluster):
    cluster.api.access.faults.garbage = True

    assert await api.json(TOKEN_REVIEWS, method="POST", status=201, json=TOKEN) == {}


async def test_a_refusal_without_a_reason_as_rbac_gives_it(api, cluster):
    cluster.api.access.reason = ""

    answer = await api.json(ACCESS_REVIEWS, method="POST", status=201, json=ACCESS)

    assert answer["status"] == {"allowed": False}


async def test_whoever_is_authenticated_may_discover(api, cluster):
    def spec(path, *groups):
        return {"user": "x", "groups": groups, "nonResourceAttributes": {"path": path}}

    policy = cluster.api.access.policy
    assert policy(spec("/apis/metrics.k8s.io/v1", "system:authenticated"))
    assert policy(spec("/version"))
    assert not policy(spec("/apis/metrics.k8s.io/v1", "system:unauthenticated"))
    assert not policy(spec("/metrics", "system:authenticated"))


async def test_the_aggregator_shows_another_certificate(cluster):
    first = cluster.front_proxy.authority.issue("first")
    aggregator = cluster.api.aggregator
    cluster.register_api_service("g.example.com", ["v1"], "https://127.0.0.1:1", cluster.ca_file)
    before = aggregator.service("g.example.com").context

    aggregator.show(first)

    assert aggregator.service("g.example.com").context is not before
    assert isinstance(aggregator._session, aiohttp.ClientSession)
