"""Which representation a client gets (apiserver ``pkg/endpoints/handlers/negotiation``).

JSON and YAML are served everywhere, protobuf for objects and for errors: kubectl and controllers
ask for it first, mostly with JSON or ``*/*`` as second choice. ``*/*`` alone means JSON.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from adapter.apis.base import Transform
from adapter.errors import NotAcceptable


class MediaType(StrEnum):
    """What can be produced, the default first."""

    JSON = "application/json"
    YAML = "application/yaml"
    PROTOBUF = "application/vnd.kubernetes.protobuf"


TEXTUAL = (MediaType.JSON, MediaType.YAML)
"""What documents about the server itself, such as discovery, can be produced as."""


MAX_ACCEPT = 2048
"""Characters of a header that are looked at: ten times what clients send. The rest would cost
milliseconds before anybody knows who asks."""

_PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # Go's strconv.ParseBool


@dataclass(frozen=True, slots=True)
class Accepted:
    """The representation agreed on."""

    media_type: MediaType = MediaType.JSON
    transform: Transform | None = None
    pretty: bool = False


class _Clause(NamedTuple):
    """One element of an Accept header."""

    media_range: str
    params: Mapping[str, str]
    quality: float

    @property
    def rank(self) -> tuple[float, int]:
        """Sort key: the better quality first, then the more specific."""
        return -self.quality, self.media_range.count("*")


def negotiate(
    accept: str,
    transforms: Collection[Transform] = (),
    offered: Sequence[MediaType] = TEXTUAL,
) -> Accepted:
    """Choose a representation for an ``Accept`` header.

    The first clause that can be satisfied wins. A clause with ``as=`` counts only when its kind is
    one of *transforms*; a table has no protobuf. An empty header gets the first type of *offered*.

    Raises:
        NotAcceptable: Nothing the client accepts can be produced.

    >>> controllers = "application/vnd.kubernetes.protobuf, */*"
    >>> negotiate(controllers).media_type.value
    'application/json'
    >>> negotiate(controllers, offered=tuple(MediaType)).media_type.value
    'application/vnd.kubernetes.protobuf'
    """
    if not accept.strip():
        return Accepted(offered[0])
    for clause in _parse(accept[:MAX_ACCEPT]):
        transform = _transform(clause.params)
        if transform is not None and transform not in transforms:
            continue
        for media_type in offered:
            if not _covers(clause.media_range, media_type):
                continue
            if transform is None or transform.kind != "Table" or media_type in TEXTUAL:
                return Accepted(media_type, transform, clause.params.get("pretty") == "1")
    raise NotAcceptable(f"406: Not Acceptable\n\nAvailable representations: {', '.join(offered)}")


def wants_pretty(query: Mapping[str, str], user_agent: str) -> bool:
    """Whether JSON should be indented: ``?pretty=true``, or a person's client without ``pretty``.

    Clients for people are curl, Wget and browsers, as in kube-apiserver.
    """
    if pretty := query.get("pretty"):
        return pretty in _TRUE
    return user_agent.startswith(_PRETTY_AGENTS)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an ``Accept-Encoding`` header allows gzip."""
    return any(
        clause.media_range == "gzip" and clause.quality > 0
        for clause in _parse(accept_encoding[:MAX_ACCEPT])
    )


@lru_cache(maxsize=256)
def _parse(header: str) -> Sequence[_Clause]:
    clauses = []
    for text in header.split(","):
        media_range, *parts = (part.strip() for part in text.split(";"))
        params = {}
        for part in parts:
            name, _, value = part.partition("=")
            params[name.strip().lower()] = value.strip().strip('"')
        quality = _quality(params.pop("q", "1"))
        if media_range and quality > 0:
            full = "*/*" if media_range == "*" else media_range.lower()
            clauses.append(_Clause(full, params, quality))
    return tuple(sorted(clauses, key=lambda clause: clause.rank))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _covers(media_range: str, media_type: str) -> bool:
    main, _, _ = media_type.partition("/")
    return media_range in {media_type, f"{main}/*", "*/*"}


def _transform(params: Mapping[str, str]) -> Transform | None:
    if kind := params.get("as"):
        return Transform(kind, params.get("g", ""), params.get("v", ""))
    return None
