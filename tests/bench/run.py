"""``make bench``: measure everything, print a table, write ``bench.json``."""

import json
import sys
from pathlib import Path

# what benches share with the tests is imported by its folder, as tests do it
sys.path.insert(0, str(Path(__file__).parents[1]))

import decoding
import discovery
import hpa
import json_pods
import kubelets
import lists
import serving
import starting
from measure import Row, machine_factor
from rich.console import Console
from rich.table import Table

BENCHES = {
    "decoding": decoding.run,
    "lists": lists.run,
    "starting": starting.run,
    "kubelets": kubelets.run,
    "hpa": hpa.run,
    "json_pods": json_pods.run,
    "discovery": discovery.run,
    "serving": serving.run,
}


def main(names: list[str]) -> int:
    """Run the benches *names* (all when empty); 1 when a target does not hold."""
    rows: list[Row] = []
    for name in names or BENCHES:
        factor = machine_factor()
        rows.append(Row(f"machine, before {name} (1 = reference)", factor, "times slower"))
        rows += BENCHES[name](factor)
    table = Table("what", "value", "unit", "target", "holds")
    for row in rows:
        target = "" if row.target is None else f"≤ {row.target:g}"
        mark = "" if row.target is None else "yes" if row.holds else "NO"
        table.add_row(row.name, f"{row.value:.3g}", row.unit, target, mark)
    Console().print(table)
    Path("bench.json").write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
