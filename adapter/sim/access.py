"""Authorization of the stand-in kube-apiserver, and the reviews others ask it for."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from adapter.errors import AdapterError, BadRequest, Forbidden
from adapter.periodic import Clock, SystemClock
from adapter.sim.identity import USER, Identities, Policy, User

_NAMESPACED_PARTS = 2


class UnsupportedMediaType(AdapterError):
    """The body is in a format the stand-in does not read."""

    code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    reason = "UnsupportedMediaType"


@dataclass(kw_only=True)
class ReviewFaults:
    """What can go wrong with the reviews others ask for, switched on and off while it runs."""

    tokens_down: bool = False
    """Each TokenReview fails with 500."""
    access_down: bool = False
    """Each SubjectAccessReview fails with 500."""
    slow: float = 0.0
    """Seconds, by the cluster's clock, before any review is answered."""
    garbage: bool = False
    """Answers are JSON, and no review."""


class Access:
    """Decides by a policy, and records every review it was asked for.

    Args:
        identities: Who has which token.
        policy: Decides; tests replace it.
        clock: Time of the cluster.

    Attributes:
        faults: Switched by tests.
        reason: What the answer to a refused SubjectAccessReview gives as reason; RBAC gives none.
    """

    def __init__(self, identities: Identities, policy: Policy, clock: Clock | None = None) -> None:
        self.policy = policy
        self.faults = ReviewFaults()
        self.reason = "the policy says no"
        self._clock = clock or SystemClock()
        self.token_reviews: list[Mapping[str, Any]] = []
        self.access_reviews: list[Mapping[str, Any]] = []
        self._identities = identities

    def check(self, user: User, request: web.Request) -> None:
        """Raise `Forbidden` unless *user* may do what *request* asks."""
        attributes = request_attributes(request.method, request.path, "watch" in request.query)
        if not self.policy({"user": user.name, "groups": list(user.groups), **attributes}):
            raise _forbidden(user, attributes)

    async def review_token(self, request: web.Request) -> web.Response:
        """Serve ``POST /apis/authentication.k8s.io/v1/tokenreviews``."""
        review = await _decode(request, "TokenReview")
        spec = review["spec"]
        self.token_reviews.append(spec)
        await self._misbehave(down=self.faults.tokens_down)
        user = self._identities.lookup(spec.get("token", ""))
        status: dict[str, Any] = {"user": {}, "error": "token is unknown, expired or revoked"}
        if user is not None:
            status = {"authenticated": True, "user": _user_info(user)}
            if "audiences" in spec:
                status["audiences"] = spec["audiences"]
        return _created({**review, "status": status} if not self.faults.garbage else {})

    async def review_access(self, request: web.Request) -> web.Response:
        """Serve ``POST /apis/authorization.k8s.io/v1/subjectaccessreviews``."""
        review = await _decode(request, "SubjectAccessReview")
        self.access_reviews.append(review["spec"])
        await self._misbehave(down=self.faults.access_down)
        allowed = self.policy(review["spec"])
        status: dict[str, Any] = {"allowed": allowed}
        if not allowed and self.reason:
            status["reason"] = self.reason
        return _created({**review, "status": status} if not self.faults.garbage else {})

    async def review_own_access(self, request: web.Request) -> web.Response:
        """Serve ``POST .../selfsubjectaccessreviews``: what ``kubectl auth can-i`` asks."""
        review = await _decode(request, "SelfSubjectAccessReview")
        user = request[USER]
        spec = {"user": user.name, "groups": list(user.groups), **review["spec"]}
        return _created({**review, "status": {"allowed": self.policy(spec)}})

    async def _misbehave(self, *, down: bool) -> None:
        if self.faults.slow:
            await self._clock.sleep(self.faults.slow)
        if down:
            raise AdapterError("Internal error occurred: etcdserver: leader changed")


def request_attributes(method: str, path: str, watch: bool) -> dict[str, Any]:  # noqa: FBT001 - read from the query
    """Describe a request as SubjectAccessReview does (apiserver ``endpoints/request``).

    >>> request_attributes("GET", "/apis/metrics.k8s.io/v1/namespaces/a/pods/b", False)
    ... # doctest: +NORMALIZE_WHITESPACE
    {'resourceAttributes': {'verb': 'get', 'group': 'metrics.k8s.io', 'version': 'v1',
    'resource': 'pods', 'subresource': '', 'namespace': 'a', 'name': 'b'}}
    >>> request_attributes("GET", "/apis/metrics.k8s.io", False)
    {'nonResourceAttributes': {'verb': 'get', 'path': '/apis/metrics.k8s.io'}}
    """
    parts = path.strip("/").split("/")
    skip = {"api": 2, "apis": 3}.get(parts[0], 0)
    if not skip or len(parts) <= skip:
        return {"nonResourceAttributes": {"verb": method.lower(), "path": path}}
    group, version = ("", parts[1]) if skip == _NAMESPACED_PARTS else (parts[1], parts[2])
    rest = parts[skip:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > _NAMESPACED_PARTS:
        namespace, rest = rest[1], rest[2:]
    elif rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
    resource, name, subresource = [*rest, "", "", ""][:3]
    return {
        "resourceAttributes": {
            "verb": _verb(method, name, watch=watch),
            "group": group,
            "version": version,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
    }


def _verb(method: str, name: str, *, watch: bool) -> str:
    if method in ("GET", "HEAD"):
        return "get" if name else "watch" if watch else "list"
    verbs = {"POST": "create", "PUT": "update", "PATCH": "patch"}
    return verbs.get(method, "delete" if name else "deletecollection")


def _forbidden(user: User, attributes: Mapping[str, Any]) -> Forbidden:
    resource = attributes.get("resourceAttributes")
    if resource is None:
        wanted = attributes["nonResourceAttributes"]
        return Forbidden(
            f'forbidden: User "{user.name}" cannot {wanted["verb"]} path "{wanted["path"]}"'
        )
    group = resource["group"]
    qualified = f"{resource['resource']}.{group}" if group else resource["resource"]
    subject = f'{qualified} "{resource["name"]}"' if resource["name"] else qualified
    place = f'in the namespace "{resource["namespace"]}"'
    return Forbidden(
        f'{subject} is forbidden: User "{user.name}" cannot {resource["verb"]} resource '
        f'"{resource["resource"]}" in API group "{group}" '
        f"{place if resource['namespace'] else 'at the cluster scope'}",
        name=resource["name"],
        group=group,
        kind=resource["resource"],
    )


async def _decode(request: web.Request, kind: str) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise UnsupportedMediaType(
            f"cannot read a {kind} sent as {request.content_type}: use application/json"
        )
    try:
        review = msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        raise BadRequest(f"cannot read the {kind} as JSON: {error}") from error
    if not isinstance(review, dict) or not isinstance(review.get("spec"), dict):
        raise BadRequest(f"a {kind} needs a spec")
    return {"metadata": {}, **review, "kind": kind}


def _user_info(user: User) -> dict[str, Any]:
    info: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def _created(review: Mapping[str, Any]) -> web.Response:
    return web.Response(
        status=201, body=msgspec.json.encode(review), content_type="application/json"
    )
