"""Where a fit has ended on the edge of the model: bins in which nothing is seen, and nothing expected."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nuhist.inference.hessian import full_jacobian, slope_and_curvature
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.structure import Index
from nuhist.tables import Array

_NOTHING = 1e-6  # counts: what a fit on the edge may expect


def bins_at_walls(likelihood: Likelihood, minimum: Minimum) -> Index:
    """Bins that could expect events, see none and expect none: less than nothing is impossible.

    No parameter can move across such an edge, so that it takes away a degree of freedom.
    """
    model = likelihood.arrays
    if model is None:
        return np.zeros(0, dtype=np.intp)
    expected = likelihood.expected(minimum.parameters)
    empty = likelihood.data[: model.bins] == 0
    return np.flatnonzero(empty & model.filled & (np.abs(expected) < _NOTHING))


class Edge(NamedTuple):
    """How parameters can move along an edge, and the second derivative of 2NLL there.

    ``directions`` has the shape (parameters, directions), ``hessian`` (directions, directions): it is that
    along the edge, which may itself be bent.
    """

    directions: Array
    hessian: Array


def edge(likelihood: Likelihood, minimum: Minimum, free: Index, unit: Array) -> Edge | None:
    """The edge on which a fit has ended, or None where it has not; parameters are measured in ``unit``."""
    from scipy.linalg import null_space

    bins, model = bins_at_walls(likelihood, minimum), likelihood.arrays
    if not bins.size or model is None:
        return None
    at, data = minimum.parameters[None], likelihood.data[None]
    normals = full_jacobian(model, at)[1][0][free][:, bins].T * unit
    slope = slope_and_curvature(model, at, data)[0][0, free] * unit
    # What holds the fit on the edge, and would lead off a bent one: its multipliers.
    held = np.zeros((1, model.bins))
    held[0, bins] = np.linalg.lstsq(normals.T, slope, rcond=None)[0]
    hessian = slope_and_curvature(model, at, data, held=held)[1][0][np.ix_(free, free)]
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals[lengths > 0] / lengths[lengths > 0, None]
    directions = null_space(normals) if len(normals) else np.eye(free.size)
    return Edge(directions, directions.T @ (hessian * np.outer(unit, unit)) @ directions)
