"""Where else to start, once a first fit is made: a likelihood may have several minima.

Minima lie apart where counts turn along a parameter (a histosys or normsys whose two sides change them in
the same direction, a signed coupling). 2NLL is looked at along such parameters, in one batch; only what
dips there is followed. How far to look comes from the likelihood, never from the width of bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.moved import Moved
from nuhist.inference.steps import noticed_at
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

Heights = Callable[[Array], Array]
Along = Callable[[Array, Sequence[int], Array], Array]  # points, parameters, values of each

_NEAR, _FAR, _SIDE = 0.15, 4.0, 12  # typical steps, widths of a constraint, and points between them
_RATIO, _POINTS = 1.2, 70  # of the steps along the parameter of interest
_FIRST = 0.25  # of a typical step
_GAIN = 0.4  # of 2NLL: what turning counts must be able to gain at the least, for a valley of their own
_ABSURD = 100.0  # of 2NLL per term: what no fit starts from
_SPARE = 10.0  # of 2NLL: fits at other values of the parameter of interest are worse by about so much
_PROMISING = 12.0  # of 2NLL above the fit: what lies higher is hardly a way down
_SCATTERED = 24  # starts all over a small model
_PULLS, _SIZES, _AT_BOUND = 2.5, (-2.5, 1.7), 0.25  # widths of pulls; decades of factors; share at a bound
_CLEARLY = 1e-6  # of 2NLL: what is lower than the fit by more is worth a fit of its own
_MOST = 4  # further starts of a fit


def strongly_turning(model: CompiledModel, points: Array, width: Array, data: Array) -> tuple[int, ...]:
    """Parameters along which counts turn so much that 2NLL may have two minima.

    With a step of one width to both sides, the even part of the change of the counts is what turns. It
    gains at most its product with the residuals; these are those of the fit, and what a fit that is
    somewhat worse may have besides.

    Parameters
    ----------
    model
        Compiled likelihood.
    points
        Fits, shape (fits, parameters).
    width
        Step of each parameter, shape (parameters,).
    data
        Shape (bins + auxiliary,).
    """
    turning = np.array(model.turning, dtype=np.intp)
    strong = np.zeros(turning.size, dtype=bool)
    observed = data[: model.bins]
    for point in points:
        common = Moved.at(model, point[None])
        counts = np.maximum(model.expected(point[None])[0], 0.0)
        force = 2 * np.abs(observed - counts) / np.maximum(counts, 1.0)
        for place in np.flatnonzero(~strong):
            index = int(turning[place])
            up, down, middle = common.counts(index, np.array([1.0, -1.0, 0.0]) * width[index])[0]
            even = np.abs((up + down) / 2 - middle)
            size = np.sum(even**2 / (observed + 1))
            strong[place] = not np.sum(force * even) + 2 * np.sqrt(_SPARE * size) < _GAIN
    return tuple(turning[strong].tolist())


def possible_start(
    model: CompiledModel,
    initial: Array,
    data: Array,
    free: Mask,
    lower: Array,
    upper: Array,
    scale: Array,
) -> Array:
    """A start from which data are possible and not absurd, by steps of single factors.

    Where a strength is given in other units, its initial value may stand for any number of events.

    Parameters
    ----------
    model
        Compiled likelihood.
    initial, data
        Shapes (parameters,) and (bins + auxiliary,).
    free, lower, upper, scale
        Free, lower, upper and scale of the parameters.
    """
    point = np.where(free, np.clip(initial, lower, upper), initial)
    height = float(model.twice_nll(point[None], data[None])[0])
    if not np.isfinite(height):
        # A pull may start where less than nothing is expected: where its constraint is least, it does not.
        centred, terms = point.copy(), model.constraints
        centred[terms.gaussian] = data[terms.gaussian_data]
        centred = np.where(free, np.clip(centred, lower, upper), point)
        reached = float(model.twice_nll(centred[None], data[None])[0])
        point, height = (centred, reached) if np.isfinite(reached) else (point, height)
    if height < _ABSURD * (model.bins + model.constraints.sigma.size):
        return point
    loose = model.loose[free[model.loose]]
    for _ in range(2 * loose.size):
        # The one step that helps most, so that what is absurd is mended and nothing else.
        points = np.concatenate([_stepped(point, index, lower, upper, scale) for index in loose])
        found = model.twice_nll(points, data[None])
        if not found.min() < height:
            break
        gained = height - found.min()
        point, height = points[int(np.argmin(found))], float(found.min())
        if gained < 1.0:
            break
    return point


def _stepped(point: Array, index: int, lower: Array, upper: Array, scale: Array) -> Array:
    """Points with one parameter at 0 and at doubled steps to either side."""
    away = np.outer([scale[index], abs(point[index])], 2.0 ** np.arange(-50, 51)).ravel()
    points = np.tile(point, (2 * away.size + 1, 1))
    points[:, index] = np.clip(np.concatenate([[0.0], away, -away]), lower[index], upper[index])
    return points


def scattered(centre: Array, loose: Index, lower: Array, upper: Array, scale: Array, width: Array) -> Array:
    """Starts all over a small model, the same each time, shape (starts, parameters).

    Where factors without a constraint multiply templates that pulls can turn below 0, two valleys may have
    nothing to do with each other, and no curve along one parameter shows the other.

    Parameters
    ----------
    centre
        Where pulls are at their centres.
    loose
        Parameters without a constraint: factors, of any size.
    lower, upper, scale, width
        Bounds, typical steps, and widths of the constraints.
    """
    random = np.random.default_rng(0)
    shape = _SCATTERED, centre.size
    points = centre + random.uniform(-_PULLS, _PULLS, shape) * width
    size = scale[loose] * 10 ** random.uniform(*_SIZES, (_SCATTERED, loose.size))
    sign = np.where((lower[loose] < 0) & (random.random(size.shape) < 0.5), -1.0, 1.0)
    near = np.minimum(np.abs(upper[loose]), 10 ** _SIZES[1] * scale[loose])
    points[:, loose] = np.where(random.random(size.shape) < _AT_BOUND, near, sign * size)
    return np.clip(points, lower, upper)


def products_of(model: CompiledModel, loose: Index) -> Index:
    """The factors that multiply a sample which another of them multiplies, too."""
    factors = model.factors
    own = np.flatnonzero(np.isin(factors.parameter, loose) & ~factors.norm)
    several = np.bincount(factors.sample[own], minlength=factors.first.size) > 1
    return np.unique(factors.parameter[own][several[factors.sample[own]]])


def either_sign(
    model: CompiledModel, point: Array, index: int, step: float, data: Array, bounds: tuple[float, float]
) -> Array:
    """Values to either side of 0 at which a parameter changes the counts by some standard deviations."""
    middle = point.copy()
    middle[index] = np.clip(0.0, *bounds)
    points = []
    for sign, bound in ((-1.0, bounds[0]), (1.0, bounds[1])):
        value = noticed_at(model, middle, index, sign * step, data, bound)
        points += [np.where(np.arange(point.size) == index, part * value, middle) for part in (0.7, 2.0)]
    found: Array = np.clip(points, None, None)
    found[:, index] = np.clip(found[:, index], *bounds)
    return found


def valleys(
    heights: Heights,
    at: Array,
    turning: Sequence[int],
    scale: Array,
    width: Array,
    lower: Array,
    upper: Array,
    along: Along | None = None,
) -> tuple[Index, Array]:
    """Points in other valleys than those of fits, along parameters whose counts turn.

    Parameters
    ----------
    heights
        2NLL at points of shape (points, parameters).
    at
        The fits, shape (fits, parameters).
    turning
        Parameters.
    scale, width, lower, upper
        Typical step, width of the constraint, and bounds of all parameters.
    along
        The same 2NLL along some parameters from the fits, shape (fits, parameters, values), where it costs
        less.

    Returns
    -------
    Of which fit, and the points: a few for each fit, the lowest of those that promise anything.
    """
    if not turning or not len(at):
        return np.zeros(0, dtype=np.intp), at[:0]
    own = np.array(turning, dtype=np.intp)
    away = np.geomspace(_NEAR * np.minimum(scale, width)[own], _FAR * width[own], _SIDE, axis=1)
    values = np.concatenate([-away[:, ::-1], np.zeros((own.size, 1)), away], axis=1)
    values = np.clip(values, lower[own, None], upper[own, None])
    if along is None:
        shape = (len(at), own.size, 2 * _SIDE + 1)
        points = np.tile(at[:, None, None], (1, own.size, shape[2], 1))
        points[:, np.arange(own.size), :, own] = values[:, None]
        found = heights(points.reshape(-1, at.shape[1])).reshape(shape)
    else:
        found = along(at, turning, values)
    height = heights(at)[:, None]
    middle = _SIDE
    which, starts, level = [], [], []
    for side, beside in ((slice(0, middle), at[:, own] < 0), (slice(middle + 1, None), at[:, own] > 0)):
        lowest = np.argmin(found[:, :, side], axis=2) + (side.start or 0)
        there = np.take_along_axis(found, lowest[:, :, None], axis=2)[:, :, 0]
        # To the other side of the middle it must rise first, else it is the fit's own valley.
        separate = (there < found[:, :, middle]) & ~beside & (there < height + _PROMISING)
        rows, columns = np.nonzero(separate | (there < height - _CLEARLY))
        which.append(rows)
        moved = at[rows]
        moved[np.arange(rows.size), own[columns]] = values[columns, lowest[rows, columns]]
        starts.append(moved)
        level.append(there[rows, columns])
    fits, candidates = np.concatenate(which), np.concatenate(starts)
    order = np.lexsort((np.concatenate(level), fits))
    fits, candidates = fits[order], candidates[order]
    rank = np.arange(fits.size) - np.searchsorted(fits, fits)
    return fits[rank < _MOST], candidates[rank < _MOST]


def dips(heights: Heights, point: Array, index: int, step: float, lower: float, upper: float) -> Array:
    """Points where 2NLL dips along one parameter, apart from the dip that a fit lies in.

    Parameters
    ----------
    heights
        2NLL at points of shape (points, parameters).
    point
        The fit, shape (parameters,).
    index, step, lower, upper
        Index, step, lower and upper of the parameter: position, typical step, bounds.
    """
    away = _FIRST * step * _RATIO ** np.arange(_POINTS)
    values = np.concatenate(
        [point[index] - away[::-1], [point[index]], point[index] + away, -point[index] + [0.0]]
    )
    values = np.unique(np.clip(values, lower, upper))
    points = np.tile(point, (values.size, 1))
    points[:, index] = values
    found = heights(points)
    padded = np.pad(found, 1, constant_values=np.inf)
    dip = (found < padded[:-2]) & (found <= padded[2:]) & np.isfinite(found)
    own = int(np.argmin(np.abs(values - point[index])))
    while own > 0 and found[own - 1] < found[own]:
        own -= 1
    while own < values.size - 1 and found[own + 1] < found[own]:
        own += 1
    dip[own] = False
    order = np.flatnonzero(dip)
    order = order[np.argsort(found[order])][:_MOST]
    chosen: Array = points[order]
    return chosen
