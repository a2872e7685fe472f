"""Files with CAs of clients, at the start of the service."""

import re

import pytest
from integration.service import lab

from adapter.errors import ConfigError


@pytest.mark.parametrize("flag", ["--client-ca-file", "--requestheader-client-ca-file"])
async def test_a_file_without_certificates_stops_the_start(tmp_path, flag):
    """It would be ready, and refuse everybody who has a certificate."""
    file = tmp_path / "junk.pem"
    file.write_text("junk")

    with pytest.raises(ConfigError, match=re.escape(f"{flag} {file}: no certificate in PEM")):
        async with lab(nodes=1, pods_per_node=1, flags=lambda _: [f"{flag}={file}"]):
            pass
