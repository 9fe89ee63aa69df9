"""Limits from signal points on a grid, against limits from one workspace and from finer grids."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from nuhist import Workspace, limit, scan
from nuhist.errors import ConfigError, FitError, ModelError
from nuhist.histfactory.patchset import SignalGrid, build_patchset
from nuhist.inference.grid import GridCurve, grid_curve
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.profile import threshold

Build = Callable[..., Workspace]
Grid = Callable[..., SignalGrid]

# nuhist finds an end to 1e-4 of itself, in a workspace and on a grid; two of them differ by as much.
ROOTS = 2e-4


@pytest.fixture(scope="module")
def grid() -> Grid:
    """A grid of LZ from ``low`` to ``high`` in ``points``, each once."""

    @cache
    def make(low: float, high: float, points: int, **choices: Any) -> SignalGrid:
        return build_patchset("lz_ws2022", couplings=np.linspace(low, high, points).tolist(), **choices)

    return make


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(("points", "largest_error"), [(9, 5e-2), (17, 3e-3), (33, 2e-4)])
def test_magnetic_moment_as_in_one_workspace(
    built: Build, grid: Grid, points: int, largest_error: float
) -> None:
    choices = {"hypothesis": "magnetic-moment", "background": "paper"}
    whole = limit(built("lz_ws2022", **choices), expected=True)
    found = limit(grid(0.0, 2e-11, points, **choices), expected=True)
    assert whole.upper is not None
    assert found.upper is not None
    assert whole.expected is not None
    assert found.expected is not None
    assert found.upper == pytest.approx(whole.upper, rel=1e-3)
    assert found.expected["0"] == pytest.approx(whole.expected["0"], rel=1e-3)
    # What the interpolation says of itself holds, and is no empty promise: a cubic spline's error falls
    # with the fourth power of the spacing, so each halving is worth 16, nearly.
    assert found.interpolation_error is not None
    assert abs(found.upper - whole.upper) <= found.interpolation_error + ROOTS * whole.upper
    assert 0 < found.interpolation_error < largest_error * whole.upper
    # The best fit lies at μ = 0.1e-11, where 2NLL in μ is flat: 1e-3 in 2NLL, none in the limit.
    assert found.min_chi2 == pytest.approx(whole.min_chi2, abs=1e-3)
    assert found.lower is None
    assert all("there are no toys of a grid" in note for note in found.notes)
    assert (found.coupling, found.unit) == (whole.coupling, whole.unit)
    assert found.delta_chi2 == threshold(0.90)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("hypothesis", ["millicharge-epa-only", "millicharge-fea"])
def test_signed_grids_of_what_one_workspace_can_hold(built: Build, grid: Grid, hypothesis: str) -> None:
    choices = {"hypothesis": hypothesis, "background": "paper"}
    whole = limit(built("lz_ws2022", **choices))
    found = limit(grid(-9e-13, 9e-13, 73, **choices))
    assert found.upper == pytest.approx(whole.upper, rel=1e-3)
    assert found.lower is not None
    # The EPA alone knows no sign: one workspace has q² and an upper end only, the grid has both.
    lower = whole.lower if hypothesis == "millicharge-fea" else -(whole.upper or 0.0)
    assert found.lower == pytest.approx(lower, rel=1e-3)
    assert found.min_chi2 == pytest.approx(whole.min_chi2, abs=1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("background", ["paper", pytest.param("components", marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    ("flavor", "reach"),
    [("effective", 3.4e-13), pytest.param("e", 4.6e-13, marks=pytest.mark.thorough)],
)
def test_a_grid_twice_as_fine(grid: Grid, background: str, flavor: str, reach: float) -> None:
    choices = {"hypothesis": "millicharge-epa", "flavor": flavor, "background": background}
    coarse, fine = (limit(grid(-reach, reach, points, **choices)) for points in (9, 17))
    assert coarse.interpolation_error is not None
    assert fine.interpolation_error is not None
    for before, after in ((coarse.lower, fine.lower), (coarse.upper, fine.upper)):
        assert before is not None
        assert after is not None
        assert abs(before - after) <= coarse.interpolation_error
    assert 0 < fine.interpolation_error < coarse.interpolation_error / 8  # by 1/16 where it converges
    # Of 9 points, 1 % and more of the distance from the best fit: said so. Of 17 less.
    few, note = coarse.notes
    assert note.split(";")[1].strip() == "refine the grid near the ends"
    assert len(fine.notes) == 1
    assert all("events or so, fewer than 20; there are no toys" in text for text in (few, *fine.notes))


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(("low", "high"), [(-1e-13, 1e-13), (-3.4e-13, 1e-13), (-1e-13, 3.4e-13)])
def test_a_grid_that_ends_inside_the_interval(grid: Grid, low: float, high: float) -> None:
    choices = {"hypothesis": "millicharge-epa", "background": "paper"}
    whole = limit(grid(-3.4e-13, 3.4e-13, 17, **choices))
    part = limit(grid(low, high, 13, **choices))
    for end, expected, bound, word in (
        (part.lower, whole.lower, low, "below"), (part.upper, whole.upper, high, "above")
    ):  # fmt: skip
        notes = [note for note in part.notes if note.startswith(f"open {word}: ")]
        if abs(bound) < 2e-13:
            assert end is None
            assert notes == [
                f"open {word}: {bound:.3g} e_0 is still allowed; it is the last point of the grid: extend"
                " the grid to look further"
            ]
        else:
            assert end == pytest.approx(expected, rel=1e-3)
            assert notes == []


def test_a_grid_that_leaves_the_best_fit_out(built: Build, grid: Grid) -> None:
    choices = {"hypothesis": "magnetic-moment", "background": "paper"}
    assert limit(built("lz_ws2022", **choices)).best_fit < 0.2e-11
    # Δχ² counts from the lowest point of the grid, 1.2 above the minimum: 1.37 instead of 1.24e-11 μ_B.
    found = limit(grid(1e-11, 3e-11, 9, **choices))
    assert found.lower is None
    assert any("open below: 1e-11 mu_B is still allowed" in note for note in found.notes)


def test_heights_of_a_grid_are_those_of_its_fits(grid: Grid) -> None:
    points = grid(-3.4e-13, 3.4e-13, 17, hypothesis="millicharge-epa", background="paper")
    couplings = np.linspace(-3.4e-13, 3.4e-13, 17)
    found = scan(points, couplings.tolist())
    # Each point once more, by a fit that knows nothing of grids.
    fits = [
        make_likelihood(points.workspace(point), poi="mu").minimise({"mu": 1.0}).twice_nll
        for point in points.points
    ]
    differences = np.array(found.delta_chi2) - (np.array(fits) - min(fits))
    # One offset for all: the interpolation's minimum may lie below the lowest point, and by no more than
    # a parabola through three points falls between them. Fits agree to 1e-9.
    assert np.ptp(differences) < 1e-6
    assert 0 <= differences[0] < 0.05
    assert found.values == pytest.approx(couplings)
    assert found.parameter_values == pytest.approx(couplings / 1e-13)
    assert found.method == "profile"


def test_a_point_that_is_left_out_is_met_by_the_others(grid: Grid) -> None:
    choices = {"hypothesis": "millicharge-epa", "background": "paper"}
    coarse = grid_curve(grid(-3.4e-13, 3.4e-13, 9, **choices))
    fine = grid_curve(grid(-3.4e-13, 3.4e-13, 17, **choices))
    assert coarse.coupling == fine.coupling
    # Where the coarse grid says by how much its 2NLL may be wrong, the fine one has a fit.
    for index in (3, 5, 11, 13):
        value = float(fine.values[index])
        error = coarse.interpolation_error(value)
        assert error is not None
        slope = abs(fine(value + 1e-3) - fine(value - 1e-3)) / 2e-3
        offset = coarse(coarse.values[4]) - fine(fine.values[8])  # both at no charge: other minima
        assert abs(coarse(value) - offset - fine(value)) <= error * slope


def test_few_points_cannot_be_checked(grid: Grid) -> None:
    few = grid(0.0, 2e-11, 4, hypothesis="magnetic-moment", background="paper")
    for ask in (limit, scan):
        with pytest.raises(FitError, match="4 signal points are too few to check an interpolation"):
            ask(few)


def test_the_interpolation_is_symmetric_where_the_physics_is(grid: Grid) -> None:
    curve = grid_curve(grid(-6e-13, 6e-13, 25, hypothesis="millicharge-epa-only", background="paper"))
    for value in (0.3, 1.1, 2.6, 4.9):
        assert curve(value) == pytest.approx(curve(-value), abs=1e-6)
    interval = limit(grid(-6e-13, 6e-13, 25, hypothesis="millicharge-epa-only", background="paper"))
    assert interval.lower == pytest.approx(-(interval.upper or 0.0), rel=ROOTS)


def test_expected_of_a_signed_grid(grid: Grid) -> None:
    points = grid(-3.4e-13, 3.4e-13, 17, hypothesis="millicharge-epa", background="paper")
    curve = grid_curve(points)
    assert isinstance(curve, GridCurve)
    asimov = curve.asimov()
    # The data are what is expected without charge. The curve is flat there, as q² q² at worst: its
    # minimum is found within half of the grid's spacing of 0.425, and nothing is lost by that.
    assert asimov.best == pytest.approx(0.0, abs=0.2)
    assert asimov(0.0) == pytest.approx(0.0, abs=1e-3)
    expected = limit(points, expected=True).expected
    assert expected is not None
    assert expected["0"] is not None
    assert asimov(expected["0"] / 1e-13) == pytest.approx(threshold(0.90), abs=2e-3)


def test_what_a_grid_cannot_give(grid: Grid) -> None:
    points = grid(-3.4e-13, 3.4e-13, 17, hypothesis="millicharge-epa", background="paper")
    with pytest.raises(ConfigError, match="CLs needs a workspace with the coupling as a parameter"):
        limit(points, method="cls")
    with pytest.raises(ConfigError, match="4e-13 e_0 lies outside the bounds of q_nu"):
        scan(points, [4e-13])


def test_a_measurement_that_a_grid_has_not(grid: Grid) -> None:
    points = grid(-3.4e-13, 3.4e-13, 17, hypothesis="millicharge-epa", background="paper")
    with pytest.raises(ModelError, match="no measurement called 'other'"):
        limit(points, measurement="other")
