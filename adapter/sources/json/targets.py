"""Documents that are fetched now, each once however many metrics are in it.

A document is read as it arrives and thrown away: what stays are the readings of the metrics that
want it, so that memory does not grow with what applications publish.
"""

import asyncio
import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from adapter.errors import SourceError
from adapter.flight import SingleFlight
from adapter.jsonpath.documents import read_document
from adapter.jsonpath.errors import DocumentError, ExtractionError, NothingFound
from adapter.rules.json_metric import Access
from adapter.sources.json.client import Fetched
from adapter.sources.json.turns import Turns

LARGE_BYTES = 64 * 1024
"""Size from which a document is read in a thread, where it cannot stop the loop."""

MOST_CONFIRMED = 4
"""How often in a row a server is believed that its document is as it was. Many make an ETag of the
size and a time in seconds: what was written twice within one second is then never told."""

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Extracts(Protocol[R_co]):
    """Takes something out of a document (`adapter.jsonpath.extraction`)."""

    def read(self, document: object) -> R_co:
        """What it is; raises `ExtractionError`."""


class Metric(Protocol[R_co]):
    """A metric that is read from documents (`adapter.rules.json_metric`); hashed by identity."""

    @property
    def id(self) -> str:
        """The rule, or the HPA."""

    @property
    def access(self) -> Access:
        """How documents are fetched."""

    @property
    def interval(self) -> float:
        """Seconds between fetches."""

    @property
    def extraction(self) -> Extracts[R_co]:
        """What is taken out of a document."""


class Fetches(Protocol):
    """What fetches a document (`adapter.sources.json.client.JsonClient`)."""

    async def fetch(self, url: str, access: Access, last: Fetched | None) -> Fetched:
        """The document at *url*, or word that it is still *last*; raises `SourceError`."""


@dataclass(frozen=True, slots=True)
class Taken(Generic[R]):
    """What a metric has of a document that was there *at*, in Unix seconds; or why it has none."""

    outcome: R | ExtractionError
    at: float


class Target(Generic[R]):
    """One document.

    Args:
        owner: Whose it is; see `adapter.sources.json.pool.TargetPool.subscribe`.
        url: Where it is.
        access: How it is fetched.
        client: Who fetches it.
        turns: Bounds the fetches under way at once.

    Attributes:
        error: Why the last fetch failed, or None. What was taken before stays: it has its time.
        due: When it is to be fetched next, on the monotonic clock.
        begun: Whether a fetch began since a metric was added.
        spread: Whether its fetches have a moment of their own in the period.
    """

    def __init__(
        self, owner: Hashable, url: str, access: Access, client: Fetches, turns: Turns
    ) -> None:
        self.owner = owner
        self.url = url
        self.access = access
        self.error: SourceError | None = None
        self.due = 0.0
        self.begun = False
        self.spread = False
        self._client = client
        self._turns = turns
        self._taken: dict[Metric[R], Taken[R] | None] = {}
        self._last: Fetched | None = None
        self._confirmed = 0
        self._misleads = False
        # the schedule wants the fetch whoever waits for it
        self._flight = SingleFlight(self._fetch, unwatched=True)

    @property
    def interval(self) -> float:
        """Seconds between fetches: those of the metric that wants the most."""
        return min(metric.interval for metric in self._taken)

    @property
    def wanted(self) -> bool:
        """Whether any metric wants it."""
        return bool(self._taken)

    def add(self, metric: Metric[R]) -> None:
        """Take *metric* from the next fetch on."""
        self._taken.setdefault(metric, None)

    def remove(self, metric: Metric[R]) -> None:
        """Take *metric* no more."""
        self._taken.pop(metric, None)

    def taken(self, metric: Metric[R]) -> Taken[R] | None:
        """What *metric* has; None where no fetch for it succeeded yet."""
        return self._taken.get(metric)

    def is_cold(self, metric: Metric[R]) -> bool:
        """Whether nothing is known of *metric*, not even a failure."""
        return self.taken(metric) is None and self.error is None

    def begin(self) -> None:
        """Begin a fetch, unless one is under way."""
        self.begun = True
        self._flight.begin()

    async def fetch(self) -> None:
        """Wait for the fetch that is under way, or for a new one.

        Raises:
            SourceError: It failed.
        """
        self.begun = True
        await self._flight.run()

    async def close(self) -> None:
        """End a fetch that is under way."""
        await self._flight.close()

    async def _fetch(self) -> None:
        owner = next((metric.id for metric in self._taken), "")
        async with self._turns.of(owner, failing=self.error is not None):
            try:
                await self._read()
                while None in self._taken.values():
                    await self._read()  # for metrics that came too late
            except SourceError as error:
                self.error = copy.copy(error)  # without a traceback, which holds what was read
                raise

    async def _read(self) -> None:
        fetched = await self._client.fetch(self.url, self.access, self._known())
        metrics = tuple(self._taken)  # some may have come meanwhile
        try:
            outcomes = await _outcomes(fetched.body, metrics)
        except DocumentError as error:
            raise SourceError(f"the answer is no usable JSON: {error}") from None
        self._take(metrics, outcomes, fetched)

    def _known(self) -> Fetched | None:
        """What was fetched last, where it is enough to hear that it is as it was."""
        believed = self._confirmed < MOST_CONFIRMED and not self._misleads
        return self._last if believed and None not in self._taken.values() else None

    def _take(
        self,
        metrics: Sequence[Metric[R]],
        outcomes: Sequence[R | ExtractionError] | None,
        fetched: Fetched,
    ) -> None:
        same = self._last is not None and _version(self._last) == _version(fetched)
        self._confirmed = self._confirmed + 1 if outcomes is None else 0
        for number, metric in enumerate(metrics):
            before = self._taken.get(metric)
            if metric not in self._taken:
                continue  # nobody wants it any more
            if outcomes is not None:
                self._taken[metric] = Taken(outcomes[number], fetched.at)
                if same and before is not None and before.outcome != outcomes[number]:
                    self._misleads = True  # two documents go by the same name
            elif before is not None:
                self._taken[metric] = replace(before, at=fetched.at)
        self.error = None
        self._last = replace(fetched, body=None)


def _version(fetched: Fetched) -> tuple[str, str]:
    return fetched.etag, fetched.last_modified


async def _outcomes(
    body: bytes | None, metrics: Sequence[Metric[R]]
) -> Sequence[R | ExtractionError] | None:
    """What each of *metrics* has of a document; None when it is the one they have.

    Raises:
        DocumentError: It is none.
    """
    if body is None:
        return None
    if len(body) < LARGE_BYTES:
        return _read(body, metrics)
    return await asyncio.to_thread(_read, body, metrics)


def _read(body: bytes, metrics: Sequence[Metric[R]]) -> Sequence[R | ExtractionError]:
    document = read_document(body)
    return [_outcome(metric, document) for metric in metrics]


def _outcome(metric: Metric[R], document: object) -> R | ExtractionError:
    try:
        return metric.extraction.read(document)
    except ExtractionError as error:
        kind = NothingFound if isinstance(error, NothingFound) else ExtractionError
        return kind(str(error))  # without a traceback, which would hold the document
