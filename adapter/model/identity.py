"""Who asks, and for what: the two halves of every authorization.

The words are kube-apiserver's (``k8s.io/apiserver/pkg/authentication/user`` and
``pkg/authorization/authorizer``).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

MASTERS = "system:masters"
"""Group whose members may do everything, without anybody being asked."""

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS_NAME = "system:anonymous"

NO_EXTRA: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class UserInfo(NamedTuple):
    """A user, as established by authentication; there is no proof in it, only the outcome."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = NO_EXTRA

    def authenticated(self) -> "UserInfo":
        """This user in the group that everyone who was authenticated is in.

        Somebody a proxy says is anonymous stays so (apiserver ``AuthenticatedGroupAdder``).

        >>> UserInfo("ann", groups=("dev",)).authenticated().groups
        ('dev', 'system:authenticated')
        """
        if self.name == ANONYMOUS_NAME or not {AUTHENTICATED, UNAUTHENTICATED}.isdisjoint(
            self.groups
        ):
            return self
        return self._replace(groups=(*self.groups, AUTHENTICATED))


ANONYMOUS = UserInfo(ANONYMOUS_NAME, groups=(UNAUTHENTICATED,))
"""Whoever shows nothing."""


class Attributes(NamedTuple):
    """What a request asks for, as SubjectAccessReview puts it.

    Attributes:
        verb: ``get``, ``list``, ``watch``, ``create`` …; the method in lower case where
            *is_resource* is False.
        namespace: "" at the cluster scope.
        group: API group, "" for the core one.
        version: API version.
        resource: Plural name, as the path has it: ``deployments.apps`` is not taken apart.
        subresource: "" for none.
        name: "" for a collection.
        path: Path of the request, decoded.
        is_resource: Whether the path is one of an API group's version; if not, only *verb* and
            *path* count.
    """

    verb: str
    namespace: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    path: str = ""
    is_resource: bool = False


class Decision(NamedTuple):
    """Whether it is allowed, and what the authorizer said about it ("" for nothing)."""

    allowed: bool
    reason: str = ""
