"""A batch of fits that start at one point: Newton steps with the derivatives of the rates at that point.

Toys are thrown at a point and fitted from it. There the Jacobian J of the expected counts is the same
for all of them, and close by it hardly changes. With it the curvature 2 J diag(n/λ²) Jᵀ is one product of
matrices for the whole batch, (n/λ²) times the bins' products of derivatives, and the slope, which must be
exact, needs no Jacobian: it is summed over the bins first. The curvature only guides the steps, so that
single precision is enough for it. A step costs a third of a full one. What has not converged after a few
steps is left to :mod:`nuhist.inference.newton`'s full ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian
from nuhist.inference.rows import RowRates, Rows
from nuhist.inference.structure import Index, add_to
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
    rows
        The model in rows of templates.
    collector, tilts
        1 where a factor of a sample, or the shape of a row, belongs to a parameter: shapes
        (factors, parameters) and (rows, parameters); None where no shape changes.
    """

    model: CompiledModel
    free: Index
    unit: Array
    products: SingleArray
    rows: Rows
    collector: Array
    tilts: Array | None

    def slope_and_curvature(self, theta: Array, data: Array) -> tuple[Array, SingleArray]:
        """Gradient of −2 ln L, exact, and its curvature with the Jacobian of the point."""
        model, free = self.model, self.free
        rates = RowRates.at(model, self.rows, model.safe(theta))
        possible = rates.counts > 0
        known = np.where(possible, rates.counts, 1.0)
        ratio = np.where(possible, data[:, : model.bins] / known, 0.0)
        residual = 2 * (1 - ratio)
        slope, diagonal = model.constraint_terms(theta, data)
        sums = rates.row_sums(residual)
        if self.tilts is not None:
            slope += (sums * rates.norms[:, self.rows.sample]) @ self.tilts
        by_sample = np.add.reduceat(sums * rates.coefficients, self.rows.first, axis=1)
        slope += (by_sample[:, model.factors.sample] * rates.slopes / rates.factors) @ self.collector
        for layer in model.layers:
            change = residual[:, layer.bins] * rates.counts[:, layer.bins] / rates.theta[:, layer.parameter]
            add_to(slope, (layer.parameter,), change)
        size = free.size
        with np.errstate(over="ignore", invalid="ignore"):  # the fit leaves what is not finite alone
            weight = (2 * ratio / known).astype(np.float32)
            curvature = (weight @ self.products).reshape(-1, size, size)
        along = np.arange(size)
        curvature[:, along, along] += diagonal[:, free] * self.unit**2
        return slope[:, free] * self.unit, curvature


def tangent(model: CompiledModel, point: Array, free: Index, unit: Array) -> Tangent | None:
    """Derivatives at a point of shape (parameters,), or None where they are of no use."""
    rows = model.rows
    # Where counts turn along a parameter, such as a signed coupling, the derivatives change most.
    if rows is None or model.turning or model.bins * free.size**2 > _LARGEST:
        return None
    jacobian = full_jacobian(model, point[None])[1][0, free] * unit[:, None]
    products = (jacobian[:, None] * jacobian).reshape(free.size**2, -1)
    factors = model.factors
    collector = np.zeros((factors.sample.size, model.parameters))
    used = np.flatnonzero(factors.parameter >= 0)
    collector[used, factors.parameter[used]] = 1.0
    tilts = np.zeros((rows.sample.size, model.parameters))
    shaped = np.flatnonzero(rows.column > 0)
    tilts[shaped, model.shapes.parameter[rows.column[shaped] - 1]] = 1.0
    single = np.ascontiguousarray(products.T, dtype=np.float32)
    return Tangent(model, free, unit, single, rows, collector, tilts if shaped.size else None)


def corrected(curvature: SingleArray, step: Array, change: Array) -> None:
    """Let curvatures give the change of the slope along the last step, where the Jacobian is worst.

    This is the update of Broyden, Fletcher, Goldfarb and Shanno. It is left out where it would make a
    curvature negative.
    """
    bent = np.matmul(curvature, step.astype(curvature.dtype)[:, :, None])[:, :, 0].astype(np.float64)
    own, seen = np.einsum("bi,bi->b", bent, step), np.einsum("bi,bi->b", change, step)
    usable = (own > 0) & (seen > 0)
    more = change / np.sqrt(np.where(usable, seen, np.inf))[:, None]
    less = bent / np.sqrt(np.where(usable, own, np.inf))[:, None]
    with np.errstate(over="ignore", invalid="ignore"):  # the fit leaves what is not finite alone
        both = more[:, :, None] * more[:, None] - less[:, :, None] * less[:, None]
        curvature += both.astype(curvature.dtype)
