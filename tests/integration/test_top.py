"""``viaduct top`` beside ``kubectl top``, both through the aggregator's stand-in."""

import asyncio
import sys

import pytest
from integration.service import NEEDS_KUBECTL, warm_lab

pytestmark = NEEDS_KUBECTL


@pytest.fixture(scope="module")
async def service():
    async with warm_lab(nodes=2, pods_per_node=3) as made:
        yield made


async def top(service, *words: str) -> list[list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", "top", *words),
        f"--kubeconfig={service.cluster.admin_kubeconfig}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return [line.split() for line in printed.decode().splitlines()]


@pytest.mark.parametrize(
    "words",
    [
        ("nodes",),
        ("pods", "-A"),
        ("pods", "-A", "--containers"),
        ("pods", "-n", "team-01"),
        ("pods", "-A", "-l", "team=team-02"),
    ],
    ids=" ".join,
)
async def test_shows_what_kubectl_shows_and_age_and_origin(service, words):
    code, printed, complained = await service.kubectl("top", *words)
    assert code == 0, complained

    ours = await top(service, *words)

    theirs = [line.split() for line in printed.splitlines()]
    assert [row[:-2] for row in ours[1:]] == theirs[1:]
    # kubectl put no brackets around the percent sign before 1.32
    assert ours[0][:-2] == [name.replace("U%", "U(%)").replace("Y%", "Y(%)") for name in theirs[0]]
    assert ours[0][-2:] == ["AGE", "ORIGIN"]
    assert {row[-1] for row in ours[1:]} == {"kubelet"}
