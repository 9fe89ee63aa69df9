"""Programs that know nothing of nuhist take what it writes; what need not be imported is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
BUILD = ("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "--background", "paper")


def printed(found: subprocess.CompletedProcess[str]) -> Any:
    """Parsed standard output of a program that succeeded."""
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_pyhf_inspects(program: Program, workspaces: Path, tmp_path: Path) -> None:
    output = tmp_path / "summary.json"
    found = program("pyhf", "inspect", workspaces / "moment.json", "--output-file", output)
    assert found.returncode == 0, found.stderr
    assert "lz_ws2022" in found.stdout
    summary = json.loads(output.read_text(encoding="utf-8"))
    assert summary["channels"] == [["lz_ws2022", 51]]
    assert sorted(summary["samples"]) == ["background", "magnetic_moment", "nu"]


def test_pyhf_fits_what_comes_through_a_pipe(program: Program, run: Callable[..., Any]) -> None:
    built = program("nuhist", *BUILD)
    assert built.returncode == 0, built.stderr
    theirs = printed(program("pyhf", "fit", "--value", input=built.stdout))
    ours = json.loads(run("fit", "--json", input=built.stdout).stdout)
    # SciPy's SLSQP stops at 1e-6 of 2NLL by default; where it stops is never below the minimum.
    assert theirs["twice_nll"] == pytest.approx(ours["twice_nll"], abs=1e-3)
    assert theirs["twice_nll"] > ours["twice_nll"] - 1e-9
    assert set(theirs["mle_parameters"]) == {entry["name"] for entry in ours["parameters"]}


def test_pyhf_cls_from_a_file(program: Program, workspaces: Path, run: Callable[..., Any]) -> None:
    moment = workspaces / "moment.json"
    limit = json.loads(run("limit", moment, "--method", "cls", "--json").stdout)
    found = printed(program("pyhf", "cls", moment, "--test-poi", limit["parameter_upper"]))
    # By its definition CLs is 1 − 0.9 at nuhist's limit, which is right to 1e-4.
    assert found["CLs_obs"] == pytest.approx(0.1, abs=1e-3)
    assert len(found["CLs_exp"]) == 5


@pytest.mark.thorough
def test_pyhf_cls_of_a_signed_coupling(program: Program, workspaces: Path) -> None:
    # q = 5 and 8 in units of 1e-13 e_0, with s = 1e4; q_mu, since q-tilde wants a bound at 0.
    near, far = (
        printed(
            program(
                "pyhf", "cls", workspaces / "charge.json", "--test-stat", "q", "--test-poi", value
            )
        )["CLs_obs"]
        for value in (5e-4, 8e-4)
    )  # fmt: skip
    assert 0 < far < near < 1


def test_cabinetry_fits(program: Program, workspaces: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    if find_spec("cabinetry") is None:
        pytest.skip("cabinetry is not installed; pip install 'nuhist[cabinetry]'")
    found = program("cabinetry", "fit", workspaces / "moment.json", cwd=tmp_path)
    text = found.stdout + found.stderr
    assert found.returncode == 0, text
    ours = json.loads(run("fit", workspaces / "moment.json", "--json").stdout)
    # It logs "name = value +/- uncertainty" with four decimals for each parameter.
    for entry in ours["parameters"]:
        line = next(line for line in text.splitlines() if f" {entry['name']} " in line.replace("=", " = "))
        value = float(line.split("=")[1].split("+/-")[0])
        # Minuit stops at an estimated distance of 2e-4 in 2NLL: a hundredth of a standard deviation.
        assert value == pytest.approx(entry["value"], abs=0.02)
    assert list(tmp_path.iterdir()) == []


def modules(*statements: str) -> set[str]:
    """Modules that a fresh Python has loaded after some statements."""
    code = "\n".join(["import sys", *statements, "print(' '.join(sys.modules), file=sys.stderr)"])
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert found.returncode == 0, found.stderr
    return set(found.stderr.split())


def nuhist(*arguments: object) -> str:
    """Statement that runs a command in the same process."""
    return (
        "from nuhist.cli.main import main\n"
        f"main({[str(argument) for argument in arguments]!r}, standalone_mode=False)"
    )


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("hypothesis", ["magnetic-moment", "millicharge-fea", "millicharge-epa-only"])
@pytest.mark.parametrize("background", ["components", "paper"])
def test_build_imports_no_fitter(hypothesis: str, background: str, tmp_path: Path) -> None:
    # Each takes about a second; scipy.special and the like are quick.
    output = tmp_path / "lz.json"
    arguments = ("build", "lz_ws2022", "--hypothesis", hypothesis, "--background", background, "-o", output)
    loaded = modules(nuhist(*arguments))
    assert output.is_file()
    assert "numpy" in loaded  # the check sees what is loaded
    assert loaded.isdisjoint({"pyhf", "scipy.stats", "iminuit", "matplotlib"})


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    "arguments",
    [
        ("spectrum", "lz_ws2022", "--hypothesis", "magnetic-moment", "--coupling", "1e-11"),
        ("experiments",),
        ("inspect", "moment.json"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_looking_imports_no_fitter(workspaces: Path, arguments: tuple[str, ...]) -> None:
    known = {"moment.json": workspaces / "moment.json"}
    loaded = modules(nuhist(*(known.get(argument, argument) for argument in arguments)))
    assert loaded.isdisjoint({"pyhf", "scipy.stats", "iminuit", "matplotlib"})


@pytest.mark.parametrize("command", ["fit", "limit", "plot", "build"])
def test_help_imports_next_to_nothing(command: str) -> None:
    statement = (
        f"try:\n    {nuhist(command, '--help').replace(chr(10), chr(10) + '    ')}\nexcept SystemExit: pass"
    )
    assert modules(statement).isdisjoint({"pyhf", "scipy", "numpy", "matplotlib"})


def test_import_of_the_package_is_free() -> None:
    loaded = modules("import nuhist")
    assert "nuhist" in loaded
    assert loaded.isdisjoint({"numpy", "scipy", "pyhf", "click", "jsonschema"})
