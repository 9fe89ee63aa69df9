"""Limits do not depend on the unit or the bounds of the strength: a sample of ``benchmarks/units.py``.

The models are random ones. Ends are found to 1e-5 of their distance from the best fit, twice.
"""

from __future__ import annotations

from typing import get_args

import pytest

from nuhist import limit
from nuhist.inference.prepare import Engine, make_likelihood
from nuhist.inference.profile import Profile
from tests.counting.units import answers, differences, units_workspace, variants

TOLERANCE = 1e-4
SEED = 5


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    "number", [1, 4, 5, 6, 7, pytest.param(8, marks=pytest.mark.thorough), 9, 10, 11, 44]
)
def test_units_and_bounds_change_nothing(number: int) -> None:
    found = variants(units_workspace(SEED, number), SEED, number)
    base = answers(found["base"][0])
    for name, (workspace, unit) in found.items():
        if name != "base":
            compared = differences(base, answers(workspace), unit)
            assert compared
            assert {key: value for key, value in compared.items() if value > TOLERANCE} == {}


def test_two_strengths_of_one_sample_have_no_upper_limit() -> None:
    # The one may grow as the other falls: fits far apart that shared derivatives said 5e4 in silence.
    workspace, _ = variants(units_workspace(SEED, 44), SEED, 44)["base"]
    profile = Profile(make_likelihood(workspace))
    values = [5.0 * 10.0**power for power in range(8)]
    profile.prepare(values)
    assert [profile(value) for value in values] == pytest.approx(len(values) * [0.0], abs=1e-6)
    assert limit(workspace).upper is None


@pytest.mark.thorough
@pytest.mark.parametrize("number", [4, 7])
@pytest.mark.parametrize("engine", get_args(Engine))
def test_both_engines(number: int, engine: Engine) -> None:
    found = variants(units_workspace(SEED, number), SEED, number)
    workspace, unit = found["both"]
    compared = differences(answers(found["base"][0]), answers(workspace, engine), unit)
    assert {key: value for key, value in compared.items() if value > TOLERANCE} == {}


@pytest.mark.thorough
def test_a_difference_is_seen() -> None:
    found = variants(units_workspace(SEED, 4), SEED, 4)
    workspace, unit = found["unit"]
    assert max(differences(answers(found["base"][0]), answers(workspace), 1.001 * unit).values()) > TOLERANCE
