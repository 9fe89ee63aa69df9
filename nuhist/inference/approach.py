"""First steps of fits, without a whole second derivative of each.

Fits that start near to where they end, as toys do, share what they can. A search must not share steps, since
these lead starts that lie apart into one valley. Fits of large models take steps of their own first.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.arrow import LARGE
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.quasi_newton import descend, shared
from nuhist.inference.search import products_of
from nuhist.inference.structure import Index, Mask
from nuhist.inference.tangent import descended, tangent
from nuhist.inference.trial import ROUNDING
from nuhist.tables import Array

REACH = 2.0  # largest step of a constrained parameter, in widths: a longer one may end in another valley
FEW = 8  # fits for which the derivatives of the start are not worth it
_APART = 50.0  # typical steps: starts that lie further apart share no derivatives
_LEVEL, _AT_0 = 1e-9, 1e-3  # of 2NLL per typical step, and typical steps


def first_steps(
    model: CompiledModel,
    theta: Array,
    height: Array,
    data: Array,
    free: Index,
    scale: Array,
    lower: Array,
    upper: Array,
    *,
    near: bool,
) -> Mask:
    """Fit a batch by steps without a whole second derivative; points and heights are updated.

    Parameters
    ----------
    model
        Compiled likelihood.
    theta, height, data
        Where each fit starts, 2NLL there, and its data.
    free
        Parameters that are fitted.
    scale, lower, upper
        Typical steps and bounds of all parameters.
    near
        Whether fits start near to where they end, so that they can share steps.

    Returns
    -------
    Which fits have converged; the others have come as far as they could.
    """
    if not near:
        own = free.size > LARGE
        return own_steps(model, theta, height, data, free, scale, lower, upper) if own else _none(theta)
    if len(theta) < FEW:
        return _none(theta)
    converged = shared_steps(model, theta, height, data, free, scale, lower, upper)
    left = np.flatnonzero(~converged)
    if left.size >= FEW:
        points, reached = theta[left], height[left]
        converged[left] = own_steps(model, points, reached, data[left], free, scale, lower, upper)
        theta[left], height[left] = points, reached
    return converged


def own_steps(
    model: CompiledModel,
    theta: Array,
    height: Array,
    data: Array,
    free: Index,
    scale: Array,
    lower: Array,
    upper: Array,
) -> Mask:
    """:func:`first_steps` of each fit for itself, where the structure of the model makes them cheap."""
    reach = REACH * widths(model, free)
    common = shared(model, free, scale[free], lower[free], upper[free], reach)
    if common is None:
        return _none(theta)
    return descend(common, theta, height, data)


def shared_steps(
    model: CompiledModel,
    theta: Array,
    height: Array,
    data: Array,
    free: Index,
    scale: Array,
    lower: Array,
    upper: Array,
) -> Mask:
    """:func:`first_steps` with the derivatives at the middle of the starts alone."""
    converged = _none(theta)
    if not np.isfinite(height).all():
        return converged
    middle, mean, unit = theta.mean(axis=0), data.mean(axis=0), scale[free]
    if (np.abs(theta - middle) > _APART * scale).any():  # the curvature there is not that here
        return converged
    near = tangent(model, middle, mean, free, unit)
    if near is None:
        return converged
    slope = near.slope(theta, data)
    if not np.isfinite(slope).all():
        return converged
    rows = np.flatnonzero(~level(model, theta, slope, free, unit))
    if not rows.size:
        return converged
    seen = data[rows]
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is left alone
        reach = np.where(np.isin(free, model.turning), REACH * widths(model, free), np.inf)
        trial, ended = descended(near, theta[rows], seen, slope[rows], lower[free], upper[free], reach)
        reached = model.twice_nll(trial, seen)
    better = reached <= height[rows] + ROUNDING
    own = rows[better]
    theta[own], height[own] = trial[better], np.minimum(reached[better], height[own])
    converged[rows] = ended & better
    return converged


def level(model: CompiledModel, theta: Array, slope: Array, free: Index, unit: Array) -> Mask:
    """Which fits begin where a parameter is 0 and 2NLL level along it by symmetry.

    That may be where counts turn, or where two strengths of one sample are 0. Only the second derivative
    can tell such a saddle from a minimum.
    """
    bending = np.isin(free, np.union1d(model.turning, products_of(model, model.loose)))
    at_0 = np.abs(theta[:, free[bending]]) < _AT_0 * unit[bending]
    return np.asarray((at_0 & (np.abs(slope[:, bending]) < _LEVEL)).any(axis=1))


def widths(model: CompiledModel, free: Index) -> Array:
    """Widths of the constraints of free parameters; infinite without one."""
    widths = np.full(model.parameters, np.inf)
    widths[model.constraints.gaussian] = model.constraints.sigma
    return widths[free]


def _none(theta: Array) -> Mask:
    return np.zeros(len(theta), dtype=bool)
