"""A workspace taken apart: the background alone, and its signal at several couplings as a PatchSet.

The points are the workspace's own model at fixed values of its parameter of interest, so that they
give the same likelihood. Workspaces that nuhist did not build, or that were combined, have them too.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nuhist.errors import ModelError
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.patchset import NO_RECORD, SignalGrid, patchset_document, signal_point
from nuhist.histfactory.templates import STRENGTH, point_meaning
from nuhist.histfactory.validation import modifiers, validate, validate_patchset
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.inference.interpolation import alpha_curve
from nuhist.physics.coupling import CouplingScale, spaced
from nuhist.tables import Array

Spec = dict[str, Any]
_PER_BIN = {"staterror", "shapesys"}  # their widths would change with the counts of the signal
_INTERVALS = 9  # between the points, at least


def round_couplings(low: float, high: float) -> list[float]:
    """Couplings in steps of 1, 2 or 5 times a power of ten, some ten or twenty, 0 among them.

    Examples
    --------
    >>> round_couplings(0, 2.2e-11)
    [0.0, 2e-12, 4e-12, 6e-12, 8e-12, 1e-11, 1.2e-11, 1.4e-11, 1.6e-11, 1.8e-11, 2e-11, 2.2e-11]
    """
    low, high = min(low, 0.0), max(high, 0.0)
    finest = (high - low) / _INTERVALS
    power = 10.0 ** np.floor(np.log10(finest))
    step = max(factor * power for factor in (0.5, 1, 2, 5) if factor * power <= finest * (1 + 1e-9))
    numbers = range(int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9)) + 1)
    return [float(f"{number * step:.12g}") for number in numbers]


def signal_points(
    workspace: Workspace, couplings: Sequence[float], record: str = NO_RECORD, title: str = "workspace"
) -> SignalGrid:
    """The background alone, and the signal at several couplings.

    Parameters
    ----------
    workspace
        With a sidecar; its parameter of interest is a normfactor of signal samples, or the histosys
        of a signed polynomial.
    couplings
        In the coupling's unit, within the parameter's bounds.
    record, title
        HEPData record for the PatchSet's reference, such as ``"ins1234567"``, and the workspace's title.

    Raises
    ------
    ModelError
        If the signal cannot be told from the background.
    """
    sidecar = workspace.sidecar
    config = workspace.measurement()["config"]
    name = config["poi"]
    if sidecar is None or sidecar["poi"]["name"] != name:
        raise ModelError("there is no sidecar that says what its parameter of interest means")
    _refuse_inseparable(workspace.spec, name)
    scale = coupling_scale(workspace, name)
    label = CouplingScale(scale.coupling, scale.coupling, scale.unit, scale.reference)
    spec: Spec = {
        "channels": _channels_at(workspace.spec, name, 0.0),
        "observations": copy.deepcopy(workspace.spec["observations"]),
        "measurements": [_measurement(workspace, name)],
        "version": "1.0.0",
    }
    validate(spec, "background-only workspace")
    background = Workspace(spec, _sidecar(sidecar, spec, name, label), f"{title}, background only")
    points = [
        signal_point(
            label, coupling, background, _channels_at(workspace.spec, name, scale.to_parameter(coupling))
        )
        for coupling in couplings
    ]
    description = f"signal of {title} at values of {label.coupling} in units of"
    description += f" {label.reference:g}{spaced(label.unit)}"
    document = patchset_document(background, label, points, record, description)
    validate_patchset(document, f"PatchSet of {title}")
    grid = SignalGrid(background, label, tuple(points), document)
    for point in points:
        grid.workspace(point)
    return grid


def _refuse_inseparable(spec: Mapping[str, Any], name: str) -> None:
    kinds = {kind for modifier, kind in modifiers(spec) if modifier == name}
    if kinds not in ({"normfactor"}, {"histosys"}):
        raise ModelError(f"its parameter of interest '{name}' is a {' and '.join(sorted(kinds))}")
    if name != STRENGTH and any(modifier == STRENGTH for modifier, _ in modifiers(spec)):
        raise ModelError(f"it has a parameter '{STRENGTH}' beside its parameter of interest")
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            if _interest(sample, name) is None:
                continue
            tied = {modifier["type"] for modifier in sample["modifiers"]} & _PER_BIN
            if tied:
                raise ModelError(f"its signal sample '{sample['name']}' has a {min(tied)}")


def _interest(sample: Mapping[str, Any], name: str) -> Spec | None:
    return next((modifier for modifier in sample["modifiers"] if modifier["name"] == name), None)


def _channels_at(spec: Mapping[str, Any], name: str, value: float) -> list[Spec]:
    """Channels with the signal at one value of the parameter of interest."""
    channels = []
    for channel in spec["channels"]:
        samples: list[Spec] = []
        for sample in channel["samples"]:
            interest = _interest(sample, name)
            if interest is None:
                samples.append(copy.deepcopy(sample))
            elif interest["type"] == "normfactor":
                samples.append(_scaled(sample, interest, value))
            else:
                samples += _split(sample, interest, value)
        channels.append({"name": channel["name"], "samples": samples})
    return channels


def _scaled(sample: Mapping[str, Any], interest: Spec, value: float) -> Spec:
    """A signal sample with all its counts multiplied."""
    result: Spec = copy.deepcopy(dict(sample))
    result["data"] = (value * np.array(sample["data"])).tolist()
    for modifier in result["modifiers"]:
        if modifier == interest:
            modifier["name"] = STRENGTH
        elif modifier["type"] == "histosys":
            data = modifier["data"]
            modifier["data"] = {key: (value * np.array(counts)).tolist() for key, counts in data.items()}
    return result


def _split(sample: Mapping[str, Any], interest: Spec, value: float) -> list[Spec]:
    """A sample with a signed polynomial: what the coupling takes away is gone, what it adds apart.

    Changes of shape are absolute, so they stay with the first of the two; factors go with both.
    """
    nominal, added = np.array(sample["data"]), _added(sample, interest, value)
    taken, given = np.minimum(added, 0), np.maximum(added, 0)
    plain: Spec = copy.deepcopy(dict(sample))
    plain["data"] = (nominal + taken).tolist()
    plain["modifiers"] = [modifier for modifier in plain["modifiers"] if modifier != interest]
    for modifier in plain["modifiers"]:
        if modifier["type"] == "histosys":
            data = modifier["data"]
            modifier["data"] = {key: (np.array(counts) + taken).tolist() for key, counts in data.items()}
    factors = [copy.deepcopy(entry) for entry in sample["modifiers"] if entry["type"] != "histosys"]
    signal: Spec = {
        "name": f"{sample['name']}_signal",
        "data": given.tolist(),
        "modifiers": [*factors, {"name": STRENGTH, "type": "normfactor", "data": None}],
    }
    return [plain, signal]


def _added(sample: Mapping[str, Any], interest: Spec, value: float) -> Array:
    """Counts that a histosys adds (code 4p, pyhf's default)."""
    nominal = np.array(sample["data"])
    high, low = (np.array(interest["data"][key]) for key in ("hi_data", "lo_data"))
    curve = alpha_curve(np.array(value))[0]
    added: Array = value * (high - low) / 2 + curve * (high + low - 2 * nominal) / 16
    return added


def _measurement(workspace: Workspace, name: str) -> Spec:
    measurement = workspace.measurement()
    blocks = [copy.deepcopy(block) for block in measurement["config"]["parameters"] if block["name"] != name]
    strength = {"name": STRENGTH, "bounds": [[0.0, 10.0]], "inits": [1.0]}
    config = {"poi": STRENGTH, "parameters": [strength, *blocks]}
    return {"name": measurement["name"], "config": config}


def _sidecar(sidecar: Mapping[str, Any], spec: Spec, name: str, label: CouplingScale) -> Spec:
    meaning = point_meaning(label.coupling)
    parameters = {key: value for key, value in sidecar["parameters"].items() if key != name}
    return {
        **copy.deepcopy(dict(sidecar)),
        "workspace_digest": digest(spec),
        "poi": {**asdict(label), "name": STRENGTH, "meaning": meaning},
        "parameters": {STRENGTH: {"meaning": meaning, "unit": "1"}, **parameters},
    }
