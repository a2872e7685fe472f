"""What discovery shows of a group whose resources come and go."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from adapter.apis.base import APIResource

log = logging.getLogger(__name__)

MAX_LISTED = 10_000
"""Resources a version lists. kube-apiserver and every client keep the whole list (2 MB of JSON for
so many), read it again and again, and make little of it: autoscalers do not look into it."""

Listed = TypeVar("Listed")


class Listing(Generic[Listed]):
    """The resources of what a source lists, made again only when it lists something else.

    Args:
        group: Name of the group.
        listed: What there is: the same tuple until it changes.
        describe: Makes a resource of an element.
        without: Shown while there is nothing: clients take an empty list for a broken API.
    """

    def __init__(
        self,
        group: str,
        listed: Callable[[], tuple[Listed, ...]],
        describe: Callable[[Listed], APIResource],
        without: APIResource,
    ) -> None:
        self._group = group
        self._listed = listed
        self._describe = describe
        self._without = without
        self._last: tuple[Listed, ...] | None = None
        self._resources: tuple[APIResource, ...] = ()
        self._cut = False

    def resources(self) -> tuple[APIResource, ...]:
        """The resources, sorted by name: the same tuple until they change.

        Of more than `MAX_LISTED` the first are shown; the others are served all the same.
        """
        listed = self._listed()
        if listed is not self._last:
            self._last = listed
            found = sorted(map(self._describe, listed))
            self._tell(len(found))
            self._resources = tuple(found[:MAX_LISTED]) or (self._without,)
        return self._resources

    def _tell(self, count: int) -> None:
        if (count > MAX_LISTED) is self._cut:
            return
        self._cut = not self._cut
        if self._cut:
            log.warning(
                "%s has %d metrics, of which discovery lists the first %d by name; the others can "
                "be asked for all the same. Narrower seriesQuery patterns make the list shorter",
                self._group,
                count,
                MAX_LISTED,
            )
        else:
            log.info("discovery lists all %d metrics of %s again", count, self._group)
