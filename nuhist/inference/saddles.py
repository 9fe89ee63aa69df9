"""Negative curvature: steps that lead down nevertheless, and ways off saddles."""

from __future__ import annotations

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import positive
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

SADDLE = 1e-5  # of 2NLL per squared typical step: a curvature that is less than minus this leads down
FIRMLY = 1e-5  # of 2NLL per typical step: by less, a bound does not hold, as where two strengths are 0
PROBES = np.array([0.03, 0.1, 0.3, 1.0, 2.0, 4.0])  # typical steps along it, to either side
_FEW = 64  # matrices of which it is found out which are not positive


def turned(curvature: Array, held: Mask) -> tuple[Array, Array | None]:
    """Curvature with the signs of its negative eigenvalues turned, and the direction of the lowest one.

    The direction is 0 where no eigenvalue is negative, and None stands for no such direction at all.
    """
    moving = ~held
    masked = curvature * (moving[:, :, None] & moving[:, None, :])
    along = np.arange(curvature.shape[1])
    size = np.abs(np.einsum("bii->bi", curvature))
    masked[:, along, along] += np.where(held, np.maximum(size, 1.0), SADDLE / 10)
    rows = _not_positive(masked)
    if not rows.size:
        return curvature, None
    values, vectors = np.linalg.eigh(masked[rows])
    down = np.zeros(held.shape)
    down[rows] = np.where(values[:, :1] < -SADDLE, vectors[:, :, 0], 0.0)
    both = moving[rows][:, :, None] & moving[rows][:, None, :]
    curvature = curvature.copy()
    curvature[rows] = np.where(both, positive(values, vectors), curvature[rows])
    return curvature, down


def _not_positive(matrices: Array) -> Index:
    """Which symmetric matrices are not positive definite; of a large batch with any, all are named."""
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1 or len(matrices) > _FEW:
            return np.arange(len(matrices))
        half = len(matrices) // 2
        return np.concatenate([_not_positive(matrices[:half]), half + _not_positive(matrices[half:])])
    return np.zeros(0, dtype=np.intp)


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
    sides = np.concatenate([PROBES, -PROBES])
    points = np.repeat(at[:, None], sides.size, axis=1)
    points[:, :, free] = np.clip(
        points[:, :, free] + sides[:, None] * direction[:, None], lower[free], upper[free]
    )
    flat = points.reshape(-1, at.shape[1])
    if not len(at):
        return at, np.zeros(0)
    heights = model.twice_nll(flat, np.repeat(data, sides.size, axis=0)).reshape(len(at), -1)
    rows, lowest = np.arange(len(at)), np.argmin(heights, axis=1)
    return points[rows, lowest], heights[rows, lowest]
