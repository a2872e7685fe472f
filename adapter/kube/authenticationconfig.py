"""How clients of this cluster prove who they are: what kube-apiserver publishes, and our flags.

A ConfigMap holds the CA of client certificates, the CA of the aggregator's own certificate, and the
names of the headers in which it passes on users (apiserver ``pkg/server/options``). A key that is
absent disables what it is for. A key that cannot be used leaves what it said before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from adapter.errors import ConfigError
from adapter.kube.cabundle import as_pem, certificates_in

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"
"""The ConfigMap."""

DEFAULT_USERNAME_HEADERS = ("X-Remote-User",)
DEFAULT_GROUP_HEADERS = ("X-Remote-Group",)
DEFAULT_EXTRA_PREFIXES = ("X-Remote-Extra-",)
"""What kube-apiserver's flags say by default; taken where the CA comes from a flag of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationConfig:
    """How clients prove who they are.

    Attributes:
        client_ca: PEM bundle that signs client certificates; "" disables them.
        requestheader_ca: PEM bundle that signs the aggregator's certificate; "" disables headers.
        allowed_names: Common names that certificate may have; none allows any.
        username_headers: Headers with the user's name; the first that is not empty counts.
        uid_headers: Headers with the user's uid.
        group_headers: Headers with groups; all of them count.
        extra_prefixes: Prefixes of headers with extra values.
    """

    client_ca: str = ""
    requestheader_ca: str = ""
    allowed_names: tuple[str, ...] = ()
    username_headers: tuple[str, ...] = ()
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ()
    extra_prefixes: tuple[str, ...] = ()

    def client_cas(self) -> str:
        """PEM bundle of all CAs by which a client may be known: what TLS has to accept."""
        bundles = [pem for pem in (self.client_ca, self.requestheader_ca) if pem]
        return as_pem(frozenset().union(*map(certificates_in, bundles)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values of flags; each that is given replaces the ConfigMap's. "" and () are not given.

    Attributes:
        client_ca_file: ``--client-ca-file``, read again every minute.
        requestheader_ca_file: ``--requestheader-client-ca-file``, read again every minute.
        allowed_names: ``--requestheader-allowed-names``.
        username_headers: ``--requestheader-username-headers``.
        uid_headers: ``--requestheader-uid-headers``.
        group_headers: ``--requestheader-group-headers``.
        extra_prefixes: ``--requestheader-extra-headers-prefix``.
    """

    client_ca_file: str = ""
    requestheader_ca_file: str = ""
    allowed_names: tuple[str, ...] = ()
    username_headers: tuple[str, ...] = ()
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ()
    extra_prefixes: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse files that cannot be used, as at start: later they keep what they held before.

        Raises:
            ConfigError: With every such file, its flag and the cause.
        """
        problems: list[str] = []
        for field, key in _BUNDLES.items():
            if file := self.file_of(field):
                try:
                    _bundle_of(Path(file))
                except (OSError, ValueError) as error:
                    problems.append(f"--{key} {file}: {_cause(error)}")
        if problems:
            raise ConfigError(problems)

    def file_of(self, bundle: str) -> str:
        """File that replaces *bundle*, an attribute of `AuthenticationConfig`; "" for none."""
        return {
            "client_ca": self.client_ca_file,
            "requestheader_ca": self.requestheader_ca_file,
        }[bundle]


_BUNDLES = {
    "client_ca": "client-ca-file",
    "requestheader_ca": "requestheader-client-ca-file",
}
_LISTS = {
    "allowed_names": "requestheader-allowed-names",
    "username_headers": "requestheader-username-headers",
    "uid_headers": "requestheader-uid-headers",
    "group_headers": "requestheader-group-headers",
    "extra_prefixes": "requestheader-extra-headers-prefix",
}


def understood(
    data: Mapping[str, str], before: AuthenticationConfig, overrides: Overrides
) -> tuple[AuthenticationConfig, tuple[str, ...]]:
    """What *data* of the ConfigMap and the flags say together.

    Args:
        data: Its keys; {} when there is no ConfigMap to look at.
        before: What was in force; serves on for each key that is broken.
        overrides: Flags.

    Returns:
        The configuration, and a sentence for each value that cannot be used: where it stands,
        why, and what holds instead.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []

    def unusable(field: str, where: str, error: Exception) -> None:
        problems.append(f"{where}: {_cause(error)}; {_instead(field, before)}")

    for field, key in _BUNDLES.items():
        file = overrides.file_of(field)
        try:
            values[field] = _bundle_of(Path(file)) if file else _bundle(data.get(key, ""))
        except (OSError, ValueError) as error:
            unusable(field, f"--{key} {file}" if file else _of_config_map(key), error)
    for field, key in _LISTS.items():
        given = getattr(overrides, field)
        try:
            values[field] = given or _strings(data.get(key, ""))
        except ValueError as error:
            unusable(field, _of_config_map(key), error)
            if field == "allowed_names" and not before.requestheader_ca:
                values["requestheader_ca"] = ""  # no names would mean any name
    return _with_defaults(replace(before, **values), overrides), tuple(problems)


def _of_config_map(key: str) -> str:
    return f"{key} of ConfigMap {NAMESPACE}/{NAME}"


def _instead(field: str, before: AuthenticationConfig) -> str:
    """What holds as long as the value of *field* cannot be used."""
    names = field == "allowed_names"
    if getattr(before, field) or (names and before.requestheader_ca):
        return "what it held before stays in force"
    return "until it can, the aggregator is not believed" if names else "nothing stands in for it"


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _with_defaults(config: AuthenticationConfig, overrides: Overrides) -> AuthenticationConfig:
    """Add kube-apiserver's own header names where the CA comes from a flag and nobody names any."""
    if not overrides.requestheader_ca_file:
        return config
    return replace(
        config,
        username_headers=config.username_headers or DEFAULT_USERNAME_HEADERS,
        group_headers=config.group_headers or DEFAULT_GROUP_HEADERS,
        extra_prefixes=config.extra_prefixes or DEFAULT_EXTRA_PREFIXES,
    )


def _bundle_of(file: Path) -> str:
    pem = file.read_text(encoding="utf-8", errors="replace")  # comments may be in any encoding
    certificates_in(pem)
    return pem


def _bundle(pem: str) -> str:
    if pem.strip():
        certificates_in(pem)
        return pem
    return ""


def _strings(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError as error:
        raise ValueError(f"not a JSON list of strings: {error}") from None
