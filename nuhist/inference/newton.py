"""Newton fits of many data sets at once, with bounds as an active set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import positive, slope_and_curvature
from nuhist.inference.structure import Index, Mask
from nuhist.inference.tangent import tangent
from nuhist.tables import Array

_ITERATIONS = 200
_CHUNK = 500  # fits at a time: what they need stays in the cache
_NUMBERS = 20_000_000  # at most in one array: it bounds the memory
_PATIENCE = 12  # Gauss-Newton steps of a large batch before the whole second derivative is taken
_SMALL = 64  # fits that take it from the start
_REACH = 2.0  # largest step of a constrained parameter, in widths: a longer one may end in another valley
_CHORDS = 6  # steps with the derivatives of the start
_FEW = 8  # fits for which the derivatives of the start are not worth it
_NEAR = 1e-10  # of 2NLL: what such a step would still gain; the next would gain a third of it at most
_FALL = 0.3  # from step to step, of that gain; where it falls less, full steps are better
_TOLERANCE = 1e-10  # of 2NLL: what a full step would still gain
_LAST = 1e-6  # of 2NLL: after a step with the whole second derivative that gains less, nothing is left
_DAMPING = 1e-4  # Levenberg's, relative to the curvature, at the start
_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e12
_FULL = 1e2  # damping up to which a step counts as a full one, on the floor of rounding
_ROUNDING = 1e-11  # of 2NLL, by which an accepted step may seem to climb
SADDLE = 1e-5  # of 2NLL per squared typical step: a curvature that is less than minus this leads down
_LEVEL = 1e-9  # of 2NLL per typical step
FIRMLY = 1e-5  # of 2NLL per typical step: by less, a bound does not hold, as where two strengths are 0
_PROBES = np.array([0.03, 0.1, 0.3, 1.0, 2.0, 4.0])  # typical steps along it, to either side


class _Limits(NamedTuple):
    """Bounds, and largest steps, in units of the free parameters."""

    lower: Array
    upper: Array
    reach: Array


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
        Of the slowest fit.
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
    """
    each = model.parameters * max(model.parameters, model.bins)
    chunk = max(1, min(_CHUNK, _NUMBERS // each))
    if len(start) > chunk:
        parts = [
            fit_batch(model, data[i : i + chunk], start[i : i + chunk], lower, upper, constant, scale)
            for i in range(0, len(start), chunk)
        ]
        return BatchFit(
            np.concatenate([part.parameters for part in parts]),
            np.concatenate([part.twice_nll for part in parts]),
            np.concatenate([part.converged for part in parts]),
            max(part.iterations for part in parts),
        )
    free = np.flatnonzero(~constant)
    theta = np.where(constant, start, np.clip(start, lower, upper))
    height = model.twice_nll(theta, data)
    if not free.size:
        return BatchFit(theta, height, np.isfinite(height), 0)
    widths = _widths(model, free)
    converged = _approach(model, theta, height, data, free, scale[free], lower[free], upper[free])
    state = _State(theta, height, converged, np.full(len(theta), _DAMPING))
    active, iterations = np.flatnonzero(np.isfinite(height) & ~converged), 0
    patience = 0 if len(theta) <= _SMALL or converged.any() else _PATIENCE
    while active.size and iterations < _ITERATIONS:
        iterations += 1
        if iterations == patience + 1:
            state.damping[active] = _DAMPING
        at, here = theta[active], data[active]
        slope, curvature = slope_and_curvature(model, at, here, whole=iterations > patience)
        if iterations == 1 <= patience and _level(model, slope[:, free] * scale[free], free):
            patience = 0
            slope, curvature = slope_and_curvature(model, at, here)
        slope, curvature = slope[:, free], curvature[:, free[:, None], free]
        usable = np.isfinite(slope).all(axis=1) & np.isfinite(curvature).all(axis=(1, 2))
        if not usable.all():
            active = active[usable]
            continue
        unit = _units(slope, curvature, height[active], scale[free])
        limits = _Limits(lower[free] / unit, upper[free] / unit, _REACH * widths / unit)
        slope, curvature = slope * unit, curvature * (unit[:, :, None] * unit[:, None])
        down = None
        if iterations > patience:
            curvature, down = _turned(curvature, _held(slope, at[:, free] / unit, limits, FIRMLY))
        step, gain = _steps(slope, curvature, at[:, free] / unit, limits, state.damping[active])
        trial = at.copy()
        trial[:, free] = np.clip(at[:, free] + step * unit, lower[free], upper[free])
        moved = (trial[:, free] != at[:, free]).any(axis=1)
        reached = model.twice_nll(trial, here)
        better = reached <= height[active] + _ROUNDING
        full = state.damping[active] <= _FULL  # else any step promises little
        last = better & (gain < _LAST) & (state.damping[active] <= _DAMPING) & (iterations > patience)
        done = full & ((gain < _TOLERANCE) | (better & ~moved) | last)
        if down is not None:
            rows = np.flatnonzero(done & down.any(axis=1))
            away = down[rows] * unit[rows]
            beside, level = off_saddles(model, at[rows], here[rows], free, away, lower, upper)
            leads = level < np.minimum(reached[rows], height[active[rows]]) - _TOLERANCE
            trial[rows[leads]], reached[rows[leads]] = beside[leads], level[leads]
            better[rows[leads]], done[rows[leads]] = True, False
        active = state.advance(active, trial, reached, better, done)
    return BatchFit(theta, height, converged, iterations)


class _State(NamedTuple):
    """Where the fits of a batch are; the arrays are updated."""

    theta: Array
    height: Array
    converged: Mask
    damping: Array

    def advance(self, active: Index, trial: Array, reached: Array, better: Mask, done: Mask) -> Index:
        """Take the steps that lead down, and say which fits go on."""
        self.theta[active[better]] = trial[better]
        self.height[active[better]] = np.minimum(reached, self.height[active])[better]
        grown = np.where(better, self.damping[active] / 10, self.damping[active] * 10)
        stuck = grown > _MOST_DAMPING
        self.damping[active] = np.maximum(grown, _LEAST_DAMPING)
        self.converged[active[done]] = True
        return active[~(done | stuck)]


def _level(model: CompiledModel, slope: Array, free: Index) -> bool:
    """Whether any fit begins where 2NLL is level along a parameter that counts may turn along.

    Only the second derivative can tell such a saddle, by symmetry, from a minimum.
    """
    bending = np.isin(free, model.turning) | np.isin(free, model.multiplying)
    return bool((np.abs(slope[:, bending]) < _LEVEL).any())


def _widths(model: CompiledModel, free: Index) -> Array:
    """Widths of the constraints of free parameters; infinite without one."""
    widths = np.full(model.parameters, np.inf)
    widths[model.constraints.gaussian] = model.constraints.sigma
    return widths[free]


def _units(slope: Array, curvature: Array, height: Array, scale: Array) -> Array:
    """Step of each parameter in which slopes and curvatures are no large numbers, (batch, parameters).

    That is its typical step, or less where 2NLL is steeper: no step should gain more than there is. So
    parameters in any unit are treated alike, however far from the start.
    """
    steep = np.maximum(np.abs(np.einsum("bii->bi", curvature)) / 2, 1 / scale**2)
    return np.asarray(1 / np.maximum(np.sqrt(steep), np.abs(slope) / (height + 1)[:, None]))


def _held(slope: Array, at: Array, limits: _Limits, least: float = 0.0) -> Mask:
    """Parameters on a bound that the slope pushes outwards, by so much at the least."""
    return ((at <= limits.lower) & (slope >= least)) | ((at >= limits.upper) & (slope <= -least))


def _turned(curvature: Array, held: Mask) -> tuple[Array, Array | None]:
    """Curvature with the signs of its negative eigenvalues turned, and the direction of the lowest one.

    The direction is 0 where no eigenvalue is negative, and None stands for no such direction at all.
    """
    moving = ~held
    masked = curvature * (moving[:, :, None] & moving[:, None, :])
    along = np.arange(curvature.shape[1])
    size = np.abs(np.einsum("bii->bi", curvature))
    masked[:, along, along] += np.where(held, np.maximum(size, 1.0), SADDLE / 10)
    rows = _not_positive(masked)
    if not rows.size:
        return curvature, None
    values, vectors = np.linalg.eigh(masked[rows])
    down = np.zeros(held.shape)
    down[rows] = np.where(values[:, :1] < -SADDLE, vectors[:, :, 0], 0.0)
    both = moving[rows][:, :, None] & moving[rows][:, None, :]
    curvature = curvature.copy()
    curvature[rows] = np.where(both, positive(values, vectors), curvature[rows])
    return curvature, down


def _not_positive(matrices: Array) -> Index:
    """Which symmetric matrices are not positive definite; of a large batch with any, all are named."""
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1 or len(matrices) > _SMALL:
            return np.arange(len(matrices))
        half = len(matrices) // 2
        return np.concatenate([_not_positive(matrices[:half]), half + _not_positive(matrices[half:])])
    return np.zeros(0, dtype=np.intp)


def off_saddles(
    model: CompiledModel,
    at: Array,
    data: Array,
    free: Index,
    direction: Array,
    lower: Array,
    upper: Array,
) -> tuple[Array, Array]:
    """The lowest of some points to either side of each saddle, along a direction, and how low it is."""
    sides = np.concatenate([_PROBES, -_PROBES])
    points = np.repeat(at[:, None], sides.size, axis=1)
    points[:, :, free] = np.clip(
        points[:, :, free] + sides[:, None] * direction[:, None], lower[free], upper[free]
    )
    flat = points.reshape(-1, at.shape[1])
    if not len(at):
        return at, np.zeros(0)
    heights = model.twice_nll(flat, np.repeat(data, sides.size, axis=0)).reshape(len(at), -1)
    rows, lowest = np.arange(len(at)), np.argmin(heights, axis=1)
    return points[rows, lowest], heights[rows, lowest]


def _approach(
    model: CompiledModel,
    theta: Array,
    height: Array,
    data: Array,
    free: Index,
    unit: Array,
    low: Array,
    high: Array,
) -> Mask:
    """Fit with the derivatives at the middle of the starts; points and heights are updated.

    Returns
    -------
    Which fits have converged; the others have come as far as they could.
    """
    converged = np.zeros(len(theta), dtype=bool)
    if len(theta) < _FEW or not np.isfinite(height).all():
        return converged
    near = tangent(model, theta.mean(axis=0), free, unit)
    if near is None:
        return converged
    # Nothing turns: there is one valley, and no step can be too long.
    limits = _Limits(low / unit, high / unit, np.full(free.size, np.inf))
    trial, active = theta.copy(), np.arange(len(theta))
    before = np.full(len(theta), np.inf)
    for number in range(_CHORDS):
        at = trial[active]
        slope, curvature = near.slope_and_curvature(at, data[active])
        if number == 0 and _level(model, slope, free):
            return converged
        step, gain = _steps(slope, curvature, at[:, free] / unit, limits, np.zeros(active.size))
        at[:, free] = np.clip(at[:, free] + step * unit, low, high)
        trial[active] = at
        done = gain < _NEAR
        converged[active[done]] = True
        slow = gain > _FALL * before[active]
        before[active] = gain
        active = active[~(done | slow)]
        if not active.size:
            break
    reached = model.twice_nll(trial, data)
    lower = reached <= height + _ROUNDING
    theta[lower], height[lower] = trial[lower], np.minimum(reached, height)[lower]
    return converged & lower


def _steps(
    slope: Array, curvature: NDArray[Any], at: Array, limits: _Limits, damping: Array
) -> tuple[Array, Array]:
    """Damped Newton steps of the parameters that are not held by a bound, and what they promise.

    A parameter on a bound is held while the slope pushes it outwards. One that its own step
    would carry across a bound is set on it, and the others solve again for what is left.
    """
    lower, upper, reach = limits
    held = _held(slope, at, limits)
    step = _solved(slope, curvature, held, np.zeros_like(at), damping)
    beyond = ~held & ((at + step < lower) | (at + step > upper))
    for _ in range(2):
        again = np.flatnonzero(beyond.any(axis=1))
        if not again.size:
            break
        step = np.where(beyond, np.clip(at + step, lower, upper) - at, step)
        held |= beyond
        step[again] = _solved(slope[again], curvature[again], held[again], step[again], damping[again])
        beyond = ~held & ((at + step < lower) | (at + step > upper))
    step *= np.min(1 / np.maximum(np.abs(step) / reach, 1.0), axis=1, keepdims=True)
    bent = np.matmul(curvature, step.astype(curvature.dtype)[:, :, None])[:, :, 0] / 2
    return step, np.abs(np.einsum("bi,bi->b", step, slope + bent))


def _solved(slope: Array, curvature: NDArray[Any], held: Mask, step: Array, damping: Array) -> Array:
    """Steps of the parameters that are not held, given those of the others."""
    diagonal = np.einsum("bii->bi", curvature)
    numbers = np.finfo(curvature.dtype)
    floor = 50 * numbers.eps * np.max(np.abs(diagonal), axis=1, keepdims=True) + 1e20 * numbers.tiny
    matrix, right = curvature.copy(), -slope
    rows = np.flatnonzero(held.any(axis=1))
    if rows.size:
        moving, fixed = ~held[rows], held[rows] * step[rows]
        matrix[rows] *= moving[:, :, None] & moving[:, None, :]
        right[rows] -= np.matmul(curvature[rows], fixed[:, :, None])[:, :, 0]
        right[rows] = np.where(moving, right[rows], step[rows])
    along = np.arange(slope.shape[1])
    damped = diagonal + damping[:, None] * (np.abs(diagonal) + 1) + floor
    matrix[:, along, along] = np.where(held, 1.0, damped)
    return _solve(matrix, right.astype(curvature.dtype)).astype(np.float64)


def _solve(matrix: NDArray[Any], right: NDArray[Any]) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:  # one singular matrix spoils the batch
        return np.stack([np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(matrix, right, strict=True)])
