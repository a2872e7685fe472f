"""Kubernetes' discovery documents, aggregated ones and those from before Kubernetes 1.27.

A group version whose resources the documents do not tell has None here: its server is away, and
what was known of it stays true (KEP-3352 calls it ``Stale``).
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from adapter.model.resources import GroupVersion, ResourceInfo

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"

DISCOVERY_ACCEPT = ",".join(
    [*(_AGGREGATED.format(version=version) for version in ("v2", "v2beta1")), "application/json"]
)
"""Media types of ``/api`` and ``/apis``, the best first."""

OWN_GROUPS = frozenset({"custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Groups whose resources are metrics, not kinds of objects."""

METRICS_GROUPS = OWN_GROUPS | {"metrics.k8s.io"}
"""Groups that this process serves, or a peer of it."""

Versions = Mapping[GroupVersion, Sequence[ResourceInfo] | None]
"""Resources by group version, in order of preference; None where the document does not tell."""


class _Kind(msgspec.Struct, frozen=True, gc=False):
    kind: str = ""


class _Resource(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource: str
    scope: str = ""
    singular_resource: str = ""
    response_kind: _Kind | None = None


class _Version(msgspec.Struct, frozen=True, gc=False):
    version: str
    resources: tuple[_Resource, ...] | None = None
    freshness: str = ""


class _Name(msgspec.Struct, frozen=True, gc=False):
    name: str = ""


class _Item(msgspec.Struct, frozen=True, gc=False):
    metadata: _Name = _Name()
    versions: tuple[_Version, ...] | None = None


class _GroupVersion(msgspec.Struct, frozen=True, gc=False):
    version: str


class _Group(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str
    versions: tuple[_GroupVersion, ...] | None = None
    preferred_version: _GroupVersion | None = None


class _Index(msgspec.Struct, frozen=True, gc=False):
    """``APIGroupDiscoveryList``, ``APIGroupList`` or ``APIVersions``, by *kind*."""

    kind: str = ""
    items: tuple[_Item, ...] | None = None
    groups: tuple[_Group, ...] | None = None
    versions: tuple[str, ...] | None = None


class _LegacyResource(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str
    kind: str = ""
    singular_name: str = ""
    namespaced: bool = False


class _ResourceList(msgspec.Struct, frozen=True, gc=False):
    resources: tuple[_LegacyResource, ...] | None = None


_INDEX = msgspec.json.Decoder(_Index)
_RESOURCES = msgspec.json.Decoder(_ResourceList)


class Index:
    """What ``/api`` or ``/apis`` says.

    Args:
        body: The document.

    Raises:
        msgspec.DecodeError: It is not one of discovery's.
    """

    def __init__(self, body: bytes) -> None:
        index = _INDEX.decode(body)
        self.aggregated = index.kind == "APIGroupDiscoveryList"
        """Whether it tells the resources; otherwise each version has a document of its own."""
        self.versions: Versions
        if self.aggregated:
            self.versions = _aggregated(index.items or ())
        elif index.kind == "APIGroupList":
            self.versions = dict.fromkeys(_served(index.groups or ()))
        elif index.kind == "APIVersions":
            self.versions = dict.fromkeys(GroupVersion("", each) for each in index.versions or ())
        else:
            raise msgspec.ValidationError(f"no discovery document but {index.kind or 'no kind'!r}")


def parse_resource_list(served: GroupVersion, body: bytes) -> Sequence[ResourceInfo]:
    """Resources of an ``APIResourceList``, without sub-resources.

    Raises:
        msgspec.DecodeError: *body* is no such list.
    """
    return [
        _info(served, each.name, each.singular_name, each.kind, namespaced=each.namespaced)
        for each in _RESOURCES.decode(body).resources or ()
        if each.kind and "/" not in each.name
    ]


def _aggregated(items: Iterable[_Item]) -> Versions:
    found: dict[GroupVersion, Sequence[ResourceInfo] | None] = {}
    for item in items:
        group = item.metadata.name
        if group in OWN_GROUPS:
            continue
        for version in item.versions or ():
            served = GroupVersion(group, version.version)
            found[served] = None if version.freshness == "Stale" else _current(served, version)
    return found


def _current(served: GroupVersion, version: _Version) -> Sequence[ResourceInfo]:
    return [
        _info(
            served,
            each.resource,
            each.singular_resource,
            each.response_kind.kind,
            namespaced=each.scope == "Namespaced",
        )
        for each in version.resources or ()
        # without a kind there are only sub-resources
        if each.response_kind is not None and each.response_kind.kind
    ]


def _served(groups: Iterable[_Group]) -> Iterable[GroupVersion]:
    for group in groups:
        if group.name in OWN_GROUPS:
            continue
        versions = [each.version for each in group.versions or ()]
        if group.preferred_version is not None:
            versions.insert(0, group.preferred_version.version)
        yield from (GroupVersion(group.name, version) for version in dict.fromkeys(versions))


def _info(
    served: GroupVersion, resource: str, singular: str, kind: str, *, namespaced: bool
) -> ResourceInfo:
    # servers that give no singular mean the kind (client-go, restmapper/discovery.go)
    name = singular or kind.lower()
    return ResourceInfo(served.group, served.version, resource, name, kind, namespaced)
