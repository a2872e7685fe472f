"""Label values that look like PromQL, regular expressions or worse keep their meaning."""

import json
import time
import urllib.parse
import urllib.request

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapter.promql.matchers import Matcher, MatchOp, escape_regex, format_matchers, quote
from adapter.promql.selectors import parse_series_selector

pytestmark = pytest.mark.prometheus

HOSTILE = [
    'a"b',
    "a'b",
    "a`b",
    "a\\b",
    "a\\",
    '\\"',
    "a\nb",
    "\n",
    "a\r\tb",
    "\x00\x01\x7f",
    '"} or vector(1) or up{x="',
    'x",y="z',
    "a}",
    "{a",
    "a,b",
    "# comment",
    "a|b",
    "a.b",
    "axb",
    ".*",
    ".+",
    "(?i)a",
    "^a$",
    "[a-z]",
    "a{2}",
    "aa",
    "\\Qa\\E",
    "\\d",
    "1",
    "a-b&&c~d",
    "é",
    "e\u0301",
    "世界",
    "😀",
    "\u200b",
    "\u2028",
    "\ufffd",
    "\U000e0001",
    "$1",
    "%s%d",
    "<<.Series>>",
    " ",
    "  a  ",
    "a" * 10_000,
    "web-0",
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("\"\\'`\n\r\t{}()[]|.*+?^$,=~!#<>-é\u2028\x00\x7fax"), max_size=8),
    st.text(max_size=8),
)
LABELS = st.sampled_from(["a", "b", "le", "on", "by", "offset", "__name"])
MATCHERS = st.one_of(
    st.builds(Matcher, LABELS, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), TEXTS),
    st.builds(
        lambda label, op, texts: Matcher(label, op, "|".join(map(escape_regex, texts))),
        LABELS,
        st.sampled_from([MatchOp.REGEX, MatchOp.NOT_REGEX]),
        st.lists(TEXTS, min_size=1, max_size=3),
    ),
)


class Prometheus:
    """A Prometheus that is asked over HTTP."""

    def __init__(self, url, at):
        self._url = url
        self._at = at

    def ask(self, path, **parameters):
        form = urllib.parse.urlencode(parameters).encode()
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}", form, timeout=20) as response:
            return json.loads(response.read())["data"]

    def values(self, selector):
        """Values of the label ``value`` of the series selected."""
        result = self.ask("query", query=selector, time=self._at)["result"]
        return sorted(row["metric"]["value"] for row in result)


@pytest.fixture(scope="module")
def prometheus(prometheus_server):
    at = int(time.time()) - 3600
    escape = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    lines = [f'hostile{{value="{text.translate(escape)}"}} 1 {at}' for text in HOSTILE]
    lines += [f'many{{value="web-{i}.shop"}} 1 {at}' for i in range(12_000)]
    history = "\n".join(["# TYPE hostile gauge", *lines[: len(HOSTILE)], "# TYPE many gauge"])
    history = "\n".join([history, *lines[len(HOSTILE) :], "# EOF\n"])
    server = prometheus_server("scrape_configs: []\n", history)
    return Prometheus(server.url, at + 5)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_value_selects_its_series_and_no_other(prometheus, text):
    others = sorted(set(HOSTILE) - {text})

    assert prometheus.values(f"hostile{{value={quote(text)}}}") == [text]
    assert prometheus.values(f"hostile{{value!={quote(text)}}}") == others
    assert prometheus.values(f"hostile{{value=~{quote(escape_regex(text))}}}") == [text]
    assert prometheus.values(f"hostile{{value!~{quote(escape_regex(text))}}}") == others


def test_several_names_select_their_series_and_no_other(prometheus):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sets(st.sampled_from(HOSTILE), min_size=2, max_size=8))
    def check(texts):
        pattern = "|".join(map(escape_regex, sorted(texts)))

        assert prometheus.values(f"hostile{{value=~{quote(pattern)}}}") == sorted(texts)

    check()


def test_ten_thousand_names_select_their_series(prometheus):
    names = [f"web-{i}.shop" for i in range(10_000)]
    pattern = quote("|".join(map(escape_regex, names)))

    assert prometheus.values(f"many{{value=~{pattern}}}") == sorted(names)


def test_prometheus_parses_the_matchers_intended(prometheus):
    """It prints the query that it has parsed, which is then read by another parser."""

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(MATCHERS, max_size=4))
    @example([Matcher("a", MatchOp.EQUAL, "x" * 65_536)])
    @example([Matcher("a", MatchOp.NOT_EQUAL, "half \ud800 a pair")])
    def check(matchers):
        query = f"up{{{format_matchers(matchers)}}}"

        parsed = parse_series_selector(prometheus.ask("format_query", query=query))

        assert parsed.name == "up"
        assert sorted(parsed.matchers) == sorted(map(as_text, matchers))

    check()


def test_a_matcher_is_added_and_nothing_else_is_changed(prometheus):
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(MATCHERS, max_size=3), st.sampled_from(["", " ", ",", " , ", ", # }\n"]))
    def check(matchers, end):
        text = f"up{{{format_matchers(matchers)}{end if matchers else ''}}}"
        extended = parse_series_selector(text).with_label("pod")

        parsed = parse_series_selector(prometheus.ask("format_query", query=extended))

        expected = [*map(as_text, matchers), Matcher("pod", MatchOp.NOT_EQUAL, "")]
        assert sorted(parsed.matchers) == sorted(expected)

    check()


def as_text(matcher):
    """The matcher as Prometheus can have it: half of a surrogate pair is no text."""
    value = "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in matcher.value)
    return matcher._replace(value=value)
