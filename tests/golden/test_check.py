"""What ``viaduct check`` prints.

A case is a file: a rule file, a line of dashes, and the report. Where the rule file has a line
``# series:``, the comment lines below it are series.
"""

from pathlib import Path

import pytest

from adapter.cli import check

CASES = sorted(Path(__file__).parent.glob("check/*.txt"))
DASHES = "\n----------\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_reports(path, tmp_path, monkeypatch, capsys):
    text, expected = path.read_text(encoding="utf-8").split(DASHES)
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(text, encoding="utf-8")
    argv = ["rules.yaml"]
    _, mark, samples = text.partition("# series:\n")
    if mark:
        Path("series.txt").write_text(samples.replace("# ", ""), encoding="utf-8")
        argv += ["--series", "series.txt"]

    code = check.main(argv)

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (expected, "")
    assert code == int(" error: " in expected)
