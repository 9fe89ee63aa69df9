"""Where 2NLL is computed for contours: on a grid of two parameters, or along a narrow valley."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import FitError
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.profile import Profile
from nuhist.inference.region import region
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_POINTS = 41  # on each side of the grid: a line between two is right to a thousandth of the axes, three
# thousandths where 2NLL rises as steeply as that of the square of a coupling does
_FINER = 81  # where a region is narrow or in parts, and is no valley
# Of the points: fits that need other minimisers, with which further ones would take minutes.
_HARD = 0.002
_MARGIN = 0.08  # of the range of a contour: how much further the grid goes
_DOUBLED = 16  # times that a valley is made wider, at the end to its whole range
_UNEVEN = 16.0  # times as wide as elsewhere: a valley that is more has a width of its own at each place
LOWER = 1e-5  # of 2NLL: a grid that finds a minimum lower by more begins again from there
THIN = (
    "parts of a region are thinner than a step of the grid, or change with it, so that lines may be broken"
    " or missing there"
)


@dataclass(frozen=True, eq=False)
class Surface:
    """2NLL at points of two parameters.

    Attributes
    ----------
    x, y
        Values of both, shape (rows, columns); x is the same in each column.
    heights
        2NLL with all others fitted.
    lowest
        The lowest fit.
    hard
        How many of the fits needed other minimisers, and found a value.
    """

    x: Array
    y: Array
    heights: Array
    lowest: Minimum
    hard: int

    def lines(
        self, scales: Sequence[CouplingScale], best: float, threshold: float, top: float
    ) -> list[Array]:
        """Lines of couplings along which 2NLL is higher than the best one by a threshold.

        Parameters
        ----------
        scales
            Couplings that both parameters stand for.
        best, threshold
            2NLL at the best fit, and how far above it.
        top
            Threshold of the highest line that is drawn: what is infinite would have no line beside it.
        """
        from contourpy import contour_generator

        above = np.clip(self.heights - best, 0.0, 2 * top + 10)
        shown = [shown_as(side, scale) for side, scale in zip((self.x, self.y), scales, strict=True)]
        # The root of a parabola is straight along a ray, so that lines between two points are nearer.
        generator: Any = contour_generator(x=shown[0], y=shown[1], z=np.sqrt(above))
        found: list[Array] = generator.lines(np.sqrt(threshold))
        return found


def surface_of(
    likelihood: Likelihood,
    best: Minimum,
    held: Sequence[int],
    scales: Sequence[CouplingScale],
    thresholds: Sequence[float],
) -> tuple[Surface, bool]:
    """2NLL where contours are drawn, and whether each region is wide enough for that everywhere.

    Where a region is narrow or in parts on a grid, points follow the valley of 2NLL along one of the
    parameters; where it has none that is single, a finer grid says whether the number of parts stays.

    Parameters
    ----------
    likelihood, best
        Whose best fit.
    held, scales
        Positions of the two parameters, and the couplings that they stand for.
    thresholds
        Above the best 2NLL.
    """
    top = max(thresholds)
    sides = [_side(likelihood, best, scale, top, _POINTS) for scale in scales]
    found = _fitted(likelihood, best, held, *np.meshgrid(*sides))

    def parts(surface: Surface) -> list[int]:
        return [len(surface.lines(scales, best.twice_nll, each, top)) for each in thresholds]

    def is_wide(surface: Surface) -> bool:
        return all(_is_wide(surface.heights - best.twice_nll < each) for each in thresholds)

    before = parts(found)
    if found.lowest.twice_nll < best.twice_nll - LOWER or (max(before) <= 1 and is_wide(found)):
        return found, True
    if found.hard > _HARD * found.heights.size:
        return found, False
    for along in (0, 1):
        valley = _valley(likelihood, best, held, found, top, along)
        if valley is not None and is_wide(valley):
            return valley, True
    sides = [_side(likelihood, best, scale, top, _FINER) for scale in scales]
    found = _fitted(likelihood, best, held, *np.meshgrid(*sides))
    return found, parts(found) == before and is_wide(found)


def _is_wide(inside: NDArray[np.bool_]) -> bool:
    """Whether some point of a region has all its neighbours in it; points beyond the edge count."""
    padded = np.pad(inside, 1, constant_values=True)
    whole = padded[1:-1, 1:-1].copy()
    for step in (padded[2:, 1:-1], padded[:-2, 1:-1], padded[1:-1, 2:], padded[1:-1, :-2]):
        whole &= step
    return bool(whole.any())


def _valley(
    likelihood: Likelihood, best: Minimum, held: Sequence[int], grid: Surface, top: float, along: int
) -> Surface | None:
    """2NLL around the points where it is least for each value of one parameter.

    None where the region that the grid has found goes beyond what is around them.
    """
    across = 1 - along
    ways = (grid.x[0], grid.y[:, 0])
    way, other = ways[along], ways[across]
    low, high = likelihood.lower[held[across]], likelihood.upper[held[across]]
    points = np.tile(best.parameters, (way.size, 1))
    points[:, held[along]] = way
    ridge, _ = _fits(likelihood, points, [held[along]])
    middle = np.array([fit.parameters[held[across]] for fit in ridge])

    def at(values: Array) -> Surface:
        rows = np.clip(values, low, high)
        columns = np.broadcast_to(way, rows.shape)
        pair = (columns, rows) if along == 0 else (rows, columns)
        return _fitted(likelihood, best, held, *pair)

    width = np.full(way.size, (other[-1] - other[0]) / 2**_DOUBLED)
    for _ in range(_DOUBLED):
        ends = at(np.stack([middle - width, middle + width])).heights - best.twice_nll
        inner = np.stack([middle - width > low, middle + width < high])
        short = (inner & (ends < top)).any(axis=0)
        if not short.any():
            break
        width[short] *= 2
    within = at(middle[None]).heights[0] - best.twice_nll < top
    if width.max() < _UNEVEN * width[within].min(initial=np.inf):
        width[:] = width.max()  # lines are the straightest between points of even rows
    else:
        width = np.max([width, np.append(width[1:], 0.0), np.append(0.0, width[:-1])], axis=0)
    inside = (grid.heights if along == 0 else grid.heights.T) - best.twice_nll < top
    if (inside & (np.abs(other[:, None] - middle) > width)).any():
        return None
    return at(middle + np.linspace(-1.1, 1.1, _POINTS)[:, None] * width)


def _side(likelihood: Likelihood, best: Minimum, scale: CouplingScale, level: float, number: int) -> Array:
    """Values of one parameter over the range of the outermost contour: that of its own profile."""
    profile = Profile(replace(likelihood, poi=scale), fitted=best)
    low, high = region(profile, level).span
    margin = _MARGIN * (high - low)
    bottom, top = profile.bounds
    ends = max(low - margin, bottom), min(high + margin, top)
    if scale.power == 1 or ends[0] < 0:
        return np.linspace(*ends, number)
    # Even in the coupling, which the lines are drawn in.
    first, last = map(scale.to_coupling, ends)
    return np.array([ends[0], *map(scale.to_parameter, np.linspace(first, last, number)[1:-1]), ends[1]])


def shown_as(values: Array, scale: CouplingScale) -> Array:
    """The same values as couplings; below zero an even power has none, and all are 0 there."""
    return np.array([scale.to_coupling(value) for value in values.ravel().tolist()]).reshape(values.shape)


def _fitted(likelihood: Likelihood, best: Minimum, held: Sequence[int], x: Array, y: Array) -> Surface:
    points = np.tile(best.parameters, (x.size, 1))
    points[:, held[0]], points[:, held[1]] = x.ravel(), y.ravel()
    found, hard = _fits(likelihood, points, held)
    heights = np.array([fit.twice_nll for fit in found]).reshape(x.shape)
    return Surface(x, y, heights, min(found, key=lambda fit: fit.twice_nll), hard)


def _fits(likelihood: Likelihood, points: Array, held: Sequence[int]) -> tuple[list[Minimum], int]:
    """Fits at points, and how many of them needed other minimisers and found a value."""
    fits = likelihood.minimise_held(points, held, check=False)
    names = [likelihood.names[index] for index in held]
    found: list[Minimum] = []
    for point, fit in zip(points, fits, strict=True):
        fixed = {name: float(point[index]) for name, index in zip(names, held, strict=True)}
        found.append(fit or _alone(likelihood, fixed, point))
    ends = [end.twice_nll for fit, end in zip(fits, found, strict=True) if fit is None]
    some_free = (~np.array(likelihood.constant)).sum() > len(held)
    hard = int(np.isfinite(ends).sum()) if some_free else 0
    return found, hard


def _alone(likelihood: Likelihood, fixed: dict[str, float], point: Array) -> Minimum:
    """One fit; infinite where the model has no density."""
    try:
        return likelihood.minimise(fixed, point)
    except FitError:
        if np.isfinite(likelihood.twice_nll(point)):
            raise
        return Minimum(point, np.inf)
