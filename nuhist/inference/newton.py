"""Newton fits of many data sets at once, with bounds as an active set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.approach import FEW, REACH, first_steps, level, widths
from nuhist.inference.arrow import LARGE
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import Derivatives
from nuhist.inference.newton_step import Form, Limits, bounded_steps, units
from nuhist.inference.saddles import FIRMLY, positive_steps
from nuhist.inference.trial import DAMPING, State, Tried
from nuhist.tables import Array

_ITERATIONS = 200
_CHUNK = 500  # fits at a time: what they need stays in the cache
_TOGETHER = 1000  # toys that share first steps, which need less
_NUMBERS = 20_000_000  # at most in one array: it bounds the memory
_PATIENCE = 12  # Gauss-Newton steps of a large batch before the whole second derivative is taken
SMALL = 64  # fits that take it from the start
_PASSES = 32  # numbers for each cell and fit that first steps keep


@dataclass(frozen=True, eq=False)
class BatchFit:
    """Where the fits of a batch ended.

    Attributes
    ----------
    parameters
        Shape (batch, parameters).
    twice_nll
        Without the terms that do not depend on the parameters, shape (batch,).
    converged
        Whether a full step would gain less than the tolerance, shape (batch,).
    iterations
        Iterations of the slowest fit.
    """

    parameters: Array
    twice_nll: Array
    converged: NDArray[np.bool_]
    iterations: int


def fit_batch(
    model: CompiledModel,
    data: Array,
    start: Array,
    lower: Array,
    upper: Array,
    constant: NDArray[np.bool_],
    scale: Array,
    *,
    exploring: bool = True,
    near: bool = False,
) -> BatchFit:
    """Minimise −2 ln L for each data set of a batch.

    Parameters
    ----------
    model
        Compiled likelihood.
    data
        Shape (batch, bins + auxiliary).
    start
        Shape (batch, parameters); what is constant stays as it is here.
    lower, upper
        Bounds, shape (parameters,).
    constant
        Parameters that are held, shape (parameters,).
    scale
        Typical step of each parameter, shape (parameters,): damping is measured in it.
    exploring
        Whether steps may lead far, and into other valleys; see :func:`.saddles.positive_steps`.
    near
        Whether fits start near to where they end, as toys do: first steps share what they can. A search
        must not, since such steps lead its starts into one valley.
    """
    chunk = max(1, min(_CHUNK, _NUMBERS // (model.parameters * max(model.parameters, model.bins))))

    if near:
        return _fit_near(model, data, start, lower, upper, constant, scale, chunk, exploring=exploring)

    def some(part: slice) -> BatchFit:
        return _fit_chunk(model, data[part], start[part], lower, upper, constant, scale, exploring=exploring)

    if len(start) <= chunk:
        return some(slice(None))
    parts = [some(slice(first, first + chunk)) for first in range(0, len(start), chunk)]
    return BatchFit(
        np.concatenate([part.parameters for part in parts]),
        np.concatenate([part.twice_nll for part in parts]),
        np.concatenate([part.converged for part in parts]),
        max(part.iterations for part in parts),
    )


def _fit_near(
    model: CompiledModel,
    data: Array,
    start: Array,
    lower: Array,
    upper: Array,
    constant: NDArray[np.bool_],
    scale: Array,
    chunk: int,
    *,
    exploring: bool,
) -> BatchFit:
    """:func:`fit_batch` of fits that share first steps: these need less memory than second derivatives."""
    free = np.flatnonzero(~constant)
    theta = np.where(constant, start, np.clip(start, lower, upper))
    height, converged = np.full(len(theta), np.inf), np.zeros(len(theta), dtype=bool)
    size = int(np.clip(_NUMBERS // (_PASSES * model.nominal.size), FEW, _TOGETHER))
    for first in range(0, len(theta) if free.size else 0, size):
        part = slice(first, first + size)
        points, seen = theta[part], data[part]
        height[part] = model.twice_nll(points, seen)
        own = points, height[part], seen
        converged[part] = first_steps(model, *own, free, scale, lower, upper, near=True)
    left, iterations = np.flatnonzero(~converged), 0
    for first in range(0, left.size, chunk):
        rows = left[first : first + chunk]
        some = model, data[rows], theta[rows], lower, upper, constant, scale
        fit = _fit_chunk(*some, exploring=exploring, patient=2 * left.size > len(theta))
        theta[rows], height[rows], converged[rows] = fit.parameters, fit.twice_nll, fit.converged
        iterations = max(iterations, fit.iterations)
    return BatchFit(theta, height, converged, iterations)


def _fit_chunk(
    model: CompiledModel,
    data: Array,
    start: Array,
    lower: Array,
    upper: Array,
    constant: NDArray[np.bool_],
    scale: Array,
    *,
    exploring: bool,
    patient: bool = True,
) -> BatchFit:
    """:func:`fit_batch` of fits that are few enough for the cache.

    Fits that are patient take Gauss-Newton steps first, if they are many.
    """
    free = np.flatnonzero(~constant)
    theta = np.where(constant, start, np.clip(start, lower, upper))
    height, first = model.heights_and_rates(theta, data)
    if not free.size:
        return BatchFit(theta, height, np.isfinite(height), 0)
    reach = REACH * widths(model, free)
    converged = first_steps(model, theta, height, data, free, scale, lower, upper, near=False)
    state = State.at(theta, height, converged)
    active, iterations = np.flatnonzero(np.isfinite(height) & ~converged), 0
    patience = _PATIENCE if patient and len(theta) > SMALL else 0
    own = None if constant.size == free.size else free
    rates = first if np.isfinite(height).all() and free.size <= LARGE else None
    while active.size and iterations < _ITERATIONS:
        iterations += 1
        if iterations == patience + 1:
            state.damping[active] = DAMPING
        at, seen, before = theta[active], data[active], height[active]
        here = Derivatives.at(model, model.rates(at) if rates is None else rates, at, seen)
        slope, rates = here.slope[:, free], None
        if iterations == 1 <= patience and level(model, at, slope * scale[free], free, scale[free]).any():
            patience = 0
        whole = iterations > patience
        curvature = here.curvature(own, whole=whole)
        usable = np.isfinite(slope).all(axis=1) & np.isfinite(curvature).all(axis=(1, 2))
        if not usable.all():
            active = active[usable]
            continue
        unit = units(slope, curvature, before, scale[free])
        limits = Limits(lower[free] / unit, upper[free] / unit, reach / unit)
        slope, curvature = slope * unit, curvature * (unit[:, :, None] * unit[:, None])
        form = Form(slope, curvature, at[:, free] / unit, limits, state.damping[active])
        if whole:
            firmly = np.where(state.firm[active], 0.0, FIRMLY)[:, None]
            step, gain, down = positive_steps(here, at, seen, own, unit, form, firmly, exploring=exploring)
        else:
            (step, gain), down = bounded_steps(*form), None
        step *= unit
        tried = Tried.at(model, at, seen, free, step, lower, upper, before)
        done = tried.done(at, gain, state.damping[active], whole=whole)
        state.beyond[active] += np.isinf(tried.height)
        short = tried.shortened(done | exploring, model, at, seen, free, step, lower, upper, before)
        if down is not None:
            rows = np.flatnonzero(done & down.any(axis=1))
            away = down[rows] * unit[rows]
            leads = tried.led_off(rows, model, at[rows], seen[rows], free, away, lower, upper, before[rows])
            # What leads nowhere within the bounds is held by them from now on.
            done[rows] = ~leads & state.firm[active[rows]]
            state.firm[active[rows[~leads]]] = True
        going = state.advance(active, tried, done, short)
        active, rates = active[going], tried.known(going)
    return BatchFit(theta, height, converged, iterations)
