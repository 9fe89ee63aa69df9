"""Intervals by the unified ordering of Feldman and Cousins, with nuisance parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

import numpy as np

from nuhist.errors import ConfigError, FitError
from nuhist.inference.belt_ends import End, Ends, ends, next_values
from nuhist.inference.execution import Execution, Round, rounds
from nuhist.inference.profile import Profile, heights_at, threshold
from nuhist.inference.region import region
from nuhist.inference.toys import Task, batches, toy_model, truth_of_toys, without_search_bounds
from nuhist.tables import Array

_REACH = 1.25  # of the profile interval at the level below: how far the belt goes at first
_SAME = 1e-7  # in Δχ²: fits end so close to each other
_WIDER = 0.99  # confidence level whose profile interval the belt covers
_ROUNDS = 12  # of toys around the ends, at most
_BELOW = -1.0  # stands for a Δχ² below that of all data

Range = tuple[float | None, float | None]


@dataclass(frozen=True, eq=False)
class Belt:
    """The construction: at each value of the parameter, what the toys say.

    Attributes
    ----------
    values
        Values of the parameter of interest, increasing.
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

    def ends(self, confidence_level: float) -> Ends:
        """The ends of the values that are accepted: those with a p-value above 1 − CL.

        Raises
        ------
        FitError
            If no value is accepted. The best fit always is, if it is among the values.
        """
        alpha = 1 - confidence_level
        if not (self.p_values > alpha).any():
            raise FitError("no value of the belt is accepted; put the best fit among its values")
        return ends(self.values, self.p_values, alpha, self.toys)


@dataclass(frozen=True, slots=True)
class BeltInterval:
    """A Feldman-Cousins interval.

    Attributes
    ----------
    lower, upper
        Values of the parameter; None where the interval is open or one-sided.
    lower_range, upper_range
        In which the end lies as far as the number of toys and the spacing of their values tell, at two
        standard errors; None without an end. A limit of None in it: up to the end of the belt.
    notes
        What a reader should know.
    """

    lower: float | None
    upper: float | None
    lower_range: Range | None
    upper_range: Range | None
    notes: tuple[str, ...]


def belt(
    profile: Profile,
    confidence_level: float,
    execution: Execution,
    digest: str,
    *,
    points: int = 20,
    values: Array | None = None,
) -> Belt:
    """Throw toys along the parameter of interest, nuisance parameters as ``execution.toys_at`` says.

    Toys are thrown at a few values first, then in rounds around each end of the accepted region, until
    the end lies between two values whose distance is small against its error from the number of toys, or
    a thousandth of its distance from the best fit. All values share one stream of random numbers.

    Parameters
    ----------
    profile
        Profile of the data.
    confidence_level
        Such as 0.90.
    execution
        Toys per value, seed, nuisance parameters, processes.
    digest
        Digest of the workspace, for checkpoints.
    points
        How many values of the parameter there are at first, over the profile interval at 99 % and a
        quarter more.
    values
        The values, in place of all that; the best fit is not added to them.

    Raises
    ------
    ConfigError
        If there are fewer than two points.

    References
    ----------
    Feldman and Cousins, physics/9711021; nuisance parameters as fitted: the "profile construction".
    """
    if points < 2:
        raise ConfigError("a belt needs at least two points")
    model = without_search_bounds(toy_model(profile.likelihood))
    with rounds(model, execution, digest) as throw:
        if values is not None:
            return _belt(
                profile, confidence_level, execution, values, _thrown(profile, execution, values, throw)
            )
        values = belt_range(profile, points)
        thrown = _thrown(profile, execution, values, throw)
        for turn in range(_ROUNDS):
            found = _belt(profile, confidence_level, execution, values, thrown)
            more = next_values(
                found.ends(confidence_level), values, profile.best, profile.bounds, first=turn == 0
            )
            if not more.size:
                break
            thrown = np.concatenate([thrown, _thrown(profile, execution, more, throw)])
            order = np.argsort(np.concatenate([values, more]), kind="stable")
            values, thrown = np.concatenate([values, more])[order], thrown[order]
        return _belt(profile, confidence_level, execution, values, thrown)


def belt_range(profile: Profile, points: int) -> Array:
    """Values over the profile interval at 99 % and a quarter more, and the best fit.

    The best fit is always accepted: with it in the belt, no interval is empty.
    """
    wider = region(profile, threshold(_WIDER))
    (bottom, top), (low, high) = wider.span, profile.bounds
    if wider.upper is not None:
        top = min(top + (_REACH - 1) * (top - min(bottom, 0.0)), high)
    if wider.lower is not None:
        bottom = max(low, bottom - (_REACH - 1) * (top - bottom))
    return np.union1d(np.linspace(bottom, top, points - 1), [profile.best])


def _thrown(profile: Profile, execution: Execution, values: Array, throw: Round) -> Array:
    """Δχ² of toys at each value, shape (values, toys); NaN where a fit did not converge.

    Negative where there is no model, since a bin would expect less than nothing: the data lie above that.
    """
    profile.prepare(values.tolist())
    fits = [profile.at(value) for value in values.tolist()]
    possible = np.isfinite([fit.twice_nll for fit in fits])
    tasks: list[Task] = []
    for value, fit in compress(zip(values.tolist(), fits, strict=True), possible):
        # The same stream at each value: the p-value moves with it as little as it can.
        truth = truth_of_toys(profile.likelihood, fit.parameters, execution.toys_at)
        tasks += batches(truth, value, execution.toys, execution.seed)
    thrown = np.full((values.size, execution.toys), _BELOW)
    if tasks:
        thrown[possible] = np.concatenate([result[0] for result in throw(tasks)]).reshape(-1, execution.toys)
    thrown[np.isnan(thrown).all(axis=1)] = _BELOW  # just beyond the edge of the model
    return thrown


def _belt(
    profile: Profile, confidence_level: float, execution: Execution, values: Array, thrown: Array
) -> Belt:
    # At each turn: a fit may have found a lower minimum, from which all Δχ² are measured.
    observed = np.array(heights_at(profile, values.tolist()))
    critical = np.nanquantile(thrown, confidence_level, axis=1)
    fitted = ~np.isnan(thrown)
    p_values = np.sum(thrown >= observed[:, None] - _SAME, axis=1) / np.sum(fitted, axis=1)
    return Belt(values, observed, critical, p_values, execution.toys, float(1 - fitted.mean()))


def belt_interval(found: Belt, confidence_level: float, profile: Profile) -> BeltInterval:
    """The region that a belt accepts, from end to end, and what is to be said about it.

    An end is the first value beyond that is not accepted, so that the interval never covers less than it
    says. An interval is open (None) where the outermost value is accepted, or where there is no model
    beyond; at a boundary of 0 that means a limit on one side.

    Parameters
    ----------
    found
        See :func:`belt`.
    confidence_level
        Such as 0.90.
    profile
        Profile of the data.
    """
    both, show = found.ends(confidence_level), profile.coupling.shown
    notes = [f"{found.toys} toys at each of {found.values.size} values"]
    if found.lost > 0:
        notes.append(f"{100 * found.lost:.2g} % of the toys left out: their fits did not converge")
    if both.regions > 1:
        notes.append(f"{both.regions} separate regions; the interval spans them all")
    ends: list[End | None] = []
    for side, end in (("lower", both.lower), ("upper", both.upper)):
        edge = end.value is not None and _no_model(profile, end.value)
        if end.value is not None and not edge:
            notes.append(_error(side, end, show))
        elif end.inside != 0 or side == "upper":
            beyond = "above" if side == "upper" else "below"
            why = profile.beyond(end.inside, edge=edge)
            notes.append(f"open {beyond}: {show(end.inside)} is still allowed; {why}")
        ends.append(None if edge or end.value is None else end)
    lower, upper = (None if end is None else end.value for end in ends)
    return BeltInterval(lower, upper, _range(ends[0]), _range(ends[1]), tuple(notes))


def _no_model(profile: Profile, value: float) -> bool:
    """Whether it is the model that ends before a value, and not the data that are impossible there."""
    at = profile.at(value)
    counts = profile.likelihood.expected(at.parameters)
    observed = profile.likelihood.data[: counts.size]
    return bool((counts < 0).any() and not (observed[counts <= 0] > 0).any())


def _range(end: End | None) -> Range | None:
    """The range of an end, its lower limit first."""
    if end is None or end.value is None:
        return None
    return (end.near, end.far) if end.value > end.inside else (end.far, end.near)


def _error(side: str, end: End, show: Callable[[float], str]) -> str:
    """The range of an end in words."""
    limits = [show(limit) if limit is not None else "the end of the belt" for limit in _range(end) or ()]
    return f"{side} end between {' and '.join(limits)}, from the number of toys and their values together"
