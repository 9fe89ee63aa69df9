"""The profile likelihood of a grid of signal points, interpolated between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nuhist.histfactory.neutrinos import STRENGTH
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.model import Engine, make_likelihood
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_FINE = 2001  # points among which the interpolation's minimum is looked for first


@dataclass(frozen=True, eq=False)
class GridCurve:
    """The curve of a grid: a fit per signal point with strength 1, a cubic spline between them.

    Attributes
    ----------
    coupling
        What the values stand for.
    values
        Of the points, increasing.
    likelihoods, minima
        At each of them.
    without
        The likelihood of the background-only workspace.
    origin
        For messages.
    """

    coupling: CouplingScale
    values: Array
    likelihoods: tuple[Likelihood, ...]
    minima: tuple[Minimum, ...]
    without: Likelihood
    origin: str

    @property
    def heights(self) -> Array:
        """2NLL at the points."""
        return np.array([minimum.twice_nll for minimum in self.minima])

    @property
    def bounds(self) -> tuple[float, float]:
        """Ends of the grid."""
        return float(self.values[0]), float(self.values[-1])

    @cached_property
    def _spline(self) -> Any:
        return _interpolation(self.values, self.heights)

    @cached_property
    def best(self) -> float:
        """Where the interpolation has its minimum."""
        from scipy.optimize import minimize_scalar

        fine = np.linspace(*self.bounds, _FINE)
        start = int(np.argmin(self._spline(fine)))
        around = fine[max(start - 1, 0)], fine[min(start + 1, _FINE - 1)]
        result = minimize_scalar(self._spline, bounds=around, method="bounded")
        node = float(self.values[int(np.argmin(self.heights))])
        return float(min((result.x, fine[start], node), key=self._spline))

    @property
    def min_chi2(self) -> float:
        """2NLL at the minimum less that of the saturated model."""
        saturated: float = self.likelihoods[0].saturated_twice_nll()
        return float(self._spline(self.best)) - saturated

    def __call__(self, value: float) -> float:
        """Δχ² at a value."""
        return float(self._spline(value) - self._spline(self.best))

    def along(self, values: Array) -> Array:
        """Δχ² at several values: nothing is cheaper than the curve itself."""
        return np.asarray(self._spline(values) - self._spline(self.best))

    def beyond(self, value: float, *, edge: bool) -> str:  # noqa: ARG002 - a grid knows no edge
        """In words: what ends the curve at a value, and what to do about it."""
        return "it is the last point of the grid: extend the grid to look further"

    def interpolation_error(self, value: float) -> float | None:
        """Error of a value that is the end of an interval.

        The points beside it are left out one after the other; what the interpolation of the
        others misses them by, over the slope. With every spacing there doubled, this exceeds the
        error of the whole grid, about 16 times where a cubic spline converges as it should.
        """
        if self.values.size < 4:
            return None
        right = int(np.clip(np.searchsorted(self.values, value), 1, self.values.size - 1))
        missed = []
        for index in {right - 1, right} - {0, self.values.size - 1}:
            others = np.delete(np.arange(self.values.size), index)
            spline = _interpolation(self.values[others], self.heights[others])
            missed.append(abs(float(spline(self.values[index])) - self.heights[index]))
        slope = abs(float(self._spline(value, 1)))
        return float(max(missed) / slope) if slope > 0 and missed else None

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        """Nothing: all points of the grid have been fitted."""

    def remarks(self) -> tuple[str, ...]:
        """Whether the grid may be too short to hold the global minimum."""
        low, high = self.bounds
        unit, convert = self.coupling.unit, self.coupling.to_coupling
        if self.best in (low, high) and self.best != 0:
            return (f"the best fit lies at the end of the grid, {convert(self.best):.3g} {unit}; widen it",)
        if low == 0 and self.coupling.coupling.startswith("q_"):
            return ("a signed coupling, of which the grid has one sign only",)
        return ()

    def asimov(self) -> GridCurve:
        """The curve for the data expected from the fit without the coupling."""
        minimum = self.without.minimise({STRENGTH: 0.0})
        return _fit(self.coupling, self.values, self.likelihoods, self.without, self.origin, minimum)


def grid_curve(grid: SignalGrid, measurement: str | None = None, engine: Engine = "compiled") -> GridCurve:
    """Fit every point of a grid, in one of its measurements.

    Raises
    ------
    ModelError
        If a point is no valid model.
    FitError
        If a fit does not converge.
    """

    def likelihood(workspace: Workspace) -> Likelihood:
        return make_likelihood(workspace, measurement=measurement, poi=STRENGTH, engine=engine)

    likelihoods = tuple(likelihood(grid.workspace(point)) for point in grid.points)
    without = likelihood(grid.background)
    values = np.array([point.value for point in grid.points])
    return _fit(grid.coupling, values, likelihoods, without, grid.background.origin, None)


def _fit(
    coupling: CouplingScale,
    values: Array,
    likelihoods: tuple[Likelihood, ...],
    without: Likelihood,
    origin: str,
    expected: Minimum | None,
) -> GridCurve:
    data = None if expected is None else without.asimov(expected)
    minima: list[Minimum] = []
    for likelihood in likelihoods:
        start = minima[-1].parameters if minima else None
        minima.append(likelihood.minimise({STRENGTH: 1.0}, start, data))
    return GridCurve(coupling, values, likelihoods, tuple(minima), without, origin)


def _interpolation(values: Array, heights: Array) -> Any:
    from scipy.interpolate import make_interp_spline

    return make_interp_spline(values, heights, k=min(3, values.size - 1))
