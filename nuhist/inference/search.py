"""Where else to start, once a first fit is made: a likelihood may have several minima."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nuhist.tables import Array

if TYPE_CHECKING:
    from nuhist.inference.likelihood import Likelihood, Minimum

_VALUES = 81  # of a parameter, across its range


def other_starts(likelihood: Likelihood, first: Minimum, data: Array | None) -> Array:
    """Points to start further fits from, shape (starts, parameters).

    2NLL is looked at along the parameter of interest, and along each parameter that may make counts go
    up (or down) on both sides, with the other parameters as fitted. Each dip there is a start. So are a
    bound of the parameter of interest that 2NLL falls to with the others as in the workspace, a few
    values of either sign where it is signed, and a step to either side of the workspace's own start where
    counts may turn.
    """
    fitted, own = first.parameters, likelihood.initial
    interest = likelihood.poi_index if likelihood.poi is not None else None
    turning = () if likelihood.compiled is None else likelihood.compiled.turning
    free = [index for index in turning if not likelihood.constant[index]]
    points = [_turned(likelihood, free)]
    points += [
        _moved(fitted, index, _dips(likelihood, fitted, index, data)) for index in free if index != interest
    ]
    if interest is not None and not likelihood.constant[interest]:
        starts = _dips(likelihood, fitted, interest, data)
        low, high = likelihood.lower[interest], likelihood.upper[interest]
        if low < 0 < high:
            starts = np.union1d(starts, [low / 2, low / 10, high / 10, high / 2])
        points.append(_moved(fitted, interest, starts))
        ends = np.intersect1d(_dips(likelihood, own, interest, data), [low, high])
        points.append(_moved(own, interest, ends))
    found: Array = np.concatenate(points)
    possible: Array = found[np.isfinite(_heights(likelihood, found, data))]
    return possible


def _turned(likelihood: Likelihood, free: Sequence[int]) -> Array:
    points = np.tile(likelihood.initial, (2 * len(free), 1))
    for row, index in enumerate(free):
        for side, sign in enumerate((-1.0, 1.0)):
            moved = likelihood.initial[index] + sign * likelihood.scale[index]
            points[2 * row + side, index] = np.clip(moved, likelihood.lower[index], likelihood.upper[index])
    return points


def _dips(likelihood: Likelihood, point: Array, index: int, data: Array | None) -> Array:
    """Values of a parameter where 2NLL dips, with the others as at a point, beside the dip it lies in."""
    values = np.linspace(likelihood.lower[index], likelihood.upper[index], _VALUES)
    heights = _heights(likelihood, _moved(point, index, values), data)
    padded = np.pad(heights, 1, constant_values=np.inf)
    dips = (heights < padded[:-2]) & (heights <= padded[2:]) & np.isfinite(heights)
    near = np.abs(values - point[index]) <= values[1] - values[0]
    found: Array = values[dips & ~near]  # a fit has seen to that one
    return found


def _moved(point: Array, index: int, values: Array) -> Array:
    """Points that differ from one in one parameter only."""
    points = np.tile(point, (values.size, 1))
    points[:, index] = values
    return points


def _heights(likelihood: Likelihood, points: Array, data: Array | None) -> Array:
    """2NLL at several points, up to a constant."""
    if likelihood.compiled is None:
        return np.array([likelihood.twice_nll(point, data) for point in points])
    observed = likelihood.data if data is None else data
    heights: Array = likelihood.compiled.twice_nll(points, np.tile(observed, (len(points), 1)))
    return heights
