"""Rule files as they are found in the wild, and the PromQL we make of them.

A case is a file: a rule file, a line of dashes, and every query it gives. Each was written for
prometheus-adapter and is taken unchanged.
"""

from pathlib import Path

import promql_parser
import pytest

from adapter.rules.load import load_rule_file
from adapter.rules.query import ResourceQueries

CASES = sorted(Path(__file__).parent.glob("rules/*.txt"))
DASHES = "\n----------\n"


def rendered(text):
    """Every query of the resource rules in *text*, a heading and a paragraph each."""
    queries = ResourceQueries.from_rules(load_rule_file(text, "rules.yaml").resource_rules)
    found = {}
    for metric, containers, nodes in (
        ("cpu", queries.cpu_containers, queries.cpu_nodes),
        ("memory", queries.memory_containers, queries.memory_nodes),
    ):
        for kind in ("values", "timestamps", "windows"):
            if containers is not None and getattr(containers, kind) is not None:
                template = getattr(containers, kind)
                found[metric, "pods of shop", kind] = containers.render(template, "shop")
                found[metric, "all pods", kind] = containers.render(template, None)
            if nodes is not None and getattr(nodes, kind) is not None:
                found[metric, "nodes", kind] = nodes.render(getattr(nodes, kind))
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_queries_of_rule_files(path):
    rules, expected = path.read_text(encoding="utf-8").split(DASHES)

    queries = rendered(rules)

    text = "".join(f"{', '.join(name)}:\n{query.strip()}\n\n" for name, query in queries.items())
    assert text.strip() == expected.strip()
    for query in queries.values():
        promql_parser.parse(query)
