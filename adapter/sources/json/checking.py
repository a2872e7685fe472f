"""What can be said of the URLs of rule files before anything is read from them."""

from collections.abc import Iterator, Sequence

from adapter.errors import SourceError
from adapter.rules.findings import Finding, Severity
from adapter.rules.load import Loaded
from adapter.sources.json.guard import Guard


def refused_urls(loaded: Loaded, allowed: Sequence[str]) -> Iterator[Finding]:
    """Find rules whose URL would not be read from; a name may still resolve to what is denied.

    Args:
        loaded: What was read of the rule files.
        allowed: As ``--json-allow``.

    Yields:
        Warnings, each at its rule: what is allowed may be different where the rule is served.

    Raises:
        ConfigError: An entry of *allowed* is neither a name nor an address or network.
    """
    guard = Guard(allowed=allowed)
    for number, rule in enumerate(loaded.rule_file.external_rules):
        name = f"externalRules[{number}]"
        if rule.json_ is None or name in loaded.broken:
            continue
        try:
            guard.check_url(rule.json_.url)
        except SourceError as refusal:
            place = loaded.places[name]
            yield Finding(
                Severity.WARNING, place.filename, place.line, place.column, f"json.url: {refusal}"
            )
