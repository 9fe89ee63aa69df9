"""Where else to start, once a first fit is made: a likelihood may have several minima."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nuhist.tables import Array

if TYPE_CHECKING:
    from nuhist.inference.likelihood import Likelihood, Minimum

_VALUES = 81  # of the parameter of interest, across its range


def other_starts(likelihood: Likelihood, first: Minimum, data: Array | None) -> Array:
    """Points to start further fits from, shape (starts, parameters).

    2NLL is looked at along the parameter of interest with the other parameters as fitted; each dip
    there is a start, and so are a few values of either sign where it is signed. A constrained
    parameter along which counts go up (or down) on both sides is started on either side.
    """
    points = [_turned(likelihood)]
    if likelihood.poi is not None and not likelihood.constant[likelihood.poi_index]:
        points.append(_along_interest(likelihood, first, data))
    found: Array = np.concatenate(points)
    possible: Array = found[np.isfinite(_heights(likelihood, found, data))]
    return possible


def _turned(likelihood: Likelihood) -> Array:
    compiled = likelihood.compiled
    free = [] if compiled is None else [i for i in compiled.turning if not likelihood.constant[i]]
    points = np.tile(likelihood.initial, (2 * len(free), 1))
    for row, index in enumerate(free):
        for side, sign in enumerate((-1.0, 1.0)):
            moved = likelihood.initial[index] + sign * likelihood.scale[index]
            points[2 * row + side, index] = np.clip(moved, likelihood.lower[index], likelihood.upper[index])
    return points


def _along_interest(likelihood: Likelihood, first: Minimum, data: Array | None) -> Array:
    index = likelihood.poi_index
    low, high = likelihood.lower[index], likelihood.upper[index]
    values = np.linspace(low, high, _VALUES)
    heights = _heights(likelihood, _moved(first, index, values), data)
    padded = np.pad(heights, 1, constant_values=np.inf)
    dips = (heights < padded[:-2]) & (heights <= padded[2:]) & np.isfinite(heights)
    near = np.abs(values - first.parameters[index]) <= values[1] - values[0]
    starts = values[dips & ~near]  # the first fit has seen to the dip that it lies in
    if low < 0 < high:
        starts = np.union1d(starts, [low / 2, low / 10, high / 10, high / 2])
    return _moved(first, index, starts)


def _moved(minimum: Minimum, index: int, values: Array) -> Array:
    """Points that differ from a minimum in one parameter only."""
    points = np.tile(minimum.parameters, (values.size, 1))
    points[:, index] = values
    return points


def _heights(likelihood: Likelihood, points: Array, data: Array | None) -> Array:
    """2NLL at several points, up to a constant."""
    if likelihood.compiled is None:
        return np.array([likelihood.twice_nll(point, data) for point in points])
    observed = likelihood.data if data is None else data
    heights: Array = likelihood.compiled.twice_nll(points, np.tile(observed, (len(points), 1)))
    return heights
