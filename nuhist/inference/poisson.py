"""Errors of observed counts."""

from __future__ import annotations

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
