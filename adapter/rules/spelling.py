"""Which known word somebody meant by one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 80
"""Letters that are looked at; comparing takes the square of them."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *word* is like, capital letters or not; None where none is.

    >>> nearest("HTTPS", ["http", "https"]), nearest("sun", ["avg", "sum"]), nearest("x", ["sum"])
    ('https', 'sum', None)
    """
    by_small = {each.lower(): each for each in known}
    close = get_close_matches(word[:_LONGEST].lower(), by_small, n=1)
    return by_small[close[0]] if close else None
