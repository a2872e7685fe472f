"""Fixtures every test may use."""

import sys
from pathlib import Path

import pytest

# Tests are collected with importlib and are no package. What several of them share is imported
# from here by its folder: `from golden.compare import differences`.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"
