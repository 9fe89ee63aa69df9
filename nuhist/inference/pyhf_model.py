"""pyhf's own model of a workspace, with its data."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np

from nuhist.errors import ModelError
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array


class _Read(list[Any]):
    """Channels that are not copied with the model: pyhf reads them only, and a copy takes long."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def pyhf_model(
    workspace: Workspace, measurement: str | None = None, poi: str | None = None
) -> tuple[Any, Array]:
    """A ``pyhf.Model``, and observed counts followed by auxiliary data.

    Parameters
    ----------
    workspace
        Already validated.
    measurement
        Name of the measurement; the first by default.
    poi
        Another parameter of interest than the measurement's.

    Raises
    ------
    ModelError
        If pyhf refuses the model, it has no such measurement or parameter, or a bin has events
        that no sample can give.
    """
    config = workspace.measurement(measurement)["config"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema.RefResolver, in pyhf
        import pyhf

        try:
            # The model that pyhf.Workspace makes, without its copies and checks: nuhist has validated
            # the workspace, more strictly, and they would take half of the time of a limit.
            parts = {"channels": _Read(workspace.spec["channels"]), "parameters": config["parameters"]}
            model = pyhf.Model(parts, poi_name=poi or workspace.interest(measurement), validate=False)
            observed = workspace.observed()
            counts = [count for channel in model.config.channels for count in observed[channel]]
            data = np.array([*counts, *model.config.auxdata], dtype=np.float64)
        except Exception as error:
            raise ModelError(
                f"{workspace.origin}: pyhf refuses it: {' '.join(str(error).split())}"
            ) from error
    _refuse_impossible(model, data, workspace)
    return model, data


def _refuse_impossible(model: Any, data: Array, workspace: Workspace) -> None:
    """Refuse events in a bin where the model expects none whatever its parameters."""
    config = model.config
    if _all_named(model, data, workspace):
        return
    initial = np.asarray(config.suggested_init(), dtype=np.float64)
    upper = np.asarray(config.suggested_bounds(), dtype=np.float64)[:, 1]
    points: Sequence[Array] = (initial, np.minimum(upper, 1.0))
    with np.errstate(all="ignore"):
        expected = np.max([model.expected_actualdata(point) for point in points], axis=0)
    impossible = (data[: config.nmaindata] > 0) & ~(expected > 0)
    if not impossible.any():
        return
    lowest = dict(zip(config.par_names, config.suggested_bounds(), strict=True))
    below = {name for name, (low, _) in lowest.items() if low < 0}
    for channel in workspace.spec["channels"]:
        part = config.channel_slices[channel["name"]]
        for index in np.flatnonzero(impossible[part]):
            if not any(_may_expect(sample, int(index), below) for sample in channel["samples"]):
                raise ModelError(
                    f"{workspace.origin}: channel '{channel['name']}', bin {index}:"
                    f" {data[part.start + index]:g} events observed where every sample expects 0 or less"
                )


def _all_named(model: Any, data: Array, workspace: Workspace) -> bool:
    """Whether each bin with events has a sample that names a count above 0 there."""
    slices = model.config.channel_slices
    return all(
        (
            np.max([sample["data"] for sample in channel["samples"]], axis=0)[
                data[slices[channel["name"]]] > 0
            ]
            > 0
        ).all()
        for channel in workspace.spec["channels"]
    )


def _may_expect(sample: Mapping[str, Any], index: int, below: Collection[str]) -> bool:
    """Whether a sample may expect events in a bin: parameters of names in ``below`` may turn its sign."""
    if sample["data"][index] > 0:
        return True
    for modifier in sample["modifiers"]:
        if modifier["type"] == "histosys":
            sides = modifier["data"]["hi_data"][index], modifier["data"]["lo_data"][index]
            if any(side != sample["data"][index] for side in sides):
                return True
    turned = any(
        modifier["name"] in below and modifier["type"] in ("normfactor", "shapefactor", "lumi")
        for modifier in sample["modifiers"]
    )
    return turned and bool(sample["data"][index] < 0)
