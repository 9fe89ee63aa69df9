"""A batch of fits that start near each other: steps that share a second derivative and learn its changes.

Toys are thrown at a point and fitted from it. There the second derivative of 2NLL is nearly the same for all
of them: that of their mean data, in which it is linear. Its inverse, one for the whole batch, gives the first
step of each fit. What a fit's own second derivative does otherwise is learnt from how its slope has changed
along the steps before (the update of Broyden, Fletcher, Goldfarb and Shanno, in its form with few vectors).
So a step costs an exact slope and no matrix. What does not converge fast is left to
:mod:`nuhist.inference.newton`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuhist.inference.arrow import arrow
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import Derivatives
from nuhist.inference.newton_step import Limits, held_by_bounds
from nuhist.inference.structure import Index, Mask, add_to
from nuhist.tables import Array

_STEPS = 16
_NEAR = 1e-10  # of 2NLL: what such a step would still gain; the next would gain a tenth of it at most
_FALL = 0.5  # from step to step, of that gain; where it falls less, full steps are better
_FLOOR = 1e-9  # of 2NLL per squared step: what has no effect does not stop the others
_NUMBERS = 10_000_000  # in these inverses
_PATTERNS = 40  # sets of parameters that bounds hold, with an inverse each; fits with others are left out


@dataclass(frozen=True, eq=False)
class Tangent:
    """The model at one point, near which fits start.

    Attributes
    ----------
    model
        Whose.
    free
        Parameters that are fitted.
    unit
        Step of each of them, in which slope and curvature are given.
    inverse
        Inverse of the second derivative of 2NLL there for the mean data, shape (free, free); positive.
    collector
        1 where a factor of a sample belongs to a parameter: shape (factors, parameters).
    """

    model: CompiledModel
    free: Index
    unit: Array
    inverse: Array
    collector: Array

    def slope(self, theta: Array, data: Array) -> Array:
        """Gradient of −2 ln L with respect to the free parameters, shape (batch, free)."""
        model = self.model
        rates = model.rates(theta)
        possible = rates.counts > 0
        ratio = np.where(possible, data[:, : model.bins] / np.where(possible, rates.counts, 1.0), 0.0)
        residual = 2 * (1 - ratio)
        slope = model.constraint_slope(theta, data)
        weights, tilts = rates.pulls(residual)
        slope += (weights[:, model.factors.sample] * rates.slopes / rates.factors) @ self.collector
        if model.shapes.parameter.size:
            slope[:, model.shapes.parameter] += tilts
        layer = model.joined
        if layer.bins.size:
            change = residual[:, layer.span] * rates.of_layer(layer) / rates.theta[:, layer.parameter]
            add_to(slope, (layer.parameter,), change, distinct=layer.distinct)
        return np.asarray(slope[:, self.free] * self.unit)


def tangent(model: CompiledModel, point: Array, data: Array, free: Index, unit: Array) -> Tangent | None:
    """What is common to fits near a point of shape (parameters,), or None where it is of no use.

    ``data`` are their mean data, shape (bins + auxiliary,).
    """
    here = Derivatives.at(model, model.rates(point[None]), point[None], data[None])
    both, floor = unit[:, None] * unit, _FLOOR * np.eye(unit.size)
    inverse = _inverse(here.curvature(free)[0] * both + floor)
    if inverse is None:
        inverse = _inverse(here.information(free)[0] * both + floor)
    if inverse is None:
        return None
    factors = model.factors
    collector = np.zeros((factors.sample.size, model.parameters))
    used = np.flatnonzero(factors.parameter >= 0)
    collector[used, factors.parameter[used]] = 1.0
    return Tangent(model, free, unit, inverse, collector)


def _inverse(curvature: Array) -> Array | None:
    """Inverse of a curvature; None where it is not positive."""
    if not np.isfinite(curvature).all():
        return None
    structure = arrow(curvature)
    if structure is not None:
        return structure.inverse() if structure.positive else None
    try:
        np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.linalg.inv(curvature))


def descended(
    near: Tangent, theta: Array, data: Array, slope: Array, low: Array, high: Array, reach: Array
) -> tuple[Array, Mask]:
    """Where fits of a batch come by such steps, and which of them have converged.

    Parameters
    ----------
    near
        The model where they start.
    theta, data, slope
        Starts, (batch, parameters); data; and slopes there, (batch, free).
    low, high, reach
        Bounds of the free parameters, and steps that may lead to another valley.
    """
    free, unit = near.free, near.unit
    limits = Limits(low / unit, high / unit, reach / unit)
    reached, converged = theta.copy(), np.zeros(len(theta), dtype=bool)
    active, inverses = np.arange(len(theta)), dict[bytes, Array]()
    pairs: list[tuple[Array, Array, Array]] = []  # steps, changes of the slope, and 1 over their products
    at, before = theta[:, free] / unit, np.full(len(theta), np.inf)
    held = held_by_bounds(slope, at, limits)
    for _ in range(_STEPS):
        step, known = _step(near, slope, held, pairs, inverses)
        known &= (np.abs(step) <= limits.reach).all(axis=1)
        gain = np.abs(np.einsum("bi,bi->b", slope, step)) / 2
        moved = np.clip(at + step, limits.lower, limits.upper)
        point = reached[active]
        point[:, free] = np.clip(moved * unit, low, high)
        reached[active] = point
        done = known & (gain < _NEAR)
        converged[active[done]] = True
        going = known & ~done & (gain < _FALL * before)
        if not going.any():
            break
        if not going.all():
            point, active, gain = point[going], active[going], gain[going]
            moved, at, slope, held = moved[going], at[going], slope[going], held[going]
            pairs = [(steps[going], changes[going], parts[going]) for steps, changes, parts in pairs]
        after = near.slope(point, data[active])
        still = held_by_bounds(after, moved, limits)
        last, change = moved - at, after - slope
        product = np.einsum("bi,bi->b", last, change)
        pairs.append((last, change, np.where(product > 0, 1 / np.where(product > 0, product, 1.0), 0.0)))
        turned = (still != held).any(axis=1)  # what was learnt is of other parameters
        before = np.where(turned, np.inf, gain)
        for _, _, parts in pairs:
            parts[turned] = 0.0
        at, slope, held = moved, after, still
    return reached, converged


def _step(
    near: Tangent,
    slope: Array,
    held: Mask,
    pairs: list[tuple[Array, Array, Array]],
    inverses: dict[bytes, Array],
) -> tuple[Array, Mask]:
    """Steps of what bounds do not hold, and for which fits; ``inverses`` are those for what they hold."""
    left, shares = np.where(held, 0.0, slope), []
    for last, change, part in reversed(pairs):
        shares.append(part * np.einsum("bi,bi->b", last, left))
        left -= shares[-1][:, None] * change
    step, known = np.zeros_like(left), np.zeros(len(left), dtype=bool)
    for rows in _alike(held):
        key = held[rows][0].tobytes()
        if key not in inverses and len(inverses) >= min(_PATTERNS, max(2, _NUMBERS // near.inverse.size)):
            continue
        if key not in inverses:
            inverses[key] = _without(near.inverse, held[rows][0])
        step[rows] = left[rows] @ inverses[key]
        known[rows] = True
    for (last, change, part), share in zip(pairs, reversed(shares), strict=True):
        more = share - part * np.einsum("bi,bi->b", change, step)
        step += more[:, None] * last
    usable: Mask = np.asarray(np.isfinite(step).all(axis=1))
    return np.where(usable[:, None], -step, 0.0), known & usable


def _alike(held: Mask) -> list[Index | slice]:
    """Rows of fits of which bounds hold the same parameters; none where these are too many to tell."""
    columns = np.flatnonzero(held.any(axis=0))
    if not columns.size:
        return [slice(None)]
    if columns.size > _PATTERNS:
        return []
    keys = held[:, columns] @ (1 << np.arange(columns.size, dtype=np.int64))
    return [np.flatnonzero(keys == key) for key in np.unique(keys)]


def _without(inverse: Array, held: Mask) -> Array:
    """Inverse of the curvature without some parameters, for which it is 0, from that with them."""
    if not held.any():
        return inverse
    columns = inverse[:, held]
    found = inverse - columns @ np.linalg.solve(inverse[np.ix_(held, held)], columns.T)
    found[held] = found[:, held] = 0.0
    return np.asarray(found)
