"""Upper limits from CLs with the test statistics q̃ and q, by asymptotic formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.crossing import End, Search, find_crossings
from nuhist.inference.likelihood import Minimum
from nuhist.inference.profile import Profile
from nuhist.inference.reach import outwards, reach
from nuhist.physics.coupling import spaced
from nuhist.tables import Array

Bands = dict[str, float | None]
TestStatistic = Literal["qtilde", "q"]
SIGMAS = (-2, -1, 0, 1, 2)
_BEYOND = 1.5  # of the least distance of an expected limit: where the search begins
_AHEAD = 4  # doubled distances in a first round: up to beyond the highest expected limit
_LEAST = 1e-300  # CLs: less counts as this


@dataclass(eq=False)
class AsymptoticCls:
    """CLs at values of the parameter of interest, remembered.

    Attributes
    ----------
    profile
        Of the data.
    test_statistic
        ``"qtilde"``, for a parameter with a boundary at 0, or ``"q"``, for one without. Both are Δχ² above
        the best fit within the bounds and 0 below it; they differ in their distributions, as in pyhf.
    asimov
        The curve for the data expected from the fit without the coupling.

    References
    ----------
    Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eqs. (14), (16), (57) to (59), (64) to (66).
    """

    profile: Profile
    test_statistic: TestStatistic = "qtilde"
    asimov: Profile = field(init=False)
    _known: dict[float, tuple[float, float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.asimov = self.profile.asimov()

    def statistics(self, value: float) -> tuple[float, float]:
        """Square roots of the test statistic of the data and of the Asimov data.

        A best fit above the value does not count against it: the statistic is 0 there.
        """
        if value not in self._known:
            before = self.minima
            observed = 0.0 if self.profile.best > value else max(self.profile.delta(value), 0.0)
            # Without the coupling the best fit is at 0, and below it nothing counts against a value.
            without = max(self.asimov.delta(value), 0.0) if value > 0 else 0.0
            roots = float(np.sqrt(observed)), float(np.sqrt(without))
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
        return float(asymptotic_ratio(np.array([root]), asimov, self.test_statistic)[0])

    def expected(self, value: float, sigma: float) -> float:
        """CLs of a fluctuation of the background by so many standard deviations."""
        from scipy.special import ndtr

        _, asimov = self.statistics(value)
        # A fluctuation upwards (+σ) allows a larger coupling.
        return float(ndtr(sigma - asimov) / ndtr(sigma))


def asymptotic_ratio(root: Array, asimov: Array | float, test_statistic: TestStatistic = "qtilde") -> Array:
    """CLs from the square roots of q̃ or q of data sets and of their Asimov data, by asymptotic formulas.

    NaN where one of them is.
    """
    from scipy.special import log_ndtr

    root, asimov = np.broadcast_arrays(root, asimov)
    # Where the data cannot tell, CLs is 1, and where q̃ is infinite, it is 0.
    usual = np.isfinite(asimov) & (asimov > 0)
    scale = np.where(usual, asimov, 1.0)
    near = (root <= scale) | (test_statistic == "q")
    with np.errstate(invalid="ignore", over="ignore"):  # an infinite root
        signal = np.where(near, -root, -(root**2 + scale**2) / (2 * scale))
        background = np.where(near, scale - root, -(root**2 - scale**2) / (2 * scale))
        # Far below the background both tails are 0 in a double, and their ratio is what counts.
        ratio = np.exp(log_ndtr(signal) - log_ndtr(background))
    ratio = np.where(usual, np.where(np.isinf(root), 0.0, ratio), np.where(asimov == 0, 1.0, 0.0))
    return np.where(np.isnan(root) | np.isnan(asimov), np.nan, ratio)


@dataclass(frozen=True, slots=True)
class ClsLimits:
    """Upper limits from CLs.

    Attributes
    ----------
    upper, bands
        Observed, and expected by number of standard deviations; None where CLs does not fall so low.
    notes
        What a reader should know.
    error
        Standard error of ``upper`` from the number of toys; None without toys.
    """

    upper: float | None
    bands: Bands | None
    notes: tuple[str, ...]
    error: float | None = None

    @property
    def range(self) -> tuple[float, float] | None:
        """In which the limit lies at two standard errors; None without toys."""
        if self.upper is None or self.error is None:
            return None
        return self.upper - 2 * self.error, self.upper + 2 * self.error


def cls_upper(
    profile: Profile,
    confidence_level: float,
    *,
    expected: bool,
    test_statistic: TestStatistic | None = None,
) -> tuple[float | None, Bands | None]:
    """Upper limits of :func:`cls_limits` without its notes."""
    found = cls_limits(profile, confidence_level, expected=expected, test_statistic=test_statistic)
    return found.upper, found.bands


def cls_limits(
    profile: Profile,
    confidence_level: float,
    *,
    expected: bool,
    test_statistic: TestStatistic | None = None,
) -> ClsLimits:
    """Upper limit from asymptotic CLs, observed and, if asked for, expected at −2 to +2 σ.

    Where CLs falls below 1 − CL several times, the limit is the largest value.

    Parameters
    ----------
    profile
        Of the data.
    confidence_level
        Such as 0.95.
    expected
        Whether to look for the expected limits.
    test_statistic
        By default what :func:`natural_statistic` says.

    Raises
    ------
    FitError
        If counts turn along the parameter, or all values within its bounds are excluded.
    """
    return limits_of(asymptotic_cls(profile, test_statistic), confidence_level, expected=expected)


def asymptotic_cls(profile: Profile, test_statistic: TestStatistic | None = None) -> AsymptoticCls:
    """CLs of a profile, with what :func:`cls_limits` refuses refused."""
    refuse_turning(profile)
    profile.refuse_broken(0.0)
    return AsymptoticCls(profile, test_statistic or natural_statistic(profile))


def limits_of(curve: AsymptoticCls, confidence_level: float, *, expected: bool) -> ClsLimits:
    """Upper limits of :func:`cls_limits`, where CLs is known already at some values."""
    natural = natural_statistic(curve.profile)
    functions: dict[str, Callable[[float], float]] = {"observed": curve.observed}
    if expected:
        functions |= {
            f"{sigma:+d}" if sigma else "0": partial(curve.expected, sigma=sigma) for sigma in SIGMAS
        }
    alpha = 1 - confidence_level
    before = None
    while before != curve.minima:  # again where the search has found a lower one
        before = curve.minima
        searches = _searches(curve, list(functions.values()), alpha)
        ends = dict(
            zip(functions, find_crossings(searches, -float(np.log(alpha)), curve.prepare), strict=True)
        )
    limits = {name: None if end.edge else end.value for name, end in ends.items()}
    notes = (*_notes(curve, ends, alpha), *_statistic_notes(curve, natural))
    return ClsLimits(limits.pop("observed"), limits if expected else None, notes)


def _searches(
    curve: AsymptoticCls, functions: Sequence[Callable[[float], float]], alpha: float
) -> list[Search]:
    """Where to look for the limits: outwards from where the lowest of the expected ones may lie."""
    from scipy.special import ndtr, ndtri

    low, high = curve.profile.bounds
    low = max(low, 0.0) if high > 0 else low  # below 0 CLs is 1
    # √q̃ of the Asimov data at the expected limit of −2 σ: without a fit it is reached no later, so that
    # all expected limits lie further out.
    lowest = -float(ndtri(alpha * ndtr(SIGMAS[0]))) + SIGMAS[0]
    distance, edge = reach(curve.asimov.along, lowest**2, low, high)
    inside, values = low + distance, outwards(low, high, _BEYOND * (distance or high - low), edge=edge)

    def above(function: Callable[[float], float], value: float) -> float:
        """−ln CLs, nearly a parabola; infinite where there is no model."""
        possible = np.isfinite(curve.statistics(value)).all()
        return -float(np.log(max(function(value), _LEAST))) if possible else np.inf

    return [
        Search(partial(above, function), low, values if known < high else (), _AHEAD, known)
        for function, known in zip(functions, [low] + (len(functions) - 1) * [inside], strict=True)
    ]


def _notes(curve: AsymptoticCls, ends: Mapping[str, End], alpha: float) -> tuple[str, ...]:
    notes, profile, end = [], curve.profile, ends["observed"]
    if end.regions > 1:
        notes.append(f"CLs falls below {alpha:.3g} in {end.regions} places; the limit is the last of them")
    if end.value is None or end.edge:
        last = end.last(profile.bounds[1])
        notes.append(
            f"no upper limit: at {_at(profile, last)} CLs is still {curve.observed(last):.2g};"
            f" {profile.beyond(last, edge=end.edge)}"
        )
    bands = [name for name, end in ends.items() if name != "observed" and (end.value is None or end.edge)]
    if bands:
        far = _at(profile, ends[bands[0]].last(profile.bounds[1]))
        notes.append(f"no expected limit at {', '.join(bands)} σ: CLs stays above {alpha:.3g} up to {far}")
    return tuple(notes)


def natural_statistic(profile: Profile) -> TestStatistic:
    """q̃ where the parameter has a boundary at 0, q where it may be negative."""
    return "q" if profile.bounds[0] < 0 else "qtilde"


def _statistic_notes(curve: AsymptoticCls, natural: TestStatistic) -> tuple[str, ...]:
    """What is odd about a test statistic that was asked for by name."""
    if curve.test_statistic == natural:
        return ()
    if natural == "q":
        return (
            "q-tilde is made for a parameter that is not negative, and this one may be: the best fit is not"
            " held at 0 or above, as in pyhf",
        )
    return ("q is made for a parameter without a boundary, and this one has one at 0: q-tilde allows for it",)


def refuse_turning(profile: Profile) -> None:
    """Refuse an upper limit of a parameter whose two signs change the counts alike.

    Raises
    ------
    FitError
        With what to use instead.
    """
    arrays, index = profile.likelihood.arrays, profile.likelihood.poi_index
    if profile.bounds[0] < 0 and (arrays is None or index in arrays.turning):
        name = profile.coupling.name
        raise FitError(
            f"{profile.origin}: CLs is an upper limit, and {name} is signed: both its signs change the counts"
            " alike; use --method profile or feldman-cousins"
        )


def _at(profile: Profile, value: float) -> str:
    """A coupling in words."""
    return f"{profile.coupling.to_coupling(value):.3g}{spaced(profile.coupling.unit)}"


def refuse_signed(profile: Profile) -> None:
    """Refuse a parameter that can be negative.

    Raises
    ------
    FitError
        If it can.
    """
    if profile.bounds[0] < 0:
        raise FitError(
            f"{profile.origin}: CLs with toys needs a parameter that is not negative;"
            f" {profile.coupling.name} is signed: use --method profile or feldman-cousins"
        )
