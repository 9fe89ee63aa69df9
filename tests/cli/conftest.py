"""The command line as a function, workspaces to run it on, and what a refusal must look like."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nuhist.cli.main import main

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    """``nuhist ARGUMENTS``, in this process; ``input`` is standard input."""

    def call(*arguments: object, input: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=input)

    return call


@pytest.fixture(scope="session")
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``NAME ARGUMENTS`` as a process of its own, from the folder where this Python is."""

    def call(
        name: str,
        *arguments: object,
        input: str | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / name), *map(str, arguments)],
            input=input,
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )  # fmt: skip

    return call


@pytest.fixture(scope="session")
def workspaces(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``moment.json`` and ``charge.json``; not to be written to."""
    folder = tmp_path_factory.mktemp("workspaces")
    for name, hypothesis in (("moment", "magnetic-moment"), ("charge", "millicharge-fea")):
        arguments = ("lz_ws2022", "--background", "paper", "--hypothesis", hypothesis)
        result = run("build", *arguments, "-o", folder / f"{name}.json")
        assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture
def spec(workspaces: Path) -> dict[str, Any]:
    """A workspace to spoil."""
    found: dict[str, Any] = json.loads((workspaces / "moment.json").read_text(encoding="utf-8"))
    return found


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def refused(run: Run, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must be refused; returns its message.

    Refused: exit code 1, or the one given, nothing on standard output, one line on standard error that
    begins with ``nuhist: ``, no exception but that, and in tmp_path nothing new, changed, or gone.
    """

    def check(*arguments: object, input: str | None = None, code: int = 1) -> str:
        before = _contents(tmp_path)
        result = run(*arguments, input=input)
        assert isinstance(result.exception, SystemExit), f"traceback: {result.exception!r}"
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("nuhist: ")
        assert "Traceback" not in lines[0]
        assert _contents(tmp_path) == before
        return lines[0].removeprefix("nuhist: ")

    return check
