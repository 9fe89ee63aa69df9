"""Derivatives of −2 ln L of a compiled model: the gradient, Gauss-Newton's curvature, and the whole one.

With w = ∂(−2 ln L)/∂λ of a bin, the second derivative is Gauss-Newton's Jᵀ (2n/λ²) J and the sum of
w ∂²λ/∂θᵢ∂θⱼ. In the logarithmic derivatives L of the samples' factors, and E of the shapes, the latter is

    Lᵀ W L + Lᵀ K + Kᵀ L,   W_s = Σ_b w λ_sb,   K_sp = Σ_b w N Γ E_sbp,

with a diagonal of its own. The whole matrix is what tells a minimum from a saddle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nuhist.inference.cells import CellRates
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.interpolation import code4_bend
from nuhist.inference.rows import RowRates
from nuhist.inference.structure import Index, add_to, diagonals, in_a_row
from nuhist.tables import Array

_LEAST = 1e-12  # of the largest eigenvalue

Rates = RowRates | CellRates


class Jacobian(NamedTuple):
    """Derivatives of the expected counts.

    ``wide`` has the shape (batch, wide parameters, bins); ``narrow``, those of bin-by-bin factors, (batch,
    bins of all layers, one after the other). ``logs`` are L, (batch, samples, wide parameters).
    """

    wide: Array
    narrow: Array
    logs: Array


def jacobian(model: CompiledModel, rates: Rates) -> Jacobian:
    """Derivatives of the expected counts with respect to all parameters."""
    logs = _logs(model, rates)
    layer = model.joined
    narrow = rates.of_layer(layer) / rates.theta[:, layer.parameter]
    return Jacobian(rates.wide(logs), narrow, logs)


def full_jacobian(model: CompiledModel, theta: Array) -> tuple[Array, Array]:
    """Expected counts (batch, bins), and all derivatives, (batch, parameters, bins)."""
    rates = model.rates(theta)
    found = jacobian(model, rates)
    full = np.zeros((len(theta), model.parameters, model.bins))
    full[:, model.wide] = found.wide
    full[:, model.joined.parameter, model.joined.bins] = found.narrow
    return rates.counts, full


def gradient(model: CompiledModel, theta: Array, data: Array) -> Array:
    """Gradient of −2 ln L, shape (batch, parameters); data of shape (batch or 1, bins + auxiliary)."""
    rates = model.rates(theta)
    residual = _residual(model, rates, data)[0]
    return model.constraint_terms(theta, data)[0] + _slope(model, jacobian(model, rates), residual)


def slope_and_curvature(
    model: CompiledModel, theta: Array, data: Array, *, whole: bool = True, held: Array | None = None
) -> tuple[Array, Array]:
    """Gradient and second derivative of −2 ln L: (batch, parameters), (batch, parameters, parameters).

    Parameters
    ----------
    theta, data
        Shapes (batch, parameters) and (batch, bins + auxiliary).
    whole
        See :meth:`Derivatives.curvature`.
    held
        Multipliers of λ ≥ 0, shape (batch, bins): the second derivative is that of −2 ln L − Σ held·λ.
    """
    here = Derivatives.at(model, model.rates(theta), theta, data)
    return here.slope, here.curvature(whole=whole, held=held)


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives of −2 ln L at points, from the expected counts and their derivatives there.

    Attributes
    ----------
    model, rates, found
        Whose, and what they are made of.
    observed, residual, weight
        Counts, and first and second derivative of −2 ln L by λ, (batch, bins) each.
    slope
        Gradient, shape (batch, parameters).
    diagonal
        Second derivative of the constraints, shape (batch, parameters).
    """

    model: CompiledModel
    rates: Rates
    found: Jacobian
    observed: Array
    residual: Array
    weight: Array
    slope: Array
    diagonal: Array

    @classmethod
    def at(cls, model: CompiledModel, rates: Rates, theta: Array, data: Array) -> Derivatives:
        """The derivatives at points of shape (batch, parameters), where the rates are known."""
        found = jacobian(model, rates)
        residual, weight = _residual(model, rates, data)
        slope, diagonal = model.constraint_terms(theta, data)
        slope += _slope(model, found, residual)
        return cls(model, rates, found, data[:, : model.bins], residual, weight, slope, diagonal)

    def curvature(self, own: Index | None = None, *, whole: bool = True, held: Array | None = None) -> Array:
        """Second derivative with respect to some parameters, or all, (batch, parameters, parameters).

        Unless whole it is Gauss-Newton's, without the second derivatives of the expected counts but for
        those of a histosys that bends, which matter where a signed coupling has two minima.
        """
        model, rates, found = self.model, self.rates, self.found
        blocks = _products(model, found, self.weight)
        pull = self.residual if held is None else self.residual - held
        if whole or model.shapes.curved.size:
            _add_bending(model, rates, found.logs, pull, blocks, whole=whole)
        if whole and model.layers:
            _add_mixed(model, rates, found, pull, blocks)
        return _in_order(model, blocks, self.diagonal, own)

    def information(self, own: Index | None = None) -> Array:
        """Curvature as expected, with respect to some parameters, or all; never negative.

        A bin weighs 1/λ, where nothing is seen at most 1: there 2NLL is straight, and no reason for short
        steps.
        """
        rates = self.rates.counts
        counts = np.where(self.observed > 0, rates, np.maximum(rates, 1.0))
        weight = np.where(rates > 0, 2 / np.where(rates > 0, counts, 1.0), 0.0)
        return _in_order(self.model, _products(self.model, self.found, weight), self.diagonal, own)


def positive(values: Array, vectors: Array) -> Array:
    """Symmetric matrices from their eigenvalues and vectors, the signs of negative eigenvalues turned."""
    size = np.abs(values)
    size = np.maximum(size, _LEAST * size.max(axis=1, keepdims=True))
    return np.asarray((vectors * size[:, None]) @ vectors.transpose(0, 2, 1))


def _residual(model: CompiledModel, rates: Rates, data: Array) -> tuple[Array, Array]:
    """First and second derivative of −2 ln L by λ, (batch, bins) each."""
    possible = rates.counts > 0
    safe = np.where(possible, rates.counts, 1.0)
    ratio = np.where(possible, data[:, : model.bins] / safe, 0.0)
    return 2 * (1 - ratio), 2 * ratio / safe


def _logs(model: CompiledModel, rates: Rates) -> Array:
    """Logarithmic derivatives of the samples' factors, shape (batch, samples, wide parameters)."""
    used, samples, places = model.log_places
    logs = np.zeros((len(rates.theta), model.factors.first.size, model.wide.size))
    logs[:, samples, places] = rates.slopes[:, used] / rates.factors[:, used]
    return logs


def _slope(model: CompiledModel, found: Jacobian, residual: Array) -> Array:
    """Gradient of the counts' part of −2 ln L, in the order of the parameters."""
    layer, blocks = model.joined, np.zeros((len(residual), model.parameters))
    blocks[:, : model.wide.size] = np.matmul(found.wide, residual[:, :, None])[:, :, 0]
    part = residual[:, layer.span] * found.narrow
    add_to(blocks, (model.joined_places,), part, distinct=layer.distinct)
    return blocks[:, model.places]


def _products(model: CompiledModel, found: Jacobian, weight: Array) -> Array:
    """Jᵀ weight J, in the order of :attr:`Arrays.blocks`."""
    size, wide, layer = model.parameters, model.wide.size, model.joined
    blocks = np.zeros((len(weight), size, size))
    if model.acting is None:
        np.matmul(found.wide * weight[:, None], found.wide.transpose(0, 2, 1), out=blocks[:, :wide, :wide])
    else:
        for channel, acting in zip(model.channels, model.acting, strict=True):
            slopes = found.wide[:, acting, channel.bins]
            product = np.matmul(slopes * weight[:, None, channel.bins], slopes.transpose(0, 2, 1))
            blocks[:, acting[:, None], acting] += product
    if not layer.bins.size:
        return blocks
    beside = found.wide[:, :, layer.span] * (weight[:, layer.span] * found.narrow)[:, None]
    _add_beside(model, blocks, beside)
    flat, own = blocks.reshape(len(weight), -1), model.places[layer.parameter] * (size + 1)
    add_to(flat, (own,), weight[:, layer.span] * found.narrow**2, distinct=layer.distinct)
    pairs = model.pairs
    part = weight[:, pairs.bins] * found.narrow[:, pairs.first] * found.narrow[:, pairs.second]
    _add_pairs(model, blocks, part)
    return blocks


def _add_beside(model: CompiledModel, blocks: Array, part: Array) -> None:
    """Add what the parameters of all layers have in common with the wide ones, (batch, wide, bins)."""
    wide, turned = model.wide.size, part.transpose(0, 2, 1)
    for target in (blocks[:, :wide].transpose(0, 2, 1), blocks[:, :, :wide]):
        add_to(target, (model.joined_places,), turned, distinct=model.joined.distinct)


def _add_pairs(model: CompiledModel, blocks: Array, part: Array) -> None:
    """Add what two layers have in common."""
    rows, columns = model.pairs.row, model.pairs.column
    if rows.size:
        add_to(blocks, (rows, columns), part)
        add_to(blocks, (columns, rows), part)


def _in_order(model: CompiledModel, blocks: Array, diagonal: Array, own: Index | None) -> Array:
    """A matrix of some parameters, or all in their order, with a diagonal added."""
    places = model.places if own is None else model.places[own]
    found = in_a_row(places)
    curvature = blocks[:, found, found] if isinstance(found, slice) else blocks[:, places[:, None], places]
    diagonals(curvature)[:] += diagonal if own is None else diagonal[:, own]
    return curvature


def _add_mixed(model: CompiledModel, rates: Rates, found: Jacobian, pull: Array, blocks: Array) -> None:
    """Add the second derivatives of the counts by a bin-by-bin factor and another parameter."""
    layer, pairs = model.joined, model.pairs
    factors = rates.theta[:, layer.parameter]
    force = pull[:, layer.span] / factors
    _add_beside(model, blocks, rates.mixed(found.wide, found.logs, layer) * force[:, None])
    if pairs.bins.size:
        both = factors[:, pairs.first] * factors[:, pairs.second]
        _add_pairs(model, blocks, pull[:, pairs.bins] * rates.common(pairs.bins, pairs.cells) / both)


def _by_channel(model: CompiledModel, logs: Array, right: Array) -> Array:
    """Logsᵀ right, both of shape (batch, samples, wide): of each channel what changes it alone."""
    if model.acting is None:
        return np.asarray(np.matmul(logs.transpose(0, 2, 1), right))
    found = np.zeros((len(logs), model.wide.size, model.wide.size))
    for channel, acting in zip(model.channels, model.acting, strict=True):
        own = logs[:, channel.samples, acting].transpose(0, 2, 1)
        found[:, acting[:, None], acting] += np.matmul(own, right[:, channel.samples, acting])
    return found


def _add_bending(
    model: CompiledModel, rates: Rates, logs: Array, pull: Array, blocks: Array, *, whole: bool
) -> None:
    """Add the second derivatives of the counts times ∂(−2 ln L)/∂λ; only those of curves unless whole."""
    factors, wide = model.factors, model.wide.size
    weights, tilts, bends = rates.moments(pull)
    shaped = model.shaped
    diagonal = np.zeros((len(pull), wide))
    diagonal[:, model.curving] = bends
    if whole:
        right = logs * (weights[:, :, None] / 2)
        right[:, :, shaped] += tilts
        half = _by_channel(model, logs, right)
        own = diagonals(half)
        own[:] = 0.0  # one factor's own is not the square of its logarithm's
        own[:, shaped] = np.einsum("bsp,bsp->bp", logs[:, :, shaped], tilts)
        norms = factors.norms
        if norms.size:
            bend = code4_bend(rates.theta[:, factors.pulls], *factors.sides)
            part = weights[:, factors.sample[norms]] * bend / rates.factors[:, norms]
            order, first, places = model.bent_order
            diagonal[:, places] += np.add.reduceat(part[:, order], first, axis=1)
        blocks[:, :wide, :wide] += half
        blocks[:, :wide, :wide] += half.transpose(0, 2, 1)
    diagonals(blocks)[:, :wide] += diagonal
