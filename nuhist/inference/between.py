"""Where a curve crosses a level between values at which it is known, by cubics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nuhist.tables import Array

_PARTS, _NARROWED = 64, 7  # parts of a spline among which its crossing is looked for, and how often
_HALVED = 50  # halvings for the crossing of a cubic


def spline_crossing(
    function: Callable[[float], float], level: float, nodes: Sequence[float]
) -> tuple[float, float] | None:
    """The crossing by a spline through the nodes, and the slope there; None where there is no spline.

    The spline is the cubic one without knots at the second node and the last but one, in units of the
    distance between nodes, which are evenly spaced: a parameter's own units may overflow.
    """
    heights = np.array([function(node) - level for node in nodes])
    spacing = np.diff(nodes) * np.sign(nodes[-1] - nodes[0])
    if not (np.isfinite(heights).all() and (spacing > 0).all()):
        return None
    places = np.arange(len(nodes), dtype=np.float64)
    knots = places[2:-2]
    weights = np.linalg.solve(_cubics(places, knots), heights)
    unit = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    near = max(int(np.argmax(heights > 0)), 1) - 1.0
    if heights[int(near)] < 0 < heights[int(near) + 1]:  # where the node is the crossing itself, either sign
        step = 1.0
        for _ in range(_NARROWED):
            step /= _PARTS
            between = np.asarray(near + step * np.arange(1.0, _PARTS), dtype=np.float64)
            near += step * int(np.argmax(np.append(_cubics(between, knots) @ weights > 0, True)))
    slope = weights[1] + 2 * weights[2] * near + 3 * weights[3] * near**2
    slope += 3 * float(weights[4:] @ np.maximum(near - knots, 0.0) ** 2)
    return nodes[0] + near * unit, float(slope) / unit


def _cubics(places: Array, knots: Array) -> Array:
    """The functions of which cubic splines with knots consist, at places: (places, functions)."""
    return np.concatenate(
        [places[:, None] ** np.arange(4), np.maximum(places[:, None] - knots, 0.0) ** 3], axis=1
    )


def cubic_crossing(inside: float, outside: float, ends: Sequence[tuple[float, float]]) -> float | None:
    """Where the cubic with the heights and slopes of two ends is 0, inside of both."""
    width = outside - inside
    (below, first), (above, last) = [(height, steep * width) for height, steep in ends]
    if not below < 0 < above < np.inf:
        return None
    rise = above - below
    # Slopes that are not known, or do not go with the rise as those of other valleys: then a straight line.
    usual = first >= 0 and last >= 0 and max(first, last) <= 3 * rise
    bend, twist = (3 * rise - 2 * first - last, first + last - 2 * rise) if usual else (0.0, 0.0)
    first = first if usual else rise
    low, high = 0.0, 1.0
    for _ in range(_HALVED):
        share = (low + high) / 2
        if below + share * (first + share * (bend + share * twist)) > 0:
            high = share
        else:
            low = share
    guess = inside + high * width
    return float(guess) if min(inside, outside) < guess < max(inside, outside) else None
