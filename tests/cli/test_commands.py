"""The commands: help with an example, JSON, exit codes, standard input and output, and figures."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pyhf
import pytest

from nuhist import __version__
from nuhist.cli.main import main

Run = Callable[..., Any]
Program = Callable[..., subprocess.CompletedProcess[str]]

BUILD = ("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "--background", "paper")
# The contract of `nuhist limit --json`: at least these.
LIMIT_KEYS = {
    "parameter", "unit", "method", "confidence_level", "delta_chi2", "lower", "upper", "best_fit",
    "min_chi2", "workspace_digest", "nuhist_version",
}  # fmt: skip


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All commands, and the groups that hold them."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", [(), *commands()], ids=" ".join)
def test_help_has_an_example(run: Run, path: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        result = run(*path, option)
        assert result.exit_code == 0
        example = " ".join(result.stdout.partition("Example:")[2].split())
        assert example.startswith("nuhist ")
        assert " ".join(["nuhist", *path]) in example
        assert max(map(len, result.stdout.splitlines())) <= 100


def test_commands_of_the_contract_are_there() -> None:
    wanted = {"experiments", "spectrum", "build", "validate", "inspect", "fit", "scan", "limit", "plot"}
    assert wanted <= set(main.commands)


def test_version(run: Run) -> None:
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("fitt",),
        ("build",),
        ("build", "lz_ws2022"),  # without a hypothesis
        ("limit", "--no-such-option"),
        ("limit", "--cl", "high"),
        ("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "--exposure", "much"),
        ("spectrum", "lz_ws2022", "--hypothesis", "magnetic-moment"),  # without a coupling
        ("plot", "spectrum", "ws.json"),  # without an output
        ("limit", "one.json", "two.json"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_exit_codes_of_processes(program: Program, workspaces: Path) -> None:
    for arguments, code in (
        (("validate", workspaces / "moment.json"), 0),
        (("validate", workspaces / "no.json"), 1),
        (("validate", "--no-such-option"), 2),
    ):
        assert program("nuhist", *arguments).returncode == code


@pytest.mark.parametrize(
    "arguments",
    [
        ("experiments", "--json"),
        ("experiments", "lz_ws2022", "--json"),
        ("spectrum", "lz_ws2022", "--hypothesis", "millicharge-fea", "--coupling", "1e-13", "--json"),
        ("spectrum", "lz_ws2022", "--hypothesis", "millicharge-epa", "--coupling", "1e-13", "--json"),
        ("validate", "moment.json", "--json"),
        ("inspect", "moment.json", "--json"),
        ("fit", "moment.json", "--json"),
        ("scan", "moment.json", "--range", "0:1e-11:2", "--json"),
        ("limit", "charge.json", "--json"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_json_is_one_object_and_the_table_is_not(
    run: Run, workspaces: Path, arguments: tuple[str, ...]
) -> None:
    known = {name: str(workspaces / name) for name in ("moment.json", "charge.json")}
    places = [known.get(argument, argument) for argument in arguments]
    result = run(*places)
    assert result.exit_code == 0, result.stderr
    assert isinstance(json.loads(result.stdout), dict)
    assert result.stderr == ""
    plain = run(*(argument for argument in places if argument != "--json"))
    assert plain.exit_code == 0
    assert plain.stderr == ""
    assert len(plain.stdout) > 10
    with pytest.raises(json.JSONDecodeError):
        json.loads(plain.stdout)


def test_build_writes_the_workspace_to_standard_output_only(run: Run, workspaces: Path) -> None:
    result = run(*BUILD)
    assert (result.exit_code, result.stderr) == (0, "")
    written = (workspaces / "moment.json").read_text(encoding="utf-8")
    assert result.stdout == written  # to a pipe or to a file: the same bytes
    pyhf.Workspace(json.loads(result.stdout))


def test_build_into_a_file_is_silent_on_standard_output(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lz.json"
    result = run(*BUILD, "--output-file", path)  # pyhf's spelling
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"{path}: 335 counts observed, digest ")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lz.json", "lz.meta.json"]
    sidecar = json.loads((tmp_path / "lz.meta.json").read_text(encoding="utf-8"))
    assert sidecar["command"].startswith("nuhist")


def test_build_replaces_an_old_output(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lz.json"
    path.write_text("old", encoding="utf-8")
    assert run(*BUILD, "-o", path).exit_code == 0
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == "1.0.0"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lz.json", "lz.meta.json"]


def test_digest_is_the_same_everywhere(run: Run, program: Program, workspaces: Path) -> None:
    moment = workspaces / "moment.json"
    found = {
        json.loads(run("validate", moment, "--json").stdout)["workspace_digest"],
        json.loads(run("inspect", moment, "--json").stdout)["workspace_digest"],
        json.loads(run("limit", moment, "--json").stdout)["workspace_digest"],
        json.loads((workspaces / "moment.meta.json").read_text(encoding="utf-8"))["workspace_digest"],
        program("pyhf", "digest", moment).stdout.strip().removeprefix("sha256:"),
    }
    assert len(found) == 1


def test_limit_json_keeps_its_contract(run: Run, workspaces: Path) -> None:
    result = json.loads(run("limit", workspaces / "moment.json", "--json").stdout)
    assert result.keys() >= LIMIT_KEYS
    assert result["unit"] == "mu_B"
    assert result["lower"] is None  # μ² cannot be negative
    assert result["upper"] == pytest.approx(1.24e-11, rel=0.03)  # see test_paper_statistic.py
    assert result["confidence_level"] == 0.9
    assert result["delta_chi2"] == pytest.approx(2.7055, abs=1e-4)
    assert result["method"] == "profile"
    assert result["nuhist_version"] == __version__


def test_limit_of_a_signed_coupling_has_two_ends(run: Run, workspaces: Path) -> None:
    result = json.loads(run("limit", workspaces / "charge.json", "--json").stdout)
    assert result["unit"] == "e_0"
    assert result["lower"] < 0 < result["upper"]
    text = run("limit", workspaces / "charge.json").stdout
    assert f"{result['lower']:.4g} < q_nu < {result['upper']:.4g} e_0 at 90 % CL" in text


def test_build_pipes_into_limit(program: Program, run: Run, workspaces: Path) -> None:
    built = program("nuhist", *BUILD)
    assert (built.returncode, built.stderr) == (0, "")
    limit = program("nuhist", "limit", "--json", input=built.stdout)
    assert (limit.returncode, limit.stderr) == (0, "")
    piped = json.loads(limit.stdout)
    filed = json.loads(run("limit", workspaces / "moment.json", "--json").stdout)
    # Without the sidecar all of it is as nuhist builds it, which says what the parameter is.
    assert piped == filed


def test_another_threshold_gives_another_limit(run: Run, workspaces: Path) -> None:
    moment = workspaces / "moment.json"
    result = json.loads(run("limit", moment, "--delta-chi2", "1.64", "--json").stdout)
    assert result["delta_chi2"] == 1.64
    # Independent calculation, design notes sec. 2, to its 3 %.
    assert result["upper"] == pytest.approx(1.086e-11, rel=0.03)


def test_inspect_tells_what_is_inside(run: Run, workspaces: Path) -> None:
    summary = json.loads(run("inspect", workspaces / "moment.json", "--json").stdout)
    (channel,) = summary["channels"]
    assert (channel["bins"], channel["low"], channel["high"], channel["observed"]) == (51, 0, 17, 335)
    assert summary["poi_meaning"] == "(mu_nu / 1e-11 mu_B)^2"
    assert [sample["name"] for sample in channel["samples"]] == ["nu", "magnetic_moment", "background"]


def test_spectrum_has_the_events_of_the_workspace(run: Run, workspaces: Path) -> None:
    arguments = ("lz_ws2022", "--hypothesis", "magnetic-moment", "--coupling", "1e-11", "--response", "none")
    paper = ("--source", "sun:survival=constant")  # as the treatment "paper" has it
    spectrum = json.loads(run("spectrum", *arguments, *paper, "--json").stdout)
    samples = json.loads((workspaces / "moment.json").read_text(encoding="utf-8"))["channels"][0]["samples"]
    # 1e-11 is the reference of the template; the same integrals, so rounding only.
    assert spectrum["standard_model"] == pytest.approx(samples[0]["data"], rel=1e-9, abs=1e-12)
    assert spectrum["added"] == pytest.approx(samples[1]["data"], rel=1e-9, abs=1e-12)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_plot_writes_picture_and_numbers_beside(
    run: Run, workspaces: Path, tmp_path: Path, ending: str
) -> None:
    pytest.importorskip("matplotlib")
    for name in ("moment.json", "moment.meta.json"):
        (tmp_path / name).write_bytes((workspaces / name).read_bytes())
    picture = tmp_path / f"moment.{ending}"  # the name of the workspace, on purpose
    result = run("plot", "spectrum", tmp_path / "moment.json", "-o", picture)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending]
    assert picture.read_bytes().startswith(start)
    numbers = json.loads((tmp_path / "moment.numbers.json").read_text(encoding="utf-8"))
    assert sum(numbers["observed"]) == 335
    for name in ("moment.json", "moment.meta.json"):
        assert (tmp_path / name).read_bytes() == (workspaces / name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 4
