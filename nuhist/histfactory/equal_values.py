"""Which of many values are one but for rounding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from nuhist.tables import Array

_SAME = 1e-12  # relative: the same number computed in two ways
_ZERO = 1e-14  # of the largest value: what subtractions leave of 0
_PRINTED = 1e-5  # relative: the same number printed with six digits, or in 32 bits,
_COPIES = 3  # if they are no more than these: else they are a fine scan
_APART = 1e-3  # both only if their distance is no more than this beside that to other points


def equal_runs(values: Sequence[float]) -> list[range]:
    """Which values are one point: equal but for rounding.

    Values are the same number where they differ by no more than two ways to compute it. Values that
    agree in their first digits only, as one number does that was printed or held in 32 bits, and what
    subtractions leave of 0, are one point where their distance is next to nothing beside that to the
    other points.

    Parameters
    ----------
    values
        Increasing.

    Returns
    -------
    Positions of the values of each point.

    Examples
    --------
    >>> equal_runs([-1.0, 0.0, 6e-17, 0.333333, 1 / 3, 1.0])
    [range(0, 1), range(1, 3), range(3, 5), range(5, 6)]
    """
    found = np.asarray(values, dtype=np.float64)
    zero = _ZERO * float(np.abs(found).max(initial=0.0))
    numbers = _joined(found, _SAME)
    numbers = _merged(found, numbers, _joined(found[[run.start for run in numbers]], 0.0, zero), len(numbers))
    printed = _joined(found[[run.start for run in numbers]], _PRINTED)
    return _merged(found, numbers, printed, _COPIES)


def _merged(values: Array, points: Sequence[range], runs: Iterable[range], most: int) -> list[range]:
    """Points of each run put together, where they are not too many and all others are far away."""
    first = values[[point.start for point in points]]
    gaps = np.diff(first)
    merged: list[range] = []
    for run in runs:
        outer = [gaps[gap] for gap in (run.start - 1, run.stop - 1) if 0 <= gap < gaps.size]
        width = first[run.stop - 1] - first[run.start]
        parts = points[run.start : run.stop]
        one = len(run) <= most and width <= _APART * min(outer, default=0.0)
        merged += [range(parts[0].start, parts[-1].stop)] if one else parts
    return merged


def _joined(values: Array, relative: float, absolute: float = 0.0) -> list[range]:
    """Runs of increasing values in which each is no further from the next than a tolerance."""
    magnitude = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    apart = np.flatnonzero(np.diff(values) > np.maximum(relative * magnitude, absolute)) + 1
    return [range(start, stop) for start, stop in pairwise([0, *apart.tolist(), values.size])]


def distinct(values: Iterable[float]) -> list[float]:
    """Values in order, each once: of those that are equal up to rounding, the shortest to write.

    Examples
    --------
    >>> distinct([0.3, 0.7, 0.1 + 0.2, 1e-17])
    [0.0, 0.3, 0.7]
    """
    found = sorted(float(value) for value in values)
    kept = [
        min((found[index] for index in run), key=lambda value: (len(repr(value)), abs(value)))
        for run in equal_runs(found)
    ]
    with_zero = sorted([*kept, 0.0])
    left = [run for run in equal_runs(with_zero) if len(run) == 2 and with_zero.index(0.0) in run]
    rounded = {with_zero[index] for run in left for index in run}
    return [0.0 if value in rounded else value for value in kept]
