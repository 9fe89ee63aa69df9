"""Upper limits from CLs with the test statistic q̃ and toys, and how well the toys know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import FitError
from nuhist.inference.cls import SIGMAS, ClsLimits, cls_upper, refuse_signed
from nuhist.inference.execution import Execution, Round, rounds
from nuhist.inference.profile import Profile, heights_at
from nuhist.inference.toys import BATCH, Task, batches, toy_model, truth_of_toys, without_search_bounds
from nuhist.physics.coupling import spaced
from nuhist.tables import Array

_SAME = 1e-7  # in 2NLL: fits end so close to each other
_SPREAD = (0.6, 1.6)  # of the asymptotic limits: where toys are thrown at first
_POINTS = 8  # values there; twice as many for expected limits
_PARTS = 4  # into which a stretch between values that holds a limit is divided
_ROUNDS = 6  # of toys beyond the values, at most
_RESAMPLED = 60  # sets of toys, drawn with replacement, whose limits tell the error: to 10 %

_OBSERVED = "observed"


@dataclass(frozen=True, eq=False)
class _Thrown:
    """q̃ of toys at values: with the coupling and without it, shape (values, 2, toys); NaN where lost."""

    values: Array
    statistic: Array


def cls_toys(
    profile: Profile, confidence_level: float, execution: Execution, digest: str, *, expected: bool
) -> ClsLimits:
    """Upper limit from CLs with toys: thrown with the coupling and without it, at several values.

    Nuisance parameters are true where ``execution.toys_at`` says. Toys are thrown around the asymptotic
    limits, further out or in if CLs asks for it, and more closely around the limits found. Between the
    values log CLs is taken as straight. Expected limits put quantiles of the toys without the coupling in
    the place of the data. All values share one stream of random numbers, so that CLs moves with the value
    alone.

    Raises
    ------
    FitError
        If the parameter is signed, or the data are excluded at all values.
    """
    refuse_signed(profile)
    low, high = profile.bounds
    upper, bands = cls_upper(profile, confidence_level, expected=expected)
    guesses = [guess or high for guess in (upper, *(bands or {}).values())]
    points = _POINTS if bands is None else 2 * _POINTS
    values = np.linspace(max(_SPREAD[0] * min(guesses), low), min(_SPREAD[1] * max(guesses), high), points)
    names = (_OBSERVED,) if bands is None else (_OBSERVED, *bands)
    alpha = 1 - confidence_level
    with rounds(without_search_bounds(toy_model(profile.likelihood)), execution, digest) as throw:
        thrown = _throw(profile, execution, values, throw)
        for turn in range(_ROUNDS):
            curves = _curves(profile, thrown, names)
            more = _next_values(thrown.values, curves, alpha, profile.bounds, first=turn == 0)
            if not more.size:
                break
            thrown = _joined(thrown, _throw(profile, execution, more, throw))
    curves = _curves(profile, thrown, names)
    limits = {
        name: _interpolated(thrown.values, curve, alpha, execution.toys) for name, curve in curves.items()
    }
    if limits[_OBSERVED] is None and (curves[_OBSERVED] < alpha).all():
        raise FitError(f"{profile.origin}: CLs from toys is below {alpha:.3g} at all values; throw more toys")
    errors = _errors(profile, thrown, limits, alpha, execution)
    return ClsLimits(
        limits[_OBSERVED],
        None if bands is None else {name: limits[name] for name in bands},
        _notes(profile, thrown, limits, errors, execution.toys),
        errors.get(_OBSERVED),
    )


def _throw(profile: Profile, execution: Execution, values: Array, throw: Round) -> _Thrown:
    profile.prepare([0.0, *values.tolist()])
    without = profile.at(0.0).parameters
    per_half = -(-execution.toys // BATCH)
    tasks: list[Task] = []
    for value in values.tolist():
        for half, fitted in enumerate((profile.at(value).parameters, without)):
            truth = truth_of_toys(profile.likelihood, fitted, execution.toys_at)
            tasks += batches(truth, value, execution.toys, execution.seed, half * per_half)
    results = throw(tasks)
    shape = values.size, 2, execution.toys
    statistic, best = (np.concatenate([result[part] for result in results]).reshape(shape) for part in (0, 1))
    above = np.isfinite(statistic) & (best > values[:, None, None])
    return _Thrown(values, np.where(above, 0.0, statistic))


def _joined(first: _Thrown, second: _Thrown) -> _Thrown:
    values = np.concatenate([first.values, second.values])
    order = np.argsort(values, kind="stable")
    return _Thrown(values[order], np.concatenate([first.statistic, second.statistic])[order])


def _curves(profile: Profile, thrown: _Thrown, names: tuple[str, ...]) -> dict[str, Array]:
    """CLs at the values, of the data and of the quantiles of the background."""
    heights = np.array(heights_at(profile, thrown.values.tolist()))
    observed = np.where(profile.best > thrown.values, 0.0, heights)
    return _ratios(thrown.statistic, observed, names)


def _ratios(statistic: Array, observed: Array, names: tuple[str, ...]) -> dict[str, Array]:
    from scipy.special import ndtr

    found = {_OBSERVED: _ratio(statistic, observed)}
    if len(names) > 1:
        # A fluctuation upwards (+σ) looks more like the coupling: a smaller q̃.
        quantiles = np.nanquantile(statistic[:, 1], ndtr(-np.array(SIGMAS)), axis=1)
        pairs = zip(names[1:], quantiles, strict=True)
        found |= {name: _ratio(statistic, quantile) for name, quantile in pairs}
    return found


def _ratio(statistic: Array, observed: Array) -> Array:
    """CLs at each value: toys with q̃ at least as large, with the coupling over those without it.

    ``statistic`` has the shape (values, 2, toys), ``observed`` (values,).
    """
    larger = np.sum(statistic >= observed[:, None, None] - _SAME, axis=2)
    tails = larger / np.sum(np.isfinite(statistic), axis=2)
    ratio: Array = np.where(tails[:, 1] > 0, tails[:, 0] / np.maximum(tails[:, 1], 1e-300), 0.0)
    return ratio


def _first_below(ratios: Array, alpha: float) -> int | None:
    below = np.flatnonzero(ratios < alpha)
    return int(below[0]) if below.size else None


def _next_values(
    values: Array, curves: Mapping[str, Array], alpha: float, bounds: tuple[float, float], *, first: bool
) -> Array:
    """Values beyond or below the others where a limit lies there; else, at first, between the neighbours."""
    wanted: list[NDArray[np.float64]] = []
    for ratios in curves.values():
        right = _first_below(ratios, alpha)
        if right is None:
            beyond = min(_SPREAD[1] * values[-1], bounds[1])
            wanted.append(np.linspace(values[-1], beyond, _PARTS + 1)[1:])
        elif right == 0:
            wanted.append(np.linspace(max(_SPREAD[0] * values[0], bounds[0]), values[0], _PARTS + 1)[:-1])
        elif first:
            wanted.append(np.linspace(values[right - 1], values[right], _PARTS + 1)[1:-1])
    return np.setdiff1d(np.concatenate([np.empty(0), *wanted]), values)


def _interpolated(values: Array, ratios: Array, alpha: float, toys: int) -> float | None:
    right = _first_below(ratios, alpha)
    if right is None or right == 0:
        return None
    # A value that no toy exceeds has a CLs of less than one toy.
    logs = np.log(np.maximum(ratios[right - 1 : right + 1], 0.5 / toys))
    share = (logs[0] - np.log(alpha)) / (logs[0] - logs[1])
    return float(values[right - 1] + share * (values[right] - values[right - 1]))


def _errors(
    profile: Profile,
    thrown: _Thrown,
    limits: Mapping[str, float | None],
    alpha: float,
    execution: Execution,
) -> dict[str, float]:
    """Standard errors of the limits: their spread over sets of toys drawn from these with replacement."""
    random = np.random.Generator(np.random.Philox(execution.seed))
    toys, values = execution.toys, thrown.values
    observed = np.where(profile.best > values, 0.0, np.array(heights_at(profile, values.tolist())))
    found: dict[str, list[float]] = {name: [] for name, limit in limits.items() if limit is not None}
    for _ in range(_RESAMPLED):
        drawn = random.integers(toys, size=(2, toys))
        statistic = np.stack([thrown.statistic[:, half, drawn[half]] for half in (0, 1)], axis=1)
        curves = _ratios(statistic, observed, tuple(limits))
        for name, others in found.items():
            other = _interpolated(values, curves[name], alpha, toys)
            others.append(np.inf if other is None else other)
    spread = {}
    for name, others in found.items():
        known = np.array(others)
        spread[name] = float(known.std(ddof=1)) if np.isfinite(known).all() else np.inf
    return spread


def _notes(
    profile: Profile,
    thrown: _Thrown,
    limits: Mapping[str, float | None],
    errors: Mapping[str, float],
    toys: int,
) -> tuple[str, ...]:
    scale, largest = profile.coupling, float(thrown.values[-1])
    notes = [f"{toys} toys with and without the coupling at each of {thrown.values.size} values"]
    stated = []
    for name, error in errors.items():
        limit = limits[name] or 0.0
        width = scale.to_coupling(limit + error) - scale.to_coupling(limit)
        stated.append(f"{name} ± {width:.2g}" if np.isfinite(width) else f"{name} not known")
    if stated:
        where = f", in {scale.unit}" if spaced(scale.unit) else ""
        notes.append(f"errors from the number of toys, at most{where}: {', '.join(stated)}")
    missing = [name for name, limit in limits.items() if limit is None]
    if missing:
        notes.append(f"no limit ({', '.join(missing)}): CLs stays too high up to {scale.shown(largest)}")
    return tuple(notes)
