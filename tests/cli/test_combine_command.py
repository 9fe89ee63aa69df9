"""``nuhist combine``: files and pipes in, one workspace out, and one line for what cannot be."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from nuhist import Workspace, build, combine
from nuhist.histfactory.workspace import load_workspace

Run = Callable[..., Result]
Refused = Callable[..., str]
Program = Callable[..., subprocess.CompletedProcess[str]]
Json = dict[str, Any]

SHARED = "pp_flux,be7_flux,pep_flux,cno_flux,b8_flux,sin2_theta_12,delta_m2_21,atomic_response"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: LZ's second run, XENONnT (twice), and LZ's first run in two treatments; only to read."""
    folder = tmp_path_factory.mktemp("parts")
    for name, experiment in (
        ("lz", "lz_ws2024"), ("xenon", "xenonnt_sr0"), ("first", "lz_ws2022"), ("1d", "lz_ws2022_1droi"),
    ):  # fmt: skip
        build(experiment, hypothesis="magnetic-moment").save(folder / f"{name}.json")
    build("xenonnt_sr0", hypothesis="millicharge-fea").save(folder / "charge.json")
    return folder


@pytest.fixture
def foreign() -> Json:
    """A counting experiment of somebody else."""
    mu = {"name": "mu_sig", "type": "normfactor", "data": None}
    eff = {"name": "eff", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    return {
        "channels": [
            {
                "name": "SR0",
                "samples": [
                    {"name": "signal", "data": [5.0], "modifiers": [mu]},
                    {"name": "background", "data": [50.0], "modifiers": [eff]},
                ],
            }
        ],
        "observations": [{"name": "SR0", "data": [52.0]}],
        "measurements": [{"name": "theirs", "config": {"poi": "mu_sig", "parameters": []}}],
        "version": "1.0.0",
    }


def by_library(folder: Path, *names: str, **choices: Any) -> Workspace:
    return combine([load_workspace(folder / f"{name}.json") for name in names], **choices)


def test_files_to_a_file(run: Run, parts: Path, tmp_path: Path) -> None:
    output = tmp_path / "joint.json"
    found = run("combine", parts / "lz.json", parts / "xenon.json", "--correlate", SHARED, "-o", output)
    assert found.exit_code == 0, found.stderr
    assert found.stdout == ""
    expected = by_library(parts, "lz", "xenon", correlate=SHARED.split(","))
    assert found.stderr == f"{output}: 2 channels, digest {expected.digest[:12]}\n"
    assert json.loads(output.read_text(encoding="utf-8")) == expected.spec
    sidecar = json.loads((tmp_path / "joint.meta.json").read_text(encoding="utf-8"))
    assert sidecar["workspace_digest"] == expected.digest
    assert set(sidecar["channels"]) == {"lz_ws2024", "xenonnt_sr0"}
    assert sidecar["command"].startswith("nuhist")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["joint.json", "joint.meta.json"]


def test_a_name_by_itself_and_names_with_commas(run: Run, parts: Path) -> None:
    files = ("combine", parts / "lz.json", parts / "xenon.json")
    one_by_one = [argument for name in SHARED.split(",") for argument in ("--correlate", name)]
    together = run(*files, "--correlate", SHARED)
    assert together.exit_code == 0, together.stderr
    assert run(*files, *one_by_one).stdout == together.stdout


def test_standard_output_is_json_alone(run: Run, parts: Path) -> None:
    names = SHARED.split(",")
    options = ("--correlate", f"pp_flux,{names[-1]}=0.5", "--decorrelate", ",".join(names[1:-1]))
    found = run("combine", parts / "lz.json", parts / "xenon.json", *options)
    assert found.exit_code == 0, found.stderr
    choices = {"correlate": {"pp_flux": 1.0, names[-1]: 0.5}, "decorrelate": names[1:-1]}
    assert json.loads(found.stdout) == by_library(parts, "lz", "xenon", **choices).spec
    lines = found.stderr.splitlines()
    assert len(lines) == 2 * 6  # four fluxes and two of the mixing in two workspaces
    assert lines[0] == f"nuhist: {parts / 'lz.json'}: be7_flux renamed to lz_ws2024_be7_flux"
    assert all(line.startswith("nuhist: ") for line in lines)


def test_from_a_pipe(run: Run, parts: Path) -> None:
    text = (parts / "xenon.json").read_text(encoding="utf-8")
    found = run("combine", parts / "lz.json", "-", "--correlate", SHARED, input=text)
    assert found.exit_code == 0, found.stderr
    # The name of the parameter of interest says what it is, without the sidecar.
    assert json.loads(found.stdout) == by_library(parts, "lz", "xenon", correlate=SHARED.split(",")).spec


@pytest.mark.thorough
def test_a_chain_of_programs(program: Program, parts: Path) -> None:
    built = program("nuhist", "build", "xenonnt_sr0", "--hypothesis", "magnetic-moment")
    joint = program("nuhist", "combine", "-", parts / "lz.json", "--correlate", SHARED, input=built.stdout)
    assert joint.returncode == 0, joint.stderr
    seen = program("pyhf", "inspect", input=joint.stdout)
    assert seen.returncode == 0, seen.stderr
    # Bins of 0.5 keV from 1 to 30, and of 1 keV from 1 to 20.
    for name, bins in (("xenonnt_sr0", "58"), ("lz_ws2024", "19")):
        assert any(line.split() == [name, bins] for line in seen.stdout.splitlines())


def test_limit_of_a_combination(run: Run, parts: Path, tmp_path: Path) -> None:
    output = tmp_path / "joint.json"
    assert (
        run("combine", parts / "lz.json", parts / "xenon.json", "--correlate", SHARED, "-o", output).exit_code
        == 0
    )
    numbers = {
        file.stem: json.loads(run("limit", file, "--json").stdout)
        for file in (output, parts / "lz.json", parts / "xenon.json")
    }
    joint = numbers["joint"]
    assert (joint["coupling"], joint["unit"]) == ("mu_nu", "mu_B")
    # LZ adds a little to XENONnT, whose best fit is at 0.
    assert 0.9 < joint["upper"] / numbers["xenon"]["upper"] < 1
    assert joint["upper"] < numbers["lz"]["upper"]
    inside = joint["min_chi2"] - numbers["lz"]["min_chi2"] - numbers["xenon"]["min_chi2"]
    # One μ for both instead of one each, and shared constraints: worse by less than a χ² of 1.
    assert 0 < inside < 1


def test_foreign_workspace(run: Run, refused: Refused, parts: Path, tmp_path: Path, foreign: Json) -> None:
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(foreign), encoding="utf-8")
    message = refused("combine", parts / "lz.json", theirs)
    assert "rename one of them" in message
    found = run("combine", parts / "lz.json", theirs, "--rename", "mu_sig=mu_nu_squared")
    assert found.exit_code == 0, found.stderr
    spec = json.loads(found.stdout)
    assert [channel["name"] for channel in spec["channels"]] == ["lz_ws2024", "SR0"]
    assert spec["measurements"][0]["config"]["poi"] == "mu_nu_squared"


def test_preference(run: Run, refused: Refused, tmp_path: Path, foreign: Json) -> None:
    other = copy.deepcopy(foreign)
    other["channels"][0]["samples"][1]["modifiers"][0]["data"] = {"hi": 1.2, "lo": 0.8}
    for name, spec in (("one", foreign), ("two", other)):
        (tmp_path / f"{name}.json").write_text(json.dumps(spec), encoding="utf-8")
    files = (tmp_path / "one.json", tmp_path / "two.json")
    message = refused("combine", *files, "--correlate", "eff")
    assert "hi 1.1, lo 0.9 in one, a normsys with hi 1.2, lo 0.8 in two" in message
    assert "--prefer eff=WORKSPACE" in message
    found = run("combine", *files, "--correlate", "eff", "--prefer", "eff=two")
    assert found.exit_code == 0, found.stderr
    assert sorted(found.stderr.splitlines()) == [
        f"nuhist: {file}: channel SR0 renamed to {file.stem}_SR0" for file in files
    ]
    assert found.stdout.count('"hi": 1.2') == 2


def test_the_same_events(run: Run, refused: Refused, parts: Path) -> None:
    files = (parts / "first.json", parts / "1d.json")
    message = refused("combine", *files, "--correlate", SHARED)
    assert (
        message
        == f"{files[0]} and {files[1]} hold the same events (LZ WS2022, by channel 'lz_ws2022_1droi');"
        " leave one out, or force it"
    )
    piped = files[1].read_text(encoding="utf-8")
    message = refused("combine", files[0], "-", "--correlate", SHARED, input=piped)
    assert f"{files[0]} and standard input hold the same events" in message
    forced = run("combine", *files, "--correlate", SHARED, "--force")
    assert forced.exit_code == 0, forced.stderr


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["lz", "xenon"], [], "names in common (constrained: "),
        (["lz"], [], "needs at least two workspaces; got 1"),
        (["lz", "lz"], ["--correlate", SHARED], "is the same workspace as"),
        (["lz", "charge"], ["--correlate", SHARED], "nothing says that they mean the same"),
        (["lz", "nowhere"], [], "nowhere.json: cannot be read"),
        (["lz", "xenon"], ["--correlate", "flux"], "no workspace has a parameter 'flux'"),
        (["lz", "xenon"], ["--correlate", "pp_flux=lots"], "'lots' is no number"),
        (["lz", "xenon"], ["--correlate", "pp_flux=1.5"], "must be above 0 and at most 1"),
        (["lz", "xenon"], ["--correlate", "pp_flux=nan"], "pp_flux = nan: expected a number"),
        (["lz", "xenon"], ["--correlate", "pp_flux=0"], "must be above 0 and at most 1"),
        (["lz", "xenon"], ["--correlate", ""], "expected NAME"),
        (["lz", "xenon"], ["--decorrelate", ""], "no workspace has a parameter ''"),
        (["lz", "xenon"], ["--correlate", SHARED, "--decorrelate", "pp_flux"], "cannot be both"),
        (["lz", "xenon"], ["--rename", "a=b,b=a"], "renames go in a circle"),
        (["lz", "xenon"], ["--rename", "a"], "'a': expected NAME=VALUE"),
        (["lz", "xenon"], ["--prefer", "pp_flux"], "'pp_flux': expected NAME=VALUE"),
        (["lz", "xenon"], ["--correlate", SHARED, "-o", "none/x.json"], "none/x.json: cannot be written"),
    ],
)  # fmt: skip
def test_refused(refused: Refused, parts: Path, names: list[str], options: list[str], message: str) -> None:
    assert message in refused("combine", *(parts / f"{name}.json" for name in names), *options)


def test_a_name_twice_is_wrong_usage(refused: Refused, parts: Path) -> None:
    paths = [parts / f"{name}.json" for name in ("lz", "xenon")]
    message = refused("combine", *paths, "--correlate", "pp_flux=1,pp_flux=0.5", code=2)
    assert "'pp_flux' is there twice; keep one" in message


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no JSON", '{"channels": []}'])
def test_a_pipe_that_is_no_workspace(refused: Refused, parts: Path, text: str) -> None:
    assert refused("combine", parts / "lz.json", "-", input=text).startswith("standard input: ")


def test_standard_input_twice(refused: Refused, parts: Path) -> None:
    text = (parts / "lz.json").read_text(encoding="utf-8")
    assert "standard input" in refused("combine", "-", "-", input=text)


@pytest.mark.parametrize("arguments", [[], ["--correlate", "pp_flux"]])
def test_an_empty_list_is_wrong_usage(run: Run, arguments: list[str]) -> None:
    found = run("combine", *arguments)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "Missing argument 'WS...'" in found.stderr


def test_the_command_line_goes_before_the_plan(run: Run, parts: Path, tmp_path: Path) -> None:
    both = (parts / "lz.json", parts / "xenon.json")
    plan, out = tmp_path / "plan.yaml", tmp_path / "out.json"
    assert run("combine", *both, "--plan", plan).exit_code == 0
    result = run("combine", *both, "--correlations", plan, "--decorrelate", "atomic_*", "-o", out)
    assert result.exit_code == 0, result.stderr
    names = {
        m["name"]
        for c in json.loads(out.read_text())["channels"]
        for s in c["samples"]
        for m in s["modifiers"]
    }
    assert "pp_flux" in names
    assert "atomic_response" not in names
    refused = run("combine", *both, "--plan", plan, "--correlate", "pp_flux")
    assert refused.exit_code == 2
    assert "--correlate: does nothing with --plan" in refused.stderr
