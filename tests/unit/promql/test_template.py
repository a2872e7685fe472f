"""Templates: what is rendered is what Go renders, and all else is refused at its place."""

import pytest

from adapter.promql.template import TemplateError, parse_template

VALUES = {
    "Series": "foo",
    "LabelMatchers": 'a="b"',
    "GroupBy": "pod,container",
    "GroupBySlice": ["pod", "container"],
    "LabelValuesByName": {"namespace": "ns", "pod": "p"},
}

# Results of Go's text/template with these values and delimiters; tests/golden/templates has more.
RENDERED = [
    ("series <<.Series>>", "series foo"),
    ("<<.LabelMatchers>>", 'a="b"'),
    ('<<index .LabelValuesByName "namespace">>', "ns"),
    ('<<index .LabelValuesByName "none">>', ""),
    ("<<.LabelValuesByName.none>>", "<no value>"),
    ("<<.LabelValuesByName.pod>>", "p"),
    ("<<.GroupBySlice>>", "[pod container]"),
    ("<<.LabelValuesByName>>", "map[namespace:ns pod:p]"),
    ("a <<- .Series ->> b", "afoob"),
    ("a <<- .Series>> b", "afoo b"),
    ("a\n<<- .Series ->>\n b", "afoob"),
    ("<<range .GroupBySlice>>[<<.>>]<<end>>", "[pod][container]"),
    ("<<range $i, $v := .GroupBySlice>><<$i>>=<<$v>>,<<end>>", "0=pod,1=container,"),
    ("<<range $v := .GroupBySlice>><<$v>> <<$.Series>>;<<end>>", "pod foo;container foo;"),
    ("<<range $k, $v := .LabelValuesByName>><<$k>>=<<$v>>;<<end>>", "namespace=ns;pod=p;"),
    ("<<range .LabelValuesByName>><<.>>;<<else>>none<<end>>", "ns;p;"),
    ("<<if .Series>>yes<<else>>no<<end>>", "yes"),
    ('<<if eq .Series "foo">>A<<else if ne .Series "x">>B<<else>>C<<end>>', "A"),
    (
        '<<if not .Series>>A<<else if eq (index .LabelValuesByName "pod") "p">>B<<else>>C<<end>>',
        "B",
    ),
    ("<<len .GroupBySlice>>", "2"),
    ('<<len .Series>> <<len "é">>', "3 2"),
    ("<<index .GroupBySlice 1>>", "container"),
    ('<<"a\\n\\"b\\"">><<`raw\\n`>>', 'a\n"b"raw\\n'),
    ("<</* comment */>>x", "x"),
    ("a <<- /* comment */ ->> b", "ab"),
    ('<<eq .Series "a" "foo">>', "true"),
    ("<<true>><<false>>", "truefalse"),
    ("<<42>><<-3>>", "42-3"),
    ("<<- 3>>", "3"),
    ("x{<<.LabelMatchers>>}[5m] >> 3", 'x{a="b"}[5m] >> 3'),
    ('<<"\\x41é">>', "Aé"),
    ("<<range $i, $v := .GroupBySlice>><<if $i>>,<<end>><<$v>><<end>>", "pod,container"),
    ("<<index .LabelValuesByName .Series>>", ""),
    ('<<not 0>> <<not "">>', "true true"),
    ("<< .Series >>", "foo"),
    ("<<.Series>><<.GroupBy>>", "foopod,container"),
    (
        '<<printf "%s=%q, %d of %v" .Series .LabelMatchers 3 .GroupBySlice>>',
        r'foo="a=\"b\"", 3 of [pod container]',
    ),
    (
        '<<printf "%5s|%-5s|%.2s|%05d|%6.3d|%%" "ab" "ab" "abc" -7 7>>',
        "   ab|ab   |ab|-0007|   007|%",
    ),
    ('<<.Series | printf "%q">>', '"foo"'),
    ("<<.Series | len | eq 3>>", "true"),
    ("<<if and (gt (len .GroupBySlice) 1) (le 2 2)>>A<<end>>", "A"),
    ("<<or 0 .Series>> <<and .Series 0>>", "foo 0"),
    ("<<or .Series (index .GroupBySlice 7)>>", "foo"),
    ('<<print 1 2 "a" "b">> <<println 1 "a">>', "1 2ab 1 a\n"),
    (
        "<<range .GroupBySlice>><<range $.GroupBySlice>><<.>>,<<end>>;<<end>>",
        "pod,container,;pod,container,;",
    ),
]

FUNCTIONS = "and, eq, ge, gt, index, le, len, lt, ne, not, or, print, printf, println"

# Go refuses most of these, too; the others it renders, and we say that we cannot.
REFUSED = [
    ("<<index .GroupBySlice 7>>", "index 7 is out of range, the list has 2", 2),
    ('<<index .GroupBySlice "a">>', "index of a list must be an integer, not a string", 2),
    (
        "<<.Nope>>",
        (
            "unknown field .Nope; known: .GroupBy, .GroupBySlice, .LabelMatchers, "
            ".LabelValuesByName, .Series"
        ),
        2,
    ),
    ("<<html .Series>>", f"'html' is not supported; use {FUNCTIONS}, if or range", 2),
    ('<<printf "%x" 5>>', "printf does not support %x; use %s, %q, %v or %d", 2),
    ('<<printf "%+d" 5>>', "printf does not support the flags of %+d", 2),
    ('<<printf "%d" .Series>>', "printf cannot print a string by %d", 2),
    ('<<printf "%s">>', "printf has no argument for %s", 2),
    ('<<printf "%s" "a" "b">>', "printf has more arguments than its format prints", 2),
    ('<<printf "%2000s" "a">>', "printf does not print %2000s: more than 1000 wide", 2),
    ("<<printf>>", "printf takes a format, a string", 2),
    ("<<and>>", "and takes one argument or more", 2),
    ("<<lt 1>>", "lt takes two arguments", 2),
    ('<<lt 1 "a">>', "lt cannot compare an integer with a string", 2),
    ("<<>>", "<< >> is empty", 2),
    ("<<if>>x<<end>>", "did not expect '>>' here", 4),
    ("<<end>>", "<<end>> without <<if>> or <<range>>", 2),
    ("<<if .Series>>", "<<end>> is missing", 14),
    ("<<.Series", "<< is not closed by >>", 0),
    ("<<.Series}}>>", "cannot understand '}' here", 9),
    ("<<range .Series>><<end>>", "range cannot iterate over a string", 2),
    ("<<$x>>", "variable $x is not defined here", 2),
    ("<<.>>", ". stands for an element only inside range", 2),
    ("<<eq .Series 1>>", "eq cannot compare a string with an integer", 2),
    ("<<.Series | .GroupBy>>", "a pipeline goes on with a function", 12),
    ("<<.Series | >>", "a pipeline goes on with a function", 12),
    ("<<010>>", "write 010 without the leading zero", 2),
    ("<<9223372036854775808>>", "9223372036854775808 is too large", 2),
    ('<<"a\\xff">>', r"write a character instead of the byte \xff", 4),
    (r'<<"\ud800">>', r"\ud800 is no character", 3),
    (r'<<"\q">>', r"unknown escape \q", 3),
    ('<<"a""b">>', """a space is missing before '"b"'""", 5),
    ("<<(.LabelValuesByName).pod>>", "a space is missing before '.pod'", 22),
    ("<</* a */ .Series>>", "a comment must fill its << >>", 0),
    ("<<range $.x := .GroupBySlice>><<end>>", "a variable is $ and a name", 8),
    ("<<if .Series>>a<<else>>b<<else>>c<<end>>", "a second <<else>>", 26),
    (
        "<<range .GroupBySlice>><<.Series>><<end>>",
        "inside range . is the element; write $.Series",
        25,
    ),
    ("<<.Series.Foo>>", "cannot take field .Foo of a string", 2),
    ("<<.LabelValuesByName.a.b>>", "cannot take field .b of nothing", 2),
    ("<<foo .Series>>", f"'foo' is not supported; use {FUNCTIONS}, if or range", 2),
    ("<<'a'>>", 'cannot understand "\'" here', 2),
    ("<<1.5>>", "cannot understand '1' here", 2),
    (
        '<<template "x">>',
        f"'template' is not supported; use {FUNCTIONS}, if or range",
        2,
    ),
    (
        "<<with .Series>><<.>><<end>>",
        f"'with' is not supported; use {FUNCTIONS}, if or range",
        2,
    ),
    ("<<$x := .Series>><<$x>>", "variable $x is not defined here", 2),
    ("<<index .Series 0>>", "index of a string is not supported", 2),
    ("<<.LabelValuesByName.pod.x>>", "cannot take field .x of a string", 2),
    ("<<len 3>>", "cannot take len of an integer", 2),
    ('<<"a', "cannot understand '\"' here", 2),
    ('<<.Series "x">>', "expected >> before '\"x\"'", 10),
    ("<<nil>>", f"'nil' is not supported; use {FUNCTIONS}, if or range", 2),
    ("<<range $a, $b, $c := .GroupBySlice>><<end>>", "range has two variables at most", 19),
]


@pytest.mark.parametrize(("source", "text"), RENDERED, ids=[case[0] for case in RENDERED])
def test_renders_as_go_does(source, text):
    assert parse_template(source, VALUES).render(VALUES) == text


@pytest.mark.parametrize(
    ("source", "message", "position"), REFUSED, ids=[case[0] for case in REFUSED]
)
def test_refuses_with_the_place(source, message, position):
    with pytest.raises(TemplateError) as caught:
        parse_template(source, VALUES).render(VALUES)

    assert (str(caught.value), caught.value.position) == (message, position)


@pytest.mark.parametrize(
    ("begin", "middle", "end"),
    [
        ("<<print ", "(", ">>"),
        ("", "<<if .Series>>", ""),
        ("", "<<range $.GroupBySlice>>", ""),
        ("<<if .Series>>", "<<else if .GroupBy>>", ""),
    ],
)
def test_refuses_what_is_nested_without_end(begin, middle, end):
    with pytest.raises(TemplateError, match="nested more than 50 deep"):
        parse_template(begin + middle * 5_000 + end, VALUES)


def test_unknown_field_gets_a_hint():
    with pytest.raises(TemplateError, match=r"did you mean \.LabelMatchers\?"):
        parse_template("<<.LabelMatcher>>", VALUES)


def test_knows_which_fields_it_uses():
    source = "<<if .Series>><<range .GroupBySlice>><<$.GroupBy>><<end>><<end>>"

    assert parse_template(source, VALUES).fields == {"Series", "GroupBySlice", "GroupBy"}


@pytest.mark.parametrize(
    "source",
    [
        "sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m])) by (<<.GroupBy>>)",
        '<<index .LabelValuesByName "pod">><<index .GroupBySlice 0>>',
        "<<range $k, $v := .LabelValuesByName>><<$k>>=<<$v>><<else>>none<<end>>",
        '<<printf "%s=%q%%" .Series .GroupBy>><<print .Series | println>>',
    ],
)
def test_is_straight_when_it_only_prints(source):
    assert parse_template(source, VALUES).straight


@pytest.mark.parametrize(
    "source",
    [
        "<<if .Series>>a<<end>>",
        "<<len .Series>>",
        '<<eq .Series "a">>',
        "<<range .GroupBySlice>><<len .>><<end>>",
        "<<index .LabelValuesByName .Series>>",
        '<<"pod" | index .LabelValuesByName>>',
        '<<printf "%.3s" .Series>>',
        '<<printf "%20s" .Series>>',
        "<<printf .Series>>",
        "<<or .Series .GroupBy>>",
        "<<print (not .Series)>>",
    ],
)
def test_is_not_straight_when_a_text_decides(source):
    assert not parse_template(source, VALUES).straight
