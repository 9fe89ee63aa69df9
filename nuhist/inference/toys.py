"""Pseudo-experiments: thrown as pyhf throws them, fitted in batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import ConfigError, FitError
from nuhist.inference.compiled import NOTHING, CompiledModel
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.even_toys import even_normal, even_poisson
from nuhist.inference.likelihood import Likelihood, is_artefact
from nuhist.inference.moved import heights_along
from nuhist.inference.newton import fit_batch
from nuhist.inference.search import either_sign, valleys
from nuhist.inference.steps import constraint_widths
from nuhist.inference.without import place
from nuhist.tables import Array

_ROUNDS = 4  # of searches for another valley, each from the lowest yet
_MANY = 20_000  # toys × turning parameters × parameters: more are looked along parameter by parameter
_LOWER = 1e-7  # of 2NLL, by which its minimum has to be lower
_NUMBERS = 4_000_000  # in an array: it bounds the memory
_WORSE = 1e-6  # in 2NLL: a fit from another start that ends higher is no better
_FEW_BINS = 4
_FAR = 1e30  # typical steps of the parameter of interest: no toy's best fit lies there

ToysAt = Literal["fitted", "nominal"]
"""Nuisance parameters of toys: as fitted to the data, or at their nominal values."""

BATCH = 1000  # toys that share a seed; results do not depend on who computes a batch


@dataclass(frozen=True, eq=False)
class ToyModel:
    """What a worker needs to throw and fit toys: arrays only.

    Attributes
    ----------
    model
        Compiled likelihood.
    initial, lower, upper, scale, constant
        Initial, lower, upper, scale and constant of the parameters.
    interest
        Index of the parameter of interest, or −1.
    pinned
        Positions of auxiliary data that are not thrown, since they only come from a construction.
    starts
        Further starts of the parameter of interest in free fits.
    turning
        Parameters along which there may be two minima.
    observed
        The data themselves.
    """

    model: CompiledModel
    initial: Array
    lower: Array
    upper: Array
    scale: Array
    constant: NDArray[np.bool_]
    interest: int
    pinned: tuple[int, ...]
    starts: tuple[float, ...]
    turning: tuple[int, ...]
    observed: Array

    @property
    def counts_only(self) -> bool:
        """Whether toys consist of a few counts, without constraints."""
        terms = self.model.constraints
        return self.model.bins <= _FEW_BINS and terms.gaussian.size + terms.poisson.size == 0

    def throw(self, truth: Array, size: int, seed: int, batch: int) -> Array:
        """Data sets at a point of the parameters, shape (size, bins + auxiliary).

        Parameters
        ----------
        truth
            Shape (parameters,).
        size
            How many.
        seed, batch
            Key of a counter-based generator: each batch has its own stream. The toys of a batch are
            spread evenly, see :mod:`nuhist.inference.even_toys`.
        """
        random = np.random.Generator(np.random.Philox(key=np.array([seed, batch], dtype=np.uint64)))
        data = np.tile(self.observed, (size, 1))
        expected = np.maximum(self.model.expected(truth[None])[0], 0.0)
        data[:, : self.model.bins] = even_poisson(random, size, expected)
        terms = self.model.constraints
        data[:, terms.gaussian_data] = even_normal(random, size, truth[terms.gaussian], terms.sigma)
        data[:, terms.poisson_data] = even_poisson(random, size, terms.scale * truth[terms.poisson])
        data[:, list(self.pinned)] = self.observed[list(self.pinned)]
        return data

    def asimov(self, parameters: Array) -> Array:
        """Data expected at points of the parameters, auxiliary data included, one data set for each."""
        data = np.tile(self.observed, (len(parameters), 1))
        data[:, : self.model.bins] = np.maximum(self.model.expected(parameters), 0.0)
        terms = self.model.constraints
        data[:, terms.gaussian_data] = parameters[:, terms.gaussian]
        data[:, terms.poisson_data] = terms.scale * parameters[:, terms.poisson]
        data[:, list(self.pinned)] = self.observed[list(self.pinned)]
        return data

    def free(self, data: Array, start: Array) -> tuple[Array, Array]:
        """Global minima of each data set: parameters, and 2NLL less its constants; NaN where not found."""
        parameters, height = self._fit(data, start, self.constant)
        for value in self.starts:
            other = start.copy()
            other[:, self.interest] = value
            found, reached = self._fit(data, other, self.constant)
            better = reached < height
            parameters[better], height[better] = found[better], reached[better]
        return parameters, height

    def held(self, data: Array, start: Array, value: float) -> tuple[Array, Array]:
        """Minima with the parameter of interest held; NaN where none is found."""
        constant = self.constant.copy()
        constant[self.interest] = True
        start = start.copy()
        start[:, self.interest] = value
        return self._fit(data, start, constant)

    def _fit(self, data: Array, start: Array, constant: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Minima of each data set; where counts turn, of all valleys that can be seen from the first."""
        parameters, height = self._descend(data, start, constant)
        turning = [index for index in self.turning if not constant[index]]
        rows = np.flatnonzero(np.isfinite(height))
        steps = self.scale, constraint_widths(self.model, self.scale)
        for _ in range(_ROUNDS if turning else 0):
            seen = partial(self._heights, data[rows])
            many = rows.size * len(turning) * start.shape[1] > _MANY
            along = partial(heights_along, self.model, data=data[rows]) if many else None
            which, others = valleys(seen, parameters[rows], turning, *steps, self.lower, self.upper, along)
            found, reached = self._descend(data[rows[which]], others, constant)
            lower = []
            for row, point, level in zip(rows[which], found, reached, strict=True):
                if level < height[row] - _LOWER:
                    parameters[row], height[row] = point, level
                    lower.append(row)
            rows = np.unique(np.array(lower, dtype=np.intp))
            if not rows.size:
                break
        return parameters, height

    def _heights(self, data: Array, points: Array) -> Array:
        """2NLL at as many points for each data set, one data set after the other."""
        each, most = len(points) // len(data), max(1, _NUMBERS // self.model.nominal.size)
        parts = np.split(np.arange(len(points)), range(most, len(points), most))
        return np.concatenate([self.model.twice_nll(points[part], data[part // each]) for part in parts])

    def _descend(self, data: Array, start: Array, constant: NDArray[np.bool_]) -> tuple[Array, Array]:
        bounds = self.lower, self.upper
        fit = fit_batch(self.model, data, start, *bounds, constant, self.scale, near=True)
        parameters, height, open_fits = fit.parameters, fit.twice_nll, np.flatnonzero(~fit.converged)
        again = np.tile(self.initial, (len(data), 1))
        again[:, constant] = start[:, constant]
        # Onwards from where a fit has stopped, then from the workspace's own start.
        for origin in (parameters, parameters, again):
            if not open_fits.size:
                break
            more = fit_with_edges(
                self.model, data[open_fits], origin[open_fits], *bounds, constant, self.scale
            )
            done = more.converged & (more.twice_nll <= height[open_fits] + _WORSE)
            parameters[open_fits], height[open_fits] = more.parameters, more.twice_nll
            open_fits = open_fits[~done]
        height[open_fits] = np.nan
        return parameters, height


def without_search_bounds(model: ToyModel) -> ToyModel:
    """The same with the bounds of the parameter of interest far away, but for one of 0.

    A bound that only ends a search must not order the toys whose best fit lies beyond.
    """
    lower, upper, far = model.lower.copy(), model.upper.copy(), _FAR * model.scale[model.interest]
    upper[model.interest] = max(upper[model.interest], far)
    if lower[model.interest] < 0:
        lower[model.interest] = min(lower[model.interest], -far)
    return replace(model, lower=lower, upper=upper)


def toy_model(likelihood: Likelihood) -> ToyModel:
    """Prepare a likelihood for toys.

    Raises
    ------
    FitError
        If it is not compiled.
    """
    if likelihood.compiled is None:
        raise FitError(f"{likelihood.origin}: toys need the compiled likelihood; use engine='compiled'")
    pinned: tuple[int, ...] = ()
    starts: tuple[float, ...] = ()
    interest = -1
    if likelihood.poi is not None:
        interest = likelihood.poi_index
        low, high = float(likelihood.lower[interest]), float(likelihood.upper[interest])
        if interest in likelihood.compiled.turning:
            step = float(likelihood.scale[interest])
            either = either_sign(
                likelihood.compiled, likelihood.start, interest, step, likelihood.data, (low, high)
            )
            starts = tuple(np.unique(either[1::2, interest]).tolist())
        if is_artefact(likelihood):
            terms = likelihood.compiled.constraints
            pinned = tuple(int(i) for i in terms.gaussian_data[terms.gaussian == interest])
    return ToyModel(
        likelihood.compiled,
        likelihood.initial,
        likelihood.lower,
        likelihood.upper,
        likelihood.scale,
        np.array(likelihood.constant),
        interest,
        pinned,
        starts,
        likelihood.turning,
        likelihood.data,
    )


@dataclass(frozen=True, eq=False)
class Task:
    """One batch of toys: thrown at ``truth``, tested at ``value`` of the parameter of interest.

    Without a value, what is tested is the fit: 2NLL of the best fit less that of the saturated model.
    """

    truth: Array
    value: float | None
    size: int
    seed: int
    batch: int


def statistic(model: ToyModel, task: Task) -> tuple[Array, Array]:
    """Test statistic of each toy of a batch, and the best fit of the parameter of interest.

    Returns
    -------
    t = 2NLL(value) − 2NLL(best), never below 0, or 2NLL(best) less that of the saturated model without
    a value; NaN where a fit did not converge. And the best-fit values. Both have the shape (size,).
    """
    # The C library hands memory back to the system, page by page, until a larger block has been freed
    # than the arrays here are; without this a tenth of the time goes into page faults.
    np.empty(2**21)
    data = model.throw(task.truth, task.size, task.seed, task.batch)
    if model.counts_only:  # a few counts: many toys are the same
        data, toys = np.unique(data, axis=0, return_inverse=True)
        height, best = _fitted(model, task, data)
        return height[toys.ravel()], best[toys.ravel()]
    return _fitted(model, task, data)


def _fitted(model: ToyModel, task: Task, data: Array) -> tuple[Array, Array]:
    """See :func:`statistic`, of given data."""
    start = np.tile(task.truth, (len(data), 1))
    if task.value is None:
        parameters, free = model.free(data, start)
        return free, parameters[:, model.interest]
    start, held = model.held(data, start, task.value)
    parameters, free = model.free(data, start)
    # NaN, where a fit did not converge, stays NaN.
    return np.maximum(held - free, 0.0), parameters[:, model.interest]


def truth_of_toys(likelihood: Likelihood, fitted: Array, toys_at: ToysAt) -> Array:
    """Values of all parameters at which toys are thrown.

    Parameters
    ----------
    likelihood
        Whose.
    fitted
        Fit to the data, with the parameter of interest where the toys have it; shape (parameters,).
    toys_at
        ``"fitted"`` is that; with ``"nominal"`` all but the parameter of interest have their nominal
        values: the centre of their constraint, or the workspace's start value without one.

    Raises
    ------
    FitError
        If a bin would expect less than nothing at nominal values.
    """
    if toys_at == "fitted":
        return fitted
    values = likelihood.nominal
    if likelihood.poi is not None:
        values[likelihood.poi_index] = fitted[likelihood.poi_index]
    counts = likelihood.expected(values)
    if (counts < -NOTHING).any():
        least = place(likelihood, int(np.argmin(counts)))
        raise FitError(
            f"{likelihood.origin}: at nominal values {least} would expect less than nothing; throw toys at"
            " fitted values"
        )
    return values


def batches(truth: Array, value: float | None, toys: int, seed: int, first: int = 0) -> list[Task]:
    """Tasks for a number of toys at one point.

    Raises
    ------
    ConfigError
        If the number is not positive.
    """
    if toys < 1:
        raise ConfigError(f"{toys} toys: must be at least 1")
    sizes = [min(BATCH, toys - done) for done in range(0, toys, BATCH)]
    return [Task(truth, value, size, seed, first + index) for index, size in enumerate(sizes)]
