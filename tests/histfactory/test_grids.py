"""Points of a grid that are one point, and ranges that overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuhist.histfactory.equal_values import distinct, equal_runs
from nuhist.histfactory.grids import parse_range

SIZES = st.tuples(st.floats(1, 9.99), st.integers(-30, 30)).map(lambda parts: parts[0] * 10.0 ** parts[1])


def test_the_middle_of_a_finer_range_is_that_of_the_coarser() -> None:
    # The middle of the second range is 6e-30, of the first 0; three more values of it are the first's, too.
    coarse, fine = parse_range("-4e-13:4e-13:17"), parse_range("-4e-14:4e-14:41")
    assert 0.0 in coarse
    assert 0.0 not in fine
    assert distinct([*coarse, *fine]) == distinct([*fine, *coarse])
    assert len(distinct([*coarse, *fine])) == 17 + 41 - 1
    assert 0.0 in distinct(fine)


@given(
    size=SIZES, low=st.integers(-20, 0), points=st.integers(2, 40), part=st.integers(2, 9), order=st.randoms()
)
def test_ranges_that_overlap_merge(size: float, low: int, points: int, part: int, order: object) -> None:
    # Steps of 1 from low, and steps of 1/part over the same range: every value of the first is in both.
    high = low + points - 1
    ranges = [
        *np.linspace(low * size, high * size, points).tolist(),
        *(np.linspace(low, high, part * (points - 1) + 1) * size).tolist(),
        *[size * step for step in range(low, high + 1)],
    ]
    order.shuffle(ranges)  # type: ignore[attr-defined]  # a random.Random
    merged = distinct(ranges)
    assert len(merged) == part * (points - 1) + 1
    assert min(np.diff(merged)) > 0.9 * size / part
    assert merged == distinct(sorted(ranges))


@given(size=SIZES, digits=st.integers(6, 16), values=st.sets(st.integers(-200, 200), min_size=4, max_size=20))
def test_numbers_that_were_printed_or_held_in_32_bits(size: float, digits: int, values: set[int]) -> None:
    exact = sorted(size * value / 3 for value in values)
    printed = [float(f"{value:.{digits}g}") for value in exact]
    short = [float(np.float32(value)) for value in exact]
    runs = equal_runs(sorted([*exact, *printed, *short]))
    assert [len(run) for run in runs] == [3] * len(exact)


def test_what_subtractions_leave_of_zero() -> None:
    # Each of these is a zero beside 1, to the 16 digits of a number.
    values = [-1.0, -3e-17, 0.0, 4e-221, 7e-173, 2e-120, 6e-17, 1.0]
    assert distinct(values) == [-1.0, 0.0, 1.0]
    assert [len(run) for run in equal_runs(values)] == [1, 6, 1]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_every_value_is_in_one_run(values: list[float]) -> None:
    runs = equal_runs(sorted(values))
    assert [index for run in runs for index in run] == list(range(len(values)))
    kept = distinct(values)
    assert kept == sorted(set(kept))
    assert distinct(kept) == kept


@pytest.mark.parametrize(
    "values",
    [
        [173.0 + 1e-4 * step for step in range(11)],  # a fine scan around a mass: 6e-7 of it
        [10.0**power for power in range(-20, 1)],  # a logarithmic scan
        [0.0, 1e-6, 2e-6, 3e-6, 1.0],
        [1.0, 1.000001],  # nothing says that these are one
    ],
)
def test_points_that_are_close_but_not_one(values: list[float]) -> None:
    assert distinct(values) == values
    assert len(equal_runs(values)) == len(values)
