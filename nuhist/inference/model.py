"""pyhf's model of a workspace, made into a likelihood."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from nuhist.errors import ModelError, unknown_name
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.compilation import compile_model
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.search import possible_start
from nuhist.inference.steps import typical_steps
from nuhist.tables import Array

Engine = Literal["compiled", "pyhf"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


def make_likelihood(
    workspace: Workspace,
    *,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine = "compiled",
) -> Likelihood:
    """The likelihood of a workspace, through pyhf.

    Parameters
    ----------
    workspace
        Already validated.
    measurement
        Name of the measurement; the first by default.
    poi
        Another parameter of interest than the measurement's.
    engine
        What fits: ``"compiled"``, the likelihood in arrays, checked against pyhf's at each
        result, or ``"pyhf"``, pyhf's own with SciPy.

    Raises
    ------
    ModelError
        If pyhf refuses the model, it has no such measurement or parameter, or a bin has events
        that no sample can give.
    """
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    config = workspace.measurement(measurement)["config"]
    name = poi or config["poi"] or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema.RefResolver, in pyhf
        import pyhf

        try:
            # The model that pyhf.Workspace makes, without its copies and checks: nuhist has validated
            # the workspace, more strictly, and they would take half of the time of a limit.
            parts = {"channels": workspace.spec["channels"], "parameters": config["parameters"]}
            model = pyhf.Model(parts, poi_name=name, validate=False)
            observed = workspace.observed()
            counts = [count for channel in model.config.channels for count in observed[channel]]
            data = np.array([*counts, *model.config.auxdata], dtype=np.float64)
        except Exception as error:
            raise ModelError(
                f"{workspace.origin}: pyhf refuses it: {' '.join(str(error).split())}"
            ) from error
    bounds = np.asarray(model.config.suggested_bounds(), dtype=np.float64)
    initial = np.asarray(model.config.suggested_init(), dtype=np.float64)
    arrays = compile_model(workspace.spec, model)
    constant = np.array(model.config.suggested_fixed(), dtype=bool)
    # Steps are those at a point where data are possible, which the workspace's own values need not be.
    steps = typical_steps(arrays, initial, data)
    start = possible_start(arrays, initial, data, ~constant, bounds[:, 0], bounds[:, 1], steps)
    names = list(model.config.par_names)
    if name is not None:
        names[model.config.poi_index] = name  # pyhf has "name[0]" for a shapefactor of one bin
    likelihood = Likelihood(
        model=model,
        data=data,
        names=tuple(names),
        initial=initial,
        lower=bounds[:, 0],
        upper=bounds[:, 1],
        scale=typical_steps(arrays, start, data),
        constant=tuple(constant.tolist()),
        poi=None if name is None else coupling_scale(workspace, name),
        origin=workspace.origin,
        compiled=arrays if engine == "compiled" else None,
        arrays=arrays,
    )
    _refuse_impossible(likelihood)
    return likelihood


def _refuse_impossible(likelihood: Likelihood) -> None:
    """Refuse events in a bin where the model expects none whatever its parameters."""
    config = likelihood.model.config
    points: Sequence[Array] = (likelihood.initial, np.minimum(likelihood.upper, 1.0))
    expected = np.max([likelihood.expected(point) for point in points], axis=0)
    impossible = (likelihood.data[: config.nmaindata] > 0) & ~(expected > 0)
    if not impossible.any():
        return
    position = int(np.argmax(impossible))
    for channel, part in config.channel_slices.items():
        if part.start <= position < part.stop:
            raise ModelError(
                f"{likelihood.origin}: channel '{channel}', bin {position - part.start}:"
                f" {likelihood.data[position]:g} events observed where every sample expects 0"
            )
