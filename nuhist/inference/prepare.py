"""The likelihood of a workspace, prepared for fits."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from nuhist.errors import ModelError, OptionError, unknown_name
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.parameter_sets import parameter_sets, refuse_several_numbers
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.changes import Changes
from nuhist.inference.compilation import compile_model
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.pyhf_model import pyhf_model
from nuhist.inference.room import refuse_too_large
from nuhist.inference.search import possible_start
from nuhist.inference.steps import typical_steps
from nuhist.values import as_text

Engine = Literal["compiled", "pyhf"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


def make_likelihood(
    workspace: Workspace,
    *,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine = "compiled",
    changes: Changes | None = None,
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
    changes
        Values to hold, start values and bounds that differ from the workspace's.

    Raises
    ------
    ModelError
        If pyhf refuses the model, it has no such measurement or parameter, or a bin has events
        that no sample can give.
    ConfigError
        If changes make no sense.
    """
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    refuse_too_large(workspace)
    name = _interest(workspace, measurement, poi)
    model, data = pyhf_model(workspace, measurement, name)
    bounds = np.asarray(model.config.suggested_bounds(), dtype=np.float64)
    initial = np.asarray(model.config.suggested_init(), dtype=np.float64)
    arrays = compile_model(workspace.spec, model)
    low, high = bounds.T
    constant = np.array(model.config.suggested_fixed(), dtype=bool) | (low == high)
    initial = np.where(constant & (low < high), initial, np.clip(initial, low, high))
    names = list(model.config.par_names)
    if name is not None:
        names[model.config.poi_index] = name  # pyhf has "name[0]" for a shapefactor of one bin
    if changes is not None:
        initial, low, high, constant = changes.applied(names, initial, low, high, constant)
    low, high = np.minimum(low, initial), np.maximum(high, initial)  # what is fixed may lie outside
    # Steps are those at a point where data are possible, which the workspace's own values need not be.
    steps = typical_steps(arrays, initial, data)
    start = possible_start(arrays, initial, data, ~constant, low, high, steps)
    return Likelihood(
        model=model,
        data=data,
        names=tuple(names),
        initial=initial,
        lower=low,
        upper=high,
        scale=typical_steps(arrays, start, data),
        constant=tuple(constant.tolist()),
        poi=None if name is None else coupling_scale(workspace, name),
        origin=workspace.origin,
        compiled=arrays if engine == "compiled" else None,
        arrays=arrays,
    )


def refuse_unknown_choices(
    source: Workspace | SignalGrid, measurement: str | None, poi: str | None, engine: str, changes: Changes
) -> None:
    """Refuse what :func:`make_likelihood` would refuse for its name, and what a grid of signals cannot take.

    Raises
    ------
    ConfigError
        If there is no such parameter or engine, or a name is no text.
    OptionError
        If a grid of signal points would have another parameter of interest or other parameters.
    ModelError
        If there is no such measurement, or the parameter of interest is several numbers.
    """
    for what, name in {"measurement": measurement, "poi": poi, "engine": engine}.items():
        if name is not None:
            as_text(name, what)
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if isinstance(source, SignalGrid):
        if poi is not None:
            raise OptionError(
                "poi=...: does nothing with signal points, whose coupling is the one of their label"
            )
        if changes != Changes():
            raise OptionError("a PatchSet takes no other parameters; choose a patch")
        return
    _interest(source, measurement, poi)
    names = {*changes.fixed, *changes.init, *changes.bounds}
    sets = parameter_sets(source.spec) if names else {}
    for name in sorted(names):
        if name not in sets and name.rpartition("[")[0] not in sets:
            raise unknown_name("parameter", name, sorted(sets))


def _interest(workspace: Workspace, measurement: str | None, poi: str | None) -> str | None:
    """Name of the parameter of interest, or None: the measurement's, unless another one is asked for."""
    if poi is None:
        refuse_several_numbers(workspace.spec, workspace.measurement(measurement), workspace.origin)
        return workspace.interest(measurement)
    sets = parameter_sets(workspace.spec)
    if poi not in sets:
        raise unknown_name("parameter", poi, sorted(sets))
    if sets[poi].size > 1:
        raise ModelError(
            f"{workspace.origin}: '{poi}' is a {sets[poi].kind} of {sets[poi].size} numbers; choose a"
            " parameter that is one number"
        )
    return poi
