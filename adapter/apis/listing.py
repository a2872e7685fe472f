"""What discovery shows of a group whose resources come and go."""

from collections.abc import Callable
from typing import Generic, TypeVar

from adapter.apis.base import APIResource

Listed = TypeVar("Listed")


class Listing(Generic[Listed]):
    """The resources of what a source lists, made again only when it lists something else.

    Args:
        listed: What there is: the same tuple until it changes.
        describe: Makes a resource of an element.
        without: Shown while there is nothing: clients take an empty list for a broken API.
    """

    def __init__(
        self,
        listed: Callable[[], tuple[Listed, ...]],
        describe: Callable[[Listed], APIResource],
        without: APIResource,
    ) -> None:
        self._listed = listed
        self._describe = describe
        self._without = without
        self._last: tuple[Listed, ...] | None = None
        self._resources: tuple[APIResource, ...] = ()

    def resources(self) -> tuple[APIResource, ...]:
        """The resources, sorted by name: the same tuple until they change."""
        listed = self._listed()
        if listed is not self._last:
            self._last = listed
            self._resources = tuple(sorted(map(self._describe, listed))) or (self._without,)
        return self._resources
