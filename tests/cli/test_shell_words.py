"""The library speaks Python, and the shell adds its own words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import nuhist
from nuhist.cli.main import main
from nuhist.cli.words import in_shell, options, remember

PACKAGE = Path(nuhist.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# Whole commands, which a reader types, and tables of which the shell makes its commands.
COMMANDS = {
    "report/rebuild.py", "report/page_provenance.py", "report/cls_curve.py", "report/figure_table.py",
    "histfactory/combination_plan.py", "histfactory/loading.py", "inference/model.py", "inference/fit.py",
    "inference/notes.py", "inference/changes.py", "inference/significance.py", "methods/cls.py",
    "methods/exclusion.py", "methods/profile_likelihood.py", "exchange/hepdata/readme.py",
    "exchange/cabinetry/format.py", "exchange/root/format.py", "exchange/alea/format.py",
    "exchange/inference_interface/format.py",
}  # fmt: skip


def texts(path: Path) -> Iterator[str]:
    """Texts of a module that are no documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def naming_options() -> dict[str, list[str]]:
    """Modules outside of the command line, with their texts that name options."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        named = [text for text in texts(path) if OPTION.search(text)]
        if named and not name.startswith("cli/"):
            found[name] = named
    return found


def test_no_message_of_the_library_names_an_option() -> None:
    assert {name: said for name, said in naming_options().items() if name not in COMMANDS} == {}


def test_the_modules_with_commands_still_have_some() -> None:
    assert set(naming_options()) >= COMMANDS


def test_errors_in_modules_with_commands_name_no_option() -> None:
    # What is raised there speaks Python as well.
    for name in COMMANDS:
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise):
                said = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                assert not [text for text in said if isinstance(text, str) and OPTION.search(text)], name


def command(*names: str) -> click.Command:
    found: click.Command = main
    for name in names:
        assert isinstance(found, click.Group)
        made = found.get_command(click.Context(found, **main.context_settings), name)
        assert made is not None
        found = made
    return found


def called_by_root(made: click.Command) -> click.Context:
    """A context such as commands are called in."""
    return click.Context(made, parent=click.Context(main, **main.context_settings))


@pytest.mark.parametrize(
    ("called", "said", "expected"),
    [
        (("build",), "asimov=True and observed=... exclude", "--asimov and --observed exclude"),
        (("limit",), "with method='cls'; it", "with --method cls; it"),
        (("limit",), "fixed={'mu': 1.5}: lies", "--fix mu=1.5: lies"),
        (("limit",), "fixed={'mu': ...}: it is", "--fix mu: it is"),
        (("combine",), "say correlate=['a'] or prefer={'a': WS}", "say --correlate a or --prefer a=WS"),
        (("gof",), "toys=... do nothing", "--ntoys do nothing"),
        (("limit",), "verify=False applies", "--no-verify applies"),
        (("import", "alea"), "templates=... names", "--templates names"),
        (("build",), "templates=... belongs", "--template belongs"),
        (("import", "alea"), "settings=['SR0/er=a b.h5']", '--set "SR0/er=a b.h5"'),
        (("fit",), "build it with constraint='normsys'", "build it with --constraint normsys"),  # of build
        (("fit",), "confidence_level=0.9", "--confidence-level 0.9"),
    ],
)
def test_keywords_become_options(called: tuple[str, ...], said: str, expected: str) -> None:
    with (
        click.Context(main, **main.context_settings) as root,
        click.Context(command(*called), parent=root) as context,
    ):
        remember(context)
        assert in_shell(said) == expected


@pytest.mark.parametrize(
    "said",
    [
        "lz.json: q_nu = 3e-13 lies outside",
        "no hypothesis called 'light-vector:mass=10keV'",  # no keyword, but a parameter
        "unknown=True: nothing has it",
        "nuhist.load(A, patches=[NAME])"[:12],
        "sun:survival=FILE.csv",
        "mu=1 is no keyword",
    ],
)
def test_what_is_no_keyword_stays(said: str) -> None:
    with (
        click.Context(main, **main.context_settings) as root,
        click.Context(command("limit"), parent=root) as context,
    ):
        remember(context)
        assert in_shell(said) == said


def test_an_option_has_its_longest_form() -> None:
    with click.Context(main, **main.context_settings):
        assert options(command("limit"))["confidence_level"] == "--confidence-level"
