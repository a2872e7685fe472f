"""Laws of rules with ``json``: what is not told as an error works, and nothing secret is told."""

import json

from hypothesis import given
from hypothesis import strategies as st

from adapter.rules.json_rules import compile_pods_metric, compile_url_metric
from adapter.rules.load import load_rule_texts
from adapter.rules.preview import preview


def some(**fields):
    """Mappings with any of *fields*."""
    return st.fixed_dictionaries({}, optional=fields)


def one_of(*values):
    return st.sampled_from(values)


EXPRESSIONS = one_of("$.a", "$", "$..b", "$[0][*]", "{.a}", "a", "", "$.[", "$.a[?(@.b > 1)]")
FIELDS = {
    "pods": some(
        selector=one_of("", "a=b", "a in (b", "!c", 5),
        namespaces=st.lists(one_of("a", "A", "a-b", "*"), max_size=2),
        includeNotReady=st.booleans(),
        minReadyAge=one_of("0s", "5s"),
    ),
    "port": one_of(0, 80, 65536, "80", "http", "a--b", "-", True, None, 1.5),
    "path": one_of("", "/", "/a b", "/a?token=hunter2", "//a", "/#"),
    "url": one_of("", "http://a", "https://b:x/", "ftp://c", "http://u:hunter2@d/", "http://[::1"),
    "query": EXPRESSIONS,
    "each": EXPRESSIONS,
    "timestamp": EXPRESSIONS,
    "labels": st.dictionaries(one_of("a", "-a", "b/c", ""), EXPRESSIONS, max_size=2),
    "interval": one_of("0s", "15s", "1h", "often"),
    "timeout": one_of("0s", "5s", "2h"),
    "headers": st.lists(
        some(name=one_of("A", "a", "Host", "a b", "Cookie"), value=one_of("hunter2", "a\nb")),
        max_size=2,
    ),
    "auth": some(
        bearerFile=one_of("", "/t"), basic=st.just({"username": "u", "passwordFile": "/p"})
    ),
    "tls": some(serverName=one_of("", "a.b", "a b", "1.2"), insecureSkipVerify=st.booleans()),
}
OTHERS = {
    "metric": one_of("", "m", "a-b.c", "a/b"),
    "json": one_of(None, []),
    "maxAge": one_of("0s", "5s", "5m"),
    "allowedNamespaces": st.lists(one_of("a", "*"), max_size=1),
    "backend": one_of("", "default", "eu"),
}


def changed(entry, fields):
    """*entry* with other values for two of *fields* at most: most mistakes come alone."""
    changes = [st.tuples(st.just(name), values) for name, values in fields.items()]
    few = st.lists(st.one_of(changes), max_size=2).map(dict)
    return st.builds(lambda entry, few: {**entry, **few}, entry, few)


def rules(section):
    right = changed(st.just(section), FIELDS)
    entry = st.fixed_dictionaries({"metric": st.just("m"), "json": right})
    return st.lists(st.one_of(entry, changed(entry, OTHERS)), max_size=3)


FILES = st.fixed_dictionaries(
    {
        "rules": rules({"pods": {"selector": "a=b"}, "port": 80, "query": "$.a"}),
        "externalRules": rules({"url": "https://a/b?key=hunter2", "query": "$.a"}),
    }
)


@given(FILES)
def test_what_has_no_error_can_be_made_ready(rule_file):
    """And what has one is told at a place, whatever else is wrong, without a secret."""
    loaded = load_rule_texts([("r.yaml", json.dumps(rule_file).encode())])

    for name, ready in (("rules", compile_pods_metric), ("external_rules", compile_url_metric)):
        section = "externalRules" if name == "external_rules" else name
        for number, rule in enumerate(getattr(loaded.rule_file, name)):
            rule_id = f"{section}[{number}]"
            if rule.json_ is not None and rule_id not in loaded.broken:
                assert ready(rule, rule_id, number).policy.max_age > 0
    told = [*map(str, loaded.findings), *(served.query for served in preview(loaded, None))]
    assert not [text for text in told if "hunter2" in text]
