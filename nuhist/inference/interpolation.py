"""HistFactory's interpolations with their derivatives, for arrays of parameters.

Each function takes α of shape (batch, factors) and returns values and derivatives of that shape.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.structure import Index
from nuhist.tables import Array


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
    clipped = np.clip(value, -1, 1)
    polynomial, slope = np.zeros_like(value), np.zeros_like(value)
    for coefficient in (*coefficients.T[::-1], 1.0):  # Horner's scheme, and its derivative
        slope *= clipped
        slope += polynomial
        polynomial *= clipped
        polynomial += coefficient
    beyond = _beyond(value, high, low)
    if beyond is not None:
        (rows, columns), rate, power = beyond
        polynomial[rows, columns] = power
        slope[rows, columns] = rate * power
    return polynomial, slope


def code4_value(value: Array, high: Array, low: Array, coefficients: Array) -> Array:
    """The first of what :func:`code4` returns."""
    clipped = np.clip(value, -1, 1)
    polynomial = np.zeros_like(value)
    for coefficient in (*coefficients.T[::-1], 1.0):
        polynomial *= clipped
        polynomial += coefficient
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
    bend = np.zeros_like(value)
    for power in range(6, 1, -1):
        bend = bend * value + power * (power - 1) * coefficients[:, power - 1]
    rate = np.where(value > 0, np.log(high), -np.log(low))
    outside = np.abs(value) > 1
    return np.where(outside, rate**2 * np.exp(np.where(outside, value, 0.0) * rate), bend)
