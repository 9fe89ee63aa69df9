"""pyhf's likelihood of a workspace at a point: 2NLL, its second derivative, expected counts, constraints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nuhist.errors import FitError, ModelError
from nuhist.inference.cells import CellRates
from nuhist.inference.compiled import NOTHING, CompiledModel
from nuhist.inference.hessian import slope_and_curvature
from nuhist.inference.poisson import log_poisson
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_ROUNDING = 1e-7  # of 2NLL, a sum of some hundred
_SATURATED = 1e-9  # of 2NLL above the saturated model, where a minimum is that of all models
_NUMBERS = 400_000  # in one array of a search: more would not stay in the cache
_NEAR_ORIGIN = 0.01  # of its constraint's width: bounds within which a parameter is not constrained by it


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a fit ended: parameter values in pyhf's order, 2NLL there, and where higher minima were seen."""

    parameters: Array
    twice_nll: float
    others: tuple[Array, ...] = ()


@dataclass(frozen=True, eq=False)
class Density:
    """The likelihood of one measurement of a workspace.

    Attributes
    ----------
    model
        A ``pyhf.Model``.
    data
        Observed counts followed by auxiliary data.
    names
        Names of the parameters, one for each number, in pyhf's order.
    initial, lower, upper, scale
        Start values, bounds, and typical step of each parameter, which comes from the likelihood.
    constant
        Whether the workspace keeps a parameter fixed.
    poi
        What the parameter of interest stands for, or None without one.
    origin
        Where the workspace came from, for messages.
    compiled
        The same likelihood in arrays, for fast fits; None to leave them to SciPy and pyhf.
    arrays
        The same, whoever fits: steps and starts come from it. None where it cannot be compiled.
    """

    model: Any
    data: Array
    names: tuple[str, ...]
    initial: Array
    lower: Array
    upper: Array
    scale: Array
    constant: tuple[bool, ...]
    poi: CouplingScale | None
    origin: str
    compiled: CompiledModel | None = None
    arrays: CompiledModel | None = None

    @property
    def interest(self) -> CouplingScale:
        """The parameter of interest.

        Raises
        ------
        ModelError
            If the workspace has none.
        """
        if self.poi is None:
            raise ModelError(
                f"{self.origin}: its measurement has no parameter of interest; apply a patch, or poi=..."
            )
        return self.poi

    @cached_property
    def poi_index(self) -> int:
        """Position of the parameter of interest."""
        return self.names.index(self.interest.name)

    def twice_nll(self, parameters: Array, data: Array | None = None) -> float:
        """−2 ln L at a point; infinite where the model has no density or expects less than nothing."""
        observed = self.data if data is None else data
        value = self.density(parameters, observed)
        empty = observed[: self.model.config.nmaindata] == 0
        if empty.any() and np.isfinite(value) and (self.expected(parameters)[empty] < -NOTHING).any():
            return np.inf
        return value

    def density(self, parameters: Array, data: Array) -> float:
        """−2 ln L, with what pyhf expects and its constraints; it goes on below 0 where nothing is seen."""
        config = self.model.config
        bins = config.nmaindata
        with np.errstate(all="ignore"):
            parts = self.model.make_pdf(np.asarray(parameters, dtype=np.float64))
            value = float(np.sum(log_poisson(data[:bins], np.asarray(parts[0].expected_data()))))
            if config.auxdata:
                value += float(parts[1].log_prob(data[bins:]))
        return -2 * value if np.isfinite(value) else np.inf

    def heights(self, points: Array, data: Array | None = None) -> Array:
        """2NLL at several points up to one constant, for searches: shape (points,).

        Data are those of all points, or of each.
        """
        observed, arrays = self.data if data is None else data, self.arrays
        each = np.broadcast_to(observed, (len(points), observed.shape[-1]))
        if arrays is None:
            return np.array([self.twice_nll(*pair) for pair in zip(points, each, strict=True)])
        parts = zip(_parts(arrays, points), _parts(arrays, each), strict=True)
        return np.concatenate([arrays.twice_nll(*part) for part in parts])

    def yields(self, points: Array) -> Array:
        """Expected counts of each sample in each channel, in the workspace's order: (points, samples)."""
        arrays = self.arrays
        if arrays is None:
            raise FitError(f"{self.origin}: no yields without the likelihood in arrays")
        sums = []
        for part in _parts(arrays, points):
            cells = CellRates.at(arrays, part, slopes=False).cells
            sums.append(
                np.concatenate(
                    [cells[:, own.bins, : own.slots].sum(axis=1) for own in arrays.channels], axis=1
                )
            )
        return np.concatenate(sums)

    def hessian(self, parameters: Array, data: Array | None = None) -> Array | None:
        """Second derivative of 2NLL at a point, (parameters, parameters); None where it is not compiled."""
        if self.arrays is None:
            return None
        observed = self.data if data is None else data
        matrix: Array = slope_and_curvature(self.arrays, parameters[None], observed[None])[1][0]
        return matrix

    def constraint(self, index: int) -> tuple[float | None, float]:
        """Width and centre of a parameter's constraint; no width where it has none."""
        config = self.model.config
        position = config.nmaindata
        for name in config.auxdata_order:
            parameter_set, part = config.param_set(name), config.par_slice(name)
            if part.start <= index < part.stop:
                width = float(parameter_set.width()[index - part.start])
                datum = float(self.data[position + index - part.start])
                if parameter_set.pdf_type == "poisson":
                    datum /= float(parameter_set.factors[index - part.start])
                return (width if width > 0 else None), datum
            position += parameter_set.n_parameters
        return None, 0.0

    def saturated_twice_nll(self) -> float:
        """2NLL with each Poisson term and each constraint at its own maximum."""
        main = self.data[: self.model.config.nmaindata]
        value = -2 * float(np.sum(log_poisson(main, main)))
        config = self.model.config
        if not config.auxdata:
            return value
        auxdata = np.asarray(self.data[config.nmaindata :])
        return value - 2 * float(self.model.constraint_logpdf(auxdata, self._centres(auxdata)))

    @property
    def nominal(self) -> Array:
        """Nominal values of all parameters: centres of the workspace's constraints; else its start values.

        What is held keeps its value; a centre beyond a bound gives the bound.
        """
        values = self._centres(np.asarray(self.model.config.auxdata, dtype=np.float64))
        return np.where(self.constant, self.initial, np.clip(values, self.lower, self.upper))

    def _centres(self, auxdata: Array) -> Array:
        """Parameters with each constraint at its own maximum; start values where there is none."""
        config, parameters, position = self.model.config, self.initial.copy(), 0
        for name in config.auxdata_order:
            parameter_set, part = config.param_set(name), config.par_slice(name)
            size = parameter_set.n_parameters
            values = auxdata[position : position + size]
            if parameter_set.pdf_type == "poisson":
                values = values / np.asarray(parameter_set.factors)
            parameters[part] = values
            position += size
        return parameters

    def min_chi2(self, minimum: Minimum) -> float:
        """2NLL at a minimum less that of the saturated model.

        The constraint of a parameter of interest that only comes from its construction is left out.
        """
        value = minimum.twice_nll - self.saturated_twice_nll()
        if is_artefact(self):
            value -= float(minimum.parameters[self.poi_index]) ** 2
        if value < -_ROUNDING * max(1.0, abs(minimum.twice_nll)):
            raise FitError(
                f"{self.origin}: the fit ends below the saturated model (min_chi2 {value:.3g}), which cannot"
                " be; please report the workspace"
            )
        return 0.0 if value < _ROUNDING else value

    def asimov(self, minimum: Minimum) -> Array:
        """Data expected at a point, auxiliary data included."""
        data = np.asarray(self.model.expected_data(minimum.parameters), dtype=np.float64)
        bins = self.model.config.nmaindata
        data[:bins] = np.where(
            data[:bins] > NOTHING, data[:bins], 0.0
        )  # nothing is expected but for rounding
        if self.poi is not None and is_artefact(self):
            data[len(data) - len(self.model.config.auxdata) + self._auxiliary_index(self.poi.name)] = 0.0
        return data

    def saturated(self, parameters: Array, data: Array) -> Minimum | None:
        """The global minimum where it is at a point at which each term of 2NLL has its own; else None.

        Data that are expected at a point have their minimum there, and nothing is to be searched.
        """
        if self.compiled is None or not ((parameters >= self.lower) & (parameters <= self.upper)).all():
            return None
        height = float(self.compiled.twice_nll(parameters[None], data[None])[0])
        return Minimum(parameters, self.twice_nll(parameters, data)) if height < _SATURATED else None

    def _auxiliary_index(self, name: str) -> int:
        """Position of a parameter's datum among the auxiliary data."""
        config = self.model.config
        before = config.auxdata_order[: config.auxdata_order.index(name)]
        return sum(config.param_set(other).n_parameters for other in before)

    def expected_by_sample(self, parameters: Array) -> dict[tuple[str, str], float]:
        """Expected counts of each (channel, sample) at a point."""
        config = self.model.config
        with np.errstate(all="ignore"):
            counts = np.asarray(self.model.main_model.expected_data(parameters, return_by_sample=True))
        return {
            (channel, sample): float(counts[row, config.channel_slices[channel]].sum())
            for channel in config.channels
            for row, sample in enumerate(config.samples)
        }

    def expected(self, parameters: Array) -> Array:
        """Expected counts of all bins at a point, channels one after the other."""
        with np.errstate(all="ignore"):
            if self.arrays is not None:
                return np.asarray(self.arrays.expected(parameters[None])[0])
            return np.asarray(self.model.expected_actualdata(parameters), dtype=np.float64)


def _parts(model: CompiledModel, points: Array) -> list[Array]:
    """Points in parts that stay in the cache."""
    most = max(1, _NUMBERS // max(model.nominal.size, model.factors.sample.size, model.parameters))
    return [points[first : first + most] for first in range(0, len(points), most)]


def is_artefact(likelihood: Density) -> bool:
    """Whether the constraint on the parameter of interest only comes from its construction.

    It does where the parameter is a histosys near its origin: a signed coupling over a scale, see
    :mod:`nuhist.histfactory.polynomial`, or one that its bounds keep within a hundredth of the
    constraint's width, where the constraint adds 1e-4 to 2NLL at most.
    """
    poi = likelihood.poi
    if poi is None:
        return False
    kinds = {kind for name, kind in likelihood.model.config.modifiers if name == poi.name}
    if kinds != {"histosys"}:
        return False
    index = likelihood.poi_index
    reach = max(abs(float(likelihood.lower[index])), abs(float(likelihood.upper[index])))
    return poi.scale != 1 or reach <= _NEAR_ORIGIN
