"""``/healthz``, ``/livez`` and ``/readyz``: named checks, answered from memory.

Names, order and texts are metrics-server's, except that a failed check says why.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from aiohttp import web

from adapter.apis.base import HTTPHandler
from adapter.server.responses import text

ENDPOINTS = ("healthz", "livez", "readyz")


@dataclass(frozen=True, slots=True)
class Check:
    """A named check.

    Attributes:
        name: As in ``/readyz/<name>``.
        probe: Why the check fails, in a clause; None when it passes. Must not wait for anything.
        endpoints: Which of `ENDPOINTS` include it.
    """

    name: str
    probe: Callable[[], str | None]
    endpoints: Collection[str] = ENDPOINTS


@dataclass(frozen=True, slots=True)
class Report:
    """What an endpoint found: one line per check, and whether all passed."""

    lines: tuple[str, ...]
    passed: bool


class Checks:
    """The checks of a process, in the order they are shown.

    Args:
        checks: The service's own; what every server has is added here.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self._shutting_down = False
        self._checks = (
            Check("ping", _passes),
            Check("log", _passes),
            # An HTTP answer is only given after start-up, so these hold; probes ask them by name.
            Check("poststarthook/max-in-flight-filter", _passes),
            Check("poststarthook/storage-object-count-tracker-hook", _passes),
            *checks,
            Check("shutdown", self._shutdown, ("readyz",)),
        )

    def begin_shutdown(self) -> None:
        """Fail ``/readyz`` from now on, so that no new request is sent here."""
        self._shutting_down = True

    def of(self, endpoint: str) -> list[Check]:
        """The checks *endpoint* includes."""
        return [check for check in self._checks if endpoint in check.endpoints]

    def report(self, endpoint: str, exclude: Collection[str] = ()) -> Report:
        """Run the checks of *endpoint*, without those named in *exclude*."""
        lines = []
        passed = True
        checks = self.of(endpoint)
        for check in checks:
            if check.name in exclude:
                lines.append(f"[+]{check.name} excluded: ok")
            elif (why := check.probe()) is None:
                lines.append(f"[+]{check.name} ok")
            else:
                passed = False
                lines.append(f"[-]{check.name} failed: {_one_line(why)}")
        if unknown := sorted(set(exclude) - {check.name for check in checks}):
            names = ",".join(f'"{_one_line(name)}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
        return Report(tuple(lines), passed)

    def paths(self) -> list[str]:
        """Every path `add_routes` serves."""
        return [
            path
            for endpoint in ENDPOINTS
            for path in (f"/{endpoint}", *(f"/{endpoint}/{c.name}" for c in self.of(endpoint)))
        ]

    def add_routes(self, app: web.Application) -> None:
        """Serve the endpoints and each of their checks in *app*."""
        for endpoint in ENDPOINTS:
            app.router.add_get(f"/{endpoint}", self._endpoint(endpoint))
            for check in self.of(endpoint):
                app.router.add_get(f"/{endpoint}/{check.name}", _single(check))

    def _shutdown(self) -> str | None:
        return "the server is shutting down" if self._shutting_down else None

    def _endpoint(self, endpoint: str) -> HTTPHandler:
        async def answer(request: web.Request) -> web.Response:
            report = self.report(endpoint, request.query.getall("exclude", []))
            if not report.passed:
                lines = (*report.lines, f"{endpoint} check failed", "")
                return text("\n".join(lines), status=500)
            if "verbose" in request.query:
                return text("\n".join((*report.lines, f"{endpoint} check passed", "")))
            return text("ok")

        return answer


def _single(check: Check) -> HTTPHandler:
    async def answer(_: web.Request) -> web.Response:
        why = check.probe()
        if why is None:
            return text("ok", nosniff=False)  # as kube-apiserver: only the endpoints set it
        return text(f"internal server error: {_one_line(why)}\n", status=500)

    return answer


def _passes() -> None:
    return None


def _one_line(words: str) -> str:
    return " ".join(words.split())
