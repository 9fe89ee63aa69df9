"""Observed counts: their errors, and their part of a likelihood."""

from __future__ import annotations

from math import lgamma

import numpy as np

from nuhist.tables import Array

_TAIL = 0.158655  # above and below one standard deviation


def poisson_errors(counts: Array) -> tuple[Array, Array]:
    """Central 68.27 % intervals of Poisson means, as distances below and above the counts.

    Parameters
    ----------
    counts
        Shape (bins,).

    References
    ----------
    Garwood, Biometrika 28 (1936) 437.
    """
    from scipy.special import gammaincinv

    low = np.where(counts > 0, gammaincinv(np.where(counts > 0, counts, 1.0), _TAIL), 0.0)
    return np.asarray(counts - low), np.asarray(gammaincinv(counts + 1, 1 - _TAIL) - counts)


def log_poisson(counts: Array, expected: Array) -> Array:
    """Logarithms of Poisson probabilities, n ln λ − λ − ln n!; without n they go on below λ = 0.

    Parameters
    ----------
    counts, expected
        Arrays of the same shape. The probability is NaN where λ < 0 with n > 0.
    """
    logs = np.log(np.where(counts > 0, expected, 1.0))
    return np.asarray(counts * logs - expected - log_factorials(counts))


def log_factorials(counts: Array) -> Array:
    """Logarithms of n!, where n need not be whole. SciPy has them, too, but takes long to import."""
    return np.array([lgamma(count + 1) for count in counts.ravel().tolist()]).reshape(counts.shape)
