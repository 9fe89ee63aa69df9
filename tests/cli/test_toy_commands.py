"""Commands that throw toys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Refused = Callable[..., str]
TOYS = ("--ntoys", 200, "--seed", 7)


def _json(run: Run, *arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""  # no progress where nobody looks
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.thorough
def test_limit(run: Run, workspaces: Path) -> None:
    command = ("limit", workspaces / "moment.json", "--method", "feldman-cousins", "--points", 8)
    found = _json(run, *command, *TOYS)
    assert (found["method"], found["toys"], found["seed"]) == ("feldman-cousins", 200, 7)
    assert found["lower"] is None
    # 1.24e-11 μ_B with 2000 toys; 200 toys know the quantile to ± 0.4 of 2.7, the limit to ± 4 %.
    assert found["upper"] == pytest.approx(1.24e-11, rel=0.12)
    # The same for any number of processes, and another for another seed.
    assert _json(run, *command, *TOYS, "--jobs", 2) == found
    other = _json(run, *command, "--ntoys", 200, "--seed", 8)
    assert other["upper"] != found["upper"]
    text = run(*command, *TOYS)
    assert text.exit_code == 0
    assert f"mu_nu < {found['upper']:.4g} mu_B at 90 % CL" in text.stdout
    assert "200 toys at each of " in text.stdout
    low, high = found["upper_range"]
    assert low <= found["upper"] <= high
    assert f"upper end between {low:.4g} mu_B and {high:.4g} mu_B" in text.stdout


def test_significance(run: Run, workspaces: Path) -> None:
    asymptotic = _json(run, "significance", workspaces / "moment.json")
    assert (asymptotic["method"], asymptotic["toys"], asymptotic["p_value_error"]) == (
        "asymptotic",
        None,
        None,
    )
    toys = _json(run, "significance", workspaces / "moment.json", *TOYS)
    assert (toys["method"], toys["toys"], toys["seed"]) == ("toys", 200, 7)
    assert toys["q0"] == asymptotic["q0"]
    assert 0 < toys["p_value_error"] <= 0.5 / 200**0.5
    text = run("significance", workspaces / "moment.json", *TOYS)
    assert "(200 toys)" in text.stdout


def test_gof(run: Run, workspaces: Path) -> None:
    asymptotic = _json(run, "gof", workspaces / "charge.json")
    assert asymptotic["toys_p_value"] is None
    toys = _json(run, "gof", workspaces / "charge.json", *TOYS)
    assert (toys["toys"], toys["seed"]) == (200, 7)
    assert toys["min_chi2"] == asymptotic["min_chi2"]
    assert 0 < toys["toys_p_value"] <= 1
    text = run("gof", workspaces / "charge.json", *TOYS)
    assert "(asymptotic)" in text.stdout
    assert "(200 toys)" in text.stdout


def test_ranking(run: Run, workspaces: Path) -> None:
    found = _json(run, "ranking", workspaces / "moment.json")
    names = [impact["parameter"] for impact in found["impacts"]]
    assert names
    assert found["parameter"] == "mu_nu_squared"
    lines = run("ranking", workspaces / "moment.json").stdout.splitlines()
    assert lines[1].split()[:2] == ["parameter", "pull"]
    assert [line.split()[0] for line in lines[2:]] == names


@pytest.mark.thorough
def test_coverage(run: Run, workspaces: Path) -> None:
    command = ("coverage", workspaces / "moment.json", "--range", "0:1e-11:2", *TOYS)
    found = _json(run, *command)
    assert (found["toys"], found["seed"], found["confidence_level"]) == (200, 7, 0.9)
    assert [point["coupling"] for point in found["points"]] == [0.0, 1e-11]
    for point in found["points"]:
        assert set(point["coverage"]) == set(point["error"]) == {"profile", "feldman-cousins", "cls"}
        # 200 toys, half of them for each end: ± 0.03; 95 % at the boundary.
        assert 0.8 < point["coverage"]["feldman-cousins"] < 1.0
    text = run(*command).stdout.splitlines()
    assert text[0] == "coverage at 90 % CL, 200 toys, seed 7"
    assert len(text) == 4


@pytest.mark.thorough
@pytest.mark.parametrize(
    "command",
    [
        ("limit", "--method", "feldman-cousins", "--points", 4),
        ("significance",),
        ("coverage", "--range", "0:1e-11:2"),
    ],
    ids=lambda command: command[0],
)
def test_resume(
    run: Run, refused: Refused, workspaces: Path, tmp_path: Path, command: tuple[object, ...]
) -> None:
    name, *rest = command
    arguments = (name, workspaces / "moment.json", *rest, *TOYS)
    plain = _json(run, *arguments)
    checkpoint = tmp_path / "checkpoint"
    assert _json(run, *arguments, "--resume", checkpoint) == plain
    kept = checkpoint.read_bytes()
    assert _json(run, *arguments, "--resume", checkpoint) == plain
    assert checkpoint.read_bytes() == kept
    # Of other toys, and of another workspace.
    message = refused(*arguments[:-1], 8, "--resume", checkpoint)
    assert "belongs to another workspace, version or other toys" in message
    assert str(checkpoint) in message
    other = (name, workspaces / "charge.json", *rest, *TOYS)
    if name != "coverage":  # whose range is none of a charge
        assert "belongs to another workspace" in refused(*other, "--resume", checkpoint)


@pytest.mark.parametrize(
    "options",
    [("--seed", -1), ("--ntoys", 0), ("--ntoys", "many"), ("--jobs", 0)],
    ids=lambda options: "=".join(map(str, options)),
)
@pytest.mark.parametrize("command", ["significance", "gof", "limit"])
def test_options_out_of_range_are_wrong_usage(
    run: Run, workspaces: Path, command: str, options: tuple[object, ...]
) -> None:
    result = run(command, workspaces / "moment.json", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert str(options[0]) in result.stderr


def test_a_checkpoint_that_cannot_be(refused: Refused, workspaces: Path, tmp_path: Path) -> None:
    arguments = ("significance", workspaces / "moment.json", *TOYS, "--resume")
    assert "checkpoint" in refused(*arguments, tmp_path / "missing" / "checkpoint")
    noise = tmp_path / "noise.bin"
    noise.write_bytes(b"\xff\xfe\x00\x80")
    assert "noise.bin" in refused(*arguments, noise)
    text = tmp_path / "notes.txt"
    text.write_text("none\n", encoding="utf-8")
    assert "belongs to another workspace" in refused(*arguments, text)


def test_a_folder_is_no_checkpoint(run: Run, workspaces: Path, tmp_path: Path) -> None:
    result = run("significance", workspaces / "moment.json", *TOYS, "--resume", tmp_path)
    assert result.exit_code == 2
    assert "--resume" in result.stderr


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (
            "0:1e-9:3",
            "lies outside the bounds of mu_nu, 0 to 1e-10",
        ),  # mu_nu² up to 100 (1e-11 mu_B)²
        ("1e-11:0:3", "needs HI above LO"),
        ("none", "expected LO:HI:N"),
    ],
)
def test_couplings_out_of_bounds(refused: Refused, workspaces: Path, span: str, expected: str) -> None:
    assert expected in refused("coverage", workspaces / "moment.json", f"--range={span}", *TOYS)


@pytest.mark.parametrize("command", ["limit", "significance", "gof", "ranking"])
def test_no_such_engine(refused: Refused, workspaces: Path, command: str) -> None:
    message = refused(command, workspaces / "moment.json", "--engine", "compield")
    assert message == "no engine called 'compield'; did you mean compiled?"


@pytest.mark.parametrize(
    "command", [("significance",), ("gof",), ("limit", "--method", "feldman-cousins")], ids=lambda c: c[0]
)
def test_toys_need_the_compiled_engine(refused: Refused, workspaces: Path, command: tuple[str, ...]) -> None:
    name, *rest = command
    message = refused(name, workspaces / "moment.json", *rest, *TOYS, "--engine", "pyhf")
    assert "toys need the compiled likelihood; use --engine compiled" in message


def test_toys_of_a_folder_with_a_patchset(run: Run, refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "epa"
    recipe = ("lz_ws2022", "--hypothesis", "millicharge-epa", "--background", "paper")
    built = run("patchset", *recipe, "--grid=-1e-13:1e-13:5", "-o", folder)
    assert built.exit_code == 0, built.stderr
    message = refused("limit", folder, "--method", "feldman-cousins", *TOYS)
    assert "toys need a workspace with the coupling as a parameter; use --method profile" in message
    for name in ("significance", "gof", "ranking"):
        assert str(folder) in refused(name, folder)
    assert str(folder) in refused("coverage", folder, "--range=0:1e-13:2", *TOYS)


def test_no_scheduler_answers(refused: Refused, workspaces: Path) -> None:
    pytest.importorskip("distributed")
    message = refused("significance", workspaces / "moment.json", *TOYS, "--scheduler", "nowhere")
    assert "no Dask scheduler answers at nowhere" in message
