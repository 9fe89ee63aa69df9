"""HistFactory's interpolations with their derivatives, for arrays of parameters.

Each function takes α of shape (batch, factors) and returns values and derivatives of that shape.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.structure import Index
from nuhist.tables import Array

_POWER = np.arange(1.0, 7.0)  # of α in code 4


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
    powers = _powers(value)
    polynomial = 1 + powers[1] * np.einsum("kbf,fk->bf", powers, coefficients)
    slope = np.einsum("kbf,fk->bf", powers, coefficients * _POWER)
    beyond = _beyond(value, high, low)
    if beyond is not None:
        (rows, columns), rate, power = beyond
        polynomial[rows, columns] = power
        slope[rows, columns] = rate * power
    return polynomial, slope


def code4_value(value: Array, high: Array, low: Array, coefficients: Array) -> Array:
    """The first of what :func:`code4` returns."""
    powers = _powers(value)
    polynomial: Array = 1 + powers[1] * np.einsum("kbf,fk->bf", powers, coefficients)
    beyond = _beyond(value, high, low)
    if beyond is not None:
        (rows, columns), _, power = beyond
        polynomial[rows, columns] = power
    return polynomial


def _beyond(value: Array, high: Array, low: Array) -> tuple[tuple[Index, Index], Array, Array] | None:
    """Places where |α| > 1, with the rate and the value of the exponential there."""
    outside = np.abs(value) > 1
    if not outside.any():
        return None
    rows, columns = np.nonzero(outside)
    beyond = value[rows, columns]
    rate = np.where(beyond > 0, np.log(high)[columns], -np.log(low)[columns])
    return (rows, columns), rate, np.exp(beyond * rate)


def code4_bend(value: Array, high: Array, low: Array, coefficients: Array) -> Array:
    """Second derivative of :func:`code4`."""
    second = coefficients * (_POWER * (_POWER - 1))
    bend: Array = np.einsum("kbf,fk->bf", _powers(value)[:-1], second[:, 1:])
    beyond = _beyond(value, high, low)
    if beyond is not None:
        (rows, columns), rate, power = beyond
        bend[rows, columns] = rate**2 * power
    return bend


def _powers(value: Array) -> Array:
    """1 and powers of α to α⁵, α within ±1, shape (6, batch, factors)."""
    powers = np.empty((_POWER.size, *value.shape))
    powers[0] = 1.0
    np.clip(value, -1, 1, out=powers[1])
    for power in range(2, _POWER.size):
        np.multiply(powers[power - 1], powers[1], out=powers[power])
    return powers
