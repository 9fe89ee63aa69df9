"""Contours between scattered points: straight lines in the triangles of Delaunay, in logarithms of CLs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nuhist.tables import Array

_LEAST = 1e-300  # CLs: less counts as this
_FLAT = 1e-9  # of the ranges: what is no further apart lies on a line
_INSIDE = 1e-6  # of a triangle's heights: rounding at its sides
CONVENTION = (
    "CLs at a strength of 1 equals 1 - CL; ln CLs is interpolated linearly in the triangles (Delaunay)"
    " between the points, with each label in units of its range"
)
ALONG = "CLs at a strength of 1 equals 1 - CL; ln CLs is interpolated linearly between neighbouring points"

Line = tuple[tuple[float, ...], ...]
Edge = tuple[int, int]


def crossings(values: Array, heights: Array) -> list[Line]:
    """Where a function of one label crosses 0, between neighbours in increasing order."""
    found: list[Line] = []
    for index in range(values.size - 1):
        first, second = heights[index : index + 2]
        if (first < 0) != (second < 0):
            share = first / (first - second)
            found.append(((float(values[index] + share * (values[index + 1] - values[index])),),))
    return found


def log_ratio(cls: Sequence[float | None], alpha: float) -> Array:
    """ln(CLs / alpha): negative where a point is excluded, NaN where nothing is known."""
    known = np.array([np.nan if value is None else value for value in cls], dtype=np.float64)
    return np.asarray(np.log(np.maximum(known, _LEAST) / alpha))


@dataclass(frozen=True)
class Mesh:
    """Triangles between points in two labels.

    Attributes
    ----------
    points
        Shape (points, 2).
    """

    points: Array

    @cached_property
    def scaled(self) -> Array:
        """The points in units of the ranges."""
        return self.in_units(self.points)

    def in_units(self, places: Array) -> Array:
        """Places in units of the ranges of the points."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return np.asarray((places - low) / np.where(high > low, high - low, 1.0))

    @property
    def is_flat(self) -> bool:
        """Whether all points lie on one line, so that there are no triangles."""
        if len(self.points) < 3:
            return True
        spread = np.linalg.svd(self.scaled - self.scaled.mean(axis=0), compute_uv=False)
        return bool(spread[1] < _FLAT)

    @cached_property
    def triangulation(self) -> Any:
        """Delaunay's triangulation."""
        from scipy.spatial import Delaunay

        return Delaunay(self.scaled)

    @cached_property
    def triangles(self) -> tuple[tuple[int, int, int], ...]:
        """Numbers of their points."""
        return tuple(tuple(sorted(row)) for row in self.triangulation.simplices.tolist())

    @cached_property
    def hull(self) -> Line:
        """Corners of the region of all triangles, in turn."""
        from scipy.spatial import ConvexHull

        return tuple(tuple(row) for row in self.points[ConvexHull(self.scaled).vertices].tolist())

    def lines(self, heights: Array) -> tuple[list[Line], list[Edge]]:
        """Where a function, linear in each triangle, crosses 0; and the outer edges at which lines end.

        Parameters
        ----------
        heights
            At the points.
        """
        beside: dict[Edge, list[Edge]] = {}
        for triangle in self.triangles:
            crossed = [edge for edge in _edges(triangle) if _changes(heights, edge)]
            if crossed:
                first, second = crossed
                beside.setdefault(first, []).append(second)
                beside.setdefault(second, []).append(first)
        ends = [edge for edge, others in beside.items() if len(others) == 1]
        lines = []
        while beside:
            start = next((edge for edge in ends if edge in beside), next(iter(beside)))
            lines.append(tuple(self._place(heights, edge) for edge in _walk(beside, start)))
        return lines, ends

    def _place(self, heights: Array, edge: Edge) -> tuple[float, ...]:
        first, second = edge
        share = heights[first] / (heights[first] - heights[second])
        place = self.points[first] + share * (self.points[second] - self.points[first])
        return tuple(place.tolist())

    def at(self, heights: Array, places: Array) -> Array:
        """A function, linear in each triangle, at some places; NaN outside of the hull."""
        from scipy.interpolate import LinearNDInterpolator

        return np.asarray(LinearNDInterpolator(self.triangulation, heights)(self.in_units(places)))

    def beside_the_line(self, heights: Array, places: Array) -> list[int]:
        """Which of some places lie in a triangle that the line crosses."""
        found = set()
        for triangle in self.triangles:
            if not any(_changes(heights, edge) for edge in _edges(triangle)):
                continue
            corner, *others = self.scaled[list(triangle)]
            shares = np.linalg.solve(np.transpose(others - corner), (self.in_units(places) - corner).T)
            inside = (shares >= -_INSIDE).all(axis=0) & (shares.sum(axis=0) <= 1 + _INSIDE)
            found.update(np.flatnonzero(inside).tolist())
        return sorted(found)


def _edges(triangle: Sequence[int]) -> Iterator[Edge]:
    first, second, third = triangle
    yield from ((first, second), (first, third), (second, third))


def _changes(heights: Array, edge: Edge) -> bool:
    return bool((heights[edge[0]] < 0) != (heights[edge[1]] < 0))


def _walk(beside: dict[Edge, list[Edge]], start: Edge) -> Iterator[Edge]:
    """Edges in turn, each taken out; a closed line ends where it begins."""
    edge: Edge | None = start
    while edge is not None:
        yield edge
        others = beside.pop(edge)
        edge = next((other for other in others if other in beside), None)
        if edge is None and len(others) > 1:  # in the middle of a line, and nothing is left
            yield start
