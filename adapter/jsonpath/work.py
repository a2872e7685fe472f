"""How much an evaluation may do: expressions and documents come from many hands."""

from adapter.jsonpath.errors import ExtractionError

MOST_STEPS = 30_000
"""Steps of one evaluation, about a microsecond each: a value looked at, an expression compared."""


class Work:
    """What is left of the steps of one evaluation.

    Args:
        steps: How many there are.
    """

    __slots__ = ("_left", "_steps")

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self._left = self._steps = steps

    def spend(self, steps: int) -> None:
        """Take *steps* before doing them.

        Raises:
            TooMuchWork: So many are not left.
        """
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork(self._steps)


class TooMuchWork(ExtractionError):
    """An evaluation went over its limit."""

    def __init__(self, steps: int) -> None:
        super().__init__(
            f"takes more than {steps} steps on this document; name the way to the value, "
            "instead of '..', '*' and filters over all of it"
        )
