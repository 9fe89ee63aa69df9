"""Where a curve of Δχ² lies below a level: the ends of intervals and the ranges of scans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from nuhist.inference.crossing import find_crossings
from nuhist.inference.curve import Curve
from nuhist.inference.profile import Profile, retried
from nuhist.inference.reach import outwards, reach, turns
from nuhist.inference.searches import Search
from nuhist.physics.coupling import spaced

SIGMAS = (-2, -1, 0, 1, 2)
_AHEAD = 3  # doubled distances in a first round: nuisance parameters seldom widen an interval more
_JUST_BEYOND = 1 + 1e-5  # of the distance of an edge


@dataclass(frozen=True, slots=True)
class Region:
    """Where a curve lies below a level.

    Attributes
    ----------
    lower, upper
        Ends, as values of the parameter; None where it is open.
    span
        From where to where it goes: the ends, and where it is open the last value that is allowed.
    notes
        What is special about it.
    """

    lower: float | None
    upper: float | None
    span: tuple[float, float]
    notes: tuple[str, ...]


def profile_ends(profile: Curve, level: float) -> tuple[tuple[float | None, float | None], tuple[str, ...]]:
    """Ends of the region with Δχ² below a level, and notes on what is special about it.

    Returns
    -------
    Lower and upper end as values of the parameter (None where open: at the boundary of a
    parameter that cannot be negative, where the level is not reached within its bounds, or where a bin
    would expect less than nothing).
    """
    found = region(profile, level)
    return (found.lower, found.upper), found.notes


def region(profile: Curve, level: float) -> Region:
    """The region with Δχ² below a level, from the lowest to the highest value.

    Raises
    ------
    FitError
        If the curve cannot be trusted there, or a fit does not converge.
    """
    profile.refuse_broken(level)
    return retried(lambda: _region(profile, level), profile.origin)


def _region(profile: Curve, level: float) -> Region:
    best, bounds = profile.best, profile.bounds
    searches = [_search(profile, level, best, bound) for bound in bounds]
    lower, upper = find_crossings(searches, level, profile.prepare)
    notes = []
    regions = lower.regions + upper.regions - 1
    if regions > 1:
        notes.append(f"{regions} separate regions; the interval spans them all")
    span, ends = [], []
    for side, end, bound in (("below", lower, bounds[0]), ("above", upper, bounds[1])):
        is_open = end.value is None or end.edge
        last = end.last(bound)
        span.append(last)
        ends.append(None if is_open else last)
        if is_open and (side == "above" or last != 0):
            notes.append(open_end(profile, side, last, edge=end.edge))
    return Region(ends[0], ends[1], (span[0], span[1]), (*notes, *profile.remarks()))


def _search(profile: Curve, level: float, start: float, bound: float) -> Search:
    """Where to look for an end between a start and a bound."""
    sign, span = np.sign(bound - start), abs(bound - start)
    distance, edge = reach(profile.along, level, start, bound)
    if distance == span:  # below the level up to the bound
        return Search(profile, start, ())
    if distance == 0:  # the cheap curve ends at once; the other side has the scale
        other = next(other for other in profile.bounds if other != bound)
        scale = reach(profile.along, level, start, other).distance or span
        return Search(profile, start, outwards(start, bound, scale, edge=True))
    values = outwards(start, bound, 2 * distance, edge=edge)
    ahead = len(values) if profile.splits else _AHEAD
    turning = turns(profile.along, level, start, bound, distance)
    if edge:  # the model ends there, unless other parameters can move its edge
        values.insert(0, float(start + sign * distance * _JUST_BEYOND))
    if turning:
        values = sorted({*values, *turning}, key=lambda value: abs(value - start))
        ahead = max(ahead, values.index(turning[-1]) + 2)
    return Search(profile, start, values, ahead, float(start + sign * distance))


def expected_upper(profile: Profile, level: float) -> dict[str, float | None]:
    """Upper ends of the region below a level that are expected without the coupling, at -2 to +2 σ.

    Where the parameter is not negative, a best fit below 0 is at 0. With the Asimov data of the fit without
    the coupling, √Δχ² is the value in standard deviations (arXiv:1007.1727): the end of a fluctuation by n
    of these is where it is n + √level, or n + √(n² + level) where n is negative and the best fit stays at
    0. Of a parameter with a sign the median alone is known.
    """
    asimov = profile.asimov()
    return retried(lambda: _expected_upper(asimov, level), profile.origin)


def _expected_upper(asimov: Profile, level: float) -> dict[str, float | None]:
    best, high = asimov.best, asimov.bounds[1]
    known = SIGMAS if asimov.bounds[0] >= 0 else (0,)
    roots = {n: n + float(np.sqrt(level + (n**2 if n < 0 else 0))) for n in known}
    searches = []
    for root in roots.values():
        search = _search(asimov, root**2, best, high)
        searches.append(replace(search, function=partial(_share, asimov, root**2)))
    ends = dict(zip(roots, find_crossings(searches, 1.0, asimov.prepare), strict=True))
    found = {n: None if end.edge else end.value for n, end in ends.items()}
    return {f"{n:+d}" if n else "0": found.get(n) for n in SIGMAS}


def _share(curve: Profile, level: float, value: float) -> float:
    return curve(value) / level


def open_end(curve: Curve, side: str, value: float, *, edge: bool) -> str:
    """Note on an interval that is open on a side, up to a value."""
    scale = curve.coupling
    allowed = f"{scale.to_coupling(value):.3g}{spaced(scale.unit)}"
    return f"open {side}: {allowed} is still allowed; {curve.beyond(value, edge=edge)}"
