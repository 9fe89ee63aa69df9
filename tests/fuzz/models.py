"""Small models whose files are spoiled."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import nuhist
from nuhist.histfactory.workspace import Workspace
from tests.strategies import Limits, random_workspace


@cache
def paper() -> Workspace:
    return nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")


@cache
def small(seed: int) -> Workspace:
    return random_workspace(seed, Limits(channels=2, bins=5, samples=3, causes=2))


def counting(poi: str = "mu") -> Workspace:
    """Two bins, a signal, a background with a constraint: fits take milliseconds."""
    norm = {"name": "norm_of_counting", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    samples = [
        {
            "name": "signal",
            "data": [1.0, 2.0],
            "modifiers": [{"name": poi, "type": "normfactor", "data": None}],
        },
        {"name": "background", "data": [3.0, 5.0], "modifiers": [norm]},
    ]
    spec: dict[str, Any] = {
        "channels": [{"name": "counting", "samples": samples}],
        "observations": [{"name": "counting", "data": [4.0, 7.0]}],
        "measurements": [{"name": "only", "config": {"poi": poi, "parameters": []}}],
        "version": "1.0.0",
    }
    return Workspace(spec, origin="counting")


def described() -> Workspace:
    """The counting experiment of a magnetic moment, with a sidecar that says all that one can say."""
    workspace = counting("mu_nu_squared")
    poi = {
        "name": "mu_nu_squared",
        "coupling": "mu_nu",
        "unit": "mu_B",
        "reference": 1e-11,
        "power": 2,
        "scale": 1.0,
    }
    channel = {
        "edges_keV": [0.0, 1.0, 3.0],
        "samples": {"signal": "magnetic moment", "background": "all else"},
        "experiment": "counting",
        "dataset": "one of ours",
        "title": "two bins",
        "exposure_tonne_year": 1.5,
        "counts_per_event": 2.0,
        "sources": ["a paper"],
        "assumptions": [],
    }
    sidecar = {
        "nuhist_version": "0.1.0",
        "workspace_digest": workspace.digest,
        "command": None,
        "hypothesis": "magnetic-moment",
        "flavor": "effective",
        "options": {"counting": {"background": "components", "exposure": None}},
        "poi": {**poi, "meaning": "(mu_nu / 1e-11 mu_B)^2"},
        "channels": {"counting": channel},
        "parameters": {"mu_nu_squared": {"meaning": "see poi", "unit": "1"}},
    }
    return Workspace(workspace.spec, sidecar, "described")


def every_modifier() -> Workspace:
    """Two channels with all types of modifiers, shared names and overrides of all kinds."""
    factor = {"type": "normfactor", "data": None}
    shape = {"hi_data": [1.2, 2.0], "lo_data": [0.8, 2.0]}
    signal = [
        {"name": "mu", **factor},
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "tilt", "type": "histosys", "data": shape},
        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
    ]
    background = [
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "stat", "type": "staterror", "data": [0.3, 0.4]},
        {"name": "bins", "type": "shapesys", "data": [0.5, 0.0]},
        {"name": "norm", "type": "normsys", "data": {"hi": 1.2, "lo": 0.85}},
    ]
    free = [
        {"name": "free", "type": "shapefactor", "data": None},
        {"name": "lumi", "type": "lumi", "data": None},
    ]
    parameters = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]},
        {"name": "mu", "bounds": [[0.0, 20.0]], "inits": [0.5]},
        {"name": "norm", "auxdata": [0.1], "fixed": False},
        {"name": "tilt", "inits": [0.0], "fixed": True},
    ]
    spec: dict[str, Any] = {
        "channels": [
            {
                "name": "one",
                "samples": [
                    {"name": "signal", "data": [1.0, 2.0], "modifiers": signal},
                    {"name": "background", "data": [3.0, 5.0], "modifiers": background},
                ],
            },
            {"name": "two", "samples": [{"name": "background", "data": [4.0, 1.0, 2.0], "modifiers": free}]},
        ],
        "observations": [{"name": "one", "data": [4.0, 7.0]}, {"name": "two", "data": [4, 1, 0]}],
        "measurements": [
            {"name": "first", "config": {"poi": "mu", "parameters": parameters}},
            {"name": "second", "config": {"poi": "", "parameters": parameters[:1]}},
        ],
        "version": "1.0.0",
    }
    return Workspace(spec, origin="every")


def without(workspace: Workspace, *names: str) -> Workspace:
    """The same model without some parameters, and without the measurements that have no interest."""
    spec = json.loads(workspace.to_json())
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = [entry for entry in sample["modifiers"] if entry["name"] not in names]
    del spec["measurements"][1:]
    config = spec["measurements"][0]["config"]
    config["parameters"] = [block for block in config["parameters"] if block["name"] not in names]
    return Workspace(spec, origin="every")
