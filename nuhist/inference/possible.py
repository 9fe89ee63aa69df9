"""Points at which data are possible: no bin expects less than nothing, and none nothing that has events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian
from nuhist.inference.structure import Index
from nuhist.tables import Array

SLACK = 5e-11  # counts: below 0 by rounding, half of what the likelihood lets pass
_RESTORATIONS = 8  # steps to a point that expects no less than nothing
_SHARES = (0.1, 1e-3, 1e-6, 1e-9)  # of the events seen in a bin: what it is to expect there, if it can
_FAR = 1e9  # counts below 0, more than any step mends
_EVALUATIONS = 50  # of the counts, for where the fewest are missing
_MOST, _SIDE = 6, 1.2  # parameters whose counts turn, and widths: beyond 1, counts are straight
_CONTRADICTED = 1e-2  # of the terms of a wall: by which a step misses it that is none
_WITHIN = 1e-9  # of the width of bounds


class Problem(NamedTuple):
    """A fit: its model, data of shape (1, bins + auxiliary), bounds, free parameters, typical steps."""

    model: CompiledModel
    data: Array
    lower: Array
    upper: Array
    free: Index
    unit: Array
    empty: Index


def restored(
    model: CompiledModel, data: Array, start: Array, lower: Array, upper: Array, free: Index, unit: Array
) -> Array:
    """Starts of which those that expect less than nothing are moved to where all counts are possible.

    What no values of the parameters make possible stays.
    """
    points = start.copy()
    points[:, free] = np.clip(points[:, free], lower[free], upper[free])
    for row in np.flatnonzero(~np.isfinite(model.twice_nll(points, data))) if free.size else ():
        problem = Problem(model, data[row, None], lower, upper, free, unit, np.zeros(0, dtype=np.intp))
        found = [_led(problem, points[row])]
        if found[0] is None:
            found = [_led(problem, origin) for origin in _origins(problem, points[row])]
        ends = np.array([end for end in found if end is not None])
        if len(ends):
            points[row] = ends[np.argmin(model.twice_nll(ends, data[row, None]))]
    return points


def _led(problem: Problem, origin: Array) -> Array | None:
    """Where data are possible, from an origin near or far from there."""
    found = possible(problem, origin)
    return possible(problem, _least_missing(problem, origin)) if found is None else found


def _origins(problem: Problem, point: Array) -> Array:
    """Other points to look from: pulls at their centres, and one at a time where its counts may turn."""
    model, free = problem.model, problem.free
    centred, terms = point.copy(), model.constraints
    centred[terms.gaussian] = problem.data[0, terms.gaussian_data]
    own = [index for index in model.turning if index in free][:_MOST]
    origins = np.tile(centred, (2 * len(own) + 1, 1))
    sides = np.repeat([_SIDE, -_SIDE], len(own))
    origins[np.arange(1, len(origins)), own + own] += sides
    held = np.setdiff1d(np.arange(len(point)), free)
    origins[:, held] = point[held]
    return origins


def possible(problem: Problem, start: Array) -> Array | None:
    """The nearest point at which data are possible, by steps as if counts were straight."""
    model, free, unit = problem.model, problem.free, problem.unit
    observed, moved = problem.data[0, : model.bins], start[None].copy()
    low, high = problem.lower[free], problem.upper[free]
    moved[0, free] = np.clip(moved[0, free], low, high)
    for _ in range(_RESTORATIONS):
        counts, jacobian = full_jacobian(model, moved)
        wrong = (counts[0] < -SLACK) | ((observed > 0) & (counts[0] <= 0))
        if not wrong.any():
            return np.asarray(moved[0])
        walls = jacobian[0][free].T * unit
        kept = wrong | ((observed == 0) & (counts[0] > 0))
        for share in _SHARES:
            least = np.where(wrong, share * observed, 0.0) - np.maximum(counts[0], -_FAR)
            ends = (low - moved[0, free]) / unit, (high - moved[0, free]) / unit
            found = constrained_step(np.zeros(free.size), np.eye(free.size), *ends, walls[kept], least[kept])
            if found is not None:
                break
        if found is None:
            return None
        moved[0, free] = np.clip(moved[0, free] + found[0] * unit, low, high)
    return None


def _least_missing(problem: Problem, start: Array) -> Array:
    """Where the counts that are below 0, squared and summed, are least: counts may be far from straight."""
    from scipy.optimize import least_squares

    model, free, unit = problem.model, problem.free, problem.unit
    observed, point = problem.data[0, : model.bins], start.copy()
    least = _SHARES[-1] * observed

    def moved(steps: Array) -> Array:
        point[free] = np.clip(steps * unit, problem.lower[free], problem.upper[free])
        return point[None]

    def missing(steps: Array) -> Array:
        return np.asarray(np.minimum(model.expected(moved(steps))[0] - least, 0.0))

    def changes(steps: Array) -> Array:
        counts, jacobian = full_jacobian(model, moved(steps))
        return np.asarray(np.where(counts[0] < least, jacobian[0][free] * unit[:, None], 0.0).T)

    low, high = problem.lower[free] / unit, problem.upper[free] / unit
    if not (low < high).all():
        return start
    inside = np.clip(start[free] / unit, low + _WITHIN * (high - low), high - _WITHIN * (high - low))
    if not (np.isfinite(inside).all() and np.isfinite(missing(inside)).all()):
        return start
    with np.errstate(all="ignore"):
        found = least_squares(missing, inside, changes, bounds=(low, high), max_nfev=_EVALUATIONS)
    return np.array(moved(found.x)[0])


def constrained_step(
    slope: Array, curvature: Array, low: Array, high: Array, walls: Array, least: Array
) -> tuple[Array, Array] | None:
    """Minimise slope·s + s·curvature·s/2 where low ≤ s ≤ high and walls·s ≥ least.

    Parameters
    ----------
    slope, low, high
        Shape (parameters,).
    curvature
        Positive definite, shape (parameters, parameters).
    walls, least
        Shapes (walls, parameters) and (walls,).

    Returns
    -------
    The step, and the multiplier of each wall; None where no step is possible or none is found.
    """
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    try:
        root = cholesky(curvature, lower=True)
    except (np.linalg.LinAlgError, ValueError):  # not positive definite, or not finite
        return None
    origin = solve_triangular(root, slope, lower=True)
    identity = np.eye(slope.size)
    sides = np.concatenate([identity, -identity, walls])
    distances = np.concatenate([low, -high, least])
    # In y = rootᵀ s + origin the quadratic form is |y|²/2, and sides·s ≥ distances is normals·y ≥ offsets.
    normals = solve_triangular(root, sides.T, lower=True).T
    offsets = distances + normals @ origin
    lengths = np.linalg.norm(normals, axis=1)
    kept = lengths > 0
    if not (np.isfinite(normals).all() and np.isfinite(offsets).all()):
        return None
    size = max(1.0, float(np.linalg.norm(origin)))
    matrix = np.concatenate(
        [(normals[kept] / lengths[kept, None]).T, (offsets[kept] / lengths[kept] / size)[None]]
    )
    target = np.zeros(slope.size + 1)
    target[-1] = 1.0
    try:
        weights, _ = nnls(matrix, target)
    except RuntimeError:
        return None
    residual = matrix @ weights - target
    if residual[-1] >= 0:
        return None
    nearest = -residual[:-1] / residual[-1] * size
    step: Array = np.clip(solve_triangular(root, nearest - origin, lower=True, trans="T"), low, high)
    multipliers = np.zeros(lengths.size)
    multipliers[kept] = weights * size / -residual[-1] / lengths[kept]
    # Where walls contradict each other, what is left of the residual is rounding, and so is the step.
    missed = least - walls @ step
    if not (missed <= SLACK + _CONTRADICTED * (np.abs(least) + np.abs(walls) @ np.abs(step))).all():
        return None
    return step, multipliers[2 * slope.size :]
