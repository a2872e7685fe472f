"""Whether somebody may do something, by asking kube-apiserver (SubjectAccessReview)."""

import hashlib
from typing import Any

import msgspec

from adapter.kube.api import KubeApi, KubeApiError
from adapter.kube.reviewing import Reviews
from adapter.model.identity import Attributes, Decision, UserInfo
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

AT_ONCE = 48
"""Reviews asked for at once: half of the connections to kube-apiserver."""

LONGEST_REASON = 1024
"""Characters of a reason that are kept: it may repeat what the caller chose, who could fill our
memory with it."""


class _Status(msgspec.Struct, frozen=True):
    allowed: bool = False
    denied: bool = False
    reason: str = ""


class _AccessReview(msgspec.Struct, frozen=True):
    status: _Status


_DECODER = msgspec.json.Decoder(_AccessReview)


class AccessReviewer:
    """Asks whether a user may; remembers the answer for a while.

    Args:
        api: Where to ask; its user needs ``create`` on ``subjectaccessreviews``.
        authorized_ttl: Seconds a permission is kept.
        unauthorized_ttl: Seconds a refusal is kept.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        api: KubeApi,
        *,
        authorized_ttl: float,
        unauthorized_ttl: float,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._reviews: Reviews[Decision] = Reviews(
            api,
            kind="SubjectAccessReview",
            path=PATH,
            seconds=lambda found: authorized_ttl if found.allowed else unauthorized_ttl,
            at_once=AT_ONCE,
            clock=clock,
            telemetry=telemetry,
        )

    async def review(self, user: UserInfo, attributes: Attributes) -> Decision:
        """Whether *user* may do what *attributes* say.

        Raises:
            KubeApiError: kube-apiserver could not be asked: nobody knows, so nobody may.
        """
        # the question itself, but for its length: the caller chooses that
        body = _body(review_spec(user, attributes))
        return await self._reviews.outcome(hashlib.sha256(body).digest(), lambda: body, _read)


def review_spec(user: UserInfo, attributes: Attributes) -> dict[str, Any]:
    """``spec`` of the review, without what is empty, as Go writes it.

    >>> review_spec(UserInfo("ann"), Attributes("get", path="/metrics"))
    {'nonResourceAttributes': {'path': '/metrics', 'verb': 'get'}, 'user': 'ann'}
    """
    wanted: dict[str, Any]
    if attributes.is_resource:
        fields = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
        values = {field: getattr(attributes, field) for field in fields}
        wanted = {"resourceAttributes": {key: value for key, value in values.items() if value}}
    else:
        wanted = {"nonResourceAttributes": {"path": attributes.path, "verb": attributes.verb}}
    about = {"user": user.name, "groups": user.groups, "extra": user.extra, "uid": user.uid}
    return wanted | {key: value for key, value in about.items() if value}


def _body(spec: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": spec,
        },
        order="sorted",  # the same bytes for the same question
    )


def _read(answer: bytes) -> Decision:
    try:
        status = _DECODER.decode(answer).status
    except msgspec.DecodeError as error:
        raise KubeApiError(f"kube-apiserver's answer is no SubjectAccessReview: {error}") from None
    reason = status.reason
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]}…"
    return Decision(status.allowed and not status.denied, reason)
