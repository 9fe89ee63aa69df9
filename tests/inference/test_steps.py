"""Typical steps and first guesses come from the likelihood, whatever the units and bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.steps import constraint_widths, noticed_at, typical_steps

Array = NDArray[np.float64]
Counting = Callable[..., Workspace]

UNITS = [1e-12, 1e-6, 1.0, 1e6, 1e12]


def _arrays(likelihood: Likelihood) -> CompiledModel:
    assert likelihood.arrays is not None
    return likelihood.arrays


def _of_each_kind() -> Workspace:
    modifiers: list[dict[str, Any]] = [
        {"name": "tilt", "type": "histosys", "data": {"hi_data": [44.0, 30.0], "lo_data": [36.0, 30.0]}},
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "shape", "type": "shapesys", "data": [8.0, 0.0]},
        {"name": "stat", "type": "staterror", "data": [2.0, 3.0]},
    ]
    signal = {
        "name": "signal",
        "data": [6.0, 3.0],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    background = {"name": "background", "data": [40.0, 30.0], "modifiers": modifiers}
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    return Workspace(
        {
            "channels": [{"name": "only", "samples": [signal, background]}],
            "observations": [{"name": "only", "data": [48.0, 35.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [lumi]}}],
            "version": "1.0.0",
        },
        origin="kinds.json",
    )


def test_steps_by_hand() -> None:
    # The inverse root of Σ (∂λ/∂θ)²/(n + 1) and of the constraint's own information.
    likelihood = make_likelihood(_of_each_kind())
    model = _arrays(likelihood)
    found = dict(
        zip(likelihood.names, typical_steps(model, likelihood.initial, likelihood.data), strict=True)
    )
    errors = np.array([49.0, 36.0])
    assert found["mu"] == pytest.approx(np.sum(np.array([6.0, 3.0]) ** 2 / errors) ** -0.5)
    assert found["tilt"] == pytest.approx((4.0**2 / 49 + 1) ** -0.5)
    assert found["lumi"] == pytest.approx((40**2 / 49 + 30**2 / 36 + 0.03**-2) ** -0.5)
    # shapesys: an auxiliary Poisson term of (40/8)² = 25 events, whose error is √26 as that of counts.
    assert found["shape[0]"] == pytest.approx((40**2 / 49 + 25**2 / 26) ** -0.5)
    assert found["stat[1]"] == pytest.approx((30**2 / 36 + (3 / 30) ** -2) ** -0.5)
    widths = dict(zip(likelihood.names, constraint_widths(model, likelihood.scale), strict=True))
    assert widths["tilt"] == 1.0
    assert widths["lumi"] == 0.03
    assert widths["stat[1]"] == pytest.approx(0.1)
    assert widths["mu"] == likelihood.scale[likelihood.poi_index]


@pytest.mark.parametrize("bound", [0.01, 10.0, 1e30])
@pytest.mark.parametrize("unit", UNITS)
def test_steps_do_not_depend_on_units_and_bounds(counting: Counting, unit: float, bound: float) -> None:
    plain = make_likelihood(counting([12, 9], [3.0, 1.0], [5.0, 7.0], sigma=0.1))
    settings = {"bounds": [[0.0, bound * unit]], "inits": [min(1.0, bound) * unit]}
    other = make_likelihood(counting([12, 9], [3.0 / unit, 1.0 / unit], [5.0, 7.0], sigma=0.1, **settings))
    index, norm = plain.poi_index, plain.names.index("norm")
    assert other.scale[index] == pytest.approx(plain.scale[index] * unit, rel=1e-9)
    assert other.scale[norm] == pytest.approx(plain.scale[norm], rel=1e-9)


@pytest.mark.parametrize("signal", [0.0, 1e-120])
def test_a_parameter_without_effect_has_a_step(counting: Counting, signal: float) -> None:
    likelihood = make_likelihood(counting([12], [signal], [5.0]))
    assert typical_steps(_arrays(likelihood), likelihood.initial, likelihood.data) == pytest.approx([1.0])


def test_steps_are_numbers_where_counts_are_not(counting: Counting) -> None:
    likelihood = make_likelihood(counting([12], [1.0], [5.0], sigma=0.1))
    steps = typical_steps(_arrays(likelihood), np.array([1e300, 1e6]), likelihood.data)
    assert np.isfinite(steps).all()
    assert (steps > 0).all()


@pytest.mark.parametrize("guess", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_noticed_where_counts_change_by_an_error(
    counting: Counting, sign: float, unit: float, guess: float
) -> None:
    signal = np.array([3.0, 1.0])
    likelihood = make_likelihood(
        counting(
            [12, 9], (signal / unit).tolist(), [5.0, 7.0], sigma=0.1, bounds=[[-1e30, 1e30]], inits=[unit]
        )
    )
    index = likelihood.poi_index
    point = likelihood.initial.copy()
    point[index] = 2.0 * unit
    value = noticed_at(_arrays(likelihood), point, index, sign * guess * unit, likelihood.data, sign * np.inf)
    # Steps are doubled: the change is one standard deviation, √(n + 1) of the counts, to two of them.
    moved = (value - point[index]) / unit
    change = np.sum((moved * signal) ** 2 / np.array([13.0, 10.0])) ** 0.5
    assert np.sign(moved) == sign
    assert 1.0 < change <= 2.0


def test_noticed_not_beyond_a_bound(counting: Counting) -> None:
    likelihood = make_likelihood(counting([12, 9], [3.0, 1.0], [5.0, 7.0]))
    model, point = _arrays(likelihood), np.array([1.0])
    # One standard deviation is √(9/13 + 1/10)⁻¹ = 1.12.
    assert noticed_at(model, point, 0, 1.0, likelihood.data, 1.5) == 1.5
    assert noticed_at(model, point, 0, -1.0, likelihood.data, 0.25) == 0.25
    assert noticed_at(model, point, 0, 0.3, likelihood.data, 10.0) == pytest.approx(1.0 + 1.2)
    # On the bound there is nowhere to go.
    assert noticed_at(model, point, 0, 1.0, likelihood.data, 1.0) == 1.0


def test_never_noticed(counting: Counting) -> None:
    likelihood = make_likelihood(counting([12], [0.0], [5.0]))
    model = _arrays(likelihood)
    assert noticed_at(model, np.array([1.0]), 0, 1.0, likelihood.data, 10.0) == 10.0
    assert np.isfinite(noticed_at(model, np.array([1.0]), 0, 1.0, likelihood.data, np.inf))


def test_noticed_along_a_parameter_that_turns() -> None:
    # 40 + 12 φ(α)/8 counts, as many at −α as at α: noticed as far to either side, by √41.
    sides = {"hi_data": [52.0], "lo_data": [52.0]}
    sample = {"name": "all", "data": [40.0], "modifiers": [{"name": "q", "type": "histosys", "data": sides}]}
    likelihood = make_likelihood(
        Workspace(
            {
                "channels": [{"name": "only", "samples": [sample]}],
                "observations": [{"name": "only", "data": [40.0]}],
                "measurements": [{"name": "m", "config": {"poi": "q", "parameters": []}}],
                "version": "1.0.0",
            },
            origin="turn.json",
        )
    )
    model, middle = _arrays(likelihood), np.zeros(1)
    found = [noticed_at(model, middle, 0, sign * 0.35, likelihood.data, sign * 5.0) for sign in (-1, 1)]
    assert found == pytest.approx([-0.7, 0.7])

    def change(q: float) -> float:
        return 12 * q**2 * (15 - 10 * q**2 + 3 * q**4) / 8

    assert change(0.35) < 41**0.5 < change(0.7)
