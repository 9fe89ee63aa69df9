"""Which bounds and scales of a parameter of interest nuhist finds, beside those that a hypothesis states.

So a workspace without a sidecar says which ones it has.
"""

from __future__ import annotations

from itertools import product
from math import ceil, isclose, log10

_DECADES = 18  # outwards and inwards, by which a stated reference may be off
# By how much bounds are moved. Found scales begin with 3, and none that is stated does: so that bounds over
# their scale are never those that are stated.
OUTWARDS = tuple(digit * 10.0**decade for decade, digit in product(range(_DECADES), (2.0, 5.0, 10.0)))
INWARDS = tuple(reversed([float(f"1e-{decade}") for decade in range(2, _DECADES)]))
_DIGIT = 3


def found_scale(needed: float) -> float:
    """The least found scale that is as large as needed.

    Examples
    --------
    >>> found_scale(2e4), found_scale(4e4)
    (30000.0, 300000.0)
    """
    return float(f"{_DIGIT}e{ceil(log10(needed / _DIGIT))}")


def is_found_scale(scale: float) -> bool:
    """Whether a scale is a found one."""
    return scale > 0 and isclose(scale, found_scale(scale * (1 - 1e-9)))


def is_moved(bound: float, stated: float) -> bool:
    """Whether a bound is the stated one, or that one moved."""
    if stated == 0.0:
        return bound == 0.0
    return any(isclose(bound / stated, factor) for factor in (*INWARDS, 1.0, *OUTWARDS))
