"""``nuhist report``."""

from __future__ import annotations

import builtins
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nuhist import Workspace
from nuhist.cli.main import main
from nuhist.report import page, page_section
from tests.report.page_reader import Page, counting


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures left out, which take most of the time."""
    monkeypatch.setattr(page_section, "to_svg", lambda *_: "<svg></svg>")


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """``nuhist ARGUMENTS`` in this process."""
    stream = None if stdin is None else io.BytesIO(stdin)
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stream)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a workspace."""
    Workspace(counting().spec).save(tmp_path / "w.json")
    return tmp_path


@pytest.mark.usefixtures("undrawn")
def test_the_command(folder: Path) -> None:
    output = folder / "report.html"
    result = run("report", folder / "w.json", "--ntoys", "100", "--cl", "0.95", "-o", output, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith(f"{output}: written, ")
    (model,) = json.loads(result.stdout)["models"]
    assert model["goodness_of_fit"]["toys"] == 100
    assert {entry["confidence_level"] for entry in model["limits"]} == {0.95}
    assert "at 95 % confidence level" in Page(output.read_text(encoding="utf-8")).words
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "w.json"]


@pytest.mark.usefixtures("undrawn")
def test_from_a_pipe(folder: Path) -> None:
    output = folder / "report.html"
    result = run("report", "--ntoys", "0", "-o", output, stdin=(folder / "w.json").read_bytes())
    assert result.exit_code == 0, result.stderr
    page = Page(output.read_text(encoding="utf-8"))
    assert "workspace.json" in page.files()
    assert "nuhist limit workspace.json --cl 0.9 --expected" in page.words
    assert "toys thrown at the best fit" not in page.words


@pytest.mark.usefixtures("undrawn")
def test_failed_steps_are_said(tmp_path: Path) -> None:
    counting(background=(0, 6, 4), signal=(0, 2, 1)).save(tmp_path / "w.json")
    result = run("report", tmp_path / "w.json", "-o", tmp_path / "r.html")
    assert result.exit_code == 0
    assert f"{tmp_path / 'w.json'}: model failed: " in result.stderr
    assert (tmp_path / "r.html").exists()


@pytest.mark.parametrize("arguments", [("--cl", "1.5"), ("missing.json",)])
def test_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    result = run("report", folder / "w.json", *arguments, "-o", folder / "r.html")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert not (folder / "r.html").exists()


def test_a_folder_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "study", None)  # it is said before anything is computed
    result = run("report", folder / "w.json", "-o", folder / "none" / "r.html")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(("module", "name"), [("jinja2", "Jinja2"), ("matplotlib", "matplotlib")])
def test_a_missing_package(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    real: Callable[..., Any] = builtins.__import__

    def missing(wanted: str, *arguments: Any, **keywords: Any) -> Any:
        if wanted.partition(".")[0] == module:
            raise ModuleNotFoundError(f"No module named '{module}'", name=module)
        return real(wanted, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    result = run("report", folder / "w.json", "-o", folder / "r.html")
    assert result.exit_code == 1
    assert result.stderr == f"nuhist: reports need {name}; pip install 'nuhist[report]'\n"
    assert not (folder / "r.html").exists()
