"""Tables of an experiment lie in its folder, unless the user says otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError, OptionError
from nuhist.experiments.data import observed_counts
from nuhist.experiments.loading import bundled_experiments, load_experiment

TEXT = """
name: toy
title: Toy
sources: [made up]
exposure: 1
binning: {{low: 1, high: 11, bins: 2}}
response:
  efficiency: {{table: {efficiency}, energy: T, value: e}}
default_background: components
backgrounds:
  components:
    observed: {{counts: {{table: {observed}, column: counts}}}}
    response: none
    flux: split
    samples:
      - {{name: flat, events: 5, constraint: 0.1, shape: {{flat: true}}}}
      - name: table
        shape:
          density: {{table: {density}, energy: T, value: e, minus: {{table: {minus}, energy: T, value: e}}}}
"""
INSIDE = {"efficiency": "e.csv", "observed": "o.csv", "density": "e.csv", "minus": "tables/e.csv"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    (folder / "tables").mkdir(parents=True)
    for place in (folder, tmp_path, folder / "tables"):
        (place / "e.csv").write_text("T,e\n0,1\n20,1\n", encoding="utf-8")
        (place / "o.csv").write_text("counts\n3\n4\n", encoding="utf-8")
    return folder


def describe(folder: Path, **tables: str) -> Path:
    text = TEXT.format_map({**INSIDE, **tables})
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    return folder


def test_tables_inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_experiment(describe(folder, minus="./tables/../tables/e.csv")).name == "toy"
    (folder / "link.csv").symlink_to(Path("tables") / "o.csv")  # a link that stays inside
    assert load_experiment(describe(folder, observed="link.csv")).name == "toy"
    (folder.parent / "other").symlink_to(folder)  # the folder itself by another name
    assert load_experiment(folder.parent / "other").name == "toy"
    monkeypatch.chdir(folder)
    assert load_experiment(".").name == "toy"


KEYS = {
    "efficiency": "response.efficiency.table",
    "observed": "backgrounds.components.observed.counts.table",
    "density": "backgrounds.components.samples[1].shape.density.table",
    "minus": "backgrounds.components.samples[1].shape.density.minus.table",
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "table",
    ["../e.csv", "../../../../../../../../etc/passwd", "/etc/passwd", "tables/../../o.csv", "link.csv",
     "linked/e.csv", "../toy2/e.csv", "hidden.csv"],
)  # fmt: skip
def test_tables_outside(folder: Path, key: str, table: str) -> None:
    (folder / "link.csv").symlink_to(folder.parent / "o.csv")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "hidden.csv").symlink_to(folder / "link.csv")
    describe(folder, **{key: table})
    with pytest.raises(ConfigError) as refused:
        load_experiment(folder)
    assert str(refused.value) == (
        f"{folder / 'experiment.yaml'}: {KEYS[key]}: '{table}' lies outside the experiment's folder, and is"
        " not read; put the table into the folder, or add allow_outside=True"
    )
    assert load_experiment(folder, allow_outside=True).folder == folder


@pytest.mark.parametrize("table", ['"a\\0b"', "x" * 5000])
def test_tables_that_are_no_path(folder: Path, table: str) -> None:
    describe(folder, observed=table)
    with pytest.raises(nuhist.NuhistError, match=r"observed\.counts\.table: '.* is no path|cannot be read"):
        observed_counts(load_experiment(folder), load_experiment(folder).treatment())


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("experiments", "@"),
    ("spectrum", "@", "--hypothesis", "magnetic-moment", "--coupling", "1e-11"),
    ("build", "@", "--hypothesis", "magnetic-moment"),
    ("patchset", "@", "--hypothesis", "millicharge-epa", "--grid=-1e-12:1e-12:3", "-o", "out"),
    ("plot", "response", "@", "-o", "out.png"),
    ("plot", "efficiency", "@", "-o", "out.png"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_commands(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.chdir(folder.parent)
    describe(folder, efficiency="../e.csv")
    given = [str(folder) if text == "@" else text for text in arguments]
    before = sorted(Path().iterdir())
    done = CliRunner().invoke(main, given)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "response.efficiency.table: '../e.csv' lies outside the experiment's folder" in done.stderr
    assert sorted(Path().iterdir()) == before
    assert CliRunner().invoke(main, [*given, "--allow-outside"]).exit_code == 0


def test_python(folder: Path) -> None:
    describe(folder, efficiency="../e.csv")
    choices: dict[str, Any] = {"hypothesis": "magnetic-moment"}
    with pytest.raises(ConfigError, match="lies outside"):
        nuhist.build(folder, **choices)
    allowed = nuhist.build(folder, allow_outside=True, **choices)
    loaded = nuhist.build(nuhist.load_experiment(folder, allow_outside=True), **choices)
    assert allowed.spec == loaded.spec == nuhist.build(describe(folder), **choices).spec
    assert "allow_outside" not in json.dumps(allowed.sidecar)


def test_bundled_experiments_may_share_tables(tmp_path: Path) -> None:
    for name in bundled_experiments():
        assert load_experiment(name).name
    source = load_experiment("lz_ws2022_paper").folder
    copy = shutil.copytree(source, tmp_path / "copy")
    with pytest.raises(ConfigError, match=r"'\.\./lz_ws2022/er_response\.csv' lies outside"):
        load_experiment(copy)


def test_an_option_that_does_nothing(folder: Path) -> None:
    describe(folder, efficiency="../e.csv")
    for arguments in (
        ("experiments", "lz_ws2022", "--allow-outside"),
        ("experiments", "--allow-outside"),
        ("build", "lz_ws2022", "xenonnt_sr0", "--hypothesis", "magnetic-moment", "--allow-outside"),
    ):
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == "nuhist: --allow-outside: does nothing without a folder of an experiment\n"
    with pytest.raises(OptionError, match="does nothing with bundled experiments"):
        load_experiment("lz_ws2022", allow_outside=True)
    # One of several is enough.
    done = CliRunner().invoke(
        main,
        [
            "build",
            "lz_ws2022",
            str(folder),
            "--hypothesis",
            "magnetic-moment",
            "--flux",
            "split",
            "--allow-outside",
        ],
    )
    assert done.exit_code == 0, done.stderr
