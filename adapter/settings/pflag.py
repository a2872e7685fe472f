"""The syntax of an argument list, as pflag of the Kubernetes components reads it.

``--flag=value``, ``--flag value``, ``--switch``, ``--switch=false``, ``-v=4``, ``-v 4``, ``-v4``;
an underscore in a name counts as a dash; ``--`` ends the flags.
"""

import difflib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence


class Arguments:
    """An argument list taken apart; what the values mean is not looked at.

    Args:
        argv: The arguments, without the program's name.
        switches: Every known flag; true for those that need no value.
        shorts: One-letter forms and the flag each stands for.

    Attributes:
        flags: Name and text of each flag given, in order.
        positionals: What is no flag.
        problems: One sentence for each argument that cannot be understood.
    """

    def __init__(
        self, argv: Sequence[str], *, switches: Mapping[str, bool], shorts: Mapping[str, str]
    ) -> None:
        self.flags: list[tuple[str, str]] = []
        self.positionals: list[str] = []
        self.problems: list[str] = []
        self._switches = switches
        self._shorts = shorts
        self._queue = deque(argv)
        while self._queue:
            self._take(self._queue.popleft())

    def _take(self, argument: str) -> None:
        if argument == "--":
            self.positionals.extend(self._queue)
            self._queue.clear()
        elif argument.startswith("--"):
            self._take_long(argument[2:])
        elif argument.startswith("-") and argument != "-":
            self._take_short(argument[1:])
        else:
            self.positionals.append(argument)

    def _take_long(self, body: str) -> None:
        written, equals, text = body.partition("=")
        name = written.replace("_", "-")
        if name not in self._switches:
            self.problems.append(f"unknown flag --{written}{did_you_mean(name, self._switches)}")
            if not equals and self._queue and not self._queue[0].startswith("-"):
                self._queue.popleft()  # most likely its value: one mistake, one problem
        elif equals:
            self.flags.append((name, text))
        elif self._switches[name]:
            self.flags.append((name, "true"))
        else:
            self._take_value(name, f"--{name}")

    def _take_short(self, body: str) -> None:
        name = self._shorts.get(body[0])
        if name is None:
            whole = body.partition("=")[0].replace("_", "-")
            hint = f": write --{whole}" if whole in self._switches else ""
            self.problems.append(f"unknown flag -{body.partition('=')[0]}{hint}")
        elif body[1:]:
            self.flags.append((name, body[1:].removeprefix("=")))
        else:
            self._take_value(name, f"-{body}")

    def _take_value(self, name: str, written: str) -> None:
        if self._queue:
            self.flags.append((name, self._queue.popleft()))
        else:
            self.problems.append(f"{written} needs a value")


def did_you_mean(name: str, known: Iterable[str], *, prefix: str = "--") -> str:
    """End of a message that names the known word nearest to *name*; empty when none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.65)
    return f": did you mean {prefix}{near[0]}?" if near else ""
