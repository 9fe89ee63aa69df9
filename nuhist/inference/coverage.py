"""How often intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, unknown_name
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.cls import AsymptoticCls, asymptotic_ratio
from nuhist.inference.execution import Execution, run
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.model import make_likelihood
from nuhist.inference.notes import general_notes
from nuhist.inference.profile import Profile, threshold
from nuhist.inference.results import Coverage, CoveragePoint
from nuhist.inference.toys import BATCH, batches, toy_model
from nuhist.tables import Array

_SAME = 1e-7  # in Δχ²: fits end so close to each other


def coverage(
    workspace: Workspace,
    couplings: Sequence[float],
    *,
    confidence_level: float = 0.90,
    shift: Mapping[str, float] | None = None,
    measurement: str | None = None,
    execution: Execution | None = None,
) -> Coverage:
    """Coverage of intervals by each method at several true couplings.

    At each, toys are thrown with the nuisance parameters at their profiled values; an interval
    holds the truth where the toy's Δχ² there is below the threshold. The toys that give the
    Feldman-Cousins threshold are others than those that test it. For a coupling without a sign the
    asymptotic CLs limit is tested too, with the Asimov data of the fit to the data.

    Parameters
    ----------
    workspace
        From :func:`nuhist.build` or :func:`nuhist.load`.
    couplings
        True values, in the coupling's unit.
    confidence_level
        Such as 0.90.
    shift
        Nuisance parameters whose true value lies so many widths of their constraint above the profiled
        one, in the toys that test an interval; the Feldman-Cousins threshold knows nothing of it.
    measurement
        Name of the measurement; the first by default.
    execution
        Toys per value and who computes them.

    Raises
    ------
    ConfigError
        If there is no coupling, one lies outside the parameter's bounds, or a shifted parameter is
        unknown, has no constraint, or lands outside its bounds.
    """
    execution = execution or Execution()
    level = threshold(confidence_level)
    likelihood = make_likelihood(workspace, measurement=measurement)
    profile = Profile(likelihood)
    scale, (low, high) = profile.coupling, profile.bounds
    values = [scale.to_parameter(coupling) for coupling in couplings]
    if not values or not all(low <= value <= high for value in values):
        raise ConfigError(
            f"name true couplings between {scale.to_coupling(low):g} and {scale.to_coupling(high):g}"
        )
    offset = _offset(likelihood, shift or {})
    per_half = -(-execution.toys // BATCH)
    tasks = []
    for index, value in enumerate(values):
        truth = profile.at(value).parameters
        for half, true in enumerate((truth, _moved(likelihood, truth, offset))):
            first = (2 * index + half) * per_half
            tasks += batches(true, value, execution.toys, execution.seed, first)
    asymptotic = _asymptotic(profile)
    results = run(toy_model(likelihood), tasks, execution, workspace.digest)
    thrown, best = (
        np.concatenate([result[part] for result in results]).reshape(len(values), 2, execution.toys)
        for part in (0, 1)
    )
    points = []
    for index, (coupling, value) in enumerate(zip(couplings, values, strict=True)):
        calibration, test = thrown[index]
        held = {
            "profile": _share_below(test, level),
            "feldman-cousins": _share_below(test, float(np.nanquantile(calibration, confidence_level))),
        }
        if asymptotic is not None:
            root = np.sqrt(np.where(best[index, 1] > value, 0 * test, test))
            ratio = asymptotic_ratio(root, asymptotic.statistics(value)[1])
            held["cls"] = float(np.sum(ratio >= 1 - confidence_level) / np.sum(np.isfinite(test)))
        spread = {name: float(np.sqrt(share * (1 - share) / execution.toys)) for name, share in held.items()}
        spread["feldman-cousins"] *= np.sqrt(2)  # the toys that give the threshold fluctuate as well
        spread = {name: float(error) for name, error in spread.items()}
        points.append(CoveragePoint(float(coupling), value, held, spread))
    return Coverage(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        confidence_level=confidence_level,
        shift=dict(shift or {}),
        points=tuple(points),
        toys=execution.toys,
        seed=execution.seed,
        notes=general_notes(workspace, scale.name),
        data_kind=workspace.data_kind,
        workspace_digest=workspace.digest,
        nuhist_version=__version__,
    )


def _asymptotic(profile: Profile) -> AsymptoticCls | None:
    """What CLs needs; None for a signed coupling, and where no data are possible without the coupling."""
    if profile.bounds[0] < 0:
        return None
    try:
        return AsymptoticCls(profile)
    except FitError:
        return None


def _offset(likelihood: Likelihood, shift: Mapping[str, float]) -> Array:
    """Shifts of all parameters, in their own units."""
    offset = np.zeros(len(likelihood.names))
    for name, widths in shift.items():
        if name not in likelihood.names:
            raise unknown_name("parameter", name, likelihood.names)
        index = likelihood.names.index(name)
        width, _ = likelihood.constraint(index)
        if not np.isfinite(widths):
            raise ConfigError(f"shift of '{name}' by {widths:g}: expected a number")
        if width is None or index == likelihood.poi_index:
            raise ConfigError(f"'{name}' has no constraint whose width could be a unit; leave it out")
        offset[index] = widths * width
    return offset


def _moved(likelihood: Likelihood, truth: Array, offset: Array) -> Array:
    """True values with the shifts, within the bounds."""
    moved = truth + offset
    lower, upper = likelihood.lower, likelihood.upper
    for index in np.flatnonzero((offset != 0) & ((moved < lower) | (moved > upper))):
        raise ConfigError(
            f"shift of '{likelihood.names[index]}' to {moved[index]:.4g}: outside its bounds,"
            f" {lower[index]:g} to {upper[index]:g}"
        )
    return np.clip(moved, lower, upper)


def _share_below(thrown: Array, level: float) -> float:
    """Fraction of the toys, of those that could be fitted, with a Δχ² up to a level."""
    return float(np.sum(thrown <= level + _SAME) / np.sum(np.isfinite(thrown)))
