"""Intervals by the unified ordering of Feldman and Cousins, with profiled nuisance parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuhist.errors import ConfigError
from nuhist.inference.execution import Execution, run
from nuhist.inference.profile import Profile, heights_at, threshold
from nuhist.inference.region import region
from nuhist.inference.toys import BATCH, Task, batches, toy_model
from nuhist.tables import Array

_REACH = 1.25  # of the profile interval at the level below: how far the belt goes
_SAME = 1e-7  # in Δχ²: fits end so close to each other
_WIDER = 0.99  # confidence level whose profile interval the belt covers


@dataclass(frozen=True, eq=False)
class Belt:
    """The construction: at each value of the parameter, what the toys say.

    Attributes
    ----------
    values
        Of the parameter of interest, increasing.
    observed
        Δχ² of the data at each.
    critical
        Quantile of the toys' Δχ² at the confidence level.
    p_values
        Fraction of toys with a Δχ² at least as large as the data's.
    toys
        Per value.
    lost
        Fraction of toys whose fits did not converge, which are left out.
    """

    values: Array
    observed: Array
    critical: Array
    p_values: Array
    toys: int
    lost: float = 0.0


def belt(
    profile: Profile,
    confidence_level: float,
    execution: Execution,
    digest: str,
    *,
    points: int = 20,
    values: Array | None = None,
) -> Belt:
    """Throw toys along the parameter of interest, nuisance parameters at their profiled values.

    Parameters
    ----------
    profile
        Of the data.
    confidence_level
        Such as 0.90.
    execution
        Toys per value, seed, processes.
    digest
        Of the workspace, for checkpoints.
    points, values
        How many values of the parameter, or which; by default over the profile interval at 99 %
        and a quarter more.

    Raises
    ------
    ConfigError
        If there are fewer than two points.

    References
    ----------
    Feldman and Cousins, physics/9711021; profiled nuisances: the "profile construction".
    """
    if points < 2:
        raise ConfigError("a belt needs at least two points")
    if values is None:
        values = _range(profile, points)
    observed = np.array(heights_at(profile, values.tolist()))
    model = toy_model(profile.likelihood)
    per_point = -(-execution.toys // BATCH)
    tasks: list[Task] = []
    for index, value in enumerate(values.tolist()):
        truth = profile.at(value).parameters
        tasks += batches(truth, value, execution.toys, execution.seed, index * per_point)
    results = run(model, tasks, execution, digest)
    thrown = np.concatenate([result[0] for result in results]).reshape(values.size, execution.toys)
    critical = np.nanquantile(thrown, confidence_level, axis=1)
    fitted = np.isfinite(thrown)
    p_values = np.sum(thrown >= observed[:, None] - _SAME, axis=1) / np.sum(fitted, axis=1)
    return Belt(values, observed, critical, p_values, execution.toys, float(1 - fitted.mean()))


def belt_ends(
    found: Belt, confidence_level: float, best: float
) -> tuple[tuple[float | None, float | None], tuple[str, ...]]:
    """Ends of the region that the belt accepts, and remarks.

    An end lies where the data's Δχ² crosses the critical value, straight between two points. An
    interval is open (None) where the outermost value is accepted; at a boundary of 0 that means a
    limit on one side.
    """
    excess = found.observed - found.critical - _SAME
    inside = np.flatnonzero(excess <= 0)
    if not inside.size:
        above = int(np.clip(np.searchsorted(found.values, best), 1, found.values.size - 1))
        ends = float(found.values[above - 1]), float(found.values[above])
        return ends, ("no value of the belt is accepted: the ends are its values beside the best fit",)
    first, last = int(inside[0]), int(inside[-1])
    lower = None if first == 0 else _cross(found.values, excess, first - 1)
    upper = None if last == found.values.size - 1 else _cross(found.values, excess, last)
    notes = [f"{found.toys} toys at each of {found.values.size} values; {_error(found, confidence_level)}"]
    if found.lost > 0:
        notes.append(f"{100 * found.lost:.2g} % of the toys left out: their fits did not converge")
    if inside.size < last - first + 1:
        notes.append("separate regions; the interval spans them all")
    if upper is None:
        notes.append("open above: the last value of the belt is still accepted")
    if lower is None and found.values[0] < 0:
        notes.append("open below: the first value of the belt is still accepted")
    return (lower, upper), tuple(notes)


def _range(profile: Profile, points: int) -> Array:
    wider = region(profile, threshold(_WIDER))
    (bottom, top), (low, high) = wider.span, profile.bounds
    if wider.upper is not None:
        top = min(top + (_REACH - 1) * (top - min(bottom, 0.0)), high)
    if wider.lower is not None:
        bottom = max(low, bottom - (_REACH - 1) * (top - bottom))
    # The best fit is always accepted: with it in the belt, no interval is empty.
    return np.union1d(np.linspace(bottom, top, points - 1), [profile.best])


def _cross(values: Array, excess: Array, index: int) -> float:
    left, right = excess[index], excess[index + 1]
    share = np.clip(left / (left - right), 0, 1) if left != right else 0.5
    return float(values[index] + share * (values[index + 1] - values[index]))


def _error(found: Belt, confidence_level: float) -> str:
    spread = np.sqrt(confidence_level * (1 - confidence_level) / found.toys)
    return f"confidence level right to ± {spread:.2g} from the number of toys"
