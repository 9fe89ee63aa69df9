"""New names for the parameters and channels of a workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nuhist.errors import ConfigError, ModelError
from nuhist.histfactory.constraints import constraints
from nuhist.histfactory.interest import couplings
from nuhist.histfactory.parameter_sets import each_modifier
from nuhist.histfactory.workspace import Workspace


def prefix(workspace: Workspace, number: int) -> str:
    """What a workspace's own parameters are called by: its experiment, its file, or a number."""
    channels = (workspace.sidecar or {}).get("channels", {})
    experiments = {channel["experiment"] for channel in channels.values() if "experiment" in channel}
    if len(experiments) == 1:
        return str(experiments.pop())
    stem = re.sub(r"\W", "_", Path(workspace.origin).stem)
    return stem if Path(workspace.origin).suffix else f"workspace{number}"


def rename_parameter(spec: dict[str, Any], sidecar: dict[str, Any], old: str, new: str, origin: str) -> None:
    """Rename a parameter everywhere in a document and in its sidecar.

    Raises
    ------
    ModelError
        If the new name exists, or the old one is a lumi, whose name HistFactory JSON fixes.
    """
    found = constraints(spec)
    if new in found:
        raise ModelError(f"{origin}: '{old}' cannot become '{new}', which exists")
    if found[old].kind == "lumi":
        raise ModelError(
            f"{origin}: a lumi cannot be renamed (HistFactory JSON knows one name); share it with"
            f" correlate=['{old}'], or make it a normsys (lumi='normsys' where alea's model is read)"
        )
    for _, _, modifier in each_modifier(spec):
        if modifier["name"] == old:
            modifier["name"] = new
    for measurement in spec["measurements"]:
        config = measurement["config"]
        if config["poi"] == old:
            config["poi"] = new
        for block in config["parameters"]:
            if block["name"] == old:
                block["name"] = new
    parameters = sidecar.get("parameters", {})
    if old in parameters:
        parameters[new] = parameters.pop(old)
    for coupling in couplings(sidecar):
        if coupling["name"] == old:
            coupling["name"] = new


def rename_channel(spec: dict[str, Any], sidecar: dict[str, Any], old: str, new: str) -> None:
    """Rename a channel in a document and in its sidecar."""
    for entry in (*spec["channels"], *spec["observations"]):
        if entry["name"] == old:
            entry["name"] = new
    channels = sidecar.get("channels", {})
    if old in channels:
        channels[new] = channels.pop(old)


def check_renames(renames: Mapping[str, str]) -> None:
    """Refuse renames that depend on each other's order.

    Raises
    ------
    ConfigError
        If a new name is also an old one.
    """
    for old, new in renames.items():
        if new in renames:
            raise ConfigError(f"renames go in a circle or a chain: {old}={new} and {new}={renames[new]}")
