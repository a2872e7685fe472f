"""The Prometheus servers that rules may name, each with a limit of requests and a breaker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from adapter.errors import SourceError, SourceTimeout
from adapter.periodic import Clock
from adapter.rules.backends import DEFAULT_BACKEND
from adapter.sources.prometheus.breaker import Breaker
from adapter.sources.prometheus.client import PrometheusClient, Vector
from adapter.telemetry import Telemetry

T = TypeVar("T")

_LEAST_SECONDS = 0.001
"""Left for a request that got its turn at the last moment; zero would mean no limit."""


class Backend:
    """One Prometheus, asked by many at once.

    A request waits for its turn where as many are under way as the options allow; that wait counts
    against its timeout. When the server cannot be reached, requests fail at once for a while.

    Args:
        client: Asks it; closed by `close`.
        clock: Where time comes from.
        telemetry: Own metrics.

    Attributes:
        name: What rules call it.
        client: As given.
    """

    def __init__(self, client: PrometheusClient, *, clock: Clock, telemetry: Telemetry) -> None:
        self.client = client
        self.name = client.options.name or DEFAULT_BACKEND
        self._prefix = client.options.wording.prefix
        self._timeout = client.options.timeout
        self._concurrency = client.options.concurrency
        self._turns = asyncio.Semaphore(self._concurrency)
        up = telemetry.backend_up.labels(self.name)
        up.set(1)
        self._breaker = Breaker(clock, up.set)

    @property
    def error(self) -> SourceError | None:
        """Why requests fail at once, or None."""
        return self._breaker.error

    async def query(self, promql: str, *, at: float | None = None, scalar: bool = False) -> Vector:
        """Evaluate an instant query.

        Args:
            promql: The query.
            at: Unix seconds to evaluate it at; None leaves that to Prometheus.
            scalar: A scalar is an answer, too: one sample without labels.

        Raises:
            SourceError: It could not be reached, refused, or gave no vector; `SourceTimeout` if it
                was slow, or had too much to do.
        """
        return await self._ask(
            lambda seconds: self.client.query_vector(promql, at=at, scalar=scalar, seconds=seconds)
        )

    async def label_names(self, selector: str, start: float) -> list[str]:
        """Labels that any series has which *selector* selects.

        Args:
            selector: A series selector.
            start: Unix seconds; series that ended before need not count.

        Raises:
            SourceError: As for `query`.
        """
        return await self._ask(lambda _: self.client.bridge.label_names(selector, start))

    async def label_values(self, label: str, selector: str, start: float) -> list[str]:
        """Values that *label* has on the series which *selector* selects, as `label_names`.

        Raises:
            SourceError: As for `query`.
        """
        return await self._ask(lambda _: self.client.bridge.label_values(label, selector, start))

    async def close(self) -> None:
        """Close all connections."""
        await self.end_trial()
        await self.client.close()

    async def end_trial(self) -> None:
        """End a request that goes on though nobody waits for it."""
        await self._breaker.close()

    async def _ask(self, ask: Callable[[float], Awaitable[T]]) -> T:
        """Wait for a turn and send a request by *ask*, which is given the seconds that are left."""
        self._breaker.check()
        waited = await self._wait()
        left = max(_LEAST_SECONDS, self._timeout - waited)
        try:
            return await self._breaker.run(lambda: ask(left))
        except SourceTimeout as error:
            if not waited:
                raise
            text = f"{error}, after {waited:.3g} s of waiting for one of {self._concurrency} turns"
            raise SourceTimeout(text) from error.__cause__
        finally:
            self._turns.release()

    async def _wait(self) -> float:
        """Wait for a turn; gives the seconds that took."""
        if not self._turns.locked():
            await self._turns.acquire()
            return 0.0
        now = asyncio.get_running_loop().time
        started = now()
        try:
            async with asyncio.timeout(self._timeout):
                await self._turns.acquire()
        except TimeoutError:
            text = (
                f"{self._prefix}no turn to ask prometheus within {self._timeout:.3g} s: as many "
                f"requests as are allowed at once ({self._concurrency}) are under way"
            )
            raise SourceTimeout(text) from None
        return now() - started


class Backends:
    """All of them by name.

    Args:
        default: The server of the command line, if there is one.
        named: Those of the rule file.
    """

    def __init__(self, default: Backend | None, named: Mapping[str, Backend]) -> None:
        self._default = default
        self._named = tuple(named.values())
        self._backends = dict(named)
        if default is not None:
            self._backends.setdefault(DEFAULT_BACKEND, default)

    def get(self, name: str) -> Backend:
        """The server that a rule names; "" is the default one.

        Raises:
            SourceError: There is none.
        """
        backend = self._backends.get(name or DEFAULT_BACKEND)
        if backend is not None:
            return backend
        if name in {"", DEFAULT_BACKEND}:
            raise SourceError(
                "no prometheus is given: add --prometheus-url, or let the rule name one of backends"
            )
        known = ", ".join(sorted(self._backends)) or "none"
        raise SourceError(f"backend {name} is not in backends of the rule file (known: {known})")

    def all(self) -> tuple[Backend, ...]:
        """All of them."""
        return tuple(self._backends.values())

    async def close(self) -> None:
        """Close all connections of those of the rule file; the default one outlives the file."""
        for backend in self._named:
            await backend.close()
        if self._default is not None:
            await self._default.end_trial()
