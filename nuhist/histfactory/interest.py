"""What the parameter of interest of a workspace stands for, and its scale."""

from __future__ import annotations

from typing import Any

from nuhist.errors import ModelError
from nuhist.histfactory.workspace import Workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import find_parameter


def coupling_scale(workspace: Workspace, name: str) -> CouplingScale:
    """What a parameter of interest stands for: by the sidecar, by its name, or just itself."""
    if workspace.sidecar is not None and workspace.sidecar["poi"]["name"] == name:
        entry = {key: value for key, value in workspace.sidecar["poi"].items() if key != "meaning"}
        return CouplingScale(**entry)
    found = find_parameter(name)
    if found is not None:
        return found[0].parameter_of_interest(found[1])
    return CouplingScale(name, name, "parameter's own unit")


def rescale_interest(spec: dict[str, Any], name: str, factor: float, origin: str) -> None:
    """Multiply all counts of the samples that a parameter scales, so that the parameter is divided.

    Parameters
    ----------
    spec
        Changed in place.
    name
        Of the parameter: a normfactor.
    factor
        By which the counts grow where the parameter is 1.
    origin
        For messages.

    Raises
    ------
    ModelError
        If the parameter is no normfactor.
    """
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            types = {entry["type"] for entry in sample["modifiers"] if entry["name"] == name}
            if not types:
                continue
            if types != {"normfactor"}:
                raise ModelError(
                    f"{origin}: '{name}' is a {min(types)}; only a normfactor can be rescaled, so build"
                    " the workspaces with one reference"
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
