"""Confidence intervals and limits: profile likelihood, and CLs with asymptotic formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.cls import cls_upper
from nuhist.inference.fit import min_chi2
from nuhist.inference.likelihood import make_likelihood
from nuhist.inference.profile import (
    LowerMinimumError,
    Profile,
    asimov_upper,
    profile_ends,
    threshold,
)
from nuhist.inference.results import Interval, Method, Scan


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
        bands = {"0": asimov_upper(likelihood, profile, level)} if expected else None
    elif method == "cls":
        if delta_chi2 is not None:
            raise ConfigError("a threshold in Δχ² belongs to the profile method; leave it out with cls")
        upper, bands = cls_upper(likelihood, profile, confidence_level, expected=expected)
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
        except LowerMinimumError:
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
