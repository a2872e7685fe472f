"""What a workload's ``scale`` says of it: which pods are its own, and how many there are.

Every workload that an HPA can scale has one, custom resources too, so no kind needs to be known.
"""

from collections import OrderedDict
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from adapter.errors import BadRequest
from adapter.flight import SingleFlight
from adapter.kube.api import KubeApi, KubeApiError
from adapter.kube.mapper import KubeMapper
from adapter.model.labels import Selector, parse_selector
from adapter.model.resources import ResourceInfo
from adapter.periodic import Clock

KEPT_SECONDS = 60.0
"""How long a scale serves. Its selector hardly ever changes: where it can, in a Deployment of the
same name made anew, the HPA follows within this time."""

FAILED_SECONDS = 5.0
"""How long a failure is answered again without a request."""

_COME_AGAIN = {401, 408, 429}

MOST_SCALES = 20_000
"""Scales that are kept at a time; beyond it the one that was not used for longest goes."""


class _NoScale(KubeApiError):
    """kube-apiserver answered, and there is no scale of use."""


class Scale(NamedTuple):
    """``autoscaling/v1`` Scale: its pods' selector, and ``status.replicas``."""

    selector: Selector
    replicas: int


class Scales:
    """Reads scales, and keeps them for a while.

    Args:
        api: Where to ask; its user needs ``get`` on ``<resource>/scale``.
        mapper: What the resource of a kind is called.
        clock: Where time comes from.
    """

    def __init__(self, api: KubeApi, mapper: KubeMapper, *, clock: Clock) -> None:
        self._api = api
        self._mapper = mapper
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str, str, str], _KeptScale] = OrderedDict()

    async def selector(self, namespace: str, api_version: str, kind: str, name: str) -> Selector:
        """Which pods a workload has.

        It hardly ever changes, so while kube-apiserver cannot answer the last one serves on.

        Raises:
            KubeApiError: As `scale`; where it was never read, or the answer is that it is not to
                be had.
        """
        return await self._of((namespace, api_version, kind, name)).selector()

    async def scale(self, namespace: str, api_version: str, kind: str, name: str) -> Scale:
        """The scale of a workload, of at most `KEPT_SECONDS` ago.

        Args:
            namespace: Where it is.
            api_version: Group and version of its kind.
            kind: Its kind.
            name: Its name.

        Raises:
            KubeApiError: It cannot be read, or tells no selector.
        """
        return await self._of((namespace, api_version, kind, name)).scale()

    def _of(self, key: tuple[str, str, str, str]) -> "_KeptScale":
        kept = self._kept.get(key)
        if kept is None:
            while len(self._kept) >= MOST_SCALES:
                self._kept.popitem(last=False)
            kept = self._kept[key] = _KeptScale(self._api, self._mapper, key, clock=self._clock)
        self._kept.move_to_end(key)
        return kept


class _KeptScale:
    def __init__(
        self, api: KubeApi, mapper: KubeMapper, key: tuple[str, str, str, str], *, clock: Clock
    ) -> None:
        self._api = api
        self._mapper = mapper
        self._key = key
        self._clock = clock
        self._flight = SingleFlight(self._fetch)
        self._held: Scale | None = None
        self._selector: Selector | None = None
        self._error: KubeApiError | None = None
        self._until = 0.0

    async def selector(self) -> Selector:
        try:
            return (await self.scale()).selector
        except KubeApiError:
            if self._selector is None:
                raise
            return self._selector

    async def scale(self) -> Scale:
        if self._clock.monotonic() < self._until:
            if self._error is not None:
                raise KubeApiError(str(self._error), self._error.http_status)
            if self._held is not None:
                return self._held
        return await self._flight.run()

    async def _fetch(self) -> Scale:
        started = self._clock.monotonic()
        try:
            scale = await self._read()
        except KubeApiError as error:
            self._held, self._error = None, error
            if not _is_passing(error):
                self._selector = None
            self._until = self._clock.monotonic() + FAILED_SECONDS
            raise
        self._held, self._error = scale, None
        self._selector = scale.selector
        self._until = started + KEPT_SECONDS
        return scale

    async def _read(self) -> Scale:
        namespace, api_version, kind, name = self._key
        info = await self._resource(api_version, kind)
        if name in {"", ".", ".."}:  # the path would be another one
            raise _NoScale(f"no {kind} can be called {name!r}")
        root = "apis" if info.group else "api"
        place = f"/{root}/{info.api_version}/namespaces/{quote(namespace, safe='')}"
        path = f"{place}/{info.resource}/{quote(name, safe='')}/scale"
        what = f"the scale of {info.group_resource} {namespace}/{name}"
        try:
            body = await self._api.get(path)
        except KubeApiError as error:
            raise KubeApiError(_explained(error, info, what), error.http_status) from error
        return _decoded(body, what)

    async def _resource(self, api_version: str, kind: str) -> ResourceInfo:
        group = api_version.rpartition("/")[0]
        info = await self._mapper.resolve(kind, group)
        if info is None or (info.group, info.kind) != (group, kind):
            raise _NoScale(f"kubernetes serves no {kind} of {api_version}")
        return info


class _Status(msgspec.Struct, frozen=True):
    replicas: int = 0
    selector: str = ""


class _Scale(msgspec.Struct, frozen=True):
    status: _Status = _Status()


_SCALE = msgspec.json.Decoder(_Scale)


def _is_passing(error: KubeApiError) -> bool:
    """Whether *error* says nothing about the workload: kube-apiserver cannot answer now."""
    if isinstance(error, _NoScale):
        return False
    status = error.http_status
    return status is None or status in _COME_AGAIN or status >= 500


def _decoded(body: bytes, what: str) -> Scale:
    try:
        status = _SCALE.decode(body).status
        selector = parse_selector(status.selector)
    except (msgspec.DecodeError, BadRequest) as error:
        raise _NoScale(f"{what} is broken: {error}") from None
    if selector.empty:
        # taken for a selector, nothing would mean all pods of the namespace
        raise _NoScale(f"{what} tells no selector, so nobody knows its pods")
    return Scale(selector, status.replicas)


def _explained(error: KubeApiError, info: ResourceInfo, what: str) -> str:
    """Say what to do where the cause is known."""
    match error.http_status:
        case 403:
            resource = info.group_resource
            return (
                f"the service account may not get {info.resource}/scale ({resource}): add it to "
                "the ClusterRole"
            )
        case 404:
            return f"{what} does not exist"
        case _:
            return f"cannot read {what}: {error}"
