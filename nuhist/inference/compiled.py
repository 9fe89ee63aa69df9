"""A workspace's likelihood as arrays, for many data sets at once.

A cell is what one sample expects in one bin. Its counts are

    λ = N · Γ · (T + Σ_p D_p α_p + Σ_p C_p φ(α_p)),

with one number N per sample, the product of its normfactors, lumi and interpolated normsys (code 4); the
product Γ of its bin-by-bin factors (staterror, shapesys, shapefactor); the nominal counts T; and the half
difference D and the curvature C of each histosys (code 4p). A bin expects the sum of its cells. The
parameters, their order, their constraints and bounds are those of pyhf's model of the same workspace.

Cells lie in an array of shape (bins, slots): a channel's samples fill the slots of its bins in their
order, and what is left over is empty. Derivatives go through the logarithms of the factors; a factor of 0
is taken as 1e-150, which leaves all products and all their derivatives right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nuhist.inference.arrays import Arrays
from nuhist.inference.cells import CellRates
from nuhist.inference.poisson import log_poisson
from nuhist.inference.rows import RowRates, Rows, make_rows
from nuhist.tables import Array

_ROUNDING = 1e-13  # relative, of n ln n terms; a few ulp of a double
NOTHING = 1e-10  # counts: a bin that expects nothing may be so far below 0 by rounding
_TINY = 1e-150  # stands for a factor of 0: its inverse and the inverse's square are still numbers


@dataclass(frozen=True, eq=False)
class CompiledModel(Arrays):
    """A likelihood in arrays, at points."""

    @cached_property
    def rows(self) -> Rows | None:
        """The model in rows of templates, where that is less work than cell by cell."""
        return make_rows(self)

    def expected(self, theta: Array) -> Array:
        """Expected counts, shape (batch, bins), at points of shape (batch, parameters)."""
        return self.rates(theta, slopes=False).counts

    def rates(self, theta: Array, *, slopes: bool = True) -> RowRates | CellRates:
        """Expected counts with what their derivatives need, unless only they are asked for."""
        safe = self.safe(theta) if slopes else theta
        if self.rows is not None:
            return RowRates.at(self, self.rows, safe, slopes=slopes)
        return CellRates.at(self, safe, slopes=slopes)

    def twice_nll(self, theta: Array, data: Array) -> Array:
        """−2 ln L less that of the saturated model's Poisson terms; infinite where there is none.

        Differences of large numbers are avoided: λ − n − n ln(λ/n).

        Parameters
        ----------
        theta
            Shape (batch, parameters).
        data
            Observed counts followed by auxiliary data, shape (batch, bins + auxiliary).
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self.height(theta, self.expected(theta), data)

    def heights_and_rates(self, theta: Array, data: Array) -> tuple[Array, RowRates | CellRates]:
        """:meth:`twice_nll`, and what the derivatives there need."""
        with np.errstate(over="ignore", invalid="ignore"):
            rates = self.rates(theta)
            counts = rates.counts if rates.theta is theta else self.expected(theta)  # a factor is 0
            return self.height(theta, counts, data), rates

    def height(self, theta: Array, counts: Array, data: Array) -> Array:
        """:meth:`twice_nll` where the expected counts are known."""
        observed, terms = data[:, : self.bins], self.constraints
        value = terms.scale * theta[:, terms.poisson]
        pull = (data[:, terms.gaussian_data] - theta[:, terms.gaussian]) / terms.sigma
        height = 2 * _poisson(observed, counts) + np.sum(pull**2, axis=1)
        if terms.poisson.size:
            height += 2 * _poisson(data[:, terms.poisson_data], value)
        return np.where(np.isfinite(height), height, np.inf)

    def poisson_heights(self, expected: Array, observed: Array) -> Array:
        """Part of :meth:`twice_nll` of counts of shape (batch, counts), each beside one data set."""
        return 2 * _poisson(np.broadcast_to(observed, expected.shape), expected)

    def constant(self, data: Array) -> Array:
        """What :meth:`twice_nll` leaves out, per data set."""
        gaussian = float(np.sum(np.log(2 * np.pi * self.constraints.sigma**2)))
        return np.asarray(2 * np.sum(self._saturated_terms(data), axis=1) + gaussian)

    def rounding(self, data: Array) -> Array:
        """By how much a sum of plain −2 ln L terms, as pyhf has them, may be off, per data set."""
        return np.asarray(np.sum(np.abs(self._poisson_data(data)) ** 2, axis=1) ** 0.5 * _ROUNDING)

    def constraint_terms(self, theta: Array, data: Array) -> tuple[Array, Array]:
        """Gradient and curvature of the constraints' part of −2 ln L, (batch, parameters) each."""
        terms, diagonal = self.constraints, np.zeros_like(theta)
        diagonal[:, terms.gaussian] = 2 / terms.sigma**2
        if terms.poisson.size:
            value, auxiliary = theta[:, terms.poisson], data[:, terms.poisson_data]
            diagonal[:, terms.poisson] = 2 * auxiliary / np.where(value > 0, value, 1.0) ** 2
        return self.constraint_slope(theta, data), diagonal

    def constraint_slope(self, theta: Array, data: Array) -> Array:
        """The gradient of :meth:`constraint_terms` alone."""
        terms, slope = self.constraints, np.zeros_like(theta)
        pull = theta[:, terms.gaussian] - data[:, terms.gaussian_data]
        slope[:, terms.gaussian] = pull * (2 / terms.sigma**2)
        if terms.poisson.size:
            value, auxiliary = theta[:, terms.poisson], data[:, terms.poisson_data]
            slope[:, terms.poisson] = 2 * (terms.scale - auxiliary / np.where(value > 0, value, 1.0))
        return slope

    def _poisson_data(self, data: Array) -> Array:
        return np.concatenate([data[:, : self.bins], data[:, self.constraints.poisson_data]], axis=1)

    def _saturated_terms(self, data: Array) -> Array:
        """−ln of each Poisson term at its own maximum."""
        counts = self._poisson_data(data)
        return -log_poisson(counts, counts)

    def safe(self, theta: Array) -> Array:
        """The parameters, with 1e-150 in the place of factors that are 0."""
        own = theta[:, self.multiplying]
        nothing = np.abs(own) < _TINY
        if not nothing.any():
            return theta
        safe = theta.copy()
        safe[:, self.multiplying] = np.where(nothing, _TINY, own)
        return safe


def _poisson(observed: Array, expected: Array) -> Array:
    """λ − n − n ln(λ/n), summed; infinite where λ < 0 beyond rounding, or where λ ≤ 0 with n > 0."""
    counted = (observed > 0) & (expected > 0)
    known, rate = np.where(counted, observed, 1.0), np.where(counted, expected, 1.0)
    excess = np.where(counted, (expected - observed) / known, 0.0)
    # log1p keeps the digits where λ is close to n, the logarithm of the ratio where it is far below.
    far = excess < -0.5
    log = np.log1p(np.where(far, 0.0, excess))
    if far.any():
        log = np.where(far, np.log(rate / known), log)
    impossible = (expected < -NOTHING) | ((expected <= 0) & (observed > 0))
    terms = np.where(impossible, np.inf, expected - observed - observed * log)
    return np.asarray(np.sum(terms, axis=1))
