"""Signal points that are chosen: their limits are those of fits at each coupling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, minimize_scalar

import nuhist
from nuhist.errors import ConfigError
from nuhist.histfactory.model_set import model_set
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.signal_points import signal_couplings
from nuhist.physics.hypotheses import HYPOTHESES, Dependence, FlavorChoice, get_hypothesis
from nuhist.tables import Array


def test_points_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    # A moment as if it were no polynomial: its limit is that of the moment, by a fit at each coupling.
    moment = get_hypothesis("magnetic-moment")
    general = replace(moment, name="general", dependence=Dependence.GENERAL, power=1, rrpa=False)
    monkeypatch.setitem(HYPOTHESES, "general", general)
    grid = nuhist.build_patchset("lz_ws2022", hypothesis="general", background="paper")
    exact = nuhist.limit(nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper"))
    found = nuhist.limit(grid)
    assert found.upper == pytest.approx(exact.upper, rel=5e-3, abs=0)
    assert grid.points[0].value == 0.0  # the sign cannot be seen
    assert 13 <= len(grid.points) <= 40


def ends_of(height: Callable[[float], float], places: list[float]) -> list[float]:
    """Where 2NLL is 2.71 above its least, of a curve with one valley or several between places."""
    heights = [height(place) for place in places]
    lowest = int(np.argmin(heights))
    near = places[max(lowest - 1, 0)], places[min(lowest + 1, len(places) - 1)]
    least = minimize_scalar(height, bounds=near, method="bounded", options={"xatol": 1e-9 * places[-1]}).fun
    level = min(least, heights[lowest]) + 2.705543  # the 90 % quantile of χ² of one degree of freedom
    return [
        float(brentq(lambda place: height(place) - level, left, right, xtol=1e-9 * places[-1]))
        for left, right, first, second in zip(places, places[1:], heights, heights[1:], strict=False)
        if (first - level) * (second - level) < 0
    ]


@pytest.mark.parametrize(
    ("name", "flavor"),
    [
        ("dipole-portal:mass=10keV", "effective"),
        pytest.param("millicharge-epa", "e", marks=pytest.mark.thorough),
        pytest.param("nsi-vector", "e", marks=pytest.mark.thorough),
    ],
)
def test_points_are_close_enough_for_a_spline(name: str, flavor: FlavorChoice) -> None:
    models = model_set(["xenonnt_sr0"], get_hypothesis(name), flavor, BuildOptions())

    def height(coupling: float) -> float:
        """2NLL without nuisance parameters, of the counts that a signal point holds."""
        (channel,) = models.channels_at(coupling)
        mean = sum(sample.counts for sample in channel.samples)
        return float(2 * np.sum(mean - channel.observed * np.log(mean)))

    points = signal_couplings(models)
    spline = CubicSpline(points, [height(point) for point in points])
    exact = ends_of(height, points)
    assert exact
    # Each interval's middle is right to 1e-4 of a limit; elsewhere a spline may be off by twice as much.
    assert ends_of(lambda place: float(spline(place)), points) == pytest.approx(exact, rel=2e-4, abs=0)


@pytest.mark.thorough
def test_points_of_a_signed_coupling_have_both_signs() -> None:
    models = model_set(["xenonnt_sr0"], get_hypothesis("millicharge-epa"), "e", BuildOptions())
    low, *_, high = signal_couplings(models)
    assert low < 0 < high


@pytest.mark.thorough
def test_a_coupling_that_nobody_sees_has_no_points(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = replace(get_hypothesis("millicharge-epa"), name="weak", reference=1e-40)

    def nothing(energy: Array, *_: Any) -> Mapping[int, Array]:
        return {2: np.zeros((4, *energy.shape))}

    monkeypatch.setitem(HYPOTHESES, "weak", replace(weak, terms=nothing, alternative=nothing))
    with pytest.raises(ConfigError, match=r"weak: no experiment sees its coupling between .* give a grid"):
        nuhist.build_patchset("xenonnt_sr0", hypothesis="weak")


@pytest.mark.parametrize("name", ["lz_ws2022", "xenonnt_cevns_sr2"])
def test_a_strength_has_no_points_below_nothing(name: str) -> None:
    grid = nuhist.build_patchset(name, hypothesis="standard-model")
    values = [point.value for point in grid.points]
    assert min(values) == 0.0
    # One workspace and a grid are the same model; its limit is interpolated.
    found, whole = nuhist.limit(grid), nuhist.limit(nuhist.build(name, hypothesis="standard-model"))
    assert found.upper == pytest.approx(whole.upper, rel=5e-3)
