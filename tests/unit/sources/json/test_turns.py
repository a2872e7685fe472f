"""Documents that hang, and those that answer all the same."""

import asyncio

from unit.sources.json.pod_lab import PodLab
from unit.sources.json.publishing import Publishing, endpoints, pod, pods_metric

from adapter.errors import SourceTimeout
from adapter.sources.json.turns import Turns

TIMEOUT = 15.0


class Silent(Publishing):
    """What is not published takes the whole timeout to fail."""

    async def fetch(self, url, access, last):
        if url not in self.documents:
            await self._clock.sleep(TIMEOUT)
            raise SourceTimeout(f"{url} did not answer")
        return await super().fetch(url, access, last)


async def oldest(lab, metric, names, seconds):
    """The greatest age of values, once it is known what hangs."""
    ages = []
    for second in range(seconds):
        await lab.pass_time(1)
        if second > seconds / 2:
            values = await lab.ask(metric, *names)
            ages += [lab.clock.time() - each.timestamp for each in values.values()]
    return max(ages)


async def lab_with(clock, telemetry, healthy, hanging):
    lab = PodLab(clock, telemetry, endpoints(*healthy, *hanging), concurrency=16, client=Silent)
    lab.publish(**{each.name: 1 for each in healthy})
    return lab


async def test_documents_of_many_rules_that_hang_delay_no_other_rule(clock, telemetry):
    rules = [f"slow{number}" for number in range(100)]
    hanging = [pod(rule, number, labels={"app": rule}) for number, rule in enumerate(rules)]
    lab = await lab_with(clock, telemetry, [pod("a", 200)], hanging)
    metrics = [pods_metric(rule=rule, metric=rule, selector=f"app={rule}") for rule in rules]
    for metric in metrics:
        lab.reader._activated(metric, "shop")
    healthy = pods_metric(selector="app=web", interval=TIMEOUT)
    lab.reader._activated(healthy, "shop")

    assert await oldest(lab, healthy, ["a"], seconds=360) < 30
    await lab.pool.close()


async def test_pods_that_hang_do_not_delay_the_other_pods_of_their_rule(clock, telemetry):
    hanging = [pod(f"slow{number}", number) for number in range(40)]
    healthy = [pod(f"p{number}", 100 + number) for number in range(5)]
    lab = await lab_with(clock, telemetry, healthy, hanging)
    metric = pods_metric()
    lab.reader._activated(metric, "shop")

    assert await oldest(lab, metric, [each.name for each in healthy], seconds=360) < 30
    await lab.pool.close()


async def test_a_turn_that_was_not_waited_for_is_free_again():
    turns = Turns(4)

    async def hold(failing):
        async with turns.of("rule", failing=failing):
            await asyncio.Event().wait()

    for failing in (True, False, True, False):
        tasks = [asyncio.create_task(hold(failing)) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), turns.of("rule"), turns.of("other", failing=True):
        pass
