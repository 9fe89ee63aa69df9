"""Upper limits from CLs with the test statistic q̃: asymptotic formulas, or toys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.crossing import find_crossings
from nuhist.inference.execution import Execution, run
from nuhist.inference.likelihood import Minimum
from nuhist.inference.profile import Profile
from nuhist.inference.toys import BATCH, Task, batches, toy_model
from nuhist.tables import Array

Bands = dict[str, float | None]
SIGMAS = (-2, -1, 0, 1, 2)
_FIRST_STEP = 1e-3  # of the parameter's range
_SAME = 1e-7  # in 2NLL: fits end so close to each other
_SPREAD = (0.6, 1.6)  # of the asymptotic limits: where toys are thrown
_POINTS = 8  # values where toys are thrown; twice as many for expected limits


@dataclass(eq=False)
class AsymptoticCls:
    """CLs at values of the parameter of interest, remembered.

    Attributes
    ----------
    profile
        Of the data.
    asimov
        The curve for the data expected from the fit without the coupling.

    References
    ----------
    Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eqs. (16), (64) to (66).
    """

    profile: Profile
    asimov: Profile = field(init=False)
    _known: dict[float, tuple[float, float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.asimov = self.profile.asimov()

    def statistics(self, value: float) -> tuple[float, float]:
        """Square roots of q̃ of the data and of the Asimov data.

        A best fit above the value does not count against it: q̃ is 0 there.
        """
        if value not in self._known:
            before = self.minima
            observed = 0.0 if self.profile.best > value else max(self.profile.delta(value), 0.0)
            roots = float(np.sqrt(observed)), float(np.sqrt(max(self.asimov.delta(value), 0.0)))
            if self.minima != before:  # a scan has found a lower one: what was known is so no more
                self._known.clear()
                return self.statistics(value)
            self._known[value] = roots
        return self._known[value]

    @property
    def minima(self) -> tuple[Minimum, Minimum]:
        """What both curves are measured from."""
        return self.profile.minimum, self.asimov.minimum

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        """Fit several values together, ahead of calls."""
        self.profile.prepare([value for value in values if value >= self.profile.best], check=check)
        self.asimov.prepare(values, check=check)

    def observed(self, value: float) -> float:
        """CLs of the data."""
        root, asimov = self.statistics(value)
        return float(asymptotic_ratio(np.array([root]), asimov)[0])

    def expected(self, value: float, sigma: float) -> float:
        """CLs of a fluctuation of the background by so many standard deviations."""
        from scipy.special import ndtr

        _, asimov = self.statistics(value)
        # A fluctuation upwards (+σ) allows a larger coupling.
        return float(ndtr(sigma - asimov) / ndtr(sigma))


def asymptotic_ratio(root: Array, asimov: float) -> Array:
    """CLs from the square roots of q̃ of data sets and of the Asimov data, by the asymptotic formulas."""
    from scipy.special import ndtr

    if asimov == 0:
        return np.ones_like(root)
    near = root <= asimov
    signal = ndtr(np.where(near, -root, -(root**2 + asimov**2) / (2 * asimov)))
    background = ndtr(np.where(near, asimov - root, -(root**2 - asimov**2) / (2 * asimov)))
    return np.where(background > 0, signal / np.where(background > 0, background, 1.0), 0.0)


def cls_upper(
    profile: Profile, confidence_level: float, *, expected: bool
) -> tuple[float | None, Bands | None]:
    """Upper limit from asymptotic CLs, observed and, if asked for, expected at −2 to +2 σ.

    Raises
    ------
    FitError
        If the parameter is signed.
    """
    _refuse_signed(profile)
    curve = AsymptoticCls(profile)
    functions = [curve.observed]
    functions += [partial(curve.expected, sigma=sigma) for sigma in SIGMAS] if expected else []
    low, high = profile.bounds
    before = None
    while before != curve.minima:  # again where the search has found a lower one
        before = curve.minima
        upper, *bands = find_crossings(
            [partial(_negative, function) for function in functions],
            confidence_level - 1,
            low,
            high,
            step=_FIRST_STEP * (high - low),
            prepare=curve.prepare,
        )
    names = [f"{sigma:+d}" if sigma else "0" for sigma in SIGMAS]
    return upper, dict(zip(names, bands, strict=True)) if expected else None


def _negative(function: Callable[[float], float], value: float) -> float:
    """CLs falls along the coupling; a search looks for where a function rises above a level."""
    return -function(value)


def cls_upper_from_toys(
    profile: Profile,
    confidence_level: float,
    execution: Execution,
    digest: str,
    *,
    expected: bool,
) -> tuple[float | None, Bands | None, tuple[str, ...]]:
    """Upper limit from CLs with toys: thrown with the coupling and without it, at several values.

    Nuisance parameters are true at their profiled values. Between the values log CLs is taken as
    straight. Expected limits put quantiles of the toys without the coupling in the place of the data.

    Raises
    ------
    FitError
        If the parameter is signed, or the limit lies below all values.
    """
    from scipy.special import ndtr

    _refuse_signed(profile)
    low, high = profile.bounds
    upper, bands = cls_upper(profile, confidence_level, expected=expected)
    guesses = [guess or high for guess in (upper, *(bands or {}).values())]
    points = _POINTS if bands is None else 2 * _POINTS
    values = np.linspace(max(_SPREAD[0] * min(guesses), low), min(_SPREAD[1] * max(guesses), high), points)
    model = toy_model(profile.likelihood)
    without = profile.at(0.0).parameters
    per_half = -(-execution.toys // BATCH)
    tasks: list[Task] = []
    for index, value in enumerate(values.tolist()):
        for half, truth in enumerate((profile.at(value).parameters, without)):
            first = (2 * index + half) * per_half
            tasks += batches(truth, value, execution.toys, execution.seed, first)
    results = run(model, tasks, execution, digest)
    statistic = np.concatenate([result[0] for result in results]).reshape(points, 2, execution.toys)
    best = np.concatenate([result[1] for result in results]).reshape(points, 2, execution.toys)
    above = np.isfinite(statistic) & (best > values[:, None, None])
    thrown = np.where(above, 0.0, statistic)  # q̃ from t
    observed = np.array([0.0 if profile.best > value else max(profile.delta(value), 0.0) for value in values])
    alpha = 1 - confidence_level
    limit = _interpolated(values, _ratios(thrown, observed), alpha, execution.toys)
    note = f"{execution.toys} toys with and without the coupling at each of {points} values"
    if bands is None:
        return limit, None, (note,)
    # A fluctuation upwards (+σ) looks more like the coupling: a smaller q̃.
    quantiles = np.nanquantile(thrown[:, 1], ndtr(-np.array(SIGMAS)), axis=1)
    found = {
        name: _interpolated(values, _ratios(thrown, quantile), alpha, execution.toys)
        for name, quantile in zip(bands, quantiles, strict=True)
    }
    return limit, found, (note,)


def _ratios(thrown: Array, observed: Array) -> Array:
    """CLs at each value: toys with q̃ at least as large, with the coupling over those without it.

    ``thrown`` has the shape (values, 2, toys), ``observed`` (values,).
    """
    larger = np.sum(thrown >= observed[:, None, None] - _SAME, axis=2)
    tails = larger / np.sum(np.isfinite(thrown), axis=2)
    return np.where(tails[:, 1] > 0, tails[:, 0] / np.maximum(tails[:, 1], 1e-300), 0.0)


def _interpolated(values: Array, ratios: Array, alpha: float, toys: int) -> float | None:
    below = np.flatnonzero(ratios < alpha)
    if not below.size:
        return None
    if below[0] == 0:
        raise FitError(
            f"CLs from toys is below {alpha:.3g} already at {_SPREAD[0]:g} of the asymptotic limit; throw"
            " more toys, or use --method feldman-cousins"
        )
    right = int(below[0])
    # A value that no toy exceeds has a CLs of less than one toy.
    logs = np.log(np.maximum(ratios[right - 1 : right + 1], 0.5 / toys))
    share = (logs[0] - np.log(alpha)) / (logs[0] - logs[1])
    return float(values[right - 1] + share * (values[right] - values[right - 1]))


def _refuse_signed(profile: Profile) -> None:
    if profile.bounds[0] < 0:
        raise FitError(
            f"{profile.origin}: CLs with q-tilde needs a parameter that is not negative;"
            f" {profile.coupling.name} is signed: use --method profile or feldman-cousins"
        )
