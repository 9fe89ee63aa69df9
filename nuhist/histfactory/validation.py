"""What makes a workspace valid: pyhf's schema, and what that schema lets pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

from nuhist.errors import ModelError
from nuhist.histfactory.parameter_sets import check_parameters, each_modifier, is_finite
from nuhist.schemas import raise_best
from nuhist.schemas.reduction import reduced, words_of

_SCHEMA_VERSION = "1.0.0"


def validate(spec: Any, origin: str) -> None:
    """Check that a document is a HistFactory workspace with a meaning.

    Beside pyhf's schema: no name twice (pyhf drops all but one in silence), as many counts in
    every sample, modifier and observation as the channel has bins, no NaN, no negative observed
    counts, and what :func:`nuhist.histfactory.parameter_sets.check_parameters` wants of parameters.

    Parameters
    ----------
    spec
        Parsed JSON.
    origin
        Where it came from, for the message.

    Raises
    ------
    ModelError
        With the place and what is wrong there.
    """
    if isinstance(spec, dict) and "patches" in spec and "channels" not in spec:
        raise ModelError(
            f"{origin}: is a PatchSet, and no workspace; give the workspace that it changes, and a patch of"
            " it with patches=['FILE:NAME'] (nuhist exclusion takes all its patches)"
        )
    if not isinstance(spec, dict):
        raise ModelError(f"{origin}: is no workspace: expected a JSON object")
    _check_schema(spec, origin)
    if not spec["channels"] or not spec["measurements"]:
        raise ModelError(f"{origin}: has no channels or no measurements")
    _refuse_twice(spec["channels"], f"{origin}: channels")
    _refuse_twice(spec["observations"], f"{origin}: observations")
    _refuse_twice(spec["measurements"], f"{origin}: measurements")
    observed = {entry["name"]: entry["data"] for entry in spec["observations"]}
    for channel in spec["channels"]:
        place = f"{origin}: channel '{channel['name']}'"
        if channel["name"] not in observed:
            raise ModelError(f"{place}: has no observation")
        _check_channel(channel, observed[channel["name"]], place)
    known = {channel["name"] for channel in spec["channels"]}
    for name in observed.keys() - known:
        _check_counts(observed[name], len(observed[name]), f"{origin}: observation '{name}'")
    for measurement in spec["measurements"]:
        place = f"{origin}: measurement '{measurement['name']}'"
        _refuse_twice(measurement["config"]["parameters"], f"{place}: parameters")
    check_parameters(spec, origin)


def _check_schema(spec: Mapping[str, Any], origin: str) -> None:
    """Check against the schema of pyhf, in a time that is small beside that of reading the file."""
    from jsonschema.exceptions import best_match

    small = reduced(spec, _words())
    error = best_match(_validator("workspace").iter_errors(small.document))
    if error is not None:
        raise_best(error, origin, ModelError, small.original(error.absolute_path))


def validate_patchset(document: Any, origin: str) -> None:
    """Check that a document is a pyhf PatchSet, with a value for each label in each patch.

    Raises
    ------
    ModelError
        With the place and what is wrong there.
    """
    from jsonschema.exceptions import best_match

    raise_best(best_match(_validator("patchset").iter_errors(document)), origin, ModelError)
    _refuse_twice([patch["metadata"] for patch in document["patches"]], f"{origin}: patches")
    labels = document["metadata"]["labels"]
    for patch in document["patches"]:
        entry = patch["metadata"]
        if len(entry["values"]) != len(labels):
            raise ModelError(
                f"{origin}: patch '{entry['name']}': has {len(entry['values'])} values for"
                f" {len(labels)} labels"
            )


def validate_operations(document: Any, origin: str) -> None:
    """Check that a document is a JSON Patch.

    Raises
    ------
    ModelError
        With the place and what is wrong there.
    """
    from jsonschema.exceptions import best_match

    raise_best(best_match(_validator("jsonpatch").iter_errors(document)), origin, ModelError)


def modifiers(spec: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Name and type of every modifier of a workspace."""
    return ((modifier["name"], modifier["type"]) for _, _, modifier in each_modifier(spec))


def _check_channel(channel: Mapping[str, Any], observed: Sequence[float], place: str) -> None:
    bins = len(observed)
    _check_counts(observed, bins, f"{place}: observed counts")
    if not channel["samples"]:
        raise ModelError(f"{place}: has no samples")
    _refuse_twice(channel["samples"], f"{place}: samples")
    for sample in channel["samples"]:
        where = f"{place}: sample '{sample['name']}'"
        _check_counts(sample["data"], bins, where, signed=True)
        kinds = Counter((modifier["name"], modifier["type"]) for modifier in sample["modifiers"])
        for (name, kind), times in kinds.items():
            if times > 1:
                raise ModelError(f"{where}: {kind} '{name}' is there twice; pyhf would keep one")
        for modifier in sample["modifiers"]:
            _check_modifier(modifier, bins, f"{where}: {modifier['type']} '{modifier['name']}'")


def _check_modifier(modifier: Mapping[str, Any], bins: int, where: str) -> None:
    data: Any = modifier.get("data")
    if modifier["type"] == "histosys":
        _check_counts(data["hi_data"], bins, f"{where}: hi_data", signed=True)
        _check_counts(data["lo_data"], bins, f"{where}: lo_data", signed=True)
    elif modifier["type"] == "normsys":
        for key in ("hi", "lo"):
            if not (is_finite(data[key]) and data[key] > 0):
                raise ModelError(f"{where}: {key} is {data[key]}; it must be a positive number")
    elif modifier["type"] in ("staterror", "shapesys"):
        _check_counts(data, bins, where, signed=True)


def _short(value: float) -> str:
    return "a very large integer" if isinstance(value, int) and abs(value) > 10**20 else str(value)


def _are_finite(counts: Sequence[float]) -> bool:
    try:
        return all(map(isfinite, counts))
    except OverflowError:  # an integer of more than 308 digits
        return False


def _check_counts(counts: Sequence[float], bins: int, where: str, *, signed: bool = False) -> None:
    if len(counts) != bins:
        raise ModelError(f"{where}: has {len(counts)} bins, the observed counts {bins}")
    if _are_finite(counts) and (signed or min(counts) >= 0):
        return
    for index, count in enumerate(counts):
        if not is_finite(count):
            raise ModelError(f"{where}: bin {index}: {_short(count)} is no finite number")
        if count < 0 and not signed:
            raise ModelError(f"{where}: bin {index}: {count:g} is negative")


def _refuse_twice(entries: Sequence[Mapping[str, Any]], place: str) -> None:
    for name, times in Counter(entry["name"] for entry in entries).items():
        if times > 1:
            raise ModelError(f"{place}: '{name}' is there twice; names must be unique")


@cache
def _validator(document: str) -> Any:
    """Validator for one of pyhf's schemas, without importing pyhf, which takes a second."""
    from jsonschema import Draft6Validator
    from referencing import Registry, Resource

    definitions = _definitions()
    registry: Any = Registry().with_resource(definitions["$id"], Resource.from_contents(definitions))
    schema = {"$ref": f"{definitions['$id']}#/definitions/{document}"}
    return Draft6Validator(schema, registry=registry)


@cache
def _definitions() -> dict[str, Any]:
    found = find_spec("pyhf")
    if found is None or not found.submodule_search_locations:
        raise ModelError("pyhf is not installed; pip install pyhf")
    folder = Path(found.submodule_search_locations[0]) / "schemas" / _SCHEMA_VERSION
    definitions: dict[str, Any] = json.loads((folder / "defs.json").read_text(encoding="utf-8"))
    return definitions


@cache
def _words() -> frozenset[str]:
    """Texts that have a meaning in the schema of workspaces, such as the types of modifiers."""
    return words_of(_definitions()["definitions"])
