"""How far to look for the ends of an interval: from a cheap curve, whatever the parameter's unit and bounds.

The cheap curve is Δχ² along the parameter of interest with the other parameters held at the best fit.
The profile, in which they are fitted, lies nowhere above it, so that it crosses a level no earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nuhist.tables import Array

Along = Callable[[Array], Array]

_DECADES = 80  # below the distance of the bound, or below 1 where that is less, that are looked at
_FINE = 25  # values between two of them, and of each further division in front of an edge
_COARSE, _EDGE = 0.2, 1e-6  # of the distance: how well it is found, and that of an edge
_FACTOR, _FURTHER = 2.0, 8.0  # of the steps outwards: of the first few, and of the others
_FIRST = 7
# The same in all: further out, a signal that other parameters undo leaves nothing but rounding. A background
# that makes room for n events of a signal does so over √n such steps, with n up to 10¹⁴.
_FURTHEST = 1e10
_HIGHEST = 1e100  # stands for infinity
_TURNS = 16  # values at which a curve turns, at most
_TURN = 1e-6  # of a height, relative where that is more than 1: less may be rounding
_FAR, _STEP = 52, 1.25  # powers of a factor, of the reach: where a curve may turn
_ACROSS = 49  # values across the bounds where it may turn, too


class Reach(NamedTuple):
    """Up to which distance from its start a curve stays below a level, and whether it is infinite beyond."""

    distance: float
    edge: bool = False


def reach(along: Along, level: float, start: float, bound: float) -> Reach:
    """How far from a start, where a cheap curve is below a level, it stays there.

    Returns
    -------
    A distance to about a tenth, in front of an edge to a millionth; that of the bound where the curve
    stays below the level up to there; 0 where it leaves at once.
    """
    span = abs(bound - start)
    decades = _DECADES + max(0, int(np.ceil(np.log10(max(span, 1.0)))))  # wide bounds hide nothing
    distances, edge = span * np.append(0.0, np.logspace(-decades, 0, decades + 1)), False
    while True:
        heights = _heights(along, start, bound, distances)
        outside = heights > level
        if not outside.any():
            if distances[-1] >= span:
                return Reach(span)
            # What was outside a moment ago is so no more: rounding is all that is left between the two.
            return Reach(float(distances[-1]), edge)
        first = max(int(np.argmax(outside)), 1)
        near, far = distances[first - 1], distances[first]
        edge = bool(np.isinf(heights[first]))
        if near == 0 or start + near == start:
            return Reach(0.0, edge)
        if far < near * (1 + (_EDGE if edge else _COARSE)):
            return Reach(float(near), edge)
        distances = np.geomspace(near, far, _FINE + 1)


def outwards(start: float, bound: float, distance: float, *, edge: bool = False) -> list[float]:
    """Values at ever larger distances from a start, up to a bound.

    They end in front of it where doubles no longer tell them apart, unless the distance is that of an edge.
    """
    values: list[float] = []
    span, furthest = abs(bound - start), np.inf if edge else _FURTHEST * distance
    while distance < min(span, furthest):
        values.append(float(start + np.sign(bound - start) * distance))
        distance *= _FACTOR if len(values) < _FIRST else _FURTHER
    return [*values, float(bound)] if 0 < span <= furthest else values


def turns(along: Along, level: float, start: float, bound: float, distance: float) -> list[float]:
    """Values beyond a distance where a cheap curve turns: its dips, and its ridges above a level.

    A curve that only rises, as a strength's does, has none. A coupling whose sign matters may have two
    valleys.
    """
    span = abs(bound - start)
    distances = np.union1d(distance * _STEP ** np.arange(_FAR), np.linspace(0, span, _ACROSS))
    distances = distances[(distances >= distance) & (distances <= span)]
    heights = _heights(along, start, bound, distances)
    # Stretches of equal heights count as one value. Beyond the bound there is nothing.
    changed = np.flatnonzero(np.append(True, heights[1:] != heights[:-1]))
    distances, heights = distances[changed], np.minimum(heights[changed], _HIGHEST)
    least = _TURN * np.maximum(heights, 1.0)
    rise = np.diff(np.append(heights, np.inf))
    fall = np.append(0.0, -np.diff(heights))
    dips = (fall > least) & (rise > least)
    ridges = (fall < -least) & (rise < -least) & (heights > level)
    found = np.flatnonzero(dips | ridges)
    lowest = np.sort(found[np.argsort(heights[found], kind="stable")][:_TURNS])
    return [float(start + np.sign(bound - start) * distances[index]) for index in lowest]


def _heights(along: Along, start: float, bound: float, distances: Array) -> Array:
    """The curve at distances from a start; infinite where it has no value."""
    values = start + np.sign(bound - start) * distances
    values = np.clip(values, min(start, bound), max(start, bound))
    heights = along(values)
    return np.where(np.isnan(heights), np.inf, heights)
