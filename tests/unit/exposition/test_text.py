"""The strict parser: each rule of the text format, and what breaking it costs."""

import pytest

from adapter.exposition.text import BadLine, Sample, parse_line, parse_lines


@pytest.mark.parametrize(
    ("line", "name", "labels", "value", "timestamp"),
    [
        pytest.param("up 1", "up", {}, 1.0, None, id="bare"),
        pytest.param("up\t1\t5", "up", {}, 1.0, 5, id="tabs"),
        pytest.param("up{} 1", "up", {}, 1.0, None, id="empty-braces"),
        pytest.param("up{} 1 -5", "up", {}, 1.0, -5, id="negative-timestamp"),
        pytest.param('a:b{x="1",y="2",} 3', "a:b", {"x": "1", "y": "2"}, 3.0, None, id="comma"),
        pytest.param('a{ x = "1" , y="2" } 3', "a", {"x": "1", "y": "2"}, 3.0, None, id="spaces"),
        pytest.param(r'a{x="q\"\\\n"} 1', "a", {"x": 'q"\\\n'}, 1.0, None, id="escapes"),
        pytest.param(r'a{x="\t"} 1', "a", {"x": r"\t"}, 1.0, None, id="unknown-escape-kept"),
        pytest.param('a{x="} # HELP {"} 1', "a", {"x": "} # HELP {"}, 1.0, None, id="tricky"),
        pytest.param("a 1.5585280e+07", "a", {}, 15585280.0, None, id="exponent"),
        pytest.param("a +Inf", "a", {}, float("inf"), None, id="inf"),
        pytest.param("a .5", "a", {}, 0.5, None, id="no-leading-zero"),
        pytest.param('a{x="ü"} 1', "a", {"x": "ü"}, 1.0, None, id="utf8"),
    ],
)
def test_reads_a_sample(line, name, labels, value, timestamp):
    sample = parse_line(line)

    assert (sample.name, sample.labels, sample.value, sample.timestamp_ms) == (
        name,
        labels,
        value,
        timestamp,
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1up 1", "no metric name"),
        ("up", "no white space after the metric name"),
        ("up{} ", "no value"),
        ("up-1 1", "no white space after the metric name"),
        ("up one", "value 'one' is not a number"),
        ("up 1_0", "value '1_0' is not a number"),
        ("up 0x1p3", "value '0x1p3' is not a number"),
        ("up 1 1.5", "timestamp '1.5' is not whole milliseconds"),
        ("up 1 2 3", "text after the timestamp"),
        ('up{a="1" 1', "labels do not end with a brace"),
        ('up{a="1 1', "labels do not end with a brace"),
        ('up{a="1",a="2"} 1', "label a twice"),
        ("up{a=1} 1", "labels do not end with a brace"),
    ],
)
def test_a_bad_line_says_why(line, reason):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_line(line.strip(" ") if line != "up{} " else line)

    assert str(caught.value) == reason


def test_a_bad_line_costs_only_itself():
    body = b"# HELP up x\nup 1\nup{ 2\n\xff 3\n\nup 4"

    entries = list(parse_lines(body))

    assert [entry.value for entry in entries if isinstance(entry, Sample)] == [1.0, 4.0]
    assert [entry.number for entry in entries if isinstance(entry, BadLine)] == [3, 4]
