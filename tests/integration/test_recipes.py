"""Every recipe does what it says: its series, its rules, its answers, over real engines.

All files are served together, as with ``--config=config/recipes``. Each has its own metrics. Those
about JSON documents, which need no engine, are held to what they say in ``tests/unit/rules``.
"""

import asyncio
import contextlib
import time

import aiohttp
import pytest
from aiohttp import web
from integration.engines import engine, scrape_config
from integration.exporter import exporting
from integration.recipes import CUSTOM, EXTERNAL, path_of_hpa, recipes
from integration.service import lab

from adapter.model.quantity import Quantity
from adapter.model.resources import PodKey
from adapter.periodic import SystemClock

pytestmark = pytest.mark.prometheus
NAMESPACE = "shop"
TENANT = "shop"
ELSEWHERE = "http://mimir-query-frontend.mimir.svc:8080/prometheus"
AGE = 330.0
"""Seconds that counters rise before the test: more than the widest range of a recipe."""

TOLERANCE = 0.03
DEADLINE = 30.0
ALL = [recipe for recipe in recipes() if recipe.series]


def fill(exporter):
    """Expose the series of all recipes; gives those that have ended, as OpenMetrics."""
    ended = []
    for series, value, rate, age in (each for recipe in ALL for each in recipe.series):
        target = exporter.rates if rate else exporter.gauges
        if age:
            ended.append(f"{series} {value} {time.time() - age:.3f}")
        else:
            assert target.setdefault(series, value) == value, f"two recipes disagree on {series}"
    return ended


@contextlib.asynccontextmanager
async def tenant_server(url):
    """Address of another server for one tenant: passes on what names it, refuses all else."""

    async def pass_on(request):
        if request.headers.get("X-Scope-OrgID") != TENANT:
            return web.Response(status=401, text="no org id")
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                url + request.path_qs.removeprefix("/prometheus"),
                data=await request.read(),
                headers={"Content-Type": request.content_type},
            ) as answer,
        ):
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/prometheus/{path:.*}", pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/prometheus"
    finally:
        await runner.cleanup()


class Service:
    """The service, and whom it asks."""

    def __init__(self, made):
        self._made = made

    async def values(self, path):
        """Value by object or labels; an empty mapping where there is no good answer, and why."""
        status, headers, body = await self._made.get(path)
        if status != 200:
            return {}, body["message"]
        return {_what(item): float(Quantity.parse(item["value"])) for item in body["items"]}, str(
            headers.get("Warning")
        )

    async def settled(self, path, expected):
        """Ask until the answer is *expected*, and fail with the last one."""
        deadline = time.monotonic() + DEADLINE
        while True:
            values, why = await self.values(path)
            if values == pytest.approx(expected, rel=TOLERANCE):
                return
            assert time.monotonic() < deadline, f"{path}: {values}, not {expected}: {why}"
            await asyncio.sleep(0.2)


def _what(item):
    if "describedObject" in item:
        return item["describedObject"]["name"]
    labels = item["metricLabels"] or {}
    return "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
async def service(request, tmp_path_factory):
    rules = tmp_path_factory.mktemp("recipes")
    with exporting(AGE) as exporter:
        ended = fill(exporter)
        target = f'instance="127.0.0.1:{exporter.port}",job="app"'
        history = exporter.history(target).removesuffix("# EOF\n")
        history += "\n".join([*ended, "# EOF\n"])
        with engine(request.param, scrape_config(exporter.port), history) as server:
            async with tenant_server(server.url) as elsewhere:
                copy_recipes(rules, elsewhere)
                async with served(server.url, rules) as made:
                    yield made


def copy_recipes(directory, elsewhere):
    for recipe in ALL:
        text = recipe.text.replace(ELSEWHERE, elsewhere)
        (directory / f"{recipe.name}.yaml").write_text(text, encoding="utf-8")


@contextlib.asynccontextmanager
async def served(url, rules):
    """The service by all *rules*, in a cluster that has what they are about."""
    flags = [
        f"--prometheus-url={url}",
        f"--config={rules}",
        "--metrics-relist-interval=2s",
        "--metrics-max-age=5m",
    ]
    async with lab(flags=lambda _: flags, clock=SystemClock(), layout="golden") as made:
        made.cluster.objects.define("brands.example.com", "Brand", namespaced=True)
        for number in range(3):
            key = PodKey(NAMESPACE, f"web-{number}")
            made.cluster.add_pod(key, "node-0000", {"app": (0.1, 1 << 20)})
        yield Service(made)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
async def test_the_answers_of_a_recipe_are_what_it_says(service, recipe):
    for path, answer in recipe.questions:
        await service.settled(path, answer)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
async def test_the_hpa_of_a_recipe_gets_the_same_values(service, recipe):
    said = [answer for _, answer in recipe.questions]
    for metric in recipe.metrics:
        path = path_of_hpa(metric, NAMESPACE)
        values, why = await service.values(path)
        assert any(values == pytest.approx(each, rel=TOLERANCE) for each in said), (path, why)


async def test_a_sample_that_is_too_old_is_refused_with_its_age(service):
    values, why = await service.values(f"{CUSTOM}/namespaces/shop/pods/web-1/batch_items_pending")

    assert values == {}
    assert "maxAge is 2m0s" in why


async def test_series_that_are_filtered_are_no_metrics(service):
    path = f"{CUSTOM}/namespaces/shop/pods/*/debug_lookups_per_second"

    assert (await service.values(path))[0] == {}


async def test_a_namespace_that_is_not_allowed_is_refused(service):
    values, why = await service.values(f"{EXTERNAL}/namespaces/team-00/kafka_consumergroup_lag")

    assert values == {}
    assert "is not for namespace team-00" in why
