"""``--patch`` and ``--no-verify`` on the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from nuhist.cli.main import main

SIGNAL = {
    "name": "sig",
    "data": [2.0],
    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
}
PATCH = [{"op": "add", "path": "/channels/0/samples/-", "value": SIGNAL}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spec = {
        "channels": [{"name": "c", "samples": [{"name": "b", "data": [5.0], "modifiers": [
            {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}]}]}],
        "observations": [{"name": "c", "data": [4.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }  # fmt: skip
    point = {"metadata": {"name": "one", "values": ["a", 1]}, "patch": PATCH}
    document = {
        "metadata": {"references": {"hepdata": "ins0000000"}, "description": "", "labels": ["x", "y"],
                     "digests": {"sha256": "0" * 64}},
        "patches": [point],
        "version": "1.0.0",
    }  # fmt: skip
    for name, content in (("BkgOnly", spec), ("patchset", document), ("patch", PATCH)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def _commands(command: click.Command, name: str = "") -> list[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        return [
            found for key, child in command.commands.items() for found in _commands(child, f"{name} {key}")
        ]
    return [(name.strip(), command)]


def test_every_command_that_takes_ws_takes_patches() -> None:
    takers = {
        name
        for name, command in _commands(main)
        if any(parameter.name in ("workspace", "workspaces") for parameter in command.params)
    }
    assert {"fit", "limit", "report", "plot spectrum", "hepdata build", "export xml", "combine"} <= takers
    for name, command in _commands(main):
        has = any(parameter.name == "patches" for parameter in command.params)
        assert has == (name in takers), name


def test_a_patch_from_a_file(run: Callable[..., Any], folder: Path) -> None:
    for command in ("fit", "limit", "scan", "significance", "ranking", "gof", "inspect", "validate"):
        result = run(command, folder / "BkgOnly.json", "-p", folder / "patch.json", "--json")
        assert result.exit_code == 0, (command, result.stderr)
    piped = run(
        "limit", "-", "--patch", folder / "patch.json", input=(folder / "BkgOnly.json").read_text("utf-8")
    )
    assert piped.exit_code == 0, piped.stderr
    page = run("report", folder / "BkgOnly.json", "-p", folder / "patch.json", "-o", folder / "page.html")
    assert page.exit_code == 0, page.stderr


def test_digests_and_no_verify(run: Callable[..., Any], refused: Callable[..., str], folder: Path) -> None:
    assert "sha256 digests differ; --no-verify" in refused("limit", folder, "-p", "one")
    assert "sha256 digests differ" in refused("validate", folder)
    assert run("limit", folder, "-p", "one", "--no-verify").exit_code == 0
    checked = run("validate", folder, "--no-verify")
    assert checked.exit_code == 0, checked.stderr


def test_options_that_do_nothing(run: Callable[..., Any], folder: Path) -> None:
    file = folder / "BkgOnly.json"
    result = run("fit", file, "--no-verify")
    assert result.exit_code == 2
    assert "--no-verify: does nothing without --patch" in result.stderr
    result = run("report", file, file, "-p", folder / "patch.json", "-o", folder / "page.html")
    assert result.exit_code == 2
    assert "--patch: changes one WS; give it alone" in result.stderr


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("patch", ["patch.json", "patchset.json:one", ":one"])
@pytest.mark.parametrize("command", [("limit",), ("limit", "--method", "cls"), ("significance",)])
def test_the_commands_of_notes_name_the_patch(
    run: Callable[..., Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    patch: str,
) -> None:
    monkeypatch.chdir(folder)
    options = ["--patch", patch] + ["--no-verify"] * (patch != "patch.json")
    result = run(*command, "BkgOnly.json", *options, "--bounds", "mu=0:50")
    assert result.exit_code == 0, result.stderr
    (note,) = (line for line in result.stdout.splitlines() if "nuhist " in line and "note:" in line)
    words = shlex.split(note[note.index("nuhist ") :])
    assert words[2 : 3 + len(options)] == ["BkgOnly.json", *options]
    if "--ntoys" in words:
        del words[words.index("--ntoys") : words.index("--ntoys") + 2]
    toys = run(*words[1:], "--ntoys", "50", "--json")
    assert toys.exit_code == 0, toys.output
    first = run(*command, "BkgOnly.json", *options, "--bounds", "mu=0:50", "--json")
    assert json.loads(toys.stdout)["workspace_digest"] == json.loads(first.stdout)["workspace_digest"]
