"""Where a Feldman-Cousins belt ends: which values to look at next, and how well an end is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.tables import Array

_BESIDE = 2  # stretches between values on each side of that in which an end lies, looked at as closely
_PARTS = 4  # into which a stretch is divided
_OUTWARDS = (0.5, 1.0)  # of its distance from the best fit: where to go on beyond the last value
_CLEARLY = 2.0  # standard errors of a p-value
_PRECISION = 2e-3  # of an end's distance from the best fit
_SHARE = 0.25  # of the width of its range, to which the limits of the range are known


@dataclass(frozen=True, slots=True)
class End:
    """One end of the accepted values.

    Attributes
    ----------
    value
        The first value beyond the accepted ones, or None where the last value of all is accepted.
    inside
        The accepted value beside it.
    near, far
        The range of the end that the number of toys and the spacing of the values allow together: the
        last value whose p-value lies clearly above 1 − CL, and the first from which on all lie clearly
        below. "Clearly" is two standard errors. ``far`` is None where there is no such value.
    brackets
        Neighbouring values between which the end lies, and those between which the limits of its range do.
    """

    value: float | None
    inside: float
    near: float
    far: float | None
    brackets: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends, and how many regions lie between them.

    A value splits the region where it is clearly rejected.
    """

    lower: End
    upper: End
    regions: int


def toy_error(alpha: float, toys: int) -> float:
    """Standard error of a p-value near 1 − CL from a number of toys; of even toys, an upper bound."""
    return float(np.sqrt(alpha * (1 - alpha) / toys))


def ends(values: Array, p_values: Array, alpha: float, toys: int) -> Ends:
    """The ends of the values with a p-value above ``alpha``.

    Parameters
    ----------
    values
        Values of the parameter, increasing, shape (values,). At least one is accepted, such as the best fit.
    p_values
        p-value of the data at each.
    alpha
        1 − CL.
    toys
        At each.
    """
    error = _CLEARLY * toy_error(alpha, toys)
    lower = _end(values[::-1], p_values[::-1], alpha, error)
    upper = _end(values, p_values, alpha, error)
    inside = np.flatnonzero(p_values > alpha)
    between = p_values[inside[0] : inside[-1] + 1] < alpha - error
    regions = 1 + int(np.sum(between[1:] & ~between[:-1]))
    return Ends(lower, upper, regions)


def _end(values: Array, p_values: Array, alpha: float, error: float) -> End:
    """The last end, in the order of the values."""
    last = int(np.flatnonzero(p_values > alpha)[-1])
    surely_in = np.flatnonzero(p_values > alpha + error)
    near = int(surely_in[-1]) if surely_in.size else last
    far = int(np.flatnonzero(p_values >= alpha - error)[-1]) + 1
    numbers = values.tolist()
    brackets = {(first, first + 1) for first in (near, last, far - 1) if first + 1 < values.size}
    return End(
        numbers[last + 1] if last + 1 < values.size else None,
        numbers[last],
        numbers[near],
        numbers[far] if far < values.size else None,
        tuple((numbers[first], numbers[second]) for first, second in sorted(brackets)),
    )


def next_values(
    found: Ends, values: Array, best: float, bounds: tuple[float, float], *, first: bool
) -> Array:
    """Values to throw toys at next, so that the ends are known better; none where they are known.

    Parameters
    ----------
    found, values
        The ends among the values that are known.
    best
        Where distances are measured from.
    bounds
        Bounds of the parameter: no end lies beyond.
    first
        Whether to look around the ends, as well: where counts are few, values beyond an end may be
        accepted again.
    """
    wanted: list[NDArray[np.float64]] = []
    for end, bound in ((found.lower, bounds[0]), (found.upper, bounds[1])):
        if end.value is None:
            if end.inside != bound:
                beyond = end.inside + np.array(_OUTWARDS) * (end.inside - best or bound - best)
                wanted.append(np.clip(beyond, *bounds))
            continue
        if first:
            index = int(np.searchsorted(values, min(end.inside, end.value)))
            around = values[max(index - _BESIDE, 0) : index + _BESIDE + 2]
            wanted.append(_divided(around, _PARTS))
            continue
        distance = abs(end.value - best)
        for bracket in end.brackets:
            own = bracket == (end.inside, end.value)
            enough = max(_PRECISION * distance, 0.0 if own else _SHARE * _width(end))
            if abs(bracket[1] - bracket[0]) > enough:
                wanted.append(_divided(np.sort(bracket), _PARTS))
    return np.setdiff1d(np.concatenate([np.empty(0), *wanted]), values)


def _width(end: End) -> float:
    return 0.0 if end.far is None else abs(end.far - end.near)


def _divided(values: Array, parts: int) -> Array:
    """Values, and parts - 1 more between each two."""
    shares = np.arange(parts) / parts
    between = values[:-1, None] + np.diff(values)[:, None] * shares
    divided: Array = np.append(between.ravel(), values[-1])
    return divided
