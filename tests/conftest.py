"""Fixtures every test may use."""

import sys
from pathlib import Path

import hypothesis
import pytest

# A busy machine may take longer than 200 ms for an example: that is no failure.
hypothesis.settings.register_profile("viaduct", deadline=None)
hypothesis.settings.load_profile("viaduct")

# Tests are collected with importlib and are no package. What several of them share is imported
# from here by its folder: `from golden.compare import differences`.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep together what shares something expensive: a file's fixtures, the one control plane.

    ``make test`` runs several processes, since most tests wait: for servers to start, for periods
    to pass.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            end_to_end = nodeid.startswith("tests/e2e/")
            return "e2e" if end_to_end else super()._split_scope(nodeid)

    return Scheduling(config, log)
