"""Wrong input: one line that says what is wrong and where, and no half-written file.

Experiments and tables are in test_bad_experiments.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]
Spec = dict[str, Any]
Change = Callable[[Spec], object]

MOMENT = ("--hypothesis", "magnetic-moment")
PAPER = ("lz_ws2022", *MOMENT, "--background", "paper")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("build", "lz_ws2002", *MOMENT),
            "no experiment called 'lz_ws2002'; did you mean lz_ws2024 or lz_ws2022",
        ),
        (("build", "lz_ws2022", "--hypothesis", "magnetic-momnt"), "did you mean magnetic-moment"),
        (("build", *PAPER, "--flavor", "effectiv"), "no flavor called 'effectiv'; did you mean effective?"),
        (("build", *PAPER, "--flavor", "electron"), "known: e, effective, mu, tau"),
        (("build", *PAPER, "--ar37", "flatt"), "did you mean flat?"),
        (("build", *PAPER, "--constraint", "linaer"), "did you mean linear?"),
        (("build", *PAPER, "--flux", "papier"), "did you mean paper?"),
        (("build", *PAPER, "--atomic", "rpa"), "did you mean rrpa?"),
        (("build", *PAPER, "--response", "gauss"), "did you mean gaussian?"),
        (("build", *PAPER, "--exposure", "-1", "--asimov"), "exposure -1 t yr: must be positive"),
        (("build", *PAPER, "--exposure", "2"), "add --asimov or --observed"),
        (("build", *PAPER, "--neutrino-mass", "nan"), "neutrino mass nan eV: must be positive"),
        (("build", "lz_ws2022", "--hypothesis", "millicharge-epa"), "nuhist patchset"),
        (("experiments", "lz_ws2002"), "did you mean lz_ws2024 or lz_ws2022"),
        (("spectrum", "lz_ws2002", *MOMENT, "--coupling", "1e-11"), "did you mean lz_ws2024 or lz_ws2022"),
        (("spectrum", "lz_ws2022", *MOMENT, "--coupling", "nan"), "mu_nu = nan mu_B: expected a number"),
        (("spectrum", "lz_ws2022", *MOMENT, "--coupling", "inf"), "mu_nu = inf mu_B: expected a number"),
        (("spectrum", "lz_ws2022", *MOMENT, "--coupling", "0", "--atomic", "rpa"), "did you mean rrpa?"),
    ],
)
def test_names_and_numbers(refused: Refused, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("limit", "--cl", "1.5"), "confidence level 1.5: must lie between 0 and 1"),
        (("limit", "--cl", "0"), "confidence level 0: must lie between 0 and 1"),
        (("limit", "--cl", "nan"), "confidence level nan: must lie between 0 and 1"),
        (("limit", "--method", "bayes"), "no method called 'bayes'; known: cls, feldman-cousins, profile"),
        (("limit", "--delta-chi2", "-1"), "threshold -1 in Δχ²: must be positive"),
        (("limit", "--delta-chi2", "nan"), "threshold nan in Δχ²: must be positive"),
        (("limit", "--measurement", "other"), "no measurement called 'other'; it has nuhist"),
        (("fit", "--measurement", "other"), "no measurement called 'other'; it has nuhist"),
        (("scan", "--range", "0:3e-11"), "range '0:3e-11': expected LO:HI:N"),
        (("scan", "--range", "a:b:c"), "range 'a:b:c': expected LO:HI:N"),
        (("scan", "--range", "3e-11:0:5"), "needs HI above LO"),
        (("scan", "--range", "0:3e-11:1"), "at least two points"),
        (("scan", "--range", "0:nan:5"), "needs HI above LO"),
        (("scan", "--range", "0:3e-11:5:7"), "range '0:3e-11:5:7'"),
        (("scan", "--range", "0:1e-9:5"), "lies outside the bounds of mu_nu"),
    ],
)
def test_choices_of_the_inference(
    refused: Refused, workspaces: Path, arguments: tuple[str, ...], message: str
) -> None:
    command, *options = arguments
    assert message in refused(command, workspaces / "moment.json", *options)


def test_cls_of_a_signed_coupling(refused: Refused, workspaces: Path) -> None:
    message = refused("limit", workspaces / "charge.json", "--method", "cls")
    assert "q_nu_scaled is signed: both its signs change the counts alike; use --method profile" in message


def _sample(spec: Spec, index: int) -> Spec:
    found: Spec = spec["channels"][0]["samples"][index]
    return found


# What is done to a good workspace, and what the message must name.
SPOILED: dict[str, tuple[Change, str]] = {
    "nan": (lambda s: _sample(s, 2)["data"].__setitem__(3, float("nan")), "'background': bin 3: nan is no"),
    "infinite": (lambda s: _sample(s, 0)["data"].__setitem__(4, float("inf")), "'nu': bin 4: inf is no"),
    "observed": (
        lambda s: s["observations"][0]["data"].__setitem__(0, -1),
        "observed counts: bin 0: -1 is negative",
    ),
    "twice": (lambda s: _sample(s, 1).update(name="nu"), "samples: 'nu' is there twice"),
    "key": (lambda s: s.pop("channels"), "'channels' is a required property"),
    "length": (lambda s: _sample(s, 0)["data"].pop(), "sample 'nu': has 50 bins, the observed counts 51"),
}


@pytest.mark.parametrize("command", ["validate", "inspect", "fit", "limit", "scan"])
@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_workspaces(refused: Refused, tmp_path: Path, spec: Spec, name: str, command: str) -> None:
    change, message = SPOILED[name]
    change(spec)
    path = tmp_path / "spoiled.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    found = refused(command, path)
    assert found.startswith(f"{path}: ")
    assert message in found
    assert message in refused(command, input=json.dumps(spec))  # from a pipe too


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON: "),
        ("no json", "is no JSON: Expecting value at line 1, column 1"),
        ("", "is empty; expected JSON"),
        ("[1, 2]", "is no workspace: expected a JSON object"),
        ("null", "is no workspace: expected a JSON object"),
        ("\ufeff{}", "'channels' is a required property"),  # the mark is left out
        ('{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_no_workspace_at_all(refused: Refused, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    assert f"{path}: " in refused("limit", path)
    assert message in refused("limit", path)
    assert message in refused("validate", input=content)


def test_bytes_that_are_no_text(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"\xff\xfe\x00{")
    assert f"{path}: cannot be read: " in refused("limit", path)


@pytest.mark.parametrize("command", ["validate", "inspect", "fit", "limit", "scan"])
def test_paths_that_cannot_be_read(refused: Refused, tmp_path: Path, command: str) -> None:
    missing = tmp_path / "missing.json"
    assert refused(command, missing) == f"{missing}: cannot be read: No such file or directory"
    # A folder, too; as what it is refused is free to change.
    assert str(tmp_path) in refused(command, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [("build", *PAPER, "-o"), ("plot", "spectrum", "moment.json", "-o")],
    ids=["build", "plot"],
)
def test_output_into_a_missing_folder(
    refused: Refused, workspaces: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    known = {"moment.json": str(workspaces / "moment.json")}
    output = tmp_path / "missing" / "out.png"
    message = refused(*(known.get(argument, argument) for argument in arguments), output)
    assert message.endswith("cannot be written: No such file or directory")


def test_a_refused_build_leaves_the_old_output(refused: Refused, tmp_path: Path) -> None:
    # The helper compares the folder before and after.
    old, sidecar = tmp_path / "old.json", tmp_path / "old.meta.json"
    old.write_text("kept", encoding="utf-8")
    sidecar.write_text("kept too", encoding="utf-8")
    refused("build", "lz_ws2022", *MOMENT, "--ar37", "none", "-o", old)
    refused("build", "lz_ws2022", *MOMENT, "--observed", tmp_path / "no.csv", "-o", old)
    assert (old.read_text(encoding="utf-8"), sidecar.read_text(encoding="utf-8")) == ("kept", "kept too")


def test_plot_of_an_unknown_kind_or_channel(refused: Refused, workspaces: Path, tmp_path: Path) -> None:
    moment = workspaces / "moment.json"
    assert "no picture format 'xyz'; use one of" in refused(
        "plot", "spectrum", moment, "-o", tmp_path / "a.xyz"
    )
    message = refused("plot", "spectrum", moment, "--channel", "xenon", "-o", tmp_path / "a.png")
    assert "no channel 'xenon'; it has lz_ws2022" in message


def test_as_a_process_it_is_one_line_too(program: Callable[..., Any], spec: Spec, tmp_path: Path) -> None:
    # Warnings and tracebacks of an interpreter go to the real standard error alone.
    spec["observations"][0]["data"][4] = -2.0
    for arguments, text in (
        (("build", "lz_ws2002", *MOMENT, "-o", "new.json"), None),
        (("limit", "--json"), json.dumps(spec)),
        (("limit", "missing.json"), None),
    ):
        found = program("nuhist", *arguments, input=text, cwd=tmp_path)
        assert (found.returncode, found.stdout) == (1, "")
        assert len(found.stderr.splitlines()) == 1
        assert found.stderr.startswith("nuhist: ")
    assert list(tmp_path.iterdir()) == []
