"""Fits with one parameter held beside the best fit: many at once, with the derivatives of the best fit.

A ranking holds each parameter one error to either side. The second derivative at the best fit says where
the others go, and its inverse, less what belongs to the held parameter, is good enough for the last steps
(a chord method): these cost gradients, which are taken for all such fits together. Where they approach the
end slowly, each point's own second derivative takes over.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.hessian import gradient, slope_and_curvature
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

_STEPS = 12  # of the chord method
_SLOW = 0.3  # from step to step: where the gain falls less, the point's own second derivative is worth it
_EXACT = 8  # steps with it; where they do not suffice, a fit of its own is better
_GAIN = 1e-9  # of 2NLL: what a further step would gain; of the next one it is a tenth or less
_FIRMLY = 1e-4  # of 2NLL per typical step, by which a parameter that stays where it is may want to move
_NUMBERS = 4_000_000  # in the derivatives of the fits that are made together


def shifted_fits(
    likelihood: Likelihood, best: Minimum, covariance: Array, held: Index, values: Array
) -> Array:
    """Parameters where 2NLL is least with one parameter held, for several of them.

    Parameters
    ----------
    likelihood, best
        Whose best fit.
    covariance
        There; 0 for what does not move.
    held, values
        Which parameter is held in each fit, and where: shape (fits,).

    Returns
    -------
    Shape (fits, parameters). NaN where the steps do not converge, meet a bound, or end where a parameter
    would leave the bound that it is on.
    """
    model = likelihood.compiled
    found = np.full((held.size, best.parameters.size), np.nan)
    if model is None:
        return found
    size = max(1, _NUMBERS // (model.parameters + model.wide.size * max(model.bins, 1)))
    for first in range(0, held.size, size):
        part = slice(first, first + size)
        found[part] = _shifted(likelihood, best, covariance, held[part], values[part])
    return found


def _shifted(likelihood: Likelihood, best: Minimum, covariance: Array, held: Index, values: Array) -> Array:
    model = likelihood.compiled
    assert model is not None  # noqa: S101 - for the type checker; the caller has looked
    rows, free = np.arange(held.size), np.diag(covariance) > 0
    own = covariance[held]  # the column of each held parameter
    variance = own[rows, held]
    away = values - best.parameters[held]
    points = best.parameters + own * (away / variance)[:, None]
    points[rows, held] = values
    found, active = np.full(points.shape, np.nan), rows
    before = np.full(held.size, np.inf)
    for _ in range(_STEPS):
        stays = _inside(likelihood, points, free, held[active])
        points, active = points[stays], active[stays]
        if not active.size:
            return found
        slope = gradient(model, points, likelihood.data[None])
        step = -(slope @ covariance) / 2
        part = step[np.arange(active.size), held[active]] / variance[active]
        step -= own[active] * part[:, None]
        gain = np.abs(np.einsum("fp,fp->f", step, slope) / 2)
        points = points + step
        points[np.arange(active.size), held[active]] = values[active]
        done = (gain < _GAIN) & ~_leaves(likelihood, best, free, slope, held[active])
        found[active[done]] = points[done]
        slow = ~done & (gain > _SLOW * before[active])
        for row, point in zip(active[slow], points[slow], strict=True):
            found[row] = _newton(likelihood, best, free, point, int(held[row]))
        going = ~(done | slow)
        before[active] = gain
        points, active = points[going], active[going]
    return found


def _inside(likelihood: Likelihood, points: Array, free: Mask, held: Index) -> Mask:
    """Which points lie within the bounds of all that moves."""
    inside = ((points > likelihood.lower) & (points < likelihood.upper)) | ~free
    inside[np.arange(len(points)), held] = True
    return np.asarray(inside.all(axis=1))


def _leaves(likelihood: Likelihood, best: Minimum, free: Mask, slope: Array, held: Index) -> Mask:
    """In which fits a parameter wants to leave its bound, or to move where it seemed to have no effect."""
    moving = ~np.array(likelihood.constant)
    on_lower = moving & (best.parameters <= likelihood.lower)
    on_upper = moving & (best.parameters >= likelihood.upper)
    stuck = moving & ~free & ~on_lower & ~on_upper
    firm = slope * likelihood.scale
    firm[np.arange(held.size), held] = 0.0
    off_bounds = (on_lower & (firm < -_FIRMLY)) | (on_upper & (firm > _FIRMLY))
    return np.asarray((off_bounds | (stuck & (np.abs(firm) > _FIRMLY))).any(axis=1))


def _newton(likelihood: Likelihood, best: Minimum, free: Mask, point: Array, held: int) -> Array:
    """Where steps with the second derivative of each point end; NaN where they do not converge."""
    nowhere, own = np.full(point.shape, np.nan), free.copy()
    own[held] = False
    index = np.array([held])
    for _ in range(_EXACT):
        if likelihood.compiled is None or not _inside(likelihood, point[None], free, index).all():
            return nowhere
        slope, matrix = slope_and_curvature(likelihood.compiled, point[None], likelihood.data[None])
        unit = likelihood.scale[own]
        try:
            factor = np.linalg.cholesky(matrix[0][np.ix_(own, own)] * np.outer(unit, unit))
        except np.linalg.LinAlgError:
            return nowhere
        half = np.linalg.solve(factor, slope[0, own] * unit)
        point = point.copy()
        point[own] -= np.linalg.solve(factor.T, half) * unit
        if half @ half / 2 < _GAIN:
            leaves = _leaves(likelihood, best, free, slope, index).any()
            return nowhere if leaves else point
    return nowhere
