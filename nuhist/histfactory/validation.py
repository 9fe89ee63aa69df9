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
from nuhist.schemas import raise_best

_SCHEMA_VERSION = "1.0.0"
_SCALARS = ("normfactor", "normsys", "histosys", "lumi")  # one number, others one per bin


def validate(spec: Any, origin: str) -> None:
    """Check that a document is a HistFactory workspace with a meaning.

    Beside pyhf's schema: no name twice (pyhf drops all but one in silence), as many counts in
    every sample, modifier and observation as the channel has bins, no NaN, no negative expected or
    observed counts, a parameter of interest that some modifier has.

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
    if not isinstance(spec, dict):
        raise ModelError(f"{origin}: is no workspace: expected a JSON object")
    from jsonschema.exceptions import best_match

    raise_best(best_match(_validator("workspace").iter_errors(spec)), origin, ModelError)
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
    extra = observed.keys() - {channel["name"] for channel in spec["channels"]}
    if extra:
        raise ModelError(f"{origin}: observation '{min(extra)}' belongs to no channel")
    kinds = dict(modifiers(spec))
    for measurement in spec["measurements"]:
        place = f"{origin}: measurement '{measurement['name']}'"
        _refuse_twice(measurement["config"]["parameters"], f"{place}: parameters")
        for block in measurement["config"]["parameters"]:
            where = f"{place}: parameter '{block['name']}'"
            _check_block(block, where, scalar=kinds.get(block["name"]) in _SCALARS)
        poi = measurement["config"]["poi"]
        if poi and poi not in kinds:
            raise ModelError(f"{place}: its parameter of interest '{poi}' is in no modifier")


def validate_patchset(document: Any, origin: str) -> None:
    """Check that a document is a pyhf PatchSet whose patches change nothing but channels.

    Raises
    ------
    ModelError
        With the place and what is wrong there.
    """
    from jsonschema.exceptions import best_match

    raise_best(best_match(_validator("patchset").iter_errors(document)), origin, ModelError)
    _refuse_twice([patch["metadata"] for patch in document["patches"]], f"{origin}: patches")
    for patch in document["patches"]:
        for operation in patch["patch"]:
            if not operation["path"].startswith("/channels/"):
                raise ModelError(
                    f"{origin}: patch '{patch['metadata']['name']}' changes {operation['path']};"
                    " only /channels may be changed"
                )


def modifiers(spec: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Name and type of every modifier of a workspace."""
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                yield modifier["name"], modifier["type"]


def _check_channel(channel: Mapping[str, Any], observed: Sequence[float], place: str) -> None:
    bins = len(observed)
    _check_counts(observed, bins, f"{place}: observed counts")
    if not channel["samples"]:
        raise ModelError(f"{place}: has no samples")
    _refuse_twice(channel["samples"], f"{place}: samples")
    for sample in channel["samples"]:
        where = f"{place}: sample '{sample['name']}'"
        _check_counts(sample["data"], bins, where)
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
            if not (_is_finite(data[key]) and data[key] > 0):
                raise ModelError(f"{where}: {key} is {data[key]}; it must be a positive number")
    elif modifier["type"] in ("staterror", "shapesys"):
        _check_counts(data, bins, where)


def _check_block(block: Mapping[str, Any], where: str, *, scalar: bool) -> None:
    """Overrides of a parameter: finite numbers, one each where it is one, bounds that hold the start."""
    for key in ("inits", "bounds", "auxdata", "sigmas", "factors"):
        if scalar and len(block.get(key, "1")) != 1:
            raise ModelError(f"{where}: {key}: has {len(block[key])} entries for one number; keep one")
        for entry in block.get(key, ()):
            for value in entry if isinstance(entry, list) else [entry]:
                if not _is_finite(value):
                    raise ModelError(f"{where}: {key}: {value} is no finite number")
    for bounds in block.get("bounds", ()):
        if len(bounds) != 2 or bounds[0] >= bounds[1]:
            raise ModelError(f"{where}: bounds: {bounds} are not a lower and a higher number")
    for start, (low, high) in zip(block.get("inits", ()), block.get("bounds", ()), strict=False):
        if not low <= start <= high:
            raise ModelError(f"{where}: inits: {start:g} lies outside the bounds {low:g} to {high:g}")


def _short(value: float) -> str:
    return "a very large integer" if isinstance(value, int) and abs(value) > 10**20 else str(value)


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        return False


def _check_counts(counts: Sequence[float], bins: int, where: str, *, signed: bool = False) -> None:
    if len(counts) != bins:
        raise ModelError(f"{where}: has {len(counts)} bins, the observed counts {bins}")
    for index, count in enumerate(counts):
        if not _is_finite(count):
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

    found = find_spec("pyhf")
    if found is None or not found.submodule_search_locations:
        raise ModelError("pyhf is not installed; pip install pyhf")
    folder = Path(found.submodule_search_locations[0]) / "schemas" / _SCHEMA_VERSION
    definitions = json.loads((folder / "defs.json").read_text(encoding="utf-8"))
    registry: Any = Registry().with_resource(definitions["$id"], Resource.from_contents(definitions))
    schema = {"$ref": f"{definitions['$id']}#/definitions/{document}"}
    return Draft6Validator(schema, registry=registry)
