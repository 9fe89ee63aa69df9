"""Points of a model's parameter space: its fit, its start, or a coupling on the fit without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nuhist.errors import OptionError
from nuhist.histfactory.patchset import SignalGrid, SignalPoint
from nuhist.histfactory.templates import STRENGTH
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.covariance import covariance as covariance_of
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.model import Model
from nuhist.inference.prepare import make_likelihood
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

Stage = Literal["after the fit", "before the fit", "fit without the coupling"]


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the parameter space: with the coupling, and the same without it.

    Attributes
    ----------
    workspace, likelihood
        Workspace of the model, and its likelihood; of a grid, at one of its signal points.
    parameters, without
        Values of all parameters, with and without the coupling.
    covariance
        Covariance of the parameters.
    stage
        Where the values are from.
    scale, value
        What the parameter of interest stands for, and the coupling; None without one.
    """

    workspace: Workspace
    likelihood: Likelihood
    parameters: Array
    without: Array
    covariance: Array
    stage: Stage
    scale: CouplingScale | None
    value: float | None


def parameter_point(model: Model, coupling: float | None, *, prefit: bool) -> Point:
    """The best fit, the initial values, or a coupling on the fit without it.

    Of a grid, the signal point nearest to the best fit or to the coupling.

    Raises
    ------
    OptionError
        If there is a coupling and no parameter of interest.
    FitError
        If the fit does not converge.
    """
    if isinstance(model.source, SignalGrid):
        return _of_grid(model, model.source, coupling, prefit=prefit)
    return _of_workspace(model, coupling, prefit=prefit)


def expected_at(model: Model, point: Point, coupling: float) -> tuple[float, Array]:
    """A coupling, and counts expected with it and with all other parameters as they are at a point.

    Of a grid, the coupling is that of the signal point nearest to the one that is asked for.

    Raises
    ------
    OptionError
        If there is no parameter of interest.
    """
    likelihood, parameters, scale = point.likelihood, point.parameters.copy(), point.scale
    if scale is None:
        raise OptionError(f"signal=...: does nothing, since {model.origin} has no parameter of interest")
    if not isinstance(model.source, SignalGrid):
        parameters[likelihood.poi_index] = scale.to_parameter(coupling)
        return coupling, likelihood.expected(parameters)
    nearest = _nearest(model.source, scale.to_parameter(coupling))
    other = make_likelihood(model.source.workspace(nearest), poi=STRENGTH)
    values = dict(zip(likelihood.names, parameters, strict=True))
    there = np.array([values[name] for name in other.names])
    there[other.poi_index] = 1.0
    return scale.to_coupling(nearest.value), other.expected(there)


def _nearest(grid: SignalGrid, value: float) -> SignalPoint:
    """The signal point whose coupling is nearest, in units of the grid's reference."""
    return min(grid.points, key=lambda point: abs(point.value - value))


def _of_workspace(model: Model, coupling: float | None, *, prefit: bool) -> Point:
    workspace, likelihood = model.workspace, model.likelihood
    poi = likelihood.poi
    if coupling is not None and poi is None:
        raise OptionError(
            f"coupling=...: does nothing, since {workspace.origin} has no parameter of interest"
        )
    stage: Stage
    if prefit:
        parameters, covariance, stage = likelihood.initial.copy(), _constraints(likelihood), "before the fit"
    elif poi is None or coupling is None:
        parameters, covariance = model.best.parameters.copy(), model.covariance
        stage = "after the fit"
    else:
        minimum = likelihood.minimise({poi.name: 0.0})
        parameters = minimum.parameters.copy()
        covariance = covariance_of(likelihood, minimum, fixed=(poi.name,))
        stage = "fit without the coupling"
    without = parameters.copy()
    if poi is None:
        return Point(workspace, likelihood, parameters, without, covariance, stage, None, None)
    if coupling is not None:
        parameters[likelihood.poi_index] = poi.to_parameter(coupling)
    without[likelihood.poi_index] = 0.0
    value = poi.to_coupling(float(parameters[likelihood.poi_index]))
    return Point(workspace, likelihood, parameters, without, covariance, stage, poi, value)


def _of_grid(model: Model, grid: SignalGrid, coupling: float | None, *, prefit: bool) -> Point:
    if coupling is not None:
        target = grid.coupling.to_parameter(coupling)
    elif prefit:
        target = 0.0
    else:
        curve = model.curve
        curve.refuse_broken(1.0)  # one standard deviation around the best fit
        target = curve.best
    nearest = _nearest(grid, target)
    workspace = grid.workspace(nearest)
    likelihood = make_likelihood(workspace, poi=STRENGTH)
    stage: Stage
    if prefit:
        parameters, covariance, stage = likelihood.initial.copy(), _constraints(likelihood), "before the fit"
    else:
        held = 1.0 if coupling is None else 0.0
        minimum = likelihood.minimise({STRENGTH: held})
        parameters, covariance = (
            minimum.parameters.copy(),
            covariance_of(likelihood, minimum, fixed=(STRENGTH,)),
        )
        stage = "after the fit" if coupling is None else "fit without the coupling"
    without = parameters.copy()
    parameters[likelihood.poi_index], without[likelihood.poi_index] = 1.0, 0.0
    value = grid.coupling.to_coupling(nearest.value)
    return Point(workspace, likelihood, parameters, without, covariance, stage, grid.coupling, value)


def _constraints(likelihood: Likelihood) -> Array:
    """Covariance before the fit: the squared widths of the constraints; nothing for what has none."""
    poi = likelihood.poi
    widths = np.array([likelihood.constraint(index)[0] or 0.0 for index in range(len(likelihood.names))])
    widths[np.array(likelihood.constant)] = 0.0
    if poi is not None:
        widths[likelihood.poi_index] = 0.0  # the coupling is held; a constraint of it is an artefact
    return np.diag(widths**2)
