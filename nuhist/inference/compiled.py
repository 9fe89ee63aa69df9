"""A workspace's likelihood as arrays, for many data sets at once.

Expected counts are λ = Σ_g Γ_g ∘ (C_g(θ) · T_g). T holds fixed templates: per sample the nominal counts,
and per histosys its half difference and its curvature. C holds products of factors: normfactors, lumi,
interpolated normsys (code 4), and α or φ(α) of a histosys (code 4p). Γ holds what acts bin by bin
(staterror, shapesys, shapefactor), for groups g of samples that share it. The parameters, their order,
their constraints and bounds are those of pyhf's model of the same workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.interpolation import (
    alpha,
    alpha_bend,
    alpha_curve,
    code4,
    code4_coefficients,
)
from nuhist.tables import Array

Index = NDArray[np.intp]

_PER_BIN = ("staterror", "shapesys", "shapefactor")
_ROUNDING = 1e-13  # relative, of n ln n terms; a few ulp of a double
_STRAIGHT = 1e-14  # of a variation: a bend that is only the rounding of a mirror image
_ONE = 0  # the factor that is always 1


class Rates(NamedTuple):
    """Expected counts and their derivatives.

    ``counts`` has the shape (batch, bins), ``jacobian`` (batch, parameters, bins); ``bent`` has, for
    the parameters of histosys that are not straight, the second derivative, (batch, bins).
    """

    counts: Array
    jacobian: Array
    bent: dict[int, Array]


@dataclass(frozen=True, eq=False)
class _Group:
    """Rows of templates whose samples share their bin-by-bin modifiers.

    ``rows`` and ``templates`` have the shapes (rows,) and (rows, bins); ``bins`` has, for each of
    the modifiers, the index of the parameter of each bin, or −1. ``terms`` has, for each
    parameter that a row depends on, the rows (in the group) and the slots of its factors.
    """

    rows: Index
    templates: Array
    bins: tuple[Index, ...]
    terms: tuple[tuple[int, Index, Index], ...] = ()


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
        Factors of each row, shape (rows, most factors).
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
    groups: tuple[_Group, ...]
    constraints: Constraints

    def expected(self, theta: Array) -> Array:
        """Expected counts, shape (batch, bins), at points of shape (batch, parameters)."""
        factors, _ = self._factors(theta, slopes=False)
        products = np.prod(factors[:, self.slots], axis=2)
        total = np.zeros((theta.shape[0], self.bins))
        for group in self.groups:
            total += self._per_bin(theta, group) * (products[:, group.rows] @ group.templates)
        return total

    def rates(self, theta: Array) -> Rates:
        """Expected counts and their derivatives."""
        factors, slopes = self._factors(theta, slopes=True)
        values, changes = factors[:, self.slots], slopes[:, self.slots]
        batch, _, most = values.shape
        for slot in range(most):
            for other in range(most):
                if other != slot:
                    changes[:, :, slot] *= values[:, :, other]
        products = np.prod(values, axis=2)
        curved = self._curved(theta, values)
        bent = {parameter: np.zeros((batch, self.bins)) for parameter in curved}
        counts = np.zeros((batch, self.bins))
        jacobian = np.zeros((batch, self.parameters, self.bins))
        for group in self.groups:
            inside = products[:, group.rows] @ group.templates
            gamma = self._per_bin(theta, group)
            counts += gamma * inside
            for parameter, local, slots in group.terms:
                change = changes[:, group.rows[local], slots] @ group.templates[local]
                jacobian[:, parameter] += gamma * change if group.bins else change
            for parameter, second in curved.items():
                bent[parameter] += gamma * (second[:, group.rows] @ group.templates)
            for number, index in enumerate(group.bins):
                rest = _Group(group.rows, group.templates, _without(group.bins, number))
                covered = np.flatnonzero(index >= 0)
                change = self._per_bin(theta, rest) * inside
                jacobian[:, index[covered], covered] += change[:, covered]
        return Rates(counts, jacobian, bent)

    def _curved(self, theta: Array, values: Array) -> dict[int, Array]:
        """Second derivative of each row with respect to the parameters of curves: (batch, rows)."""
        found: dict[int, Array] = {}
        for row, slot in zip(*np.nonzero(self.kind[self.slots] == 3), strict=True):
            parameter = int(self.parameter[self.slots[row, slot]])
            others = np.prod(np.delete(values[:, row], slot, axis=1), axis=1)
            second = found.setdefault(parameter, np.zeros(values.shape[:2]))
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
        terms = self.constraints
        pull = (theta[:, terms.gaussian] - data[:, terms.gaussian_data]) / terms.sigma**2
        slope[:, terms.gaussian] += 2 * pull
        curvature[:, terms.gaussian, terms.gaussian] += 2 / terms.sigma**2
        value, auxiliary = theta[:, terms.poisson], data[:, terms.poisson_data]
        safe = np.where(value > 0, value, 1.0)
        slope[:, terms.poisson] += 2 * (terms.scale - auxiliary / safe)
        curvature[:, terms.poisson, terms.poisson] += 2 * auxiliary / safe**2
        return slope, curvature

    def _height(self, theta: Array, counts: Array, data: Array) -> Array:
        observed, terms = data[:, : self.bins], self.constraints
        value = terms.scale * theta[:, terms.poisson]
        pull = (data[:, terms.gaussian_data] - theta[:, terms.gaussian]) / terms.sigma
        height = 2 * _poisson(observed, counts) + np.sum(pull**2, axis=1)
        height += 2 * _poisson(data[:, terms.poisson_data], value)
        return np.where(np.isfinite(height), height, np.inf)

    def _factors(self, theta: Array, *, slopes: bool) -> tuple[Array, Array]:
        """Values, and derivatives, of all factors: shape (batch, factors)."""
        at = theta[:, self.parameter]
        values, changes = np.ones_like(at), np.zeros_like(at)
        for kind, function in ((1, alpha), (3, alpha_curve)):
            chosen = self.kind == kind
            values[:, chosen], changes[:, chosen] = function(at[:, chosen])
        chosen = self.kind == 2
        values[:, chosen], changes[:, chosen] = code4(
            at[:, chosen], self.high[chosen], self.low[chosen], self.coefficients[chosen]
        )
        return values, changes if slopes else values

    @staticmethod
    def _per_bin(theta: Array, group: _Group) -> Array:
        product = np.ones((theta.shape[0], group.templates.shape[1]))
        for index in group.bins:
            product *= np.where(index >= 0, theta[:, index], 1.0)
        return product


def _without(bins: tuple[Index, ...], number: int) -> tuple[Index, ...]:
    return bins[:number] + bins[number + 1 :]


def _poisson(observed: Array, expected: Array) -> Array:
    """λ − n − n ln(λ/n), summed; infinite where λ < 0, or where λ = 0 with n > 0."""
    counted = (observed > 0) & (expected > 0)
    excess = np.where(counted, (expected - observed) / np.where(counted, observed, 1.0), 0.0)
    impossible = (expected < 0) | ((expected == 0) & (observed > 0))
    terms = np.where(impossible, np.inf, expected - observed - observed * np.log1p(excess))
    return np.asarray(np.sum(terms, axis=1))


class _Factors:
    """Collects the different factors of a model."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], int] = {(0, 0, 1.0, 1.0): _ONE}

    def index(self, kind: int, parameter: int, high: float = 1.0, low: float = 1.0) -> int:
        return self.known.setdefault((kind, parameter, high, low), len(self.known))

    def arrays(self) -> tuple[Index, Index, Array, Array]:
        kind, parameter, high, low = zip(*self.known, strict=True)
        return np.array(kind), np.array(parameter), np.array(high), np.array(low)


def compile_model(spec: Mapping[str, Any], model: Any) -> CompiledModel:
    """Compile a workspace.

    Parameters
    ----------
    spec
        HistFactory JSON.
    model
        pyhf's model of it, which gives the parameters, their order and their constraints.

    Raises
    ------
    NotImplementedError
        If a modifier is of a type that is not known here.
    """
    config = model.config
    slices = {name: config.par_slice(name) for name in config.par_order}
    factors = _Factors()
    rows: list[list[int]] = []
    templates: list[Array] = []
    owners: list[tuple[str, ...]] = []
    for channel in spec["channels"]:
        part = config.channel_slices[channel["name"]]
        for sample in channel["samples"]:
            own = tuple(sorted(m["name"] for m in sample["modifiers"] if m["type"] in _PER_BIN))
            common: list[int] = []
            nominal = np.zeros(config.nmaindata)
            nominal[part] = sample["data"]
            additions: list[tuple[int, Array]] = []
            for modifier in sample["modifiers"]:
                name, kind, data = modifier["name"], modifier["type"], modifier["data"]
                start = slices[name].start
                if kind in ("normfactor", "lumi"):
                    common.append(factors.index(1, start))
                elif kind == "normsys":
                    common.append(factors.index(2, start, data["hi"], data["lo"]))
                elif kind == "histosys":
                    up, down = np.zeros_like(nominal), np.zeros_like(nominal)
                    up[part] = np.asarray(data["hi_data"]) - sample["data"]
                    down[part] = np.asarray(sample["data"]) - data["lo_data"]
                    additions.append((factors.index(1, start), (up + down) / 2))
                    bend = (up - down) / 16
                    if np.abs(bend).max() > _STRAIGHT * np.abs(up).max():
                        additions.append((factors.index(3, start), bend))
                elif kind not in _PER_BIN:
                    raise NotImplementedError(f"modifier type '{kind}'")
            for extra, template in [(_ONE, nominal), *additions]:
                if template.any():
                    rows.append([*common, extra])
                    templates.append(template)
                    owners.append(own)
    most = max(map(len, rows), default=1)
    slots = np.array([row + [_ONE] * (most - len(row)) for row in rows], dtype=np.intp)
    kind, parameter, high, low = factors.arrays()
    slots = slots.reshape(len(rows), most)
    groups = [
        replace(group, terms=_terms(group.rows, slots, kind, parameter))
        for group in _groups(spec, config, slices, owners, templates)
    ]
    return CompiledModel(
        parameters=config.npars,
        bins=config.nmaindata,
        kind=kind,
        parameter=parameter,
        high=high,
        low=low,
        coefficients=code4_coefficients(high, low),
        slots=slots,
        groups=tuple(groups),
        constraints=_constraints(config),
    )


def _groups(
    spec: Mapping[str, Any],
    config: Any,
    slices: Mapping[str, slice],
    owners: list[tuple[str, ...]],
    templates: list[Array],
) -> list[_Group]:
    positions: dict[str, Index] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["type"] in _PER_BIN and modifier["name"] not in positions:
                    positions[modifier["name"]] = _positions(
                        spec, config, modifier["name"], slices[modifier["name"]].start
                    )
    groups = []
    for own in dict.fromkeys(owners):
        rows = np.array([i for i, other in enumerate(owners) if other == own], dtype=np.intp)
        stacked = np.stack([templates[i] for i in rows])
        groups.append(_Group(rows, stacked, tuple(positions[name] for name in own)))
    return groups


def _terms(rows: Index, slots: Index, kind: Index, parameter: Index) -> tuple[tuple[int, Index, Index], ...]:
    """For each parameter: the rows of a group that it changes, and the slots of its factors in them."""
    used = slots[rows]
    owner = np.where(kind[used] == 0, -1, parameter[used])
    terms = []
    for index in np.unique(owner[owner >= 0]):
        local, slot = np.nonzero(owner == index)
        terms.append((int(index), local, slot))
    return tuple(terms)


def _positions(spec: Mapping[str, Any], config: Any, name: str, start: int) -> Index:
    """Parameter of each bin for a bin-by-bin modifier: pyhf numbers the bins of its channels in order."""
    index = np.full(config.nmaindata, -1, dtype=np.intp)
    having = {
        channel["name"]
        for channel in spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
        if modifier["name"] == name
    }
    size = config.param_set(name).n_parameters
    for channel in config.channels:
        if channel in having:
            part = config.channel_slices[channel]
            width = part.stop - part.start
            shared = size == width  # one set of parameters for all channels that have it
            index[part] = start + np.arange(width)
            start += 0 if shared else width
    return index


def _constraints(config: Any) -> Constraints:
    gaussian: list[tuple[int, int, float]] = []
    poisson: list[tuple[int, int, float]] = []
    position = int(config.nmaindata)
    for name in config.auxdata_order:
        parameters, part = config.param_set(name), config.par_slice(name)
        size = parameters.n_parameters
        if parameters.pdf_type == "normal":
            widths = getattr(parameters, "sigmas", None) or [1.0] * size
            entries, target = widths, gaussian
        else:
            entries, target = parameters.factors, poisson
        target += [(part.start + i, position + i, float(entries[i])) for i in range(size)]
        position += size
    return Constraints(*_columns(gaussian), *_columns(poisson))


def _columns(entries: list[tuple[int, int, float]]) -> tuple[Index, Index, Array]:
    parameter = np.array([entry[0] for entry in entries], dtype=np.intp)
    position = np.array([entry[1] for entry in entries], dtype=np.intp)
    return parameter, position, np.array([entry[2] for entry in entries], dtype=np.float64)
