"""Negative curvature: steps that lead down nevertheless, and ways off saddles."""

from __future__ import annotations

import numpy as np

from nuhist.inference.arrow import LARGE, arrow
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import Derivatives, positive
from nuhist.inference.newton_step import Form, bounded_steps, held_by_bounds
from nuhist.inference.structure import Index, Mask, diagonals
from nuhist.tables import Array

SADDLE = 1e-5  # of 2NLL per squared typical step: a curvature that is less than minus this leads down
FIRMLY = 1e-5  # of 2NLL per typical step: by less, a bound does not hold, as where two strengths are 0
PROBES = np.array([0.03, 0.1, 0.3, 1.0, 2.0, 4.0])  # typical steps along it, to either side
_BESIDE = 1e-3  # of 2NLL: what a step promises near a saddle or a minimum


def positive_steps(
    here: Derivatives,
    theta: Array,
    data: Array,
    own: Index | None,
    unit: Array,
    form: Form,
    firmly: Array,
    *,
    exploring: bool,
) -> tuple[Array, Array, Array | None]:
    """Steps with curvatures that are positive, what they promise, and where negative ones lead.

    Where the whole second derivative is not positive, the signs of negative eigenvalues are turned. Such
    steps may lead far, and into other valleys, which is what a search is for. A first fit takes the expected
    one, which knows no other valleys, unless it is near a saddle, where that would take long.
    """
    held = held_by_bounds(form.slope, form.at, form.limits, firmly)
    rows = not_positive(form.curvature, held)
    if not rows.size:
        return *bounded_steps(*form), None
    if exploring:
        lifted, down = form.curvature.copy(), np.zeros_like(form.slope)
        lifted[rows], down[rows] = turned(form.curvature[rows], held[rows])
        return *bounded_steps(*form._replace(curvature=lifted)), down
    if rows.size == len(theta):
        expected = here.information(own) * (unit[:, :, None] * unit[:, None])
    else:
        expected = form.curvature.copy()
        some = Derivatives.at(here.model, here.model.rates(theta[rows]), theta[rows], data[rows])
        expected[rows] = some.information(own) * (unit[rows][:, :, None] * unit[rows][:, None])
    step, gain = bounded_steps(*form._replace(curvature=expected))
    near, down = rows[gain[rows] < _BESIDE], np.zeros_like(step)
    if near.size:
        lifted, down[near] = turned(form.curvature[near], held[near])
        step[near], gain[near] = bounded_steps(*form.rows(near, lifted))
    return step, gain, down


def not_positive(curvature: Array, held: Mask) -> Index:
    """Which curvatures of a batch are not positive definite where parameters are not held by a bound."""
    return _not_positive(_masked(curvature, held))


def turned(curvature: Array, held: Mask) -> tuple[Array, Array]:
    """Curvatures with the signs of negative eigenvalues turned, and the direction of the lowest one.

    The direction is 0 where no eigenvalue is negative.
    """
    moving = ~held
    values, vectors = np.linalg.eigh(_masked(curvature, held))
    down = np.where(values[:, :1] < -SADDLE, vectors[:, :, 0], 0.0)
    both = moving[:, :, None] & moving[:, None, :]
    return np.where(both, positive(values, vectors), curvature), down


def _masked(curvature: Array, held: Mask) -> Array:
    """Curvatures without what is held, and a little more: what is level counts as positive."""
    masked = curvature.copy()
    own = diagonals(masked)
    more = SADDLE / 10
    if held.any():
        moving, size = ~held, np.maximum(np.abs(own), 1.0)
        masked *= moving[:, :, None] & moving[:, None, :]
        own += np.where(held, size, more)
    else:
        own += more
    return masked


def _not_positive(matrices: Array) -> Index:
    """Which symmetric matrices are not positive definite."""
    if matrices.shape[1] > LARGE:
        return np.flatnonzero([not _is_positive(matrix) for matrix in matrices])
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.zeros(1, dtype=np.intp)
    else:
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero([not _is_positive(matrix) for matrix in matrices])


def _is_positive(matrix: Array) -> bool:
    structure = arrow(matrix)
    if structure is not None:
        return structure.positive
    try:
        np.linalg.cholesky(matrix)  # SciPy's tells it without an exception, but takes long to import
    except np.linalg.LinAlgError:
        return False
    return True


def off_saddles(
    model: CompiledModel,
    at: Array,
    data: Array,
    free: Index,
    direction: Array,
    lower: Array,
    upper: Array,
) -> tuple[Array, Array]:
    """The lowest of some points to either side of each saddle, along a direction, and how low it is."""
    return lowest_of(model, at, data, free, direction, np.concatenate([PROBES, -PROBES]), lower, upper)


def lowest_of(
    model: CompiledModel,
    at: Array,
    data: Array,
    free: Index,
    direction: Array,
    parts: Array,
    lower: Array,
    upper: Array,
) -> tuple[Array, Array]:
    """The lowest of points at parts of a direction from each of some others, and how low it is."""
    if not len(at):
        return at, np.zeros(0)
    points = np.repeat(at[:, None], parts.size, axis=1)
    points[:, :, free] = np.clip(
        points[:, :, free] + parts[:, None] * direction[:, None], lower[free], upper[free]
    )
    flat = points.reshape(-1, at.shape[1])
    heights = model.twice_nll(flat, np.repeat(data, parts.size, axis=0)).reshape(len(at), -1)
    rows, lowest = np.arange(len(at)), np.argmin(heights, axis=1)
    return points[rows, lowest], heights[rows, lowest]
