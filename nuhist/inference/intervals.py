"""Confidence intervals and limits: profile likelihood, and CLs with asymptotic formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.fit import min_chi2
from nuhist.inference.likelihood import Likelihood, Minimum, make_likelihood
from nuhist.inference.results import Interval, Method, Scan
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


def limit(
    workspace: Workspace,
    *,
    method: Method = "profile",
    confidence_level: float = 0.90,
    expected: bool = False,
    delta_chi2: float | None = None,
    measurement: str | None = None,
) -> Interval:
    """Confidence interval or upper limit of the coupling.

    Parameters
    ----------
    workspace
        From :func:`nuhist.build` or :func:`nuhist.load`.
    method
        ``"profile"``: where 2NLL, minimised over all other parameters, exceeds its minimum by less
        than the χ² quantile; ``"cls"``: upper limit from CLs with q̃ and asymptotic formulas
        (arXiv:1007.1727), through pyhf.
    confidence_level
        Such as 0.90.
    expected
        Expected upper limits too, without the coupling: the median (profile, from the Asimov
        data), or five quantiles (CLs).
    delta_chi2
        Another threshold than the χ² quantile, for the profile method.
    measurement
        Name of the measurement; the first by default.

    Raises
    ------
    ModelError
        If the workspace has no parameter of interest.
    FitError
        If a fit does not converge or the method cannot treat the parameter.
    ConfigError
        If the level or the method makes no sense.

    Examples
    --------
    >>> from nuhist import build, limit
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> print(f"{limit(workspace).upper:.2e} mu_B")
    1.24e-11 mu_B
    """
    level = threshold(confidence_level)
    likelihood = make_likelihood(workspace, measurement=measurement)
    if likelihood.constant[likelihood.poi_index]:
        raise FitError(f"{workspace.origin}: its parameter of interest is fixed; nothing to limit")
    profile = Profile(likelihood)
    if method == "profile":
        level = level if delta_chi2 is None else delta_chi2
        ends, notes = profile_ends(profile, level)
        convention = (
            f"2NLL, profiled over all other parameters, less than {level:.4f} above its global minimum"
        )
        bands = {"0": _asimov_upper(likelihood, profile, level)} if expected else None
    elif method == "cls":
        if delta_chi2 is not None:
            raise ConfigError("a threshold in Δχ² belongs to the profile method; leave it out with cls")
        upper, bands = _cls_upper(likelihood, profile, confidence_level, expected=expected)
        ends, notes = (None, upper), ()
        convention = "upper limit where CLs falls below 1 − CL; test statistic q-tilde, asymptotic"
    else:
        raise ConfigError(f"no method called '{method}'; known: profile, cls")
    return _interval(workspace, profile, method, confidence_level, ends, convention, level, bands, notes)


def _interval(
    workspace: Workspace,
    profile: Profile,
    method: Method,
    confidence_level: float,
    ends: tuple[float | None, float | None],
    convention: str,
    level: float,
    bands: dict[str, float | None] | None,
    notes: Sequence[str],
) -> Interval:
    scale = profile.coupling
    best = float(profile.minimum.parameters[profile.likelihood.poi_index])
    lower, upper = ends

    def coupling(value: float | None) -> float | None:
        return None if value is None else scale.to_coupling(value)

    return Interval(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        lower=coupling(lower),
        upper=coupling(upper),
        best_fit=scale.to_coupling(best),
        parameter_lower=lower,
        parameter_upper=upper,
        parameter_best_fit=best,
        confidence_level=confidence_level,
        method=method,
        convention=convention,
        delta_chi2=level if method == "profile" else None,
        expected=None if bands is None else {key: coupling(value) for key, value in bands.items()},
        min_chi2=min_chi2(profile.likelihood, profile.minimum),
        notes=tuple(notes),
        workspace_digest=workspace.digest,
        nuhist_version=__version__,
    )


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
            starts = [self.minimum.parameters, self.likelihood.initial]
            if self._known:
                nearest = min(self._known, key=lambda known: abs(known - value))
                starts[1] = self._known[nearest].parameters
            fixed = {self.coupling.name: value}
            found = [self.likelihood.minimise(fixed, start, self.data) for start in starts]
            self._known[value] = min(found, key=lambda minimum: minimum.twice_nll)
        result = self._known[value]
        if result.twice_nll < self.minimum.twice_nll - _BETTER:
            self.minimum = self.likelihood.minimise(start=result.parameters, data=self.data)
            raise _LowerMinimumError
        return result.twice_nll - self.minimum.twice_nll


class _LowerMinimumError(Exception):
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
        except _LowerMinimumError:
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


def scan(
    workspace: Workspace,
    couplings: Sequence[float] | None = None,
    *,
    points: int = 31,
    measurement: str | None = None,
) -> Scan:
    """Scan the profile likelihood over the coupling.

    Parameters
    ----------
    workspace
        From :func:`nuhist.build` or :func:`nuhist.load`.
    couplings
        Values in the coupling's unit; by default the range in which Δχ² stays below 9.
    points
        How many, where no values are given.
    measurement
        Name of the measurement; the first by default.

    Raises
    ------
    ConfigError
        If a value lies outside the parameter's bounds.

    Examples
    --------
    >>> from nuhist import build, scan
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> curve = scan(workspace, [0.0, 1e-11, 2e-11])
    >>> [round(value, 1) for value in curve.delta_chi2]
    [0.0, 1.6, 10.3]
    """
    likelihood = make_likelihood(workspace, measurement=measurement)
    profile = Profile(likelihood)
    scale, index = profile.coupling, likelihood.poi_index
    low, high = float(likelihood.lower[index]), float(likelihood.upper[index])
    if couplings is None:
        (lower, upper), _ = profile_ends(profile, 9.0)
        ends = [low if lower is None else lower, high if upper is None else upper]
        start, stop = (scale.to_coupling(end) for end in ends)
        couplings = np.linspace(start, stop, points).tolist()
    values = [scale.to_parameter(coupling) for coupling in couplings]
    for coupling, value in zip(couplings, values, strict=True):
        if not low <= value <= high:
            raise ConfigError(
                f"{coupling:g} {scale.unit} lies outside the bounds of {scale.name},"
                f" {scale.to_coupling(low):g} to {scale.to_coupling(high):g}"
            )
    heights: list[float] = []
    for _ in range(5):
        try:
            heights = [max(profile(value), 0.0) for value in values]
            break
        except _LowerMinimumError:
            continue
    return Scan(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        values=tuple(float(coupling) for coupling in couplings),
        parameter_values=tuple(values),
        delta_chi2=tuple(heights),
        best_fit=scale.to_coupling(profile.best),
        min_chi2=min_chi2(likelihood, profile.minimum),
        method="profile",
        workspace_digest=workspace.digest,
        nuhist_version=__version__,
    )


def _asimov_upper(likelihood: Likelihood, profile: Profile, level: float) -> float | None:
    """Upper end for the Asimov data of the fit without the coupling."""
    without = likelihood.minimise({profile.coupling.name: 0.0}, profile.minimum.parameters)
    asimov = np.asarray(likelihood.model.expected_data(without.parameters), dtype=np.float64)
    return profile_ends(Profile(likelihood, asimov), level)[0][1]


def _cls_upper(
    likelihood: Likelihood, profile: Profile, confidence_level: float, *, expected: bool
) -> tuple[float | None, dict[str, float | None] | None]:
    """Upper limit from CLs, observed and, if asked for, expected at −2 to +2 standard deviations."""
    index = likelihood.poi_index
    low, high = float(likelihood.lower[index]), float(likelihood.upper[index])
    if low < 0:
        raise FitError(
            f"{likelihood.origin}: CLs with q-tilde needs a parameter that is not negative;"
            f" {profile.coupling.name} is signed: use --method profile"
        )
    alpha = 1 - confidence_level
    first = _crossing_or(profile, threshold(confidence_level), high)
    with _pyhf_optimizer() as pyhf:
        known: dict[float, Array] = {}

        def values(value: float) -> Array:
            """CLs observed, then expected at −2 to +2 standard deviations."""
            if value not in known:
                observed, quantiles = pyhf.infer.hypotest(
                    value,
                    likelihood.data,
                    likelihood.model,
                    init_pars=likelihood.initial.tolist(),
                    test_stat="qtilde",
                    return_expected_set=True,
                )
                known[value] = np.array([observed, *quantiles], dtype=np.float64)
            return known[value]

        def quantile(column: int, value: float) -> float:
            return float(values(value)[column])

        upper = _falls_below(partial(quantile, 0), alpha, low, first, high)
        if not expected:
            return upper, None
        bands: dict[str, float | None] = {}
        for column, sigma in enumerate((-2, -1, 0, 1, 2), start=1):
            bands[f"{sigma:+d}" if sigma else "0"] = _falls_below(
                partial(quantile, column), alpha, low, first, high
            )
    return upper, bands


def _crossing_or(profile: Profile, level: float, otherwise: float) -> float:
    upper = profile_ends(profile, level)[0][1]
    return otherwise if upper is None else upper


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


@contextmanager
def _pyhf_optimizer() -> Iterator[Any]:
    """Pyhf with its NumPy backend and a precise SLSQP, put back afterwards as it was."""
    import warnings

    import pyhf

    before = pyhf.get_backend()
    optimizer = pyhf.optimize.scipy_optimizer(tolerance=1e-10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        pyhf.set_backend("numpy", custom_optimizer=optimizer)
        try:
            yield pyhf
        except pyhf.exceptions.FailedMinimization as error:
            raise FitError(f"a fit for CLs does not converge: {error}") from error
        finally:
            pyhf.set_backend(before[0], custom_optimizer=before[1])


def parse_range(text: str) -> list[float]:
    """Values of ``LO:HI:N``: N of them from LO to HI.

    Raises
    ------
    ConfigError
        If the text has another form, is reversed, or has fewer than two points.

    Examples
    --------
    >>> parse_range("0:2:3")
    [0.0, 1.0, 2.0]
    """
    parts = text.split(":")
    try:
        (low, high), number = map(float, parts[:2]), int(parts[2])
    except (ValueError, IndexError):
        raise ConfigError(f"range '{text}': expected LO:HI:N, such as 0:3e-11:31") from None
    if len(parts) != 3 or number < 2 or not -np.inf < low < high < np.inf:
        raise ConfigError(f"range '{text}': needs HI above LO and at least two points")
    return [float(value) for value in np.linspace(low, high, number)]
