"""pyhf's own programs on signal points and on a signed coupling."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]

POINT, VALUE = "q_nu_m2p4", -2.4


def printed(found: subprocess.CompletedProcess[str]) -> str:
    """Standard output of a program that succeeded."""
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def grid(run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of the paper's EPA as the command writes it."""
    folder = tmp_path_factory.mktemp("patchset") / "epa"
    arguments = ("lz_ws2022", "--hypothesis", "millicharge-epa", "--background", "paper")
    result = run("patchset", *arguments, "--grid=-3.6e-13:3.6e-13:13", "-o", folder)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith(f"{folder}: 13 signal points, digest ")
    return folder


@pytest.fixture(scope="module")
def applied(grid: Path, program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that ``pyhf patchset apply`` makes of one point."""
    output = tmp_path_factory.mktemp("applied") / "point.json"
    files = (grid / "BkgOnly.json", grid / "patchset.json")
    printed(program("pyhf", "patchset", "apply", *files, "--name", POINT, "--output-file", output))
    return output


@pytest.mark.thorough
def test_pyhf_inspects_and_verifies(grid: Path, program: Program) -> None:
    patchset = json.loads((grid / "patchset.json").read_text(encoding="utf-8"))
    shown = printed(program("pyhf", "patchset", "inspect", grid / "patchset.json"))
    for patch in patchset["patches"]:
        assert f"{patch['metadata']['name']}" in shown
    verified = printed(program("pyhf", "patchset", "verify", grid / "BkgOnly.json", grid / "patchset.json"))
    assert verified.strip() == "All good."


@pytest.mark.thorough
def test_pyhf_refuses_another_background(grid: Path, workspaces: Path, program: Program) -> None:
    found = program("pyhf", "patchset", "verify", workspaces / "moment.json", grid / "patchset.json")
    assert found.returncode != 0
    assert "PatchSetVerificationError" in found.stderr


@pytest.mark.thorough
def test_pyhf_extracts_the_patch(grid: Path, program: Program) -> None:
    patchset = json.loads((grid / "patchset.json").read_text(encoding="utf-8"))
    (patch,) = (entry for entry in patchset["patches"] if entry["metadata"]["name"] == POINT)
    assert patch["metadata"]["values"] == [VALUE]
    found = json.loads(
        printed(program("pyhf", "patchset", "extract", grid / "patchset.json", "--name", POINT))
    )
    assert found == patch["patch"]


def test_pyhf_applies_the_patch_and_fits(
    grid: Path, applied: Path, program: Program, run: Callable[..., Any]
) -> None:
    found = json.loads(printed(program("pyhf", "fit", applied, "--value")))
    assert set(found["mle_parameters"]) == {"mu", "solar_nu_flux", "lz_ws2022_background_norm"}
    ours = run("fit", applied, "--json")
    assert ours.exit_code == 0, ours.stderr
    # SciPy's SLSQP stops at 1e-6 of 2NLL by default, and never below the minimum.
    twice_nll = json.loads(ours.stdout)["twice_nll"]
    assert twice_nll - 1e-9 < found["twice_nll"] < twice_nll + 1e-3
    # Δχ² with the strength held at 1 is what the scan of the grid has at this charge.
    held = json.loads(run("fit", applied, "--test-poi", "1", "--json").stdout)["twice_nll"]
    empty = json.loads(run("fit", grid / "BkgOnly.json", "--test-poi", "0", "--json").stdout)["twice_nll"]
    scan = json.loads(run("scan", grid, "--range=-2.4e-13:0:2", "--json").stdout)["delta_chi2"]
    assert scan[0] - scan[1] == pytest.approx(held - empty, abs=1e-6)


@pytest.mark.thorough
def test_pyhf_cls_of_a_point(grid: Path, applied: Path, program: Program) -> None:
    arguments = ("--test-stat", "q", "--test-poi", "1")
    found = json.loads(printed(program("pyhf", "cls", applied, *arguments)))
    # −2.4e-13 e_0 lies outside the interval that the profile likelihood gives at 90 % (−1.9).
    assert 0 < found["CLs_obs"] < 0.1
    # The same by pyhf's own way to apply a patch: its operations, on standard input.
    patch = printed(program("pyhf", "patchset", "extract", grid / "patchset.json", "--name", POINT))
    piped = program("pyhf", "cls", grid / "BkgOnly.json", "-p", "-", *arguments, input=patch)
    assert json.loads(printed(piped))["CLs_obs"] == pytest.approx(found["CLs_obs"], rel=1e-9)


def test_pyhf_fits_a_signed_coupling(workspaces: Path, program: Program, run: Callable[..., Any]) -> None:
    charge = workspaces / "charge.json"
    found = json.loads(printed(program("pyhf", "fit", charge, "--value")))
    ours = json.loads(run("fit", charge, "--json").stdout)
    # One start: the minimum on its side, which need not be the global one.
    assert found["twice_nll"] > ours["twice_nll"] - 1e-9
    # α = q/s with s = 1e4, |q| ≤ 12.
    (alpha,) = found["mle_parameters"]["q_nu_scaled"]
    assert abs(alpha) <= 12e-4
    assert set(found["mle_parameters"]) == {entry["name"] for entry in ours["parameters"]}


@pytest.mark.thorough
def test_pyhf_cls_of_a_signed_coupling_by_its_scale(workspaces: Path, program: Program) -> None:
    # 3e-13 e_0 and 9e-13 e_0 as α; the interval at 90 % ends at 6.7e-13.
    near, far = (
        json.loads(
            printed(
                program(
                    "pyhf", "cls", workspaces / "charge.json", "--test-stat", "q", "--test-poi", str(q / 1e4)
                )
            )
        )["CLs_obs"]
        for q in (3, 9)
    )
    assert near > 0.1 > far > 0
    # pyhf's default, α = 1, is out of bounds, and its q-tilde wants a bound at 0: neither is taken.
    default = program("pyhf", "cls", workspaces / "charge.json")
    assert default.returncode != 0
