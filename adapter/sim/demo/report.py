"""What the observer saw, and whether it is what was promised."""

from dataclasses import dataclass, field

import msgspec

MAX_CPU_ERROR = 0.05
PAGE_BYTES = 4096
SLACK_SECONDS = 5.0
MAX_JSON_AGE_SECONDS = 10.0
"""Documents are read every five seconds, and may take as long."""


@dataclass
class Report:
    """Worst figures of a run.

    Attributes:
        resolution: Seconds between samples of the service that was watched.
        prometheus: Its version; None when there was none.
        json_values: Values of the metric read from JSON; *json_wrong* of them were not the truth.
    """

    resolution: float
    prometheus: str | None = None
    requests: int = 0
    failures: int = 0
    worst_age_seconds: float = 0.0
    worst_cpu_error: float = 0.0
    worst_memory_error_bytes: int = 0
    json_values: int = 0
    json_wrong: int = 0
    worst_json_age_seconds: float = 0.0
    seconds_by_origin: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def max_age_seconds(self) -> float:
        """The promise for the age of a sample."""
        return 2.0 * self.resolution + SLACK_SECONDS

    @property
    def holds(self) -> bool:
        """Whether every promise held, and something was measured at all."""
        return (
            self.requests > 0
            and self.failures == 0
            and not self.problems
            and self.worst_age_seconds <= self.max_age_seconds
            and self.worst_cpu_error <= MAX_CPU_ERROR
            and self.worst_memory_error_bytes < PAGE_BYTES
            and self.json_values > 0
            and self.json_wrong == 0
            and self.worst_json_age_seconds <= MAX_JSON_AGE_SECONDS
        )

    def fail(self, problem: str) -> None:
        """Count a request that failed; the first few are kept in words."""
        self.failures += 1
        self.note(problem)

    def note(self, problem: str) -> None:
        """Keep *problem* in words; the run does not hold."""
        if len(self.problems) < 20:
            self.problems.append(problem)

    def served(self, origin: str, seconds: float) -> None:
        """Count time during which *origin* served."""
        self.seconds_by_origin[origin] = self.seconds_by_origin.get(origin, 0.0) + seconds

    def to_json(self) -> bytes:
        """The report as JSON, one key a line."""
        origins = {name: round(seconds, 1) for name, seconds in self.seconds_by_origin.items()}
        content = {
            "holds": self.holds,
            "requests": self.requests,
            "failures": self.failures,
            "worst_age_seconds": round(self.worst_age_seconds, 2),
            "max_age_seconds": self.max_age_seconds,
            "worst_cpu_error": round(self.worst_cpu_error, 5),
            "worst_memory_error_bytes": self.worst_memory_error_bytes,
            "json_values": self.json_values,
            "json_wrong": self.json_wrong,
            "worst_json_age_seconds": round(self.worst_json_age_seconds, 2),
            "seconds_by_origin": dict(sorted(origins.items())),
            "prometheus": self.prometheus,
            "problems": self.problems,
        }
        return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"

    def lines(self) -> list[tuple[str, str, bool]]:
        """Rows for a person: what, how much against the promise, whether it holds."""
        age, cpu = self.worst_age_seconds, self.worst_cpu_error
        memory, json_age = self.worst_memory_error_bytes, self.worst_json_age_seconds
        values, wrong = self.json_values, self.json_wrong
        times = ", ".join(
            f"{origin} {seconds:.0f} s"
            for origin, seconds in sorted(self.seconds_by_origin.items())
        )
        return [
            ("requests", str(self.requests), self.requests > 0),
            ("failed requests", f"{self.failures} (none allowed)", self.failures == 0),
            (
                "oldest sample served",
                f"{age:.1f} s (at most {self.max_age_seconds:.0f} s)",
                age <= self.max_age_seconds,
            ),
            (
                "worst cpu error",
                f"{cpu:.2%} of the true usage (at most {MAX_CPU_ERROR:.0%})",
                cpu <= MAX_CPU_ERROR,
            ),
            ("worst memory error", f"{memory} bytes (under one page)", memory < PAGE_BYTES),
            (
                "queue depths from JSON",
                f"{values}, {wrong} wrong (none allowed)",
                values > 0 and wrong == 0,
            ),
            (
                "oldest of them",
                f"{json_age:.1f} s (at most {MAX_JSON_AGE_SECONDS:.0f} s)",
                json_age <= MAX_JSON_AGE_SECONDS,
            ),
            ("served by", times or "nobody", bool(times)),
        ]
