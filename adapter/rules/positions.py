"""A YAML text as data and as nodes, so that a problem is reported with line and column.

PyYAML's C loader is fast but trusting: nesting of tens of thousands of levels crashes the process,
aliases grow exponentially once followed, and a number or date that is none raises ``ValueError``.
All three are refused here, with their place.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml

MAX_DEPTH = 64
"""Levels of nesting; a rule file has ten."""

MAX_SIZE = 4 << 20
"""Characters of all values once aliases are followed; four times the largest file."""

_NODE_SIZE = 16
"""What a value counts for besides its characters: building it costs time, however short it is."""


class Position(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int


class Document:
    """A YAML text with its node tree.

    Attributes:
        data: What it holds; None for an empty text.
        duplicates: Keys given twice in one mapping.
        more: Where a second document begins; what follows there is not read.

    Raises:
        yaml.YAMLError: The text is no YAML, or too large once aliases are followed.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        _check_depth(text)
        loader = yaml.CSafeLoader(text)
        try:
            self._root: yaml.Node | None = loader.get_node() if loader.check_node() else None
            self.more = _begin_of_next(loader)
            _check_size(self._root)
            self.duplicates = list(_duplicates(self._root))
            self.data: object = None if self._root is None else _construct(loader, self._root)
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
                if key.value == str(path[-1]):
                    return _position(key.start_mark)
        return self.position(path)

    def _within(self, node: yaml.ScalarNode, offset: int) -> Position:
        before = node.value[:offset]
        lines = node.value.splitlines()
        row = before.count("\n")
        line_of_value = lines[row] if row < len(lines) else ""
        in_line = offset - (before.rfind("\n") + 1)
        for number in range(node.start_mark.line, min(node.end_mark.line + 1, len(self._lines))):
            begin = node.start_mark.column if number == node.start_mark.line else 0
            found = self._lines[number].find(line_of_value, begin) if line_of_value else -1
            if found >= 0:
                return Position(number + 1, found + in_line + 1)
        return _position(node.start_mark)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the composer, which calls itself for each level, meets it."""
    depth = 0
    event: Any
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(
                None, None, f"more than {MAX_DEPTH} levels of nesting", event.start_mark
            )


def _begin_of_next(loader: yaml.CSafeLoader) -> Position | None:
    """Find a further document that holds something."""
    while loader.check_node():
        node: Any = loader.get_node()
        if not (isinstance(node, yaml.ScalarNode) and not node.value):
            return _position(node.start_mark)
    return None


def _construct(loader: yaml.CSafeLoader, root: yaml.Node) -> object:
    try:
        return loader.construct_document(root)
    except (ValueError, OverflowError):
        for node in _nodes(root):
            if isinstance(node, yaml.ScalarNode) and not _constructs(node):
                kind = node.tag.rpartition(":")[2]
                what = f"{node.value[:40]!r} is no {kind}"
                raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from None
        raise


def _constructs(node: yaml.ScalarNode) -> bool:
    try:
        yaml.constructor.SafeConstructor().construct_document(node)
    except ValueError:
        return False
    return True


def _check_size(root: yaml.Node | None) -> None:
    """Refuse what grows too large, or forever, when its aliases are followed."""
    sizes: dict[int, int] = {}
    todo: list[tuple[yaml.Node, bool]] = [] if root is None else [(root, False)]
    open_nodes: set[int] = set()
    while todo:
        node, leaving = todo.pop()
        if leaving:
            open_nodes.discard(id(node))
            size = _NODE_SIZE + sum(sizes[id(child)] for child in _children(node))
            if size > MAX_SIZE:
                what = "too large once its aliases are followed"
                raise yaml.composer.ComposerError(None, None, what, node.start_mark)
            sizes[id(node)] = size
        elif id(node) in open_nodes:
            what = "an alias of what it stands in"
            raise yaml.composer.ComposerError(None, None, what, node.start_mark)
        elif isinstance(node, yaml.ScalarNode):
            sizes[id(node)] = _NODE_SIZE + len(node.value)
        elif id(node) not in sizes:
            open_nodes.add(id(node))
            todo.append((node, True))
            todo += ((child, False) for child in _children(node))


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every node once, in the order of the text."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            todo += reversed(_children(node))


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _child(node: yaml.Node, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        item: yaml.Node | None = node.value[part] if part < len(node.value) else None
        return item
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                found: yaml.Node = value
                return found
    return None


def _duplicates(root: yaml.Node | None) -> Iterator[tuple[str, Position]]:
    """Yield keys given twice in one mapping; YAML would silently take the last."""
    for node in _nodes(root) if root is not None else ():
        if isinstance(node, yaml.MappingNode):
            yield from _duplicate_keys(node)


def _duplicate_keys(node: yaml.MappingNode) -> Iterator[tuple[str, Position]]:
    known: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in known:
            yield key.value, _position(key.start_mark)
        known.add(key.value)
