"""Interpolations against pyhf's own, and their derivatives against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyhf.interpolators import code4 as pyhf_code4
from pyhf.interpolators import code4p as pyhf_code4p

from nuhist.inference.interpolation import alpha_bend, alpha_curve, code4, code4_coefficients, code4_value

Array = NDArray[np.float64]

# Both sum the same polynomials in another order: rounding, of numbers up to 3³ = 27.
ROUNDING = 1e-12
FACTORS = 40
# Beyond ±1, between them, and where the pieces meet.
ALPHAS = np.concatenate([np.linspace(-3, 3, 121), [-1.0, 0.0, 1.0, -1 - 1e-9, 1 + 1e-9]])
# A step that does not touch ±1 from a point that is no nearer than 0.001.
STEP = 1e-5
INSIDE = np.concatenate(
    [np.linspace(-2.99, -1.01, 23), np.linspace(-0.99, 0.99, 41), np.linspace(1.01, 3, 23)]
)


@pytest.fixture(scope="module")
def sides() -> tuple[Array, Array]:
    """Factors at +1 and −1: both above 1, on either side of it, both below, and equal."""
    rng = np.random.default_rng(4)
    high, low = rng.uniform(0.3, 2.5, FACTORS), rng.uniform(0.3, 2.5, FACTORS)
    high[0] = low[0] = 1.0
    high[1], low[1] = 1.2, 1 / 1.2
    high[2], low[2] = 0.7, 0.7
    return high, low


def _pyhf(interpolator: Any, low: Array, nominal: Array, high: Array, alphas: Array) -> Array:
    """pyhf's result for each factor, shape (alphas, factors)."""
    histograms = np.stack([low, nominal, high], axis=1)[:, None, :, None]
    values = interpolator(histograms.tolist())(np.tile(alphas, (low.size, 1)))
    return np.asarray(values)[:, 0, :, 0].T


def test_code4_is_that_of_pyhf(sides: tuple[Array, Array]) -> None:
    high, low = sides
    at = np.repeat(ALPHAS[:, None], FACTORS, axis=1)
    factor, _ = code4(at, high, low, code4_coefficients(high, low))
    expected = _pyhf(pyhf_code4, low, np.ones(FACTORS), high, ALPHAS)
    np.testing.assert_allclose(factor, expected, rtol=ROUNDING, atol=ROUNDING)
    # Without the slope it is the same sum.
    np.testing.assert_array_equal(code4_value(at, high, low, code4_coefficients(high, low)), factor)


def test_code4p_is_that_of_pyhf() -> None:
    rng = np.random.default_rng(5)
    low, nominal, high = rng.uniform(0.0, 20.0, (3, FACTORS))
    at = np.repeat(ALPHAS[:, None], FACTORS, axis=1)
    curve = alpha_curve(at)[0]
    # Half difference and curvature, as compile_model takes them for templates.
    change = at * (high - low) / 2 + curve * (high + low - 2 * nominal) / 16
    expected = _pyhf(pyhf_code4p, low, nominal, high, ALPHAS)
    # Counts up to 20 times 3.
    np.testing.assert_allclose(change, expected, rtol=ROUNDING, atol=60 * ROUNDING)


def test_at_plus_and_minus_one_stand_the_given_factors(sides: tuple[Array, Array]) -> None:
    high, low = sides
    at = np.repeat(np.array([[1.0], [0.0], [-1.0]]), FACTORS, axis=1)
    factor, _ = code4(at, high, low, code4_coefficients(high, low))
    np.testing.assert_allclose(factor, np.stack([high, np.ones(FACTORS), low]), rtol=ROUNDING)


def test_slope_of_code4(sides: tuple[Array, Array]) -> None:
    high, low = sides
    coefficients = code4_coefficients(high, low)
    at = np.repeat(INSIDE[:, None], FACTORS, axis=1)
    _, slope = code4(at, high, low, coefficients)
    above, below = (code4(at + sign * STEP, high, low, coefficients)[0] for sign in (1, -1))
    # Central difference: third derivatives up to a few hundred times STEP²/6, and rounding / STEP.
    np.testing.assert_allclose(slope, (above - below) / (2 * STEP), rtol=1e-7, atol=1e-7)


def test_slope_and_bend_of_the_curve() -> None:
    (above, steep), (below, gentle) = alpha_curve(INSIDE + STEP), alpha_curve(INSIDE - STEP)
    # φ''' is at most 240 within ±1: 240 STEP²/6 = 4e-9; φ'''' at most 960.
    np.testing.assert_allclose(alpha_curve(INSIDE)[1], (above - below) / (2 * STEP), rtol=0, atol=1e-8)
    np.testing.assert_allclose(alpha_bend(INSIDE), (steep - gentle) / (2 * STEP), rtol=0, atol=1e-7)


def test_the_curve_has_no_kink_where_its_pieces_meet() -> None:
    # α² (15 − 10 + 3) = 8 = 8 |α| with slope 30 − 40 + 18 = 8 and bend 30 − 120 + 90 = 0.
    edge = np.array([1.0, np.nextafter(1.0, 2.0), -1.0, np.nextafter(-1.0, -2.0)])
    curve, slope = alpha_curve(edge)
    np.testing.assert_allclose(curve, 8.0, rtol=ROUNDING)
    np.testing.assert_allclose(slope, [8.0, 8.0, -8.0, -8.0], rtol=ROUNDING)
    np.testing.assert_allclose(alpha_bend(edge), 0.0, atol=ROUNDING)
