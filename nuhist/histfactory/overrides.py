"""What the measurements of several workspaces say about their parameters, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from nuhist.errors import ConfigError, ModelError, OptionError, unknown_name
from nuhist.histfactory.constraints import constraints
from nuhist.histfactory.correlation import Part
from nuhist.histfactory.parameter_sets import SCALARS, parameter_range, parameter_sets
from nuhist.values import as_number

_DEFAULTS: dict[str, Any] = {"auxdata": [0.0], "fixed": False}  # of a parameter without an override


def merged_overrides(
    parts: Sequence[Part], shared: Mapping[str, float], settled: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Overrides of all parameters; of a shared one they must agree, but for bounds and start.

    Of parameters that are ``settled`` it does not matter whether they are held: they will be.
    """
    blocks: dict[str, dict[str, Any]] = {}
    origins: dict[str, str] = {}
    for part in parts:
        used = constraints(part.spec)  # an override of another parameter overrides nothing
        given = {block["name"]: block for block in part.config["parameters"] if block["name"] in used}
        for name, block in (given | {name: {"name": name} for name in used if name not in given}).items():
            if name in blocks:
                if name in settled:
                    blocks[name]["fixed"] = True
                said = {**block, "fixed": True} if name in settled else block
                _merge_block(blocks[name], said, f"{origins[name]} and {part.origin}")
            else:
                blocks[name], origins[name] = dict(block), part.origin
    for name in shared:
        block = blocks.get(name, {})
        for index, (low, high) in enumerate(block.get("bounds", ())):
            if "inits" in block:
                block["inits"] = list(block["inits"])
                block["inits"][index] = min(max(block["inits"][index], low), high)
            if low >= high:
                raise ModelError(
                    f"bounds of the shared '{name}' exclude each other: above {low}, below {high}"
                )
    return [block for block in blocks.values() if len(block) > 1]


def _merge_block(first: dict[str, Any], block: Mapping[str, Any], where: str) -> None:
    """Add one workspace's overrides of a parameter to another's: bounds where both hold."""
    for key in [*block, *(key for key in _DEFAULTS if key in first and key not in block)]:
        value = block.get(key, _DEFAULTS.get(key))
        if key == "bounds" and "bounds" in first:
            pairs = zip(first["bounds"], value, strict=True)
            first["bounds"] = [[max(a[0], b[0]), min(a[1], b[1])] for a, b in pairs]
        elif key == "inits":
            first.setdefault("inits", value)
        elif first.setdefault(key, _DEFAULTS.get(key, value)) != value:
            advice = ", or hold it with fixed=..." if key == "fixed" else ""
            raise ModelError(
                f"{where} disagree on '{key}' of the shared '{block['name']}': {first[key]} and {value};"
                f" make them equal{advice}"
            )


def hold(
    spec: Mapping[str, Any],
    fixed: Mapping[str, float | None] | Sequence[str],
    message: Callable[[str], None],
) -> None:
    """Hold parameters of the first measurement, each at a value or at its start.

    Parameters
    ----------
    spec
        Changed in place.
    fixed
        Names, with values or None.
    message
        Called with a line of text for each of them.

    Raises
    ------
    ConfigError
        If there is no such parameter, or it has a number per bin, or the value lies outside its bounds.
    OptionError
        If it is the parameter of interest.
    """
    if isinstance(fixed, str):
        raise ConfigError("fixed takes names, or numbers by name, not one text")
    config = spec["measurements"][0]["config"]
    sets = parameter_sets(spec)
    for name, given in (fixed if isinstance(fixed, Mapping) else dict.fromkeys(fixed)).items():
        if name not in sets:
            raise unknown_name("parameter", name, sets)
        if name == config["poi"]:
            raise OptionError(
                f"fixed={{'{name}': ...}}: it is the parameter of interest; choose another one with poi=..."
            )
        kind = sets[name].kind
        if kind not in SCALARS:
            raise ConfigError(
                f"fixed={{'{name}': ...}}: has a number per bin, and cannot be held at one value"
            )
        block = next((block for block in config["parameters"] if block["name"] == name), None)
        if block is None:
            block = {"name": name}
            config["parameters"].append(block)
        start, low, high = parameter_range(kind, block)
        value = start if given is None else as_number(given, f"fixed: {name}")
        if not low <= value <= high:
            raise ConfigError(f"fixed={{'{name}': {value:g}}}: lies outside its bounds, {low:g} to {high:g}")
        block.update(inits=[value], fixed=True)
        message(f"{name} is held at {value:g}")
