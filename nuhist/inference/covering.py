"""Whether intervals of toys, from end to end of what they accept, hold a true value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.execution import Round
from nuhist.inference.toys import Task, ToyModel
from nuhist.tables import Array

_SAME = 1e-7  # in Δχ²: fits end so close to each other

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Beside:
    """Some toys of a batch, tested at several values beside the truth.

    Attributes
    ----------
    truth, size, seed, batch
        The batch, see :class:`nuhist.inference.toys.Task`.
    chosen
        Positions in it.
    values
        Values of the parameter of interest.
    """

    truth: Array
    size: int
    seed: int
    batch: int
    chosen: NDArray[np.intp]
    values: Array


def beside(model: ToyModel, task: Beside) -> tuple[Array, Array]:
    """Test statistic of each chosen toy at each value, one toy after the other; and the best fits."""
    data = model.throw(task.truth, task.size, task.seed, task.batch)[task.chosen]
    start = np.tile(task.truth, (len(data), 1))
    parameters, free = model.free(data, start)
    held = np.stack([model.held(data, start, value)[1] for value in task.values.tolist()], axis=1)
    return np.maximum(held - free[:, None], 0.0).ravel(), parameters[:, model.interest]


def asimov_statistic(model: ToyModel, task: Task) -> tuple[Array, Array]:
    """Test statistic of the Asimov data of each toy of a batch: expected from its fit without the coupling.

    Returns
    -------
    t at the task's value, NaN for toys that are impossible without the coupling or could not be fitted;
    and zeros, where these data have their best fit. Both have the shape (size,).
    """
    data = model.throw(task.truth, task.size, task.seed, task.batch)
    start = np.tile(task.truth, (task.size, 1))
    without, height = model.held(data, start, 0.0)
    asimov = model.asimov(without)
    _, held = model.held(asimov, without, float(task.value or 0.0))
    statistic = np.maximum(held - model.model.twice_nll(without, asimov), 0.0)
    return np.where(np.isfinite(height), statistic, np.nan), np.zeros(task.size)


def holding(
    throw: Round,
    tasks: Sequence[Task],
    thrown: Array,
    places: Array,
    critical: Sequence[tuple[float, Array | float]],
) -> list[Mask]:
    """Whether the interval of each toy holds the truth: it accepts the truth, or values on both sides of it.

    Only toys that reject the truth by one of the critical values have to be fitted elsewhere.

    Parameters
    ----------
    throw
        Computes :func:`beside`.
    tasks
        Batches of the toys, tested at the truth.
    thrown
        Their statistic there, shape (toys,); NaN where a fit did not converge.
    places
        Other values where an interval may accept something, shape (places,).
    critical
        Critical values, of each method: at the truth, and at the places.

    Returns
    -------
    Of each method, shape (toys,).
    """
    truth = float(tasks[0].value or 0.0)
    lowest = min(at_truth for at_truth, _ in critical)
    rejected = np.flatnonzero(thrown > lowest + _SAME)
    edges = np.cumsum([0, *(task.size for task in tasks)])
    wanted = []
    for task, first, last in zip(tasks, edges[:-1], edges[1:], strict=True):
        chosen = rejected[(rejected >= first) & (rejected < last)] - first
        if chosen.size and places.size:
            wanted.append(Beside(task.truth, task.size, task.seed, task.batch, chosen, places))
    results = throw(wanted) if wanted else []
    elsewhere = np.concatenate([np.empty(0), *(result[0] for result in results)]).reshape(-1, places.size)
    found = []
    for at_truth, at_places in critical:
        held = thrown <= at_truth + _SAME
        if len(elsewhere):
            accepted = elsewhere <= at_places + _SAME
            both = accepted[:, places < truth].any(axis=1) & accepted[:, places > truth].any(axis=1)
            held[rejected] |= both
        found.append(held)
    return found
