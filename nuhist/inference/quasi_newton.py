"""Steps with each fit's own second derivative as expected, at the cost of its structure.

That is a diagonal, of the constraints, and a matrix whose rank is the number of bins. What changes one bin
alone, as a bin-by-bin factor does, is eliminated; of the others the matrix is small, or its rank is, and then
a step costs parameters × bins² (Woodbury's identity, with the parameters without a constraint as a border).
What the expected one leaves out is learnt from how the slope has changed along the steps before, as in
:mod:`nuhist.inference.tangent`, whose steps share one second derivative and suit data sets that differ less.
What does not converge is left to :mod:`nuhist.inference.newton`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nuhist.inference.arrow import LARGE
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import Derivatives, Rates
from nuhist.inference.newton_step import Limits, held_by_bounds
from nuhist.inference.saddles import not_positive
from nuhist.inference.search import products_of
from nuhist.inference.structure import Index, Mask, add_to, diagonals
from nuhist.tables import Array

_STEPS = 40
_ENDED = 1e-10  # of 2NLL: what a further step would still gain
_ROUNDING = 1e-11  # of 2NLL, by which an accepted step may seem to climb
_PARTS = 8  # times that a step which leads up is halved
_HALF = 2  # bins are few where the free parameters are so many times more
_LEAST = 1e-4  # of 2NLL per squared typical step: what has little effect does not go far at once
_FAR = 20.0  # typical steps: by more no parameter is moved at once
_AT_0 = 1e-3  # typical steps
_KEPT = 10  # steps whose changes of the slope are remembered
_NUMBERS = 4_000_000  # in one array: it bounds the memory


class Pair(NamedTuple):
    """Steps of a batch, the changes of the slopes along them, and 1 over their products, or 0."""

    step: Array
    change: Array
    part: Array

    def some(self, rows: Mask) -> Pair:
        """The state of some fits."""
        return Pair(*(array[rows] for array in self))


@dataclass(frozen=True, eq=False)
class Shared:
    """What fits of a model share, and how they are measured.

    Attributes
    ----------
    model
        Compiled likelihood.
    free
        Parameters that are fitted.
    unit
        Typical step of each of them.
    limits
        Bounds and largest steps, in units.
    single
        Positions among the free parameters, of those that change one bin, which no other such one changes.
    places, bins
        Where each of these stands in :attr:`Arrays.joined`, and its bin.
    others
        Positions of the other free parameters.
    turning
        Positions of those along which counts may turn, so that a fit may end on a saddle.
    """

    model: CompiledModel
    free: Index
    unit: Array
    limits: Limits
    single: Index
    places: Index
    bins: Index
    others: Index
    turning: Index

    def points(self, origin: Array, at: Array) -> Array:
        """Parameters of shape (batch, parameters), those that are free from positions in units."""
        found = origin.copy()
        lower, upper = self.limits.lower * self.unit, self.limits.upper * self.unit
        found[:, self.free] = np.clip(at * self.unit, lower, upper)
        return found

    def solved(self, here: Derivatives, held: Mask, right: Array) -> Array:
        """Solution with the second derivative as expected, 0 for what bounds hold; shape (batch, free)."""
        model, unit, others, single = self.model, self.unit, self.others, self.single
        stiff = np.maximum(here.diagonal[:, self.free] * unit**2, _LEAST)
        step, weight = np.zeros_like(right), here.weight
        slopes = self._slopes(here)
        if not single.size:
            step[:, others] = _solved(slopes, weight, stiff[:, others], held[:, others], right[:, others])
            return step
        # What changes one bin alone is eliminated first: it takes away from the weight of its bin.
        own = np.zeros((len(right), model.bins))
        own[:, self.bins] = here.found.narrow[:, self.places] * unit[single]
        inverse, sides = np.zeros_like(own), np.zeros_like(own)
        of_bins = weight[:, self.bins] * own[:, self.bins] ** 2 + stiff[:, single]
        inverse[:, self.bins] = np.where(held[:, single], 0.0, 1 / of_bins)
        sides[:, self.bins] = right[:, single]
        pull = weight * own * inverse
        left = right[:, others] - np.matmul(slopes, (pull * sides)[:, :, None])[:, :, 0]
        weight = weight - pull * weight * own
        step[:, others] = _solved(slopes, weight, stiff[:, others], held[:, others], left)
        moved = np.matmul(step[:, None, others], slopes)[:, 0]
        step[:, single] = (inverse * sides - pull * moved)[:, self.bins]
        return step

    def _slopes(self, here: Derivatives) -> Array:
        """Derivatives of the counts with respect to the other parameters, (batch, others, bins)."""
        model, found, own = self.model, here.found, self.free[self.others]
        full = np.zeros((len(here.slope), own.size, model.bins))
        wide = np.flatnonzero(np.isin(own, model.wide))
        full[:, wide] = found.wide[:, np.searchsorted(model.wide, own[wide])]
        joined = np.flatnonzero(np.isin(model.joined.parameter, own))
        if joined.size:
            rows = np.searchsorted(own, model.joined.parameter[joined])
            add_to(full, (rows, model.joined.bins[joined]), found.narrow[:, joined])
        return np.asarray(full * self.unit[self.others][:, None])


def _solved(slopes: Array, weight: Array, stiff: Array, held: Mask, right: Array) -> Array:
    """Solution with a diagonal and Σ slopes·weight·slopes of the bins, 0 for what is held."""
    size, bins = slopes.shape[1:]
    if not size:
        return right
    inverse = np.where(held, 0.0, 1 / stiff)
    if size <= _HALF * bins:
        moving = np.where(held, 0.0, 1.0)[:, :, None]
        weighted = slopes * weight[:, None] * moving
        matrix = np.matmul(weighted, (slopes * moving).transpose(0, 2, 1))
        diagonals(matrix)[:] += np.where(held, 1.0, stiff)
        return np.asarray(np.linalg.solve(matrix, np.where(held, 0.0, right)[:, :, None])[:, :, 0])
    # Woodbury's identity; what is hardly held by itself is a border, for the sake of digits.
    loose = np.flatnonzero((stiff <= _LEAST).any(axis=0))
    own = np.setdiff1d(np.arange(size), loose)
    roots = np.sqrt(weight)[:, :, None] * slopes.transpose(0, 2, 1)
    beside, border = roots[:, :, own], np.where(held[:, None, loose], 0.0, roots[:, :, loose])
    scaled = beside * inverse[:, None, own]
    matrix = np.zeros((len(right), bins + loose.size, bins + loose.size))
    matrix[:, :bins, :bins] = np.matmul(scaled, beside.transpose(0, 2, 1))
    matrix[:, :bins, bins:] = -border
    matrix[:, bins:, :bins] = border.transpose(0, 2, 1)
    diagonals(matrix)[:, :bins] += 1.0
    diagonals(matrix)[:, bins:] = np.where(held, 1.0, stiff)[:, loose]
    sides = np.concatenate([np.matmul(scaled, right[:, own, None])[:, :, 0], right[:, loose]], axis=1)
    found = np.linalg.solve(matrix, sides[:, :, None])[:, :, 0]
    step = np.zeros_like(right)
    step[:, loose] = np.where(held[:, loose], 0.0, found[:, bins:])
    step[:, own] = inverse[:, own] * (right[:, own] - np.matmul(found[:, None, :bins], beside)[:, 0])
    return step


def shared(
    model: CompiledModel, free: Index, unit: Array, lower: Array, upper: Array, reach: Array
) -> Shared | None:
    """What fits of a model share, or None where neither bins nor parameters of several bins are few.

    ``unit``, ``lower``, ``upper`` and ``reach`` are those of the free parameters.
    """
    layer, terms = model.joined, model.constraints
    alone = np.bincount(layer.bins, minlength=model.bins)[layer.bins] == 1
    alone &= np.bincount(layer.parameter, minlength=model.parameters)[layer.parameter] == 1
    alone &= ~np.isin(layer.parameter, model.wide) & np.isin(layer.parameter, free)
    single, bins = np.searchsorted(free, layer.parameter[alone]), layer.bins[alone]
    others = np.setdiff1d(np.arange(free.size), single)
    loose = np.isin(free[others], np.union1d(terms.gaussian, terms.poisson), invert=True).sum()
    if _HALF * min(others.size, model.bins + loose) > free.size:
        return None
    limits = Limits(lower / unit, upper / unit, np.minimum(reach / unit, _FAR))
    turning = np.flatnonzero(np.isin(free, np.union1d(model.turning, products_of(model, model.loose))))
    return Shared(model, free, unit, limits, single, np.flatnonzero(alone), bins, others, turning)


def descend(common: Shared, theta: Array, height: Array, data: Array) -> Mask:
    """Fit a batch; points and heights are updated.

    Returns
    -------
    Which fits have converged; the others have come as far as they could.
    """
    size = max(1, _NUMBERS // (common.others.size * common.model.bins))
    converged = np.zeros(len(theta), dtype=bool)
    for first in range(0, len(theta), size):
        part = slice(first, first + size)
        converged[part] = _descend(common, theta[part], height[part], data[part])
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


def _descend(common: Shared, theta: Array, height: Array, data: Array) -> Mask:
    """:func:`descend` of fits that are few enough for the memory."""
    model, free, unit, limits = common.model, common.free, common.unit, common.limits
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
        step = _step(common, here, np.where(held, 0.0, slope), held, learnt.pairs)
        gain = -np.einsum("bi,bi->b", slope, step) / 2
        trial, reached, rates = _tried(common, points, at, step, seen, before)
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
    if free.size > LARGE:  # where the whole matrix takes long, only what is level by symmetry is looked at
        near_0 = np.abs(theta[np.ix_(ended, free[common.turning])]) < _AT_0 * unit[common.turning]
        ended = ended[near_0.any(axis=1)]
    size = max(1, _NUMBERS // free.size**2)
    for first in range(0, ended.size if common.turning.size else 0, size):
        part = ended[first : first + size]
        converged[part] = _firm(common, theta[part], data[part])
    return converged


def _step(common: Shared, here: Derivatives, slope: Array, held: Mask, pairs: list[Pair]) -> Array:
    """Steps of what bounds do not hold, not too far; NaN where none is found."""
    left, shares = slope.copy(), list[Array]()
    for last, change, part in reversed(pairs):
        shares.append(part * np.einsum("bi,bi->b", last, left))
        left -= shares[-1][:, None] * np.where(held, 0.0, change)
    try:
        step = common.solved(here, held, left)
    except np.linalg.LinAlgError:
        return np.full_like(slope, np.nan)
    for (last, change, part), share in zip(pairs, reversed(shares), strict=True):
        more = share - part * np.einsum("bi,bi->b", change, step)
        step += more[:, None] * np.where(held, 0.0, last)
    step *= -np.min(1 / np.maximum(np.abs(step) / common.limits.reach, 1.0), axis=1, keepdims=True)
    return step


def _tried(
    common: Shared, points: Array, at: Array, step: Array, data: Array, before: Array
) -> tuple[Array, Array, Rates | None]:
    """Where steps lead, or the first half of them that does not lead up; rates there, if at hand."""
    trial = common.points(points, at + step)
    reached, found = common.model.heights_and_rates(trial, data)
    rates: Rates | None = found
    for part in 0.5 ** np.arange(1, _PARTS + 1):
        rows = np.flatnonzero(~(reached <= before + _ROUNDING))
        if not rows.size:
            break
        trial[rows] = common.points(points[rows], at[rows] + part * step[rows])
        reached[rows], rates = common.model.twice_nll(trial[rows], data[rows]), None
    return trial, reached, rates


def _firm(common: Shared, theta: Array, data: Array) -> Mask:
    """Which fits have ended in a minimum, not on a saddle: the whole second derivative is positive."""
    here = Derivatives.at(common.model, common.model.rates(theta), theta, data)
    free, unit = common.free, common.unit
    held = held_by_bounds(here.slope[:, free] * unit, theta[:, free] / unit, common.limits)
    firm = np.ones(len(theta), dtype=bool)
    firm[not_positive(here.curvature(free) * (unit[:, None] * unit), held)] = False
    return firm
