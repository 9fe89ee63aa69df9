"""Answers that were once wrong, see "Fixed" in CHANGELOG.md.

The right values come from a Minuit minimisation of pyhf's logpdf from several starts, or from a formula;
the models in data/answers were made for this. They are given with four to six digits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nuhist import fit, limit, significance
from nuhist.histfactory.workspace import Workspace, load_workspace
from nuhist.inference.prepare import ENGINES

DATA = Path(__file__).parent / "data" / "answers"
DIGITS = 1e-4  # relative: the limits of nuhist are found to that


def _model(name: str) -> Workspace:
    return load_workspace(str(DATA / f"{name}.json"))


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "unit"),
    [("bounds_10", 1.0), ("bounds_1e30", 1.0), ("scaled_1e9", 1e9), ("scaled_1e-6", 1e-6)],
)
def test_bounds_and_units(name: str, unit: float, engine: Any) -> None:
    profile = limit(_model(name), engine=engine)
    assert profile.upper == pytest.approx(2.34342 * unit, rel=DIGITS)
    assert profile.best_fit == pytest.approx(0.36697 * unit, rel=3e-4)  # flat near its minimum
    cls = limit(_model(name), method="cls", expected=True, engine=engine)
    assert cls.upper == pytest.approx(2.20894 * unit, rel=DIGITS)
    assert cls.expected is not None
    bands = [cls.expected[key] for key in ("-2", "-1", "0", "+1", "+2")]
    right = [0.97794, 1.35122, 1.95715, 2.86334, 4.02337]
    assert bands == pytest.approx([value * unit for value in right], rel=3e-4)


@pytest.mark.parametrize(("name", "right"), [("nosys6", 7.257e-7), ("e8", 3.11e-9)])
def test_limits_far_below_a_first_step(name: str, right: float) -> None:
    assert limit(_model(name), method="cls").upper == pytest.approx(right, rel=2e-3)  # three digits


@pytest.mark.thorough
def test_both_sides_of_a_normsys_go_up() -> None:
    model = _model("saddle_normsys")
    found = limit(model)
    assert found.lower == pytest.approx(0.137, abs=6e-4)
    assert found.upper == pytest.approx(3.675, abs=6e-4)
    assert limit(model, method="cls").upper == pytest.approx(3.450, abs=6e-4)
    assert significance(model).significance == pytest.approx(2.986**0.5, abs=1e-3)
    assert fit(model, test_poi=0.0).min_chi2 == pytest.approx(3.01, abs=6e-3)


def test_both_sides_of_a_histosys_are_equal() -> None:
    assert fit(_model("saddle_histosys"), test_poi=0.0).min_chi2 == pytest.approx(0.814, abs=6e-4)


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "best", "upper"), [("empty_one", -0.6, 0.0764), ("empty_two", -0.5, 0.580)])
def test_nothing_seen(name: str, best: float, upper: float, engine: Any) -> None:
    found = limit(_model(name), engine=engine)
    assert found.best_fit == pytest.approx(best, abs=1e-6)
    assert found.upper == pytest.approx(upper, abs=6e-4)
    assert found.lower is None
    assert found.min_chi2 >= 0


def test_a_shapefactor_is_of_interest() -> None:
    found = limit(_model("shapefactor"))
    assert found.best_fit == pytest.approx(0.85, abs=1e-5)
    assert found.upper == pytest.approx(1.1485, rel=DIGITS)


def test_the_bound_that_ends_a_search_is_named() -> None:
    found = limit(_model("past_bound"), method="cls", confidence_level=0.95)
    assert found.upper is None
    assert any("bound of kappa" in note and "10" in note for note in found.notes)


def test_lumi_on_some_samples() -> None:
    assert limit(_model("lumi_some")).upper == pytest.approx(2.34489, rel=DIGITS)
    assert limit(_model("lumi_some"), method="cls").upper == pytest.approx(2.21024, rel=DIGITS)
