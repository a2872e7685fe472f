"""The cluster all tests here share."""

from pathlib import Path

import pytest

from e2e.lab import running_lab
from e2e.programs import missing

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark the suite; where it cannot run, one skipped test stands for all and says why."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.e2e)
    if ours and (found := missing()):
        first, *others = ours
        first.add_marker(pytest.mark.skip(reason=f"end-to-end suite: {found}"))
        items[:] = [item for item in items if item not in set(others)]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    """The whole cluster; made once, ended after the last test of this folder."""
    with running_lab(tmp_path_factory.mktemp("e2e")) as made:
        yield made
