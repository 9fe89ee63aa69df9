"""An option that does nothing, or that is given twice, is an error: exit code 2, and which one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from nuhist import build, limit, scan
from nuhist.cli.main import main
from nuhist.errors import ConfigError, OptionError
from nuhist.inference.execution import Execution
from nuhist.report.world_limits import world_limits
from tests.every_command import COMMANDS, commands, parameters

Refused = Callable[..., str]
Run = Callable[..., Result]


def _value(option: click.Option) -> list[str]:
    """An option as one types it, with a value of its type."""
    name = option.opts[-1]
    if option.is_flag:
        return [name]
    return [
        name,
        "1" if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType) else "x",
    ]


def _single(name: str) -> list[click.Option]:
    found = [entry for entry in parameters(commands()[name]) if isinstance(entry, click.Option)]
    return [entry for entry in found if not entry.multiple]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_but_a_list_is_given_once(run: Run, name: str) -> None:
    assert _single(name) or name in {"cite", "hepdata validate"}
    for option in _single(name):
        result = run(*name.split(), *_value(option), *_value(option))
        assert result.exit_code == 2, (name, option.opts)
        assert f"Error: {option.opts[-1]} is given 2 times; keep one\n" in result.stderr
        assert result.stdout == ""


def test_a_flag_and_its_opposite(run: Run) -> None:
    result = run("rebuild", "--limits", "--no-limits", "nowhere")
    assert result.exit_code == 2
    assert "--limits is given 2 times" in result.stderr


def test_lists_are_lists(run: Run, workspaces: Path, tmp_path: Path) -> None:
    grids = ("--grid=-1e-13:1e-13:3", "--grid=-2e-13:2e-13:2")
    result = run("patchset", "lz_ws2022", "--hypothesis", "millicharge-epa", *grids, "-o", tmp_path / "grid")
    assert result.exit_code == 0, result.stderr


# What does nothing, in which command, and what the message must name: the option, and what takes it.
UNUSED: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("limit", "WS", "--method", "profile", "--calctype", "toybased"), ("--calctype", "--method cls")),
    (("limit", "WS", "--calctype", "asymptotics"), ("--calctype", "--method cls")),
    (("limit", "WS", "--method", "feldman-cousins", "--calctype", "toybased"),
     ("--calctype", "--method cls")),
    (("limit", "WS", "--points", "5"), ("--points", "--method feldman-cousins")),
    (("limit", "WS", "--method", "cls", "--points", "5"), ("--points", "--method feldman-cousins")),
    (("limit", "WS", "--seed", "0"), ("--seed", "--method feldman-cousins")),
    (("limit", "WS", "--method", "cls", "--ntoys", "5"), ("--ntoys", "--calctype toybased")),
    (("limit", "WS", "--method", "feldman-cousins", "--expected"), ("--expected", "--method profile")),
    (("limit", "WS", "--method", "cls", "--delta-chi2", "1"), ("--delta-chi2", "--method profile")),
    (("limit", "WS", "--delta-chi2", "1", "--cl", "0.9"), ("--confidence-level", "--delta-chi2")),
    (("significance", "WS", "--seed", "0"), ("--seed", "--ntoys")),
    (("gof", "WS", "--jobs", "1"), ("--jobs", "--ntoys")),
    (("report", "WS", "--ntoys", "0", "--seed", "1", "-o", "OUT/a.html"), ("--seed", "--ntoys 0")),
    (("plot", "spectrum", "WS", "--signal", "fit", "--confidence-level", "0.95", "-o", "OUT/a.png"),
     ("--signal", "--confidence-level")),
    (("plot", "world-limits", "--method", "cls", "-o", "OUT/a.png"), ("--method", "workspace")),
    (("reproduce", "--experiments", "--jobs", "2"), ("--jobs", "--experiments")),
    (("rebuild", "--templates-only", "--no-limits", "OUT"), ("--limits", "--templates-only")),
    (("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "--neutrino-mass", "1"),
     ("--neutrino-mass", "millicharge-epa-only and millicharge-epa")),
    (("spectrum", "lz_ws2022", "--hypothesis", "millicharge-fea", "--coupling", "0", "--neutrino-mass", "2"),
     ("--neutrino-mass", "millicharge-epa")),
    (("build", "xenonnt_sr0", "--hypothesis", "magnetic-moment", "--ar37", "flat"), ("--ar37",)),
    (("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "--asimov", "--observed", "n.csv"),
     ("--asimov", "--observed")),
    (("hepdata", "build", "WS", "--data-license", "MIT", "--allow-asimov", "-o", "OUT/made"),
     ("--allow-asimov",)),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "named"), UNUSED, ids=" ".join)
def test_an_option_that_does_nothing(
    refused: Refused, workspaces: Path, tmp_path: Path, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    places = {"WS": str(workspaces / "moment.json")}
    given = [places.get(word, word.replace("OUT", str(tmp_path))) for word in arguments]
    message = refused(*given, code=2)
    assert all(name in message for name in named), message


def test_the_case_of_issue_14(refused: Refused, workspaces: Path) -> None:
    toys = ("--ntoys", "5", "--seed", "3")
    wrong = ("--calctype", "nonsense", *toys)
    message = refused("limit", workspaces / "moment.json", "--method", "profile", *wrong, code=2)
    assert message.startswith("--calctype: does nothing with --method profile; it belongs to --method cls")
    message = refused("limit", workspaces / "moment.json", "--method", "profile", *toys, code=2)
    assert message.startswith("--ntoys, --seed: no toys are thrown with --method profile; they are with")


def test_from_python_too() -> None:
    workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    with pytest.raises(OptionError, match=r"calctype=...: does nothing with method='profile'"):
        limit(workspace, calctype="asymptotics")
    with pytest.raises(OptionError, match=r"execution=...: does nothing with method='profile'"):
        limit(workspace, execution=Execution(toys=10))
    with pytest.raises(OptionError, match=r"execution=...: does nothing with calctype='asymptotics'"):
        limit(workspace, method="cls", execution=Execution(toys=10))
    with pytest.raises(OptionError, match="points: do nothing where the couplings are given"):
        scan(workspace, [0.0, 1e-11], points=5)
    with pytest.raises(OptionError, match=r"neutrino_mass=...: does nothing with magnetic-moment"):
        build("lz_ws2022", hypothesis="magnetic-moment", neutrino_mass=1.0)
    with pytest.raises(OptionError, match=r"method=...: does nothing without a workspace"):
        world_limits(method="cls")
    with pytest.raises(ConfigError, match="no calculator called 'nonsense'"):
        limit(workspace, "cls", calctype="nonsense")
    with pytest.raises(OptionError, match=r"calctype=...: does nothing with method='profile'"):
        limit(workspace, calctype="nonsense")
    with pytest.raises(ConfigError, match=r"expectd is no option of nuhist\.limit; did you mean expected"):
        limit(workspace, expectd=True)


def test_help_is_still_help(run: Run) -> None:
    assert run("limit", "--help", "--help").exit_code == 0
    assert isinstance(main, click.Group)
