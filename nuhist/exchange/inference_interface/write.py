"""Workspaces as template files, one per channel, with what templates do not say in a text beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ExchangeError
from nuhist.exchange.inference_interface.files import Axis, TemplateFile, template_file_bytes
from nuhist.exchange.inference_interface.projection import KEV
from nuhist.exchange.samples import DOWN, UP
from nuhist.exchange.stored import reference
from nuhist.files import check_output, write_together
from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array

MODEL = "nuhist"  # name of the text
ENERGY = "reconstructed_energy"

TEMPLATE = "template"  # {"template": NAME} stands in the text where the workspace has counts


def export_templates(workspace: Workspace, path: Path) -> list[Path]:
    """Write the samples of each channel and their histosys variations as templates; the files.

    A file holds one channel. Of several channels, each file's name has the channel's before its
    suffix: ``joint.h5`` becomes ``joint_lz_ws2022.h5`` and so on. A text beside the templates keeps
    what they do not say (other modifiers, parameters, observed counts, the sidecar), so that the same
    workspace comes back, of several channels from all files together. Edges come from the sidecar, else the
    axis counts bins.

    Raises
    ------
    DataError
        If a file cannot be written, or h5py is not installed.
    ExchangeError
        If two templates would have one name, or one that cannot be.
    """
    channels = [channel["name"] for channel in workspace.spec["channels"]]
    paths = [path] if len(channels) == 1 else [path.with_name(_with_channel(path, name)) for name in channels]
    for target in paths:
        check_output(target)
    digest = workspace.digest
    contents = [template_file_bytes(channel_file(workspace, name, digest)) for name in channels]
    write_together(dict(zip(paths, contents, strict=True)))
    return paths


def _with_channel(path: Path, channel: str) -> str:
    if "/" in channel or "\0" in channel:
        raise ExchangeError(f"channel '{channel}': cannot be part of a file's name; rename it")
    return f"{path.stem}_{channel}{path.suffix}"


def channel_file(workspace: Workspace, name: str, digest: str) -> TemplateFile:
    """The template file of one channel of a workspace with this digest."""
    channel = next(entry for entry in workspace.spec["channels"] if entry["name"] == name)
    origin = f"{workspace.origin}: channel '{name}'"
    templates: dict[str, Array] = {}

    def store(template: str, counts: Sequence[float]) -> dict[str, Any]:
        if template in templates:
            raise ExchangeError(f"{origin}: two templates would be called '{template}'; rename a sample")
        templates[template] = np.asarray(counts, dtype=np.float64)
        return reference(counts, **{TEMPLATE: template})

    samples = []
    for sample in channel["samples"]:
        entry = {"name": sample["name"], "data": store(sample["name"], sample["data"]), "modifiers": []}
        for modifier in sample["modifiers"]:
            kept = dict(modifier)
            if modifier["type"] == "histosys":
                stem = f"{sample['name']}_{modifier['name']}"
                kept["data"] = {
                    "hi_data": store(f"{stem}{UP}", modifier["data"]["hi_data"]),
                    "lo_data": store(f"{stem}{DOWN}", modifier["data"]["lo_data"]),
                }
            entry["modifiers"].append(kept)
        samples.append(entry)
    spec = {
        **workspace.spec,
        "channels": [{**channel, "samples": samples}],
        "observations": [entry for entry in workspace.spec["observations"] if entry["name"] == name],
    }
    if len(workspace.spec["channels"]) > 1:
        _keep_own_parameters(spec)
    sidecar = workspace.sidecar and _sidecar_of(workspace.sidecar, name)
    if sidecar is not None:
        sidecar = {**sidecar, "data": data_record(spec, workspace.data_kind)}
    edges = (sidecar or {}).get("channels", {}).get(name, {}).get("edges_keV")
    bins = len(channel["samples"][0]["data"])
    known = edges is not None and len(edges) == bins + 1
    axis = (
        Axis(np.asarray(edges, dtype=np.float64), ENERGY, KEV)
        if known
        else Axis(np.linspace(0, bins, bins + 1), "bin")
    )
    attributes = {
        "nuhist_version": __version__,
        "channel": name,
        "content": "events per bin",
        "workspace_digest": digest,
    }
    document = {"workspace": spec, "sidecar": sidecar}
    if len(workspace.spec["channels"]) > 1:
        document["whole"] = _whole(workspace, digest)
    model = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return TemplateFile((axis,), templates, attributes, {MODEL: model}, origin)


def _whole(workspace: Workspace, digest: str) -> dict[str, Any]:
    """What joins the channels again: their names, and all that belongs to no channel alone."""
    names = [channel["name"] for channel in workspace.spec["channels"]]
    observed = [
        entry["name"] if entry["name"] in names else entry for entry in workspace.spec["observations"]
    ]
    spec = {**workspace.spec, "channels": names, "observations": observed}
    return {"digest": digest, "workspace": spec, "sidecar": workspace.sidecar}


def _keep_own_parameters(spec: dict[str, Any]) -> None:
    """Leave out of the measurements what belongs to other channels only."""
    own = {m["name"] for c in spec["channels"] for s in c["samples"] for m in s["modifiers"]}
    spec["measurements"] = [
        {
            **entry,
            "config": {
                **entry["config"],
                "poi": entry["config"]["poi"] if entry["config"]["poi"] in own else "",
                "parameters": [block for block in entry["config"]["parameters"] if block["name"] in own],
            },
        }
        for entry in spec["measurements"]
    ]


def _sidecar_of(sidecar: Mapping[str, Any], channel: str) -> dict[str, Any]:
    channels = {name: entry for name, entry in sidecar["channels"].items() if name == channel}
    return {**sidecar, "channels": channels}
