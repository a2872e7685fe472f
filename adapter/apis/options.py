"""What the query of a request may say, for all groups."""

import re
from collections.abc import Iterable, Mapping

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
    named = [f'"{name}"' for name in unread if _NAME.fullmatch(name)]
    if not named:
        return None
    return f"unknown query parameter {', '.join(named)} ignored: selectors are {', '.join(known)}"


def join_warnings(*texts: str | None) -> str | None:
    """The texts there are as one; None without any."""
    return "; ".join(text for text in texts if text) or None
