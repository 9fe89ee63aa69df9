"""pyhf's likelihood of a workspace, with fits that do not fall into pyhf's traps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import FitError, ModelError
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.minimisers import minimise
from nuhist.inference.search import other_starts
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_AGREEMENT = 1e-8  # between the compiled likelihood and pyhf's, of 2NLL
_ROUNDING = 1e-7  # of 2NLL, a sum of some hundred
_MANY, _LOWEST = 100, 3  # parameters of which few of several starts are followed to the end
_ROUNDS = 3  # of searches for another minimum, each from the lowest yet
_NEAR_ORIGIN = 0.01  # of its constraint's width: bounds within which a parameter is not constrained by it
_LOWER = 1e-6  # of 2NLL, by which another minimum has to be lower


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
        observed = self.data if data is None else data
        ((found, reached),) = self._newton(point[None], free, observed)
        if found is not None:
            return found
        ended = self._slsqp(reached, free, data)
        # In a long valley both may have stopped early.
        ((_, further),) = self._newton(ended.parameters[None], free, observed)
        last = Minimum(further, self.twice_nll(further, data))
        return min(ended, last, key=lambda minimum: minimum.twice_nll)

    def minimise_at(
        self, values: Array, starts: Array, data: Array | None = None, *, check: bool = True
    ) -> list[Minimum | None]:
        """Minimise 2NLL with the parameter of interest held at each of several values, in one batch.

        Parameters
        ----------
        values
            Of the parameter of interest, shape (values,).
        starts
            Shape (values, parameters).
        data
            Other data than the workspace's.
        check
            Whether each is compared with pyhf, see :meth:`minimise`; a search needs that at its end only.

        Returns
        -------
        None where a fit is left to :meth:`minimise`.
        """
        free = ~np.array(self.constant)
        free[self.poi_index] = False
        if self.compiled is None or not free.any() or not values.size:
            return [None] * values.size
        points = starts.copy()
        points[:, self.poi_index] = values
        fits = self._newton(points, free, self.data if data is None else data, check=check)
        return [minimum for minimum, _ in fits]

    def _newton(
        self,
        starts: Array,
        free: NDArray[np.bool_],
        data: Array,
        *,
        check: bool = True,
        lowest: int | None = None,
    ) -> list[tuple[Minimum | None, Array]]:
        """Fit the compiled likelihood: minima, None where one is not found or not pyhf's, and the ends."""
        if self.compiled is None:
            return [(None, start) for start in starts]
        repeated = np.tile(data, (len(starts), 1))
        batch = fit_with_edges(
            self.compiled, repeated, starts, self.lower, self.upper, ~free, self.scale, lowest
        )
        constant = float(self.compiled.constant(data[None])[0])
        rounding = 100 * float(self.compiled.rounding(data[None])[0])
        found: list[tuple[Minimum | None, Array]] = []
        for start, point, height, converged in zip(
            starts, batch.parameters, batch.twice_nll + constant, batch.converged, strict=True
        ):
            if not converged:
                found.append((None, point if np.isfinite(height) else start))
                continue
            minimum = Minimum(point, self.twice_nll(point, data) if check else float(height))
            agrees = abs(minimum.twice_nll - height) <= _AGREEMENT * max(1.0, abs(height)) + rounding
            if not agrees:
                warnings.warn(
                    f"{self.origin}: the compiled likelihood differs from pyhf's by"
                    f" {height - minimum.twice_nll:.2g}; the fit is left to pyhf",
                    RuntimeWarning,
                    stacklevel=4,
                )
            found.append((minimum if agrees else None, point))
        return found

    def _slsqp(self, point: Array, free: NDArray[np.bool_], data: Array | None) -> Minimum:
        """Fit pyhf's likelihood with SciPy's SLSQP, or with Minuit where that fails."""
        scale, low, high = self.scale[free], self.lower[free], self.upper[free]
        point = point.copy()
        point[free] = np.clip(point[free], low, high)
        start, at = Minimum(point.copy(), self.twice_nll(point, data)), point.copy()

        def objective(scaled: Array) -> float:
            at[free] = np.clip(scaled * scale, low, high)
            return self.twice_nll(at, data)

        def gradient(scaled: Array) -> Array:
            at[free] = np.clip(scaled * scale, low, high)
            return self._slope(at, data)[free] * scale

        found = minimise(
            objective,
            point[free] / scale,
            low / scale,
            high / scale,
            gradient=None if self.compiled is None else gradient,
        )
        if found is None:
            raise FitError(
                f"{self.origin}: the fit does not converge; look at the counts with nuhist inspect"
            )
        point[free] = np.clip(found[0] * scale, low, high)
        return min(Minimum(point, found[1]), start, key=lambda minimum: minimum.twice_nll)

    def _slope(self, point: Array, data: Array | None) -> Array:
        """Gradient of 2NLL from the compiled likelihood."""
        if self.compiled is None:
            raise FitError(f"{self.origin}: no gradient without the compiled likelihood")
        observed = (self.data if data is None else data)[None]
        rates = self.compiled.rates(point[None])
        slope: Array = self.compiled.slope_and_curvature(point[None], rates, observed)[0][0]
        return slope

    def best(self, data: Array | None = None) -> Minimum:
        """Global minimum: a first fit, and others from where :mod:`nuhist.inference.search` says.

        Where one of these is lower, the search goes on from there.
        """
        found = self.minimise(data=data)
        for _ in range(_ROUNDS):
            points = other_starts(self, found, data)
            lowest = min([found, *self._from(points, data)], key=lambda minimum: minimum.twice_nll)
            if lowest.twice_nll >= found.twice_nll - _LOWER:
                return lowest
            found = lowest
        return found

    def _from(self, points: Array, data: Array | None) -> list[Minimum]:
        """Minima from several starts, those that are found."""
        if self.compiled is None:
            return [self.minimise(start=point, data=data) for point in points]
        if not len(points):
            return []
        free = ~np.array(self.constant)
        lowest = _LOWEST if free.sum() > _MANY else None
        fits = self._newton(points, free, self.data if data is None else data, lowest=lowest)
        return [minimum for minimum, _ in fits if minimum is not None]

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
        if is_artefact(self):
            value -= float(minimum.parameters[self.poi_index]) ** 2
        return 0.0 if abs(value) < _ROUNDING else value

    def asimov(self, minimum: Minimum) -> Array:
        """Data expected at a point, auxiliary data included."""
        data = np.asarray(self.model.expected_data(minimum.parameters), dtype=np.float64)
        if self.poi is not None and is_artefact(self):
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


def is_artefact(likelihood: Likelihood) -> bool:
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
