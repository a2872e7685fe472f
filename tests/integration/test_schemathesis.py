"""Schemathesis asks what the published OpenAPI allows, and holds the answers to it.

That every request the documents allow is accepted is not among the checks: OpenAPI cannot say what
a selector may be.
"""

import asyncio
import os
import sys

import pytest
from golden.cluster import FakeClock
from golden.custom_cluster import CustomCluster

from adapter.server.app import start

DOCUMENTS = [
    f"{group.name}/{version}" for group in CustomCluster().groups() for version in group.versions
]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "25")
"""Of each operation; 1000 take two minutes."""


@pytest.fixture
async def address():
    server = await start(
        CustomCluster().app(clock=FakeClock(), max_in_flight=0), host="127.0.0.1", port=0
    )
    yield f"http://127.0.0.1:{server.port}"
    await server.close()


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_answers_are_what_the_document_says(address, document, tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi/v3/apis/{document}"),
        *(f"--url={address}", f"--checks={','.join(CHECKS)}", f"--max-examples={EXAMPLES}"),
        *("--phases=coverage,fuzzing", "--seed=5", "--no-color", "--suppress-health-check=all"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,  # it leaves its notes there
    )
    printed, _ = await process.communicate()

    assert process.returncode == 0, printed.decode()[-4000:]
