"""Forecasts: as single workspaces give them, how they scale, against toys, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError, OptionError
from nuhist.methods.result_files import read_result
from nuhist.methods.sensitivity import _quantiles

MOMENT = "magnetic-moment"
PLANNED = """
name: planned
title: A detector that is planned
sources: ["Invented for this test"]
exposure: 2.0
binning: {low: 1.0, high: 11.0, bins: 10}
response:
  efficiency: {table: efficiency.csv, energy: T_keV, value: efficiency}
  resolution: {sqrt: 0.32}
default_background: total
backgrounds:
  total:
    response: gaussian
    flux: split
    samples:
      - {name: flat, title: flat background, events: 180, error: 18, shape: {flat: true}}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of ten bins, whose toys take little."""
    return made(tmp_path_factory.mktemp("detector") / "planned")


def made(folder: Path) -> Path:
    folder.mkdir()
    (folder / "efficiency.csv").write_text("T_keV,efficiency\n0.5,0.0\n2.0,0.8\n15.0,0.9\n")
    (folder / "experiment.yaml").write_text(PLANNED)
    return folder


def forecast(*experiments: str, **options: Any) -> Any:
    return nuhist.sensitivity(*(experiments or ("lz_ws2022",)), hypothesis=MOMENT, **options)


def test_each_point_is_what_its_own_workspace_gives() -> None:
    found = forecast(exposure=[10.0], coupling=6e-12)
    model = nuhist.Model(nuhist.build("lz_ws2022", hypothesis=MOMENT, exposure=10, asimov=True))
    (point,) = found.points
    # The fit of the band's search ends elsewhere by the rounding of a fit.
    assert point.upper_expected[2] == pytest.approx(model.limit().upper, rel=1e-4)
    # Of Asimov data q0 is Δχ² without the coupling, of which the square root is the significance.
    with_coupling = model.asimov(6e-12)
    assert point.significance == pytest.approx(with_coupling.profile.delta(0.0) ** 0.5, rel=1e-6)
    assert found.data_kind == "asimov"


def test_a_set_is_one_experiment_with_the_exposure_of_all(built_runs: list[nuhist.Workspace]) -> None:
    # Three workspaces of a tenth of 30 t yr and so on, each built by itself and joined by hand.
    found = nuhist.sensitivity("xenonnt_cevns", hypothesis="standard-model", exposure=[30.0])
    shared = [
        "sm_strength_nu", "b8_flux", "lumi", "xenonnt_nr_light_yield", "xenonnt_nr_charge_yield",
        "xenonnt_cevns_electron_norm", "xenonnt_cevns_neutron_norm",
    ]  # fmt: skip
    by_hand = nuhist.limit(nuhist.combine(built_runs, correlate=shared), "cls", expected=True)
    again = nuhist.sensitivity("xenonnt_cevns", hypothesis="standard-model", exposure=[30.0], method="cls")
    assert (found.names, again.names) == (("xenonnt_cevns",), ("xenonnt_cevns",))
    assert by_hand.expected is not None
    assert again.points[0].upper_expected[2] == pytest.approx(by_hand.expected["0"], rel=1e-4)
    alone = nuhist.sensitivity("xenonnt_cevns_sr0", hypothesis="standard-model", exposure=[30.0])
    assert alone.points[0].upper_expected[2] != pytest.approx(found.points[0].upper_expected[2], rel=1e-2)


@pytest.fixture
def built_runs() -> list[nuhist.Workspace]:
    """XENONnT's runs with 30 t yr together, in the ratio of their exposures."""
    runs = [nuhist.load_experiment(f"xenonnt_cevns_sr{number}") for number in range(3)]
    whole = sum(run.exposure for run in runs)
    return [
        nuhist.build(run, hypothesis="standard-model", asimov=True, exposure=30 * run.exposure / whole)
        for run in runs
    ]


def test_limits_fall_with_the_fourth_root_where_nothing_but_counts_matters() -> None:
    # Of a free background with a known shape the data know the norm ever better: the error of μ² is that of
    # the counts and goes with 1 / √exposure. There is no atomic response as a systematic.
    options = nuhist.BuildOptions(atomic="rrpa")
    found = forecast("pandax4t_run1", exposure=[1e3, 1e4], options=options, method="cls")
    first, last = (point.upper_expected[2] for point in found.points)
    # Constrained fluxes of 1 % or so leave a few per cent.
    assert first / last == pytest.approx(10**0.25, rel=0.2)


@pytest.mark.thorough
def test_with_statistics_only_limits_fall_with_the_fourth_root() -> None:
    found = forecast("darwin_like", exposure=[300.0, 1200.0], statistics_only=True)
    first, last = (point.upper_expected[2] for point in found.points)
    # The signal adds to the variance what is left at 300 t yr: 0.5 %.
    assert first / last == pytest.approx(4**0.25, rel=5e-3)
    # Without correlations of bins, Δχ² of a small signal is Σ s² / b of the counts.
    model = nuhist.Model(nuhist.build("darwin_like", hypothesis=MOMENT, exposure=1200, asimov=True))
    counts, signal = (
        model.likelihood.expected(np.where(np.array(model.likelihood.names) == "mu_nu_squared", value, start))
        for value, start in ((0.0, model.likelihood.start), (1.0, model.likelihood.start))
    )
    squared = (2.7055 / np.sum((signal - counts) ** 2 / counts)) ** 0.5
    assert last == pytest.approx(1e-11 * squared**0.5, rel=5e-3)
    assert found.notes[0].startswith("statistics only")


@pytest.mark.thorough
def test_a_thousand_toys_of_a_planned_detector() -> None:
    options = {"exposure": [300.0], "coupling": 3e-12, "toys": 1000}
    (point,) = forecast("darwin_like", **options).points
    # The median of 1,000 limits is known to 1 %, and that of significances to 0.04.
    assert point.toys_upper[2] == pytest.approx(point.upper_expected[2], rel=0.03)
    assert point.toys_significance == pytest.approx(point.significance, abs=0.12)


def test_toys_agree_with_asimov_data(planned: Path) -> None:
    found = forecast(
        str(planned), exposure=[20.0], coupling=1e-11, toys=25, execution=nuhist.Execution(seed=3)
    )
    (point,) = found.points
    assert found.toys == 25
    # The median of 25 limits, which scatter by a quarter, is known to 1.25 × 0.25 / √25 = 6 %: three times.
    assert point.toys_upper[2] == pytest.approx(point.upper_expected[2], rel=0.18)
    # That of 25 significances, which scatter by 1, to 1.25 / √25 = 0.25.
    assert point.toys_significance == pytest.approx(point.significance, abs=0.75)


def test_open_limits_of_toys_are_the_largest() -> None:
    limits = [1.0, None, 3.0, 2.0, None]
    assert _quantiles(limits) == (1.0, 1.0, 3.0, None, None)


def test_command_writes_reads_and_draws(tmp_path: Path, planned: Path) -> None:
    path = tmp_path / "forecast.json"
    arguments = [
        "sensitivity",
        str(planned),
        "--hypothesis",
        MOMENT,
        "--exposure",
        "10:40:2:log",
    ]
    run = CliRunner().invoke(main, [*arguments, "--coupling", "5e-12", "--json", "-o", str(path)])
    assert run.exit_code == 0, run.stderr
    assert read_result(path).to_json() == json.loads(run.stdout)
    shown = CliRunner().invoke(main, arguments)
    assert "expected at 90 % CL: planned with 40 t yr: mu_nu <" in shown.stdout
    picture = tmp_path / "forecast.png"
    assert CliRunner().invoke(main, ["plot", "sensitivity", str(path), "-o", str(picture)]).exit_code == 0
    assert CliRunner().invoke(main, ["plot", "exclusion", str(path), "-o", str(picture)]).exit_code == 1


def test_taken_up_again_it_is_the_same(tmp_path: Path, planned: Path) -> None:
    whole = forecast(str(planned), "lz_ws2022", exposure=[1.0])
    kept = nuhist.Execution(resume=tmp_path / "kept")
    assert forecast(str(planned), "lz_ws2022", exposure=[1.0], execution=kept) == whole
    assert forecast(str(planned), "lz_ws2022", exposure=[1.0], execution=kept) == whole


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"exposure": [0.0]}, ConfigError, "exposure 0 t yr: must be positive"),
        ({"exposure": "0:10:3"}, ConfigError, "exposure 0 t yr: must be positive"),
        ({"exposure": []}, ConfigError, "exposure: name at least one, each once"),
        ({"exposure": [1.0, 1.0]}, ConfigError, "each once"),
        ({"exposure": "a:10:3"}, ConfigError, "exposure 'a': expected a number of tonne years"),
        ({"exposure": "10:20"}, ConfigError, "exposure '10:20': expected LO:HI:N or LO:HI:N:log in t yr"),
        ({"exposure": "0:0:1"}, ConfigError, "with LO above 0 and N of at least 2"),
        ({"method": "feldman-cousins"}, OptionError, "throws toys at each point; take profile or cls"),
        ({"toys": 0}, ConfigError, "toys = 0: expected a whole number of at least 1"),
        ({"execution": nuhist.Execution(toys=10)}, OptionError, "the number of toys is given by toys here"),
        ({"options": nuhist.BuildOptions(exposure=2, asimov=True)}, OptionError, "the exposure is given by"),
        ({"statistics_only": 1}, ConfigError, "statistics_only = 1: expected True or False"),
        ({"execution": nuhist.Execution(seed=1)}, OptionError, "seed=...: does nothing without toys"),
    ],
)
def test_wrong_input_is_one_line(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        forecast(**{"exposure": [1.0], **options})


def test_experiments_are_named_once() -> None:
    with pytest.raises(ConfigError, match="an experiment is there twice"):
        forecast("lz_ws2022", "lz_ws2022", exposure=[1.0])
    with pytest.raises(ConfigError, match="name at least one experiment"):
        nuhist.sensitivity(hypothesis=MOMENT, exposure=[1.0])


def test_a_planned_experiment_has_asimov_data(tmp_path: Path) -> None:
    folder = made(tmp_path / "planned")
    found = CliRunner().invoke(
        main, ["build", str(folder), "--hypothesis", MOMENT, "-o", str(tmp_path / "planned.json")]
    )
    assert found.exit_code == 0, found.stderr
    assert "counts (expected, Asimov)" in found.stderr
    workspace = nuhist.load(tmp_path / "planned.json")
    assert workspace.data_kind == "asimov"
    # Backgrounds go with the exposure: twice of it is the same as twice the numbers in the file.
    (folder / "experiment.yaml").write_text(
        PLANNED.replace("exposure: 2.0", "exposure: 4.0").replace(
            "events: 180, error: 18", "events: 360, error: 36"
        )
    )
    once, twice = (forecast(str(folder), exposure=[each]).points[0].upper_expected for each in (4.0, 8.0))
    (folder / "experiment.yaml").write_text(PLANNED)
    assert forecast(str(folder), exposure=[4.0]).points[0].upper_expected == pytest.approx(once, rel=1e-6)
    assert twice < once
    with pytest.raises(
        ConfigError, match=r"planned is planned and has no observed counts, .*; add asimov=True"
    ):
        nuhist.build(folder, "lz_ws2022", hypothesis=MOMENT)
    assert nuhist.build(folder, "lz_ws2022", hypothesis=MOMENT, asimov=True).data_kind == "asimov"
    grid = nuhist.build_patchset(folder, couplings=[0, 1e-11], hypothesis=MOMENT)
    assert grid.data_kind == "asimov"


def test_a_background_may_stay_at_another_exposure(tmp_path: Path) -> None:
    folder = made(tmp_path / "planned")
    other = "name: pulse, events: 40, error: 4, with_exposure: false, shape: {reconstructed_flat: [1, 11]}"
    (folder / "experiment.yaml").write_text(PLANNED + f"      - {{{other}}}\n")
    spec = nuhist.build(folder, hypothesis=MOMENT, exposure=20, asimov=True).spec
    events = {sample["name"]: sum(sample["data"]) for sample in spec["channels"][0]["samples"]}
    # 180 events in 2 t yr are 1800 in 20 t yr.
    assert (events["flat"], events["pulse"]) == pytest.approx((1800, 40), rel=1e-9)


def test_a_signed_coupling_has_no_band_and_a_note_says_why() -> None:
    found = nuhist.sensitivity("lz_ws2022", hypothesis="nsi-left", exposure=[1.0], toys=2)
    (point,) = found.points
    assert [end is None for end in point.upper_expected] == [True, True, False, True, True]
    assert point.toys_upper is not None
    assert any("are not known of a coupling with a sign" in note for note in found.notes)
    result = CliRunner().invoke(
        main, ["sensitivity", "lz_ws2022", "--hypothesis", "nsi-left", "--exposure", "1:2:2"]
    )
    assert "--ntoys throws them" in result.stdout
    assert "open" not in result.stdout
