"""What the query of a request may say, for all groups."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from adapter.errors import MethodNotAllowed
from adapter.model.resources import GroupResource

IGNORED = frozenset(
    {
        "allowWatchBookmarks",
        "continue",
        "limit",
        "pretty",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "timeout",
        "timeoutSeconds",
        "watch",
    }
)
"""Parameters that change nothing in what is answered: a list is always whole and current."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
"""Names that are worth repeating: what a person could have meant."""

_MOST_NAMED = 5
"""Names in a warning, which is a header: many clients refuse one that is over 8 KB."""


def refuse_watch(query: Mapping[str, str], resource: GroupResource) -> None:
    """Refuse to watch *resource*.

    Raises:
        MethodNotAllowed: It asks to watch.
    """
    # apimachinery: the parameter is on unless its value is "false" or "0"
    if query.get("watch", "false").lower() not in {"false", "0"}:
        raise MethodNotAllowed(
            f'watch is not supported on resources of kind "{resource}"',
            group=resource.group,
            kind=resource.resource,
        )


def unknown_parameters(query: Mapping[str, str], known: Iterable[str]) -> str | None:
    """A warning that names parameters nobody reads, such as ``selector``; None without any.

    Args:
        query: The parameters given.
        known: Those that are read, in the order they are named to the person.
    """
    known = tuple(known)
    unread = sorted(set(query) - set(known) - IGNORED)
    named = list(islice((f'"{name}"' for name in unread if _NAME.fullmatch(name)), _MOST_NAMED))
    if not named:
        return None
    others = len(unread) - len(named)
    names = ", ".join(named) + (f" and {others} more" if others else "")
    return f"unknown query parameter {names} ignored: selectors are {', '.join(known)}"


def join_warnings(*texts: str | None) -> str | None:
    """The texts there are as one; None without any."""
    return "; ".join(text for text in texts if text) or None
