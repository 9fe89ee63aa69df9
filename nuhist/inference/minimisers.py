"""SciPy's and Minuit's minimisers for a function of scaled parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from nuhist.tables import Array

_TOLERANCE = 1e-11  # of 2NLL
_ITERATIONS = 200  # of SLSQP, which takes some ten where it gets anywhere
_EXHAUSTED = 8  # SLSQP's status where rounding leaves no way down
_MANY = 100  # parameters; a step of SLSQP takes their third power
_HIGHEST = 1e100  # stands for infinity, which the minimisers do not take
_STEP = 1e-4  # of a typical step, for differences: their errors are some 1e-8 of the slope
_FAR = 1e6  # typical steps: a bound that is no bound for Minuit
_CROSSED = 1e-6  # counts below 0, which is what SLSQP may step over its constraints
_FIRST_STEP = 0.1  # of HESSE, in typical steps of the parameters

Objective = Callable[[Array], float]
Gradient = Callable[[Array], Array]


def minimise(
    objective: Objective,
    start: Array,
    low: Array,
    high: Array,
    *,
    gradient: Gradient | None = None,
    counts: Gradient | None = None,
    changes: Gradient | None = None,
) -> tuple[Array, float] | None:
    """Minimise with SLSQP, or with Minuit where that fails; with L-BFGS-B where SLSQP would take hours.

    Parameters
    ----------
    objective
        2NLL; may be infinite.
    start, low, high
        Start and bounds, shape (parameters,), of parameters whose typical step is 1.
    gradient
        Gradient of the objective; by central differences without it.
    counts
        What must not be negative: expected counts of the bins in which nothing is seen.
    changes
        Their derivatives, shape (bins, parameters).

    Returns
    -------
    Where and how low, or None where neither converges.
    """
    from scipy.optimize import minimize

    def finite(values: Array) -> float:
        return min(objective(values), _HIGHEST)

    def possible(values: Array) -> bool:
        return counts is None or bool(counts(values).min() > -_CROSSED)

    slope = gradient or _differences(finite, low, high)
    many = gradient is not None and start.size > _MANY
    method: Literal["L-BFGS-B", "SLSQP"] = "L-BFGS-B" if many else "SLSQP"
    constraints: Any = [] if many or counts is None else [{"type": "ineq", "fun": counts, "jac": changes}]
    options: Any = {"ftol": 1e-14, "maxiter": 5000} if many else {"ftol": _TOLERANCE, "maxiter": _ITERATIONS}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # steps that SLSQP itself clips
        result = minimize(
            finite,
            np.ravel(start),
            method=method,
            jac=slope,
            bounds=list(zip(low, high, strict=True)),
            constraints=constraints,
            options=options,
        )
    ended = np.clip(np.asarray(result.x, dtype=np.float64), low, high)
    here = (ended, float(result.fun)) if result.fun < _HIGHEST and possible(ended) else None
    if result.success and here is not None:
        return here
    other = _migrad(finite, ended, low, high, gradient)
    if other is not None and not possible(other[0]):  # Minuit knows no constraints
        other = None
    if here is None or result.status != _EXHAUSTED:
        return other
    return here if other is None else min(here, other, key=lambda end: end[1])


def _differences(objective: Objective, low: Array, high: Array) -> Gradient:
    """Central differences of a function whose typical steps are 1, within its bounds."""

    def slope(values: Array) -> Array:
        found = np.empty(values.size)
        for index in range(values.size):
            ends, heights = [], []
            for sign in (1.0, -1.0):
                moved = values.copy()
                moved[index] = np.clip(values[index] + sign * _STEP, low[index], high[index])
                height = objective(moved)
                if height >= _HIGHEST:  # beyond the edge of the model
                    moved[index] = values[index]
                    height = objective(moved)
                ends.append(moved[index])
                heights.append(height)
            found[index] = 0.0 if ends[0] == ends[1] else (heights[0] - heights[1]) / (ends[0] - ends[1])
        return found

    return slope


def _migrad(
    objective: Objective,
    start: Array,
    low: Array,
    high: Array,
    gradient: Gradient | None,
) -> tuple[Array, float] | None:
    from iminuit import Minuit

    # Minuit that starts on a bound stays there. One at more than a million typical steps is none for it:
    # its transformation of limited parameters would lose all digits.
    near = [
        np.where(np.abs(bound - start) < 1e6, bound, side * np.inf) for side, bound in ((-1, low), (1, high))
    ]
    minuit = Minuit(objective, np.clip(start, near[0] + 1e-6, near[1] - 1e-6), grad=gradient)
    minuit.limits = list(zip(*near, strict=True))
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.tol = 1e-4
    minuit.errors = np.full(start.size, _FIRST_STEP)
    minuit.migrad()
    if not minuit.valid or minuit.fval is None or minuit.fval >= _HIGHEST:
        return None
    return np.array(minuit.values), float(minuit.fval)


def hesse(objective: Objective, at: Array) -> Array | None:
    """Covariance from Minuit's HESSE at a minimum, or None where 2NLL is flat in some direction."""
    from iminuit import Minuit

    minuit = Minuit(lambda values: min(objective(values), _HIGHEST), at)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.errors = np.full(at.size, _FIRST_STEP)
    minuit.hesse()
    return None if minuit.covariance is None else np.array(minuit.covariance)
