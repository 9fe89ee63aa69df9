"""Where fits start, and where from one minimum another may be seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

import numpy as np

from nuhist.inference.arrow import LARGE
from nuhist.inference.density import Minimum
from nuhist.inference.descent import Descent
from nuhist.inference.hessian import gradient, slope_and_curvature
from nuhist.inference.moved import heights_along
from nuhist.inference.saddles import not_positive
from nuhist.inference.search import (
    dips,
    either_sign,
    possible_start,
    products_of,
    scattered,
    strongly_turning,
    valleys,
)
from nuhist.inference.steps import constraint_widths
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

_FEW = 12  # parameters that turn: with more, only what is seen from a fit is followed
_SIGNED = 6  # factors that may take either sign: more are hardly ever free to
_NUMBERS = 2_000_000  # in second derivatives that are taken together
_PART = 0.01  # of an error, for second derivatives
_SMALL = 8  # free parameters of a model that is looked at all over


class Starts(Descent):
    """The likelihood of one measurement, with what a search for its lowest minimum looks at."""

    @cached_property
    def start(self) -> Array:
        """Where fits start: the workspace's own values, unless these are far from any possible data."""
        return self._possible(self.initial, ~np.array(self.constant), self.data)

    def _possible(self, point: Array, free: Mask, data: Array) -> Array:
        """A point, or where data are possible and not absurd near it."""
        if self.arrays is None:
            return point
        return possible_start(self.arrays, point, data, free, self.lower, self.upper, self.scale)

    @cached_property
    def _first(self) -> Minimum:
        """Fit to the workspace's own data from the start."""
        return self._from(self.start, ~np.array(self.constant), self.data)

    @cached_property
    def turning(self) -> tuple[int, ...]:
        """Parameters along which counts turn so much that there may be two minima.

        The parameter of interest is not among them; :meth:`best` looks along it anyhow.
        """
        if self.arrays is None or not self.arrays.turning:
            return ()
        free = ~np.array(self.constant)
        points = [self._first.parameters]
        if self.poi is not None:
            free[self.poi_index] = False
            for sign in (-3.0, 3.0):  # away from the best fit, other samples may matter
                moved = points[0].copy()
                moved[self.poi_index] += sign * self.scale[self.poi_index]
                points.append(np.clip(moved, self.lower, self.upper))
        widths = constraint_widths(self.arrays, self.scale)
        found = strongly_turning(self.arrays, np.array(points), widths, self.data)
        return tuple(index for index in found if free[index])

    @cached_property
    def scattered(self) -> Array:
        """Further starts of fits, where a model is small and has factors that may act against each other."""
        free = ~np.array(self.constant)
        none = self.initial[None][:0]
        if self.arrays is None or free.sum() > _SMALL:
            return none
        loose = self.arrays.loose[free[self.arrays.loose]]
        if loose.size < 2:
            return none
        centre = self.initial.copy()
        terms = self.arrays.constraints
        centre[terms.gaussian] = self.data[terms.gaussian_data]
        width = np.where(free, constraint_widths(self.arrays, self.scale), 0.0)
        return scattered(centre, loose, self.lower, self.upper, self.scale, width)

    @cached_property
    def afresh(self) -> Array:
        """Where fits start, on all sides of what turns, (starts, parameters); none where nothing turns.

        A fit from a near one stays in its valley, and another one may have become lower.
        """
        return self._around(self.start, ~np.array(self.constant))

    def _around(self, start: Array, free: Mask) -> Array:
        """A start, for steps that may lead far, and on all sides of what turns; none if nothing does."""
        if not any(free[index] for index in self.turning):
            return start[None][:0]
        return np.concatenate([start[None], self._turned(start, free)])

    def _turned(self, start: Array, free: Mask) -> Array:
        """A start moved to either side along each of a few parameters whose counts turn, by its width."""
        own = [index for index in self.turning if free[index]]
        if self.arrays is None or not 0 < len(own) <= _FEW:
            return start[None][:0]
        points = np.tile(start, (2 * len(own), 1))
        width, low, high = constraint_widths(self.arrays, self.scale)[own], self.lower[own], self.upper[own]
        sides = np.concatenate([np.clip(sign * width, low, high) for sign in (-1, 1)])
        points[np.arange(2 * len(own)), own + own] = sides
        return points

    def _other_valleys(self, at: Array, free: Mask, data: Array) -> tuple[Index, Array]:
        turning = [index for index in self.turning if free[index]]
        if self.arrays is None or not turning:
            return np.zeros(0, dtype=np.intp), at[:0]
        steps = self.scale, constraint_widths(self.arrays, self.scale)
        bounds = self.lower, self.upper
        along = partial(heights_along, self.arrays, data=np.atleast_2d(data))
        return valleys(self._heights_of(data), at, turning, *steps, *bounds, along)

    def alone(self, points: Array, held: Index, covariance: Array) -> Mask:
        """Which fits with a parameter held, one each, are minima from which no other valley can be seen.

        Of large models the second derivative is looked at along the errors of what turns, which are those of
        the best fit's ``covariance``: a whole one for each fit would take parameters⁴.
        """
        found = np.zeros(len(points), dtype=bool)
        turning, free = np.isin(held, self.turning), ~np.array(self.constant)
        groups = [np.flatnonzero(~turning), *np.flatnonzero(turning)[:, None]]
        for rows in groups if self.arrays is not None else ():
            own = free.copy()
            own[held[rows[:1]]] = False  # what does not turn is not looked along anyhow
            found[rows] = ~np.isin(np.arange(rows.size), self._other_valleys(points[rows], own, self.data)[0])
        rows = np.flatnonzero(found)
        if not rows.size:
            return found
        size, large = len(self.names), len(self.names) > LARGE
        each = size * (self.arrays.bins if large and self.arrays is not None else size)
        for part in np.split(rows, range(0, rows.size, max(1, _NUMBERS // each))[1:]):
            some = points[part], held[part]
            upwards = self._curved_along(*some, covariance) if large else self._curved_upwards(*some, free)
            found[part] = upwards
        return found

    def _curved_along(self, points: Array, held: Index, covariance: Array) -> Mask:
        """Where 2NLL curves upwards along the error of each parameter that turns, but for what is held."""
        found, rows = np.ones(len(points), dtype=bool), np.arange(len(points))
        if self.arrays is None:
            return ~found
        own = covariance[held]
        for index in self.turning:
            if not covariance[index, index] > 0:
                continue
            along = np.tile(covariance[index] / covariance[index, index] ** 0.5, (len(points), 1))
            along -= own * (along[rows, held] / own[rows, held])[:, None]
            along[rows, held] = 0.0
            either = [
                gradient(self.arrays, points + side * along, self.data[None]) for side in (_PART, -_PART)
            ]
            bend = np.einsum("bp,bp->b", either[0] - either[1], along)
            found &= (bend > 0) | (held == index)
        return found

    def _curved_upwards(self, points: Array, held: Index, free: Mask) -> Mask:
        """Where the second derivative is positive along what moves, but for a parameter held at each."""
        if self.arrays is None:
            return np.zeros(len(points), dtype=bool)
        observed = np.broadcast_to(self.data, (len(points), self.data.size))
        curvature = slope_and_curvature(self.arrays, points, observed)[1] * np.outer(self.scale, self.scale)
        inside = free & (points > self.lower) & (points < self.upper)
        inside[np.arange(held.size), held] = False
        return ~np.isin(np.arange(len(points)), not_positive(curvature, ~inside))

    def _along(self, found: Minimum, free: Mask, data: Array) -> list[Array]:
        """Where 2NLL dips along the parameter of interest, and values of either sign where one is signed."""
        points: list[Array] = []
        interest = -1 if self.poi is None else self.poi_index
        for index in sorted({interest, *self._signed} - {-1}):
            if not free[index]:
                continue
            bounds = float(self.lower[index]), float(self.upper[index])
            step = float(self.scale[index])
            matrix = self.hessian(found.parameters, data)
            if matrix is not None and matrix[index, index] > 0:
                step = min(step, float((2 / matrix[index, index]) ** 0.5))
            if index == interest:
                points.append(dips(self._heights_of(data), found.parameters, index, step, *bounds))
            if index in self._signed and self.arrays is not None:
                points.append(either_sign(self.arrays, self.start, index, step, data, bounds))
        return points

    def _heights_of(self, data: Array) -> Callable[[Array], Array]:
        return lambda points: self.heights(points, data)

    @cached_property
    def _signed(self) -> frozenset[int]:
        """Parameters that may take either sign, and of which it cannot be said beforehand which is better.

        A few factors without a constraint, whose product with others may change its sign, and the parameter
        of interest where counts turn along it.
        """
        if self.arrays is None:
            return frozenset()
        loose = self.arrays.loose
        signed = {int(i) for i in products_of(self.arrays, loose) if self.lower[i] < 0 < self.upper[i]}
        turning = set(self.arrays.turning) & {self.names.index(self.poi.name) if self.poi else -1}
        return frozenset((signed if len(signed) <= _SIGNED else set()) | turning)
