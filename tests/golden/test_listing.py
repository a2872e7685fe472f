"""Sample configurations of prometheus-adapter, and the metrics they list from given series.

A case is a file: rules, a line of dashes, series in the text format, a line of dashes, and every
metric with its resources and its query for one object. Two of the peer's samples are no YAML as it
ships them; they are here in corrected form.
"""

from pathlib import Path

import promql_parser
import pytest

from adapter.exposition.text import parse_lines
from adapter.rules.load import load_rule_texts
from adapter.rules.preview import preview, series_of

CASES = sorted(Path(__file__).parent.glob("listing/*.txt"))
DASHES = "\n----------\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_metrics_of_sample_configurations(path):
    rules, samples, expected = path.read_text(encoding="utf-8").split(DASHES)
    loaded = load_rule_texts([("rules.yaml", rules.encode())])
    series = series_of((one.name, one.labels) for one in parse_lines(samples.encode()))

    served = preview(loaded, series)

    assert loaded.errors == ()
    found = [str(warning) for warning in loaded.warnings]
    for one in served:
        what = f"hidden by {one.hidden_by}" if one.hidden_by else ", ".join(one.resources)
        found += [f"{one.api}/{one.name} [{what}]", f"    {one.query}"]
        assert one.query.startswith("error: ") or promql_parser.parse(one.query)
    assert "\n".join(found) == expected.strip()
