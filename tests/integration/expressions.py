"""PromQL expressions made at random, each in its narrow and its wide form.

They are as rules write them, right and wrong: with aggregations that keep the labels of the object
or drop them, joins on them or not, functions of one series and functions of all.
"""

from typing import NamedTuple

from hypothesis import strategies as st

SENTINELS = {"pod": "X0podX", "namespace": "X0namespaceX"}
OTHERS = ["code", "node"]


class Query(NamedTuple):
    """The same query for one object and for all; *fixed* are the labels of the object."""

    narrow: str
    wide: str

    def map(self, pattern, *others):
        """Both forms of *pattern*, which has a ``%s`` for this query and each of *others*."""
        queries = (self, *others)
        return Query(
            pattern % tuple(query.narrow for query in queries),
            pattern % tuple(query.wide for query in queries),
        )


def literal(text):
    return Query(text, text)


@st.composite
def label_lists(draw, fixed, *, keep):
    """The labels of a clause: *keep* is how the clause keeps those of the object.

    In one of four the object's labels are the wrong way round, or in the wide form only.
    """
    others = draw(st.lists(st.sampled_from(OTHERS), unique=True))
    right = [*fixed] if keep else []
    wrong = draw(st.lists(st.sampled_from(sorted(SENTINELS)), unique=True))
    wide = draw(st.sampled_from([right, right, right, wrong]))
    narrow = draw(st.sampled_from([wide, wide, [*right, *wrong]]))
    return Query(", ".join(narrow + others), ", ".join(wide + others))


@st.composite
def clauses(draw, fixed):
    """What stands behind an aggregation."""
    word = draw(st.sampled_from(["by", "by", "by", "without", ""]))
    if not word:
        return literal("")
    return draw(label_lists(fixed, keep=word == "by")).map(word + " (%s) ")


@st.composite
def matchings(draw, fixed):
    """What stands behind a binary operator."""
    word = draw(st.sampled_from(["", "", "on", "on", "ignoring"]))
    if not word:
        return literal("")
    matching = draw(label_lists(fixed, keep=word == "on")).map(word + " (%s) ")
    group = draw(
        st.sampled_from(["", "", "group_left () ", "group_right () ", "group_left (zone) "])
    )
    return matching.map("%s" + group)


@st.composite
def selectors(draw, fixed, metrics=("depth", "limit", "requests_total")):
    """A selector with the matchers of the object, or one of four times without one of them."""
    name = draw(st.sampled_from(metrics))
    extra = draw(st.sampled_from(["", 'code="200"', 'code!~"5.."', 'node=~"n1|n2"', 'pod!="a"']))
    given_labels = draw(st.sampled_from([fixed, fixed, fixed, fixed, fixed, fixed[:1], []]))
    op, every = draw(
        st.sampled_from([("=", '!=""'), ("=", '!=""'), ("=~", '=~".+"'), ("=~", '!=""')])
    )
    narrow = [f'{label}{op}"{SENTINELS[label]}"' for label in given_labels]
    wide = [f"{label}{every}" for label in given_labels]
    others = ['world="WORLD"', *([extra] if extra else [])]
    query = Query(",".join([*others, *narrow]), ",".join([*others, *wide]))
    return query.map(name + "{%s}" + draw(st.sampled_from(["", "", "", " offset 1m"])))


def ranges(fixed, inner):
    """A range vector, and a function of each of its series."""
    functions = ["rate", "increase", "delta", "max_over_time", "sum_over_time", "changes"]
    counters = selectors(fixed, metrics=("requests_total",))
    plain = st.builds(
        lambda query, function: without_offset(query).map(f"{function}(%s[5m])"),
        counters,
        st.sampled_from([*functions, "count_over_time", "idelta", "absent_over_time"]),
    )
    sub = st.builds(
        lambda query, function: query.map(f"{function}((%s)[3m:30s])"),
        inner,
        st.sampled_from(["max_over_time", "avg_over_time", "last_over_time"]),
    )
    return st.one_of(plain, plain, sub)


def without_offset(query):
    return Query(*(text.removesuffix(" offset 1m") for text in query))


def aggregations(fixed, inner):
    return st.builds(
        lambda operator, clause, query: clause.map(operator, query),
        st.sampled_from(
            [
                "sum %s(%s)",
                "sum %s(%s)",
                "avg %s(%s)",
                "max %s(%s)",
                "min %s(%s)",
                "count %s(%s)",
                "stddev %s(%s)",
                "group %s(%s)",
                "topk %s(1, %s)",
                "bottomk %s(2, %s)",
                "quantile %s(0.5, %s)",
                'count_values %s("value", %s)',
            ]
        ),
        clauses(fixed),
        inner,
    )


def operations(fixed, inner):
    """Binary operators between vectors, and between a vector and a number."""
    sides = st.one_of(inner, selectors(fixed), node_infos())
    vectors = st.builds(
        lambda left, operator, matching, right: left.map(
            "(%s) " + operator + " %s (%s)", matching, right
        ),
        sides,
        st.sampled_from(["+", "-", "*", "/", ">", "== bool", "and", "or", "unless"]),
        matchings(fixed),
        sides,
    )
    scalars = st.builds(
        lambda query, pattern: query.map(pattern),
        inner,
        st.sampled_from(
            [
                "%s * 2",
                "1 - %s",
                "%s > 3",
                "%s >= bool 3",
                "%s / (2 ^ 3)",
                "(%s) + time() * 0",
                "%s or vector(0)",
                "%s * scalar(max(limit))",
            ]
        ),
    )
    return st.one_of(vectors, scalars)


@st.composite
def node_infos(draw):
    """A vector that has nothing to do with the object."""
    return literal(
        draw(
            st.sampled_from(
                [
                    'node_info{world="WORLD"}',
                    "sum by (node) (limit)",
                    'limit{world="WORLD"}',
                    'max by (pod, code) (limit{world="WORLD"})',
                ]
            )
        )
    )


def calls(inner):
    """Functions of an instant vector."""
    return st.builds(
        lambda query, pattern: query.map(pattern),
        inner,
        st.sampled_from(
            [
                "abs(%s)",
                "ceil(%s)",
                "round(%s, 2)",
                "clamp_max(%s, 5)",
                "sgn(%s)",
                "-(%s)",
                "sort(%s)",
                "timestamp(%s)",
                "hour(%s)",
                'label_replace(%s, "who", "$1", "pod", "(.*)")',
                'label_replace(%s, "pod", "other", "code", "200")',
                'label_join(%s, "all", "-", "namespace", "code")',
                "absent(%s)",
                "scalar(%s) + 0 * depth",
                "vector(scalar(%s))",
            ]
        ),
    )


def histograms(fixed):
    buckets = selectors(fixed, metrics=("latency_seconds_bucket",))
    return st.builds(
        lambda query, clause: clause.map(
            "histogram_quantile(0.9, sum %s(rate(%s[5m])))", without_offset(query)
        ),
        buckets,
        label_lists(fixed, keep=True).map(lambda labels: labels.map("by (le, %s) ")),
    )


@st.composite
def queries(draw):
    """A query and the labels it is for."""
    fixed = draw(st.sampled_from([["pod"], ["pod"], ["namespace", "pod"]]))
    leaves = st.one_of(selectors(fixed), ranges(fixed, selectors(fixed)), histograms(fixed))
    merged = aggregations(fixed, selectors(fixed))
    leaves = st.one_of(leaves, merged, operations(fixed, merged), calls(merged))
    query = st.recursive(
        leaves,
        lambda inner: st.one_of(
            aggregations(fixed, inner),
            aggregations(fixed, inner),
            operations(fixed, inner),
            calls(inner),
            ranges(fixed, inner),
        ),
        max_leaves=4,
    )
    return draw(query), fixed
