"""HistFactory's interpolations with their derivatives, for arrays of parameters.

Each function takes α of shape (batch, factors) and returns values and derivatives of that shape.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.structure import Index
from nuhist.tables import Array

_POWER = np.arange(1.0, 7.0)  # of α in code 4
_AT_ONCE = 8192  # numbers that stay in the cache


def alpha_curve(value: Array) -> tuple[Array, Array]:
    """Curve φ of code 4p, which multiplies (hi + lo − 2 nominal)/16.

    α² (15 − 10 α² + 3 α⁴) between ±1, and 8 |α| beyond, where the counts go on in straight lines.
    """
    square = value**2
    inside = square <= 1
    if inside.all():
        return square * (15 - 10 * square + 3 * square**2), value * (30 - 40 * square + 18 * square**2)
    curve = np.where(inside, square * (15 - 10 * square + 3 * square**2), 8 * np.abs(value))
    slope = np.where(inside, value * (30 - 40 * square + 18 * square**2), 8 * np.sign(value))
    return curve, slope


def alpha_bend(value: Array) -> Array:
    """Second derivative of :func:`alpha_curve`."""
    square = value**2
    return np.where(square <= 1, 30 - 120 * square + 90 * square**2, 0.0)


def code4_coefficients(high: Array, low: Array) -> Array:
    """Coefficients of α to α⁶ in code 4, shape (factors, 6).

    Between ±1 the factor is 1 plus this polynomial; value, slope and curvature match hi^α and
    lo^−α at the ends.
    """
    power = np.arange(1, 7)
    sides = []
    for sign in (1.0, -1.0):
        sides += [
            sign**power,
            power * sign ** (power - 1),
            power * (power - 1) * sign ** (power - 2.0),
        ]
    matrix = np.stack([sides[0], sides[3], sides[1], sides[4], sides[2], sides[5]])
    log_high, log_low = np.log(high), np.log(low)
    ends = [high - 1, low - 1, log_high * high, -log_low * low, log_high**2 * high, log_low**2 * low]
    return np.linalg.solve(matrix, np.stack(ends)).T


def code4(value: Array, high: Array, low: Array, coefficients: Array) -> tuple[Array, Array]:
    """Factor of a normsys and its slope: a polynomial between ±1, exponential beyond (pyhf's code 4).

    Parameters
    ----------
    value
        α, shape (batch, factors).
    high, low
        Factors at ±1, shape (factors,).
    coefficients
        From :func:`code4_coefficients`.
    """
    factor, slope = np.empty(value.shape), np.empty(value.shape)
    columns = coefficients.T
    for part in _parts(value):
        inside, own, steep = np.clip(value[part], -1, 1), factor[part], slope[part]
        own[:], steep[:] = columns[-1], 0.0
        for column in columns[-2::-1]:  # Horner's rule, for the polynomial over α and its slope
            steep *= inside
            steep += own
            own *= inside
            own += column
        steep *= inside
        steep += own
        own *= inside
        own += 1
        beyond = _beyond(value[part], high, low)
        if beyond is not None:
            places, rate, power = beyond
            own.reshape(-1)[places] = power
            steep.reshape(-1)[places] = rate * power
    return factor, slope


def code4_value(value: Array, high: Array, low: Array, coefficients: Array) -> Array:
    """The first of what :func:`code4` returns."""
    factor, columns = np.empty(value.shape), coefficients.T
    for part in _parts(value):
        inside, own = np.clip(value[part], -1, 1), factor[part]
        own[:] = columns[-1]
        for column in columns[-2::-1]:
            own *= inside
            own += column
        own *= inside
        own += 1
        beyond = _beyond(value[part], high, low)
        if beyond is not None:
            places, _, power = beyond
            own.reshape(-1)[places] = power
    return factor


def _parts(value: Array) -> list[slice]:
    """Rows of which as many as stay in the cache are computed at a time."""
    size = max(1, _AT_ONCE // max(1, value.shape[1]))
    return [slice(first, first + size) for first in range(0, len(value), size)]


def _beyond(value: Array, high: Array, low: Array) -> tuple[Index, Array, Array] | None:
    """Places where |α| > 1, of all in a row, with the rate and the value of the exponential there."""
    places = np.flatnonzero(np.abs(value) > 1)
    if not places.size:
        return None
    beyond, columns = value.reshape(-1)[places], places % value.shape[1]
    up = beyond > 0
    rate = np.log(np.where(up, high[columns], low[columns]))
    rate = np.where(up, rate, -rate)
    return places, rate, np.exp(beyond * rate)


def code4_bend(value: Array, high: Array, low: Array, coefficients: Array) -> Array:
    """Second derivative of :func:`code4`."""
    factors = _POWER * (_POWER - 1)
    inside = np.clip(value, -1, 1)
    bend = np.tile(factors[-1] * coefficients[:, -1], (len(value), 1))
    for place in range(4, 0, -1):
        bend *= inside
        bend += factors[place] * coefficients[:, place]
    beyond = _beyond(value, high, low)
    if beyond is not None:
        places, rate, power = beyond
        bend.reshape(-1)[places] = rate**2 * power
    return bend
