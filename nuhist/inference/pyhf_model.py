"""pyhf's own model of a workspace, with its data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nuhist.errors import ModelError
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array


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
            parts = {"channels": workspace.spec["channels"], "parameters": config["parameters"]}
            model = pyhf.Model(parts, poi_name=poi or config["poi"] or None, validate=False)
            observed = workspace.observed()
            counts = [count for channel in model.config.channels for count in observed[channel]]
            data = np.array([*counts, *model.config.auxdata], dtype=np.float64)
        except Exception as error:
            raise ModelError(
                f"{workspace.origin}: pyhf refuses it: {' '.join(str(error).split())}"
            ) from error
    _refuse_impossible(model, data, workspace.origin)
    return model, data


def _refuse_impossible(model: Any, data: Array, origin: str) -> None:
    """Refuse events in a bin where the model expects none whatever its parameters."""
    config = model.config
    initial = np.asarray(config.suggested_init(), dtype=np.float64)
    upper = np.asarray(config.suggested_bounds(), dtype=np.float64)[:, 1]
    points: Sequence[Array] = (initial, np.minimum(upper, 1.0))
    with np.errstate(all="ignore"):
        expected = np.max([model.expected_actualdata(point) for point in points], axis=0)
    impossible = (data[: config.nmaindata] > 0) & ~(expected > 0)
    if not impossible.any():
        return
    position = int(np.argmax(impossible))
    for channel, part in config.channel_slices.items():
        if part.start <= position < part.stop:
            raise ModelError(
                f"{origin}: channel '{channel}', bin {position - part.start}:"
                f" {data[position]:g} events observed where every sample expects 0"
            )
