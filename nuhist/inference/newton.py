"""Gauss-Newton fits of many data sets at once, with bounds as an active set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.compiled import CompiledModel
from nuhist.tables import Array

_ITERATIONS = 200
_CHUNK = 500  # fits at a time: what they need stays in the cache
_TOLERANCE = 1e-10  # of 2NLL: what a full step would still gain
_DAMPING = 1e-4  # Levenberg's, relative to the curvature, at the start
_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e12
_ROUNDING = 1e-11  # of 2NLL, by which an accepted step may seem to climb


@dataclass(frozen=True, eq=False)
class BatchFit:
    """Where the fits of a batch ended.

    Attributes
    ----------
    parameters
        Shape (batch, parameters).
    twice_nll
        Without the terms that do not depend on the parameters, shape (batch,).
    converged
        Whether a full step would gain less than the tolerance, shape (batch,).
    iterations
        Of the slowest fit.
    """

    parameters: Array
    twice_nll: Array
    converged: NDArray[np.bool_]
    iterations: int


def fit_batch(
    model: CompiledModel,
    data: Array,
    start: Array,
    lower: Array,
    upper: Array,
    constant: NDArray[np.bool_],
    scale: Array,
) -> BatchFit:
    """Minimise −2 ln L for each data set of a batch.

    Parameters
    ----------
    model
        Compiled likelihood.
    data
        Shape (batch, bins + auxiliary).
    start
        Shape (batch, parameters); what is constant stays as it is here.
    lower, upper
        Bounds, shape (parameters,).
    constant
        Parameters that are held, shape (parameters,).
    scale
        Typical step of each parameter, shape (parameters,): damping is measured in it.
    """
    if len(start) > _CHUNK:
        parts = [
            fit_batch(model, data[i : i + _CHUNK], start[i : i + _CHUNK], lower, upper, constant, scale)
            for i in range(0, len(start), _CHUNK)
        ]
        return BatchFit(
            np.concatenate([part.parameters for part in parts]),
            np.concatenate([part.twice_nll for part in parts]),
            np.concatenate([part.converged for part in parts]),
            max(part.iterations for part in parts),
        )
    free = np.flatnonzero(~constant)
    theta = np.array(start, dtype=np.float64)
    theta[:, free] = np.clip(theta[:, free], lower[free], upper[free])
    height = model.twice_nll(theta, data)
    converged = np.zeros(len(theta), dtype=bool)
    if not free.size:
        return BatchFit(theta, height, np.isfinite(height), 0)
    unit = scale[free]
    damping = np.full(len(theta), _DAMPING)
    active = np.flatnonzero(np.isfinite(height))
    iterations = 0
    while active.size and iterations < _ITERATIONS:
        iterations += 1
        at, here = theta[active], data[active]
        slope, curvature = model.slope_and_curvature(at, model.rates(at), here)
        step, gain = _steps(
            slope[:, free] * unit,
            curvature[:, free[:, None], free] * (unit[:, None] * unit),
            at[:, free] / unit,
            lower[free] / unit,
            upper[free] / unit,
            damping[active],
        )
        trial = at.copy()
        trial[:, free] = np.clip(at[:, free] + step * unit, lower[free], upper[free])
        moved = trial[:, free] - at[:, free]
        reached = model.twice_nll(trial, here)
        better = reached <= height[active] + _ROUNDING
        done = (gain < _TOLERANCE) | (better & ~moved.any(axis=1))
        theta[active[better]] = trial[better]
        height[active[better]] = np.minimum(reached, height[active])[better]
        grown = np.where(better, damping[active] / 10, damping[active] * 10)
        stuck = grown > _MOST_DAMPING
        damping[active] = np.maximum(grown, _LEAST_DAMPING)
        converged[active[done]] = True
        active = active[~(done | stuck)]
    return BatchFit(theta, height, converged, iterations)


def _steps(
    slope: Array, curvature: Array, at: Array, lower: Array, upper: Array, damping: Array
) -> tuple[Array, Array]:
    """Damped Newton steps of the parameters that are not held by a bound, and what they promise.

    A parameter on a bound is held while the slope pushes it outwards. One that its own step
    would carry across a bound is set on it, and the others solve again for what is left.
    """
    held = ((at <= lower) & (slope >= 0)) | ((at >= upper) & (slope <= 0))
    diagonal = np.einsum("bii->bi", curvature)
    floor = 1e-14 * np.max(np.abs(diagonal), axis=1, keepdims=True) + 1e-300
    size = np.arange(at.shape[1])
    step = np.zeros_like(at)
    for _ in range(3):
        moving = ~held
        matrix = curvature * (moving[:, :, None] & moving[:, None, :])
        damped = diagonal + damping[:, None] * (np.abs(diagonal) + 1) + floor
        matrix[:, size, size] = np.where(moving, damped, 1.0)
        right = np.where(moving, -slope - np.einsum("bij,bj->bi", curvature, step * held), step)
        solved = _solve(matrix, right)
        step = np.where(moving, solved, step)
        beyond = moving & ((at + step < lower) | (at + step > upper))
        if not beyond.any():
            break
        step = np.where(beyond, np.clip(at + step, lower, upper) - at, step)
        held |= beyond
    bent = np.einsum("bi,bij,bj->b", step, curvature, step) / 2
    return step, np.abs(np.einsum("bi,bi->b", slope, step) + bent)


def _solve(matrix: Array, right: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:  # one singular matrix spoils the batch
        return np.stack([np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(matrix, right, strict=True)])
