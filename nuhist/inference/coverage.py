"""How often intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, unknown_name
from nuhist.histfactory.loading import Source
from nuhist.inference.asymptotic import asymptotic_ratio
from nuhist.inference.belt_ends import toy_error
from nuhist.inference.covering import asimov_statistic, beside, holding
from nuhist.inference.execution import Execution, as_execution, rounds
from nuhist.inference.feldman_cousins import belt_range
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.model import Model, as_model
from nuhist.inference.profile import threshold
from nuhist.inference.study_results import Coverage, CoveragePoint
from nuhist.inference.toys import (
    BATCH,
    Task,
    ToyModel,
    batches,
    toy_model,
    truth_of_toys,
    without_search_bounds,
)
from nuhist.tables import Array
from nuhist.values import as_level, as_named_numbers, as_numbers

_POINTS = 12  # over the belt of the data


def coverage(
    model: Model | Source,
    couplings: Sequence[float],
    *,
    confidence_level: float = 0.90,
    shift: Mapping[str, float] | None = None,
    execution: Execution | None = None,
    measurement: str | None = None,
    poi: str | None = None,
) -> Coverage:
    """Coverage of intervals by each method at several true couplings.

    At each, toys are thrown with the nuisance parameters as fitted there, or at their nominal values, as
    ``execution.toys_at`` says. Each toy gets the intervals that a user would be given of it, from end to
    end, and it counts whether they hold the truth: where they accept the truth itself, or values on both
    sides of it. The critical values of Feldman-Cousins come from other toys, with the nuisance parameters
    as the data's own fit has them, or nominal: a belt for each toy would be too much. For a coupling
    without a sign the asymptotic CLs limit is tested too, with the Asimov data of each toy.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace.
    couplings
        True values, in the coupling's unit.
    confidence_level
        Such as 0.90.
    shift
        Nuisance parameters whose true value lies so many widths of their constraint above the fitted or
        nominal one, in the toys that test an interval; the critical values of Feldman-Cousins know nothing
        of it.
    execution
        Toys per value and who computes them.
    measurement, poi
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    ConfigError
        If there is no coupling, one lies outside the parameter's bounds, or a shifted parameter is
        unknown, has no constraint, or lands outside its bounds.
    """
    execution = as_execution(execution) or Execution()
    confidence_level = as_level(confidence_level)
    level = threshold(confidence_level)
    execution.refuse_level(confidence_level)
    couplings = as_numbers(couplings, "couplings").tolist()
    shift = {} if shift is None else as_named_numbers(shift, "shift")
    made = as_model(model, measurement=measurement, poi=poi)
    likelihood, profile = made.likelihood, made.profile
    scale, (low, high) = profile.coupling, profile.bounds
    values = [scale.within(scale.to_parameter(coupling), (low, high)) for coupling in couplings]
    if not values:
        raise ConfigError("couplings: name at least one")
    offset = _offset(likelihood, shift)

    def truth(value: float) -> Array:
        return truth_of_toys(likelihood, profile.at(value).parameters, execution.toys_at)

    truths = [_moved(likelihood, truth(value), offset) for value in values]
    places = np.union1d(belt_range(profile, _POINTS), values)
    per_value = -(-execution.toys // BATCH)
    tasks: list[Task] = []
    for value in places.tolist():
        tasks += batches(truth(value), value, execution.toys, execution.seed)
    tests = [  # the toys that give critical values are others
        batches(truth, value, execution.toys, execution.seed, (index + 1) * per_value)
        for index, (value, truth) in enumerate(zip(values, truths, strict=True))
    ]
    toys = without_search_bounds(toy_model(likelihood))
    with rounds(toys, execution, made.digest) as throw:
        statistics, best = _in_rows(throw([*tasks, *chain.from_iterable(tests)]), execution.toys)
    # Where counts are few, a critical value that the toys know to one standard error is worth much.
    error = toy_error(1 - confidence_level, execution.toys)
    quantiles = np.clip(confidence_level + error * np.array([0.0, -1.0, 1.0]), 0.0, 1.0)
    critical = np.nanquantile(statistics[: places.size], quantiles, axis=1)
    again = replace(execution, resume=None)  # a checkpoint holds what is thrown above
    roots = _asimov_roots(toys, tests, again, made.digest) if low >= 0 else None
    points = []
    for index, (coupling, value) in enumerate(zip(couplings, values, strict=True)):
        thrown, other = statistics[places.size + index], places != value
        limits = [(row[~other].item(), row[other]) for row in critical]
        with rounds(toys, again, made.digest, beside) as throw:
            profiled, ordered, *others = holding(
                throw, tests[index], thrown, places[other], [(level, level), *limits]
            )
        found = np.isfinite(thrown)
        held = {"profile": profiled[found], "feldman-cousins": ordered[found]}
        if roots is not None:
            above = best[places.size + index] > value
            ratio = asymptotic_ratio(np.sqrt(np.where(above, 0.0, thrown)), roots[index])
            if np.isfinite(ratio).any():  # else the data are impossible without the coupling
                held["cls"] = ratio[np.isfinite(ratio)] >= 1 - confidence_level
        shares = {name: float(np.mean(inside)) for name, inside in held.items()}
        spread = {
            name: float(np.sqrt(share * (1 - share) / held[name].size)) for name, share in shares.items()
        }
        moved = [abs(float(np.mean(other[found])) - shares["feldman-cousins"]) for other in others]
        spread["feldman-cousins"] = float(np.hypot(spread["feldman-cousins"], max(moved)))
        points.append(CoveragePoint(float(coupling), value, shares, spread))
    return Coverage(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        confidence_level=confidence_level,
        shift=shift,
        points=tuple(points),
        toys=execution.toys,
        seed=execution.seed,
        toys_at=execution.toys_at,
        notes=made.notes,
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )


def _in_rows(results: Sequence[tuple[Array, Array]], toys: int) -> tuple[Array, Array]:
    """Results of batches, one row for each value and truth."""
    first, second = (np.concatenate([result[part] for result in results]) for part in (0, 1))
    return first.reshape(-1, toys), second.reshape(-1, toys)


def _asimov_roots(
    model: ToyModel, tests: Sequence[Sequence[Task]], execution: Execution, digest: str
) -> Array:
    """√q̃ of the Asimov data of each toy, one row for each truth."""
    with rounds(model, execution, digest, asimov_statistic) as throw:
        return np.sqrt(_in_rows(throw(list(chain.from_iterable(tests))), execution.toys)[0])


def _offset(likelihood: Likelihood, shift: Mapping[str, float]) -> Array:
    """Shifts of all parameters, in their own units."""
    offset = np.zeros(len(likelihood.names))
    for name, widths in shift.items():
        if name not in likelihood.names:
            raise unknown_name("parameter", name, likelihood.names)
        index = likelihood.names.index(name)
        width, _ = likelihood.constraint(index)
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
