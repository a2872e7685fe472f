"""RFC 9535, case by case: where paths follow it, and where they do not.

The cases are of the kinds that the specification and its compliance test suite have.
"""

import re
from pathlib import Path

import pytest

from adapter.jsonpath.errors import JSONPathError
from adapter.jsonpath.expressions import compile_path

INVALID = object()
TEN = list(range(10))
DOCUMENT = Path(__file__).parents[3] / "config" / "jsonpath.md"

FOLLOWED = [
    ("root", "$", {"a": 1}, [{"a": 1}]),
    ("name shorthand", "$.a", {"a": "A", "b": "B"}, ["A"]),
    ("name with underscore", "$._a1", {"_a1": 1}, [1]),
    ("name absent", "$.c", {"a": 1}, []),
    ("name on array", "$.a", ["a"], []),
    ("name on array digit", "$['1']", ["a", "b"], []),
    ("symbol shorthand invalid", "$.&", {"&": 1}, INVALID),
    ("digit shorthand invalid", "$.1", {"1": 1}, INVALID),
    ("wildcard object", "$.*", {"a": "A", "b": "B"}, ["A", "B"]),
    ("wildcard array", "$[*]", ["a", "b"], ["a", "b"]),
    ("wildcard scalar", "$.a.*", {"a": "b"}, []),
    ("child then wildcard", "$.a.*", {"a": [1, 2]}, [1, 2]),
    ("wildcard then name", "$[*].a", [{"a": 1}, {"b": 2}, {"a": 3}], [1, 3]),
    ("multiple names", "$['a','b']", {"a": 1, "b": 2}, [1, 2]),
    ("names in order asked", "$['b','a']", {"a": 1, "b": 2}, [2, 1]),
    ("name twice", "$['a','a']", {"a": 1}, [1, 1]),
    ("indexes", "$[0,2]", ["a", "b", "c"], ["a", "c"]),
    ("empty brackets", "$[]", {"a": 1}, INVALID),
    ("no leading $", "a", {"a": 1}, INVALID),
    ("trailing dot", "$.a.", {"a": 1}, INVALID),
    ("descendant name", "$..a", {"o": [{"a": "b"}, {"a": "c"}]}, ["b", "c"]),
    ("descendant index", "$..[1]", {"o": [0, 1, [2, 3]]}, [1, 3]),
    ("descendant wildcard", "$..*", {"a": {"b": 1}}, [{"b": 1}, 1]),
    ("descendant bracket wildcard", "$..[*]", [[1]], [[1], 1]),
    ("descendant nested", "$..a..b", {"a": {"a": {"b": 1}}}, [1, 1]),
    ("descendant name missing", "$..", {"a": 1}, INVALID),
    ("triple dot", "$...a", {"a": 1}, INVALID),
    ("double quotes", '$["a"]', {"a": 1}, [1]),
    ("quoted dot", "$['a.b']", {"a.b": 1, "a": {"b": 2}}, [1]),
    ("quoted empty", "$['']", {"a": 1, "": 2}, [2]),
    ("quoted dollar", "$['$']", {"$": 1}, [1]),
    ("quoted star", "$['*']", {"*": 1, "a": 2}, [1]),
    ("quoted at", "$['@']", {"@": 1}, [1]),
    ("escaped quote", "$['\\'']", {"'": 1}, [1]),
    ("escaped backslash", "$['\\\\']", {"\\": 1}, [1]),
    ("escaped backslash before a letter", "$['\\\\n']", {"\\n": 1}, [1]),
    ("wrong escape", "$['\\a']", {"a": 1}, INVALID),
    ("embedded control character", "$['\t']", {"\t": 1}, INVALID),
    ("unclosed quote", "$['a", {"a": 1}, INVALID),
    ("index 0", "$[0]", ["a", "b"], ["a"]),
    ("index negative", "$[-1]", ["a", "b"], ["b"]),
    ("index beyond", "$[5]", ["a"], []),
    ("index on object", "$[0]", {"0": 1}, []),
    ("slice", "$[1:3]", TEN, [1, 2]),
    ("slice step", "$[1:6:2]", TEN, [1, 3, 5]),
    ("slice negative step", "$[::-1]", [0, 1, 2], [2, 1, 0]),
    ("slice zero step", "$[1:5:0]", TEN, []),
    ("slice open", "$[5:]", TEN, [5, 6, 7, 8, 9]),
    ("slice last three", "$[-3:]", TEN, [7, 8, 9]),
    ("slice on object", "$[:]", {"a": 1}, []),
    ("filter existence", "$[?@.a]", [{"a": None}, {"b": 1}], [{"a": None}]),
    ("filter existence scalars", "$[?@.a]", [1, "a"], []),
    ("filter with parentheses", "$[?(@.a)]", [{"a": 1}], [{"a": 1}]),
    ("filter on object", "$[?@.a]", {"x": {"a": 1}, "y": {}}, [{"a": 1}]),
    ("filter equals string", "$[?@.a=='b']", [{"a": "b"}, {"a": "c"}], [{"a": "b"}]),
    (
        "filter equals number",
        "$[?@.a==1]",
        [{"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": True}],
        [{"a": 1}, {"a": 1.0}],
    ),
    ("filter equals float", "$[?@.a==1.5]", [{"a": 1.5}], [{"a": 1.5}]),
    ("filter equals null", "$[?@.a==null]", [{"a": None}, {"b": 1}], [{"a": None}]),
    ("filter equals true", "$[?@.a==true]", [{"a": True}, {"a": 1}], [{"a": True}]),
    ("filter not equals absent", "$[?@.a!=1]", [{"b": 1}, {"a": 1}], [{"b": 1}]),
    ("filter less", "$[?@.a<10]", [{"a": 5}, {"a": 10}, {"a": "5"}], [{"a": 5}]),
    ("filter less string", "$[?@.a<'c']", [{"a": "b"}, {"a": "d"}, {"a": 1}], [{"a": "b"}]),
    ("filter less or equal null", "$[?@.a<=null]", [{"a": None}, {"b": 1}], [{"a": None}]),
    ("filter greater true", "$[?@.a>true]", [{"a": True}], []),
    ("filter and", "$[?@.a>0&&@.a<10]", [{"a": -1}, {"a": 5}], [{"a": 5}]),
    (
        "filter or",
        "$[?@.a=='b'||@.a=='d']",
        [{"a": "b"}, {"a": "c"}, {"a": "d"}],
        [{"a": "b"}, {"a": "d"}],
    ),
    ("filter precedence", "$[?@.a==1||@.b==1&&@.c==1]", [{"a": 1}, {"b": 1}], [{"a": 1}]),
    ("filter not", "$[?!@.a]", [{"a": 1}, {"b": 1}], [{"b": 1}]),
    (
        "filter two paths",
        "$[?@.a==@.b]",
        [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {}],
        [{"a": 1, "b": 1}, {}],
    ),
    ("filter root operand", "$.i[?@.a==$.w]", {"w": 2, "i": [{"a": 1}, {"a": 2}]}, [{"a": 2}]),
    ("filter root existence", "$.i[?$.w]", {"w": 2, "i": [1]}, [1]),
    (
        "filter arrays equal",
        "$[?@.a==@.b]",
        [{"a": [1, {"x": 2}], "b": [1, {"x": 2}]}, {"a": [1], "b": [2]}],
        [{"a": [1, {"x": 2}], "b": [1, {"x": 2}]}],
    ),
    ("filter current value", "$[?@>3]", [1, 5, "9"], [5]),
    ("filter existence current", "$[?@]", [None, 1], [None, 1]),
    ("filter bracket in query", "$[?@['a b']==1]", [{"a b": 1}], [{"a b": 1}]),
    ("filter index in query", "$[?@[0]==1]", [[1], [2]], [[1]]),
    ("filter nonsingular comparison", "$[?@.*==1]", [[1]], INVALID),
    ("filter slice comparison", "$[?@[0:1]==1]", [[1]], INVALID),
    ("filter single equals", "$[?@.a=1]", [{"a": 1}], INVALID),
    ("filter bare word", "$[?@.a==b]", [{"a": "b"}], INVALID),
    ("filter regex operator", "$[?@.a=~'b']", [{"a": "b"}], INVALID),
    ("filter key without @", "$[?a==1]", [{"a": 1}], INVALID),
    ("filter array literal", "$[?@.a==[1]]", [{"a": [1]}], INVALID),
    ("filter literal alone", "$[?true]", [1], INVALID),
    ("filter capital literal", "$[?@.a==True]", [{"a": True}], INVALID),
    ("descendant filter", "$..[?@.a==1]", {"x": [{"a": 1}]}, [{"a": 1}]),
    ("space before segment", "$ .a", {"a": 1}, [1]),
    ("newline between", "$.a\n.b", {"a": {"b": 1}}, [1]),
    ("spaces in brackets", "$[ 'a' , 'b' ]", {"a": 1, "b": 2}, [1, 2]),
    ("spaces in slice", "$[ 1 : 3 ]", TEN, [1, 2]),
    ("spaces in filter", "$[ ? @.a == 1 ]", [{"a": 1}], [{"a": 1}]),
    ("parenthesized path", "$.(a.b)", {"a": {"b": 1}}, INVALID),
    ("root in the middle", "$.a.$.b", {"b": 1}, INVALID),
    ("where", "$.a where b", {"a": {"b": 1}}, INVALID),
    ("union operator", "$.a|$.b", {"a": 1, "b": 2}, INVALID),
    ("arithmetic", "$.a * 2", {"a": 1}, INVALID),
    ("named operator", "$.a.`len`", {"a": [1]}, INVALID),
    ("sorting", "$.a[/b]", {"a": []}, INVALID),
    ("script", "$.a[(@.length-1)]", {"a": [1]}, INVALID),
    ("name true", "$.true", {"true": 1}, [1]),
    ("name null", "$.null", {"null": 1}, [1]),
    ("filter name true", "$[?@.true==1]", [{"true": 1}], [{"true": 1}]),
    ("filter single-quoted with double", "$[?@.a=='\"']", [{"a": '"'}], [{"a": '"'}]),
    (
        "filter huge number",
        "$[?@.a==1000000000000]",
        [{"a": 1000000000000}],
        [{"a": 1000000000000}],
    ),
    ("filter negative number", "$[?@.a==-1]", [{"a": -1}], [{"a": -1}]),
    ("filter minus zero", "$[?@.a==-0]", [{"a": 0}], [{"a": 0}]),
    (
        "filter triple and",
        "$[?@.a&&@.b&&@.c]",
        [{"a": 1, "b": 1, "c": 1}, {"a": 1}],
        [{"a": 1, "b": 1, "c": 1}],
    ),
    ("filter grouped", "$[?@.a&&(@.b||@.c)]", [{"a": 1, "c": 1}, {"a": 1}], [{"a": 1, "c": 1}]),
    ("filter single name selector", "$[?@.a['b']]", [{"a": {"b": 1}}], [{"a": {"b": 1}}]),
    ("filter name on own array", "$[?@.length>1]", [[1, 2]], []),
    ("comma outside brackets", "$.a,b", {"a": 1, "b": 2}, INVALID),
    ("filter without question mark", "$[@.a==1]", [{"a": 1}], INVALID),
    ("comma first", "$[,1]", TEN, INVALID),
    ("comma last", "$['a',]", {"a": 1}, INVALID),
    ("index plus", "$[+2]", TEN, INVALID),
    ("index minus space", "$[- 2]", TEN, INVALID),
    ("index fraction", "$[2.0]", TEN, INVALID),
    ("slice four parts", "$[0:4:2:1]", TEN, INVALID),
    ("slice far ends", "$[-99999999999:99999999999:99999999999]", TEN, [0]),
    ("slice backwards from far", "$[99999999999:7:-1]", TEN, [9, 8]),
    ("delete character in quotes", "$['\x7f']", {"\x7f": 1}, [1]),
    ("character beyond 16 bits", "$['🚦']", {"🚦": 1}, [1]),
    ("descendant bracket names", "$..['a','b']", [{"a": 1, "b": 2}, {"b": 3}], [1, 2, 3]),
    ("filter current falsy", "$[?@]", [0, "", False, [], {}], [0, "", False, [], {}]),
    ("filter not current", "$[?!@]", [0, "", False, None, []], []),
    ("filter root", "$[?$]", [0], [0]),
    ("filter both absent", "$[?@.no==@[7]]", [[1], {"no": 1}], [[1]]),
    ("filter absent not less", "$[?@.no<=1]", [{}], []),
    ("filter root and absent", "$[?@.no<=$.no]", {"a": {}}, [{}]),
    ("filter key on a scalar", "$[?@.a==1]", {"a": 1}, []),
    ("filter digit key on array", "$[?@['0']==1]", [[1]], []),
    ("filter index on object", "$[?@[0]==1]", [{"0": 1}], []),
    ("filter then keys", "$[?@.on==true]['b','a']", [{"on": True, "a": 1, "b": 2}], [2, 1]),
    ("filter double parentheses", "$[?((@.a))]", [{"a": 1}, 1], [{"a": 1}]),
    ("filter or grouped", "$[?(@.a||@.b)&&@.c]", [{"a": 1}, {"b": 1, "c": 1}], [{"b": 1, "c": 1}]),
    ("filter fraction of zero", "$[?@==2.0]", [2, 2.5, "2"], [2]),
    ("filter negated comparison", "$[?!@.a==1]", [{"a": 1}], INVALID),
    ("filter chain of comparisons", "$[?@.a==@.b==@.c]", [{}], INVALID),
    ("filter point first", "$[?@.a==.5]", [{"a": 0.5}], INVALID),
    ("filter point last", "$[?@.a==5.]", [{"a": 5}], INVALID),
    ("filter two names compared", "$[?@['a','b']==1]", [{"a": 1, "b": 1}], INVALID),
]
"""Name, path, document, what the RFC says it finds."""

DIFFERENT = [
    ("extended unicode", "$.☺", {"☺": "A"}, ["A"], INVALID),
    ("index and name", "$[0,'a']", ["x"], ["x"], INVALID),
    ("index and slice", "$[1,5:7]", TEN, [1, 5, 6], INVALID),
    ("wildcard and name", "$[*,'a']", {"a": 1}, [1, 1], INVALID),
    (
        "two filters",
        "$[?@.a,?@.b]",
        [{"a": 1, "b": 2}],
        [{"a": 1, "b": 2}, {"a": 1, "b": 2}],
        INVALID,
    ),
    ("leading space", " $", {"a": 1}, INVALID, [{"a": 1}]),
    ("trailing space", "$.a ", {"a": 1}, INVALID, [1]),
    ("dot then bracket", "$.['a']", {"a": 1}, INVALID, [1]),
    ("escaped newline", "$['\\n']", {"\n": 1}, [1], INVALID),
    ("escaped unicode", "$['\\u263A']", {"☺": 1}, [1], INVALID),
    ("escaped double in single", "$['\\\"']", {'"': 1}, INVALID, [1]),
    ("index leading zero", "$[01]", ["a", "b"], INVALID, ["b"]),
    ("index minus zero", "$[-0]", ["a"], INVALID, ["a"]),
    ("index overflow", "$[9007199254740992]", ["a"], INVALID, []),
    ("slice leading zero", "$[01:3]", TEN, INVALID, [1, 2]),
    ("filter equals exponent", "$[?@.a==1e2]", [{"a": 100}], [{"a": 100}], INVALID),
    ("filter not comparison", "$[?!(@.a==1)]", [{"a": 1}, {"a": 2}], [{"a": 2}], INVALID),
    ("filter literal left", "$[?1==@.a]", [{"a": 1}], [{"a": 1}], INVALID),
    ("filter string literal left", "$[?'b'==@.a]", [{"a": "b"}], [{"a": "b"}], INVALID),
    (
        "filter root left",
        "$.i[?$.w==@.a]",
        {"w": 2, "i": [{"a": 1}, {"a": 2}]},
        [{"a": 2}],
        INVALID,
    ),
    ("filter wildcard existence", "$[?@.*]", [[], [1]], [[1]], INVALID),
    ("filter descendant existence", "$[?@..a]", [{"b": {"a": 1}}, {}], [{"b": {"a": 1}}], INVALID),
    ("filter nested", "$[?@[?@>1]]", [[0], [2]], [[2]], INVALID),
    ("function length", "$[?length(@.a)>=2]", [{"a": "ab"}, {"a": "d"}], [{"a": "ab"}], INVALID),
    ("function count", "$[?count(@.*)>1]", [[1, 2], [1]], [[1, 2]], INVALID),
    ("function match", "$[?match(@.a,'b.*')]", [{"a": "bc"}, {"a": "ab"}], [{"a": "bc"}], INVALID),
    ("function search", "$[?search(@.a,'b')]", [{"a": "abc"}, {"a": "x"}], [{"a": "abc"}], INVALID),
    ("function value", "$[?value(@.a)==1]", [{"a": 1}], [{"a": 1}], INVALID),
    ("space after dot", "$. a", {"a": 1}, INVALID, [1]),
    ("space in descendant", "$.. a", {"a": 1}, INVALID, [1]),
    ("hyphen in shorthand", "$.a-b", {"a-b": 1}, INVALID, [1]),
    ("at in shorthand", "$.@t", {"@t": 1}, INVALID, [1]),
    ("quoted after dot", "$.'a'", {"a": 1}, INVALID, [1]),
    ("name where", "$.where", {"where": 1}, [1], INVALID),
    ("unquoted in brackets", "$[a]", {"a": 1}, INVALID, [1]),
    ("two wildcards", "$[*,*]", [1, 2], [1, 2, 1, 2], INVALID),
    ("two slices", "$[:2,4:5]", TEN, [0, 1, 4], INVALID),
    ("filter and index", "$[?@>8,0]", TEN, [9, 0], INVALID),
    ("filter negative exponent", "$[?@.a==5e-1]", [{"a": 0.5}], [{"a": 0.5}], INVALID),
    ("filter escape in a value", "$[?@=='\\t']", ["\t"], ["\t"], INVALID),
    ("filter two literals", "$[?1==1]", [5], [5], INVALID),
    ("filter two roots", "$.i[?$.w==$.v]", {"w": 1, "v": 1, "i": [7]}, [7], INVALID),
    ("filter slice existence", "$[?@[1:3]]", [[1], [1, 2]], [[1, 2]], INVALID),
    ("filter names existence", "$[?@['a','b']]", [{"b": 1}, {}], [{"b": 1}], INVALID),
    ("filter root path existence", "$[?$.*.a]", [{"a": 1}, 2], [{"a": 1}, 2], INVALID),
    ("filter no wildcard", "$[?!@.*]", [[], [1]], [[]], INVALID),
    ("function on the right", "$[?@.a==count(@.*)]", [{"a": 1}], [{"a": 1}], INVALID),
    ("index minus leading zero", "$[-01]", ["a", "b"], INVALID, ["b"]),
    ("index other digits", "$[\uff11]", ["a", "b"], INVALID, ["b"]),
    ("slice minus zero", "$[-0:2]", TEN, INVALID, [0, 1]),
    ("slice overflow", "$[8:9007199254740992]", TEN, INVALID, [8, 9]),
    ("escaped single in double", '$["\\\'"]', {"'": 1}, INVALID, [1]),
    ("filter leading zero", "$[?@.a==01]", [{"a": 1}], INVALID, [{"a": 1}]),
    ("filter path in parentheses", "$[?(@.a)==1]", [{"a": 1}, 1], INVALID, [{"a": 1}]),
]
"""Name, path, document, what the RFC says, what is so here."""


def result(path, document):
    try:
        return compile_path(path).find(document)
    except JSONPathError:
        return INVALID


@pytest.mark.parametrize(
    ("path", "document", "expected"), [case[1:] for case in FOLLOWED], ids=[c[0] for c in FOLLOWED]
)
def test_paths_that_follow_the_rfc(path, document, expected):
    assert repr(result(path, document)) == repr(expected)  # True is not 1 here


@pytest.mark.parametrize(
    ("path", "document", "rfc", "here"),
    [case[1:] for case in DIFFERENT],
    ids=[c[0] for c in DIFFERENT],
)
def test_paths_that_do_not_follow_the_rfc(path, document, rfc, here):
    """Should one of them follow it one day, it moves into the other table."""
    found = result(path, document)

    assert repr(found) == repr(here)
    assert repr(found) != repr(rfc)


def test_the_document_lists_each_difference():
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Differences from RFC 9535")[2]
    rows = re.findall(r"(?m)^\| `(.+?)` \|[^|]*\| (error|accepted)", section)

    expected = {
        path: "error" if here is INVALID else "accepted" for _, path, _, _, here in DIFFERENT
    }
    assert dict(rows) == expected
