"""Who we are towards kube-apiserver and the kubelets: service account or kubeconfig.

``kubernetes.aio.config`` reads kubeconfig files and runs credential plug-ins. Done here is what it
leaves out: a token is read again when its file may have rotated and loses the line end that would
break the header, and errors say which file to mend.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_kube_config
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from adapter.errors import ConfigError
from adapter.periodic import Clock

log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where kubelet mounts a pod's service account."""

TOKEN_SECONDS = 60.0
"""How long a token is used before its file is read or its plug-in asked again (as client-go)."""

_BEARER = "bearer "


class KubeCredentials:
    """How to reach kube-apiserver, and what proves who we are, there and at the kubelets.

    Args:
        server: URL of kube-apiserver, without a final slash.
        source: Where the credentials come from, for messages.
        clock: Decides when the token is read again.
        ca_file: PEM bundle that signs the cluster's certificates; None means the system's roots.
        cert_file: Client certificate chain (PEM).
        key_file: Its key (PEM).
        insecure: Accept any certificate of kube-apiserver.
        server_name: Name to expect in kube-apiserver's certificate instead of the URL's host.
        proxy: HTTP proxy towards kube-apiserver.
        token_file: Where the bearer token is read from.
        fixed_authorization: An ``Authorization`` header, used without *token_file*.
        plugin: kubeconfig loader whose credential plug-in gives tokens that expire.
    """

    def __init__(
        self,
        server: str,
        source: str,
        clock: Clock,
        *,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        insecure: bool = False,
        server_name: str | None = None,
        proxy: str | None = None,
        token_file: str | None = None,
        fixed_authorization: str | None = None,
        plugin: Any = None,
    ) -> None:
        self.server = server
        self.source = source
        self.ca_file = ca_file
        self.cert_file = cert_file
        self.key_file = key_file
        self.insecure = insecure
        self.server_name = server_name
        self.proxy = proxy
        self.token_file = token_file
        self._clock = clock
        self._authorization = fixed_authorization
        self._plugin = plugin
        self._fresh_until = -1.0
        self._reread()

    def token(self) -> str | None:
        """The bearer token of the moment, or None when there is none."""
        self._reread()
        header = self._authorization
        if header is None or header[: len(_BEARER)].lower() != _BEARER:
            return None
        return header[len(_BEARER) :]

    async def authorization(self) -> str | None:
        """The ``Authorization`` header of the moment; asks the credential plug-in when due."""
        self._reread()
        if self._plugin is not None and self._due():
            # keeps its token until shortly before it expires, and logs its own failures
            await self._plugin.load_from_exec_plugin()
            self._authorization = self._plugin.token
        return self._authorization

    def _due(self) -> bool:
        now = self._clock.monotonic()
        if now < self._fresh_until:
            return False
        self._fresh_until = now + TOKEN_SECONDS
        return True

    def _reread(self) -> None:
        if self.token_file is None or not self._due():
            return
        try:
            token = Path(self.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            # the token we have may still be good
            log.warning("cannot read token file %s: %s", self.token_file, error)
            return
        if token:
            self._authorization = f"Bearer {token}"


def in_cluster(
    clock: Clock,
    *,
    directory: Path = SERVICE_ACCOUNT,
    environ: Mapping[str, str] = os.environ,
) -> KubeCredentials:
    """Credentials of the pod's service account.

    Raises:
        ConfigError: Not in a pod, or the service account is not mounted.
    """
    token_file = directory / "token"
    loader = InClusterConfigLoader(
        str(token_file), str(directory / "ca.crt"), try_refresh_token=False, environ=environ
    )
    found = Configuration()
    try:
        loader.load_and_set(found)
    except (ConfigException, OSError) as error:
        problem = (
            f"no in-cluster credentials: {error} Run in a pod with a service account (environment "
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, files token and ca.crt in "
            f"{directory}), or give --kubeconfig FILE"
        )
        raise ConfigError([problem]) from error
    return KubeCredentials(
        found.host,
        f"service account {directory}",
        clock,
        ca_file=found.ssl_ca_cert,
        token_file=str(token_file),
    )


async def from_kubeconfig(path: str, clock: Clock) -> KubeCredentials:
    """Credentials of the current context of the kubeconfig file *path*.

    Tokens, token files, client certificates, CAs (as files or data), ``tls-server-name``,
    ``proxy-url``, ``insecure-skip-tls-verify`` and credential plug-ins are understood.

    Raises:
        ConfigError: The file is missing or broken; the message names it and says what to mend.
    """
    file = _expanded(path)
    user = _current_user(_read_yaml(file), file)
    found = Configuration()
    try:
        loader = await load_kube_config(str(file), client_configuration=found, persist_config=False)
    except (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError([f"{file}: not a usable kubeconfig: {error}"]) from error
    if not hasattr(loader, "host"):
        raise ConfigError([f'{file}: the cluster of the current context has no "server"'])
    authorization = found.api_key.get("BearerToken", "").strip()
    if "exec" in user and not (authorization or found.cert_file):
        command = user["exec"].get("command") if isinstance(user["exec"], dict) else user["exec"]
        raise ConfigError([f"{file}: the credential plug-in {command} gave no credentials"])
    token_file = user.get("tokenFile")
    return KubeCredentials(
        found.host,
        f"kubeconfig {file}",
        clock,
        ca_file=found.ssl_ca_cert,
        cert_file=found.cert_file,
        key_file=found.key_file,
        insecure=not found.verify_ssl,
        server_name=found.tls_server_name,
        proxy=found.proxy,
        token_file=str(file.parent / token_file) if token_file else None,
        fixed_authorization=authorization or None,
        plugin=loader if hasattr(loader, "exec_plugin_expiry") else None,
    )


def _expanded(path: str) -> Path:
    return Path(path).expanduser()


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        problem = (
            f"kubeconfig {file} does not exist: give --kubeconfig an existing file, or leave the "
            "flag out inside a cluster"
        )
        raise ConfigError([problem]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"kubeconfig {file} cannot be read: {error}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        # never the text itself: a kubeconfig holds credentials
        problem = f"{place}: not YAML: {getattr(error, 'problem', None) or 'unreadable'}"
        raise ConfigError([problem]) from None
    if not isinstance(content, dict):
        problem = "not a kubeconfig: expected clusters, contexts, users and current-context"
        raise ConfigError([f"{file}: {problem}"])
    return content


def _current_user(content: dict[str, Any], file: Path) -> dict[str, Any]:
    """The user entry of the current context.

    Raises:
        ConfigError: There is none: the library would fail later without a clear message.
    """
    context = _named(content, "contexts", content.get("current-context"), "context")
    if context is None:
        name = content.get("current-context")
        known = ", ".join(_names(content, "contexts")) or "none"
        raise ConfigError([f'{file}: current-context "{name}" is not in contexts ({known})'])
    user = _named(content, "users", context.get("user"), "user")
    if user is None:
        known = ", ".join(_names(content, "users")) or "none"
        raise ConfigError([f'{file}: user "{context.get("user")}" is not in users ({known})'])
    return user


def _entries(content: dict[str, Any], section: str) -> list[dict[str, Any]]:
    entries = content.get(section)
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def _names(content: dict[str, Any], section: str) -> list[str]:
    return [str(entry.get("name")) for entry in _entries(content, section)]


def _named(content: dict[str, Any], section: str, name: object, kind: str) -> dict[str, Any] | None:
    for entry in _entries(content, section):
        if entry.get("name") == name and isinstance(entry.get(kind), dict):
            return dict(entry[kind])
    return None
