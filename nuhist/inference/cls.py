"""Upper limits from CLs with the test statistic q̃: asymptotic formulas, or toys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.execution import Execution, run
from nuhist.inference.profile import Profile, profile_ends, threshold
from nuhist.inference.toys import BATCH, Task, batches, toy_model
from nuhist.tables import Array

SIGMAS = (-2, -1, 0, 1, 2)
_PRECISION = 1e-4  # of the limit, relative
_SAME = 1e-7  # in 2NLL: fits end so close to each other
_SPREAD = (0.6, 1.6)  # of the asymptotic limit: where toys are thrown first


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
            observed = 0.0 if self.profile.best > value else max(self.profile.delta(value), 0.0)
            self._known[value] = float(np.sqrt(observed)), float(np.sqrt(max(self.asimov.delta(value), 0.0)))
        return self._known[value]

    def observed(self, value: float) -> float:
        """CLs of the data."""
        from scipy.special import ndtr

        root, asimov = self.statistics(value)
        if asimov == 0:
            return 1.0
        if root <= asimov:
            signal, background = ndtr(-root), ndtr(asimov - root)
        else:
            signal = ndtr(-(root**2 + asimov**2) / (2 * asimov))
            background = ndtr(-(root**2 - asimov**2) / (2 * asimov))
        return float(signal / background) if background > 0 else 0.0

    def expected(self, value: float, sigma: float) -> float:
        """CLs of a fluctuation of the background by so many standard deviations."""
        from scipy.special import ndtr

        _, asimov = self.statistics(value)
        # A fluctuation upwards (+σ) allows a larger coupling.
        return float(ndtr(sigma - asimov) / ndtr(sigma))


def cls_upper(
    profile: Profile, confidence_level: float, *, expected: bool
) -> tuple[float | None, dict[str, float | None] | None]:
    """Upper limit from asymptotic CLs, observed and, if asked for, expected at −2 to +2 σ.

    Raises
    ------
    FitError
        If the parameter is signed.
    """
    _refuse_signed(profile)
    alpha = 1 - confidence_level
    low, high = profile.bounds
    first = profile_ends(profile, threshold(confidence_level))[0][1] or high
    curve = AsymptoticCls(profile)
    upper = _falls_below(curve.observed, alpha, low, first, high)
    if not expected:
        return upper, None
    bands = {
        f"{sigma:+d}" if sigma else "0": _falls_below(
            partial(curve.expected, sigma=sigma), alpha, low, first, high
        )
        for sigma in SIGMAS
    }
    return upper, bands


def cls_upper_from_toys(
    profile: Profile,
    confidence_level: float,
    execution: Execution,
    digest: str,
    *,
    points: int = 8,
) -> tuple[float | None, tuple[str, ...]]:
    """Upper limit from CLs with toys: thrown with the coupling and without it, at several values.

    Nuisance parameters are true at their profiled values. Between the values log CLs is taken as
    straight.

    Raises
    ------
    FitError
        If the parameter is signed, or the limit lies below all values.
    """
    _refuse_signed(profile)
    low, high = profile.bounds
    guess = cls_upper(profile, confidence_level, expected=False)[0] or high
    values = np.linspace(max(_SPREAD[0] * guess, low), min(_SPREAD[1] * guess, high), points)
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
    thrown = np.where(best > values[:, None, None], 0.0, statistic)  # q̃ from t
    observed = np.array([0.0 if profile.best > value else max(profile.delta(value), 0.0) for value in values])
    larger = np.sum(thrown >= observed[:, None, None] - _SAME, axis=2)
    tails = larger / np.sum(np.isfinite(statistic), axis=2)
    ratios = np.where(tails[:, 1] > 0, tails[:, 0] / np.maximum(tails[:, 1], 1e-300), 0.0)
    note = f"{execution.toys} toys with and without the coupling at each of {points} values"
    return _interpolated(values, ratios, 1 - confidence_level, execution.toys), (note,)


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


def _falls_below(
    function: Callable[[float], float], alpha: float, low: float, first: float, high: float
) -> float | None:
    """Where a falling function crosses a value, searched for from a first guess."""
    from scipy.optimize import brentq

    left = right = first
    while function(right) > alpha:
        if right >= high:
            return None
        left, right = right, min(1.5 * right, high)
    while function(left) <= alpha:
        right, left = left, low + (left - low) / 1.5
        if left - low < 1e-6 * first:
            return None
    return float(brentq(lambda value: function(float(value)) - alpha, left, right, rtol=_PRECISION))
