"""A workspace as HS3, the JSON that RooFit and pyhs3 read. Experimental, as the format itself is.

Parameters keep their names: where RooFit's HistFactory would call one ``alpha_NAME``, HS3 lets each
modifier say its parameter. A measurement becomes an analysis. What RooFit needs beyond HS3 to make the
workspace that its HistFactory makes (``simPdf``, ``obsData``, ``ModelConfig``) stands in
``misc/ROOT_internal``, where RooFit writes it itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nuhist.__about__ import __version__
from nuhist.exchange.differences import below_zero, large_counts
from nuhist.exchange.parameter_names import CONSTRAINED, OneToOne, bin_name, bin_names, has_lumi
from nuhist.exchange.refusals import (
    Names,
    refuse_names,
    refuse_other_constraints,
    refuse_several_interests,
    refuse_several_staterrors,
)
from nuhist.exchange.relative import relative
from nuhist.exchange.remainder import remainder
from nuhist.files import to_json, write_atomically
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.parameter_sets import ParameterSet, each_modifier, parameter_range, parameter_sets
from nuhist.histfactory.workspace import Workspace

VERSION = "0.2"
NUHIST = "nuhist"  # key of misc with what HS3 cannot hold

_NAMES = Names(
    "RooFit",
    channels=re.compile(r"[A-Za-z0-9_]+"),
    samples=None,
    parameters=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    advice={
        "channel": "use letters, digits and underscores",
        "parameter": "use letters, digits and underscores, first a letter",
    },
)
LUMI_CONSTRAINT = "lumiConstraint"  # as RooFit calls it
_POINT, _DOMAIN, _GLOBAL = "default_values", "default_domain", "global_observables"
_DATA: Mapping[DataKind, str] = {"asimov": "asimovData", "toy": "toyData"}  # RooFit's names; others: obsData
_REACH = 10.0  # standard deviations that a global observable may take, as in RooFit
PER_BIN = ("staterror", "shapefactor", "shapesys")
# RooFit takes the root of the counts for an error of 0, and what is as good as 0 as it is. The second stands
# for a 0 without a decimal point, which is another text in a workspace and its digest.
_NO_ERROR = {float: 1e-150, int: 2e-150}
_SMALLEST_ERROR = 1e-100


def export_hs3(
    workspace: Workspace,
    path: Path,
    measurement: str | None = None,
    *,
    message: Callable[[str], None] = lambda _: None,
) -> None:
    """Write a workspace as HS3, see :func:`hs3_document`."""
    write_atomically(path, to_json(hs3_document(workspace, measurement, message=message)))


def hs3_document(
    workspace: Workspace,
    measurement: str | None = None,
    *,
    message: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A workspace as an HS3 document.

    Parameters
    ----------
    workspace
        Bin edges come from its sidecar; without one bins are numbered from 0. Its data are called
        ``obsData``, but Asimov data ``asimovData`` and toys ``toyData``.
    measurement
        Name of the one to write; the first by default.
    message
        Called with a line of text for what RooFit evaluates otherwise than pyhf.

    Raises
    ------
    ExchangeError
        If HS3 cannot hold the model, or RooFit and pyhs3 read it differently.
    ModelError
        If there is no measurement of that name.
    """
    chosen = workspace.measurement(measurement)
    _check(workspace, chosen)
    for line in (*below_zero(workspace), *large_counts(workspace), *_relative_errors(workspace)):
        message(line)
    spec, observed = workspace.spec, workspace.observed()
    described = (workspace.sidecar or {}).get("channels", {})
    data_name = _DATA.get(workspace.data_kind, "obsData")
    distributions, data = [], []
    for channel in spec["channels"]:
        name, counts = channel["name"], observed[channel["name"]]
        edges = described.get(name, {}).get("edges_keV", list(range(len(counts) + 1)))
        axes = [{"name": f"obs_x_{name}", "edges": edges}]
        data.append({"name": f"{data_name}_{name}", "type": "binned", "axes": axes, "contents": counts})
        samples = [_sample(sample, name) for sample in channel["samples"]]
        distribution: dict[str, Any] = {"name": f"model_{name}", "type": "histfactory_dist", "axes": axes}
        if any(modifier["type"] == "staterror" for sample in samples for modifier in sample["modifiers"]):
            # RooFit's key; its own default is Poisson.
            distribution["staterror"] = {"relThreshold": 0.0, "constraint_type": "Gauss"}
        distributions.append({**distribution, "samples": samples})
    sets = parameter_sets(spec)
    values, domain, observables = _parameters(chosen, sets, _certain_bins(spec))
    auxiliary = _luminosity(chosen) if has_lumi(sets) else []
    name = chosen["name"]
    poi = workspace.interest(name)
    channels = [channel["name"] for channel in spec["channels"]]
    return {
        "metadata": {"hs3_version": VERSION, "packages": [{"name": "nuhist", "version": __version__}]},
        "distributions": distributions + auxiliary,
        "data": data,
        "likelihoods": [
            {
                "name": name,
                "distributions": [entry["name"] for entry in distributions],
                "data": [entry["name"] for entry in data],
                **({"aux_distributions": [entry["name"] for entry in auxiliary]} if auxiliary else {}),
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
            "ROOT_internal": _root_internal(name, data_name, channels),
            NUHIST: remainder(workspace, [chosen]).to_json(),
        },
    }


def _sample(sample: Mapping[str, Any], channel: str) -> dict[str, Any]:
    data: dict[str, Any] = {"contents": sample["data"]}
    found = []
    for modifier in sample["modifiers"]:
        name, kind = modifier["name"], modifier["type"]
        entry: dict[str, Any] = {"name": name, "type": kind}
        if kind in PER_BIN:
            entry["parameters"] = [bin_name(name, kind, channel, i) for i in range(len(sample["data"]))]
        else:
            entry["parameter"] = name
        if kind == "lumi":
            entry |= {"type": "normfactor", "constraint_name": LUMI_CONSTRAINT}
        elif kind == "normsys":
            entry |= {"constraint": "Gauss", "data": dict(modifier["data"])}
        elif kind == "histosys":
            sides = {side: {"contents": modifier["data"][f"{side}_data"]} for side in ("hi", "lo")}
            entry |= {"constraint": "Gauss", "data": sides}
        elif kind == "shapesys":  # as RooFit writes it
            parts = relative(modifier["data"], sample["data"])
            entry |= {"constraint_type": "Poisson", "data": {"vals": parts}}
        elif kind == "staterror":
            entry["constraint"] = "Gauss"
            data["errors"] = [error or _NO_ERROR[type(error)] for error in modifier["data"]]
        found.append(entry)
    return {"name": sample["name"], "data": data, "modifiers": found}


def read_errors(errors: Sequence[float]) -> list[float]:
    """Errors of a staterror as a workspace has them, see :func:`hs3_document`."""
    zeros = {_NO_ERROR[int]: 0}
    return [
        error if error > _SMALLEST_ERROR else zeros.get(error, 0.0) if error else error for error in errors
    ]


def _parameters(
    measurement: Mapping[str, Any], sets: Mapping[str, ParameterSet], constant: Collection[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Start values, bounds, and the global observables of the constraints with their bounds."""
    blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
    values, domain, observables, centres = [], [], [], []
    for name, entry in sets.items():
        block = blocks.get(name, {})
        start, low, high = parameter_range(entry.kind, block)
        if entry.kind == "lumi":
            centre, width = float(block["auxdata"][0]), float(block["sigmas"][0])
            centres.append({"name": f"nom_{name}", "value": centre, "const": True})
            reach = _REACH * width
            observables.append({"name": f"nom_{name}", "min": centre - reach, "max": centre + reach})
        fixed = block.get("fixed", False)
        for parameter in _names(name, entry):
            held = {"const": True} if fixed or parameter in constant else {}
            values.append({"name": parameter, "value": start, **held})
            domain.append({"name": parameter, "min": low, "max": high})
        if entry.kind in CONSTRAINED:
            centre = float(block.get("auxdata", [0.0])[0])
            centres.append({"name": f"nom_{name}", "value": centre, "const": True})
            observables.append({"name": f"nom_{name}", "min": centre - _REACH, "max": centre + _REACH})
    return values + centres, domain, observables


def _luminosity(measurement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The distribution that constrains the luminosity."""
    blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
    width = float(blocks["lumi"]["sigmas"][0])
    return [
        {"name": LUMI_CONSTRAINT, "type": "gaussian_dist", "x": "lumi", "mean": "nom_lumi", "sigma": width}
    ]


def _names(name: str, entry: ParameterSet) -> list[str]:
    """All parameters that one of a workspace becomes."""
    if entry.kind not in PER_BIN:
        return [name]
    return list(dict.fromkeys(parameter for parameter, _ in bin_names(name, entry)))


def _certain_bins(spec: Mapping[str, Any]) -> set[str]:
    """Parameters of bins without an error, which pyhf keeps constant."""
    found = {
        bin_name(modifier["name"], "shapesys", channel["name"], index)
        for channel, sample, modifier in each_modifier(spec)
        if modifier["type"] == "shapesys"
        for index, part in enumerate(relative(modifier["data"], sample["data"]))
        if not part
    }
    for channel in spec["channels"]:
        errors = [
            (modifier["data"], sample["data"])
            for sample in channel["samples"]
            for modifier in sample["modifiers"]
            if modifier["type"] == "staterror"
        ]
        for index in range(len(channel["samples"][0]["data"])) if errors else ():
            if not (any(error[index] for error, _ in errors) and any(count[index] for _, count in errors)):
                found.add(bin_name("", "staterror", channel["name"], index))
    return found


def _relative_errors(workspace: Workspace) -> Iterator[str]:
    """That readers do not agree on the numbers of a shapesys, of which HS3 says nothing."""
    found = {entry["name"] for _, _, entry in each_modifier(workspace.spec) if entry["type"] == "shapesys"}
    if found:
        yield (
            f"{workspace.origin}: errors of {len(found)} shapesys ({min(found)}{', ...' * (len(found) > 1)})"
            " are written relative to the counts, as RooFit has them; pyhs3 0.4.2 takes them for absolute"
        )


def _root_internal(analysis: str, data: str, channels: Sequence[str]) -> dict[str, Any]:
    """What makes RooFit's workspace the one that its HistFactory makes."""
    labels = {"index_cat": "channelCat", "indices": list(range(len(channels))), "labels": list(channels)}
    models = [f"model_{name}" for name in channels]
    return {
        "ModelConfigs": {analysis: {"mcName": "ModelConfig", "pdfName": "simPdf"}},
        "attributes": {
            f"{name}_model": {"tags": ["BinnedLikelihood", "GenerateBinned"]} for name in channels
        },
        "combined_datasets": {data: labels},
        "combined_distributions": {"simPdf": {**labels, "distributions": models}},
    }


def _check(workspace: Workspace, measurement: Mapping[str, Any]) -> None:
    """Refuse what HS3 cannot hold, or RooFit and pyhs3 read as different things."""
    spec, origin = workspace.spec, workspace.origin
    sets = parameter_sets(spec)
    refuse_names(workspace, _NAMES)
    refuse_several_staterrors(workspace, "HS3")
    refuse_several_interests(workspace, [measurement])
    refuse_other_constraints(workspace, [measurement], "HS3", centres=True)
    pairs = OneToOne(origin)
    for name, entry in sets.items():
        kind = entry.kind
        for theirs, ours in bin_names(name, entry) if kind in PER_BIN else [(name, name)]:
            pairs.add(theirs, ours)
        if kind in (*CONSTRAINED, "lumi"):
            pairs.add(f"nom_{name}", f"the centre of {name}")
