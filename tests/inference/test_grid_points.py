"""Grids of one counting bin: points in any order, twice, far apart, in other units; bends; patches.

With b events expected, s(x) more at x, and n seen, −2 ln L is 2 (b + s − n − n ln((b + s)/n)) above the
saturated model: what the limits here are compared with, by its exact roots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

import nuhist
from nuhist.errors import FitError
from nuhist.histfactory.patchset import SignalGrid, SignalPoint, build_patchset
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.grid import GridCurve, _merged, grid_curve
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.region import profile_ends
from nuhist.physics.coupling import CouplingScale

LEVEL = 2.705543  # χ² quantile, 90 %, one degree of freedom
BACKGROUND, SEEN = 30.0, 33.0
SCALE = CouplingScale("q", "q", "GeV")
Signal = Callable[[float], float]

# nuhist finds an end to 1e-4 of itself.
ENDS = 2e-4
EVEN = np.linspace(-5, 5, 41).tolist()


def squared(x: float) -> float:
    """Events of a signal that grows with the square of x."""
    return 2 * x**2


def larger_of_two(x: float) -> float:
    """Events of the larger of two rules: it bends at 0, by 4 events per unit."""
    return max(2 * x**2 - 3 * x, 2 * x**2 + x)


def height(x: float, signal: Signal = squared) -> float:
    """2NLL above the saturated model."""
    expected = BACKGROUND + signal(x)
    return float(2 * (expected - SEEN - SEEN * np.log(expected / SEEN)))


def exact(signal: Signal = squared) -> tuple[float, float]:
    """Ends of the interval."""
    values = np.linspace(-4, 4, 8001)
    start = values[np.argmin([height(value, signal) for value in values])]
    around = (start - 1e-3, start + 1e-3)
    lowest = minimize_scalar(height, args=(signal,), bounds=around, method="bounded").fun

    def above(x: float) -> float:
        return height(x, signal) - min(lowest, height(start, signal)) - LEVEL

    return float(brentq(above, -5, -1)), float(brentq(above, 1, 5))


def make_grid(values: Sequence[float], signal: Signal = squared) -> SignalGrid:
    """A grid as someone else would write it."""
    norm = {"name": "mu", "type": "normfactor", "data": None}
    flux = {"name": "flux", "type": "normsys", "data": {"hi": 1.0, "lo": 1.0}}
    samples = [
        {"name": "background", "data": [BACKGROUND], "modifiers": [flux]},
        {"name": "signal", "data": [0.0], "modifiers": [norm]},
    ]
    spec = {
        "channels": [{"name": "bin", "samples": samples}],
        "observations": [{"name": "bin", "data": [SEEN]}],
        "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    path = "/channels/0/samples/1/data"
    points = [
        SignalPoint(f"point_{number}", value, ({"op": "replace", "path": path, "value": [signal(value)]},))
        for number, value in enumerate(values)
    ]
    return SignalGrid(Workspace(spec, origin="BkgOnly.json"), SCALE, tuple(points), {"points": len(points)})


@dataclass(frozen=True)
class Fitted:
    """In place of a likelihood, where its heights are known."""

    @staticmethod
    def min_chi2(minimum: Minimum) -> float:
        """The height."""
        return minimum.twice_nll


def make_curve(values: Sequence[float], signal: Signal = squared, unit: float = 1.0) -> GridCurve:
    """The same grid without its fits; the values in other units."""
    order = sorted(values)
    minima = tuple(Minimum(np.array([]), height(value, signal)) for value in order)
    stub = cast("Likelihood", Fitted())
    curve = GridCurve(SCALE, np.array(order) * unit, (stub,) * len(order), minima, stub, "BkgOnly.json")
    return _merged(curve, [f"point_{value:g}" for value in order])


def assert_right(curve: GridCurve, signal: Signal = squared, unit: float = 1.0) -> None:
    """The ends of the interval are right within what the curve says of itself."""
    ends, _ = profile_ends(curve, LEVEL)
    for end, expected in zip(ends, exact(signal), strict=True):
        assert end is not None
        error = curve.interpolation_error(end)
        assert error is not None
        assert abs(end - expected * unit) <= error + ENDS * abs(expected * unit)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("values", [EVEN, EVEN[::-1], [*EVEN[1::2], *EVEN[::2]]])
def test_a_grid_of_one_bin_with_its_points_in_any_order(values: list[float]) -> None:
    found = nuhist.limit(make_grid(values))
    assert (found.lower, found.upper) == pytest.approx(exact(), rel=ENDS)
    # n = 33 is met at x² = 1.5, where nothing is left above the saturated model.
    assert abs(found.best_fit) == pytest.approx(np.sqrt(1.5), rel=1e-2)
    assert 0 <= found.min_chi2 < 1e-3
    assert not any("interpolated" in note for note in found.notes)
    assert found == nuhist.limit(make_grid(sorted(values)))


WRITTEN: dict[str, Callable[[float], float]] = {
    "in six digits": lambda value: float(f"{value:.6g}"),
    "in 32 bits": lambda value: float(np.float32(value)),
    "as a difference": lambda value: (value + 7) - 7,
}


@pytest.mark.thorough
@given(
    twice=st.lists(
        st.tuples(st.sampled_from(range(29)), st.sampled_from(sorted(WRITTEN))), min_size=1, max_size=9
    ),
    unit=st.sampled_from([1e-30, 1e-13, 1.0, 1e12]),
)
@settings(max_examples=25, deadline=None)
def test_points_that_are_there_twice(twice: list[tuple[int, str]], unit: float) -> None:
    values = (np.arange(-14, 15) / 3).tolist()
    again = [WRITTEN[how](values[index]) for index, how in twice]
    plain, found = (make_curve(part, unit=unit) for part in (values, [*values, *again]))
    assert plain.values.size == found.values.size == 29
    assert_right(plain, unit=unit)
    # Of two copies the lower is kept, whose value is another in its sixth digit.
    assert abs(found.best) == pytest.approx(abs(plain.best), rel=1e-3)  # on either side
    ends, others = (profile_ends(curve, LEVEL)[0] for curve in (plain, found))
    assert ends == pytest.approx(others, rel=2e-5)
    assert found.min_chi2 == pytest.approx(plain.min_chi2, abs=1e-4)


def test_two_patches_of_one_value_that_disagree() -> None:
    grid = make_grid([*EVEN[8:33], 1.0 + 1e-9])
    wrong = [{"op": "replace", "path": "/channels/0/samples/1/data", "value": [8.0]}]
    points = (*grid.points[:-1], SignalPoint("other", 1.0 + 1e-9, tuple(wrong)))
    with pytest.raises(FitError) as caught:
        nuhist.limit(SignalGrid(grid.background, grid.coupling, points, grid.document))
    differ = height(2.0) - height(1.0)  # 8 events and 2
    assert str(caught.value) == (
        "BkgOnly.json: the patches 'point_16' and 'other' are of one value, but their 2NLL differs by"
        f" {differ:.2g}; remove the wrong one"
    )


@pytest.mark.thorough
@given(
    inner=st.lists(st.integers(-4900, 4900), max_size=40, unique=True),
    steps=st.sampled_from([9, 13, 21, 33]),
    signal=st.sampled_from([squared, larger_of_two]),
    unit=st.sampled_from([1e-30, 1.0, 1e12]),
)
@settings(max_examples=40, deadline=None)
def test_points_anywhere_give_the_right_limit_or_none(
    inner: list[int], steps: int, signal: Signal, unit: float
) -> None:
    values = np.unique([*np.linspace(-5, 5, steps), *np.array(inner) / 1000])
    curve = make_curve(values.tolist(), signal, unit)
    try:
        curve.refuse_broken(LEVEL)
    except FitError:
        assert steps < 21  # enough of them, whatever lies between
    else:
        assert_right(curve, signal, unit)


@pytest.mark.parametrize("signal", [squared, larger_of_two])
def test_points_where_the_message_says_are_enough(signal: Signal) -> None:
    values = [-5.0, -1.0, 0.0, 1.0, 1.5, 5.0]
    while len(values) < 30:
        curve = make_curve(values, signal)
        try:
            curve.refuse_broken(LEVEL)
        except FitError as error:
            place = re.search(r"between the signal points at (\S+) and (\S+) GeV", str(error))
            assert place is not None
            low, high = map(float, place.groups())
            assert values.index(high) == values.index(low) + 1
            values = sorted([*values, (low + high) / 2])
        else:
            break
    assert len(values) > 6
    assert_right(curve, signal)


@pytest.mark.parametrize("shift", [0.0, 0.07, 0.125])
def test_a_rule_that_bends_on_a_point_and_between_two(shift: float) -> None:
    assert_right(make_curve([value + shift for value in EVEN], larger_of_two), larger_of_two)


def test_a_bend_that_is_too_sharp_is_named() -> None:
    def sharp(x: float) -> float:
        return 200 * abs(x - 0.1) + x**2

    curve = make_curve(EVEN, sharp)
    # The interval lies between two points, where 2NLL is 6.6 and 14.5, and its minimum 0.
    place = re.escape("BkgOnly.json: between the signal points at 0 and 0.25 GeV 2NLL is not smooth")
    with pytest.raises(FitError, match=f"^{place}.*; add points there$"):
        profile_ends(curve, LEVEL)
    grid = make_grid(EVEN[12:29], sharp)
    with pytest.raises(FitError, match=place):
        nuhist.limit(grid)
    for couplings in (None, [0.2, 1.0]):
        with pytest.raises(FitError, match=place):
            nuhist.scan(grid, couplings)


@pytest.mark.parametrize("ends", [(0, 5), (-5, 0)])
def test_grids_of_one_sign(ends: tuple[float, float]) -> None:
    found = nuhist.limit(make_grid(np.linspace(*ends, 21).tolist()))
    lower, upper = exact()
    # Δχ² at 0 is 0.29: still allowed, which is the grid's end and no limit.
    if ends[0] == 0:
        assert found.lower is None
        assert found.upper == pytest.approx(upper, rel=ENDS)
    else:
        assert found.lower == pytest.approx(lower, rel=ENDS)
        assert found.upper is None
        assert any("open above: 0 GeV is still allowed" in note for note in found.notes)


def test_a_point_whose_fit_did_not_converge() -> None:
    curve = make_curve(EVEN)
    minima = list(curve.minima)
    minima[26] = replace(minima[26], twice_nll=minima[26].twice_nll + 1.2)  # at 1.5, where Δχ² is 0.03
    with pytest.raises(FitError, match=r"between the signal points at (1\.25 and 1\.5|1\.5 and 1\.75) GeV"):
        replace(curve, minima=tuple(minima)).refuse_broken(LEVEL)


def test_values_that_no_number_can_hold_apart() -> None:
    values = [0.0, *(10.0 ** (-300 + 60 * power) for power in range(6))]
    curve = replace(make_curve(range(7)), values=np.array(values))
    with pytest.raises(FitError, match=r"lie too unevenly|not smooth or the grid too coarse"):
        curve.refuse_broken(LEVEL)


def test_patches_with_constraints_of_their_own() -> None:
    # The signal is known to 20 %, from 25 events of its own: each patch has its own constraint, and 2NLL
    # counts from the best that this allows.
    couplings = np.linspace(-3, 3, 13).tolist()
    grid = make_grid(couplings)
    modifiers = "/channels/0/samples/1/modifiers/-"
    points = []
    for point in grid.points:
        own = {"name": "own", "type": "shapesys", "data": [0.2 * squared(point.value)]}
        operations = (*point.operations, {"op": "add", "path": modifiers, "value": own})
        points.append(replace(point, operations=operations))
    patched = replace(grid, points=tuple(points))

    def profiled(x: float, seen: float) -> float:
        def at(gamma: float) -> float:
            expected = BACKGROUND + gamma * squared(x)
            main = 2 * (expected - seen - seen * np.log(expected / seen))
            return float(main + 2 * 25 * (gamma - 1 - np.log(gamma)))

        return float(minimize_scalar(at, bounds=(0.1, 3), method="bounded", options={"xatol": 1e-9}).fun)

    curve = grid_curve(patched)
    # The patch at 0 has no events and so no constraint. A fit ends 1e-6 above the minimum or less.
    np.testing.assert_allclose(curve.heights, [profiled(x, SEEN) for x in couplings], atol=1e-6)
    expected = curve.asimov()
    np.testing.assert_allclose(expected.heights, [profiled(x, BACKGROUND) for x in couplings], atol=1e-6)


@pytest.mark.thorough
def test_points_whose_fits_leave_a_saddle() -> None:
    # A systematic that adds up to 12 events on both sides of 0, where its derivative vanishes: the fit of a
    # point with less signal than is seen leaves 0, whatever its neighbours have done.
    couplings = np.linspace(-3, 3, 13).tolist()
    grid = make_grid(couplings)
    even = {"name": "even", "type": "histosys", "data": {"hi_data": [42.0], "lo_data": [42.0]}}
    (channel,) = grid.background.spec["channels"]
    channel["samples"][0]["modifiers"].append(even)
    grid.background.spec["observations"][0]["data"] = [45.0]

    def profiled(x: float) -> float:
        # Interpolation code 4p: a polynomial between -1 and 1, and straight lines beyond.
        pulls = np.linspace(-4, 4, 80_001)
        inside = 12 * pulls**2 * (15 + pulls**2 * (3 * pulls**2 - 10)) / 8
        expected = BACKGROUND + np.where(np.abs(pulls) < 1, inside, 12 * np.abs(pulls)) + squared(x)
        return float(np.min(2 * (expected - 45 - 45 * np.log(expected / 45)) + pulls**2))

    curve = grid_curve(grid)
    # The pulls lie 1e-4 apart, which is 1e-7 of 2NLL beside the lowest of them.
    np.testing.assert_allclose(curve.heights, [profiled(x) for x in couplings], atol=1e-5)
    assert np.ptp(curve.heights) > 1


@pytest.mark.thorough
def test_a_refined_grid_of_lz() -> None:
    # Two ranges that have their middle in common, to 6e-30. Right, from each by itself and from 161 points:
    # -2.154e-13 to 2.161e-13 at min_chi2 39.54, to the last digit of these.
    couplings = [*np.linspace(-4e-13, 4e-13, 17).tolist(), *np.linspace(-4e-14, 4e-14, 41).tolist()]
    grid = build_patchset("lz_ws2022", couplings=couplings, hypothesis="millicharge-epa")
    assert len(grid.points) == 57
    found = nuhist.limit(grid)
    assert (found.lower, found.upper) == pytest.approx((-2.154e-13, 2.161e-13), abs=1e-16)
    assert found.min_chi2 == pytest.approx(39.54, abs=0.01)
    # A folder that was written before has both of the points in the middle.
    middle = grid.points[28]
    assert middle.value == 0.0
    before = replace(grid, points=(replace(middle, name="q_nu_6p3em17", value=6.3e-17), *grid.points))
    again = nuhist.limit(before)
    assert (again.lower, again.upper) == pytest.approx((found.lower, found.upper), rel=ENDS)
    assert again.min_chi2 == pytest.approx(found.min_chi2, abs=1e-6)
