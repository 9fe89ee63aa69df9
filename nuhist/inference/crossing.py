"""Where functions that cost a fit per value cross a level, with as few rounds of fits as possible."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from nuhist.inference.between import cubic_crossing, spline_crossing
from nuhist.inference.searches import AHEAD, End, Function, Prepare, PrepareEach, Search
from nuhist.tables import Array

_PRECISION = 1e-5  # of a crossing, of its distance from the origin
_INNER = 4  # values between the ends of a bracket
_CORRECTION = 1e-4  # of the same: by which one more value may move a guess, which is then better by far
_MISSED = 0.1  # of the height of the nearest value beside it: by which a guess may miss the level
_CUBICS = 6  # cubics by slopes until a spline is tried instead
_INWARD = 8.0  # by which steps shrink where the first value lies outside already
_NEAREST = 1e-30  # of the first value's distance: a crossing nearer to the start is the start itself
_WIDE = 3.0  # ratio of the distances of a bracket's ends, above which it is narrowed first


def find_crossings(searches: Sequence[Search], level: float, prepare: Prepare) -> list[End]:
    """:func:`find_crossings_of` functions that all need the same of a value."""

    def together(values: Sequence[Sequence[float]], *, check: bool = True) -> None:
        prepare([value for own in values for value in own], check=check)

    return find_crossings_of(searches, level, together)


def find_crossings_of(searches: Sequence[Search], level: float, prepare: PrepareEach) -> list[End]:
    """Where functions leave the region below a level.

    Of each search a few values are computed at once, until one lies outside; the last change from
    inside to outside among them counts. Between its two values, a cubic spline through a few more
    gives the crossing, and one more value corrects it; where slopes are known, the cubic through two
    values is enough. All searches share the rounds of fits.

    Parameters
    ----------
    searches, level
        See above.
    prepare
        Computes values together.

    Returns
    -------
    The end of each, to 1e-5 of its distance from the origin.
    """
    running = {number: _crossing(search, level) for number, search in enumerate(searches)}
    ends: dict[int, End] = {}
    while running:
        wanted: dict[bool, dict[int, list[float]]] = {True: {}, False: {}}
        for number in list(running):
            try:
                values, check = next(running[number])
            except StopIteration as stop:
                ends[number] = stop.value
                del running[number]
            else:
                wanted[check][number] = values
        for check, asked in wanted.items():
            if asked:
                prepare([asked.get(number, []) for number in range(len(searches))], check=check)
    return [ends[number] for number in range(len(searches))]


def find_crossing(search: Search, level: float, prepare: Prepare) -> End:
    """The same for one search."""
    return find_crossings([search], level, prepare)[0]


@dataclass(frozen=True, slots=True)
class _Bracket:
    """Neighbours of which the first is inside and the other outside; the same value at an edge."""

    inside: float
    outside: float
    regions: int = 1


# What a search wants to have computed, and whether as a result that is compared with pyhf.
_Wanted = tuple[list[float], bool]


def _crossing(search: Search, level: float) -> Generator[_Wanted, None, End]:
    bracket = yield from _outwards(search, level)
    if bracket.inside == bracket.outside:
        return End(None, regions=bracket.regions, looked_to=search.values[-1] if search.values else None)
    bracket = yield from _inwards(search, bracket, level)
    bracket = yield from _narrowed(search, bracket, level)
    bracket = yield from _finite(search, bracket, level)
    if bracket.inside == bracket.outside or np.isinf(search.function(bracket.outside)):
        return End(bracket.inside, edge=True, regions=bracket.regions)
    if search.slope is not None:
        found = yield from _by_slopes(search, search.slope, bracket, level)
        if found is not None:
            return End(found, regions=bracket.regions)
    nodes = np.linspace(bracket.inside, bracket.outside, _INNER + 2).tolist()
    yield nodes[:-1], False
    guess = spline_crossing(search.function, level, nodes)
    if guess is not None:
        yield [guess[0]], True
    value, edge = _refined(search.function, level, nodes, guess, abs(bracket.outside - search.origin))
    return End(value, edge, bracket.regions)


def _outwards(search: Search, level: float) -> Generator[_Wanted, None, _Bracket]:
    """Rounds of values until the last one lies outside; the same value twice without such a one."""
    seen, regions = 0, 1
    while seen < len(search.values):
        values = search.values[: seen + (AHEAD if seen else search.ahead)]
        yield list(values[seen:]), False
        seen = len(values)
        change = _last_change(search, search.inside, values, level)
        if search.function(values[-1]) > level:
            return change
        regions = change.regions + 1
    return _Bracket(search.inside, search.inside, regions)


def _last_change(search: Search, start: float, values: Sequence[float], level: float) -> _Bracket:
    """The last change from inside to outside among values, the first of them after a start inside."""
    found, regions, inside, before = _Bracket(start, start, 0), 0, True, start
    for value in values:
        outside = search.function(value) > level
        if inside and outside:
            regions += 1
            found = _Bracket(before, value, regions)
        inside, before = not outside, value
    return found


def _inwards(search: Search, bracket: _Bracket, level: float) -> Generator[_Wanted, None, _Bracket]:
    """Ever shorter steps, where nothing but the origin lies inside."""
    origin, nearest = search.origin, _NEAREST * abs(bracket.outside - search.origin)
    while bracket.inside == origin:
        distance = bracket.outside - origin
        values = [origin + distance * _INWARD**-power for power in range(AHEAD, 0, -1)]
        if values[0] == origin or abs(distance) < nearest:
            return _Bracket(origin, origin, bracket.regions)
        yield values, False
        if np.isinf(search.function(values[0])):  # the model ends at the origin
            return _Bracket(origin, origin, bracket.regions)
        change = _last_change(search, origin, [*values, bracket.outside], level)
        bracket = _Bracket(change.inside, change.outside, bracket.regions + change.regions - 1)
    return bracket


def _narrowed(search: Search, bracket: _Bracket, level: float) -> Generator[_Wanted, None, _Bracket]:
    """A bracket between values of much different distance from the origin, made narrower."""
    near, far = bracket.inside - search.origin, bracket.outside - search.origin
    if near == 0 or far / near < _WIDE:
        return bracket
    values = (search.origin + np.geomspace(near, far, AHEAD + 2)[1:-1]).tolist()
    yield values, False
    change = _last_change(search, bracket.inside, [*values, bracket.outside], level)
    return _Bracket(change.inside, change.outside, bracket.regions + change.regions - 1)


def _finite(search: Search, bracket: _Bracket, level: float) -> Generator[_Wanted, None, _Bracket]:
    """A bracket with a finite value outside, or a narrow one at the edge of the model."""
    while np.isinf(search.function(bracket.outside)):
        inside, outside = bracket.inside, bracket.outside
        if abs(outside - inside) <= _PRECISION * abs(outside - search.origin):
            return bracket
        if np.nextafter(inside, outside) == outside:  # the origin lies on the edge
            return bracket
        values = np.linspace(inside, outside, AHEAD + 2)[1:].tolist()
        yield values[:-1], False
        change = _last_change(search, inside, values, level)
        bracket = _Bracket(change.inside, change.outside, bracket.regions + change.regions - 1)
    return bracket


def _by_slopes(
    search: Search, slope: Function, bracket: _Bracket, level: float
) -> Generator[_Wanted, None, float | None]:
    """The crossing by cubics through two values with their slopes, ever nearer; None where that fails."""
    inside, outside = bracket.inside, bracket.outside
    yield [inside], False
    distance, guess = abs(outside - search.origin), None
    for number in range(_CUBICS):
        ends = [(search.function(value) - level, slope(value)) for value in (inside, outside)]
        guess = cubic_crossing(inside, outside, ends) if guess is None else guess
        if guess is None:
            return None
        checked = number > 0  # the first is seldom the last
        yield [guess], checked
        height, steep = search.function(guess) - level, slope(guess)
        if not (np.isfinite(height) and np.isfinite(steep) and steep != 0):
            return None
        refined = float(guess - height / steep)
        near = abs(refined - guess) <= _CORRECTION * distance
        # As of a spline: a jump is not mistaken for a crossing.
        near &= abs(height) <= _MISSED * min(-ends[0][0], ends[1][0])
        near &= min(inside, outside) <= refined <= max(inside, outside)
        if near and checked:
            return refined
        if not near:
            inside, outside = (inside, guess) if height > 0 else (guess, outside)
        guess = refined if near else None
    return None


def _neighbours(heights: Sequence[float] | Array, nodes: Sequence[float]) -> tuple[float, float]:
    above = max(int(np.argmax(np.asarray(heights) > 0)), 1)
    return nodes[above - 1], nodes[above]


def _refined(
    function: Function,
    level: float,
    nodes: Sequence[float],
    guess: tuple[float, float] | None,
    distance: float,
) -> tuple[float, bool]:
    """The crossing: a guess that one more value corrects, or a search where that is not enough.

    The function may jump there, as at an edge that other parameters push out by rounding.
    """
    inside, outside = _neighbours([function(node) - level for node in nodes], nodes)
    if guess is not None and guess[1] != 0:
        missed = function(guess[0]) - level
        refined = guess[0] - missed / guess[1]
        near = abs(refined - guess[0]) <= _CORRECTION * distance
        # Across a jump, a spline is steep, and a correction small wherever it stands.
        near &= abs(missed) <= _MISSED * min(level - function(inside), function(outside) - level)
        if near and min(inside, outside) <= refined <= max(inside, outside):
            return refined, False
    if function(inside) >= level:  # the function has changed: its minimum was not the lowest
        return inside, False
    width = outside - inside
    from scipy.optimize import brentq  # which takes a tenth of a second, and is rarely needed

    def excess(share: float) -> float:
        return function(outside if share == 1 else inside + share * width) - level

    # From 0 to 1, since a tolerance in the parameter's own units would know where its zero is.
    precision = min(_PRECISION * distance / abs(width), 0.1)
    share = float(brentq(excess, 0.0, 1.0, xtol=precision))
    before = max(share - 2 * precision, 0.0)
    jumps = excess(before) < -_MISSED * level
    return inside + (before if jumps else share) * width, jumps
