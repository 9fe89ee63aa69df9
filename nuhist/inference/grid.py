"""The profile likelihood of a grid of signal points, interpolated between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nuhist.errors import FitError
from nuhist.histfactory.equal_values import equal_runs
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.templates import STRENGTH
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.checked_spline import FEWEST, CheckedSpline, checked_spline
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.prepare import Engine, make_likelihood
from nuhist.physics.coupling import CouplingScale, spaced
from nuhist.tables import Array

_DIFFERENT = 1e-3  # in 2NLL, of itself where it is above 1: by which points of one value may differ


@dataclass(frozen=True, eq=False)
class GridCurve:
    """The curve of a grid: a fit per signal point with strength 1, a checked cubic spline between them.

    Attributes
    ----------
    coupling
        What the values stand for.
    values
        Values of the points, increasing; those that are equal up to rounding are one point.
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

    @cached_property
    def heights(self) -> Array:
        """2NLL at the points, less that of the point's own saturated model."""
        pairs = zip(self.likelihoods, self.minima, strict=True)
        return np.array([likelihood.min_chi2(minimum) for likelihood, minimum in pairs])

    @property
    def bounds(self) -> tuple[float, float]:
        """Ends of the grid."""
        return float(self.values[0]), float(self.values[-1])

    @cached_property
    def _spline(self) -> CheckedSpline:
        if self.values.size < FEWEST:
            raise FitError(
                f"{self.origin}: {self.values.size} signal points are too few to check an interpolation"
                f" between them; it takes {FEWEST}"
            )
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                return checked_spline(self.values, self.heights)
        except (ArithmeticError, ValueError) as error:
            raise FitError(f"{self.origin}: its signal points lie too unevenly to interpolate") from error

    @property
    def best(self) -> float:
        """Where the interpolation has its minimum."""
        return self._spline.lowest

    @property
    def min_chi2(self) -> float:
        """2NLL at the minimum less that of the saturated model; never below 0."""
        return max(float(self._spline(self.best)), 0.0)

    def __call__(self, value: float) -> float:
        """Δχ² at a value."""
        return float(self._spline(value) - self._spline(self.best))

    def along(self, values: Array) -> Array:
        """Δχ² at several values: nothing is cheaper than the curve itself."""
        return np.asarray(self._spline(values) - self._spline(self.best))

    def beyond(self, value: float, *, edge: bool) -> str:  # noqa: ARG002 - a grid knows no edge
        """A text that says what ends the curve at a value, and what to do about it."""
        return "it is the last point of the grid: extend the grid to look further"

    def interpolation_error(self, value: float) -> float | None:
        """Error of a value that is the end of an interval: that of Δχ² there, over its slope.

        Δχ² has the error of the interpolation at the value and that at the minimum, see
        :mod:`nuhist.inference.checked_spline`.
        """
        slope = abs(self._spline.slope(value))
        error = self._spline.error(value) + self._spline.error(self.best)
        return error / slope if slope > 0 else None

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        """Nothing has to be fitted; values that are reported must not lie where the curve is broken.

        Raises
        ------
        FitError
            If one does.
        """
        broken = (self._spline.broken_at(value) for value in values if check)
        self._refuse(index for index in broken if index is not None)

    def refuse_broken(self, level: float) -> None:
        """Refuse a curve that is broken where Δχ² is, or may be, below a level.

        Raises
        ------
        FitError
            With the place.
        """
        self._refuse(self._spline.broken_below(level))

    def _refuse(self, intervals: Iterable[int]) -> None:
        for index in intervals:
            low, high = map(self.coupling.to_coupling, self.values[index : index + 2])
            raise FitError(
                f"{self.origin}: between the signal points at {low:.6g} and"
                f" {high:.6g}{spaced(self.coupling.unit)} 2NLL is not smooth or the grid too coarse, and what"
                f" is interpolated may be wrong by {self._spline.errors[index]:.2g}; add points there"
            )

    @property
    def splits(self) -> bool:
        """Nothing costs a fit here."""
        return False

    def remarks(self) -> tuple[str, ...]:
        """Whether the grid may be too short to hold the global minimum."""
        low, high = self.bounds
        unit, convert = self.coupling.unit, self.coupling.to_coupling
        if self.best in (low, high) and self.best != 0:
            return (
                f"the best fit lies at the end of the grid, {convert(self.best):.3g}{spaced(unit)}; widen it",
            )
        if low == 0 and not self.coupling.is_plain and self.coupling.coupling.startswith("q_"):
            return ("a signed coupling, of which the grid has one sign only",)
        return ()

    def asimov(self) -> GridCurve:
        """The curve for the data expected from the fit without the coupling."""
        without = self.without.minimise({STRENGTH: 0.0})
        counts = self.without.asimov(without)[: self.without.model.config.nmaindata]
        likelihoods = []
        for likelihood in self.likelihoods:
            # A patch may change what constrains the parameters: auxiliary data are its own.
            at = Minimum(_carried(self.without, without, likelihood), np.nan)
            auxiliary = likelihood.asimov(at)[counts.size :]
            likelihoods.append(replace(likelihood, data=np.concatenate([counts, auxiliary])))
        return _fit(self.coupling, self.values, likelihoods, self.without, self.origin)


def grid_curve(grid: SignalGrid, measurement: str | None = None, engine: Engine = "compiled") -> GridCurve:
    """Fit every point of a grid, in one of its measurements.

    Raises
    ------
    ModelError
        If a point is no valid model.
    FitError
        If a fit does not converge, or points of one value have different likelihoods.
    """

    def likelihood(workspace: Workspace) -> Likelihood:
        return make_likelihood(workspace, measurement=measurement, poi=STRENGTH, engine=engine)

    points = sorted(grid.points, key=lambda point: (point.value, point.name))
    likelihoods = [likelihood(grid.workspace(point)) for point in points]
    without = likelihood(grid.background)
    values = np.array([point.value for point in points])
    curve = _fit(grid.coupling, values, likelihoods, without, grid.background.origin)
    return _merged(curve, [point.name for point in points])


def _merged(curve: GridCurve, names: Sequence[str]) -> GridCurve:
    """The curve with points of one value put together: their lowest fit."""
    heights, kept = curve.heights, []
    for run in equal_runs(curve.values.tolist()):
        lowest = min(run, key=lambda index: float(heights[index]))
        highest = max(run, key=lambda index: float(heights[index]))
        difference = float(heights[highest] - heights[lowest])
        if difference > _DIFFERENT * max(1.0, abs(float(heights[lowest]))):
            raise FitError(
                f"{curve.origin}: the patches '{names[lowest]}' and '{names[highest]}' are of one value, but"
                f" their 2NLL differs by {difference:.2g}; remove the wrong one"
            )
        kept.append(lowest)
    return replace(
        curve,
        values=curve.values[kept],
        likelihoods=tuple(curve.likelihoods[index] for index in kept),
        minima=tuple(curve.minima[index] for index in kept),
    )


def _fit(
    coupling: CouplingScale,
    values: Array,
    likelihoods: Sequence[Likelihood],
    without: Likelihood,
    origin: str,
) -> GridCurve:
    """Each point from its own start, and from where its neighbours on both sides have ended."""
    minima = [likelihood.minimise({STRENGTH: 1.0}) for likelihood in likelihoods]
    for step in (1, -1):
        for index in range(len(minima))[::step][1:]:
            start = _carried(likelihoods[index - step], minima[index - step], likelihoods[index])
            found = likelihoods[index].minimise({STRENGTH: 1.0}, start)
            minima[index] = min(minima[index], found, key=lambda minimum: minimum.twice_nll)
    for likelihood, minimum in zip(likelihoods, minima, strict=True):
        if not np.isfinite(minimum.twice_nll):
            raise FitError(f"{likelihood.origin}: the data are impossible there; leave this point out")
    return GridCurve(coupling, values, tuple(likelihoods), tuple(minima), without, origin)


def _carried(neighbour: Likelihood, minimum: Minimum, likelihood: Likelihood) -> Array:
    """A start from a neighbour's fit: a patch may have parameters of its own."""
    found = dict(zip(neighbour.names, minimum.parameters, strict=True))
    pairs = zip(likelihood.names, likelihood.initial, strict=True)
    return np.array([found.get(name, initial) for name, initial in pairs])
