"""Rule files of any content: problems are found and placed, nothing else happens."""

from pathlib import Path

import hypothesis
import hypothesis.strategies as st

from adapter.cli.check_text import described
from adapter.rules.load import load_rule_texts
from adapter.rules.preview import preview

ROOT = Path(__file__).parents[2]
TEXTS = [
    path.read_text(encoding="utf-8").partition("\n----------\n")[0]
    for path in sorted((ROOT / "tests" / "golden").glob("*/*.txt"))
    if path.parent.name in {"check", "listing", "rules"}
]
PIECES = ["\t", "  ", "- ", ": ", "<<", ">>", "{", "}", "[", "]", '"', "'", "*a", "&a", "|\n", "\n"]
PIECES += [
    "---\n",
    "!!binary ",
    "!!set ",
    "? ",
    "# ",
    "%",
    "\x00",
    "\ufeff",
    "5",
    "null",
    "~",
    "(?",
]


def report(content):
    """Load, preview and describe; every finding is in the text."""
    loaded = load_rule_texts([("rules.yaml", content)])
    lines = content.decode(errors="replace").splitlines()
    for found in loaded.findings:
        assert 1 <= found.line <= len(lines) + 1
        assert found.column >= 1
        assert "\n" not in str(found)
        assert list(described(found, lines))
    preview(loaded, None)
    return loaded


@hypothesis.given(st.binary(max_size=200))
@hypothesis.settings(deadline=None)
def test_any_bytes(content):
    report(content)


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=150, deadline=None)
def test_slips_of_the_pen(data):
    """A good rule file with pieces put in, or parts taken out."""
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(begin + 30, len(text))))
        piece = data.draw(st.sampled_from(PIECES) | st.text(max_size=3))
        text = text[:begin] + piece + text[end:]

    loaded = report(text.encode(errors="surrogatepass"))

    if not loaded.errors:
        loaded.check()
