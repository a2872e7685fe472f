"""Watches ``kube-system/extension-apiserver-authentication``, so that CAs may rotate any time.

The conversation is that of the other informers; beside it the object is read once a minute, and
with it the files that flags name, as the Go library does. Whoever may not read it is told which
binding is missing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

import msgspec

from adapter.kube.api import KubeApi, KubeApiError, KubeNotFound
from adapter.kube.authenticationconfig import (
    NAME,
    NAMESPACE,
    AuthenticationConfig,
    Overrides,
    understood,
)
from adapter.kube.cabundle import certificates_in
from adapter.kube.informer import FIRST_PAUSE, LONGEST_PAUSE, Informer
from adapter.kube.watched import ListMeta, Watched
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

__all__ = ["AuthenticationConfig", "AuthenticationConfigWatcher", "Overrides"]

log = logging.getLogger(__name__)

RECHECK_SECONDS = 60.0

_PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_MISSING = (
    f"ConfigMap {NAMESPACE}/{NAME} does not exist: kube-apiserver publishes it when it has "
    "--client-ca-file or --requestheader-client-ca-file; until then the aggregator and client "
    "certificates are not known here"
)
_FORBIDDEN = (
    f"may not read ConfigMap {NAMESPACE}/{NAME}: bind the service account to a Role that is there "
    f"for it: kubectl create rolebinding -n {NAMESPACE} viaduct-auth-reader "
    f"--role={NAME}-reader --serviceaccount=NAMESPACE:NAME"
)


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    resource_version: str = ""


class _ConfigMap(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    data: dict[str, str] | None = None


class _ConfigMapList(msgspec.Struct, frozen=True):
    metadata: ListMeta
    items: list[_ConfigMap] | None = None


def _itself(wire: _ConfigMap) -> _ConfigMap:
    return wire


_DECODER = msgspec.json.Decoder(_ConfigMap)
_WATCHED = Watched(
    resource="configmaps",
    path=_PATH,
    params={"fieldSelector": f"metadata.name={NAME}"},
    page=msgspec.json.Decoder(_ConfigMapList),
    one=_DECODER,
    convert=_itself,
)


class AuthenticationConfigWatcher:
    """Keeps the configuration current until cancelled.

    Args:
        api: Where the ConfigMap is; None looks nothing up, the flags alone count.
        overrides: Flags.
        clock: Where time comes from.
        telemetry: Own metrics.

    Attributes:
        config: What is in force; empty until something was read.
        revision: Changes whenever *config* does.
    """

    def __init__(
        self, api: KubeApi | None, *, overrides: Overrides, clock: Clock, telemetry: Telemetry
    ) -> None:
        self.config = AuthenticationConfig()
        self.revision = 0
        self._api = api
        self._overrides = overrides
        self._clock = clock
        self._telemetry = telemetry
        self._listeners: list[Callable[[AuthenticationConfig], None]] = []
        self._data: Mapping[str, str] = {}
        self._problems: tuple[str, ...] = ()
        self._trouble: str | None = None if api is None else "it was not read yet"
        self._looked_up = api is None
        self.apply(self._data)

    def on_change(self, listener: Callable[[AuthenticationConfig], None]) -> None:
        """Call *listener* with the configuration, now and whenever it changes."""
        self._listeners.append(listener)
        listener(self.config)

    def check(self) -> str | None:
        """Answer a probe: None once the ConfigMap was read or is known to be missing."""
        if self._looked_up:
            return None
        return f"ConfigMap {NAMESPACE}/{NAME}: {self._trouble}"

    async def run(self) -> None:
        """Read, then watch and read again each minute, until cancelled; ends on no error."""
        pause = FIRST_PAUSE
        while not await self.look():
            await self._clock.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        async with asyncio.TaskGroup() as group:
            if self._api is not None:
                published = _Published(self.apply)
                informer = Informer(
                    self._api, _WATCHED, published, clock=self._clock, telemetry=self._telemetry
                )
                group.create_task(informer.run())
            group.create_task(self._recheck())

    async def look(self) -> bool:
        """Read the ConfigMap, and the files of flags, once; False when that must be tried again."""
        if self._api is None:
            self.apply(self._data)
            return True
        try:
            body = await self._api.get(f"{_PATH}/{NAME}")
            data = _DECODER.decode(body).data or {}
        except KubeNotFound:
            self._fails(_MISSING)
            self._looked_up = True
            self.apply(self._data)
            return True
        except (KubeApiError, msgspec.DecodeError) as error:
            forbidden = getattr(error, "http_status", None) == HTTPStatus.FORBIDDEN
            self._fails(_FORBIDDEN if forbidden else str(error))
            self.apply(self._data)
            return False
        if self._looked_up and self._trouble is not None:
            log.info("ConfigMap %s/%s can be read again", NAMESPACE, NAME)
        self._trouble, self._looked_up = None, True
        self.apply(data)
        return True

    def apply(self, data: Mapping[str, str]) -> None:
        """Take *data* of the ConfigMap into force, as far as it can be used."""
        self._data = data
        config, problems = understood(data, self.config, self._overrides)
        for problem in problems:
            if problem not in self._problems:
                log.error("authentication: %s", problem)
        self._problems = problems
        if config == self.config:
            return
        self.config = config
        self.revision += 1
        log.info(
            "authentication changed: %d CAs of clients, %d of the aggregator, whose names are %s",
            _count(config.client_ca),
            _count(config.requestheader_ca),
            ", ".join(config.allowed_names) or "not limited",
        )
        for listener in self._listeners:
            listener(config)

    async def _recheck(self) -> None:
        while True:
            await self._clock.sleep(RECHECK_SECONDS)
            await self.look()

    def _fails(self, why: str) -> None:
        if why != self._trouble:
            log.error("authentication: %s", why)
        self._trouble = why


class _Published:
    """Where the informer puts the one ConfigMap; one that vanished stays in force.

    kube-apiserver writes it again within a minute, and until then nobody should lose access.
    """

    def __init__(self, apply: Callable[[Mapping[str, str]], None]) -> None:
        self.has_synced = False
        self.problem: str | None = None
        self._apply = apply
        self._staged: list[_ConfigMap] = []
        self._held = 0

    def stage(self, objects: Iterable[_ConfigMap], /) -> None:
        self._staged += objects

    def unstage(self) -> None:
        self._staged = []

    def replace(self) -> None:
        self.has_synced = True
        self._held = 0
        for item in self._staged:
            self.upsert(item)
        self._staged = []

    def upsert(self, item: _ConfigMap, /) -> None:
        # a server that ignores field selectors would send others, too
        if item.metadata.name == NAME:
            self._held = 1
            self._apply(item.data or {})

    def remove(self, item: _ConfigMap, /) -> None:
        if item.metadata.name == NAME:
            self._held = 0
            log.warning("authentication: %s", _MISSING)

    def __len__(self) -> int:
        return self._held


def _count(pem: str) -> int:
    return len(certificates_in(pem)) if pem else 0
