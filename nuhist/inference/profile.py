"""The profile likelihood of the parameter of interest, and where it crosses a level."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nuhist.errors import ConfigError, FitError
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_PRECISION = 1e-4  # of an end of an interval, relative
_BETTER = 1e-5  # in 2NLL: a scan that finds a minimum lower by more starts again from there
_FIRST_STEP = 1e-3  # of the parameter's range
_SIGNED_NODES = 49  # of the scan that looks for separate regions of a signed parameter


def threshold(confidence_level: float) -> float:
    """Δχ² that a profile-likelihood interval allows: the quantile of χ² with one degree of freedom.

    Raises
    ------
    ConfigError
        If the level is not between 0 and 1.

    Examples
    --------
    >>> round(threshold(0.90), 4)
    2.7055
    """
    from scipy.special import chdtri

    if not 0 < confidence_level < 1:
        raise ConfigError(f"confidence level {confidence_level:g}: must lie between 0 and 1, such as 0.90")
    return float(chdtri(1, 1 - confidence_level))


@dataclass(eq=False)
class Profile:
    """2NLL minimised over all parameters but the one of interest, remembering what it knows."""

    likelihood: Likelihood
    data: Array | None = None
    minimum: Minimum = field(init=False)
    _known: dict[float, Minimum] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.minimum = self.likelihood.best(self.data)

    @property
    def coupling(self) -> CouplingScale:
        """What the parameter stands for."""
        return self.likelihood.interest

    @property
    def best(self) -> float:
        """Parameter of interest at the global minimum."""
        return float(self.minimum.parameters[self.likelihood.poi_index])

    def __call__(self, value: float) -> float:
        """Δχ² at a value of the parameter; below zero if the global minimum was not global."""
        if value not in self._known:
            near = {self.best: self.minimum, **self._known}
            start = near[min(near, key=lambda known: abs(known - value))]
            fixed = {self.coupling.name: value}
            self._known[value] = self.likelihood.minimise(fixed, start.parameters, self.data)
        result = self._known[value]
        if result.twice_nll < self.minimum.twice_nll - _BETTER:
            self.minimum = self.likelihood.minimise(start=result.parameters, data=self.data)
            raise LowerMinimumError
        return result.twice_nll - self.minimum.twice_nll


class LowerMinimumError(Exception):
    """A scan has found a lower minimum than the best fit."""


def profile_ends(profile: Profile, level: float) -> tuple[tuple[float | None, float | None], tuple[str, ...]]:
    """Ends of the region with Δχ² below a level, and notes on what is special about it.

    Returns
    -------
    Lower and upper end as values of the parameter (None where open: at the boundary of a
    parameter that cannot be negative, or where the level is not reached within its bounds).
    """
    for _ in range(5):
        try:
            return _ends(profile, level)
        except LowerMinimumError:
            continue
    raise FitError(f"{profile.likelihood.origin}: the scan finds ever lower minima; the fit is unstable")


def _ends(profile: Profile, level: float) -> tuple[tuple[float | None, float | None], tuple[str, ...]]:
    index = profile.likelihood.poi_index
    low, high = profile.likelihood.lower[index], profile.likelihood.upper[index]
    notes: list[str] = []
    best = profile.best
    inside = [best]
    if low < 0:
        nodes = np.linspace(low, high, _SIGNED_NODES)
        inside += [float(node) for node in nodes if profile(float(node)) < level]
        regions = 1 + sum(
            profile((a + b) / 2) > level for a, b in zip(sorted(inside)[:-1], sorted(inside)[1:], strict=True)
        )
        if regions > 1:
            notes.append(f"{regions} separate regions; the interval spans them all")
    lower = _crossing(profile, level, min(inside), low)
    upper = _crossing(profile, level, max(inside), high)
    unit, convert = profile.coupling.unit, profile.coupling.to_coupling
    if lower is None and low < 0:
        notes.append(f"open below: {convert(low):.3g} {unit} is still allowed")
    if upper is None:
        notes.append(f"open above: {convert(high):.3g} {unit} is still allowed")
    return (lower, upper), tuple(notes)


def _crossing(profile: Profile, level: float, start: float, bound: float) -> float | None:
    """Where Δχ² crosses the level between a value inside and a bound, or None."""
    from scipy.optimize import brentq

    index = profile.likelihood.poi_index
    span = float(profile.likelihood.upper[index] - profile.likelihood.lower[index])
    direction = 1.0 if bound > start else -1.0
    step, inside = _FIRST_STEP * span, start
    while True:
        outside = start + direction * step
        if (bound - outside) * direction <= 0:
            outside = float(bound)
        if outside == inside:
            return None
        if profile(outside) > level:
            break
        if outside == bound:
            return None
        inside, step = outside, 2 * step
    tolerance = _PRECISION * max(abs(outside), 1e-3 * step)
    return float(
        brentq(lambda value: profile(float(value)) - level, inside, outside, xtol=tolerance, rtol=1e-6)
    )


def asimov_upper(likelihood: Likelihood, profile: Profile, level: float) -> float | None:
    """Upper end for the Asimov data of the fit without the coupling."""
    without = likelihood.minimise({profile.coupling.name: 0.0}, profile.minimum.parameters)
    asimov = np.asarray(likelihood.model.expected_data(without.parameters), dtype=np.float64)
    return profile_ends(Profile(likelihood, asimov), level)[0][1]
