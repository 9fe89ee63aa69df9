"""A batch of fits that start at one point: Newton steps with the derivatives of the rates at that point.

Toys are thrown at a point and fitted from it. There the Jacobian J of the expected counts is the same
for all of them, and close by it hardly changes. With it the curvature 2 J diag(n/λ²) Jᵀ is one product of
matrices for the whole batch, (n/λ²) times the bins' products of derivatives, and the slope, which must be
exact, needs no Jacobian: it is summed over the rows of templates first. The curvature only guides the
steps, so that single precision is enough for it. A step costs a third of a full one. What has not
converged after a few steps is left to :mod:`nuhist.inference.newton`'s full ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.compiled import CompiledModel, Group, Index
from nuhist.tables import Array

SingleArray = NDArray[np.float32]

_LARGEST = 1_000_000  # numbers in the products of derivatives


@dataclass(frozen=True, eq=False)
class Tangent:
    """Derivatives of the expected counts at one point.

    Attributes
    ----------
    model
        Whose.
    free
        Parameters that are fitted.
    unit
        Step of each of them, in which slope and curvature are given.
    products
        Of the derivatives with respect to any two free parameters, shape (bins, free²).
    collectors
        For each group, 1 where a slot of a row belongs to a parameter, shape (slots · rows, parameters).
    """

    model: CompiledModel
    free: Index
    unit: Array
    products: SingleArray
    collectors: tuple[Array, ...]

    def slope_and_curvature(self, theta: Array, data: Array) -> tuple[Array, SingleArray]:
        """Gradient of −2 ln L, exact, and its curvature with the Jacobian of the point."""
        model, free = self.model, self.free
        values, changes = model.rows(theta)
        products = np.prod(values, axis=1)
        inside = [products[:, group.rows] @ group.templates for group in model.groups]
        gammas = [model.per_bin(theta, group) if group.bins else None for group in model.groups]
        counts = sum(
            rates if gamma is None else gamma * rates for rates, gamma in zip(inside, gammas, strict=True)
        )
        safe = np.where(counts > 0, counts, 1.0)
        ratio = np.where(counts > 0, data[:, : model.bins] / safe, 0.0)
        residual = 2 * (1 - ratio)
        slope, diagonal = model.constraint_terms(theta, data)
        for group, collector, rates, gamma in zip(model.groups, self.collectors, inside, gammas, strict=True):
            pulled = residual if gamma is None else residual * gamma
            change = changes[:, :, group.rows] * (pulled @ group.templates.T)[:, None]
            slope += change.reshape(len(theta), -1) @ collector
            for number, index in enumerate(group.bins):
                covered = np.flatnonzero(index >= 0)
                effect = residual * model.per_bin(theta, group.without(number)) * rates
                np.add.at(slope.T, index[covered], effect[:, covered].T)
        size = free.size
        weight = (2 * ratio / safe).astype(np.float32)
        curvature = (weight @ self.products).reshape(-1, size, size)
        along = np.arange(size)
        curvature[:, along, along] += diagonal[:, free] * self.unit**2
        return slope[:, free] * self.unit, curvature


def tangent(model: CompiledModel, point: Array, free: Index, unit: Array) -> Tangent | None:
    """Derivatives at a point of shape (parameters,), or None where they are of no use."""
    # Where counts turn along a parameter, such as a signed coupling, the derivatives change most.
    if model.turning or model.bins * free.size**2 > _LARGEST:
        return None
    jacobian = model.rates(point[None]).jacobian[0, free] * unit[:, None]
    products = (jacobian[:, None] * jacobian).reshape(free.size**2, -1)
    collectors = tuple(_collector(group, len(model.slots), model.parameters) for group in model.groups)
    return Tangent(model, free, unit, np.ascontiguousarray(products.T, dtype=np.float32), collectors)


def _collector(group: Group, slots: int, parameters: int) -> Array:
    belongs = np.zeros((slots, group.rows.size, parameters))
    for parameter, rows, places in group.terms:
        belongs[places, rows, parameter] = 1.0
    return belongs.reshape(-1, parameters)
