"""The certificate this server shows: a given pair, or a self-signed one kept in a folder."""

import ipaddress
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from adapter.errors import ConfigError

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""Names every self-signed certificate has."""

_RENEW_SECONDS = 30 * 86400
_MAKING_SECONDS = 60


class Pair(NamedTuple):
    """Files with a certificate (PEM, with its chain) and its key."""

    cert_file: Path
    key_file: Path


def serving_context(pair: Pair) -> ssl.SSLContext:
    """Build the context to serve with: TLS 1.2 or newer.

    Raises:
        ConfigError: A file cannot be read, or the two do not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(pair.cert_file, pair.key_file)
    except OSError as error:  # ssl.SSLError is one
        files = f"--tls-cert-file {pair.cert_file} and --tls-private-key-file {pair.key_file}"
        raise ConfigError([f"cannot serve with {files}: {error.strerror or error}"]) from error
    return context


def self_signed_pair(cert_dir: Path, names: Sequence[str] = ()) -> Pair:
    """The self-signed pair in *cert_dir*, made when there is none that still serves.

    A pair is kept while it has all the names and a month to go.

    Args:
        cert_dir: Where ``apiserver.crt`` and ``apiserver.key`` are kept (``--cert-dir``).
        names: DNS names and IP addresses the certificate must have beside `LOCAL_NAMES`.

    Raises:
        ConfigError: The folder cannot be written.
    """
    pair = Pair(cert_dir / "apiserver.crt", cert_dir / "apiserver.key")
    wanted = list(dict.fromkeys([*names, *LOCAL_NAMES]))
    if _still_serves(pair, wanted):
        return pair
    try:
        cert_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            [f"cannot make --cert-dir {cert_dir}: {error.strerror}; give another folder"]
        ) from error
    _make(pair, wanted)
    return pair


def _make(pair: Pair, names: Sequence[str]) -> None:
    """Run ``selfsigned.py`` in a process of its own (its docstring says why)."""
    command = [sys.executable, "-m", "adapter.server.selfsigned", *map(str, pair), *names]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    made = subprocess.run(  # noqa: S603 - our own program; names are its arguments, no shell
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_MAKING_SECONDS,
        check=False,
    )
    if made.returncode:
        why = made.stderr.strip().splitlines() or ["no reason given"]
        raise ConfigError(
            [f"cannot make a self-signed certificate in {pair.cert_file.parent}: {why[-1]}"]
        )


def _still_serves(pair: Pair, names: Sequence[str]) -> bool:
    try:
        serving_context(pair)
        reader = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        reader.load_verify_locations(pair.cert_file)
        # the standard library reads certificates of CAs only; ours is its own CA
        (certificate,) = reader.get_ca_certs()
    except (ConfigError, OSError, ValueError):
        return False
    entries = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    has = {_canonical(value) for _, value in entries}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return has.issuperset(map(_canonical, names)) and ends - time.time() > _RENEW_SECONDS


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
