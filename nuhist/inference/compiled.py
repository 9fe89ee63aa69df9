"""A workspace's likelihood as arrays, for many data sets at once.

Expected counts are λ = Σ_g Γ_g ∘ (C_g(θ) · T_g). T holds fixed templates: per sample the nominal counts,
and per histosys its half difference and its curvature. C holds products of factors: normfactors, lumi,
interpolated normsys (code 4), and α or φ(α) of a histosys (code 4p). Γ holds what acts bin by bin
(staterror, shapesys, shapefactor), for groups g of samples that share it. The parameters, their order,
their constraints and bounds are those of pyhf's model of the same workspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.interpolation import (
    alpha,
    alpha_bend,
    alpha_curve,
    code4,
)
from nuhist.tables import Array

Index = NDArray[np.intp]

_ROUNDING = 1e-13  # relative, of n ln n terms; a few ulp of a double
_NOTHING = 1e-10  # counts: a bin that expects nothing may be so far below 0 by rounding


class Rates(NamedTuple):
    """Expected counts and their derivatives.

    ``counts`` has the shape (batch, bins), ``jacobian`` (batch, parameters, bins); ``bent`` has, for
    the parameters of histosys that are not straight, the second derivative, (batch, bins).
    """

    counts: Array
    jacobian: Array
    bent: dict[int, Array]


@dataclass(frozen=True, eq=False)
class Group:
    """Rows of templates whose samples share their bin-by-bin modifiers.

    ``rows`` and ``templates`` have the shapes (rows,) and (rows, bins); ``bins`` has, for each of
    the modifiers, the index of the parameter of each bin, or −1. ``terms`` has, for each
    parameter that a row depends on, the rows (in the group) and the slots of its factors.
    """

    rows: Index
    templates: Array
    bins: tuple[Index, ...]
    terms: tuple[tuple[int, Index, Index], ...] = ()

    def without(self, number: int) -> Group:
        """The group without one of its bin-by-bin modifiers."""
        return replace(self, bins=self.bins[:number] + self.bins[number + 1 :])


@dataclass(frozen=True, eq=False)
class Constraints:
    """Constraint terms: parameter, auxiliary datum, and width or scale of each."""

    gaussian: Index
    gaussian_data: Index
    sigma: Array
    poisson: Index
    poisson_data: Index
    scale: Array


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A likelihood in arrays.

    Attributes
    ----------
    parameters, bins
        How many.
    kind, parameter, high, low, coefficients
        Of each factor: 0 the number 1, 1 the parameter itself, 2 code 4, 3 the curve of code 4p;
        its parameter; what code 4 interpolates.
    slots
        Factors of each row, shape (most factors, rows).
    groups
        See the module's docstring.
    constraints
        See :class:`Constraints`.
    """

    parameters: int
    bins: int
    kind: Index
    parameter: Index
    high: Array
    low: Array
    coefficients: Array
    slots: Index
    groups: tuple[Group, ...]
    constraints: Constraints

    @cached_property
    def _of_kind(self) -> tuple[Index, ...]:
        """Factors of each kind."""
        return tuple(np.flatnonzero(self.kind == kind) for kind in range(4))

    @property
    def turning(self) -> tuple[int, ...]:
        """Parameters along which counts may go up on both sides, or down: they may have two minima."""
        both = (self.kind == 2) & ((self.high - 1) * (self.low - 1) > 0)
        return tuple(np.unique(self.parameter[both | (self.kind == 3)]).tolist())

    def expected(self, theta: Array) -> Array:
        """Expected counts, shape (batch, bins), at points of shape (batch, parameters)."""
        factors, _ = self.factors(theta, slopes=False)
        products = np.prod(factors[:, self.slots], axis=1)
        total = np.zeros((theta.shape[0], self.bins))
        for group in self.groups:
            total += self.per_bin(theta, group) * (products[:, group.rows] @ group.templates)
        return total

    def rates(self, theta: Array) -> Rates:
        """Expected counts and their derivatives."""
        values, changes = self.rows(theta)
        batch = len(values)
        products = np.prod(values, axis=1)
        curved = self._curved(theta, values)
        bent = {parameter: np.zeros((batch, self.bins)) for parameter in curved}
        counts = np.zeros((batch, self.bins))
        jacobian = np.zeros((batch, self.parameters, self.bins))
        for group in self.groups:
            inside = products[:, group.rows] @ group.templates
            gamma = self.per_bin(theta, group)
            counts += gamma * inside
            for parameter, local, slots in group.terms:
                change = changes[:, slots, group.rows[local]] @ group.templates[local]
                jacobian[:, parameter] += gamma * change if group.bins else change
            for parameter, second in curved.items():
                bent[parameter] += gamma * (second[:, group.rows] @ group.templates)
            for number, index in enumerate(group.bins):
                covered = np.flatnonzero(index >= 0)
                change = self.per_bin(theta, group.without(number)) * inside
                jacobian[:, index[covered], covered] += change[:, covered]
        return Rates(counts, jacobian, bent)

    def rows(self, theta: Array) -> tuple[Array, Array]:
        """Factors of each row, and its derivative through each of them: (batch, slots, rows)."""
        factors, slopes = self.factors(theta, slopes=True)
        values, changes = factors[:, self.slots], slopes[:, self.slots]
        most = values.shape[1]
        for slot in range(most):
            for other in range(most):
                if other != slot:
                    changes[:, slot] *= values[:, other]
        return values, changes

    def _curved(self, theta: Array, values: Array) -> dict[int, Array]:
        """Second derivative of each row with respect to the parameters of curves: (batch, rows)."""
        found: dict[int, Array] = {}
        for slot, row in zip(*np.nonzero(self.kind[self.slots] == 3), strict=True):
            parameter = int(self.parameter[self.slots[slot, row]])
            others = np.prod(np.delete(values[:, :, row], slot, axis=1), axis=1)
            second = found.setdefault(parameter, np.zeros((len(values), values.shape[2])))
            second[:, row] += alpha_bend(theta[:, parameter]) * others
        return found

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
        return self._height(theta, self.expected(theta), data)

    def constant(self, data: Array) -> Array:
        """What :meth:`twice_nll` leaves out, per data set."""
        gaussian = float(np.sum(np.log(2 * np.pi * self.constraints.sigma**2)))
        return np.asarray(2 * np.sum(self._saturated_terms(data), axis=1) + gaussian)

    def rounding(self, data: Array) -> Array:
        """By how much a sum of plain −2 ln L terms, as pyhf has them, may be off, per data set."""
        return np.asarray(np.sum(np.abs(self._poisson_data(data)) ** 2, axis=1) ** 0.5 * _ROUNDING)

    def _poisson_data(self, data: Array) -> Array:
        return np.concatenate([data[:, : self.bins], data[:, self.constraints.poisson_data]], axis=1)

    def _saturated_terms(self, data: Array) -> Array:
        """−ln of each Poisson term at its own maximum."""
        from scipy.special import gammaln

        counts = self._poisson_data(data)
        return np.asarray(counts - counts * np.log(np.where(counts > 0, counts, 1.0)) + gammaln(counts + 1))

    def saturated(self, data: Array) -> Array:
        """:meth:`twice_nll` with each term at its own maximum, per data set: 0 by its definition."""
        return np.zeros(len(data))

    def slope_and_curvature(self, theta: Array, rates: Rates, data: Array) -> tuple[Array, Array]:
        """Gradient of −2 ln L, and its Gauss-Newton curvature."""
        observed = data[:, : self.bins]
        counts = np.where(rates.counts > 0, rates.counts, 1.0)
        ratio = np.where(rates.counts > 0, observed / counts, 0.0)
        slope = 2 * np.matmul(rates.jacobian, (1 - ratio)[:, :, None])[:, :, 0]
        weighted = rates.jacobian * (ratio / counts)[:, None]
        curvature = 2 * np.matmul(weighted, rates.jacobian.transpose(0, 2, 1))
        # The rest of the curvature matters where a signed coupling has two minima.
        for parameter, second in rates.bent.items():
            curvature[:, parameter, parameter] += 2 * np.sum((1 - ratio) * second, axis=1)
        extra, diagonal = self.constraint_terms(theta, data)
        index = np.arange(self.parameters)
        curvature[:, index, index] += diagonal
        return slope + extra, curvature

    def constraint_terms(self, theta: Array, data: Array) -> tuple[Array, Array]:
        """Gradient and curvature of the constraints' part of −2 ln L, (batch, parameters) each."""
        terms = self.constraints
        slope, diagonal = np.zeros_like(theta), np.zeros_like(theta)
        weight = 2 / terms.sigma**2
        slope[:, terms.gaussian] = weight * (theta[:, terms.gaussian] - data[:, terms.gaussian_data])
        diagonal[:, terms.gaussian] = weight
        if terms.poisson.size:
            value, auxiliary = theta[:, terms.poisson], data[:, terms.poisson_data]
            safe = np.where(value > 0, value, 1.0)
            slope[:, terms.poisson] = 2 * (terms.scale - auxiliary / safe)
            diagonal[:, terms.poisson] = 2 * auxiliary / safe**2
        return slope, diagonal

    def _height(self, theta: Array, counts: Array, data: Array) -> Array:
        observed, terms = data[:, : self.bins], self.constraints
        value = terms.scale * theta[:, terms.poisson]
        pull = (data[:, terms.gaussian_data] - theta[:, terms.gaussian]) / terms.sigma
        height = 2 * _poisson(observed, counts) + np.sum(pull**2, axis=1)
        if terms.poisson.size:
            height += 2 * _poisson(data[:, terms.poisson_data], value)
        return np.where(np.isfinite(height), height, np.inf)

    def factors(self, theta: Array, *, slopes: bool) -> tuple[Array, Array]:
        """Values, and derivatives where asked for, of all factors: shape (batch, factors)."""
        at = theta[:, self.parameter]
        values, changes = np.ones_like(at), np.zeros_like(at)
        for kind, function in ((1, alpha), (3, alpha_curve)):
            chosen = self._of_kind[kind]
            if chosen.size:
                values[:, chosen], changes[:, chosen] = function(at[:, chosen])
        chosen = self._of_kind[2]
        if chosen.size:
            values[:, chosen], changes[:, chosen] = code4(
                at[:, chosen], self.high[chosen], self.low[chosen], self.coefficients[chosen]
            )
        return values, changes if slopes else values

    @staticmethod
    def per_bin(theta: Array, group: Group) -> Array:
        """Product of a group's bin-by-bin factors, shape (batch, bins)."""
        product = np.ones((theta.shape[0], group.templates.shape[1]))
        for index in group.bins:
            product *= np.where(index >= 0, theta[:, index], 1.0)
        return product


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
    impossible = (expected < -_NOTHING) | ((expected <= 0) & (observed > 0))
    terms = np.where(impossible, np.inf, expected - observed - observed * log)
    return np.asarray(np.sum(terms, axis=1))
