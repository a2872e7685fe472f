"""What is left in the audit of what a client made long."""

from collections.abc import Mapping
from typing import Any

from adapter.model.identity import UserInfo

MAX_URI = 8192
"""Characters that are left of a URI."""

_MAX_TEXT = 1024
"""Characters that are left of anything else. One may take six bytes, so a line some 100 KB."""

_MAX_GROUPS = 200
"""Groups of a user, and extra fields, that are left."""

_TRUNCATED = "...TRUNCATED"


def cut_user(user: UserInfo | None) -> UserInfo | None:
    """*user* with short texts, and not with more groups and values than that many people have."""
    if user is None:
        return None
    extra = {cut(key): tuple(map(cut, values[:_MAX_GROUPS])) for key, values in user.extra.items()}
    return user._replace(
        name=cut(user.name),
        uid=cut(user.uid),
        groups=tuple(map(cut, user.groups[:_MAX_GROUPS])),
        extra=dict(list(extra.items())[:_MAX_GROUPS]),
    )


def cut(text: str, limit: int = _MAX_TEXT) -> str:
    """*text*, or its first *limit* characters and apiserver's word for that."""
    return text if len(text) <= limit else text[:limit] + _TRUNCATED


def cut_all(value: Any) -> Any:
    """*value*, as of JSON, with its texts cut."""
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, Mapping):
        return {name: cut_all(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [cut_all(each) for each in value]
    return value
