"""What a command writes never replaces what it reads, by whatever name either goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nuhist.errors import DataError
from nuhist.files import check_output, read_text, write_atomically, write_together
from nuhist.inputs import inputs_kept
from tests.cli.test_streams import counting

Refused = Callable[..., str]
ROOT = Path(__file__).resolve().parents[2]
KEPT = "an input of this command"


@pytest.fixture
def folder(tmp_path: Path, run: Callable[..., Any]) -> Path:
    """Two workspaces, one with a sidecar, the first in all formats, and an experiment's folder."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(counting(f"bin_{name}")), encoding="utf-8")
    experiment = tmp_path / "experiment"
    experiment.mkdir()
    (experiment / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (experiment / "efficiency.csv").write_text("T,e\n0,1\n20,1\n", encoding="utf-8")
    (experiment / "observed.csv").write_text("counts\n3\n4\n", encoding="utf-8")
    for arguments in (
        ("build", experiment, "--hypothesis", "magnetic-moment", "-o", tmp_path / "built.json"),
        ("export", "root", tmp_path / "built.json", "-o", tmp_path / "built.root"),
        ("export", "root", tmp_path / "a.json", "-o", tmp_path / "a.root"),
        ("export", "xml", tmp_path / "a.json", "-o", tmp_path / "xml"),
        ("export", "hs3", tmp_path / "a.json", "-o", tmp_path / "a.hs3.json"),
        ("export", "inference-interface", tmp_path / "a.json", "-o", tmp_path / "a.h5"),
    ):
        done = run(*arguments)
        assert done.exit_code == 0, done.stderr
    return tmp_path


EXPERIMENT = """
name: toy
title: Toy
sources: [made up]
exposure: 1
binning: {low: 1, high: 11, bins: 2}
response:
  efficiency: {table: efficiency.csv, energy: T, value: e}
default_background: components
backgrounds:
  components:
    observed: {counts: {table: observed.csv, column: counts}}
    response: none
    flux: split
    samples:
      - {name: flat, events: 5, constraint: 0.1, shape: {flat: true}}
"""
MOMENT = ("--hypothesis", "magnetic-moment")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("build", "@experiment", *MOMENT, "-o", "@experiment/experiment.yaml"),
    ("build", "@experiment", *MOMENT, "-o", "@experiment/efficiency.csv"),
    ("build", "@experiment", *MOMENT, "--observed", "@experiment/observed.csv", "-o",
     "@experiment/observed.csv"),
    ("build", "@experiment", *MOMENT, "--template", "flat=@built.root:toy/flat", "-o", "@built.root"),
    ("combine", "@a.json", "@b.json", "--correlate", "mu", "-o", "@a.json"),
    ("combine", "@a.json", "@b.json", "--correlate", "mu", "-o", "@b.json"),
    ("report", "@a.json", "@b.json", "--ntoys", "0", "-o", "@b.json"),
    ("report", "@built.json", "--ntoys", "0", "-o", "@built.meta.json"),
    ("export", "root", "@a.json", "-o", "@a.json"),
    ("export", "root", "@a.json", "-o", "@new.root", "--cabinetry", "@a.json"),
    ("export", "hs3", "@a.json", "-o", "@a.json"),
    ("export", "hs3", "@built.json", "-o", "@built.meta.json"),
    ("export", "inference-interface", "@a.json", "-o", "@a.json"),
    ("plot", "spectrum", "@a.json", "-o", "@new.png", "--numbers", "@a.json"),
    ("plot", "spectrum", "@built.json", "-o", "@new.png", "--numbers", "@built.meta.json"),
    ("plot", "response", "@experiment", "-o", "@new.png", "--numbers", "@experiment/efficiency.csv"),
    ("import", "root", "@a.root", "-o", "@a.root"),
    ("import", "hs3", "@a.hs3.json", "-o", "@a.hs3.json"),
    ("import", "xml", "@xml/combination.xml", "-o", "@xml/combination.xml"),
    ("import", "xml", "@xml/combination.xml", "-o", "@xml/data.root"),
    ("import", "inference-interface", "@a.h5", "-o", "@a.h5"),
)  # fmt: skip


@pytest.mark.thorough(keep=5)
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_an_output_never_replaces_an_input(
    folder: Path, refused: Refused, arguments: tuple[str, ...]
) -> None:
    message = refused(*(text.replace("@", f"{folder}/") for text in arguments))
    assert KEPT in message
    assert message.endswith("; name another output")


def test_folders_that_are_written_to(folder: Path, refused: Refused) -> None:
    for name, command in (
        ("xml/data.root", ("export", "xml", "@xml/data.root", "-o", "@xml")),
        ("grid.numbers.json", ("plot", "scan", "@grid.numbers.json", "-o", "@grid.png")),
    ):
        (folder / name).write_bytes((folder / "a.json").read_bytes())
        assert KEPT in refused(*(text.replace("@", f"{folder}/") for text in command))


def test_a_patchset_into_the_folder_of_what_it_reads(folder: Path, refused: Refused) -> None:
    (folder / "experiment" / "BkgOnly.json").write_text("counts\n3\n4\n", encoding="utf-8")
    message = refused(
        "patchset", folder / "experiment", "--hypothesis", "millicharge-epa", "--grid=-1e-12:1e-12:3",
        "--observed", folder / "experiment" / "BkgOnly.json", "-o", folder / "experiment",
    )  # fmt: skip
    assert KEPT in message


@pytest.mark.skipif(os.name != "posix", reason="makes links")
@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "spelling", "folder", "device"])
def test_whatever_the_name(
    folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source, target = folder / "a.json", folder / "other.json"
    if kind == "symbolic link":
        target.symlink_to("a.json")
    elif kind == "hard link":
        target.hardlink_to(source)
    elif kind == "spelling":
        monkeypatch.chdir(folder / "xml")
        target = Path("..") / "xml" / ".." / "a.json"
    elif kind == "folder":
        (folder / "link").symlink_to(folder)
        target = folder / "link" / "a.json"
    else:
        descriptor = os.open(source, os.O_RDONLY)
        target = Path(f"/proc/self/fd/{descriptor}")
        if not target.exists():
            pytest.skip("no /proc")
    for first, second in ((source, target), (target, source)):
        assert KEPT in refused("export", "hs3", first, "-o", second)
        assert KEPT in refused("report", first, "--ntoys", "0", "-o", second)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = f'nuhist() {{ "$PYTHON" -c \'from nuhist.__main__ import main; main()\' "$@"; }}; {command}'
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=environment, capture_output=True, check=False,
        encoding="utf-8", timeout=60,
    )  # fmt: skip


@pytest.mark.thorough(keep=1)
@pytest.mark.skipif(os.name != "posix", reason="redirects with a shell")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("nuhist export hs3 - -o a.json < a.json", "a.json: is the same file as standard input, an input of"),
        ("nuhist inspect a.json >> a.json", "the same file as standard output, its output"),
        ("nuhist export hs3 a.json -o /dev/stdout >> a.json", "the same file as standard output"),
        ("cat a.json | nuhist export hs3 - -o new.json", ""),
        ("nuhist inspect a.json >> new.json", ""),
    ],
)
def test_standard_streams(tmp_path: Path, command: str, message: str) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps(counting()), encoding="utf-8")
    before = source.read_bytes()
    done = shell(command, tmp_path)
    assert source.read_bytes() == before
    assert done.returncode == (1 if message else 0), done.stderr
    assert message in done.stderr
    assert (tmp_path / "new.json").exists() == (not message)


def test_a_checkpoint_is_no_workspace(folder: Path, refused: Refused) -> None:
    message = refused("significance", folder / "a.json", "--ntoys", "10", "--resume", folder / "a.json")
    assert "belongs to another workspace, version or other toys" in message


def test_within_python_files_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text("old", encoding="utf-8")
    write_atomically(path, read_text(path) + "er")
    assert path.read_text(encoding="utf-8") == "older"


def test_what_was_written_may_be_read_and_then_not_be_replaced(tmp_path: Path) -> None:
    path, other = tmp_path / "w.json", tmp_path / "other.json"
    path.write_text("old", encoding="utf-8")
    with inputs_kept():
        check_output(path)
        with pytest.raises(DataError, match=r"w\.json: is an input of this command and its output"):
            read_text(path)
        write_atomically(path, "new")
        assert read_text(path) == "new"
        with pytest.raises(DataError, match=r"w\.json: is an input of this command, and would be replaced"):
            write_together({other: "other", path: "newer"}, key=path)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["w.json"]
        with inputs_kept():
            write_atomically(path, "inner")
    assert path.read_text(encoding="utf-8") == "inner"
