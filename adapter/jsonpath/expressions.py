"""JSONPath expressions: compiled once, vetted, and evaluated within bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from adapter.jsonpath.errors import ExtractionError
from adapter.jsonpath.explanation import nothing_found
from adapter.jsonpath.selection import Segment
from adapter.jsonpath.work import TooMuchWork, Work


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path.

    Attributes:
        text: The expression as it was written.
        segments: What it consists of, after ``$``.
    """

    text: str
    segments: tuple[Segment, ...]

    def find(self, document: object) -> list[object]:
        """Find all values in *document*, in its order; none is no error.

        Raises:
            ExtractionError: It takes more work than is allowed.
        """
        return self.look(document, Work()).values

    def look(self, document: object, work: Work) -> "Finding":
        """Look for the values in *document*, and remember how far that got.

        Args:
            document: As `read_document` gives it.
            work: What it may cost; shared among evaluations that belong together.

        Raises:
            ExtractionError: It takes more work than is left.
        """
        values = [document]
        try:
            for index, segment in enumerate(self.segments):
                found = segment.select(values, document, work)
                if not found:
                    return Finding(self, [], values, index)
                values = found
        except TooMuchWork as error:
            raise ExtractionError(f"{self.text} {error}") from None
        return Finding(self, values, (), len(self.segments))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a path finds in a document.

    Attributes:
        path: Which path.
        values: What it finds.
        last: If that is nothing: what the segments before the one that found nothing have found.
        done: How many those are.
    """

    path: Path
    values: list[object]
    last: Sequence[object]
    done: int

    @property
    def vacant(self) -> bool:
        """Whether there is nothing because a collection on the way holds no such thing.

        An empty array is such a collection, and one of which nothing passes the filter. A key that
        is not there is something else: nobody knows how many there are.
        """
        if self.values or not self.path.segments[self.done].several:
            return False
        return any(isinstance(value, dict | list) for value in self.last)

    def explain(self) -> str:
        """Say how far it got, where nothing was found or null: keys, never values."""
        if self.values:
            return f"{self.path.text} is null"
        segments = self.path.segments
        reached = "$" + "".join(segment.text for segment in segments[: self.done])
        return f"{self.path.text}: {nothing_found(segments[self.done], reached, self.last)}"


@lru_cache(maxsize=1024)  # half a millisecond; reloads and HPAs bring the same ones again
def compile_path(text: str) -> Path:
    """Compile the JSONPath expression *text*.

    Raises:
        JSONPathError: It is no such expression, or uses what is not supported; with position.

    >>> compile_path("$.queues[?@.name == 'a'].depth").find(
    ...     {"queues": [{"name": "a", "depth": 3}, {"name": "b", "depth": 5}]}
    ... )
    [3]
    """
    # jsonpath-ng costs 5 MB and 25 ms, which a service without such rules need not pay
    from adapter.jsonpath.compiling import segments_of  # noqa: PLC0415

    return Path(text.strip(), segments_of(text))
