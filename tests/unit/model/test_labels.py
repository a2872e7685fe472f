"""Label selectors; error texts are kube-apiserver's."""

import re
import tracemalloc

import pytest

from adapter.errors import BadRequest
from adapter.model.labels import EVERYTHING, Operator, Requirement, Selector, parse_selector

NAME_REGEX = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{NAME_REGEX}')"
)
SUBDOMAIN_RULE = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
    "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
    "'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    f" or '12345', regex used for validation is '({NAME_REGEX})?')"
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("   ", ""),
        ("a", "a"),
        ("!a", "!a"),
        ("! a", "!a"),
        ("a=b", "a=b"),
        (" a = b ", "a=b"),
        ("a==b", "a==b"),
        ("a!=b", "a!=b"),
        ("a=", "a="),
        ("a=,b", "a=,b"),
        ("a in (x)", "a in (x)"),
        ("a in(y,x,y)", "a in (x,y)"),
        ("a notin ( x , y )", "a notin (x,y)"),
        ("a in ()", "a in ()"),
        ("a in (,)", "a in ()"),
        ("a in (,x,,)", "a in (,x)"),
        ("a>1", "a>1"),
        ("a < -3", None),
        ("b=2,a=1", "a=1,b=2"),
        ("in", "in"),
        ("in in (in,notin)", "in in (in,notin)"),
        ("notin=in", "notin=in"),
        ("app.kubernetes.io/name in (svc-000,svc-008)",) * 2,
        ("a\t=\nb", "a=b"),
        ("a,a=b,!a", "a,a=b,!a"),
    ],
)
def test_selectors_parse_and_print(text, canonical):
    if canonical is None:  # a label value cannot start with a sign, so neither can a bound
        with pytest.raises(BadRequest):
            parse_selector(text)
        return
    selector = parse_selector(text)

    assert str(selector) == canonical
    assert selector.empty is (canonical == "")
    assert parse_selector(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a===b!!", "unable to parse requirement: found '=', expected: identifier"),
        ("a=!b", "unable to parse requirement: found '!', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!a", "unable to parse requirement: found '!', expected: identifier"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in (,=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
        (
            "a>x",
            (
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
                "operators, the value must be an integer"
            ),
        ),
        (
            "a<9223372036854775808",
            (
                "unable to parse requirement: values[0]: Invalid value: "
                "\"9223372036854775808\": for 'Gt', 'Lt' operators, the value must be an integer"
            ),
        ),
        (
            "-a",
            f'unable to parse requirement: <nil>: Invalid value: "-a": name part {NAME_RULE}',
        ),
        (
            "x/",
            (
                'unable to parse requirement: <nil>: Invalid value: "x/": name part must be '
                f"non-empty; name part {NAME_RULE}"
            ),
        ),
        (
            "/x",
            (
                'unable to parse requirement: <nil>: Invalid value: "/x": prefix part must be '
                "non-empty"
            ),
        ),
        (
            "X/y",
            f'unable to parse requirement: <nil>: Invalid value: "X/y": {SUBDOMAIN_RULE}',
        ),
        (
            "x/y/z",
            (
                'unable to parse requirement: <nil>: Invalid value: "x/y/z": a valid label key '
                f"{NAME_RULE} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')"
            ),
        ),
        (
            "a" * 64,
            (
                f'unable to parse requirement: <nil>: Invalid value: "{"a" * 64}": name part must '
                "be no more than 63 bytes"
            ),
        ),
        (
            "a=-b",
            f'unable to parse requirement: values[0][a]: Invalid value: "-b": {VALUE_RULE}',
        ),
        (
            f"a={'b' * 64}",
            (
                f'unable to parse requirement: values[0][a]: Invalid value: "{"b" * 64}": must be '
                "no more than 63 bytes"
            ),
        ),
        (
            "a in (-x,y,-z)",
            (
                f'unable to parse requirement: [values[0][a]: Invalid value: "-x": {VALUE_RULE}, '
                f'values[1][a]: Invalid value: "-z": {VALUE_RULE}]'
            ),
        ),
    ],
)
def test_bad_selectors_are_refused_in_kubes_words(text, message):
    with pytest.raises(BadRequest) as caught:
        parse_selector(text)

    assert str(caught.value) == message
    assert caught.value.details is False


LABELS = {"app": "web", "tier": "", "rank": "5", "odd": "x5"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app", True),
        ("none", False),
        ("!app", False),
        ("!none", True),
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("none=web", False),
        ("none=", False),
        ("tier=", True),
        ("app!=web", False),
        ("app!=db", True),
        ("none!=web", True),
        ("app in (db,web)", True),
        ("app in (db)", False),
        ("none in (db)", False),
        ("none in ()", False),
        ("tier in ()", True),
        ("app notin (db)", True),
        ("app notin (web)", False),
        ("none notin (web)", True),
        ("rank>4", True),
        ("rank>5", False),
        ("rank<6", True),
        ("rank<5", False),
        ("odd>1", False),
        ("none<9", False),
        ("tier>0", False),
        ("app=web,rank>4", True),
        ("app=web,rank>5", False),
        ("app=web,tier=", True),
    ],
)
def test_matching(text, expected):
    assert parse_selector(text).matches(LABELS) is expected


def test_everything_matches_everything():
    assert EVERYTHING.empty
    assert EVERYTHING.matches({})
    assert str(EVERYTHING) == ""


def test_selectors_combine():
    both = parse_selector("b=2") & parse_selector("a")

    assert str(both) == "a,b=2"
    assert both.matches({"a": "", "b": "2"})
    assert not both.matches({"b": "2"})


def test_selector_is_a_value():
    direct = Selector((Requirement("app", Operator.EQUALS, ("web",)),))

    assert direct == parse_selector("app=web")
    assert hash(direct) == hash(parse_selector("app=web"))


@pytest.mark.parametrize(
    ("operator", "values", "problem"),
    [
        (Operator.IN, (), "values set can't be empty"),
        (Operator.EQUALS, ("a", "b"), "exact-match compatibility requires one single value"),
        (Operator.EXISTS, ("a",), "values set must be empty for exists and does not exist"),
        (Operator.LESS_THAN, (), "exactly one value is required"),
    ],
)
def test_requirements_are_checked(operator, values, problem):
    with pytest.raises(BadRequest, match=problem):
        Requirement.checked("app", operator, values)


def test_requirement_values_are_sorted_without_repeats():
    assert Requirement.checked("a", Operator.IN, ["y", "x", "y"]).values == ("x", "y")


LARGEST = ",".join(f"k{number}" for number in range(1000))
MANY_VALUES = "a in (" + ",".join(map(str, range(10_000))) + ")"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(f"{LARGEST},x", "at most 1000 requirements", id="requirements"),
        pytest.param(MANY_VALUES.replace(")", ",x,y)"), "at most 10000 values", id="values"),
        pytest.param("(" * 60_000, "found '(', expected: !, identifier", id="symbols"),
    ],
)
def test_what_would_cost_much_is_refused(text, message):
    with pytest.raises(BadRequest, match=re.escape(message)):
        parse_selector(text)


def test_the_largest_selectors_that_are_read():
    assert len(parse_selector(LARGEST).requirements) == 1000
    (requirement,) = parse_selector(MANY_VALUES).requirements
    assert len(requirement.values) == 10_000


def test_selectors_that_are_sent_do_not_fill_the_memory():
    tracemalloc.start()
    for number in range(300):
        parse_selector(f"a{number} in ({'x' * 60},{','.join(['y' * 60] * 300)})")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000
