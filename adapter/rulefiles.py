"""Rule files on disk: which files a path means, and what is in them.

Apart from `adapter.rules`, which does no I/O. A directory is usually a mounted ConfigMap: its keys
are links through ``..data``, which is itself a link that kubelet swaps when the ConfigMap changes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from adapter.errors import ConfigError
from adapter.rules.yamltext import MAX_BYTES

SUFFIXES = (".yaml", ".yml")


def read_rule_files(paths: Iterable[str]) -> list[tuple[str, bytes]]:
    """Read the files at *paths*, in the order given; of a directory its ``*.yaml`` and ``*.yml``.

    Files of a directory come sorted by name. Names that begin with a dot, and directories in it,
    are left out. Of a file that is too large only the beginning is read, enough to refuse it.

    Raises:
        ConfigError: With every path that cannot be read, and every directory without a rule file.
    """
    found: list[tuple[str, bytes]] = []
    problems: list[str] = []
    for path in paths:
        try:
            files = list(_files(Path(path)))
            found += [(str(file), _content(file)) for file in files]
        except OSError as error:
            problems.append(f"cannot read {path}: {error.strerror or error}")
            continue
        if not files:
            problems.append(f"{path} has no rule file: none is called *.yaml or *.yml")
    if problems:
        raise ConfigError(problems)
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.iterdir()):
        if file.suffix in SUFFIXES and not file.name.startswith(".") and not file.is_dir():
            yield file


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)
