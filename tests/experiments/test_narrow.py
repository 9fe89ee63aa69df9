"""Structures in the rates of a user that are narrower than the steps of a response: seen or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest

import nuhist
from nuhist.errors import ConfigError
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypotheses import HYPOTHESES, Dependence, Hypothesis, RateOptions
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

EXPOSURE = 0.0020503  # tonne years of gemma_like, which sees all between 3 and 43 keV, in bins of 1 keV
EVENTS = 1e5  # in a tonne year
PLACE = 7.503  # keV, in the middle of the fifth bin
Make = Callable[..., str]


@pytest.fixture
def mine() -> Iterator[Make]:
    """Puts a hypothesis into the catalogue for a test; its name."""

    def make(**fields: Any) -> str:
        given = {"name": "mine", "title": "mine", "coupling": "g", "unit": "1", "reference": 1.0, "power": 2}
        HYPOTHESES["mine"] = Hypothesis(**{**given, **fields})
        return "mine"

    yield make
    HYPOTHESES.pop("mine", None)


def peak(width: float, floor: float = 0.0) -> Callable[[Array, Target], Mapping[int, Array]]:
    """Events on a line of a width in keV, beside a flat part."""

    def rates(energy: Array, _: Target) -> Mapping[int, Array]:
        shape = np.exp(-(((energy - PLACE) / width) ** 2) / 2) / (width * sqrt(2 * pi))
        return {2: EVENTS * shape + floor}

    return rates


@pytest.mark.parametrize("width", [0.001, 0.003, 0.01])
@pytest.mark.parametrize("floor", [0.0, 1e4])
def test_a_narrow_line_is_refused(mine: Make, width: float, floor: float) -> None:
    name = mine(rates=peak(width, floor))
    match = (
        r"hypothesis mine: its rates change near T = 7\.[45]\d* keV by more than a step of .* in nodes, or"
    )
    with pytest.raises(ConfigError, match=match):
        nuhist.spectrum("gemma_like", hypothesis=name, coupling=1.0)
    with pytest.raises(ConfigError, match=match):
        nuhist.build("gemma_like", hypothesis=name)


@pytest.mark.parametrize("floor", [0.0, 1e4])
def test_nodes_around_it_give_its_events(mine: Make, floor: float) -> None:
    nodes = tuple(PLACE + 0.003 * shift for shift in (-6, -4, -2, 0, 2, 4, 6))
    name = mine(rates=peak(0.003, floor), nodes=nodes)
    found = nuhist.spectrum("gemma_like", hypothesis=name, coupling=1.0).added
    np.testing.assert_allclose(found[4], (EVENTS + floor) * EXPOSURE, rtol=1e-4)  # by hand
    np.testing.assert_allclose(np.delete(found, 4), floor * EXPOSURE, rtol=1e-9, atol=1e-9)


def test_a_wide_line_needs_no_nodes(mine: Make) -> None:
    found = nuhist.spectrum("gemma_like", hypothesis=mine(rates=peak(0.05)), coupling=1.0).added
    np.testing.assert_allclose(found[4], EVENTS * EXPOSURE, rtol=1e-3)


@pytest.mark.parametrize("nodes", [(), (7.07,)])
def test_a_step_of_a_cross_section(mine: Make, nodes: tuple[float, ...]) -> None:
    def terms(energy: Array, _: Flavor, options: RateOptions) -> Mapping[int, Array]:
        coefficients = np.zeros((4, *energy.shape))
        coefficients[0] = 1e-44 * np.where(energy > 7.07, 1.0, 0.0)
        return {2: coefficients}

    name = mine(terms=terms, nodes=nodes)
    if nodes:
        assert nuhist.spectrum("gemma_like", hypothesis=name, coupling=1.0).added[4] > 0
        return
    with pytest.raises(ConfigError, match=r"its terms of flavour e change near T = 7\.0[67]\d* keV"):
        nuhist.spectrum("gemma_like", hypothesis=name, coupling=1.0)


def test_a_grid_of_signal_points_is_refused_too(mine: Make) -> None:
    line = peak(0.003)

    def rates(energy: Array, target: Target) -> Mapping[int, Array]:
        (values,) = line(energy, target).values()
        return {2: values, 4: values}

    name = mine(rates=rates, dependence=Dependence.GENERAL, power=1)
    with pytest.raises(ConfigError, match="its rates change near T"):
        nuhist.build_patchset("gemma_like", hypothesis=name)
