"""Small counting models against Minuit fits of pyhf's likelihood: a sample of ``benchmarks/counting.py``."""

from __future__ import annotations

import numpy as np
import pytest

from nuhist import limit
from tests.counting.compared import differences, limits_of, minima_of
from tests.counting.density import Density
from tests.counting.models import KINDS, counting_workspace, kind_of
from tests.counting.reference import answers

SEED = 1
TOLERANCE = 1e-4  # of the distance from the best fit: ends are found to 1e-5, the references' minima to 1e-6


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("number", [1, 2, 5, 6, 9, 10, 14, 16, 18, 24])
def test_limits_are_those_of_the_reference(number: int) -> None:
    workspace = counting_workspace([SEED, number])
    found = differences(limits_of(workspace), answers(workspace.spec, number))
    assert found["limits"] < TOLERANCE, found
    assert abs(found["minimum"]) < 1e-5, found


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("number", "lower", "upper"),
    [
        # A start that no straight step makes possible, and neighbours in another valley.
        (40, -0.3904813, 6.920050),
        (192, -12.101666, 0.02681825),
        # The best fit lies on an edge, up to rounding: the cheap curve ended 1e-11 away, and then went on.
        (407, -1.3783683, 0.1914053),
        # On an edge that bends, where a normsys whose sides are equal has a saddle.
        pytest.param(154, -26.287907, None, marks=pytest.mark.thorough),
    ],
)
def test_ends_where_bins_without_events_expect_nothing(
    number: int, lower: float, upper: float | None
) -> None:
    # From thorough references, whose counts are kept above 0 by 1e-6 of an event.
    found = limits_of(counting_workspace([SEED, number]))
    assert found["lower"] == pytest.approx(lower, rel=TOLERANCE)
    if upper is not None:
        assert found["upper"] == pytest.approx(upper, rel=1e-3)  # near 0, far from the best fit


def test_a_start_from_walls_that_contradict_each_other() -> None:
    # A background that is possible for pulls below 0 only: a step of rounding led away from there, and CLs
    # was refused.
    workspace = counting_workspace([SEED, 49])
    assert limit(workspace, method="cls").parameter_upper == pytest.approx(0.9951413, rel=1e-5)


@pytest.mark.thorough
def test_an_edge_that_a_pull_pushes_out_by_rounding_is_open() -> None:
    # A shapesys at 1e-10 makes a strength below 0 possible, up to 1e-10 of an event: the end was 5e-8, which
    # excludes 0, where Δχ² is 0.235.
    found = limit(counting_workspace([SEED, 277]))
    assert found.parameter_lower is None
    assert "from there on channel 'channel_1', bin 1 would expect less than nothing" in found.notes[0]


def test_two_edges_that_meet() -> None:
    # Both sides of a histosys would make a bin without events negative: 2NLL was 2.1 too high.
    density = Density((workspace := counting_workspace([SEED, 288])).spec)
    known = density([0.0, 0.5565], density.data)
    assert limits_of(workspace)["min_chi2"] <= known + 1e-6


def test_the_other_side_is_looked_at_from_the_fit() -> None:
    # A signed strength and a normsys whose sides go the same way: 2NLL was 0.0154 too high.
    density = Density((workspace := counting_workspace([SEED, 1192])).spec)
    known = density([-0.674476, -0.533302], density.data)
    assert limits_of(workspace)["min_chi2"] <= known + 1e-6


def test_data_that_are_impossible_without_the_strength() -> None:
    # Nothing else may float: CLs gave limits from Asimov data of an impossible fit.
    assert limits_of(counting_workspace([SEED, 47]))["cls"] == "impossible"


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 9, 10, 12])
def test_commands_end_in_one_minimum(number: int) -> None:
    found = minima_of(counting_workspace([SEED, number]))
    assert {"fit", "limit", "gof"} <= set(found["free"])
    assert found["spread"] < 1e-6, found


@pytest.mark.thorough
def test_the_density_is_pyhfs() -> None:
    rng = np.random.default_rng(1)
    worst = [
        Density(counting_workspace([SEED, number]).spec).difference_from_pyhf(rng) for number in range(40)
    ]
    assert max(worst) < 1e-9


def test_the_models_are_what_they_promise() -> None:
    models = [counting_workspace([SEED, number]) for number in range(200)]
    assert {kind_of(model) for model in models} == set(KINDS)
    counts = [[n for each in model.observed().values() for n in each] for model in models]
    assert {len(each) for each in counts} == {1, 2, 3, 4}
    assert max(sum(each) for each in counts) <= 20
    assert sum(0 in each for each in counts) > 50
    equal = [
        entry
        for model in models
        for channel in model.spec["channels"]
        for sample in channel["samples"]
        for entry in sample["modifiers"]
        if entry["type"] == "histosys" and entry["data"]["hi_data"] == entry["data"]["lo_data"]
    ]
    assert len(equal) > 20
