"""Paths that are no names: ``-`` for what is written, and empty ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result

import nuhist
from nuhist.cli.main import main
from nuhist.cli.options import OutputType, PathType
from nuhist.errors import DataError
from nuhist.exchange.hs3.write import export_hs3, hs3_document

Run = Callable[..., Result]
PAPER = ("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "--background", "paper")


def _commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*before, name))
        else:
            yield (*before, name)


def _parameters() -> Iterator[click.Parameter]:
    for words in _commands(main):
        command: click.Command = main
        for word in words:
            assert isinstance(command, click.Group)
            command = command.commands[word]
        yield from command.params


@pytest.fixture
def here(workspaces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, with a workspace in it."""
    monkeypatch.chdir(tmp_path)
    workspace = nuhist.load(workspaces / "moment.json")
    assert isinstance(workspace, nuhist.Workspace)
    workspace.save("moment.json")
    export_hs3(workspace, Path("moment.hs3.json"))
    return tmp_path


def test_no_command_has_paths_of_its_own_kind() -> None:
    """All of them refuse empty ones, then; workspaces and experiments are names that the library reads."""
    paths = [parameter for parameter in _parameters() if isinstance(parameter.type, click.Path)]
    assert len(paths) > 20
    assert all(isinstance(parameter.type, PathType) for parameter in paths)
    written = [parameter for parameter in paths if parameter.opts[0] == "-o"]
    assert all(isinstance(parameter.type, OutputType) for parameter in written)


@pytest.mark.parametrize(
    "arguments",
    [PAPER, ("export", "hs3", "moment.json"), ("import", "hs3", "moment.hs3.json")],
    ids=["build", "export hs3", "import hs3"],
)
def test_a_text_goes_to_standard_output(run: Run, here: Path, arguments: tuple[str, ...]) -> None:
    before = sorted(path.name for path in here.iterdir())
    plain, dashed = run(*arguments), run(*arguments, "-o", "-")
    assert plain.exit_code == dashed.exit_code == 0, plain.stderr + dashed.stderr
    assert json.loads(plain.stdout) == json.loads(dashed.stdout)
    assert sorted(path.name for path in here.iterdir()) == before


def test_hs3_on_standard_output_is_the_document(run: Run, here: Path) -> None:
    workspace = nuhist.load("moment.json")
    assert isinstance(workspace, nuhist.Workspace)
    assert json.loads(run("export", "hs3", "moment.json").stdout) == hs3_document(workspace)


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "root", "moment.json"),
        ("export", "xml", "moment.json"),
        ("export", "inference-interface", "moment.json"),
        ("plot", "scan", "moment.json"),
        ("report", "moment.json"),
        ("hepdata", "build", "moment.json", "--data-license", "CC0-1.0"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_is_no_text_needs_a_name(run: Run, here: Path, arguments: tuple[str, ...]) -> None:
    before = sorted(path.name for path in here.iterdir())
    for place, message in (("-", "standard output does not take this"), ("", "the path is empty")):
        result = run(*arguments, "-o", place)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
    assert sorted(path.name for path in here.iterdir()) == before


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(
    "arguments",
    [("limit", ""), ("validate", ""), ("inspect", ""), ("cite", ""), ("combine", "", "moment.json"),
     ("report", "", "-o", "x.html"), ("build", "", *PAPER[2:]), ("experiments", ""),
     ("fit", "", "--patch", "p.json")],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_empty_inputs_are_refused(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    grid = nuhist.build_patchset("lz_ws2022", hypothesis="millicharge-epa", couplings=[0.0, 1e-13, 2e-13])
    grid.save(tmp_path)
    monkeypatch.chdir(tmp_path)  # which an empty path would be
    assert "the path is empty" in refused(*arguments)


def test_empty_paths_in_python() -> None:
    for read in (nuhist.load, nuhist.Model, nuhist.load_experiment):
        with pytest.raises(DataError, match="the path is empty"):
            read("")
