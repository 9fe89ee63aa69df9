"""Another unit for a parameter of interest."""

from __future__ import annotations

from typing import Any

import numpy as np

from nuhist.errors import ModelError


def rescale_interest(spec: dict[str, Any], name: str, factor: float, origin: str) -> None:
    """Multiply what a parameter adds where it is 1, so that the parameter is divided.

    The samples of a normfactor are multiplied, and both parts of the polynomial of a signed coupling.

    Parameters
    ----------
    spec
        Changed in place.
    name
        Name of the parameter: a normfactor, or a histosys near the origin.
    factor
        By which the counts grow where the parameter is 1.
    origin
        For messages.

    Raises
    ------
    ModelError
        If the parameter is no normfactor and no signed coupling.
    """
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            types = {entry["type"] for entry in sample["modifiers"] if entry["name"] == name}
            if not types:
                continue
            if types == {"histosys"}:
                _rescale_signed(sample, name, factor)
                continue
            if types != {"normfactor"}:
                raise ModelError(
                    f"{origin}: '{name}' is a {min(types)}; only a normfactor or a signed coupling can be"
                    " rescaled, so build the workspaces with one reference"
                )
            sample["data"] = [factor * value for value in sample["data"]]
            for modifier in sample["modifiers"]:
                _rescale(modifier, factor)
    for measurement in spec["measurements"]:
        for block in measurement["config"]["parameters"]:
            if block["name"] != name:
                continue
            for key in ("bounds", "inits"):
                if key in block:
                    block[key] = _divided(block[key], factor)


def _rescale_signed(sample: dict[str, Any], name: str, factor: float) -> None:
    """Both parts of a polynomial, see :mod:`nuhist.histfactory.polynomial`."""
    standard = np.array(sample["data"])
    for modifier in sample["modifiers"]:
        if modifier["name"] == name:
            up, down = (np.array(modifier["data"][key]) for key in ("hi_data", "lo_data"))
            linear, square = factor * (up - down) / 2, factor**2 * ((up + down) / 2 - standard)
            modifier["data"] = {
                "hi_data": (standard + linear + square).tolist(),
                "lo_data": (standard - linear + square).tolist(),
            }


def _rescale(modifier: dict[str, Any], factor: float) -> None:
    data: Any = modifier.get("data")
    if modifier["type"] == "histosys":
        modifier["data"] = {key: [factor * value for value in values] for key, values in data.items()}
    elif modifier["type"] in ("staterror", "shapesys"):
        modifier["data"] = [factor * value for value in data]


def _divided(values: Any, factor: float) -> Any:
    if isinstance(values, list):
        return [_divided(value, factor) for value in values]
    return values / factor
