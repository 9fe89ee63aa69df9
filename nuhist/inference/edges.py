"""Fits that end where a bin expects nothing.

A bin in which nothing is seen puts no logarithm between λ and 0: 2NLL goes straight down to λ = 0 and
ends there, since less than nothing cannot be expected. Where the coupling or a pull can take a template
below 0, the minimum may lie on that edge, and plain Newton steps end in front of it. Here each step
minimises the quadratic form of 2NLL subject to the bounds and to λ ≥ 0 in such bins. That is a
least-distance problem, solved by non-negative least squares (Lawson and Hanson, Solving Least Squares
Problems, 1974, chapter 23).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian, positive, slope_and_curvature
from nuhist.inference.newton import BatchFit, fit_batch
from nuhist.inference.possible import SLACK, Problem, constrained_step, possible, restored
from nuhist.inference.saddles import FIRMLY, PROBES, SADDLE
from nuhist.tables import Array

_ITERATIONS = 100
_TOLERANCE = 1e-10  # of 2NLL: what a full step would still gain
_ROUNDING = 1e-11  # of 2NLL, by which an accepted step may seem to climb
_DAMPING, _MOST_DAMPING = 1e-4, 1e10  # of the curvature
_REACH = 2.0  # largest step, in typical steps of a parameter
_NEARLY = 8e-11  # counts: below 0 by rounding
_CORRECTIONS = 2  # of a step after which a bin expects less than nothing, since counts are not straight


def fit_with_edges(
    model: CompiledModel,
    data: Array,
    start: Array,
    lower: Array,
    upper: Array,
    constant: NDArray[np.bool_],
    scale: Array,
    lowest: int | None = None,
    *,
    sure: int = 0,
    exploring: bool = True,
) -> BatchFit:
    """Fit a batch, and those that do not converge once more, one by one, with λ ≥ 0 in each step.

    Parameters and result are those of :func:`nuhist.inference.newton.fit_batch`. With some hundred
    parameters the second takes seconds; ``lowest`` is for how many it is done, those that came lowest, and
    the first ``sure`` fits anyhow.
    """
    free = np.flatnonzero(~constant)
    batch = fit_batch(model, data, start, lower, upper, constant, scale, exploring=exploring)
    parameters, heights, converged = batch.parameters, batch.twice_nll, batch.converged
    iterations = batch.iterations
    lost = np.flatnonzero(~np.isfinite(heights))
    if lost.size:
        moved = restored(model, data[lost], start[lost], lower, upper, free, scale[free])
        batch = fit_batch(model, data[lost], moved, lower, upper, constant, scale, exploring=exploring)
        parameters[lost], heights[lost], converged[lost] = batch.parameters, batch.twice_nll, batch.converged
    open_fits = np.flatnonzero(~converged & np.isfinite(heights))
    anyhow, further = open_fits[open_fits < sure], open_fits[open_fits >= sure]
    for row in (*anyhow, *further[np.argsort(heights[further])][:lowest]):
        empty = np.flatnonzero(data[row, : model.bins] == 0)
        problem = Problem(model, data[row, None], lower, upper, free, scale[free], empty)
        parameters[row], heights[row], converged[row], needed = _fit(problem, parameters[row])
        iterations = max(iterations, needed)
    return BatchFit(parameters, heights, converged, iterations)


class _Point(NamedTuple):
    """Parameters, shape (1, parameters), 2NLL there, and multipliers of the bins, shape (1, bins)."""

    parameters: Array
    height: float
    held: Array


class _Form(NamedTuple):
    """The quadratic form of 2NLL at a point, in typical steps, and λ of the empty bins.

    ``down`` is the direction in which the second derivative is most negative; 0 where it is not.
    """

    slope: Array
    curvature: Array
    low: Array
    high: Array
    walls: Array
    counts: Array
    down: Array


def _fit(problem: Problem, start: Array) -> tuple[Array, float, bool, int]:
    """One fit: where it ends, how low, whether it converged, and its iterations."""
    height = float(problem.model.twice_nll(start[None], problem.data)[0])
    at = _Point(start[None], height, np.zeros((1, problem.model.bins)))
    damping = _DAMPING
    # What is a little below 0 counts as 0, which is worth that much in 2NLL.
    enough = _TOLERANCE + 4 * SLACK * problem.empty.size
    for iteration in range(1, _ITERATIONS + 1):
        form = _form(problem, at)
        while True:
            moved = None if form is None else _move(problem, at, form, damping)
            if form is None or moved is None or damping > _MOST_DAMPING:
                return at.parameters[0], at.height, False, iteration
            trial, gain = moved
            if gain < enough and damping <= _DAMPING:
                left = _off_saddle(problem, at, form)
                if left is None:
                    return at.parameters[0], at.height, True, iteration
                trial = left
            most = at.height + _ROUNDING * max(1.0, abs(at.height))
            if trial.height > most and np.isfinite(trial.height):
                # A narrow valley that bends: a second step leads back into it, further on.
                beyond = _form(problem, trial)
                again = None if beyond is None else _move(problem, trial, beyond, damping)
                trial = trial if again is None else again[0]
            if trial.height <= most:
                break
            damping *= 10
        at = trial._replace(height=min(trial.height, at.height))
        damping = max(damping / 100, _DAMPING)
    return at.parameters[0], at.height, False, _ITERATIONS


def _form(problem: Problem, at: _Point) -> _Form | None:
    """None where numbers overflow."""
    model, free, unit = problem.model, problem.free, problem.unit
    slope, hessian = slope_and_curvature(model, at.parameters, problem.data, held=at.held)
    counts, jacobian = full_jacobian(model, at.parameters)
    if not (np.isfinite(slope).all() and np.isfinite(hessian).all() and np.isfinite(jacobian).all()):
        return None
    slope, hessian = slope[0, free] * unit, hessian[:, free[:, None], free] * (unit[:, None] * unit)
    low = np.maximum((problem.lower - at.parameters[0])[free] / unit, -_REACH)
    high = np.minimum((problem.upper - at.parameters[0])[free] / unit, _REACH)
    walls = jacobian[0][free[:, None], problem.empty].T * unit
    pressed = walls[at.held[0, problem.empty] > 0]
    stuck = np.eye(free.size)[((low >= 0) & (slope >= FIRMLY)) | ((high <= 0) & (slope <= -FIRMLY))]
    down = _downwards(hessian[0], np.concatenate([pressed, stuck]))
    return _Form(
        slope, positive(*np.linalg.eigh(hessian))[0], low, high, walls, counts[0, problem.empty], down
    )


def _downwards(hessian: Array, normals: Array) -> Array:
    """Direction of the most negative curvature across some normals; 0 where none is negative."""
    from scipy.linalg import null_space

    inside = null_space(normals) if len(normals) else np.eye(len(hessian))
    if not inside.shape[1]:
        return np.zeros(len(hessian))
    values, vectors = np.linalg.eigh(inside.T @ hessian @ inside)
    return np.asarray(inside @ vectors[:, 0] * (values[0] < -SADDLE))


def _off_saddle(problem: Problem, at: _Point, form: _Form) -> _Point | None:
    """A lower point along the direction of the most negative curvature, where there is one.

    What expects less than nothing there is led back to the edge, which may bend.
    """
    if not form.down.any():
        return None
    free, best = problem.free, None
    for side in np.concatenate([PROBES, -PROBES]):
        probe = at.parameters[0].copy()
        probe[free] += side * form.down * problem.unit
        probe[free] = np.clip(probe[free], problem.lower[free], problem.upper[free])
        point = possible(problem, probe)
        if point is None:
            continue
        height = float(problem.model.twice_nll(point[None], problem.data)[0])
        beside = _Point(point[None], height, np.zeros_like(at.held))
        ends = [beside]
        further = _form(problem, beside)
        moved = None if further is None else _move(problem, beside, further, _DAMPING)
        if moved is not None:  # along the edge: beside it, what holds the fit there costs more than is gained
            ends.append(moved[0])
        lowest = min(ends, key=lambda end: end.height)
        if lowest.height < (at.height - _TOLERANCE if best is None else best.height):
            best = lowest
    return best


def _move(problem: Problem, at: _Point, form: _Form, damping: float) -> tuple[_Point, float] | None:
    """Where a damped step leads, and what it promises; None where no step is possible."""
    model, free, empty = problem.model, problem.free, problem.empty
    slope, curvature, low, high, walls, counts, _ = form
    damped = curvature + damping * np.diag(np.diag(curvature) + 1)
    # A little below 0 is 0: what is there by rounding may be unable to come back, and two such walls that
    # meet would leave no way at all.
    found = constrained_step(slope, damped, low, high, walls, -np.maximum(counts + SLACK, 0.0))
    if found is None:
        return None
    step, pressure = found
    gain = -float(step @ slope + step @ curvature @ step / 2)
    for correction in range(_CORRECTIONS + 1):
        trial = at.parameters.copy()
        trial[0, free] += step * problem.unit
        trial[0, free] = np.clip(trial[0, free], problem.lower[free], problem.upper[free])
        left = model.expected(trial)[0, empty]
        if correction == _CORRECTIONS or (left >= -_NEARLY).all():
            break
        beside = full_jacobian(model, trial)[1][0][free[:, None], empty].T * problem.unit
        more = constrained_step(0 * slope, damped, low - step, high - step, beside, -left)
        if more is None:
            break
        step = step + more[0]
    held = np.zeros((1, model.bins))
    held[0, empty] = pressure
    return _Point(trial, float(model.twice_nll(trial, problem.data)[0]), held), gain
