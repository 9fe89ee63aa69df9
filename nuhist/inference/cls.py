"""Upper limits from CLs with asymptotic formulas, through pyhf."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.profile import Profile, profile_ends, threshold
from nuhist.tables import Array

_PRECISION = 1e-4  # of the limit, relative


def cls_upper(
    profile: Profile, confidence_level: float, *, expected: bool
) -> tuple[float | None, dict[str, float | None] | None]:
    """Upper limit from CLs, observed and, if asked for, expected at −2 to +2 standard deviations."""
    likelihood = profile.likelihood
    low, high = profile.bounds
    if low < 0:
        raise FitError(
            f"{likelihood.origin}: CLs with q-tilde needs a parameter that is not negative;"
            f" {profile.coupling.name} is signed: use --method profile"
        )
    alpha = 1 - confidence_level
    first = _crossing_or(profile, threshold(confidence_level), high)
    with _pyhf_optimizer() as pyhf:
        known: dict[float, Array] = {}

        def values(value: float) -> Array:
            """CLs observed, then expected at −2 to +2 standard deviations."""
            if value not in known:
                observed, quantiles = pyhf.infer.hypotest(
                    value,
                    likelihood.data,
                    likelihood.model,
                    init_pars=likelihood.initial.tolist(),
                    test_stat="qtilde",
                    return_expected_set=True,
                )
                known[value] = np.array([observed, *quantiles], dtype=np.float64)
            return known[value]

        def quantile(column: int, value: float) -> float:
            return float(values(value)[column])

        upper = _falls_below(partial(quantile, 0), alpha, low, first, high)
        if not expected:
            return upper, None
        bands: dict[str, float | None] = {}
        for column, sigma in enumerate((-2, -1, 0, 1, 2), start=1):
            bands[f"{sigma:+d}" if sigma else "0"] = _falls_below(
                partial(quantile, column), alpha, low, first, high
            )
    return upper, bands


def _crossing_or(profile: Profile, level: float, otherwise: float) -> float:
    upper = profile_ends(profile, level)[0][1]
    return otherwise if upper is None else upper


def _falls_below(
    function: Callable[[float], float], alpha: float, low: float, first: float, high: float
) -> float | None:
    """Where a falling function crosses a value, searched for from a first guess."""
    from scipy.optimize import brentq

    left = right = first
    while function(right) > alpha:
        if right >= high:
            return None
        left, right = right, min(1.5 * right, high)
    while function(left) <= alpha:
        right, left = left, low + (left - low) / 1.5
        if left - low < 1e-6 * first:
            return None
    return float(brentq(lambda value: function(float(value)) - alpha, left, right, rtol=_PRECISION))


@contextmanager
def _pyhf_optimizer() -> Iterator[Any]:
    """Pyhf with its NumPy backend and a precise SLSQP, put back afterwards as it was."""
    import pyhf

    before = pyhf.get_backend()
    optimizer = pyhf.optimize.scipy_optimizer(tolerance=1e-10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        pyhf.set_backend("numpy", custom_optimizer=optimizer)
        try:
            yield pyhf
        except pyhf.exceptions.FailedMinimization as error:
            raise FitError(f"a fit for CLs does not converge: {error}") from error
        finally:
            pyhf.set_backend(before[0], custom_optimizer=before[1])
