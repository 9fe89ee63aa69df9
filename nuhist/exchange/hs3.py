"""A workspace as HS3, the JSON that RooFit and pyhs3 read. Experimental, as the format itself is.

Parameters keep their names: where RooFit's HistFactory would call one ``alpha_NAME``, HS3 lets each
modifier say its parameter. A measurement becomes an analysis. What RooFit needs beyond HS3 to make the
workspace that its HistFactory makes (``simPdf``, ``obsData``, ``ModelConfig``) stands in
``misc/ROOT_internal``, where RooFit writes it itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ExchangeError
from nuhist.exchange.remainder import parameter_range, remainder
from nuhist.exchange.xml import bin_name, refuse_several_staterrors
from nuhist.files import to_json, write_atomically
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace

VERSION = "0.2"
NUHIST = "nuhist"  # key of misc with what HS3 cannot hold

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # what RooFit's reader takes
_POINT, _DOMAIN, _GLOBAL = "default_values", "default_domain", "global_observables"
_DATA = "obsData"
_REACH = 10.0  # standard deviations that a global observable may take, as in RooFit
_GAUSSIAN = ("normsys", "histosys")
_PER_BIN = ("staterror", "shapefactor")


def export_hs3(workspace: Workspace, path: Path, measurement: str | None = None) -> None:
    """Write a workspace as HS3, see :func:`hs3_document`.

    Raises
    ------
    ExchangeError
        If HS3 cannot hold the model.
    ModelError
        If there is no measurement of that name.
    DataError
        If the file cannot be written.
    """
    write_atomically(path, to_json(hs3_document(workspace, measurement)))


def hs3_document(workspace: Workspace, measurement: str | None = None) -> dict[str, Any]:
    """A workspace as an HS3 document.

    Parameters
    ----------
    workspace
        Bin edges come from its sidecar; without one bins are numbered from 0.
    measurement
        Name of the one to write; the first by default.

    Raises
    ------
    ExchangeError
        If HS3 cannot hold the model, or RooFit and pyhs3 read it differently.
    ModelError
        If there is no measurement of that name.
    """
    chosen = workspace.measurement(measurement)
    _check(workspace)
    spec, observed = workspace.spec, workspace.observed()
    described = (workspace.sidecar or {}).get("channels", {})
    distributions, data = [], []
    for channel in spec["channels"]:
        name, counts = channel["name"], observed[channel["name"]]
        edges = described.get(name, {}).get("edges_keV", list(range(len(counts) + 1)))
        axes = [{"name": f"obs_x_{name}", "edges": edges}]
        data.append({"name": f"{_DATA}_{name}", "type": "binned", "axes": axes, "contents": counts})
        samples = [_sample(sample, name) for sample in channel["samples"]]
        distribution: dict[str, Any] = {"name": f"model_{name}", "type": "histfactory_dist", "axes": axes}
        if any(modifier["type"] == "staterror" for sample in samples for modifier in sample["modifiers"]):
            # RooFit's key; its own default is Poisson.
            distribution["staterror"] = {"relThreshold": 0.0, "constraint_type": "Gauss"}
        distributions.append({**distribution, "samples": samples})
    values, domain, observables = _parameters(chosen, spec)
    poi, name = chosen["config"]["poi"], chosen["name"]
    channels = [channel["name"] for channel in spec["channels"]]
    return {
        "metadata": {"hs3_version": VERSION, "packages": [{"name": "nuhist", "version": __version__}]},
        "distributions": distributions,
        "data": data,
        "likelihoods": [
            {
                "name": name,
                "distributions": [entry["name"] for entry in distributions],
                "data": [entry["name"] for entry in data],
            }
        ],
        "domains": [
            {"name": _DOMAIN, "type": "product_domain", "axes": domain},
            {"name": _GLOBAL, "type": "product_domain", "axes": observables},
        ],
        "parameter_points": [{"name": _POINT, "parameters": values}],
        "analyses": [
            {
                "name": name,
                "likelihood": name,
                "parameters_of_interest": [poi] if poi else [],
                "domains": [_DOMAIN, _GLOBAL],
                "init": _POINT,
            }
        ],
        "misc": {
            "ROOT_internal": _root_internal(name, channels),
            NUHIST: remainder(workspace, [chosen]).to_json(),
        },
    }


def _sample(sample: Mapping[str, Any], channel: str) -> dict[str, Any]:
    data: dict[str, Any] = {"contents": sample["data"]}
    found = []
    for modifier in sample["modifiers"]:
        name, kind = modifier["name"], modifier["type"]
        entry: dict[str, Any] = {"name": name, "type": kind}
        if kind in _PER_BIN:
            entry["parameters"] = [bin_name(name, kind, channel, i) for i in range(len(sample["data"]))]
        else:
            entry["parameter"] = name
        if kind == "normsys":
            entry |= {"constraint": "Gauss", "data": dict(modifier["data"])}
        elif kind == "histosys":
            sides = {side: {"contents": modifier["data"][f"{side}_data"]} for side in ("hi", "lo")}
            entry |= {"constraint": "Gauss", "data": sides}
        elif kind == "staterror":
            entry["constraint"] = "Gauss"
            data["errors"] = modifier["data"]
        found.append(entry)
    return {"name": sample["name"], "data": data, "modifiers": found}


def _parameters(
    measurement: Mapping[str, Any], spec: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Start values, bounds, and the global observables of the constraints with their bounds."""
    blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
    values, domain, observables, centres = [], [], [], []
    for name, kind in dict(modifiers(spec)).items():
        block = blocks.get(name, {})
        start, low, high = parameter_range(kind, block)
        constant = {"const": True} if block.get("fixed", False) else {}
        for parameter in _names(name, kind, spec):
            values.append({"name": parameter, "value": start, **constant})
            domain.append({"name": parameter, "min": low, "max": high})
        if kind in _GAUSSIAN:
            centres.append({"name": f"nom_{name}", "value": 0.0, "const": True})
            observables.append({"name": f"nom_{name}", "min": -_REACH, "max": _REACH})
    return values + centres, domain, observables


def _names(name: str, kind: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """All parameters that one of a workspace becomes."""
    if kind not in _PER_BIN:
        yield name
        return
    for channel in spec["channels"]:
        if any(entry["name"] == name for sample in channel["samples"] for entry in sample["modifiers"]):
            for index in range(len(channel["samples"][0]["data"])):
                yield bin_name(name, kind, channel["name"], index)


def _root_internal(analysis: str, channels: Sequence[str]) -> dict[str, Any]:
    """What makes RooFit's workspace the one that its HistFactory makes."""
    labels = {"index_cat": "channelCat", "indices": list(range(len(channels))), "labels": list(channels)}
    models = [f"model_{name}" for name in channels]
    return {
        "ModelConfigs": {analysis: {"mcName": "ModelConfig", "pdfName": "simPdf"}},
        "attributes": {
            f"{name}_model": {"tags": ["BinnedLikelihood", "GenerateBinned"]} for name in channels
        },
        "combined_datasets": {_DATA: labels},
        "combined_distributions": {"simPdf": {**labels, "distributions": models}},
    }


def _check(workspace: Workspace) -> None:
    """Refuse what HS3 cannot hold, or RooFit and pyhs3 read as different things."""
    spec, origin = workspace.spec, workspace.origin
    kinds = dict(modifiers(spec))
    samples = [sample["name"] for channel in spec["channels"] for sample in channel["samples"]]
    for name in (*(channel["name"] for channel in spec["channels"]), *samples, *kinds):
        if not _NAME.fullmatch(name):
            raise ExchangeError(
                f"{origin}: '{name}' is no name for HS3; use letters, digits and underscores, first a letter"
            )
    refuse_several_staterrors(workspace, "HS3")
    for name, kind in kinds.items():
        if kind == "lumi":
            raise ExchangeError(
                f"{origin}: HS3 has no lumi that RooFit and pyhs3 read alike; build the workspace with"
                " --constraint normsys"
            )
        if kind == "shapesys":
            raise ExchangeError(
                f"{origin}: '{name}' is a shapesys, whose numbers RooFit reads as relative and pyhs3 as"
                " absolute; export it as XML"
            )
