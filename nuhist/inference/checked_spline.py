"""A curve through points, with an estimate of what may be wrong between them.

Between two neighbours the curve is a cubic spline through all points. Two things are held against it.
First, each point is left out in turn: what the curve then changes by shows whether the points lie close
enough, and whether one of them is off. Second, the points on the left alone and those on the right
alone each predict the curve: where it bends sharply between two points, one of the predictions is
right. Where the points are so few or the curve is so uneven that these differ by much, the curve is
broken: it only keeps between the two points, and the pieces on both sides know nothing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from nuhist.tables import Array

FEWEST = 5  # points that can be checked
# Of Δχ², or of 1 where that is larger: a larger error breaks the curve. Of 1,500 curves with a sharp bend,
# each through points of its own, six are off by more than that where they are not broken, by 0.6 at most.
_ROUGH = 0.5
_BETTER = 4  # times as far from a point: a prediction that is not believed beside the other
_REACH = 6  # points on either side that a point which is left out can matter for
_INSIDE = np.arange(1, 8) / 8  # of an interval: where curves are compared


@dataclass(frozen=True, eq=False)
class CheckedSpline:
    """A curve of 2NLL through points.

    Attributes
    ----------
    nodes, heights
        The points, with increasing nodes; finite.
    errors
        What the curve may be wrong by in each interval between two points, estimated from above; infinite
        where nothing is known.
    broken
        Whether the curve is broken there, see the module.
    """

    nodes: Array
    heights: Array
    errors: Array
    broken: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @cached_property
    def _curve(self) -> Any:
        from scipy.interpolate import PchipInterpolator, PPoly

        coefficients = np.array(PchipInterpolator(self.nodes, self.heights).c)
        for start, stop in pairwise([0, *(np.flatnonzero(self.broken) + 1), self.nodes.size]):
            if stop - start >= FEWEST:
                piece = slice(start, stop)
                coefficients[:, start : stop - 1] = _spline(self.nodes[piece], self.heights[piece]).c
        return PPoly(coefficients, self.nodes)

    def __call__(self, values: Array | float) -> Array:
        """Heights of the curve."""
        return np.asarray(self._curve(values))

    def slope(self, value: float) -> float:
        """First derivative."""
        return float(self._curve(value, 1))

    @cached_property
    def lowest(self) -> float:
        """Where the curve has its minimum."""
        roots = self._curve.derivative().roots(extrapolate=False)
        candidates = np.concatenate([self.nodes, roots[np.isfinite(roots)]])
        return float(candidates[np.argmin(self(candidates))])

    def error(self, value: float) -> float:
        """What the curve may be wrong by in the interval of a value, in both of a point."""
        return float(self.errors[self._around(value)].max())

    def broken_below(self, level: float) -> list[int]:
        """Intervals, worst first, in which the curve is broken and may be less than so far above its minimum.

        It is where one of their two points is, and where the curve has a valley between points that
        are not and might have it deeper.
        """
        above = self.heights - self(self.lowest)
        beside = np.minimum(above[1:], above[:-1])
        inner = (above[1:-1] <= above[:-2]) & (above[1:-1] <= above[2:])
        valley = np.concatenate([[False], inner, [False]])
        deeper = (valley[1:] | valley[:-1]) & (beside - self.errors < level)
        found = np.flatnonzero(self.broken & ((beside < level) | deeper))
        order = np.argsort(-self.errors[found] / np.maximum(beside[found], 1.0), kind="stable")
        return [int(index) for index in found[order]]

    def broken_at(self, value: float) -> int | None:
        """The interval of a value, if the curve is broken there and the value is no point."""
        interval = int(np.clip(np.searchsorted(self.nodes, value) - 1, 0, self.errors.size - 1))
        return interval if self.broken[interval] and value not in self.nodes else None

    def _around(self, value: float) -> slice:
        left = np.searchsorted(self.nodes, value, "left") - 1
        right = np.searchsorted(self.nodes, value, "right")
        return slice(max(int(left), 0), min(int(right), self.errors.size))


def checked_spline(nodes: Array, heights: Array) -> CheckedSpline:
    """A curve through points.

    Parameters
    ----------
    nodes, heights
        See :class:`CheckedSpline`; at least five points.
    """
    errors = np.full(nodes.size - 1, np.inf)
    broken = np.ones(nodes.size - 1, dtype=np.bool_)
    above = np.minimum(heights[1:], heights[:-1]) - heights.min()
    allowed = _ROUGH * np.maximum(above, 1.0)
    pieces = [(0, nodes.size)]
    while pieces:
        start, stop = pieces.pop()
        if stop - start < FEWEST:
            broken[start : stop - 1] = True
            continue
        inside = slice(start, stop - 1)
        errors[inside] = _errors(nodes[start:stop], heights[start:stop])
        excess = errors[inside] / allowed[inside]
        broken[inside] = False
        if excess.max() > 1:
            worst = start + int(np.argmax(excess))
            broken[worst] = True
            pieces += [(start, worst + 1), (worst + 1, stop)]
    return CheckedSpline(nodes, heights, errors, broken)


def _errors(nodes: Array, heights: Array) -> Array:
    """What a spline may be wrong by in each interval, see the module."""
    inside = nodes[:-1, None] + np.diff(nodes)[:, None] * _INSIDE
    return np.maximum(_left_out(nodes, heights, inside), _predicted(nodes, heights, inside))


def _left_out(nodes: Array, heights: Array, inside: Array) -> Array:
    """What leaving points out changes in each interval, largest value there, sum over the points."""
    changes = np.zeros(nodes.size - 1)
    for index in range(1, nodes.size - 1):
        near = np.arange(max(index - _REACH, 0), min(index + _REACH + 1, nodes.size))
        others, intervals = near[near != index], near[:-1]
        whole, without = (_spline(nodes[part], heights[part])(inside[intervals]) for part in (near, others))
        changes[intervals] += np.abs(whole - without).max(axis=1)
    return changes


def _predicted(nodes: Array, heights: Array, inside: Array) -> Array:
    """By how much the spline misses what the points on one side predict, largest value in each interval.

    Each side predicts the point at the other end of the interval, too. The side that is much the better
    there holds; else the curve may bend in between, and at each place the nearer one holds.
    """
    from scipy.interpolate import krogh_interpolate

    curve, missed = _spline(nodes, heights)(inside), np.empty(nodes.size - 1)
    for index, values in enumerate(inside):
        off, ends = [], []
        for side, end in (
            (slice(max(index - 3, 0), index + 1), index + 1),
            (slice(index + 1, index + 5), index),
        ):
            if nodes[side].size > 2:
                predicted = krogh_interpolate(nodes[side], heights[side], np.append(values, nodes[end]))
                off.append(np.abs(predicted[:-1] - curve[index]))
                ends.append(abs(float(predicted[-1] - heights[end])))
        better = [miss for miss, end in zip(off, ends, strict=True) if end <= _BETTER * min(ends)]
        missed[index] = np.min(better, axis=0).max()
    return missed


def _spline(nodes: Array, heights: Array) -> Any:
    from scipy.interpolate import CubicSpline

    return CubicSpline(nodes, heights)
