"""SciPy's and Minuit's minimisers for a function of scaled parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from nuhist.tables import Array

_TOLERANCE = 1e-10  # of 2NLL
_MANY = 100  # parameters; a step of SLSQP takes their third power
_HIGHEST = 1e100  # stands for infinity, which the minimisers do not take
_FIRST_STEP = 0.1  # of HESSE, in typical steps of the parameters

Objective = Callable[[Array], float]


def minimise(
    objective: Objective,
    start: Array,
    low: Array,
    high: Array,
    *,
    gradient: Callable[[Array], Array] | None = None,
) -> tuple[Array, float] | None:
    """Minimise with SLSQP, or with Minuit where that fails; with L-BFGS-B where SLSQP would take hours.

    Parameters
    ----------
    objective
        2NLL; may be infinite.
    start, low, high
        Start and bounds, shape (parameters,), of parameters whose typical step is 1.
    gradient
        Of the objective; by finite differences without it.

    Returns
    -------
    Where and how low, or None where neither converges.
    """
    from scipy.optimize import minimize

    def finite(values: Array) -> float:
        return min(objective(values), _HIGHEST)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # steps that SLSQP itself clips
        many = gradient is not None and start.size > _MANY
        result = minimize(
            finite,
            np.ravel(start),
            method="L-BFGS-B" if many else "SLSQP",
            jac=gradient,
            bounds=list(zip(low, high, strict=True)),
            options={"ftol": 1e-14, "maxiter": 5000} if many else {"ftol": _TOLERANCE, "maxiter": 1000},
        )
    if result.success and result.fun < _HIGHEST:
        return np.asarray(result.x, dtype=np.float64), float(result.fun)
    return _migrad(finite, np.asarray(result.x, dtype=np.float64), low, high, gradient)


def _migrad(
    objective: Objective,
    start: Array,
    low: Array,
    high: Array,
    gradient: Callable[[Array], Array] | None,
) -> tuple[Array, float] | None:
    from iminuit import Minuit

    # Minuit that starts on a bound stays there.
    minuit = Minuit(objective, np.clip(start, low + 1e-6, high - 1e-6), grad=gradient)
    minuit.limits = list(zip(low, high, strict=True))
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.tol = 1e-4
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


def typical_steps(model: Any, bounds: Array) -> Array:
    """Typical step of each parameter: its constraint's width, or 1, or a part of a short range."""
    scale = np.minimum(1.0, (bounds[:, 1] - bounds[:, 0]) / 24)
    for name in model.config.par_order:
        parameter_set = model.config.param_set(name)
        if getattr(parameter_set, "constrained", False):
            widths = np.asarray(parameter_set.width(), dtype=np.float64)
            part = model.config.par_slice(name)
            scale[part] = np.minimum(scale[part], np.where(widths > 0, widths, 1.0))
    return scale
