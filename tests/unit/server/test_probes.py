"""Health endpoints."""

import pytest
from golden.cluster import Cluster, peer_checks, serving

from adapter.server.probes import Check, Checks

READYZ_OK = """\
[+]ping ok
[+]log ok
[+]poststarthook/max-in-flight-filter ok
[+]poststarthook/storage-object-count-tracker-hook ok
"""


async def get(checks, path):
    cluster = Cluster()
    cluster.checks = checks
    async with serving(cluster.app()) as session, session.get(path) as response:
        return response, await response.text()


def failing(why="no samples\nyet"):
    return Checks([Check("metric-storage-ready", lambda: why, ("readyz",))])


async def test_a_failed_check_says_why():
    response, text = await get(failing(), "/readyz")

    assert response.status == 500
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text == READYZ_OK + (
        "[-]metric-storage-ready failed: no samples yet\n[+]shutdown ok\nreadyz check failed\n"
    )


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_a_check_fails_only_where_it_belongs(path):
    response, text = await get(failing(), path)

    assert (response.status, text) == (200, "ok")


async def test_a_check_can_be_excluded():
    response, text = await get(
        failing(), "/readyz?verbose&exclude=metric-storage-ready&exclude=ping&exclude=nonsense"
    )

    assert response.status == 200
    assert "[+]ping excluded: ok\n" in text
    assert "[+]metric-storage-ready excluded: ok\n" in text
    assert text.endswith(
        'warn: some health checks cannot be excluded: no matches for "nonsense"\n'
        "readyz check passed\n"
    )


async def test_a_single_check_says_why():
    response, text = await get(failing(), "/readyz/metric-storage-ready")

    assert (response.status, text) == (500, "internal server error: no samples yet\n")


@pytest.mark.parametrize("path", ["/readyz/nonsense", "/livez/metric-storage-ready"])
async def test_a_check_that_is_not_there_is_an_unknown_path(path):
    response, _ = await get(failing(), path)

    assert response.status == 404


async def test_readiness_ends_when_shutdown_begins():
    checks = peer_checks()
    checks.begin_shutdown()

    ready, text = await get(checks, "/readyz")
    live, _ = await get(checks, "/livez")

    assert (ready.status, live.status) == (500, 200)
    assert "[-]shutdown failed: the server is shutting down\n" in text


async def test_probes_may_use_head():
    cluster = Cluster()
    async with serving(cluster.app()) as session, session.head("/readyz") as response:
        assert response.status == 200


def test_checks_are_shown_in_the_peers_order():
    assert [check.name for check in peer_checks().of("healthz")] == [
        "ping",
        "log",
        "poststarthook/max-in-flight-filter",
        "poststarthook/storage-object-count-tracker-hook",
        "metadata-informer-sync",
    ]
