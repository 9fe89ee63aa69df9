"""Confidence intervals and limits: profile likelihood, and CLs with asymptotic formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, OptionError, unknown_name
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.cls import TEST_STATISTICS, TestStatistic, cls_limits, natural_statistic
from nuhist.inference.cls_toys import cls_toys
from nuhist.inference.execution import Execution
from nuhist.inference.feldman_cousins import Range, belt, belt_interval
from nuhist.inference.grid import grid_curve
from nuhist.inference.model import Engine, make_likelihood
from nuhist.inference.notes import command, general_notes, interval_notes
from nuhist.inference.profile import Curve, Profile, heights_at, threshold
from nuhist.inference.region import profile_ends, region
from nuhist.inference.results import Interval, Method, Scan

Calctype = Literal["asymptotics", "toybased"]

# Options that not all methods take.
_TAKES: Mapping[Method, tuple[str, ...]] = {
    "profile": ("expected", "delta_chi2"),
    "cls": ("expected", "calctype", "execution", "test_stat"),
    "feldman-cousins": ("points", "execution"),
}
_SHOWN = {"qtilde": "q-tilde", "q": "q"}
_LEVEL = 0.90  # confidence level by default
_POINTS = 20  # of a belt by default
_SCAN_POINTS = 31
_SCAN_REACH = 9.0  # Δχ² up to which a scan goes by default
_SLACK = 1e-9  # of a bound: by which a value may lie outside of it from rounding
_COARSE = 0.01  # of the distance from the best fit; a larger interpolation error is worth a note


def limit(
    model: Workspace | SignalGrid,
    *,
    method: Method = "profile",
    confidence_level: float | None = None,
    calctype: Calctype | None = None,
    test_stat: TestStatistic | None = None,
    expected: bool = False,
    delta_chi2: float | None = None,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine = "compiled",
    points: int | None = None,
    execution: Execution | None = None,
) -> Interval:
    """Confidence interval or upper limit of the coupling.

    Parameters
    ----------
    model
        From :func:`nuhist.build`, :func:`nuhist.build_patchset` or :func:`nuhist.load`.
    method
        ``"profile"``: where 2NLL, minimised over all other parameters, exceeds its minimum by less
        than the χ² quantile; ``"cls"``: upper limit from CLs with q̃ and asymptotic formulas
        (arXiv:1007.1727) or toys; ``"feldman-cousins"``: values whose Δχ² is below the
        quantile of toys thrown there.
    confidence_level
        0.90 by default.
    calctype
        ``"asymptotics"`` (the default) or ``"toybased"``, for CLs.
    test_stat
        ``"qtilde"`` or ``"q"``, for CLs with asymptotic formulas: as pyhf defines them. By default q̃, or q
        where the parameter may be negative.
    expected
        Expected upper limits too, without the coupling: the median (profile, from the Asimov
        data), or five quantiles (CLs).
    delta_chi2
        A threshold in place of a confidence level, for the profile method.
    measurement
        Name of the measurement; the first by default.
    poi
        Another parameter of interest than the measurement's.
    engine
        ``"compiled"`` or ``"pyhf"``, see :func:`nuhist.inference.model.make_likelihood`.

    points
        Of the belt at first, for Feldman-Cousins; 20 by default.
    execution
        Toys and who computes them, for Feldman-Cousins and CLs from toys.

    Raises
    ------
    ModelError
        If the workspace has no parameter of interest.
    FitError
        If a fit does not converge or the method cannot treat the parameter.
    ConfigError
        If the level or the method makes no sense.
    OptionError
        If an option does nothing with the method.

    Examples
    --------
    >>> from nuhist import build, limit
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> print(f"{limit(workspace).upper:.2e} mu_B")
    1.24e-11 mu_B
    """
    kind = calctype or "asymptotics"
    thrown = method == "feldman-cousins" or (method == "cls" and kind == "toybased")
    _check_options(
        method, kind, test_stat, confidence_level, delta_chi2, thrown=thrown, toys=execution is not None
    )
    _refuse_unused(
        method,
        calctype=calctype is not None,
        test_stat=test_stat is not None,
        expected=expected,
        delta_chi2=delta_chi2 is not None,
        points=points is not None,
        execution=execution is not None,
    )
    probability = _LEVEL if confidence_level is None else confidence_level
    level = threshold(probability)
    curve = _curve(model, measurement, poi, engine)
    toys = execution or Execution()
    ranges: tuple[Range | None, Range | None] = (None, None)

    def toys_command(options: str) -> str:
        return command(model, "limit", options, measurement=measurement, poi=poi, level=probability)

    if method == "profile":
        level = level if delta_chi2 is None else delta_chi2
        ends, notes = profile_ends(curve, level)
        convention = (
            f"2NLL, profiled over all other parameters, less than {level:.4f} above its global minimum"
        )
        bands = {"0": profile_ends(curve.asimov(), level)[0][1]} if expected else None
        if delta_chi2 is None:
            further = max(ends, key=lambda end: -1.0 if end is None else abs(end - curve.best))
            with_toys = toys_command("--method feldman-cousins")
            notes = (*notes, *interval_notes(curve, further, with_toys, cls=False))
    elif method == "cls":
        if not isinstance(curve, Profile):
            raise ConfigError("CLs needs a workspace with the coupling as a parameter; use --method profile")
        statistic = test_stat or natural_statistic(curve)
        if thrown:
            limits = cls_toys(curve, probability, toys, model.digest, expected=expected)
            ranges = (None, limits.range)
        else:
            limits = cls_limits(curve, probability, expected=expected, test_statistic=statistic)
        ends, bands, notes = (None, limits.upper), limits.bands, limits.notes
        convention = f"upper limit where CLs falls below 1 − CL; test statistic {_SHOWN[statistic]}, {kind}"
        if not thrown:
            with_toys = toys_command("--method cls --calctype toybased")
            notes = (*notes, *interval_notes(curve, limits.upper, with_toys, cls=True))
    else:
        if not isinstance(curve, Profile):
            raise ConfigError("toys need a workspace with the coupling as a parameter; use --method profile")
        found = belt_interval(
            belt(curve, probability, toys, model.digest, points=_POINTS if points is None else points),
            probability,
            curve,
        )
        ends, ranges = (found.lower, found.upper), (found.lower_range, found.upper_range)
        notes = found.notes
        convention = (
            "values whose Δχ² is below the quantile of toys thrown there (unified ordering), nuisance"
            " parameters at their profiled values"
        )
        bands = None
    scale, best = curve.coupling, curve.best
    lower, upper = ends

    def coupling(value: float | None) -> float | None:
        return None if value is None else scale.to_coupling(value)

    def couplings(found: Range | None) -> Range | None:
        return None if found is None else (coupling(found[0]), coupling(found[1]))

    error = _interpolation_error(curve, ends)
    width = max((abs(end - best) for end in ends if end is not None), default=0.0)
    if error is not None and error > _COARSE * abs(scale.to_coupling(width)):
        notes = (*notes, f"interpolated to ± {error:.2g} {scale.unit}; refine the grid near the ends")
    return Interval(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        lower=coupling(lower),
        upper=coupling(upper),
        lower_range=couplings(ranges[0]),
        upper_range=couplings(ranges[1]),
        best_fit=scale.to_coupling(best),
        parameter_lower=lower,
        parameter_upper=upper,
        parameter_best_fit=best,
        confidence_level=None if delta_chi2 is not None else probability,
        method=method,
        convention=convention,
        delta_chi2=level if method == "profile" else None,
        toys=toys.toys if thrown else None,
        seed=toys.seed if thrown else None,
        expected=None if bands is None else {key: coupling(value) for key, value in bands.items()},
        interpolation_error=error,
        min_chi2=curve.min_chi2,
        notes=(*notes, *general_notes(model, scale.name)),
        data_kind=model.data_kind,
        workspace_digest=model.digest,
        nuhist_version=__version__,
    )


def _check_options(
    method: Method,
    calctype: Calctype,
    test_stat: TestStatistic | None,
    confidence_level: float | None,
    delta_chi2: float | None,
    *,
    thrown: bool,
    toys: bool,
) -> None:
    """Refuse names that do not exist, numbers that make no sense, and options that exclude each other."""
    if method not in _TAKES:
        raise unknown_name("method", method, _TAKES)
    if calctype not in get_args(Calctype):
        raise unknown_name("calculator", calctype, get_args(Calctype))
    if test_stat not in {None, *TEST_STATISTICS}:
        raise unknown_name("test statistic", str(test_stat), TEST_STATISTICS)
    if test_stat is not None and calctype == "toybased":
        raise OptionError(
            "--test-stat: does nothing with --calctype toybased, whose toys are fitted as they are"
        )
    if method == "cls" and toys and not thrown:
        raise OptionError("execution: does nothing with --calctype asymptotics; it belongs to toybased")
    if delta_chi2 is None:
        return
    if confidence_level is not None:
        raise OptionError("--cl: does nothing beside --delta-chi2, which is a threshold without a level")
    if not 0 < delta_chi2 < np.inf:
        raise ConfigError(f"threshold {delta_chi2:g} in Δχ²: must be positive")


def _refuse_unused(method: Method, **given: bool) -> None:
    """Refuse options that a method does not take."""
    for option, present in given.items():
        if present and option not in _TAKES[method]:
            takers = " and ".join(f"--method {name}" for name, taken in _TAKES.items() if option in taken)
            shown = "execution" if option == "execution" else f"--{option.replace('_', '-')}"
            raise OptionError(f"{shown}: does nothing with --method {method}; it belongs to {takers}")


def _curve(model: Workspace | SignalGrid, measurement: str | None, poi: str | None, engine: Engine) -> Curve:
    if isinstance(model, SignalGrid):
        if poi is not None:
            raise OptionError(
                "--poi: does nothing with signal points, whose coupling is the one of their label"
            )
        return grid_curve(model, measurement, engine)
    likelihood = make_likelihood(model, measurement=measurement, poi=poi, engine=engine)
    if likelihood.constant[likelihood.poi_index]:
        raise FitError(f"{model.origin}: its parameter of interest is fixed; nothing to scan")
    return Profile(likelihood)


def _interpolation_error(curve: Curve, ends: Sequence[float | None]) -> float | None:
    """Largest error of an end from interpolation, as a coupling."""
    errors = [curve.interpolation_error(end) for end in ends if end is not None]
    known = [error for error in errors if error is not None]
    return curve.coupling.to_coupling(max(known)) if known else None


def scan(
    model: Workspace | SignalGrid,
    couplings: Sequence[float] | None = None,
    *,
    points: int | None = None,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine = "compiled",
) -> Scan:
    """Scan the profile likelihood over the coupling.

    Parameters
    ----------
    model
        From :func:`nuhist.build`, :func:`nuhist.build_patchset` or :func:`nuhist.load`.
    couplings
        Values in the coupling's unit; by default the range in which Δχ² stays below 9.
    points
        How many, where no values are given; 31 by default.
    measurement
        Name of the measurement; the first by default.
    poi
        Another parameter of interest than the measurement's.
    engine
        ``"compiled"`` or ``"pyhf"``, see :func:`nuhist.inference.model.make_likelihood`.

    Raises
    ------
    ConfigError
        If a value lies outside the parameter's bounds.
    OptionError
        If there are both values and a number of points.

    Examples
    --------
    >>> from nuhist import build, scan
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> curve = scan(workspace, [0.0, 1e-11, 2e-11])
    >>> [round(value, 1) for value in curve.delta_chi2]
    [0.0, 1.2, 15.1]
    """
    if couplings is not None and points is not None:
        raise OptionError("points: do nothing where the couplings are given")
    curve = _curve(model, measurement, poi, engine)
    scale, (low, high) = curve.coupling, curve.bounds
    if couplings is None:
        start, stop = (scale.to_coupling(end) for end in region(curve, _SCAN_REACH).span)
        couplings = np.linspace(start, stop, points or _SCAN_POINTS).tolist()
    values = [scale.to_parameter(coupling) for coupling in couplings]
    for coupling, value in zip(couplings, values, strict=True):
        if not low - _SLACK * abs(low) <= value <= high + _SLACK * abs(high):
            raise ConfigError(
                f"{coupling:g} {scale.unit} lies outside the bounds of {scale.name},"
                f" {scale.to_coupling(low):g} to {scale.to_coupling(high):g} {scale.unit}"
            )
    heights = heights_at(curve, [float(np.clip(value, low, high)) for value in values])
    return Scan(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        values=tuple(float(coupling) for coupling in couplings),
        parameter_values=tuple(values),
        delta_chi2=tuple(heights),
        best_fit=scale.to_coupling(curve.best),
        min_chi2=curve.min_chi2,
        method="profile",
        notes=general_notes(model, scale.name),
        data_kind=model.data_kind,
        workspace_digest=model.digest,
        nuhist_version=__version__,
    )
