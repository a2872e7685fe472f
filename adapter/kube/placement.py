"""Where a pod is and in which phase: asked of kube-apiserver only to explain a missing pod."""

import asyncio
import logging
import re
from typing import NamedTuple

import msgspec

from adapter.kube.api import KubeApi, KubeApiError, KubeNotFound
from adapter.model.resources import PodKey

log = logging.getLogger(__name__)

PLACEMENT_SECONDS = 2.0
"""How long an explanation may delay an answer that is an error anyway."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class PodPlacement(NamedTuple):
    """A pod's ``status.phase`` and ``spec.nodeName``; "" where kube-apiserver gave none."""

    phase: str
    node: str


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""


class _Status(msgspec.Struct, frozen=True):
    phase: str = ""


class _Pod(msgspec.Struct, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


_POD = msgspec.json.Decoder(_Pod)


class PlacementReader:
    """Reads one pod at a time.

    Args:
        api: Where to ask.
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._failing = False

    async def placement(self, key: PodKey) -> PodPlacement | None:
        """Phase and node of pod *key*; None when there is no such pod or no answer in time."""
        # what is no name cannot exist, and must not become part of a path
        if not (_NAME.fullmatch(key.namespace) and _NAME.fullmatch(key.name)):
            return None
        try:
            async with asyncio.timeout(PLACEMENT_SECONDS):
                body = await self._api.get(f"/api/v1/namespaces/{key.namespace}/pods/{key.name}")
            pod = _POD.decode(body)
        except KubeNotFound:
            self._failing = False
            return None
        except (KubeApiError, TimeoutError, msgspec.DecodeError) as error:
            if not self._failing:
                log.warning(
                    "missing pods cannot be explained: %s", str(error) or "no answer in time"
                )
            self._failing = True
            return None
        self._failing = False
        return PodPlacement(pod.status.phase, pod.spec.node_name)
