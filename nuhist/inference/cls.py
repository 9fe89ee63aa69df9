"""Upper limits from CLs with the test statistics q̃ and q, by asymptotic formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.asymptotic import AsymptoticCls, TestStatistic
from nuhist.inference.crossing import find_crossings_of
from nuhist.inference.profile import Profile
from nuhist.inference.reach import outwards, reach
from nuhist.inference.searches import End, Search
from nuhist.physics.coupling import spaced

Bands = dict[str, float | None]
SIGMAS = (-2, -1, 0, 1, 2)
_BEYOND = 1.5  # of the least distance of an expected limit: where the search begins
_AHEAD = 4  # doubled distances in a first round: up to beyond the highest expected limit


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
        """The range in which the limit lies at two standard errors; None without toys."""
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
        Profile of the data.
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
    asked: dict[str, float | None] = {"observed": None}
    if expected:
        asked |= {f"{sigma:+d}" if sigma else "0": sigma for sigma in SIGMAS}
    alpha = 1 - confidence_level
    before = None
    while before != curve.minima:  # again where the search has found a lower one
        before = curve.minima
        searches = _searches(curve, list(asked.values()), alpha)
        ends = dict(
            zip(asked, find_crossings_of(searches, -float(np.log(alpha)), curve.prepare_each), strict=True)
        )
    limits = {name: None if end.edge else end.value for name, end in ends.items()}
    notes = (*_notes(curve, ends, alpha), *_statistic_notes(curve, natural))
    return ClsLimits(limits.pop("observed"), limits if expected else None, notes)


def _searches(curve: AsymptoticCls, asked: Sequence[float | None], alpha: float) -> list[Search]:
    """Where to look for the limits: outwards from where the lowest of the expected ones may lie."""
    from scipy.special import ndtr, ndtri

    low, high = curve.profile.bounds
    low = max(low, 0.0) if high > 0 else low  # below 0 CLs is 1
    # √q̃ of the Asimov data at the expected limit of −2 σ: without a fit it is reached no later, so that
    # all expected limits lie further out.
    lowest = -float(ndtri(alpha * ndtr(SIGMAS[0]))) + SIGMAS[0]
    distance, edge = reach(curve.asimov.along, lowest**2, low, high)
    inside, values = low + distance, outwards(low, high, _BEYOND * (distance or high - low), edge=edge)
    searches = []
    for sigma in asked:
        known = low if sigma is None else inside
        height, slope = partial(curve.height, sigma=sigma), partial(curve.slope, sigma=sigma)
        searches.append(Search(height, low, values if known < high else (), _AHEAD, known, slope))
    return searches


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
            " alike; use method='profile' or 'feldman-cousins'"
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
            f" {profile.coupling.name} is signed: use method='profile' or 'feldman-cousins'"
        )
