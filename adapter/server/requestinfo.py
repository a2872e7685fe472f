"""What a request asks for, read off its path as kube-apiserver's RequestInfo does.

The aggregator has already authorized with these very attributes; whoever asks us directly is
authorized with them again, so they must not differ (apiserver ``pkg/endpoints/request``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapter.errors import BadRequest
from adapter.model.fields import parse_field_selector
from adapter.model.identity import Attributes

__all__ = ["Attributes", "attributes_of"]

_PREFIXES = {"api": 2, "apis": 3}
"""How many parts come before the resource; the core group has no name."""

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_PATH_VERBS = frozenset({"proxy", "watch"})
"""Verbs that very old clients put into the path; nothing is served there, but they are read."""

_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
_SIGNED_INTEGER = re.compile(r"[+-]?[0-9]+")


class _Target(NamedTuple):
    namespace: str
    resource: str
    name: str
    subresource: str


def attributes_of(method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """Attributes of a request.

    Args:
        method: HTTP method, in capitals.
        path: Path, percent-decoded, as Go's ``URL.Path``.
        query: Query parameters, the first value of each.

    >>> attributes_of("GET", "/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/*/hits", {})
    ... # doctest: +NORMALIZE_WHITESPACE
    Attributes(verb='get', namespace='ns', group='custom.metrics.k8s.io', version='v1beta2',
    resource='pods', subresource='hits', name='*',
    path='/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/*/hits', is_resource=True)
    >>> attributes_of("GET", "/apis/metrics.k8s.io/v1", {}).is_resource
    False
    """
    parts = path.strip("/").split("/")
    before = _PREFIXES.get(parts[0], 0)
    if not before or len(parts) <= before:
        return Attributes(method.lower(), path=path)
    group = parts[1] if before == _PREFIXES["apis"] else ""
    version, rest = parts[before - 1], parts[before:]
    verb = _VERBS.get(method, "")
    if rest[0] in _PATH_VERBS:
        # Go answers 500 where nothing follows; here that asks for nothing, which nobody may get
        verb, rest = rest[0], rest[1:] or [""]
    target = _target(rest, with_subresource=verb != "proxy")
    name = target.name
    if not name and verb == "get":
        verb = "watch" if _watches(query) else "list"
        name = _selected_name(query)
    if not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(
        verb=verb,
        namespace=target.namespace,
        group=group,
        version=version,
        resource=target.resource,
        subresource=target.subresource,
        name=name,
        path=path,
        is_resource=True,
    )


def _target(rest: Sequence[str], *, with_subresource: bool) -> _Target:
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, subresource = [*rest, "", ""][:3]
    return _Target(namespace, resource, name, subresource if with_subresource else "")


def _watches(query: Mapping[str, str]) -> bool:
    """Whether ``watch`` is on: anything but these two, even without a value, counts as true."""
    return "watch" in query and query["watch"].lower() not in {"false", "0"}


def _selected_name(query: Mapping[str, str]) -> str:
    """The one name a field selector leaves, so that a rule with ``resourceNames`` applies."""
    numbers = (query.get("limit"), query.get("timeoutSeconds"))
    if any(text and not _SIGNED_INTEGER.fullmatch(text) for text in numbers):
        return ""  # Go then forgets all other parameters, too
    try:
        selector = parse_field_selector(query.get("fieldSelector", ""))
    except BadRequest:
        return ""  # the handler will refuse it
    for field, value, negated in selector.requirements:
        if field == "metadata.name" and not negated:
            return value if value not in {".", ".."} and not {"/", "%"} & set(value) else ""
    return ""
