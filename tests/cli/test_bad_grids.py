"""Wrong grids, folders and signed couplings: one line, exit code 1, nothing written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]

EPA = ("lz_ws2022", "--hypothesis", "millicharge-epa", "--background", "paper")
FEA = ("lz_ws2022", "--hypothesis", "millicharge-fea", "--background", "paper")


@pytest.fixture(scope="module")
def saved(run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a PatchSet; not to be written to."""
    folder = tmp_path_factory.mktemp("grids") / "epa"
    result = run("patchset", *EPA, "--grid=-1e-13:1e-13:5", "-o", folder)
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("3e-13:-3e-13:7", "range '3e-13:-3e-13:7': needs HI above LO"),
        ("1e-13:1e-13:7", "needs HI above LO"),
        ("-3e-13:3e-13:0", "at least two points"),
        ("-3e-13:3e-13:1", "at least two points"),
        ("-3e-13:3e-13:-4", "at least two points"),
        ("nan:3e-13:7", "needs HI above LO"),
        ("0:inf:7", "needs HI above LO"),
        ("", "range '': expected LO:HI:N"),
        ("nonsense", "range 'nonsense': expected LO:HI:N"),
        ("0:3e-13", "expected LO:HI:N"),
        ("0:3e-13:7.5", "expected LO:HI:N"),
        ("0:3e-13:7:9", "range '0:3e-13:7:9'"),
        ("0:1e400:7", "needs HI above LO"),
        ("0:1e100:7", "with a modulus below 0.0001 e_0"),
    ],
)
def test_grids_that_are_none(refused: Refused, tmp_path: Path, grid: str, message: str) -> None:
    assert message in refused("patchset", *EPA, f"--grid={grid}", "-o", tmp_path / "new")


def test_one_of_two_grids_is_wrong(refused: Refused, tmp_path: Path) -> None:
    message = refused("patchset", *EPA, "--grid=-1e-13:1e-13:5", "--grid=1:0:3", "-o", tmp_path / "new")
    assert message.startswith("range '1:0:3': ")


def test_points_that_cannot_be_told_apart(refused: Refused, tmp_path: Path) -> None:
    message = refused("patchset", *EPA, "--grid=1e-13:1.0000000001e-13:3", "-o", tmp_path / "new")
    assert "too close together" in message


def test_a_strength_below_zero(refused: Refused, tmp_path: Path) -> None:
    arguments = ("lz_ws2022", "--hypothesis", "standard-model", "--background", "paper")
    message = refused("patchset", *arguments, "--grid=-1:1:5", "-o", tmp_path / "new")
    assert "standard-model: a strength below zero has no meaning" in message


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--flavor", "muon"), "no flavor called 'muon'"),
        (("--neutrino-mass", "0"), "neutrino mass 0 eV: must be positive"),
        (("--response", "blurred"), "no response called 'blurred'"),
        (("--exposure", "2"), "add --asimov or --observed"),
    ],
)
def test_other_options_of_a_patchset(
    refused: Refused, tmp_path: Path, option: tuple[str, str], message: str
) -> None:
    grid = "--grid=-1e-13:1e-13:5"
    assert message in refused("patchset", *EPA, *option, grid, "-o", tmp_path / "new")


def test_another_hypothesis_of_a_patchset(refused: Refused, tmp_path: Path) -> None:
    arguments = ("lz_ws2022", "--hypothesis", "millicharge-ep", "--grid=-1e-13:1e-13:5")
    assert "did you mean millicharge-epa" in refused("patchset", *arguments, "-o", tmp_path / "new")


def test_a_place_that_cannot_be_written_to(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "grid"):
        message = refused("patchset", *EPA, "--grid=-1e-13:1e-13:5", "-o", place)
        assert message.startswith(f"{place}: cannot be made: ")


@pytest.mark.parametrize(
    "command", [("limit",), ("scan",), ("validate",), ("plot", "scan"), ("plot", "spectrum")]
)
def test_a_folder_without_a_patchset(refused: Refused, tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    picture = ("-o", tmp_path / "figure.png") if command[0] == "plot" else ()
    message = refused(*command, folder, *picture)
    assert message == f"{folder}: is a folder without patchset.json; give a workspace or a patchset"


def test_a_patchset_without_its_background(refused: Refused, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "part"
    folder.mkdir()
    (folder / "patchset.json").write_bytes((saved / "patchset.json").read_bytes())
    message = refused("limit", folder)
    assert message == f"{folder / 'BkgOnly.json'}: cannot be read: No such file or directory"


def test_a_patchset_of_another_background(
    refused: Refused, saved: Path, workspaces: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "patchset.json").write_bytes((saved / "patchset.json").read_bytes())
    (folder / "BkgOnly.json").write_bytes((workspaces / "moment.json").read_bytes())
    message = refused("limit", folder)
    assert message.startswith(f"{folder / 'patchset.json'}: belongs to another workspace than {folder}/")


def test_a_patch_that_changes_the_data_of_a_scan(refused: Refused, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spoiled"
    folder.mkdir()
    (folder / "BkgOnly.json").write_bytes((saved / "BkgOnly.json").read_bytes())
    document = json.loads((saved / "patchset.json").read_text(encoding="utf-8"))
    operation = {"op": "replace", "path": "/observations/0/data", "value": [1.0] * 51}
    document["patches"][0]["patch"].append(operation)
    (folder / "patchset.json").write_text(json.dumps(document), encoding="utf-8")
    message = refused("limit", folder)
    assert "patch 'q_nu_m1' changes the observed counts; choose a point with --patch NAME" in message


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("scan", "--range=-2e-13:1e-13:5"), "-2e-13 e_0 lies outside the bounds of q_nu"),
        (("scan", "--range=0:2e-13:5"), "lies outside the bounds of q_nu"),
        (("limit", "--method", "cls"), "use --method profile"),
        (("limit", "--cl", "2"), "confidence level 2: must lie between 0 and 1"),
    ],
)
def test_what_a_grid_cannot_give(
    refused: Refused, saved: Path, command: tuple[str, ...], message: str
) -> None:
    name, *options = command
    assert message in refused(name, saved, *options)


@pytest.mark.parametrize("command", ["fit", "inspect"])
def test_commands_that_take_a_workspace_only(refused: Refused, saved: Path, command: str) -> None:
    assert str(saved) in refused(command, saved)


def test_an_interval_that_the_grid_does_not_hold(run: Callable[..., Any], saved: Path) -> None:
    # No error: an answer that says what it is.
    result = run("limit", saved, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["lower"], found["upper"]) == (None, None)
    for note, allowed in zip(found["notes"], ("below: -1e-13", "above: 1e-13"), strict=False):
        assert note.startswith(f"open {allowed} e_0 is still allowed; it is the last point of the grid")
    assert run("limit", saved).stdout.startswith("q_nu: open on both sides at 90 % CL")


def test_no_polynomial_names_the_patchset(refused: Refused, tmp_path: Path) -> None:
    message = refused("build", *EPA, "-o", tmp_path / "epa.json")
    assert "millicharge-epa is no polynomial in the coupling" in message
    assert "use nuhist patchset" in message


@pytest.mark.parametrize("span", ["-20e-13:0:5", "0:13e-13:5", "12.1e-13:13e-13:3"])
def test_scan_of_a_signed_coupling_outside_its_bounds(refused: Refused, workspaces: Path, span: str) -> None:
    message = refused("scan", workspaces / "charge.json", f"--range={span}")
    assert "lies outside the bounds of q_nu, -1.2e-12 to 1.2e-12 e_0" in message


def test_linear_fea_with_split_fluxes(refused: Refused, tmp_path: Path) -> None:
    message = refused("build", *FEA, "--constraint", "linear", "--flux", "split", "-o", tmp_path / "fea.json")
    assert "add --flux paper, or use --constraint normsys" in message


@pytest.mark.parametrize("argon", ["gaussian", "flat", "fixed"])
@pytest.mark.parametrize("hypothesis", ["magnetic-moment", "millicharge-fea"])
def test_argon_of_an_experiment_that_has_none(
    refused: Refused, tmp_path: Path, argon: str, hypothesis: str
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    # The smallest experiment that there is.
    (folder / "experiment.yaml").write_text(
        """\
name: own
title: own
sources: [made up]
exposure: 1
binning: {low: 0, high: 10, bins: 2}
response:
  efficiency: {table: efficiency.csv, energy: T, value: A}
default_background: only
backgrounds:
  only:
    observed: {counts: {table: counts.csv, column: n}}
    response: none
    flux: paper
    samples:
      - {name: flat, title: flat, events: 20, error: 2, shape: {flat: true}}
""",
        encoding="utf-8",
    )
    (folder / "efficiency.csv").write_text("T,A\n0.5,0\n2,1\n20,1\n", encoding="utf-8")
    (folder / "counts.csv").write_text("n\n12\n9\n", encoding="utf-8")
    arguments = ("--hypothesis", hypothesis, "--ar37", argon, "-o", tmp_path / "own.json")
    assert "own has no ³⁷Ar; leave --ar37 out" in refused("build", folder, *arguments, code=2)


def test_validate_says_what_limit_says(run: Callable[..., Any], saved: Path, tmp_path: Path) -> None:
    assert "there is no limit" not in run("validate", saved).stderr
    shutil.copytree(saved, tmp_path / "spoiled")
    path = tmp_path / "spoiled" / "patchset.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    point = document["patches"][len(document["patches"]) // 2 + 1]
    for operation in point["patch"]:  # ten times the events at one point in the middle
        operation["value"] = [100 * count for count in operation["value"]]
    path.write_text(json.dumps(document), encoding="utf-8")
    refused = run("limit", path.parent)
    assert refused.exit_code == 1
    message = refused.stderr.strip().removeprefix("nuhist: ").partition(" (")[0]
    checked = run("validate", path.parent, "--json")
    assert checked.exit_code == 0, checked.stderr
    (warning,) = json.loads(checked.stdout)["warnings"]
    assert warning.startswith("there is no limit at 90 % CL: ")
    assert message in warning
