"""No recording and no case lies here unread: each is a parameter of a test, or named by one."""

import importlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDERS = sorted(path.name for path in HERE.iterdir() if path.is_dir() and path.name[0] not in "_.")
ABOUT = {"README.md", "generate.go"}
"""What says of the others where they are from."""


def parameters(module):
    """Values that tests of *module* are run with; of a path the name."""
    marks = [mark for each in vars(module).values() for mark in getattr(each, "pytestmark", ())]
    values = [value for mark in marks if mark.name == "parametrize" for value in mark.args[1]]
    return {value.stem if isinstance(value, Path) else value for value in values}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_read_by_the_test_of_its_folder(folder):
    reader = importlib.import_module(f"golden.test_{folder}")
    text = Path(reader.__file__).read_text(encoding="utf-8")
    files = [path for path in (HERE / folder).iterdir() if path.name not in ABOUT]

    named = {path for path in files if f'"{path.stem}"' in text or f'"{path.name}"' in text}
    unread = {path for path in files if path.stem not in parameters(reader)} - named

    assert files
    assert sorted(path.name for path in unread) == []
