"""Large documents made small before they are checked against a schema.

A validator looks at each number of a million, at some microseconds each. Entries of one list that have the
same keys and types are all right or all wrong, so that one of them is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reduced:
    """A document of which the lists have each kind of entry once.

    Attributes
    ----------
    document
        What remains, with the first entry of each kind.
    """

    document: Any
    _places: Mapping[int, list[int]]  # by identity of a list that remains, where its entries were

    def original(self, path: Iterable[str | int]) -> list[str | int]:
        """Where a place of the reduced document was in the whole one."""
        node, found = self.document, []
        for part in path:
            found.append(self._places[id(node)][part] if isinstance(part, int) else part)
            node = node[part]
        return found


def reduced(document: Any, words: frozenset[str]) -> Reduced:
    """A document that a schema accepts exactly where it accepts the whole one.

    Parameters
    ----------
    document
        Parsed JSON.
    words
        The texts that the schema tells from others, as in ``const`` and ``enum``. It must not look at texts
        in other ways (``pattern``), nor at lists as a whole beyond their being empty (``uniqueItems``).
    """
    places: dict[int, list[int]] = {}
    return Reduced(_reduce(document, words, places)[0], places)


def words_of(schema: Any) -> frozenset[str]:
    """All texts that a schema has as ``const`` or in an ``enum``."""
    if isinstance(schema, list):
        return frozenset().union(*map(words_of, schema))
    if not isinstance(schema, dict):
        return frozenset()
    own = [schema.get("const"), *schema.get("enum", ())]
    return frozenset(word for word in own if isinstance(word, str)).union(*map(words_of, schema.values()))


def _reduce(node: Any, words: frozenset[str], places: dict[int, list[int]]) -> tuple[Any, object]:
    """What remains of a node, and its kind."""
    if isinstance(node, dict):
        parts = {key: _reduce(value, words, places) for key, value in node.items()}
        kind = tuple((key, shape) for key, (_, shape) in parts.items())
        return {key: value for key, (value, _) in parts.items()}, (dict, kind)
    if isinstance(node, list):
        return _reduce_list(node, words, places)
    if isinstance(node, str):
        return node, (node if node in words else str)
    return node, type(node)


def _reduce_list(
    node: list[Any], words: frozenset[str], places: dict[int, list[int]]
) -> tuple[list[Any], object]:
    types = list(map(type, node))
    first: dict[object, tuple[int, Any]] = {}
    if set(types) <= {int, float}:
        places_of = sorted(map(types.index, set(types)))
        first = {types[index]: (index, node[index]) for index in places_of}
    else:
        for index, entry in enumerate(node):
            value, kind = _reduce(entry, words, places)
            first.setdefault(kind, (index, value))
    remaining = [value for _, value in first.values()]
    places[id(remaining)] = [index for index, _ in first.values()]
    return remaining, (list, frozenset(first))
