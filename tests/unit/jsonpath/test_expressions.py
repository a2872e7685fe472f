"""Expressions: what is refused, with which hint; bounds; and why nothing is found."""

import time
import warnings
from contextlib import suppress

import pytest

from adapter.jsonpath.errors import ExtractionError, JSONPathError
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.work import MOST_STEPS, Work


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "the path is empty; the whole document is $"),
        ("  ", 0, "the path is empty"),
        ("{.a.b}", 0, "kubectl's braces are not supported: write $.a.b"),
        ("{ .items[?(@.a=='b')].c }", 0, "write $.items[?(@.a=='b')].c"),
        ("{.a}{.b}", 0, "write one such as $.queue.depth"),
        ("a.b", 0, "a path begins with $, the document: write $.a.b"),
        (".a.b", 0, "write $.a.b"),
        ("[0].a", 0, "write $[0].a"),
        ("@.a", 0, "write $.a"),
        (".items[].v", 0, "write $.items[*].v"),
        ('items.#(name=="x").v', 0, "write $.items[?@.name == 'x'].v"),
        ("items.#.v", 0, "write $.items[*].v"),
        ("items.0.v", 0, "write $.items[0].v"),
        ("queue depth", 0, "write one such as $.queue.depth"),
        ("$.a.#.b", 4, "unexpected character '#'; GJSON's # is [*] here"),
        ("$.items.0", 8, "an index is written in brackets, [0], a key of digits quoted, ['0']"),
        ("$.a - b", 4, "arithmetic is not supported in a path; a key with a hyphen"),
        ("$.a -1", 4, "arithmetic is not supported"),
        ("$.a + 1", 4, "arithmetic is not supported"),
        ("$.a * 2", 4, "arithmetic is not supported"),
        ("$.a%2", 3, "arithmetic is not supported"),
        ("$.a/b", 3, "arithmetic and sorting are not supported"),
        ("$.a[", 3, "a [ is not closed"),
        ("$.a[?(@.b", 3, "a [ is not closed"),
        ("$.a]", 3, "unexpected ']'; no [ is open"),
        ("$['a", 2, "a quote is not closed"),
        ("$.a[?@.b=='x]", 10, "a quote is not closed"),
        ("$.a.", 4, "the path ends where a key or an index is expected"),
        ("$.a b", 4, "unexpected 'b'"),
        ("$.ä", 2, "unexpected character 'ä'; quote the key, as in $['ä']"),
        ("$.↑", 2, "unexpected character '↑'; quote the key, as in $['ä']"),
        ("$[\u201ca\u201d]", 2, "strings and keys stand in ' or \""),
        ("$.a[(@.length-1)]", 4, "unexpected '('; the last element is [-1]"),
        ("$.a[?length(@.b)>1]", 11, "functions are not supported"),
        ("$.a[@.b==1]", 4, "a filter begins with ?"),
        ("$.a[?@.b==1 and @.c]", 12, "'and' is written &&"),
        ("$.a[?@.b==1 or @.c]", 12, "'or' is written ||"),
        ("$.a[?@.b==1 & @.c]", 12, "'and' is written &&"),
        ("$.a[?@.b===1]", 10, "equality is written =="),
        ("$.a[?@.b=1]", 8, "equality is written =="),
        ("$.a[?@.b==c]", 10, "c stands without quotes: write 'c' for a string, or @.c for a key"),
        ("$.a[?@.b=~'(x+)+y']", 8, "regular expressions are not supported"),
        ("$.a[?@.b==1e3]", 11, "write the number without exponent"),
        ("$.a[?@.b==1e-3]", 11, "write the number without exponent"),
        ("$.a[?@.b==1.5E+3]", 14, "write the number without exponent"),
        ("$.e+1", 3, "arithmetic is not supported"),
        ("$.a[?!(@.b==1)]", 10, "! stands only before a key"),
        ("$.a[?!@.b==1]", 9, "! stands only before a key"),
        ("$.a[?@.b==length(@.c)]", 10, "functions are not supported"),
        ("$.a[?1.5==@.b]", 8, "keys begin with @ and stand on the left of a comparison"),
        ("$.a[?b==1]", None, "in a filter, keys begin with @"),
        ("$.a[?1==@.b]", None, "values stand on the right"),
        ("$.a[?@.*]", None, "only keys and indexes stand after @ and $"),
        ("$.a[?@..b]", None, "only keys and indexes"),
        ("$.a[?@['b','c']]", None, "only keys and indexes"),
        ("$.a[?@[?@.b]]", None, "only keys and indexes"),
        ("$.a[?$.b==@.c]", None, "@ stands on the left of a comparison, $ on its right"),
        ("$.a[0,'b']", 6, "only keys, or only indexes, can stand side by side"),
        ("$.a['b',-1]", 8, "only keys, or only indexes, can stand side by side"),
        ("$.a,b", 3, ", stands only in brackets"),
        ("$.a.$.b", 4, "$ stands only at the beginning"),
        ("$.(a)", 2, "( stands only in filters"),
        ("$['a\\n']", 4, "'\\n' is not supported in quotes: write the character itself"),
        ("$['a\tb']", 4, "a control character in quotes"),
        ("$.a.`len`", 4, "`len` is not supported: leave it out, and set aggregate: count"),
        ("$.a.`sub(/(a+)+b/, x)`", 4, "is not supported"),
        ("$.a.`split(a, 0, 1)`", 4, "is not supported"),
        ("$.a.`sorted`", 4, "is not supported"),
        ("$.a.`parent`", 4, "is not supported"),
        ("$.a[/b]", 4, "sorting are not supported"),
        ("$.a|$.b", 3, "'|' is not supported"),
        ("$.a where b", 4, "write a filter"),
        ("[]" * 200, 0, "write it with $ in front"),
        ("$[?@.a==" + "x" * 400, 8, "stands without quotes"),
        ("$['a'" + ",'b'" * 50 + ", 0]", 207, "unexpected '0'"),
        ("$['" + "x" * 400 + "' 'b']", 405, "unexpected 'b'"),
        ("$" + ".a" * 400, None, "longer than 500 characters"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, str) else "",
)
def test_what_is_refused(text, position, message):
    with pytest.raises(JSONPathError) as raised:
        compile_path(text)

    assert message in str(raised.value)
    assert raised.value.position == position
    assert len(str(raised.value)) < 300


def test_parsing_prints_and_warns_nothing(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in ("$..a[?@.b == 'c' || !@.d]['e','f'][::2]", "$.a[?@.b==c]", "$.a|b", "$[:]"):
            with suppress(JSONPathError):
                compile_path(text)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "$.a.b\n  .c",
        "$['a b'][0]",
        '$.a[?(@.b == "c" && (@.d > 1.5 || @.e <= -2))].f',
        "$.where-not",
        "$.a-b_c",
    ],
)
def test_what_is_usual_compiles(text):
    assert compile_path(f" {text} ").text == text


WIDE = [{"a": i, "b": "x", "c": {"d": i}} for i in range(9000)]
DEEP = {"k": 1}
for _ in range(60):
    DEEP = {"k": DEEP, "l": [{"k": 1}] * 150}
NESTED = [1]
for _ in range(60):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("$..*..*", DEEP),
        ("$..*..*..*..*..*", DEEP),
        ("$..[?@.k==$.k]", DEEP),
        ("$..[?@==$]", DEEP),
        ("$[?@.a==1].c", WIDE),
        ("$" + "[0,0,0,-1]" * 40, NESTED),
        ("$[*]['a','a','a','a','a','a','a','a','a','a']", WIDE),
        ("$[*][*]", WIDE),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_no_evaluation_runs_long(text, document):
    """It takes some 30 ms; the limit here leaves room for a busy machine."""
    path = compile_path(text)
    began = time.process_time()
    with pytest.raises(ExtractionError) as raised:
        path.find(document)

    assert time.process_time() - began < 1
    assert str(raised.value).startswith(f"{text} takes more than {MOST_STEPS} steps")


def test_work_is_shared():
    path, work = compile_path("$[*]"), Work(100)

    assert len(path.look([1] * 60, work).values) == 60
    with pytest.raises(ExtractionError, match="takes more than 100 steps"):
        path.look([1] * 60, work)


def test_comparing_places_costs_what_they_hold():
    big = {"x": list(range(8000))}
    path = compile_path("$.a[?@ == $.b]")

    assert path.find({"a": [big], "b": big}) == [big]
    with pytest.raises(ExtractionError, match="takes more than"):
        path.find({"a": [big] * 8, "b": big})


DOCUMENT = {
    "queue": {"depth": 3, "name": "secret-value"},
    "items": [{"id": 1}, {"id": 2}],
    "none": [],
    "empty": {},
    "text": "secret-value",
    "null": None,
    "wide": dict.fromkeys(["k1", "a key", "x" * 60, "\ud800", *"abcdefgh"], 1),
}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$.queue.length", "there is no 'length' in $.queue, which has depth, name"),
        ("$.quue.depth", "there is no 'quue' in $, which has queue, items, none, empty, text, "),
        ("$.queue[0]", "there is no [0] in $.queue, which is an object and has depth, name"),
        ("$.queue['a','b']", "there is no ['a','b'] in $.queue, which has depth, name"),
        ("$.queue.depth.x", "there is no 'x' in $.queue.depth, which is a number"),
        ("$.text.x", "there is no 'x' in $.text, which is a string"),
        ("$.null.x", "there is no 'x' in $.null, which is null"),
        ("$.empty.x", "there is no 'x' in $.empty, which is empty"),
        ("$.items.id", "$.items is an array of 2: write $.items[0].id or $.items[*].id"),
        ("$.items[5]", "there is no [5] in $.items, which is an array of 2"),
        ("$.items[*].x", "$.items[*] finds 2 values, and none of them has 'x'"),
        ("$.items[?@.id>5]", "none of the 2 in $.items passes the filter"),
        ("$.none[*]", "$.none is an empty array"),
        ("$.empty.*", "$.empty is an empty object"),
        ("$.none[?@.a]", "$.none is an empty array"),
        ("$.text[*]", "$.text is a string; [*] finds nothing in it"),
        ("$.queue[1:]", "$.queue is an object; [1:] finds nothing in it"),
        ("$..zz", "there is no 'zz' anywhere in $"),
        ("$.wide.x", f"k1, 'a key', {'x' * 39}…, '\\ud800', a, b, c, d and 4 more"),
        ("$.wide['a.b']", "there is no 'a.b' in $.wide, which has"),
    ],
    ids=lambda value: value[:30],
)
def test_why_nothing_is_found(text, why):
    finding = compile_path(text).look(DOCUMENT, Work())

    assert finding.values == []
    assert finding.explain().startswith(f"{text}: ")
    assert why in finding.explain()
    assert "secret" not in finding.explain()
    assert len(finding.explain().encode()) < 300


@pytest.mark.parametrize(
    ("text", "vacant"),
    [
        ("$.none[*]", True),
        ("$.none[?@.x].y", True),
        ("$.items[?@.id>5].id", True),
        ("$.items[5:]", True),
        ("$.empty.*", True),
        ("$.items[*].x", False),
        ("$.nothing[*]", False),
        ("$.text[*]", False),
        ("$.null[*]", False),
        ("$..x", False),
        ("$.items[*].id", False),
        ("$.items[5]", False),
    ],
)
def test_a_collection_without_such_a_thing(text, vacant):
    assert compile_path(text).look(DOCUMENT, Work()).vacant is vacant
