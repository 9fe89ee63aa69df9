"""Fits of many data sets at once where parameters are many and bins are few.

The second derivative as expected, of each fit where it is, is a diagonal, that of the constraints, and a
matrix whose rank is the number of bins. So a step of Newton's kind costs parameters × bins² (Woodbury's
identity, with the parameters without a constraint as a border). What the expected one leaves out is learnt
from how the slope has changed along the steps before, as in :mod:`nuhist.inference.tangent`, whose steps
share one second derivative and suit data sets that differ less. What does not converge is left to
:mod:`nuhist.inference.newton`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import Derivatives, Rates
from nuhist.inference.newton_step import Limits, held_by_bounds
from nuhist.inference.saddles import not_positive
from nuhist.inference.search import products_of
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

_STEPS = 40
_ENDED = 1e-10  # of 2NLL: what a further step would still gain
_ROUNDING = 1e-11  # of 2NLL, by which an accepted step may seem to climb
_PARTS = 8  # times that a step which leads up is halved
_HALF = 2  # bins are few where the free parameters are so many times more
_LEAST = 1e-4  # of 2NLL per squared typical step: what has little effect does not go far at once
_FAR = 20.0  # typical steps: by more no parameter is moved at once
_KEPT = 10  # steps whose changes of the slope are remembered
_NUMBERS = 4_000_000  # in one array: it bounds the memory


class Pair(NamedTuple):
    """Steps of a batch, the changes of the slopes along them, and 1 over their products, or 0."""

    step: Array
    change: Array
    part: Array

    def some(self, rows: Mask) -> Pair:
        """Those of some fits."""
        return Pair(*(array[rows] for array in self))


@dataclass(frozen=True, eq=False)
class LowRank:
    """A model whose bins are few, and how its fits are measured.

    Attributes
    ----------
    model
        Compiled likelihood.
    free
        Parameters that are fitted.
    unit
        Typical step of each of them.
    constrained, loose
        Positions among them, of those with a constraint and of the others.
    limits
        Bounds and largest steps, in units.
    bending
        Whether counts may turn, so that a fit may end on a saddle.
    """

    model: CompiledModel
    free: Index
    unit: Array
    constrained: Index
    loose: Index
    limits: Limits
    bending: bool

    def points(self, origin: Array, at: Array) -> Array:
        """Parameters of shape (batch, parameters), those that are free from positions in units."""
        found = origin.copy()
        lower, upper = self.limits.lower * self.unit, self.limits.upper * self.unit
        found[:, self.free] = np.clip(at * self.unit, lower, upper)
        return found

    def jacobian(self, here: Derivatives) -> Array:
        """Derivatives of the counts times the root of what each bin weighs, (batch, bins, free)."""
        model, found = self.model, here.found
        full = np.zeros((len(here.slope), model.parameters, model.bins))
        full[:, model.wide] = found.wide
        full[:, model.joined.parameter, model.joined.bins] = found.narrow
        root = np.sqrt(here.weight)
        return np.asarray(full[:, self.free].transpose(0, 2, 1) * self.unit * root[:, :, None])

    def solved(self, here: Derivatives, held: Mask, right: Array) -> Array:
        """Solution with the second derivative as expected, 0 for what bounds hold; shape (batch, free)."""
        model, loose, own = self.model, self.loose, self.constrained
        bins, size = model.bins, model.bins + loose.size
        roots = self.jacobian(here)
        stiff = np.maximum(here.diagonal[:, self.free] * self.unit**2, _LEAST)
        inverse = np.where(held, 0.0, 1 / stiff)[:, own]
        beside, border = roots[:, :, own], np.where(held[:, None, loose], 0.0, roots[:, :, loose])
        scaled = beside * inverse[:, None]
        matrix = np.zeros((len(right), size, size))
        matrix[:, :bins, :bins] = np.matmul(scaled, beside.transpose(0, 2, 1))
        matrix[:, :bins, bins:] = -border
        matrix[:, bins:, :bins] = border.transpose(0, 2, 1)
        diagonal = np.einsum("bii->bi", matrix)
        diagonal[:, :bins] += 1.0
        diagonal[:, bins:] = np.where(held, 1.0, stiff)[:, loose]
        sides = np.concatenate([np.matmul(scaled, right[:, own, None])[:, :, 0], right[:, loose]], axis=1)
        found = np.linalg.solve(matrix, sides[:, :, None])[:, :, 0]
        step = np.zeros_like(right)
        step[:, loose] = np.where(held[:, loose], 0.0, found[:, bins:])
        back = np.matmul(found[:, None, :bins], beside)[:, 0]
        step[:, own] = inverse * (right[:, own] - back)
        return step


def low_rank(
    model: CompiledModel, free: Index, unit: Array, lower: Array, upper: Array, reach: Array
) -> LowRank | None:
    """What fits of a model share, or None where its bins are too many for this to be of use.

    ``unit``, ``lower``, ``upper`` and ``reach`` are those of the free parameters.
    """
    terms = model.constraints
    own = np.isin(free, np.union1d(terms.gaussian, terms.poisson))
    loose = np.flatnonzero(~own)
    if _HALF * (model.bins + loose.size) > free.size:
        return None
    limits = Limits(lower / unit, upper / unit, np.minimum(reach / unit, _FAR))
    bending = bool(np.isin(free, np.union1d(model.turning, products_of(model, model.loose))).any())
    return LowRank(model, free, unit, np.flatnonzero(own), loose, limits, bending)


def descend(shared: LowRank, theta: Array, height: Array, data: Array) -> Mask:
    """Fit a batch; points and heights are updated.

    Returns
    -------
    Which fits have converged; the others have come as far as they could.
    """
    size = max(1, _NUMBERS // (shared.model.parameters * shared.model.bins))
    converged = np.zeros(len(theta), dtype=bool)
    for first in range(0, len(theta), size):
        part = slice(first, first + size)
        converged[part] = _descend(shared, theta[part], height[part], data[part])
    return converged


@dataclass
class _Learnt:
    """What fits of a batch have learnt from how their slopes changed along their steps."""

    pairs: list[Pair] = field(default_factory=list)
    step: Array | None = None
    slope: Array | None = None
    held: Mask | None = None

    def arrive(self, slope: Array, held: Mask) -> None:
        """Learn from the last step; what was learnt counts no more where bounds hold other parameters."""
        if self.step is None or self.slope is None:
            return
        change = slope - self.slope
        product = np.einsum("bi,bi->b", self.step, change)
        part = np.where(product > 0, 1 / np.where(product > 0, product, 1.0), 0.0)
        self.pairs = [*self.pairs, Pair(self.step, change, part)][-_KEPT:]
        self.forget((held != self.held).any(axis=1))

    def leave(self, step: Array, slope: Array, held: Mask, going: Mask) -> None:
        """Remember the step of the fits that go on."""
        self.pairs = [pair.some(going) for pair in self.pairs]
        self.step, self.slope, self.held = step[going], slope[going], held[going]

    def forget(self, fits: Mask) -> None:
        """Leave out what some fits have learnt."""
        for pair in self.pairs:
            pair.part[fits] = 0.0

    def has_any(self, fits: int) -> Mask:
        """Which fits have learnt anything."""
        found = np.zeros(fits, dtype=bool)
        for pair in self.pairs:
            found |= pair.part > 0
        return found


def _descend(shared: LowRank, theta: Array, height: Array, data: Array) -> Mask:
    """:func:`descend` of fits that are few enough for the memory."""
    model, free, unit, limits = shared.model, shared.free, shared.unit, shared.limits
    converged = np.zeros(len(theta), dtype=bool)
    active, learnt, rates = np.flatnonzero(np.isfinite(height)), _Learnt(), None
    for _ in range(_STEPS):
        if not active.size:
            break
        points, seen, before = theta[active], data[active], height[active]
        here = Derivatives.at(model, model.rates(points) if rates is None else rates, points, seen)
        slope, at = here.slope[:, free] * unit, points[:, free] / unit
        held = held_by_bounds(slope, at, limits)
        learnt.arrive(slope, held)
        step = _step(shared, here, np.where(held, 0.0, slope), held, learnt.pairs)
        gain = -np.einsum("bi,bi->b", slope, step) / 2
        trial, reached, rates = _tried(shared, points, at, step, seen, before)
        usable = gain >= 0
        better, done = usable & (reached <= before + _ROUNDING), usable & (gain < _ENDED)
        theta[active[better]], height[active[better]] = trial[better], np.minimum(reached, before)[better]
        converged[active[done]] = True
        # What was learnt may mislead: the next step is without it.
        misled = usable & ~better & ~done & learnt.has_any(active.size)
        if misled.any():
            learnt.forget(misled)
            trial[misled], rates = points[misled], None
        going = (better & ~done) | misled
        learnt.leave(trial[:, free] / unit - at, slope, held, going)
        active = active[going]
        rates = None if rates is None else rates.some(going)
    ended = np.flatnonzero(converged)
    if shared.bending and ended.size:
        converged[ended] = _firm(shared, theta[ended], data[ended])
    return converged


def _step(shared: LowRank, here: Derivatives, slope: Array, held: Mask, pairs: list[Pair]) -> Array:
    """Steps of what bounds do not hold, not too far; NaN where none is found."""
    left, shares = slope.copy(), list[Array]()
    for last, change, part in reversed(pairs):
        shares.append(part * np.einsum("bi,bi->b", last, left))
        left -= shares[-1][:, None] * np.where(held, 0.0, change)
    try:
        step = shared.solved(here, held, left)
    except np.linalg.LinAlgError:
        return np.full_like(slope, np.nan)
    for (last, change, part), share in zip(pairs, reversed(shares), strict=True):
        more = share - part * np.einsum("bi,bi->b", change, step)
        step += more[:, None] * np.where(held, 0.0, last)
    step *= -np.min(1 / np.maximum(np.abs(step) / shared.limits.reach, 1.0), axis=1, keepdims=True)
    return step


def _tried(
    shared: LowRank, points: Array, at: Array, step: Array, data: Array, before: Array
) -> tuple[Array, Array, Rates | None]:
    """Where steps lead, or the first half of them that does not lead up; rates there, if at hand."""
    trial = shared.points(points, at + step)
    reached, found = shared.model.heights_and_rates(trial, data)
    rates: Rates | None = found
    for part in 0.5 ** np.arange(1, _PARTS + 1):
        rows = np.flatnonzero(~(reached <= before + _ROUNDING))
        if not rows.size:
            break
        trial[rows] = shared.points(points[rows], at[rows] + part * step[rows])
        reached[rows], rates = shared.model.twice_nll(trial[rows], data[rows]), None
    return trial, reached, rates


def _firm(shared: LowRank, theta: Array, data: Array) -> Mask:
    """Which fits have ended in a minimum, not on a saddle: the whole second derivative is positive."""
    here = Derivatives.at(shared.model, shared.model.rates(theta), theta, data)
    free, unit = shared.free, shared.unit
    held = held_by_bounds(here.slope[:, free] * unit, theta[:, free] / unit, shared.limits)
    firm = np.ones(len(theta), dtype=bool)
    firm[not_positive(here.curvature(free) * (unit[:, None] * unit), held)] = False
    return firm
