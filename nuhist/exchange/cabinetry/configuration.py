"""A cabinetry configuration beside ROOT templates, for those who build their workspace with cabinetry."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import yaml

from nuhist.errors import DataError, ExchangeError
from nuhist.exchange.root.write import (
    DATA,
    DIRECTIONS,
    escaped,
    export_root,
    parameter_blocks,
    variation_suffix,
)
from nuhist.files import check_output, write_together
from nuhist.histfactory.parameter_sets import each_modifier
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace

HISTOGRAMS = "histograms"  # where cabinetry keeps what it has read, beside the configuration
_UNSUPPORTED = ("lumi", "shapesys", "shapefactor")


def cabinetry_configuration(workspace: Workspace, templates: PurePath) -> dict[str, Any]:
    """Configuration with which cabinetry finds the histograms of an export to ROOT, as it reads it from YAML.

    Systematics with one norm for all bins are ``Normalization``, others ``NormPlusShape``, which cabinetry
    splits into a normsys and a histosys.

    Parameters
    ----------
    workspace
        Which was exported; its first measurement is taken.
    templates
        Path of the ROOT file, as seen from where cabinetry runs.

    Raises
    ------
    ExchangeError
        If the model has what such a configuration cannot hold.
    """
    spec, where = workspace.spec, workspace.origin
    _refuse_unsupported(spec, where)
    config = workspace.measurement()["config"]
    used = {name for name, _ in modifiers(spec)}
    blocks = {name: block for name, block in parameter_blocks(spec).items() if name in used}
    factors = _normfactors(spec, blocks, where)
    systematics = _systematics(spec, where)
    fixed = []
    for name, block in blocks.items():
        free = any(entry["Name"] == name for entry in factors)
        if not free and block.keys() - {"name", "fixed", "inits"}:
            raise _refused(where, f"a cabinetry configuration holds no bounds of the constrained '{name}'")
        if block.get("fixed"):
            fixed.append({"Name": name, "Value": block.get("inits", [1.0 if free else 0.0])[0]})
        elif not free and "inits" in block:
            raise _refused(where, f"a cabinetry configuration holds no start of the constrained '{name}'")
    general: dict[str, Any] = {
        "Measurement": workspace.measurement()["name"],
        "POI": config["poi"],
        "InputPath": f"{templates}:{{RegionPath}}/{{SamplePath}}{{VariationPath}}",
        "VariationPath": "",
        "HistogramFolder": HISTOGRAMS,
    }
    return {
        "General": {**general, "Fixed": fixed} if fixed else general,
        "Regions": [
            {"Name": _name(channel["name"]), "RegionPath": escaped(channel["name"])}
            for channel in spec["channels"]
        ],
        "Samples": [{"Name": DATA, "SamplePath": DATA, "Data": True}, *_samples(spec, where)],
        "Systematics": systematics,
        "NormFactors": factors,
    }


def save_with_configuration(workspace: Workspace, templates: Path, configuration: Path) -> None:
    """Write ROOT templates and the configuration that finds them from the folder where it lies, or none."""
    for path in (templates, configuration):
        check_output(path)
    place = Path(os.path.relpath(templates.absolute(), configuration.absolute().parent))
    text = yaml.safe_dump(
        cabinetry_configuration(workspace, place), sort_keys=False, allow_unicode=True, width=110
    )
    if templates.absolute() == configuration.absolute():
        raise DataError(f"{templates}: templates and configuration cannot be one file; name two")
    write_together({templates: export_root(workspace), configuration: text}, key=configuration)


def _name(name: str) -> str:
    """A name that cabinetry can make a file of; it takes what follows a dot for the file's ending."""
    return escaped(name).replace(".", "%2E")


def _refused(where: str, what: str) -> ExchangeError:
    return ExchangeError(
        f"{where}: {what}; give cabinetry the workspace itself, which needs no configuration"
    )


def _refuse_unsupported(spec: Mapping[str, Any], where: str) -> None:
    for _, sample, entry in each_modifier(spec):
        if entry["type"] in _UNSUPPORTED:
            what = f"sample '{sample['name']}' has the {entry['type']} '{entry['name']}'"
            raise _refused(where, f"{what}, which a cabinetry configuration cannot hold")


def _samples(spec: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """Samples with the regions that have them, and whether they have statistical errors."""
    holders: dict[str, dict[str, bool]] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            weighted = any(entry["type"] == "staterror" for entry in sample["modifiers"])
            holders.setdefault(sample["name"], {})[channel["name"]] = weighted
    found = []
    for name, regions in holders.items():
        if len(set(regions.values())) > 1:
            what = f"sample '{name}' has a staterror in one channel and none in another"
            raise _refused(where, f"{what}, which a cabinetry configuration cannot hold")
        entry: dict[str, Any] = {"Name": _name(name), "SamplePath": escaped(name)}
        if not all(regions.values()):
            entry["DisableStaterror"] = True
        if len(regions) < len(spec["channels"]):
            entry["Regions"] = [_name(region) for region in regions]
        found.append(entry)
    return found


def _normfactors(spec: Mapping[str, Any], blocks: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    holders: dict[str, dict[str, set[str]]] = {}
    for channel, sample, entry in each_modifier(spec):
        if entry["type"] == "normfactor":
            regions = holders.setdefault(entry["name"], {})
            regions.setdefault(channel["name"], set()).add(sample["name"])
    if not holders:
        raise _refused(where, "a cabinetry configuration needs a normfactor and there is none")
    samples_of = {
        channel["name"]: [sample["name"] for sample in channel["samples"]] for channel in spec["channels"]
    }
    found = []
    for name, regions in holders.items():
        samples = list(
            dict.fromkeys(s for region in regions for s in samples_of[region] if s in regions[region])
        )
        for region, scaled in regions.items():
            if scaled != set(samples) & set(samples_of[region]):
                what = f"'{name}' scales other samples in channel '{region}' than elsewhere"
                raise _refused(where, f"{what}, which a cabinetry configuration cannot hold")
        factor: dict[str, Any] = {"Name": name, "Samples": [_name(sample) for sample in samples]}
        if len(regions) < len(spec["channels"]):
            factor["Regions"] = [_name(region) for region in regions]
        block = blocks.get(name, {})
        if "inits" in block:
            factor["Nominal"] = block["inits"][0]
        if "bounds" in block:
            factor["Bounds"] = list(block["bounds"][0])
        found.append(factor)
    return found


def _systematics(spec: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """Entries by parameter, kind and size; each acts on all its samples in all its regions."""
    groups: dict[tuple[str, str, tuple[float, float] | None], dict[str, list[str]]] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for parameter, size in _sizes(sample, f"{where}: sample '{sample['name']}'").items():
                kind = "NormPlusShape" if size is None else "Normalization"
                regions = groups.setdefault((parameter, kind, size), {})
                regions.setdefault(channel["name"], []).append(sample["name"])
    taken = {parameter for parameter, _, _ in groups}
    names: set[str] = set()
    found = []
    for (parameter, kind, size), members in groups.items():
        together: dict[tuple[str, ...], list[str]] = {}
        for region, samples in members.items():
            together.setdefault(tuple(samples), []).append(region)
        for samples_, regions_ in together.items():
            name = _free_name(parameter, names, taken)
            names.add(name)
            found.append(_systematic(name, parameter, kind, size, samples_, regions_))
    return found


def _sizes(sample: Mapping[str, Any], where: str) -> dict[str, tuple[float, float] | None]:
    """Fractional size of each normsys; None for what has a shape."""
    sizes: dict[str, tuple[float, float] | None] = {}
    for entry in sample["modifiers"]:
        if entry["type"] == "normsys":
            sizes.setdefault(entry["name"], (entry["data"]["hi"] - 1, entry["data"]["lo"] - 1))
        elif entry["type"] == "histosys":
            for key in ("hi_data", "lo_data"):
                if np.sum(entry["data"][key]) <= 0 or np.sum(sample["data"]) <= 0:
                    what = f"cabinetry would split '{entry['name']}' into a shape and a norm"
                    raise _refused(where, f"{what}, and there is no norm of a variation without counts")
            sizes[entry["name"]] = None
    return sizes


def _free_name(parameter: str, used: set[str], parameters: set[str]) -> str:
    """A name for an entry: the parameter's, or with a number behind it."""
    name, number = parameter, 1
    while name in used or (number > 1 and name in parameters):
        number += 1
        name = f"{parameter}_{number}"
    return name


def _systematic(
    name: str,
    parameter: str,
    kind: str,
    size: tuple[float, float] | None,
    samples: Sequence[str],
    regions: Sequence[str],
) -> dict[str, Any]:
    entry: dict[str, Any] = {"Name": _name(name), "Type": kind}
    if entry["Name"] != parameter:
        entry["ModifierName"] = parameter
    for index, direction in enumerate(DIRECTIONS):
        path = {"VariationPath": variation_suffix(parameter, direction)}
        entry[direction] = path if size is None else {"Normalization": size[index]}
    entry["Samples"] = [_name(sample) for sample in samples]
    entry["Regions"] = [_name(region) for region in regions]
    return entry
