"""Options of toys where none are thrown, and couplings or shifts that make no sense, are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]

COMMANDS: list[tuple[str, ...]] = [
    ("limit", "--method", "profile"),
    ("limit",),
    ("limit", "--method", "cls"),
    ("limit", "--method", "cls", "--calctype", "asymptotics", "--expected"),
    ("significance",),
    ("gof",),
]
OPTIONS: list[tuple[str, ...]] = [
    ("--ntoys", "5"),
    ("--jobs", "2"),
    ("--seed", "0"),
    ("--scheduler", "tcp://127.0.0.1:9"),
    ("--resume", "CHECKPOINT"),
    ("--ntoys", "5", "--jobs", "2", "--resume", "CHECKPOINT"),
]


# With --ntoys, significance and gof do throw toys.
REFUSED = [
    (command, options)
    for command in COMMANDS
    for options in OPTIONS
    if command[0] == "limit" or "--ntoys" not in options
]


@pytest.mark.parametrize(("command", "options"), REFUSED, ids=" ".join)
def test_options_of_toys_without_toys(
    refused: Refused, workspaces: Path, tmp_path: Path, command: tuple[str, ...], options: tuple[str, ...]
) -> None:
    name, *rest = command
    given = [str(tmp_path / "checkpoint") if option == "CHECKPOINT" else option for option in options]
    message = refused(name, workspaces / "moment.json", *rest, *given, code=2)  # nothing is written
    names = [option for option in options if option.startswith("--")]
    assert message.startswith(f"{', '.join(names)}: no toys are thrown ")
    method = rest[1] if rest else "profile"
    reason = f"with --method {method}; they are with" if name == "limit" else "without --ntoys"
    assert f"no toys are thrown {reason}" in message


def test_a_calculator_that_is_unknown_is_named(refused: Refused, workspaces: Path) -> None:
    arguments = ("limit", workspaces / "moment.json", "--method", "cls")
    message = refused(*arguments, "--calctype", "toys", "--ntoys", 5)
    assert message.startswith("no calculator called 'toys'; did you mean toybased")


def test_a_method_that_is_unknown_is_named(refused: Refused, workspaces: Path) -> None:
    message = refused("limit", workspaces / "moment.json", "--method", "feldman", "--ntoys", 5)
    assert message.startswith("no method called 'feldman'; did you mean feldman-cousins")


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        ("nothing=1", "no parameter called 'nothing'"),
        ("mu_nu_squared=1", "'mu_nu_squared' has no constraint whose width could be a unit"),
        ("{nuisance}=nan", "nan"),
        ("{nuisance}=9", "outside its bounds"),
        ("{nuisance}", "{nuisance}"),
        ("{nuisance}=one", "one"),
    ],
)
def test_shifts_that_make_no_sense(
    run: Callable[..., Any], refused: Refused, workspaces: Path, shift: str, expected: str
) -> None:
    nuisance = "solar_nu_flux"
    arguments = ("coverage", workspaces / "moment.json", "--range", "0:1e-11:2", "--ntoys", 20)
    message = refused(*arguments, "--shift", shift.format(nuisance=nuisance))
    assert expected.format(nuisance=nuisance) in message


def test_a_shift_is_told(run: Callable[..., Any], workspaces: Path) -> None:
    arguments = ("coverage", workspaces / "moment.json", "--range", "0:1e-11:2", "--ntoys", 20)
    result = run(*arguments, "--shift", "solar_nu_flux=-1")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1] == "true solar_nu_flux off its profiled value by -1 widths of its constraint"
