"""Where in a YAML text a value stands, so that a problem is reported with line and column."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import yaml


class Position(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int


class Document:
    """A YAML text with its node tree.

    Raises:
        yaml.YAMLError: The text is no YAML, or holds several documents.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        loader = yaml.CSafeLoader(text)
        try:
            self._root: yaml.Node | None = loader.get_single_node()
            self.duplicates = list(_duplicates(self._root))
            self.data: object = (
                None if self._root is None else loader.construct_document(self._root)
            )
        finally:
            loader.dispose()

    def position(self, path: Sequence[int | str], offset: int | None = None) -> Position:
        """Position of the value at *path*, or of the last part of it that exists.

        Args:
            path: Keys and indexes from the root.
            offset: Character within the value, a text. Where the text stands in the file as it
                is (no escapes, not folded), the position is that of the character.
        """
        if self._root is None:
            return Position(1, 1)
        node = self._root
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            node = child
        if offset is not None and isinstance(node, yaml.ScalarNode):
            return self._within(node, offset)
        return _position(node.start_mark)

    def key_position(self, path: Sequence[int | str]) -> Position:
        """Position of the key at the end of *path*; falls back to `position`."""
        parent: yaml.Node | None = self._root
        for part in path[:-1]:
            parent = None if parent is None else _child(parent, part)
        if isinstance(parent, yaml.MappingNode) and path:
            for key, _ in parent.value:
                if key.value == path[-1]:
                    return _position(key.start_mark)
        return self.position(path)

    def _within(self, node: yaml.ScalarNode, offset: int) -> Position:
        before = node.value[:offset]
        line_of_value = node.value.splitlines()[before.count("\n")] if node.value else ""
        in_line = offset - (before.rfind("\n") + 1)
        for number in range(node.start_mark.line, min(node.end_mark.line + 1, len(self._lines))):
            begin = node.start_mark.column if number == node.start_mark.line else 0
            found = self._lines[number].find(line_of_value, begin) if line_of_value else -1
            if found >= 0:
                return Position(number + 1, found + in_line + 1)
        return _position(node.start_mark)


def _position(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _child(node: yaml.Node, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        item: yaml.Node = node.value[part]
        return item
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                found: yaml.Node = value
                return found
    return None


def _duplicates(root: yaml.Node | None) -> Iterator[tuple[str, Position]]:
    """Yield keys given twice in one mapping; YAML would silently take the last."""
    seen: set[int] = set()
    todo = [] if root is None else [root]
    while todo:
        node = todo.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            todo += [value for _, value in reversed(node.value)]
            yield from _duplicate_keys(node)


def _duplicate_keys(node: yaml.MappingNode) -> Iterator[tuple[str, Position]]:
    known: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in known:
            yield key.value, _position(key.start_mark)
        known.add(key.value)
