"""Exclusions over a mass: limits as single commands give them, how they scale, what is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.histfactory.build import workspace_of
from nuhist.histfactory.grids import parse_over
from nuhist.histfactory.model_set import model_set
from nuhist.inference.profile import threshold
from nuhist.inference.region import expected_upper
from nuhist.methods.result_files import read_result
from nuhist.methods.scan_results import ExclusionScan
from nuhist.physics.catalogue.light_vector import ENTRIES
from nuhist.physics.family import Family
from nuhist.physics.hypotheses import FAMILIES, Hypothesis, get_hypothesis
from nuhist.physics.own_parameter import OwnParameter
from nuhist.report.exclusion_figure import draw_exclusion


def scanned(*experiments: str, over: str, **options: Any) -> ExclusionScan:
    result = nuhist.exclusion(*experiments, hypothesis="light-vector", over=over, **options)
    assert isinstance(result, ExclusionScan)
    return result


@pytest.fixture(scope="module")
def two() -> ExclusionScan:
    return scanned("lz_ws2022", "pandax4t_run1", over="mass=10keV:0.1MeV:2:log")


def test_each_point_is_the_limit_of_its_own_workspace(two: ExclusionScan) -> None:
    assert two.names == ("lz_ws2022", "pandax4t_run1", "together")
    assert two.values == (10.0, 100.0)
    for name, experiments in (("lz_ws2022", ["lz_ws2022"]), ("together", ["lz_ws2022", "pandax4t_run1"])):
        point = two.curve(name)[0]
        model = nuhist.Model(nuhist.build(*experiments, hypothesis="light-vector:mass=10keV"))
        limit = model.limit(expected=True)
        # The same workspaces, up to the rounding of sums.
        assert point.upper_observed == pytest.approx(limit.upper, rel=1e-6)
        assert point.upper_expected[2] == pytest.approx((limit.expected or {})["0"], rel=1e-4)
    assert two.notes


def test_limits_are_flat_for_a_light_boson_and_go_with_its_mass_squared() -> None:
    scan = scanned("lz_ws2022", over="mass=1eV:30MeV:2:log")
    light = scanned("lz_ws2022", over="mass=100eV:10MeV:2:log")
    (first, last), (second, before) = scan.curve("lz_ws2022"), light.curve("lz_ws2022")
    assert second.upper_observed == pytest.approx(first.upper_observed or 0, rel=1e-4)
    # 2 m T is 1e-4 of M² there.
    assert (last.upper_observed or 0) / (before.upper_observed or 1) == pytest.approx(9, rel=1e-3)


def test_expected_bands_are_those_of_a_gaussian(counting: Any) -> None:
    # With 1e6 events of background all is Gaussian: an estimate of n σ gives the end at n + √q, and where
    # it is below 0, which the best fit is not, at n + √(n² + q). The width of the Poisson changes by 1e-3.
    profile = nuhist.Model(counting([1000000], [1.0], [1000000.0], bounds=[[0, 1e5]])).profile
    level = threshold(0.9)
    root = np.sqrt(level)
    wanted = [-2 + np.sqrt(4 + level), -1 + np.sqrt(1 + level), root, root + 1, root + 2]
    found = [1e-3 * (end or 0) for end in expected_upper(profile, level).values()]
    assert found == pytest.approx(wanted, rel=3e-3)


def test_with_cls_it_has_all_bands_and_is_read_again(tmp_path: Path) -> None:
    path, picture = tmp_path / "scan.json", tmp_path / "scan.png"
    arguments = [
        "exclusion",
        "lz_ws2022",
        "--hypothesis",
        "light-vector",
        "--over",
        "mass=1:100:2",
        "--cl",
        "0.95",
    ]
    run = CliRunner().invoke(main, [*arguments, "--method", "cls", "-o", str(path), "--json"])
    assert run.exit_code == 0, run.stderr
    result = read_result(path)
    assert isinstance(result, ExclusionScan)
    assert result.to_json() == json.loads(run.stdout)
    (first, _) = result.points
    limit = nuhist.limit(
        nuhist.build("lz_ws2022", hypothesis="light-vector:mass=1keV"), "cls", confidence_level=0.95
    )
    assert first.upper_observed == pytest.approx(limit.upper, rel=1e-6)
    assert list(first.upper_expected) == sorted(first.upper_expected, key=lambda end: end or 0)
    assert CliRunner().invoke(main, ["plot", "exclusion", str(path), "-o", str(picture)]).exit_code == 0
    assert picture.stat().st_size > 0


def test_options_of_builds_are_those_of_build() -> None:
    arguments = ["exclusion", "lz_ws2022", "--hypothesis", "light-vector", "--over", "mass=1:100:2"]
    run = CliRunner().invoke(main, [*arguments, "--background", "paper", "--ar37", "flat", "--json"])
    built = nuhist.build("lz_ws2022", hypothesis="light-vector:mass=1", background="paper", ar37="flat")
    first = json.loads(run.stdout)["points"][0]
    assert first["upper_observed"] == pytest.approx(nuhist.limit(built).upper, rel=1e-6)
    run = CliRunner().invoke(main, ["exclusion", "grid", "--flux", "paper", "--asimov"])
    assert run.exit_code == 2
    assert "--flux, --asimov: does nothing with a PatchSet; it belongs to --over" in run.stderr


def test_taken_up_again_it_is_the_same(tmp_path: Path) -> None:
    over = "mass=1:100:2:log"
    whole = scanned("lz_ws2022", over=over)

    class StoppedError(Exception):
        pass

    def stop(done: int, _: int) -> None:
        if done == 1:
            raise StoppedError

    with pytest.raises(StoppedError):
        scanned("lz_ws2022", over=over, execution=nuhist.Execution(resume=tmp_path / "kept", progress=stop))
    seen: list[int] = []
    again = nuhist.Execution(resume=tmp_path / "kept", progress=lambda done, _: seen.append(done))
    assert scanned("lz_ws2022", over=over, execution=again) == whole
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"over": "mass=1:2"}, ConfigError, "expected NAME=LO:HI:N, NAME=LO:HI:N:log or NAME=A,B,C"),
        ({"over": "mass=1:2:1"}, ConfigError, "expected NAME=LO:HI:N"),
        ({"over": "mass=1:2:3:lin"}, ConfigError, "expected NAME=LO:HI:N"),
        ({"over": "mass=2:1:3"}, ConfigError, "expected the second value above the first"),
        ({"over": "mass=0:1:3:log"}, ConfigError, "values in one ratio begin above 0"),
        ({"over": "mass=1:1e9:3"}, ConfigError, "mass = 1e.09 keV is outside its range"),
        ({"over": "width=1:2:3"}, ConfigError, "no parameter of light-vector called 'width'"),
        (
            {"labels": ["mass"]},
            OptionError,
            "labels=...: does nothing with over=...; it belongs",
        ),
        ({"verify": False}, OptionError, "verify=...: does nothing with over=..."),
        ({"method": "feldman-cousins"}, OptionError, "throws toys at each point"),
        ({"hypothesis": None}, ConfigError, "over=... needs a hypothesis with a parameter of its own"),
        (
            {"hypothesis": "light-vector:mass=1"},
            ConfigError,
            "its mass the values; leave it out of the hypothesis",
        ),
        ({"over": ["mass=1:2:3", "mass=1:2:3"]}, ConfigError, "name one parameter, or two different ones"),
        ({"over": []}, ConfigError, "name one parameter"),
        ({"hypothesis": "charge-radius"}, ConfigError, "charge-radius has no parameter of its own"),
        ({"over": None}, OptionError, "hypothesis=...: does nothing without over=...; a scan of"),
    ],
)
def test_wrong_input_is_one_line(options: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"hypothesis": "light-vector", "over": "mass=1:2:3", **options}
    with pytest.raises(error, match=message):
        nuhist.exclusion("lz_ws2022", **given)


def test_points_that_fail_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(models: Any) -> Any:
        if models.models[0].neutrinos.hypothesis.name == "light-vector:mass=2keV":
            raise FitError("no minimum")
        return workspace_of(models)

    monkeypatch.setattr("nuhist.methods.exclusion_scan.workspace_of", some)
    scan = scanned("lz_ws2022", over="mass=1:2:2")
    assert [point.failure for point in scan.points] == [None, "no minimum"]
    assert scan.summary.endswith(", 1 failed")
    arguments = ["exclusion", "lz_ws2022", "--hypothesis", "light-vector", "--over", "mass=1:2:2"]
    printed = CliRunner().invoke(main, arguments).stdout.splitlines()
    assert next(line for line in printed if line.split()[:1] == ["2"]).split() == ["2", "failed"]


@pytest.fixture
def strong(monkeypatch: pytest.MonkeyPatch) -> str:
    """The light vector with a second parameter, by which the neutrino's charge is larger."""

    def make(name: str, title: str, values: Mapping[str, float]) -> Hypothesis:
        plain = ENTRIES[0].make(name, title, {"mass": values["mass"]})

        def terms(energy: Any, flavor: Any, options: Any) -> Mapping[int, Any]:
            found = plain.terms(energy, flavor, options)
            return {power: values["charge"] ** power * term for power, term in found.items()}

        return replace(plain, terms=terms)

    charge = OwnParameter("charge", "charge", "1", {}, 0.1, 1.0)
    family = Family("strong", "strong vector", (*ENTRIES[0].parameters, charge), make)
    monkeypatch.setitem(FAMILIES, "strong", family)
    return family.name


def test_a_family_that_cannot_be_sent_is_refused(strong: str) -> None:
    with pytest.raises(ConfigError, match=r"jobs=...: other processes cannot be sent the model: .*; define"):
        nuhist.exclusion(
            "lz_ws2022",
            hypothesis=f"{strong}:charge=0.5",
            over="mass=1:100:2",
            execution=nuhist.Execution(jobs=2),
        )


@pytest.mark.thorough
def test_on_two_processes_it_is_the_same() -> None:
    alone = scanned("lz_ws2022", over="mass=1:100:2:log")
    assert scanned("lz_ws2022", over="mass=1:100:2:log", execution=nuhist.Execution(jobs=2)) == alone


# A matrix, a Gaussian behind the efficiency, and one before it.
@pytest.mark.parametrize(
    ("experiment", "response"),
    [("lz_ws2022", kind) for kind in ("matrix", "gaussian", "none")] + [("darwin_like", "gaussian")],
)
def test_models_can_be_sent_to_other_processes(experiment: str, response: Any) -> None:
    options = nuhist.BuildOptions(response=response)
    models = model_set([experiment], get_hypothesis("light-vector:mass=1MeV"), "effective", options)
    sent = pickle.loads(pickle.dumps(models))
    assert workspace_of(sent).spec == workspace_of(models).spec


def test_two_parameters_give_a_plane(strong: str, tmp_path: Path) -> None:
    over = ["mass=1:100:2:log", "charge=0.5:1:2"]
    scan = nuhist.exclusion("lz_ws2022", hypothesis=strong, over=over)
    assert isinstance(scan, ExclusionScan)
    assert (scan.values, scan.second_values) == ((1.0, 100.0), (0.5, 1.0))
    assert [(point.value, point.second) for point in scan.points] == [(1, 0.5), (1, 1), (100, 0.5), (100, 1)]
    upper = {(point.value, point.second): point.upper_observed or 0 for point in scan.points}
    alone = scanned("lz_ws2022", over="mass=1:100:2:log")
    for point in alone.points:
        # Only the product of charge and g² enters; fits of another workspace round differently.
        assert upper[point.value, 1.0] == pytest.approx(point.upper_observed, rel=1e-6)
        assert upper[point.value, 0.5] == pytest.approx(2 * (point.upper_observed or 0), rel=1e-4)
    path = tmp_path / "plane.json"
    path.write_text(json.dumps(scan.to_json()))
    assert read_result(path) == scan
    assert scan.table().header[:3] == ("name", "mass/keV", "charge")
    drawn = draw_exclusion([scan])
    assert drawn.figure.axes[0].get_xscale() == "log"
    assert drawn.figure.axes[0].get_yscale() == "linear"
    with pytest.raises(ConfigError, match="fill a figure; draw one result"):
        draw_exclusion([scan, scan])
    # One of them may be held.
    held = nuhist.exclusion("lz_ws2022", hypothesis=f"{strong}:charge=0.5", over=over[0])
    assert [point.upper_observed for point in held.points] == pytest.approx(
        [upper[1.0, 0.5], upper[100.0, 0.5]], rel=1e-6
    )
    with pytest.raises(ConfigError, match="its charge is missing"):
        nuhist.exclusion("lz_ws2022", hypothesis=strong, over=over[0])


def test_figure_of_several_results(two: ExclusionScan) -> None:
    with pytest.raises(OptionError, match="limits=True and log_x=True: do nothing"):
        draw_exclusion([two], limits=True)
    drawn = draw_exclusion([two, two], labels=["a", "b"])
    (axes,) = drawn.figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "mass [keV]"
    assert len(drawn.table.rows) == 2 * len(two.points)


def test_ranges_may_have_units() -> None:
    over = parse_over("mass=1eV:1MeV:7:log")
    assert (over.name, over.ends, over.number, over.logarithmic) == ("mass", ("1eV", "1MeV"), 7, True)
