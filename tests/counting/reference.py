"""Limits of small counting models without nuhist: Minuit from many starts, and roots by Brent's method.

A minimum is the lowest of many fits. A conditional fit starts from its neighbours, from their mirror images
along each pull, and from the best of many random points. Where bins without events would expect less than
nothing, further fits see a small fraction of an event there, which keeps them above it; 2NLL changes by as
much.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, log, sqrt
from typing import Any

import numpy as np
from iminuit import Minuit
from scipy.optimize import brentq
from scipy.special import log_ndtr
from scipy.stats import chi2, norm

from tests.counting.density import Density

LEVEL = 0.90
SIGMAS = (-2, -1, 0, 1, 2)
_RANDOM = 40  # random points of which the best are starts
_CHOSEN = 2
_THOROUGH = 10  # of these, where it matters
_STEPS = (0.05, 0.15, 0.3, 0.5, 0.75, 1.0, 1.4, 1.9, 2.5, 3.3, 4.5, 6.5, 10.0, 18.0, 40.0)
_FRACTIONS = (1e-2, 1e-4, 1e-6)  # of an event
_IMPOSSIBLE, _NEAR = -1e-3, 1e-3  # counts: what Minuit leaves of them where they should be 0
_POLISHED = 3  # ends
_AGAIN = 4  # searches for a crossing
_LOWER = 1e-6  # of 2NLL

Point = list[float]


@dataclass
class Curve:
    """The minimum of 2NLL at values of the parameter of interest, remembered."""

    density: Density
    data: list[float]
    seed: int
    most: int = _CHOSEN
    known: dict[float, tuple[float, Point]] = field(default_factory=dict)
    hints: list[Point] = field(default_factory=list)
    best: tuple[float, Point] = (inf, [])

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        density = self.density
        starts = [density.initial]
        for value in self.trial_values():
            starts += [
                self.at(value, point) for point in (density.initial, *self.randoms(density.initial, 8))
            ]
        starts += self.hints
        self.best = self.lowest(starts, held=None, most=_THOROUGH)

    @property
    def value(self) -> float:
        """Parameter of interest at the minimum."""
        return float(self.best[1][self.density.interest])

    def trial_values(self) -> list[float]:
        """Of the parameter of interest, over what it can plausibly be."""
        density = self.density
        low, high = density.bounds[density.interest]
        if high < 20:
            return [float(value) for value in np.linspace(low, high, 9)]
        unit = self.unit()
        return [min(max(unit * x, low), high) for x in (-3, -1, -0.3, -0.05, 0.02, 0.3, 1, 3, 10)]

    def unit(self) -> float:
        """A change of the parameter of interest by which the counts change by some events."""
        density = self.density
        _, high = density.bounds[density.interest]
        if high < 20:
            return float(high / 16)
        point = list(density.initial)
        point[density.interest] = 0.0
        before = density.expected(point)
        point[density.interest] = 1.0
        changes = [abs(b - a) for a, b in zip(before, density.expected(point), strict=True)]
        return float(3.0 / max(sum(changes), 3.0 / high))

    def at(self, value: float, point: Sequence[float]) -> Point:
        """A point with the parameter of interest at a value."""
        moved = list(point)
        moved[self.density.interest] = value
        return moved

    def randoms(self, around: Sequence[float], number: int) -> list[Point]:
        """Random points."""
        return [self.density.random(self.rng, around) for _ in range(number)]

    def lowest(self, starts: list[Point], held: float | None, most: int) -> tuple[float, Point]:
        """The lowest of fits from the most promising of some starts."""
        density = self.density
        starts = [start if held is None else self.at(held, start) for start in starts]
        ordered = sorted(starts, key=lambda start: density.smooth(start, self.data))
        first = starts[:1] + [start for start in ordered[: most + 1] if start is not starts[0]][:most]
        ends = [end for start in first for end in self.fit(start, held)]
        ends.sort(key=lambda end: density.smooth(end, self.data))
        done: list[float] = []
        for end in list(ends):
            rates = zip(self.data, density.expected(end), strict=False)
            least = min((rate for n, rate in rates if n == 0), default=1.0)
            # Below the range, the penalty is of no avail: there is no such model.
            if _IMPOSSIBLE < least < _NEAR and all(
                abs(density.smooth(end, self.data) - x) > 1e-7 for x in done
            ):
                done.append(density.smooth(end, self.data))
                ends += self.inside(end, held)
            if len(done) == _POLISHED:
                break
        return min(((density(end, self.data), end) for end in ends), key=lambda each: each[0])

    def inside(self, start: Point, held: float | None) -> list[Point]:
        """Fits with a fraction of an event seen in each bin without any: they expect more than nothing."""
        found = [start]
        for events in _FRACTIONS:
            data = [n if n > 0 or bin_ >= self.density.bins else events for bin_, n in enumerate(self.data)]
            found += self.fit(found[-1], held, data)[:1]
        return found

    def free(self, held: float | None) -> list[int]:
        """Positions of the parameters that are fitted."""
        density = self.density
        return [i for i, free in enumerate(density.free) if free and (held is None or i != density.interest)]

    def fit(self, start: Point, held: float | None, data: list[float] | None = None) -> list[Point]:
        """Minuit from one start: where it ends, with parameters near a bound on it, and the start."""
        density, free, point = self.density, self.free(held), list(start)
        counts = self.data if data is None else data
        if not free:
            return [point]

        def height(values: Sequence[float]) -> float:
            for index, value in zip(free, values, strict=True):
                point[index] = value
            return density.smooth(point, counts)

        bounds = [density.bounds[index] for index in free]
        margins = [1e-6 * min(high - low, 1.0) for low, high in bounds]
        inside = [
            min(max(start[index], low + margin), high - margin)
            for index, (low, high), margin in zip(free, bounds, margins, strict=True)
        ]
        minuit = Minuit(height, inside)
        minuit.errordef, minuit.strategy, minuit.tol, minuit.print_level = 1, 1, 1e-3, 0
        minuit.limits = bounds
        minuit.errors = [0.3 * (self.unit() if index == density.interest else 1.0) for index in free]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minuit.migrad(ncall=2000, iterate=3)
        reached = list(minuit.values)
        if not np.isfinite(reached).all():
            return [list(start)]
        # Minuit cannot reach a bound itself.
        on_bounds = [
            low if value - low < 100 * margin else high if high - value < 100 * margin else value
            for value, (low, high), margin in zip(reached, bounds, margins, strict=True)
        ]
        return [self.ended(point, free, reached), self.ended(point, free, on_bounds), list(start)]

    def ended(self, point: Point, free: Sequence[int], values: Sequence[float]) -> Point:
        """A point with some of its parameters elsewhere."""
        end = list(point)
        for index, value in zip(free, values, strict=True):
            end[index] = value
        return end

    def conditional(self, value: float, most: int = 0) -> float:
        """Lowest 2NLL with the parameter of interest held at a value."""
        if value not in self.known or most:
            near = sorted(self.known, key=lambda known: abs(known - value))[:2]
            starts = [self.known[known][1] for known in near] or [self.best[1]]
            mirrored = []
            for index, (low, high) in enumerate(self.density.bounds):
                if self.density.free[index] and low < 0 < high and index != self.density.interest:
                    moved = list(starts[0])
                    moved[index] = -moved[index] or 1.0
                    mirrored.append(moved)
            starts += [self.best[1], self.density.initial, *self.hints, *mirrored]
            starts += self.randoms(self.best[1], _RANDOM)
            found = self.lowest(starts, value, max(most, self.most))
            if value in self.known:
                found = min(found, self.known[value], key=lambda each: each[0])
            self.known[value] = found
            if found[0] < self.best[0] - 1e-9:
                self.best = self.lowest([found[1]], None, 1)
        return self.known[value][0]

    def forget(self, value: float) -> None:
        """Fit again at all values but one and 0; where fits ended there is remembered as starts."""
        near = sorted(self.known, key=lambda known: abs(known - value))[:3]
        self.hints += [self.known[each][1] for each in near]
        self.known = {key: self.known[key] for key in (value, 0.0) if key in self.known}

    def delta(self, value: float) -> float:
        """Δχ² at a value."""
        return max(self.conditional(value) - self.best[0], 0.0)


def crossing(function: Callable[[float], float], level: float, values: Sequence[float]) -> float | None:
    """The last crossing from below to above a level, along values; None where the last lies below."""
    heights = [function(value) for value in values]
    below = [number for number, height in enumerate(heights) if height <= level]
    last = below[-1] if below else 0
    if last == len(values) - 1:
        return None
    inside, outside = values[last], values[last + 1]

    def excess(value: float) -> float:
        return min(function(value), 1e3) - level

    if excess(inside) >= 0:
        return inside
    return float(brentq(excess, inside, outside, xtol=1e-6 * abs(outside - inside), rtol=1e-10))


def answers(
    spec: Mapping[str, Any], seed: int, *, thorough: bool = False, hints: Sequence[Point] = ()
) -> dict[str, Any]:
    """What a model's minimum and limits are, as JSON; ``cls`` is None for a strength of either sign.

    A thorough one starts several times as many fits at each value. Hints are further points to start from:
    whatever they are, a lower value of 2NLL is a lower value.
    """
    density = Density(spec)
    difference = density.difference_from_pyhf(np.random.default_rng(seed))
    curve = Curve(density, density.data, seed, _THOROUGH if thorough else _CHOSEN, hints=list(hints))
    lower, upper = interval(curve)
    cls: list[float | None] | str | None = None
    if density.bounds[density.interest][0] >= 0:
        try:
            cls = cls_limits(curve)
        except ImpossibleError:
            cls = "impossible"
    low, high = density.bounds[density.interest]
    without = curve.conditional(0.0, _THOROUGH) if low <= 0 <= high else inf
    return {
        "min_chi2": curve.best[0],
        "best_fit": curve.value,
        "without": without if isfinite(without) else None,
        "lower": lower,
        "upper": upper,
        "cls": cls,
        "difference_from_pyhf": difference,
    }


def settled(
    function: Callable[[float], float], curves: Sequence[Curve], level: float, values: Sequence[float]
) -> float | None:
    """The last crossing, looked for again until a thorough fit there changes nothing."""
    end = None
    for _ in range(_AGAIN):
        before, end = end, crossing(function, level, values)
        if end is None or end == before:
            break
        for curve in curves:
            curve.conditional(end, _THOROUGH)
        if abs(function(end) - level) < 1e-4:
            break
        for curve in curves:
            curve.forget(end)
    return end


def interval(curve: Curve) -> tuple[float | None, float | None]:
    """Ends of the profile likelihood's interval, None where it is open."""
    level = float(chi2.ppf(LEVEL, 1))
    density = curve.density
    for _ in range(4):
        minimum = curve.best[0]
        ends: list[float | None] = []
        for bound in density.bounds[density.interest]:
            end = settled(curve.delta, [curve], level, outwards(curve, bound))
            if end is not None:  # where the model ends, the curve jumps
                step = np.sign(bound - curve.value) * 1e-3 * max(abs(end - curve.value), 1e-3 * curve.unit())
                possible = isfinite(curve.conditional(end + step, _THOROUGH))
                if not possible and curve.delta(end - step) < level - 0.01 * level - 0.01:
                    end = None
            ends.append(end)
        if curve.best[0] >= minimum - _LOWER:
            break
    return ends[0], ends[1]


def outwards(curve: Curve, bound: float) -> list[float]:
    """Values from the minimum to a bound."""
    best, density = curve.value, curve.density
    if density.bounds[density.interest][1] < 20:
        return [float(value) for value in np.linspace(best, bound, 25)]
    sign, scale = (1 if bound > best else -1), width(curve)
    values = [best + sign * scale * step for step in _STEPS]
    return [best, *(value for value in values if abs(value - best) < abs(bound - best)), bound]


def width(curve: Curve) -> float:
    """A rough scale of the curve: that of a change by a few events, larger the more there are."""
    return curve.unit() * (1 + sqrt(sum(curve.data[: curve.density.bins])) / 2)


def cls_limits(curve: Curve) -> list[float | None]:
    """Observed CLs limit, and those expected at −2 to +2 σ (arXiv:1007.1727, eqs. 16, 64 to 66)."""
    density = curve.density
    for _ in range(4):
        minimum = curve.best[0]
        curve.conditional(0.0, _THOROUGH)
        without = curve.known[0.0]
        if not isfinite(without[0]):
            raise ImpossibleError
        asimov = Curve(density, density.expected_data(without[1]), curve.seed + 1, curve.most)
        functions: list[Callable[[float], float]] = [partial(observed, curve, asimov)]
        functions += [partial(expected, asimov, sigma) for sigma in SIGMAS]
        high = density.bounds[density.interest][1]
        scale = width(curve)
        values = [0.0, *(scale * step for step in _STEPS if scale * step < high), high]
        before = asimov.best[0]
        limits = [settled(function, [curve, asimov], -log(1 - LEVEL), values) for function in functions]
        if curve.best[0] >= minimum - _LOWER and asimov.best[0] >= before - _LOWER:
            break
    return limits


class ImpossibleError(Exception):
    """The data are impossible without the parameter of interest."""


def observed(curve: Curve, asimov: Curve, value: float) -> float:
    """−ln CLs of the data."""
    q, a = (0.0 if curve.value > value else curve.delta(value)), asimov.delta(value)
    if a == 0:
        return 0.0
    if not (isfinite(a) and isfinite(q)):
        return 1e3
    root, reach = sqrt(q), sqrt(a)
    far = -(q + a) / (2 * reach), -(q - a) / (2 * reach)
    tails = (-root, reach - root) if root <= reach else far
    return float(log_ndtr(tails[1]) - log_ndtr(tails[0]))


def expected(asimov: Curve, sigma: int, value: float) -> float:
    """−ln CLs where the background fluctuates by some standard deviations."""
    a = asimov.delta(value)
    if not isfinite(a):
        return 1e3
    return float(norm.logcdf(sigma) - log_ndtr(sigma - sqrt(a)))
