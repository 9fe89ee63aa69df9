"""Where the steps of a batch of fits lead, and which of them are taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import Rates
from nuhist.inference.saddles import lowest_of, off_saddles
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

TOLERANCE = 1e-10  # of 2NLL: what a full step would still gain
ROUNDING = 1e-11  # of 2NLL, by which an accepted step may seem to climb
DAMPING = 1e-4  # Levenberg's, relative to the curvature, at the start
_PARTS = np.array([0.5, 0.25, 0.1, 0.03])  # of a step that leads up
_LAST = 1e-6  # of 2NLL: after a step with the whole second derivative that gains less, nothing is left
_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e12
_BEYOND = 10  # steps to where less than nothing is expected: a fit on that edge is left to others
_FELT = 0.1  # least damping after a step that led up: with less, the next one would be nearly the same
_FULL = 1e2  # damping up to which a step counts as a full one, on the floor of rounding


class Tried(NamedTuple):
    """Where steps lead, how low, and whether that is lower than before; the arrays are updated.

    ``rates`` are those there, but for fits that were then led to other points.
    """

    points: Array
    height: Array
    better: Mask
    rates: Rates
    other: Mask

    @classmethod
    def at(
        cls,
        model: CompiledModel,
        at: Array,
        data: Array,
        free: Index,
        step: Array,
        lower: Array,
        upper: Array,
        before: Array,
    ) -> Tried:
        """Where steps lead within the bounds."""
        points = at.copy()
        points[:, free] = np.clip(at[:, free] + step, lower[free], upper[free])
        height, rates = model.heights_and_rates(points, data)
        better = height <= before + ROUNDING
        return cls(points, height, better, rates, np.zeros_like(better))

    def done(self, at: Array, gain: Array, damping: Array, *, whole: bool) -> Mask:
        """Which fits have converged with a step."""
        full = damping <= _FULL  # else any step promises little
        moved = (self.points != at).any(axis=1)
        last = self.better & (gain < _LAST) & (damping <= DAMPING) & whole
        return np.asarray(full & ((gain < TOLERANCE) | (self.better & ~moved) | last))

    def shortened(
        self,
        done: Mask,
        model: CompiledModel,
        at: Array,
        data: Array,
        free: Index,
        step: Array,
        lower: Array,
        upper: Array,
        before: Array,
    ) -> Index:
        """Take parts of steps that lead up, unless the fits are done; says where a part leads down."""
        rows = np.flatnonzero(~self.better & ~done)
        if not rows.size:
            return rows
        nearer = lowest_of(model, at[rows], data[rows], free, step[rows], _PARTS, lower, upper)
        return rows[self._take(rows, *nearer, before[rows])]

    def led_off(
        self,
        rows: Index,
        model: CompiledModel,
        at: Array,
        data: Array,
        free: Index,
        away: Array,
        lower: Array,
        upper: Array,
        before: Array,
    ) -> Mask:
        """Take points beside saddles for some fits; says where one is lower."""
        beside = off_saddles(model, at, data, free, away, lower, upper)
        return self._take(rows, *beside, np.minimum(self.height[rows], before) - TOLERANCE)

    def _take(self, rows: Index, points: Array, height: Array, most: Array) -> Mask:
        """Take other points for some fits where they are lower than something; says where."""
        leads = height < most
        own = rows[leads]
        self.points[own], self.height[own] = points[leads], height[leads]
        self.better[own] = self.other[own] = True
        return leads

    def known(self, going: Mask) -> Rates | None:
        """The rates where the fits that go on are, unless one of them is elsewhere."""
        if not going.any() or (going & (self.other | ~self.better)).any():
            return None
        return self.rates if going.all() else self.rates.some(going)


class State(NamedTuple):
    """Where the fits of a batch are; the arrays are updated.

    ``firm`` says whether a bound also holds a parameter along which 2NLL is level there, ``beyond`` how many
    steps have led to where less than nothing is expected.
    """

    theta: Array
    height: Array
    converged: Mask
    damping: Array
    firm: Mask
    beyond: Index

    @classmethod
    def at(cls, theta: Array, height: Array, converged: Mask) -> State:
        """The trial of fits that have taken no step of Newton's yet."""
        none = np.zeros_like(converged)
        return cls(theta, height, converged, np.full(len(theta), DAMPING), none, none.astype(np.intp))

    def advance(self, active: Index, tried: Tried, done: Mask, short: Index) -> Mask:
        """Take the steps that lead down, and say which fits go on; short ones leave the damping as it is."""
        trial, reached, better = tried.points, tried.height, tried.better
        self.theta[active[better]] = trial[better]
        self.height[active[better]] = np.minimum(reached, self.height[active])[better]
        grown = np.where(better, self.damping[active] / 10, np.maximum(self.damping[active] * 10, _FELT))
        grown[short] = self.damping[active[short]]
        stuck = (grown > _MOST_DAMPING) | (self.beyond[active] > _BEYOND)
        self.damping[active] = np.maximum(grown, _LEAST_DAMPING)
        self.converged[active[done]] = True
        return np.asarray(~(done | stuck))
