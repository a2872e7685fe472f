"""Reads the options of annotations on an HPA, and collects what is wrong with them. Pure."""

import math
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from adapter.model.times import parse_duration
from adapter.rules.annotations_keys import Mistake, did_you_mean

_SHOWN = 60
"""Characters of a wrong value that are shown."""

_LARGEST_PORT = 65_535

_MOST_UNKNOWN = 20
"""Options that are not known and are told; a hint takes a moment, and more nobody reads."""

E = TypeVar("E", bound=StrEnum)


class Options:
    """The options of one metric, read one by one; what is wrong with them is collected.

    Args:
        prefix: What its annotations begin with.
        metric: Its name.
        given: Values by option.
    """

    def __init__(self, prefix: str, metric: str, given: Mapping[str, str]) -> None:
        self.prefix = prefix
        self.metric = metric
        self.given = given
        self.mistakes: list[Mistake] = []

    @property
    def usable(self) -> bool:
        """Whether nothing was found that the metric cannot be served with."""
        return not any(mistake.fatal for mistake in self.mistakes)

    def wrong(self, option: str, text: str, hint: str = "", *, fatal: bool = True) -> None:
        """Note what is wrong with *option*."""
        where = f"{self.prefix}/{option}"
        self.mistakes.append(Mistake(where, text, hint, self.metric, fatal))

    def text(self, option: str, default: str = "") -> str:
        """A value as it is, without white space around it."""
        return self.given.get(option, default).strip()

    def needed(self, option: str, hint: str) -> str:
        """A value that must be there."""
        value = self.text(option)
        if not value and not self._misspelt(option):
            text = "is empty" if option in self.given else "is missing"
            self.wrong(option, text, hint)
        return value

    def duration(
        self, option: str, default: float, *, least: float = 0.0, most: float = math.inf
    ) -> float:
        """Seconds, of a Go duration."""
        text = self.text(option)
        if option not in self.given:
            return default
        try:
            seconds = parse_duration(text)
        except ValueError:
            hint = f"add a unit: {text}s" if _is_number(text) else "write one such as 30s or 1m30s"
            self.wrong(option, f"{text[:_SHOWN]!r} is no duration", hint)
            return default
        if seconds < least:
            self.wrong(option, f"{text[:_SHOWN]!r} is too short", f"at least {least:g}s")
        if seconds > most:
            self.wrong(option, f"{text[:_SHOWN]!r} is too long", f"at most {most:g}s")
        return seconds

    def choice(self, option: str, choices: type[E]) -> E | None:
        """One of *choices*, None where it is not given."""
        if option not in self.given:
            return None
        text = self.text(option)
        try:
            return choices(text)
        except ValueError:
            words = [choice.value for choice in choices]
            hint = did_you_mean(text, words, f"one of {', '.join(words)}")
            self.wrong(option, f"{text[:_SHOWN]!r} is not known", hint)
            return None

    def port(self, option: str) -> int:
        """A port's number."""
        text = self.needed(option, "there is no default: write the port's number")
        if text and not (
            text.isdecimal() and text.isascii() and 0 < int(text[:6]) <= _LARGEST_PORT
        ):
            self.wrong(option, f"{text[:_SHOWN]!r} is no port", "write its number, 1 to 65535")
            return 0
        return int(text or 0)

    def unknown(self, known: Collection[str]) -> None:
        """Note the options that are not among *known*; the metric is served without them."""
        options = sorted(known)
        for option in sorted(self.given.keys() - set(options))[:_MOST_UNKNOWN]:
            hint = did_you_mean(option, options, f"there are {', '.join(options)}")
            self.wrong(option, f"there is no option {option!r} here", hint, fatal=False)

    def _misspelt(self, option: str) -> bool:
        """Whether an option that is not known was meant for *option*, which decides then."""
        for number, mistake in enumerate(self.mistakes):
            if did_you_mean(mistake.where.rpartition("/")[2], [option]):
                self.mistakes[number] = mistake._replace(fatal=True)
                return True
        return False


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
