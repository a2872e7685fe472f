"""Laws of selectors: printing round-trips, and matching is what the documentation says."""

import string

from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.model.fields import parse_field_selector
from adapter.model.labels import Operator, Requirement, Selector, parse_selector

KEYS = ["a", "b", "in", "notin", "x.io/a", "app.kubernetes.io/name", "A_b.c-d"]
VALUES = ["", "a", "b", "in", "notin", "1", "5", "007", "99999999999999999999", "A_b.c-d"]

keys = st.sampled_from(KEYS)
values = st.one_of(
    st.sampled_from(VALUES),
    st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9])?\Z"),
)
label_sets = st.dictionaries(keys, values)

requirements = st.one_of(
    st.builds(
        Requirement.checked,
        keys,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(values, min_size=1, max_size=4),
    ),
    st.builds(
        lambda key, operator, value: Requirement.checked(key, operator, [value]),
        keys,
        st.sampled_from([Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS]),
        values,
    ),
    st.builds(
        lambda key, operator, bound: Requirement.checked(key, operator, [str(bound)]),
        keys,
        st.sampled_from([Operator.GREATER_THAN, Operator.LESS_THAN]),
        st.integers(0, 2**63 - 1),
    ),
    st.builds(
        Requirement.checked,
        keys,
        st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST]),
    ),
)
selectors = st.lists(requirements, max_size=4).map(lambda some: Selector(tuple(some)))


def selected(requirement: Requirement, labels: dict[str, str]) -> bool:
    """The documented meaning, spelt out case by case."""
    pairs = set(labels.items())
    wanted = {(requirement.key, value) for value in requirement.values}
    present = requirement.key in labels
    symbol = requirement.operator.value
    if symbol in {"=", "==", "in"}:
        return bool(pairs & wanted)
    if symbol in {"!=", "notin"}:
        return not pairs & wanted
    if symbol == "exists":
        return present
    if symbol == "!":
        return not present
    text = labels.get(requirement.key, "")
    if not text or set(text) - set(string.digits) or int(text) >= 2**63:
        return False
    bound = int(requirement.values[0])
    return int(text) > bound if symbol == "gt" else int(text) < bound


@given(selectors)
def test_parse_undoes_print(selector):
    assert parse_selector(str(selector)) == selector


@given(selectors, label_sets)
def test_matching_equals_the_documented_meaning(selector, labels):
    expected = all(selected(requirement, labels) for requirement in selector.requirements)

    assert selector.matches(labels) is expected


@given(selectors, selectors, label_sets)
def test_a_combination_matches_what_both_match(one, other, labels):
    assert (one & other).matches(labels) is (one.matches(labels) and other.matches(labels))


@given(st.text(alphabet='ab/-1=!<>(), \tinot\\"é', max_size=15))
def test_any_text_parses_or_is_a_bad_request(text):
    try:
        selector = parse_selector(text)
    except BadRequest:
        return
    assert parse_selector(str(selector)) == selector


field_values = st.text(alphabet="ab\\,=!- ", max_size=8)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["metadata.name", "metadata.namespace"]),
            st.sampled_from(["=", "==", "!="]),
            field_values,
        ),
        max_size=3,
    ),
    field_values,
    field_values,
)
def test_field_selectors_match_escaped_values(terms, namespace, name):
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")

    text = ",".join(f"{field}{operator}{escaped(value)}" for field, operator, value in terms)
    actual = {"metadata.name": name, "metadata.namespace": namespace}
    expected = all(
        (actual[field] == value) is (operator != "!=") for field, operator, value in terms
    )
    selector = parse_field_selector(text)

    assert selector.matches(namespace, name) is expected
    assert parse_field_selector(str(selector)) == selector


@given(st.text(alphabet="metadata.nspc=!\\,x", max_size=12))
def test_any_field_selector_parses_or_is_a_bad_request(text):
    try:
        selector = parse_field_selector(text)
    except BadRequest:
        return
    assert parse_field_selector(str(selector)) == selector
