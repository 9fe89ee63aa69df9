"""One damped Newton step of each fit of a batch, with bounds as an active set."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.arrow import LARGE, arrow
from nuhist.inference.structure import Index, Mask, diagonals
from nuhist.tables import Array


class Limits(NamedTuple):
    """Bounds, and largest steps, in units of the free parameters."""

    lower: Array
    upper: Array
    reach: Array


class Form(NamedTuple):
    """The quadratic forms of 2NLL at the points of a batch, as :func:`bounded_steps` takes them."""

    slope: Array
    curvature: Array
    at: Array
    limits: Limits
    damping: Array

    def rows(self, rows: Index, curvature: Array) -> Form:
        """The rows of some points, with another curvature."""
        limits = Limits(*(limit[rows] for limit in self.limits))
        return Form(self.slope[rows], curvature, self.at[rows], limits, self.damping[rows])


def units(slope: Array, curvature: Array, height: Array, scale: Array) -> Array:
    """Step of each parameter in which slopes and curvatures are no large numbers, (batch, parameters).

    That is its typical step, or less where 2NLL is steeper: no step should gain more than there is. So
    parameters in any unit are treated alike, however far from the start.
    """
    steep = np.maximum(np.abs(diagonals(curvature)) / 2, 1 / scale**2)
    return np.asarray(1 / np.maximum(np.sqrt(steep), np.abs(slope) / (height + 1)[:, None]))


def held_by_bounds(slope: Array, at: Array, limits: Limits, least: float | Array = 0.0) -> Mask:
    """Parameters on a bound that the slope pushes outwards, by so much at the least."""
    return ((at <= limits.lower) & (slope >= least)) | ((at >= limits.upper) & (slope <= -least))


def bounded_steps(
    slope: Array, curvature: NDArray[Any], at: Array, limits: Limits, damping: Array
) -> tuple[Array, Array]:
    """Damped Newton steps of the parameters that are not held by a bound, and what they promise.

    A parameter on a bound is held while the slope pushes it outwards. One that its own step
    would carry across a bound is set on it, and the others solve again for what is left.
    """
    lower, upper, reach = limits
    held = held_by_bounds(slope, at, limits)
    step = _solved(slope, curvature, held, np.zeros_like(at), damping)
    beyond = ~held & ((at + step < lower) | (at + step > upper))
    for _ in range(2):
        again = np.flatnonzero(beyond.any(axis=1))
        if not again.size:
            break
        step = np.where(beyond, np.clip(at + step, lower, upper) - at, step)
        held |= beyond
        step[again] = _solved(slope[again], curvature[again], held[again], step[again], damping[again])
        beyond = ~held & ((at + step < lower) | (at + step > upper))
    step *= np.min(1 / np.maximum(np.abs(step) / reach, 1.0), axis=1, keepdims=True)
    bent = np.matmul(curvature, step.astype(curvature.dtype)[:, :, None])[:, :, 0] / 2
    return step, np.abs(np.einsum("bi,bi->b", step, slope + bent))


def _solved(slope: Array, curvature: NDArray[Any], held: Mask, step: Array, damping: Array) -> Array:
    """Steps of the parameters that are not held, given those of the others."""
    diagonal = diagonals(curvature)
    size = np.abs(diagonal) + 1
    matrix, right = curvature.copy(), -slope
    rows = np.flatnonzero(held.any(axis=1))
    if rows.size:
        moving, fixed = ~held[rows], held[rows] * step[rows]
        matrix[rows] *= moving[:, :, None] & moving[:, None, :]
        right[rows] -= np.matmul(curvature[rows], fixed[:, :, None])[:, :, 0]
        right[rows] = np.where(moving, right[rows], step[rows])
    floor = 50 * np.finfo(curvature.dtype).eps  # one steep parameter does not stop the others
    damped = diagonal + (damping[:, None] + floor) * size
    diagonals(matrix)[:] = np.where(held, 1.0, damped) if rows.size else damped
    return _solve(matrix, right.astype(curvature.dtype)).astype(np.float64)


def _solve_large(matrix: Array, right: Array) -> Array:
    """Solution of one set of linear equations, with half the work or less, where the matrix is positive."""
    from scipy.linalg import cho_factor, cho_solve

    structure = arrow(matrix)
    if structure is not None:
        return structure.solved(right)
    return np.asarray(cho_solve(cho_factor(matrix, overwrite_a=True), right))


def _solve(matrix: NDArray[Any], right: NDArray[Any]) -> Array:
    if matrix.shape[1] > LARGE:
        with suppress(np.linalg.LinAlgError, ValueError):  # not positive definite, or not finite
            return np.stack([_solve_large(a, b) for a, b in zip(matrix, right, strict=True)])
    try:
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:  # one singular matrix spoils the batch
        return np.stack([np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(matrix, right, strict=True)])
