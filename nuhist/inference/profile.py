"""The profile likelihood of the parameter of interest, and where it crosses a level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.curve import Curve
from nuhist.inference.hessian import gradient
from nuhist.inference.likelihood import Likelihood, Minimum, lowest_of
from nuhist.inference.together import Start, prepare_together
from nuhist.inference.without import fit_without, place
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array
from nuhist.values import as_level

_BETTER = 1e-5  # in 2NLL: a scan that finds a minimum lower by more starts again from there
_KNOWN = 0.5  # of 2NLL: where rounding may be more, Δχ² is wrong; it moves limits by 0.3 %
_NEAR = 12.0  # of 2NLL: between values that differ by less, valleys of one lead to those of the other
_EMPTY = 1e-3  # counts at most, at an end where a bin would expect less than nothing
_RESTARTS = 25  # along a narrow valley that bends, each goes a part of the way
_NUMBERS = 2_000_000  # at most in one array of the cheap curve: it bounds the memory

_Result = TypeVar("_Result")


def threshold(confidence_level: float) -> float:
    """Δχ² that a profile-likelihood interval allows: the quantile of χ² with one degree of freedom.

    Raises
    ------
    ConfigError
        If it is no such level, see :func:`nuhist.values.as_level`.

    Examples
    --------
    >>> round(threshold(0.90), 4)
    2.7055
    """
    return NormalDist().inv_cdf((1 - as_level(confidence_level)) / 2) ** 2


@dataclass(eq=False)
class Profile:
    """The curve of one workspace, from a fit per value; it remembers its fits.

    ``fitted`` is the global minimum, where it is at hand.
    """

    likelihood: Likelihood
    data: Array | None = None
    fitted: InitVar[Minimum | None] = None
    minimum: Minimum = field(init=False)
    _known: dict[float, Minimum] = field(init=False, default_factory=dict)

    def __post_init__(self, fitted: Minimum | None) -> None:
        self.minimum = fitted or self.likelihood.best(self.data)

    @property
    def coupling(self) -> CouplingScale:
        """What the parameter stands for."""
        return self.likelihood.interest

    @property
    def best(self) -> float:
        """Parameter of interest at the global minimum."""
        return float(self.minimum.parameters[self.likelihood.poi_index])

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the parameter of interest in the workspace."""
        index = self.likelihood.poi_index
        return float(self.likelihood.lower[index]), float(self.likelihood.upper[index])

    @property
    def min_chi2(self) -> float:
        """2NLL at the minimum less that of the saturated model."""
        return self.likelihood.min_chi2(self.minimum)

    @property
    def origin(self) -> str:
        """Where the workspace came from."""
        return self.likelihood.origin

    def __call__(self, value: float) -> float:
        """Δχ² at a value of the parameter.

        Raises
        ------
        LowerMinimumError
            If the fit there is better than the global minimum known so far, which is replaced.
        """
        result = self.at(value)
        if result.twice_nll < self.minimum.twice_nll - _BETTER:
            found = self.likelihood.minimise(start=result.parameters, data=self.data)
            self.minimum = min(found, result, key=lambda minimum: minimum.twice_nll)
            raise LowerMinimumError
        return result.twice_nll - self.minimum.twice_nll

    def along(self, values: Array) -> Array:
        """Δχ² with the other parameters as in the best fit: no fit, and nowhere below the curve."""
        likelihood, best = self.likelihood, self.minimum.parameters
        points = np.tile(best, (values.size + 1, 1))
        points[1:, likelihood.poi_index] = values
        observed = likelihood.data if self.data is None else self.data
        model = likelihood.compiled
        if model is None:
            heights = np.array([likelihood.twice_nll(point, observed) for point in points])
        else:
            size = max(1, _NUMBERS // observed.size)
            parts = [points[first : first + size] for first in range(0, len(points), size)]
            heights = np.concatenate(
                [
                    model.twice_nll(part, np.broadcast_to(observed, (len(part), observed.size)))
                    for part in parts
                ]
            )
        # On an edge the best fit may lie beyond it by rounding, where nothing is known of the curve.
        return np.where(np.isfinite(heights[0]), heights[1:] - heights[0], np.inf)

    def beyond(self, value: float, *, edge: bool) -> str:
        """A text that says what ends the curve at a value, and what to do about it."""
        name, likelihood = self.coupling.name, self.likelihood
        if edge:
            counts = likelihood.expected(self.at(value).parameters)
            seen = likelihood.data[: counts.size] > 0
            least = np.where(seen, np.inf, counts)
            if least.min() > _EMPTY:
                return "there Δχ² jumps"
            where = place(likelihood, int(np.argmin(least)))
            return f"from there on {where} would expect less than nothing"
        if not self._changes_counts(value):
            return f"{name} changes no expected count, so that nothing limits it"
        if not np.isclose(value, self.bounds, rtol=1e-9, atol=0.0).any():
            return f"further out, up to its bound, {name} was not looked at"
        return f"it is the bound of {name}, {value:g}: give it a wider one to look further"

    def _changes_counts(self, value: float) -> bool:
        """Whether moving the parameter of interest from a value changes an expected count."""
        likelihood, index = self.likelihood, self.likelihood.poi_index
        step = likelihood.scale[index]
        others = np.clip([value - step, value + step], likelihood.lower[index], likelihood.upper[index])
        # At the start, too: where another factor of its samples ends at 0, a strength does nothing.
        for point in (likelihood.start, self.minimum.parameters):
            points = np.tile(point, (4, 1))
            points[:, index] = [value, *others, point[index]]
            counts = [likelihood.expected(each) for each in points]
            if any(not np.array_equal(counts[0], other) for other in counts[1:]):
                return True
        return False

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        """Fit several values in one batch; what does not converge so is left to single fits."""
        prepare_together([(self, values)], check=check)

    def starts(self, values: Sequence[float]) -> tuple[list[Start], list[Start]]:
        """Starts of fits at values that are not known, and others for those that end nowhere from these."""
        unknown = [value for value in dict.fromkeys(values) if value not in self._known]
        near = {self.best: self.minimum, **self._known}
        first, second = list[Start](), list[Start]()
        for value in unknown:
            between = self._beside(value, near)
            first += [Start(self, value, start, afresh=False) for start in between]
            nearest = near[min(near, key=lambda known: abs(known - value))].parameters
            (second if between else first).append(Start(self, value, nearest, afresh=True))
        return first, second

    def learn(self, found: Mapping[float, Sequence[Minimum]]) -> None:
        """Take fits at values; of several of one value the lowest counts."""
        self._known |= {
            value: lowest_of(minima) if len(minima) > 1 else minima[0] for value, minima in found.items()
        }

    def knows(self, value: float) -> bool:
        """Whether there is a fit at a value."""
        return value in self._known

    def _beside(self, value: float, near: Mapping[float, Minimum]) -> list[Array]:
        """The minima that are known to both sides of a value, if it lies between two, near to each other.

        Valleys go on from one value to the next, so that a fit need not start afresh there.
        """
        below = max((known for known in near if known < value), default=None)
        above = min((known for known in near if known > value), default=None)
        if below is None or above is None:
            return []
        ends = near[below], near[above]
        if not abs(ends[0].twice_nll - ends[1].twice_nll) < _NEAR:
            return []
        return [start for end in ends for start in (end.parameters, *end.others)]

    def refuse_broken(self, level: float) -> None:  # noqa: ARG002 - every value has its fit
        """Refuse counts so large that 2NLL, a sum of terms n ln n, is not known well enough.

        Raises
        ------
        FitError
            If it is not.
        """
        observed = self.likelihood.data if self.data is None else self.data
        if self.likelihood.arrays is None:
            return
        unknown = float(self.likelihood.arrays.rounding(observed[None])[0])
        if unknown > _KNOWN:
            raise FitError(
                f"{self.origin}: the counts are so large that rounding leaves 2NLL unknown by {unknown:.2g},"
                " and limits would be wrong; leave out or divide the bins with the most events"
            )

    def delta(self, value: float) -> float:
        """Δχ² at a value, against whatever is the lowest minimum known afterwards."""
        return heights_at(self, [value])[0]

    def slope(self, value: float) -> float:
        """Derivative of Δχ² at a value: that of 2NLL along it, since the other parameters are fitted."""
        model = self.likelihood.arrays
        if model is None:
            return np.nan
        observed = self.likelihood.data if self.data is None else self.data
        found = gradient(model, self.at(value).parameters[None], observed[None])
        return float(found[0, self.likelihood.poi_index])

    def at(self, value: float) -> Minimum:
        """Fit with the parameter of interest held at a value."""
        if value == self.best:
            return self.minimum
        self.prepare([value])
        if value not in self._known:
            near = {self.best: self.minimum, **self._known}
            start = near[min(near, key=lambda known: abs(known - value))]
            self._known[value] = self._conditional(value, start)
        return self._known[value]

    def _conditional(self, value: float, start: Minimum) -> Minimum:
        """Fit with the parameter of interest held; infinite where the model has no density."""
        try:
            return self.likelihood.minimise({self.coupling.name: value}, start.parameters, self.data)
        except FitError:
            point = start.parameters.copy()
            point[self.likelihood.poi_index] = value
            if np.isfinite(self.likelihood.twice_nll(point, self.data)):
                raise
            return Minimum(point, np.inf)

    def asimov(self) -> Profile:
        """The curve for the data expected from the fit without the coupling.

        Raises
        ------
        FitError
            If the data are impossible without it.
        """
        likelihood = self.likelihood
        without = fit_without(likelihood, self.minimum, self.data)
        data = likelihood.asimov(without)
        return Profile(likelihood, data, fitted=likelihood.saturated(without.parameters, data))

    @property
    def splits(self) -> bool:
        """Whether the model is small and has factors that may act against each other."""
        return bool(len(self.likelihood.scattered))

    def remarks(self) -> tuple[str, ...]:
        """Nothing: the bounds of the parameter are the workspace's own."""
        return ()

    def interpolation_error(self, value: float) -> None:  # noqa: ARG002 - nothing is interpolated
        """None: every value has its fit."""
        return


class LowerMinimumError(Exception):
    """A scan has found a lower minimum than the best fit."""


def heights_at(curve: Curve, values: Sequence[float]) -> list[float]:
    """Δχ² at several values, all against the same global minimum."""
    curve.prepare(values)
    return retried(lambda: [max(curve(value), 0.0) for value in values], curve.origin)


def retried(scan: Callable[[], _Result], origin: str) -> _Result:
    """What a scan returns, started again when it finds a lower minimum than the best fit."""
    for _ in range(_RESTARTS):
        try:
            return scan()
        except LowerMinimumError:
            continue
    raise FitError(f"{origin}: the scan finds ever lower minima; the fit is unstable")
