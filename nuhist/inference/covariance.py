"""Covariance of the parameters at a minimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import FitError
from nuhist.inference.arrow import arrow
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.minimisers import hesse
from nuhist.inference.walls import Edge, bins_at_walls, edge
from nuhist.tables import Array

_AT_BOUND = 1e-6  # of a typical step, or of the range where that is smaller
_AWAY, _SAME = 0.1, 1e-10  # typical steps, and 2NLL: what changes by less has no effect
_TOGETHER = 500  # parameters that are looked at together
_PART = 1e-4  # of a direction in which 2NLL is flat: from which a parameter has a part in it
_FLAT = 1e-10  # of the largest curvature: less may be rounding


def covariance(likelihood: Likelihood, minimum: Minimum, fixed: Sequence[str] = ()) -> Array:
    """Covariance at a minimum: the inverse of half of 2NLL's second derivative.

    It comes from the compiled likelihood, or from Minuit's HESSE where there is none. Zero for what is
    fixed, on a bound, or flat, alone or together with others (:func:`not_told`). Where the fit has ended on
    the edge at which a bin expects nothing, it is that of moves along the edge.

    Parameters
    ----------
    likelihood, minimum
        Whose.
    fixed
        Parameters that were held in the fit.

    Raises
    ------
    FitError
        If 2NLL is flat along a combination of parameters.
    """
    free = ~(np.array(likelihood.constant) | np.isin(likelihood.names, fixed))
    free &= ~on_bound(likelihood, minimum)
    matrix = np.zeros((len(likelihood.names), len(likelihood.names)))
    free &= ~without_effect(likelihood, minimum, free)
    if not free.any():
        return matrix
    point, scale = minimum.parameters.copy(), likelihood.scale[free]

    def objective(scaled: Array) -> float:
        point[free] = scaled * scale
        return likelihood.twice_nll(point)

    ended_on = edge(likelihood, minimum, np.flatnonzero(free), scale)
    found = _from_second_derivative(likelihood, minimum, free, ended_on)
    if found is None:
        found = hesse(objective, minimum.parameters[free] / scale)
    if found is None:
        raise FitError(f"{likelihood.origin}: no covariance: 2NLL is flat in some direction")
    matrix[np.ix_(free, free)] = found * np.outer(scale, scale)
    return matrix


def on_bound(likelihood: Likelihood, minimum: Minimum) -> NDArray[np.bool_]:
    """Which parameters lie on one of their bounds: errors of the others are conditional on these."""
    near = _AT_BOUND * np.minimum(likelihood.upper - likelihood.lower, likelihood.scale)
    low = minimum.parameters - likelihood.lower <= near
    high = likelihood.upper - minimum.parameters <= near
    return np.asarray(low | high)


def not_told(
    likelihood: Likelihood, minimum: Minimum, matrix: Array, fixed: Sequence[str] = ()
) -> tuple[str, ...]:
    """Names of the parameters of which the data say nothing, or that they do not tell apart.

    They are free, on no bound, and have no errors in a covariance. Where the fit has ended on the edge at
    which a bin expects nothing, the edge may hold them, and none is named.
    """
    if bins_at_walls(likelihood, minimum).size:
        return ()
    free = ~(np.array(likelihood.constant) | np.isin(likelihood.names, fixed) | on_bound(likelihood, minimum))
    return tuple(np.array(likelihood.names)[free & (np.diag(matrix) == 0)].tolist())


def held_on_bounds(likelihood: Likelihood, minimum: Minimum, fixed: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the parameters that a fit leaves free and that end on a bound."""
    found = on_bound(likelihood, minimum) & ~np.array(likelihood.constant)
    return tuple(
        name for name, bound in zip(likelihood.names, found, strict=True) if bound and name not in fixed
    )


def _from_second_derivative(
    likelihood: Likelihood, minimum: Minimum, free: NDArray[np.bool_], ended_on: Edge | None
) -> Array | None:
    """Covariance of the free parameters in their typical steps; None where it is not to be trusted."""
    scale = likelihood.scale[free]
    if ended_on is not None:
        hessian: Array | None = ended_on.hessian
        if not ended_on.hessian.size:
            return np.zeros((scale.size, scale.size))
    else:
        hessian = None if likelihood.compiled is None else likelihood.hessian(minimum.parameters)
        hessian = None if hessian is None else hessian[np.ix_(free, free)] * np.outer(scale, scale)
    if hessian is None or not np.isfinite(hessian).all():
        return None
    half = (hessian + hessian.T) / 4
    inverse = _inverse(half)
    if inverse is None and ended_on is None:
        inverse = _without_flat(half)
    if inverse is None:
        return None
    if ended_on is not None:
        inverse = ended_on.directions @ inverse @ ended_on.directions.T
    return np.asarray((inverse + inverse.T) / 2)


def _without_flat(matrix: Array) -> Array | None:
    """Inverse of a symmetric matrix, 0 for what has a part in a direction in which it is flat.

    None where there is no such direction, or it is negative in another one.
    """
    values, vectors = np.linalg.eigh(matrix)
    flat = np.abs(values) < _FLAT * values[-1]
    if not flat.any() or values[~flat].min(initial=1.0) <= 0:
        return None
    told = (np.abs(vectors[:, flat]) < _PART).all(axis=1)
    kept = vectors[:, ~flat] * told[:, None]
    return np.asarray((kept / values[~flat]) @ kept.T)


def _inverse(matrix: Array) -> Array | None:
    """Inverse of a symmetric matrix; None where it is not positive, but for rounding."""
    structure = arrow(matrix)
    if structure is not None:
        if not structure.positive:
            return None
        found = structure.inverse()
        # The largest sums of rows bound the largest eigenvalues of both.
        largest = np.abs(matrix).sum(axis=1).max() * np.abs(found).sum(axis=1).max()
        return found if _FLAT * largest < 1 else None
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < _FLAT * values[-1]:
        return None
    return np.asarray((vectors / values) @ vectors.T)


def without_effect(likelihood: Likelihood, minimum: Minimum, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which free parameters do not change 2NLL at all, such as the norm of an empty sample."""
    flat, own = np.zeros(free.size, dtype=bool), np.flatnonzero(free)
    for first in range(0, own.size, _TOGETHER):
        part = own[first : first + _TOGETHER]
        points = np.tile(minimum.parameters, (2, part.size, 1))
        for side, sign in enumerate((-1.0, 1.0)):
            moved = minimum.parameters[part] + sign * _AWAY * likelihood.scale[part]
            points[side, np.arange(part.size), part] = np.clip(
                moved, likelihood.lower[part], likelihood.upper[part]
            )
        heights = likelihood.heights(np.concatenate([minimum.parameters[None], *points]))
        same = np.isclose(heights[1:], heights[0], rtol=0, atol=_SAME).reshape(2, part.size)
        flat[part] = same.all(axis=0)
    return flat
