"""Fits with one parameter held beside the best fit: many at once, with the derivatives of the best fit.

A ranking holds each parameter one error to either side. The second derivative at the best fit says where
the others go, and its inverse, less what belongs to the held parameter, is good enough for the last steps
(a chord method): these cost gradients, which are taken for all such fits together.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.hessian import gradient
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.structure import Index
from nuhist.tables import Array

_STEPS = 12  # of the chord method; where it needs more, a fit of its own is better
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
    size = max(1, _NUMBERS // (model.parameters * max(model.bins, 1)))
    for first in range(0, held.size, size):
        part = slice(first, first + size)
        found[part] = _shifted(likelihood, best, covariance, held[part], values[part])
    return found


def _shifted(likelihood: Likelihood, best: Minimum, covariance: Array, held: Index, values: Array) -> Array:
    model = likelihood.compiled
    assert model is not None  # noqa: S101 - for the type checker; the caller has looked
    rows = np.arange(held.size)
    moving = ~np.array(likelihood.constant)
    on_lower = moving & (best.parameters <= likelihood.lower)
    on_upper = moving & (best.parameters >= likelihood.upper)
    stuck = moving & (np.diag(covariance) == 0) & ~on_lower & ~on_upper
    own = covariance[held]  # the column of each held parameter
    variance = own[rows, held]
    away = values - best.parameters[held]
    points = best.parameters + own * (away / variance)[:, None]
    points[rows, held] = values
    found, active = np.full(points.shape, np.nan), rows
    for _ in range(_STEPS):
        inside = ((points > likelihood.lower) & (points < likelihood.upper)) | (own == 0)
        inside[np.arange(len(points)), held[active]] = True
        stays = inside.all(axis=1)
        points, active = points[stays], active[stays]
        own = own[stays]
        if not active.size:
            break
        slope = gradient(model, points, likelihood.data[None])
        step = -(slope @ covariance) / 2
        step -= own * (step[np.arange(active.size), held[active]] / variance[active])[:, None]
        gain = -np.einsum("fp,fp->f", step, slope) / 2
        points = points + step
        points[np.arange(active.size), held[active]] = values[active]
        # Steps along a bound that would be left, and those that are none, are for a fit of its own.
        firm = slope * likelihood.scale
        firm[np.arange(active.size), held[active]] = 0.0
        leaves = (
            (on_lower & (firm < -_FIRMLY))
            | (on_upper & (firm > _FIRMLY))
            | (stuck & (np.abs(firm) > _FIRMLY))
        )
        done = (np.abs(gain) < _GAIN) & ~leaves.any(axis=1)
        found[active[done]] = points[done]
        points, own, active = points[~done], own[~done], active[~done]
    return found
