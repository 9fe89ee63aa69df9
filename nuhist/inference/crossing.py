"""Where functions that cost a fit per value cross a level, with as few rounds of fits as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from nuhist.tables import Array

_PRECISION = 1e-4  # of a crossing, relative
_INNER = 7  # values between the ends of a bracket
_AHEAD = 7  # doubled steps whose fits share a round

Function = Callable[[float], float]


class Prepare(Protocol):
    """Computes values together, ahead of calls."""

    def __call__(self, values: Sequence[float], *, check: bool = True) -> None:
        """Compute; unchecked for a search."""


def find_crossings(
    functions: Sequence[Function],
    level: float,
    start: float,
    bound: float,
    *,
    step: float,
    prepare: Prepare,
) -> list[float | None]:
    """Where functions cross a level between a value inside, where they are below, and a bound.

    Steps are doubled until one lies outside. Between the last two, a cubic spline through a few values
    gives the crossing, and one more value corrects it. All functions share the rounds of fits.

    Parameters
    ----------
    functions
        They remember what ``prepare`` has computed.
    level, start, bound
        See above.
    step
        The first one, positive.
    prepare
        Computes values together.

    Returns
    -------
    For each function, None if it does not cross the level.
    """
    outer = _doubled(start, bound, step if bound > start else -step)
    brackets = _brackets(functions, level, start, outer, prepare)
    nodes = {bracket: np.linspace(*bracket, _INNER + 2).tolist() for bracket in brackets if bracket}
    prepare([node for inner in nodes.values() for node in inner[1:-1]], check=False)
    first = [
        _interpolated(function, level, nodes[bracket]) if bracket else None
        for function, bracket in zip(functions, brackets, strict=True)
    ]
    prepare([near for near, _ in filter(None, first)])
    found: list[float | None] = []
    for function, bracket, guess in zip(functions, brackets, first, strict=True):
        if bracket is None:
            found.append(None)
            continue
        tolerance = _PRECISION * max(abs(bracket[1]), 2e-3 * step)
        found.append(_refined(function, level, nodes[bracket], guess, tolerance))
    return found


def find_crossing(
    function: Function, level: float, start: float, bound: float, *, step: float, prepare: Prepare
) -> float | None:
    """The same for one function."""
    return find_crossings([function], level, start, bound, step=step, prepare=prepare)[0]


def _doubled(start: float, bound: float, step: float) -> list[float]:
    """Values at doubled distances from a start, up to a bound."""
    values = []
    while abs(step) < abs(bound - start):
        values.append(start + step)
        step *= 2
    return [*values, float(bound)] if bound != start else values


def _brackets(
    functions: Sequence[Function], level: float, start: float, outer: Sequence[float], prepare: Prepare
) -> list[tuple[float, float] | None]:
    """For each function, neighbours among the values of which the first is inside, the other outside."""
    found: dict[int, tuple[float, float]] = {}
    inside = start
    for index, outside in enumerate(outer):
        if index % _AHEAD == 0:
            prepare(outer[index : index + _AHEAD], check=False)
        for number, function in enumerate(functions):
            if number not in found and function(outside) > level:
                found[number] = _finite(function, level, inside, outside)
        if len(found) == len(functions):
            break
        inside = outside
    return [found.get(number) for number in range(len(functions))]


def _finite(function: Function, level: float, inside: float, outside: float) -> tuple[float, float]:
    """A bracket with a finite value outside: beyond the edge of the model, halve the step to it."""
    while not np.isfinite(function(outside)):
        middle = (inside + outside) / 2
        if abs(outside - inside) <= _PRECISION * max(abs(outside), abs(inside)):
            return inside, inside
        inside, outside = (inside, middle) if function(middle) > level else (middle, outside)
    return inside, outside


def _interpolated(function: Function, level: float, nodes: Sequence[float]) -> tuple[float, float] | None:
    """The crossing by a spline through the nodes, and the slope there; None where there is no spline."""
    from scipy.interpolate import make_interp_spline
    from scipy.optimize import brentq

    heights = np.array([function(node) - level for node in nodes])
    if nodes[0] == nodes[-1] or not np.isfinite(heights).all():
        return None
    inside, outside = _neighbours(heights, nodes)
    order = np.argsort(nodes)
    spline = make_interp_spline(np.array(nodes)[order], heights[order], k=3)
    near = inside  # where the node is the crossing itself, the spline there has either sign
    if spline(inside) < 0 < spline(outside):
        near = float(brentq(lambda value: float(spline(value)), inside, outside, rtol=_PRECISION / 100))
    return near, float(spline(near, 1))


def _neighbours(heights: Sequence[float] | Array, nodes: Sequence[float]) -> tuple[float, float]:
    above = max(int(np.argmax(np.asarray(heights) > 0)), 1)
    return nodes[above - 1], nodes[above]


def _refined(
    function: Function,
    level: float,
    nodes: Sequence[float],
    guess: tuple[float, float] | None,
    tolerance: float,
) -> float:
    """The crossing: a guess that one more value corrects, or a search where that is not enough."""
    from scipy.optimize import brentq

    if nodes[0] == nodes[-1]:
        return nodes[0]
    inside, outside = _neighbours([function(node) - level for node in nodes], nodes)
    if guess is not None and guess[1] != 0:
        refined = guess[0] - (function(guess[0]) - level) / guess[1]
        if abs(refined - guess[0]) <= tolerance and min(inside, outside) <= refined <= max(inside, outside):
            return refined
    if function(inside) >= level:  # the function has changed: its minimum was not the lowest
        return inside
    return float(
        brentq(lambda value: function(float(value)) - level, inside, outside, xtol=tolerance, rtol=1e-6)
    )
