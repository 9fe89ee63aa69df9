"""Commands on nuclei: what they print and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from nuhist.errors import DataError
from nuhist.schemas import check

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def angle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weak mixing angle in XENONnT's first run on nuclei."""
    path = tmp_path_factory.mktemp("angle") / "angle.json"
    assert run("build", "xenonnt_cevns_sr0", "--hypothesis", "weak-mixing-angle", "-o", path).exit_code == 0
    return path


def test_fit_says_which_number_is_the_coupling(run: Run, angle: Path) -> None:
    # Parameter and coupling differ by a factor of 10⁴.
    said = run("fit", angle).stdout
    assert said.startswith("coupling delta_sin2_theta_w = ")
    assert "\n  the parameter delta_sin2_theta_w_scaled is (coupling delta_sin2_theta_w / 0.3) / " in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("xenonnt_cevns_sr0 --response none", "has no efficiency table; use --response monoenergetic\n"),
        ("xenonnt_cevns_sr0 --response matrix", "has no response matrix; use --response monoenergetic\n"),
        ("xenonnt_sr0 --response monoenergetic", "energies; use --response gaussian or 'none'\n"),
        ("xenonnt_cevns_sr0 --atomic rrpa", "nuclei recoil in xenonnt_cevns_sr0; leave it out\n"),
        ("xenonnt_cevns --exposure 10 --asimov", "and xenonnt_cevns is a set of 3, xenonnt_cevns_sr0, "),
        ("xenonnt_sr0 lz_ws2022 --exposure 9 --asimov", "there are xenonnt_sr0, lz_ws2022; build it alone"),
    ],
)
def test_what_nuclei_do_not_have_is_refused(run: Run, arguments: str, message: str) -> None:
    result = run("build", *arguments.split(), "--hypothesis", "standard-model")
    assert result.exit_code in {1, 2}
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_spectrum_refuses_bound_electrons_of_nuclei(run: Run) -> None:
    asked = ("spectrum", "xenonnt_cevns_sr0", "--hypothesis", "standard-model", "--coupling", 1)
    assert "nuclei recoil in xenonnt_cevns_sr0" in run(*asked, "--atomic", "rrpa").stderr
    # What 0 to 81 are: numbers of bins, of three by three by three by three cells.
    found = json.loads(run(*asked, "--json").stdout)
    check(found, "results", "spectrum", DataError, part="spectrum")
    assert (found["edges_of"], found["edges"][-1]) == ("bin", 81)
    assert found["axes"][0]["name"].startswith("cS2")
    assert np.prod([len(axis["edges"]) - 1 for axis in found["axes"]]) == 81
    electrons = json.loads(run("spectrum", "lz_ws2022", *asked[2:], "--json").stdout)
    assert (electrons["edges_of"], electrons["axes"]) == ("reconstructed energy in keV", [])


def test_bound_electrons_stay_a_choice_where_electrons_recoil(run: Run, tmp_path: Path) -> None:
    both = ("build", "xenonnt_cevns_sr0", "xenonnt_sr0", "--hypothesis", "magnetic-moment")
    assert run(*both, "--atomic", "rrpa", "-o", tmp_path / "both.json").exit_code == 0


def test_inspect_and_validate(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nuclei.json"
    assert run("build", "xenonnt_cevns", "--hypothesis", "standard-model", "-o", path).exit_code == 0
    said = run("inspect", path).stdout
    assert (
        "parameter of interest: sm_strength_nu, strength of the Standard Model's neutrino scattering" in said
    )
    assert "electron recoils: norm, 100 %" in said
    # Terms of a sum are below zero; their sum, the events, is not.
    assert run("validate", path).stderr == ""
    spec = json.loads(path.read_text(encoding="utf-8"))
    for channel in spec["channels"]:
        sample = next(each for each in channel["samples"] if each["name"] == "accidental")
        sample["data"][3] = -1.0
    path.write_text(json.dumps(spec), encoding="utf-8")
    path.with_suffix(".meta.json").unlink()
    (line,) = run("validate", path).stderr.splitlines()
    assert "sample 'accidental': bin 3 expects fewer than no events (-1)" in line
    assert line.endswith("; so do 2 more samples")
