"""A channel in a template file, with all that templates do not say in a text beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.documents import parse_json
from nuhist.errors import ExchangeError
from nuhist.exchange.inference_interface.files import Axis, TemplateFile
from nuhist.exchange.inference_interface.projection import KEV
from nuhist.exchange.samples import DOWN, UP, read_observed
from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.schemas import check
from nuhist.tables import Array

MODEL = "nuhist"  # name of the text
ENERGY = "reconstructed_energy"
_ADVICE = "add --ignore-metadata, which takes the templates alone"

# {"template": NAME} stands in the text where the workspace has counts. Some may be integers, which JSON
# tells from numbers with a fraction, and a digest too.
_TEMPLATE, _INTEGERS = "template", "integers"
_EXACT = 2**53  # below, a float64 holds every integer


def channel_file(workspace: Workspace, name: str) -> TemplateFile:
    """The template file of one channel.

    Raises
    ------
    ExchangeError
        If two of its templates would have one name.
    """
    channel = next(entry for entry in workspace.spec["channels"] if entry["name"] == name)
    origin = f"{workspace.origin}: channel '{name}'"
    templates: dict[str, Array] = {}

    def store(template: str, counts: Sequence[float]) -> dict[str, Any]:
        if template in templates:
            raise ExchangeError(f"{origin}: two templates would be called '{template}'; rename a sample")
        templates[template] = np.asarray(counts, dtype=np.float64)
        integers = [index for index, count in enumerate(counts) if isinstance(count, int)]
        return {_TEMPLATE: template, _INTEGERS: integers} if integers else {_TEMPLATE: template}

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
        "workspace_digest": workspace.digest,
    }
    model = json.dumps({"workspace": spec, "sidecar": sidecar}, ensure_ascii=False, allow_nan=False)
    return TemplateFile((axis,), templates, attributes, {MODEL: model}, origin)


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


def stored_workspace(file: TemplateFile, observed: Path | None) -> Workspace:
    """The workspace of a file that nuhist wrote, with the templates as they are in the file now.

    Parameters
    ----------
    file
        With the text.
    observed
        CSV file with other observed counts, or None.

    Raises
    ------
    DataError
        If the observed counts cannot be used.
    ExchangeError
        If the text is not what nuhist wrote, or names a template that is not there.
    ModelError
        If the result is no valid model.
    """
    where = f"{file.origin}: {MODEL}"
    left = {name: counts for name, counts in file.templates.items() if counts.ndim == 1}

    def filled(node: Any) -> Any:
        if isinstance(node, list):
            return [filled(value) for value in node]
        if not isinstance(node, dict):
            return node
        if _TEMPLATE not in node:
            return {key: filled(value) for key, value in node.items()}
        if node[_TEMPLATE] not in left:  # each is named once: a small text makes no large document
            raise ExchangeError(
                f"{where}: there is no template '{node[_TEMPLATE]}', or it is named twice; {_ADVICE}"
            )
        counts: list[float] = left.pop(node[_TEMPLATE]).tolist()
        for index in node.get(_INTEGERS, ()):
            if counts[index].is_integer() and abs(counts[index]) < _EXACT:
                counts[index] = int(counts[index])
        return counts

    document = parse_json(file.texts[MODEL], f"{where}: is not what nuhist wrote", ExchangeError)
    try:
        spec, sidecar = filled(document["workspace"]), document["sidecar"]
        if observed is not None:
            counts = read_observed(observed, file.axes[0].edges.size - 1).tolist()
            spec["observations"] = [{**entry, "data": counts} for entry in spec["observations"]]
        validate(spec, where)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ExchangeError(f"{where}: is not what nuhist wrote: {reason}; {_ADVICE}") from error
    if sidecar is not None:
        check(sidecar, "sidecar", where, ExchangeError)
        sidecar = {**sidecar, "workspace_digest": digest(spec)}
    return Workspace(spec, sidecar, file.origin)
