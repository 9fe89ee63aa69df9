"""Derivatives of −2 ln L of a compiled model: the gradient, Gauss-Newton's curvature, and the whole one.

With w = ∂(−2 ln L)/∂λ of a bin, the second derivative is Gauss-Newton's Jᵀ (2n/λ²) J and the sum of
w ∂²λ/∂θᵢ∂θⱼ. In the logarithmic derivatives L of the samples' factors, and E of the shapes, the latter is

    Lᵀ W L + Lᵀ K + Kᵀ L,   W_s = Σ_b w λ_sb,   K_sp = Σ_b w N Γ E_sbp,

with a diagonal of its own. The whole matrix is what tells a minimum from a saddle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nuhist.inference.cells import CellRates
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.interpolation import code4_bend
from nuhist.inference.rows import RowRates
from nuhist.inference.structure import Index, add_to
from nuhist.tables import Array

_LEAST = 1e-12  # of the largest eigenvalue

Rates = RowRates | CellRates


class Jacobian(NamedTuple):
    """Derivatives of the expected counts.

    ``wide`` has the shape (batch, wide parameters, bins); ``narrow`` has, for each layer of bin-by-bin
    factors, (batch, bins of the layer). ``logs`` are L, (batch, samples, wide parameters).
    """

    wide: Array
    narrow: tuple[Array, ...]
    logs: Array


def jacobian(model: CompiledModel, rates: Rates) -> Jacobian:
    """Derivatives of the expected counts with respect to all parameters."""
    logs = _logs(model, rates)
    narrow = tuple(rates.of_layer(layer) / rates.theta[:, layer.parameter] for layer in model.layers)
    return Jacobian(rates.wide(logs), narrow, logs)


def full_jacobian(model: CompiledModel, theta: Array) -> tuple[Array, Array]:
    """Expected counts (batch, bins), and all derivatives, (batch, parameters, bins)."""
    rates = model.rates(theta)
    found = jacobian(model, rates)
    full = np.zeros((len(theta), model.parameters, model.bins))
    full[:, model.wide] = found.wide
    for layer, change in zip(model.layers, found.narrow, strict=True):
        full[:, layer.parameter, layer.bins] = change
    return rates.counts, full


def gradient(model: CompiledModel, theta: Array, data: Array) -> Array:
    """Gradient of −2 ln L, shape (batch, parameters); data of shape (batch or 1, bins + auxiliary)."""
    rates = model.rates(theta)
    found = jacobian(model, rates)
    possible = rates.counts > 0
    ratio = np.where(possible, data[:, : model.bins] / np.where(possible, rates.counts, 1.0), 0.0)
    residual = 2 * (1 - ratio)
    slope = model.constraint_terms(theta, data)[0]
    slope[:, model.wide] += np.matmul(found.wide, residual[:, :, None])[:, :, 0]
    for layer, change in zip(model.layers, found.narrow, strict=True):
        add_to(slope, (layer.parameter,), residual[:, layer.bins] * change)
    return slope


def slope_and_curvature(
    model: CompiledModel, theta: Array, data: Array, *, whole: bool = True, held: Array | None = None
) -> tuple[Array, Array]:
    """Gradient and second derivative of −2 ln L: (batch, parameters), (batch, parameters, parameters).

    Parameters
    ----------
    theta, data
        Shapes (batch, parameters) and (batch, bins + auxiliary).
    whole
        Else Gauss-Newton's curvature, without the second derivatives of the expected counts but for those
        of a histosys that bends, which matter where a signed coupling has two minima.
    held
        Multipliers of λ ≥ 0, shape (batch, bins): the second derivative is that of −2 ln L − Σ held·λ.
    """
    rates = model.rates(theta)
    found = jacobian(model, rates)
    observed = data[:, : model.bins]
    possible = rates.counts > 0
    safe = np.where(possible, rates.counts, 1.0)
    ratio = np.where(possible, observed / safe, 0.0)
    residual, weight = 2 * (1 - ratio), 2 * ratio / safe
    slope, diagonal = model.constraint_terms(theta, data)
    wide = model.wide
    slope[:, wide] += np.matmul(found.wide, residual[:, :, None])[:, :, 0]
    weighted = found.wide * weight[:, None]
    inner = np.matmul(weighted, found.wide.transpose(0, 2, 1))
    pull = residual if held is None else residual - held
    if whole or model.shapes.curved.size:
        _add_bending(model, rates, found.logs, pull, inner, whole=whole)
    if wide.size == model.parameters:
        curvature = inner
    else:
        curvature = np.zeros((len(theta), model.parameters, model.parameters))
        curvature[:, wide[:, None], wide] = inner
    for layer, change in zip(model.layers, found.narrow, strict=True):
        add_to(slope, (layer.parameter,), residual[:, layer.bins] * change)
        mixed = weighted[:, :, layer.bins] * change[:, None]
        if whole:
            force = pull[:, layer.bins] / rates.theta[:, layer.parameter]
            mixed = mixed + rates.mixed(found.wide, found.logs, layer) * force[:, None]
        add_to(curvature, (wide[:, None], layer.parameter), mixed)
        add_to(curvature, (layer.parameter[:, None], wide), mixed.transpose(0, 2, 1))
        add_to(curvature, (layer.parameter, layer.parameter), weight[:, layer.bins] * change**2)
    for pair in model.common:
        _add_pair(model, rates, found, pair, weight, pull if whole else None, curvature)
    index = np.arange(model.parameters)
    curvature[:, index, index] += diagonal
    return slope, curvature


def positive(values: Array, vectors: Array) -> Array:
    """Symmetric matrices from their eigenvalues and vectors, the signs of negative eigenvalues turned."""
    size = np.abs(values)
    size = np.maximum(size, _LEAST * size.max(axis=1, keepdims=True))
    return np.asarray((vectors * size[:, None]) @ vectors.transpose(0, 2, 1))


def _places(model: CompiledModel, parameters: Index) -> Index:
    """Positions among the wide parameters."""
    return np.searchsorted(model.wide, parameters)


def _logs(model: CompiledModel, rates: Rates) -> Array:
    """Logarithmic derivatives of the samples' factors, shape (batch, samples, wide parameters)."""
    factors = model.factors
    logs = np.zeros((len(rates.theta), factors.first.size, model.wide.size))
    used = np.flatnonzero(factors.parameter >= 0)
    places = _places(model, factors.parameter[used])
    logs[:, factors.sample[used], places] = rates.slopes[:, used] / rates.factors[:, used]
    return logs


def _add_pair(
    model: CompiledModel,
    rates: Rates,
    found: Jacobian,
    pair: tuple[int, int],
    weight: Array,
    pull: Array | None,
    curvature: Array,
) -> None:
    """Add what two layers of bin-by-bin factors have in common."""
    one, two = (model.layers[index] for index in pair)
    bins, first, second = model.common[pair]
    part = weight[:, bins] * found.narrow[pair[0]][:, first] * found.narrow[pair[1]][:, second]
    rows, columns = one.parameter[first], two.parameter[second]
    if pull is not None:
        common = rates.common(bins, one.cells[first] & two.cells[second])
        part += pull[:, bins] * common / (rates.theta[:, rows] * rates.theta[:, columns])
    add_to(curvature, (rows, columns), part)
    add_to(curvature, (columns, rows), part)


def _add_bending(
    model: CompiledModel, rates: Rates, logs: Array, pull: Array, target: Array, *, whole: bool
) -> None:
    """Add the second derivatives of the counts times ∂(−2 ln L)/∂λ; only those of curves unless whole."""
    factors, shapes = model.factors, model.shapes
    weights, tilts, bends = rates.moments(pull)
    curved = _places(model, shapes.parameter[shapes.curved])
    target[:, curved, curved] += bends
    if not whole:
        return
    second = np.matmul((logs * weights[:, :, None]).transpose(0, 2, 1), logs)
    index = np.arange(model.wide.size)
    second[:, index, index] = 0.0
    norms = factors.norms
    if norms.size:
        at = rates.theta[:, factors.parameter[norms]]
        sides = factors.high[norms], factors.low[norms], factors.coefficients[norms]
        part = weights[:, factors.sample[norms]] * code4_bend(at, *sides) / rates.factors[:, norms]
        own = _places(model, factors.parameter[norms])
        add_to(second, (own, own), part)
    if shapes.parameter.size:
        places = _places(model, shapes.parameter)
        cross = np.matmul(logs.transpose(0, 2, 1), tilts)
        second[:, :, places] += cross
        second[:, places] += cross.transpose(0, 2, 1)
    target += second
