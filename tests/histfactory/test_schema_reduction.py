"""A workspace whose lists are reduced before the schema sees it is refused for the same reason and place."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from jsonschema.exceptions import best_match

from nuhist.histfactory.validation import _validator, _words
from nuhist.schemas.reduction import reduced

Spec = dict[str, Any]
VALUES: list[Any] = [
    7,
    0.5,
    True,
    None,
    "text",
    "lumi",
    "normsys",
    [],
    {},
    [1.0],
    {"hi": 1.0},
    [[0, 1, 2]],
    ["a"],
]


def _containers(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [node, *(found for value in node.values() for found in _containers(value))]
    if isinstance(node, list):
        return [node, *(found for value in node for found in _containers(value))]
    return []


def _spoil(spec: Spec, random: np.random.Generator) -> None:
    """One change anywhere: another value, an entry more, or one less."""
    places = _containers(spec)
    place = places[random.integers(len(places))]
    value = copy.deepcopy(VALUES[random.integers(len(VALUES))])
    if isinstance(place, dict):
        keys = [*place, "other"]
        key = keys[random.integers(len(keys))]
        if random.random() < 0.3:
            place.pop(key, None)
        else:
            place[key] = value
    elif place and random.random() < 0.3:
        place.pop(random.integers(len(place)))
    else:
        place.insert(int(random.integers(len(place) + 1)), value)


@pytest.mark.thorough
def test_the_schema_finds_the_same(small: Spec) -> None:
    channel = small["channels"][0]
    for index in range(3):  # entries of one kind, of which one will be unlike the others
        channel["samples"][1]["modifiers"].append(
            {"name": f"n{index}", "type": "normsys", "data": {"hi": 1, "lo": 0.9}}
        )
        small["measurements"][0]["config"]["parameters"].append({"name": f"n{index}", "inits": [0, 1.0]})
    channel["samples"].append(copy.deepcopy(channel["samples"][1]))
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(250):
        spec = copy.deepcopy(small)
        for _ in range(random.integers(1, 3)):
            _spoil(spec, random)
        expected = best_match(_validator("workspace").iter_errors(spec))
        small_one = reduced(spec, _words())
        found = best_match(_validator("workspace").iter_errors(small_one.document))
        assert (found is None) == (expected is None), spec
        if found is None or expected is None:
            continue
        refused += 1
        # The place is one of a whole list's, or of an entry of the kind that is wrong; the first one.
        assert small_one.original(found.absolute_path) == list(expected.absolute_path), spec
        assert found.validator == expected.validator
    assert refused > 120  # else nothing was compared


def test_entries_of_one_kind_are_looked_at_once() -> None:
    document = {"channels": [{"name": name, "data": [1.0, 2, 3.0]} for name in ("a", "b", "lumi")]}
    found = reduced(document, frozenset({"lumi"}))
    assert found.document == {
        "channels": [{"name": "a", "data": [1.0, 2]}, {"name": "lumi", "data": [1.0, 2]}]
    }
    assert found.original(["channels", 1, "data", 1]) == ["channels", 2, "data", 1]
