"""Results say what they rest on: few events, boundaries, thresholds, and what the data are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from nuhist import Workspace, coverage, fit, goodness_of_fit, limit, ranking, scan, significance
from nuhist.cli.main import main
from nuhist.inference.execution import Execution
from nuhist.inference.notes import FEWEST, effective_events

Make = Callable[..., Workspace]
FEW = "the asymptotic formula may not hold: "


def test_effective_events_of_what_is_known() -> None:
    one = effective_events(np.array([7.5]), np.array([0.1]))
    assert one == pytest.approx(7.5)  # one bin: its events
    bins = effective_events(np.full(10, 7.5), np.full(10, -0.3))
    assert bins == pytest.approx(75)  # like the background: all events
    # A bin with 1000 events that the signal does not reach adds nothing.
    assert effective_events(np.array([7.5, 1000.0]), np.array([0.1, 0.0])) == pytest.approx(7.5)
    assert effective_events(np.array([0.0, 5.0]), np.array([1.0, 1.0])) == 0
    assert effective_events(np.array([5.0]), np.array([0.0])) == np.inf
    # Whatever the unit of the signal.
    counts, change = np.array([3.0, 9.0]), np.array([1.0, 2.0])
    assert effective_events(counts, 1e-200 * change) == pytest.approx(effective_events(counts, change))


@pytest.mark.parametrize("background", [1.0, 5.0, 20.0])
def test_why_twenty_events(background: float) -> None:
    # CLs limits of n = b: exact ones from Poisson sums, asymptotic ones from arXiv:1007.1727.
    n = round(background)

    def exact(s: float) -> float:
        return float(poisson.cdf(n, background + s) / poisson.cdf(n, background)) - 0.1

    def asymptotic(s: float) -> float:
        root = np.sqrt(2 * (s - n * np.log1p(s / background)))
        return float(norm.cdf(-root) / 0.5) - 0.1

    missed = brentq(asymptotic, 0.1, 100) / brentq(exact, 0.1, 100) - 1
    expected = {1.0: -0.19, 5.0: -0.10, 20.0: -0.053}[background]
    assert missed == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize(("n", "b", "few"), [(3, 3, True), (40, 40, False), (400, 400, False)])
def test_few_events(counting: Make, n: int, b: float, few: bool) -> None:
    workspace = counting([n], [1], [b], bounds=[[0, 100]])
    profile, cls = limit(workspace), limit(workspace, method="cls")
    found = significance(counting([n + 2], [1], [b], bounds=[[0, 100]]))
    for result, command in (
        (profile, "nuhist limit WS --method feldman-cousins"),
        (cls, "nuhist limit WS --method cls --calctype toybased"),
        (found, "nuhist significance WS --ntoys 10000"),
    ):
        notes = [note for note in result.notes if "events or so" in note]
        assert bool(notes) == few
        assert all(note.startswith(FEW) and note.endswith(f"with toys: {command}") for note in notes)


def test_toys_need_no_note(counting: Make) -> None:
    workspace = counting([3], [1], [3], bounds=[[0, 100]])
    toys = Execution(toys=200)
    results = (
        limit(workspace, method="feldman-cousins", points=4, execution=toys),
        limit(workspace, method="cls", calctype="toybased", execution=toys),
        significance(workspace, execution=toys),
        goodness_of_fit(workspace, execution=toys),
    )
    assert not any(FEW in note or "follows no χ²" in note for result in results for note in result.notes)


def test_a_best_fit_at_a_bound(counting: Make) -> None:
    # 80 seen where 100 are expected: the strength would be negative.
    workspace = counting([80], [1], [100], bounds=[[0, 200]])
    (note,) = limit(workspace, confidence_level=0.95).notes
    assert note == (
        f"{FEW}the best fit is at a bound of the parameter; with toys: nuhist limit WS --method"
        " feldman-cousins --cl 0.95"
    )
    # The formulas of CLs with q-tilde and of q0 allow for it.
    assert limit(workspace, method="cls").notes == ()
    assert significance(workspace).notes == ()
    inside = counting([120], [1], [100], bounds=[[0, 200]])
    assert limit(inside).notes == ()


@pytest.mark.parametrize("high", [1e2, 1e9, 1e30])
def test_wide_bounds_are_no_boundary(counting: Make, high: float) -> None:
    workspace = counting([120], [1], [100], bounds=[[0, high]])
    assert limit(workspace).notes == ()
    assert fit(workspace).conditional_on == ()


def test_goodness_of_fit_with_few_events(counting: Make) -> None:
    # 162 bins with 37 events: χ² says 0.999, toys 0.55.
    observed = np.zeros(162)
    observed[:37] = 1
    workspace = replace(
        counting(observed.tolist(), [0.01] * 162, [37 / 162] * 162, bounds=[[0, 100]]), origin="WS"
    )
    result = goodness_of_fit(workspace)
    (note,) = result.notes
    assert note == (
        "min_chi2 follows no χ² where bins hold few events: 162 of 162 expect fewer than 5, the least 0.23;"
        " p-value from toys: nuhist gof WS --ntoys 5000"
    )
    assert note in fit(workspace).notes
    assert result.p_value is not None
    assert result.p_value > 0.99
    # Cochran's rule: no bin below 1, and no more than a fifth below 5.
    fine = counting([10] * 9 + [4], [0.1] * 10, [10] * 9 + [4.0], bounds=[[0, 100]])
    assert goodness_of_fit(fine).notes == ()


def test_conditional_errors_are_named(counting: Make) -> None:
    workspace = counting([3, 40], [1, 1], [10, 40], sigma=0.1, bounds=[[0, 50]])
    found = fit(workspace)
    assert found.conditional_on == ("mu",)
    ranked = ranking(workspace)
    # A ranking lifts the bound: the excess is negative, so that nothing is held.
    assert (ranked.conditional_on, ranked.bound_lifted) == ((), True)
    assert ranked.best_fit < 0
    assert any("the best fit of mu is at its bound, 0" in note for note in ranked.notes)
    free = counting([20, 60], [1, 1], [10, 40], sigma=0.1, bounds=[[0, 50]])
    assert fit(free).conditional_on == ranking(free).conditional_on == ()
    assert not ranking(free).bound_lifted
    # A parameter that is held is not on a bound of its own.
    assert fit(free, test_poi=0.0).conditional_on == ()


def test_a_threshold_has_no_level(counting: Make) -> None:
    found = limit(counting([12], [1], [3], bounds=[[0, 50]]), delta_chi2=1.0)
    assert (found.confidence_level, found.delta_chi2, found.level) == (None, 1.0, "Δχ² = 1")
    assert not any(FEW in note for note in found.notes)  # of no formula


@pytest.mark.parametrize("kind", ["observed", "asimov"])
def test_every_result_knows_its_data(counting: Make, kind: str) -> None:
    counts = [12.0, 9.0] if kind == "observed" else [10.25, 8.5]
    workspace = counting(counts, [1, 2], [10.25, 8.5], sigma=0.1, bounds=[[0, 50]])
    toys = Execution(toys=50)
    results: list[Any] = [
        fit(workspace), limit(workspace), limit(workspace, method="cls"), scan(workspace, [0.0, 1.0]),
        limit(workspace, method="feldman-cousins", points=3, execution=toys), significance(workspace),
        goodness_of_fit(workspace), ranking(workspace), coverage(workspace, [1.0], execution=toys),
    ]  # fmt: skip
    assert {result.data_kind for result in results} == {kind}
    assert {result.to_json()["data_kind"] for result in results} == {kind}


def test_the_command_names_the_file_as_it_was_typed(counting: Make, tmp_path: Path) -> None:
    workspace = counting([3, 1], [1, 1], [3, 2], bounds=[[0, 100]])
    name = tmp_path / "my counts.json"
    workspace.save(name)

    def printed(*arguments: object, input: str | None = None) -> str:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=input)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    text = printed("limit", name, "--measurement", "only")
    command = f"nuhist limit '{name}' --method feldman-cousins --measurement only"
    assert f"with toys: {command}\n" in text
    # The command is one that runs.
    words = ["limit", str(name), *command.split("' ")[1].split(), "--points", "4", "--ntoys", "20"]
    assert printed(*words)
    piped = printed("significance", input=workspace.to_json())
    assert "with toys: nuhist significance - --ntoys 10000\n" in piped
    assert f"p-value from toys: nuhist gof '{name}' --ntoys 5000\n" in printed("gof", name)
    assert json.loads(printed("limit", name, "--json"))["notes"]


def test_a_threshold_and_asimov_data_are_printed_as_such(counting: Make, tmp_path: Path) -> None:
    counting([10.25], [1], [10.25], bounds=[[0, 100]]).save(tmp_path / "ws.json")
    result = CliRunner().invoke(main, ["limit", str(tmp_path / "ws.json"), "--delta-chi2", "1"])
    first, *rest = result.stdout.splitlines()
    assert first.endswith(" at Δχ² = 1")
    assert "CL" not in result.stdout
    assert "  data: expected, Asimov" in rest


def test_the_criterion_is_the_documented_one() -> None:
    assert FEWEST == 20


def test_less_than_one_event_is_not_0_events(counting: Make) -> None:
    (note,) = limit(counting([0], [1e-3], [1e-3], bounds=[[0, 1e4]]), confidence_level=0.1).notes
    assert note.startswith(f"{FEW}it rests on less than one event")
    assert "0 events" not in note


def test_a_result_names_the_engine_that_fitted(counting: Make) -> None:
    workspace = counting([20], [1], [10], bounds=[[0, 50]])
    assert fit(workspace).method.startswith("maximum likelihood (compiled, checked against pyhf), ")
    assert fit(workspace, engine="pyhf").method.startswith("maximum likelihood (pyhf), ")
