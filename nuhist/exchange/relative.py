"""Errors of bins as parts of their counts, as ROOT has those of a shapesys, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nuhist.tables import Array

_DIGITS = 15  # that a number keeps, however it is written


def relative(errors: Sequence[float], counts: Sequence[float] | Array) -> list[float]:
    """Errors divided by counts; 0 where nothing is expected, whose bins pyhf and ROOT keep constant."""
    numbers = np.asarray(counts, dtype=np.float64)
    found: list[float] = np.divide(errors, numbers, out=np.zeros_like(numbers), where=numbers > 0).tolist()
    return found


def absolute(parts: Sequence[float], counts: Sequence[float]) -> list[float]:
    """Errors of which :func:`relative` makes these parts.

    Product and quotient are rounded, so several numbers have one quotient: the one with the fewest digits
    is taken, up to 15, which is the one that somebody wrote.

    Examples
    --------
    >>> relative([2.5], [34.7])[0] * 34.7
    2.5000000000000004
    >>> absolute(relative([2.5], [34.7]), [34.7])
    [2.5]
    """
    return [_shortest(part, count) for part, count in zip(parts, counts, strict=True)]


def _shortest(part: float, count: float) -> float:
    error = part * count
    short = float(f"{error:.{_DIGITS}g}")
    return short if count > 0 and short / count == part else error
