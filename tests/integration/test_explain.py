"""``kubectl explain`` of what is served, through the aggregator's stand-in."""

import pytest
from integration.manifests import needs_kubectl
from integration.service import NEEDS_KUBECTL, warm_lab

pytestmark = NEEDS_KUBECTL


@pytest.fixture(scope="module")
async def service():
    needs_kubectl(27, "explains by OpenAPI v2, which the cluster here has not")
    async with warm_lab(nodes=1, pods_per_node=1) as made:
        yield made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            ["podmetrics"], ["KIND:       PodMetrics", "VERSION:    v1\n", "containers"], id="pods"
        ),
        pytest.param(["nodemetrics"], ["KIND:       NodeMetrics", "usage"], id="nodes"),
        pytest.param(
            ["podmetrics.containers", "--api-version=metrics.k8s.io/v1beta1"],
            ["VERSION:    v1beta1\n", "usage\t<map[string]string>", "What a container uses."],
            id="a-field-of-the-older-version",
        ),
        pytest.param(
            ["podmetrics.metadata", "--recursive"], ["creationTimestamp", "labels"], id="metadata"
        ),
    ],
)
async def test_types_are_explained(service, words, expected):
    code, printed, complained = await service.kubectl("explain", *words)

    assert (code, complained) == (0, "")
    assert [text for text in expected if text not in printed] == []
