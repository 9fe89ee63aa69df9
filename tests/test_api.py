"""The contract: public names, exit codes, JSON results (see docs/reference/api-contract.md)."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

import nuhist
from nuhist.cli.main import main
from nuhist.report import reproduce as module
from nuhist.schemas import load
from tests.every_command import (
    COMMANDS,
    EXTRAS,
    JSON_VARIANTS,
    OPTIONS,
    OTHER,
    SLOW,
    commands,
    options,
    refused,
)

DOCS = Path(__file__).resolve().parent.parent / "docs"
CONTRACT = (DOCS / "reference" / "api-contract.md").read_text(encoding="utf-8")
PARTS = {"number_or_null", "numbers", "digest", "data_kind"}  # of outputs.json, which no command prints alone
Kind = tuple[str, str]  # schema, and the name in its $defs


def section(title: str) -> str:
    return CONTRACT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> dict[str, list[str]]:
    """Cells of a table's rows, by what stands in the first one."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def kinds(name: str) -> list[Kind]:
    """What a command prints with --json, as the contract has it."""
    schema, _, found = rows(section("Commands"))[name][0].partition(": ")
    return [(schema, kind) for kind in re.findall(r"`(\w+)`", found)]


def validator(schema: str, kind: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": load(schema)["$defs"]})


def test_public_names_are_the_documented_ones() -> None:
    assert set(rows(section("Public names"))) == set(nuhist.__all__)
    assert sorted(nuhist.__all__) == nuhist.__all__
    assert dir(nuhist) == nuhist.__all__


def test_names_say_how_long_they_stay() -> None:
    assert {cells[0] for cells in rows(section("Public names")).values()} == {"stable", "provisional"}


def test_all_that_the_shell_does_is_in_python() -> None:
    for name, cells in rows(section("Commands")).items():
        functions = re.findall(r"`(\w+)`", cells[2])
        assert functions, name
        assert set(functions) <= set(nuhist.__all__), name


def test_public_functions_are_typed() -> None:
    for name in nuhist.__all__:
        found = getattr(nuhist, name)
        if inspect.isfunction(found):
            parameters = inspect.signature(found).parameters.values()
            assert all(each.annotation is not each.empty for each in parameters), name
            assert inspect.signature(found).return_annotation is not inspect.Signature.empty, name


def test_every_command_is_listed() -> None:
    assert set(commands()) == set(COMMANDS)
    assert set(rows(section("Commands"))) == set(COMMANDS)


def test_extras_are_listed() -> None:
    for name, (_, needs, _) in rows(section("Commands")).items():
        listed = dict.fromkeys(re.findall(r"`([a-z0-9]+)`(?! \()", needs), "")
        listed |= dict(re.findall(r"`([a-z0-9]+)` \(with `(--\w+)`\)", needs))
        known = {EXTRAS[name]: ""} if name in EXTRAS else {}
        for key, (_, extra) in OPTIONS.items():
            command, _, option = key.rpartition(" ")
            known |= {extra: option} if command == name else {}
        assert listed == known, name


def test_every_command_with_json_has_a_schema() -> None:
    assert {name for name in COMMANDS if "--json" in options(name)} == {
        name for name in COMMANDS if kinds(name)
    }
    listed = {kind for name in COMMANDS for kind in kinds(name)}
    for name in ("outputs", "results"):
        Draft202012Validator.check_schema(load(name))
    assert {kind for schema, kind in listed if schema == "outputs"} == set(load("outputs")["$defs"]) - PARTS
    whole = {entry["$ref"].removeprefix("#/$defs/") for entry in load("results")["oneOf"]}
    assert {kind for schema, kind in listed if schema == "results"} == whole


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the tests of this module share, with the outputs that others read."""
    made = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        for arguments in (OTHER, ("build", *COMMANDS["build"])):
            assert CliRunner().invoke(main, arguments).exit_code == 0
        shutil.copy("lz.json", "alone.json")  # without its sidecar
    return made


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command by its name, in that folder."""
    monkeypatch.chdir(folder)
    return lambda name, *arguments: CliRunner().invoke(main, [*name.split(), *arguments])


# One test, since a command reads what the one before it wrote.
def test_exit_code_0_and_json(call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "reproduce", lambda **_: _reproduction())
    printed = set()
    for name, arguments in (*COMMANDS.items(), *JSON_VARIANTS, ("reproduce", ())):
        if name in SLOW:
            continue
        result = call(name, *arguments, *(["--json"] if kinds(name) else []))
        assert result.exit_code == 0, (name, arguments, result.stderr)
        if kinds(name):
            printed.add(check_output(name, json.loads(result.stdout)))
    assert printed == {kind for name in COMMANDS for kind in kinds(name)}


def _reproduction() -> module.Reproduction:
    """As the real one, which takes ten seconds, but with numbers of its own."""
    names = [treatment.name for treatment in module.TREATMENTS]
    numbers: dict[str, float | None] = {name: None if name == "counts" else 1.5 for name in names}
    found = tuple(module.Row(number, "mu_B", numbers, numbers) for number in module.published_numbers())
    titles = dict.fromkeys(names, "a title")
    return module.Reproduction(titles, dict.fromkeys(names, 2.7), found, 1e-4, nuhist.__version__)


def check_output(name: str, document: dict[str, Any]) -> Kind:
    """One of the kinds that the contract names, and no key too many or too few."""
    found = [each for each in kinds(name) if validator(*each).is_valid(document)]
    assert found, [error.message[:200] for error in validator(*kinds(name)[0]).iter_errors(document)]
    (kind,) = found
    for key in document:
        spoiled = {other: value for other, value in document.items() if other != key}
        assert not validator(*kind).is_valid(spoiled), (kind, key)
    assert not validator(*kind).is_valid({**document, "surprise": 1}), kind
    assert document.get("nuhist_version", nuhist.__version__) == nuhist.__version__
    for model in document.get("models", ()):  # of a report: its results are those of the other commands
        assert not model["failures"]
        for part in ("fit", "scan", "significance", "goodness_of_fit", "ranking"):
            if model[part] is not None:
                validator("results", part).validate(model[part])
        for interval in model["limits"]:
            validator("results", "interval").validate(interval)
    return kind


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_code_1(call: Callable[..., Result], folder: Path, name: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    result = call(name, *refused(name))
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert [line[:8] for line in result.stderr.splitlines()] == ["nuhist: "], result.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_code_1_when_interrupted(
    call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def pressed(**_: object) -> None:
        raise KeyboardInterrupt

    # Real signals, in the middle of files, fits and toys: tests/faults.
    monkeypatch.setattr(commands()[name], "callback", pressed)
    result = call(name, *COMMANDS[name])
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (1, "", "Aborted!")


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_code_2(call: Callable[..., Result], name: str) -> None:
    result = call(name, "--no-such-option")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option" in result.stderr


@pytest.mark.parametrize("name", ["", "export", "import", "hepdata", "plot"])
def test_no_such_command(call: Callable[..., Result], name: str) -> None:
    assert call(name, "no-such-command").exit_code == 2


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--version",), ("--cite",)])
def test_exit_code_0_without_a_command(call: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    assert call("", *arguments).exit_code == 0


def test_exit_code_1_when_nobody_reads(folder: Path) -> None:
    script = "from nuhist.cli.main import main; main()"
    command = [sys.executable, "-c", script, "build", "lz_ws2022", "--hypothesis", "magnetic-moment"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # as `| head` does when it has enough
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help(call: Callable[..., Result], name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: main {name} " in result.stdout


def test_exit_codes_are_documented() -> None:
    codes = [line.split("|")[1].strip() for line in section("Exit codes").splitlines() if "|" in line]
    assert sorted({code for code in codes if code.isdigit()}) == ["0", "1", "2"]
    page = (DOCS / "reference" / "shell.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d) \| [a-z]", page, re.MULTILINE) == ["0", "1", "2"]
