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
