"""The whole second derivative of −2 ln L, for the few fits that Gauss-Newton steps do not bring home.

Gauss-Newton leaves out the second derivatives of the expected counts. Where a pull is large, or one
parameter bends the counts, they decide. The matrix may have negative eigenvalues away from a minimum;
their signs are turned, so that a step always leads downwards.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.compiled import CompiledModel, Index
from nuhist.inference.interpolation import alpha_bend, code4_bend
from nuhist.tables import Array

_LEAST = 1e-12  # of the largest eigenvalue


def slope_and_hessian(
    model: CompiledModel, theta: Array, data: Array, held: Array | None = None
) -> tuple[Array, Array]:
    """Gradient and second derivative of −2 ln L: (batch, parameters), (batch, parameters, parameters).

    With ``held``, shape (batch, bins),
    the second derivative is that of −2 ln L − Σ held·λ, as where λ ≥ 0 holds with these multipliers.
    """
    rates = model.rates(theta)
    slope, hessian = model.slope_and_curvature(theta, rates._replace(bent={}), data)
    safe = np.where(rates.counts > 0, rates.counts, 1.0)
    residual = 2 * np.where(rates.counts > 0, 1 - data[:, : model.bins] / safe, 1.0)
    if held is not None:
        residual = residual - held
    weights = np.zeros((len(theta), model.slots.shape[1]))
    for group in model.groups:
        weights[:, group.rows] = (residual * model.per_bin(theta, group)) @ group.templates.T
    values, slopes = model.factors(theta, slopes=True)
    bends = _bends(model, theta)
    slots = model.slots
    for first in range(len(slots)):
        for second in range(first, len(slots)):
            others = [slot for slot in range(len(slots)) if slot not in (first, second)]
            change = weights * np.prod(values[:, slots[others]], axis=1)
            if first == second:
                change = change * bends[:, slots[first]]
            else:
                change = change * slopes[:, slots[first]] * slopes[:, slots[second]]
            used = np.flatnonzero(change.any(axis=0))
            rows, columns = model.parameter[slots[first, used]], model.parameter[slots[second, used]]
            part = change[:, used].T
            np.add.at(hessian.transpose(1, 2, 0), (rows, columns), part)
            if first != second:
                np.add.at(hessian.transpose(1, 2, 0), (columns, rows), part)
    _add_bin_by_bin(model, theta, residual, hessian)
    return slope, hessian


def _add_bin_by_bin(model: CompiledModel, theta: Array, residual: Array, hessian: Array) -> None:
    """Add the products of a bin-by-bin factor with another such factor or with another parameter."""
    groups = [group for group in model.groups if group.bins]
    if not groups:
        return
    values, changes = model.rows(theta)
    products = np.prod(values, axis=1)
    target = hessian.transpose(1, 2, 0)

    def add(first: Index, second: Index, part: Array) -> None:
        np.add.at(target, (first, second), part.T)
        np.add.at(target, (second, first), part.T)

    for group in groups:
        for number, index in enumerate(group.bins):
            covered = np.flatnonzero(index >= 0)
            rest = group.without(number)
            weight = residual * model.per_bin(theta, rest)
            for parameter, local, slots in group.terms:
                change = changes[:, slots, group.rows[local]] @ group.templates[local]
                add(index[covered], np.full(covered.size, parameter), (weight * change)[:, covered])
            inside = residual * (products[:, group.rows] @ group.templates)
            for other in range(number):
                both = np.flatnonzero((index >= 0) & (group.bins[other] >= 0))
                left = model.per_bin(theta, rest.without(other))
                add(index[both], group.bins[other][both], (inside * left)[:, both])


def positive(matrices: Array) -> Array:
    """Symmetric matrices with the signs of their negative eigenvalues turned."""
    values, vectors = np.linalg.eigh(matrices)
    size = np.abs(values)
    size = np.maximum(size, _LEAST * size.max(axis=1, keepdims=True))
    return np.asarray((vectors * size[:, None]) @ vectors.transpose(0, 2, 1))


def _bends(model: CompiledModel, theta: Array) -> Array:
    """Second derivatives of all factors, shape (batch, factors)."""
    at = theta[:, model.parameter]
    bends = np.zeros_like(at)
    curves, norms = model.kind == 3, model.kind == 2
    bends[:, curves] = alpha_bend(at[:, curves])
    bends[:, norms] = code4_bend(at[:, norms], model.high[norms], model.low[norms], model.coefficients[norms])
    return bends
