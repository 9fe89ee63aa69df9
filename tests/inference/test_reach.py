"""Distances from cheap curves, whatever their scale."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist.inference.reach import outwards, reach, turns

Array = NDArray[np.float64]


@pytest.mark.parametrize("bound", [1e30, -1e30, 1e6])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e5])
@pytest.mark.parametrize("start", [0.0, 3.0])
def test_a_parabola_is_measured_whatever_its_scale(start: float, scale: float, bound: float) -> None:
    def along(values: Array) -> Array:
        return ((values - start * scale) / scale) ** 2

    found = reach(along, 4.0, start * scale, bound)
    assert not found.edge
    # Below the level, by a tenth of the distance at most.
    assert 2 * scale / 1.1 <= found.distance <= 2 * scale * (1 + 1e-12)


def test_the_bound_the_edge_and_the_edge_at_the_start() -> None:
    def along(values: Array) -> Array:
        return np.where(values < -0.6, np.inf, values**2)

    assert reach(along, 4.0, 0.0, 1.5) == (1.5, False)  # the level lies beyond
    distance, edge = reach(along, 4.0, 0.0, -5.0)
    assert distance == pytest.approx(0.6, rel=1e-5)
    assert edge
    assert reach(along, 4.0, -0.6, -5.0) == (0.0, True)
    assert reach(np.zeros_like, 4.0, 0.0, 1e30) == (1e30, False)
    assert reach(lambda values: np.full_like(values, np.nan), 4.0, 0.0, 1.0) == (0.0, True)


def test_steps_outwards_end_at_the_bound() -> None:
    assert outwards(1.0, 10.0, 2.0) == [3.0, 5.0, 9.0, 10.0]
    assert outwards(1.0, -2.0, 2.0) == [-1.0, -2.0]
    assert outwards(1.0, 1.0, 2.0) == []
    far = outwards(0.0, 1e30, 1e-12, edge=True)
    # Seven values by factors of 2, then factors of 8: log₈ of 10⁴² in all.
    assert far[:8] == pytest.approx([1e-12 * 2**power for power in range(7)] + [1e-12 * 2**9])
    assert far[-1] == 1e30
    assert len(far) < 56
    # Further out by ten decades, rounding hides what a signal does that other parameters undo.
    assert outwards(0.0, 1e30, 1e-12) == [value for value in far if value < 1e-2]


def quartic(scale: float) -> Callable[[Array], Array]:
    """Valleys at ±1 of a scale, 9 high in between."""
    return lambda values: 9 * ((values / scale) ** 2 - 1) ** 2


@pytest.mark.parametrize("bound", [5.0, 1e30])
def test_a_second_valley_and_the_ridge_before_it(bound: float) -> None:
    for scale in (1e-12, 1.0):
        along = quartic(scale)
        distance = reach(along, 2.7, scale, -bound).distance
        # 9 (x² − 1)² = 2.7 at x = √(1 − √0.3).
        assert distance / scale == pytest.approx(1 - sqrt(1 - sqrt(0.3)), rel=0.1)
        ridge, dip = np.array(turns(along, 2.7, scale, -bound, distance)) / scale
        assert ridge == pytest.approx(0.0, abs=0.3)
        assert dip == pytest.approx(-1.0, abs=0.3)
        # To the other side it only rises.
        assert turns(along, 2.7, scale, bound, distance) == []


def test_a_curve_that_falls_towards_the_bound_has_a_dip_there() -> None:
    assert turns(lambda values: np.sin(values) ** 2, 0.5, 0.0, 2.9, 0.7)[-1] == 2.9


def test_rounding_is_no_turn() -> None:
    random = np.random.default_rng(1)

    def along(values: Array) -> Array:
        return values**2 * (1 + 1e-9 * random.normal(size=values.size))

    assert turns(along, 2.7, 0.0, 1e30, 1.5) == []
    assert turns(np.zeros_like, 2.7, 0.0, 1e30, 1e30) == []


def test_an_edge_that_rounding_moves_is_an_edge() -> None:
    # From 1e-11 on nothing is possible, but now and then, as where a count is 0 up to rounding.
    calls: list[Array] = []

    def edge(values: Array) -> Array:
        calls.append(values)
        return np.where((values < -1e-11) & (len(calls) == 1), np.inf, 0.0)

    found = reach(edge, 2.7, 0.0, -100.0)
    assert found.edge
    assert found.distance < 1e-9
