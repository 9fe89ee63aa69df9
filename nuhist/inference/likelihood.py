"""pyhf's likelihood of a workspace, with fits that do not fall into pyhf's traps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import FitError, ModelError
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.minimisers import hesse, minimise
from nuhist.inference.newton import fit_batch
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_AGREEMENT = 1e-8  # between the compiled likelihood and pyhf's, of 2NLL
_ROUNDING = 1e-7  # of 2NLL, a sum of some hundred
_AT_BOUND = 1e-6  # fraction of a parameter's range
_STARTS = 81  # of a signed parameter, across its range


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a fit ended: parameter values in pyhf's order, and 2NLL there."""

    parameters: Array
    twice_nll: float


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The likelihood of one measurement of a workspace.

    Attributes
    ----------
    model
        A ``pyhf.Model``.
    data
        Observed counts followed by auxiliary data.
    names
        Of the parameters, one for each number, in pyhf's order.
    initial, lower, upper, scale
        Start values, bounds, and typical step of each parameter.
    constant
        Whether the workspace keeps a parameter fixed.
    poi
        What the parameter of interest stands for, or None without one.
    origin
        Where the workspace came from, for messages.
    compiled
        The same likelihood in arrays, for fast fits; None to leave them to SciPy and pyhf.
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

    @property
    def interest(self) -> CouplingScale:
        """The parameter of interest.

        Raises
        ------
        ModelError
            If the workspace has none.
        """
        if self.poi is None:
            raise ModelError(f"{self.origin}: its measurement has no parameter of interest")
        return self.poi

    @cached_property
    def poi_index(self) -> int:
        """Position of the parameter of interest."""
        return self.names.index(self.interest.name)

    def twice_nll(self, parameters: Array, data: Array | None = None) -> float:
        """−2 ln L at a point; infinite where the model has no density."""
        with np.errstate(all="ignore"):
            value = -2 * float(self.model.logpdf(parameters, self.data if data is None else data)[0])
        return value if np.isfinite(value) else np.inf

    def minimise(
        self,
        fixed: Mapping[str, float] | None = None,
        start: Array | None = None,
        data: Array | None = None,
    ) -> Minimum:
        """Minimise 2NLL from one start.

        Parameters
        ----------
        fixed
            Parameters to hold, by name.
        start
            Start values in pyhf's order; the workspace's own by default.
        data
            Other data than the workspace's.

        Raises
        ------
        FitError
            If no minimiser converges.
        """
        point = np.array(self.initial if start is None else start, dtype=np.float64)
        free = ~np.array(self.constant)
        for name, value in (fixed or {}).items():
            point[self.names.index(name)] = value
            free[self.names.index(name)] = False
        if not free.any():
            return Minimum(point, self.twice_nll(point, data))
        found = self._newton(point, free, self.data if data is None else data)
        return self._slsqp(point, free, data) if found is None else found

    def _newton(self, start: Array, free: NDArray[np.bool_], data: Array) -> Minimum | None:
        """Fit the compiled likelihood; None where it does not converge or is not pyhf's."""
        if self.compiled is None:
            return None
        batch = fit_batch(self.compiled, data[None], start[None], self.lower, self.upper, ~free, self.scale)
        if not batch.converged[0]:
            return None
        point = batch.parameters[0]
        value = self.twice_nll(point, data)
        compiled = float(batch.twice_nll[0] + self.compiled.constant(data[None])[0])
        allowed = _AGREEMENT * max(1.0, abs(value)) + 100 * float(self.compiled.rounding(data[None])[0])
        if abs(value - compiled) > allowed:
            warnings.warn(
                f"{self.origin}: the compiled likelihood differs from pyhf's by {compiled - value:.2g};"
                " the fit is left to pyhf",
                RuntimeWarning,
                stacklevel=3,
            )
            return None
        return Minimum(point, value)

    def _slsqp(self, point: Array, free: NDArray[np.bool_], data: Array | None) -> Minimum:
        """Fit pyhf's likelihood with SciPy's SLSQP, or with Minuit where that fails."""
        scale, low, high = self.scale[free], self.lower[free], self.upper[free]
        point[free] = np.clip(point[free], low, high)

        def objective(scaled: Array) -> float:
            point[free] = np.clip(scaled * scale, low, high)
            return self.twice_nll(point, data)

        found = minimise(objective, point[free] / scale, low / scale, high / scale)
        if found is None:
            raise FitError(
                f"{self.origin}: the fit does not converge; look at the counts with nuhist inspect"
            )
        point[free] = np.clip(found[0] * scale, low, high)
        return Minimum(point, found[1])

    def best(self, data: Array | None = None) -> Minimum:
        """Global minimum: several starts along the parameter of interest.

        After a first fit, 2NLL is looked at along the parameter with the other parameters as
        fitted; each dip there is a start, and so are a few values of either sign where it is signed.
        """
        first = self.minimise(data=data)
        if self.poi is None or self.constant[self.poi_index]:
            return first
        index = self.poi_index
        low, high = self.lower[index], self.upper[index]
        values = np.linspace(low, high, _STARTS)
        heights = self._heights(self._along(first, values), data)
        padded = np.pad(heights, 1, constant_values=np.inf)
        dips = (heights < padded[:-2]) & (heights <= padded[2:]) & np.isfinite(heights)
        starts = values[dips]
        if low < 0 < high:
            starts = np.union1d(starts, [low / 2, low / 10, high / 10, high / 2])
        points = self._along(first, starts)
        possible = np.isfinite(self._heights(points, data))
        others = [self.minimise(start=point, data=data) for point in points[possible]]
        return min([first, *others], key=lambda minimum: minimum.twice_nll)

    def _heights(self, points: Array, data: Array | None) -> Array:
        """2NLL at several points, up to a constant."""
        if self.compiled is None:
            return np.array([self.twice_nll(point, data) for point in points])
        observed = self.data if data is None else data
        return self.compiled.twice_nll(points, np.tile(observed, (len(points), 1)))

    def _along(self, minimum: Minimum, values: Array) -> Array:
        """Points that differ from a minimum in the parameter of interest only."""
        points = np.tile(minimum.parameters, (values.size, 1))
        points[:, self.poi_index] = values
        return points

    def covariance(self, minimum: Minimum, fixed: Sequence[str] = ()) -> Array:
        """Covariance at a minimum from Minuit's HESSE; zero for what is fixed, on a bound, or flat."""
        span = self.upper - self.lower
        free = ~(np.array(self.constant) | np.isin(self.names, fixed))
        free &= minimum.parameters - self.lower > _AT_BOUND * span
        free &= self.upper - minimum.parameters > _AT_BOUND * span
        covariance = np.zeros((len(self.names), len(self.names)))
        if not free.any():
            return covariance
        free &= ~self._without_effect(minimum, free)
        if not free.any():
            return covariance
        point, scale = minimum.parameters.copy(), self.scale[free]

        def objective(scaled: Array) -> float:
            point[free] = scaled * scale
            return self.twice_nll(point)

        found = hesse(objective, minimum.parameters[free] / scale)
        if found is None:
            raise FitError(f"{self.origin}: no covariance: 2NLL is flat in some direction")
        covariance[np.ix_(free, free)] = found * np.outer(scale, scale)
        return covariance

    def _without_effect(self, minimum: Minimum, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which free parameters do not change 2NLL at all, such as the norm of an empty sample."""
        flat = np.zeros(free.size, dtype=bool)
        for index in np.flatnonzero(free):
            heights = []
            for sign in (-1, 1):
                point = minimum.parameters.copy()
                moved = point[index] + sign * 0.1 * self.scale[index]
                point[index] = np.clip(moved, self.lower[index], self.upper[index])
                heights.append(self.twice_nll(point))
            flat[index] = np.allclose(heights, minimum.twice_nll, rtol=0, atol=1e-10)
        return flat

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
        from scipy.special import gammaln, xlogy

        main = self.data[: self.model.config.nmaindata]
        value = -2 * float(np.sum(xlogy(main, main) - main - gammaln(main + 1)))
        config = self.model.config
        if not config.auxdata:
            return value
        parameters = self.initial.copy()
        auxdata = np.asarray(self.data[config.nmaindata :])
        position = 0
        for name in config.auxdata_order:
            parameter_set, part = config.param_set(name), config.par_slice(name)
            size = parameter_set.n_parameters
            values = auxdata[position : position + size]
            if parameter_set.pdf_type == "poisson":
                values = values / np.asarray(parameter_set.factors)
            parameters[part] = values
            position += size
        return value - 2 * float(self.model.constraint_logpdf(auxdata, parameters))

    def min_chi2(self, minimum: Minimum) -> float:
        """2NLL at a minimum less that of the saturated model.

        The constraint of a parameter of interest that only comes from its construction is left out.
        """
        value = minimum.twice_nll - self.saturated_twice_nll()
        if self.poi is not None and is_artefact(self.poi):
            value -= float(minimum.parameters[self.poi_index]) ** 2
        return 0.0 if abs(value) < _ROUNDING else value

    def asimov(self, minimum: Minimum) -> Array:
        """Data expected at a point, auxiliary data included."""
        data = np.asarray(self.model.expected_data(minimum.parameters), dtype=np.float64)
        if self.poi is not None and is_artefact(self.poi):
            data[len(data) - len(self.model.config.auxdata) + self._auxiliary_index(self.poi.name)] = 0.0
        return data

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
            return np.asarray(self.model.expected_actualdata(parameters), dtype=np.float64)


def is_artefact(poi: CouplingScale) -> bool:
    """Whether the constraint on a parameter of interest only comes from its construction."""
    return poi.scale != 1
