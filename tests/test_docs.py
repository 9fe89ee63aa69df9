"""The documentation: what it prints is what the commands do, and nothing is left out.

That the site builds, that its links lead somewhere and that names exist is checked by ``sphinx-build -W`` in
``scripts/test.sh``, which also runs the notebooks. ``test_blocks.py`` runs the blocks of code.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

import nuhist
from benchmarks import side_by_side
from nuhist.cli.main import main
from nuhist.report.figure_table import FIGURES
from tests.blocks import DOCS, PAGES, page_text, printed_as, steps
from tests.every_command import parameters


def module(path: Path) -> ModuleType:
    """A Python file of the documentation, which is no package."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_tutorials_in_python_are_notebooks_that_the_site_runs() -> None:
    pages = [page for page in PAGES if page.startswith("tutorials/") and "{code-cell}" in page_text(page)]
    assert len(pages) >= 5
    assert all(page_text(page).startswith("---\nfile_format: mystnb\n") for page in pages)
    settings = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert 'nb_execution_mode = "force"' in settings
    assert "nb_execution_raise_on_error = True" in settings


@pytest.mark.parametrize("part", ["tutorials", "how-to", "explanation", "reference"])
def test_each_part_says_what_its_pages_are_for(part: str) -> None:
    text = page_text(f"{part}/index.md")
    linked = re.findall(r"\]\(([\w-]+)\.md\)", text)
    (contents,) = re.findall(r"^```{toctree}\n:hidden:\n\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert linked == contents.split()
    found = {f"{part}/{name}.md" for name in (*linked, "index")}
    assert found == {page for page in PAGES if page.startswith(part)}


def test_links_hold_where_a_file_is_shown() -> None:
    with_links = module(DOCS / "_ext" / "nuhist_docs.py").with_links
    page, kept = "docs/explanation/design.md", "![d](e.png)\n```\n[f](g)\n```"
    text = f"[a](docs/how-to/combine.md#b) [c](CHANGELOG.md) [`nuhist/x.py`](nuhist/x.py) {kept}"
    shown = with_links(text, "DESIGN.md", page, None)
    assert shown == f"[a](../how-to/combine.md#b) [c](../reference/changelog.md) `nuhist/x.py` {kept}"
    assert with_links("[x](../../nuhist/y.py) [z](https://w)", page, page, "https://forge/a") == (
        "[x](https://forge/a/blob/main/nuhist/y.py) [z](https://w)"
    )


def test_the_python_page_has_every_public_name() -> None:
    listed = set(re.findall(r"^   nuhist\.(\w+)$", page_text("reference/api.md"), re.MULTILINE))
    assert listed == set(nuhist.__all__) - {"__version__"}


def commands(group: click.Group, before: str = "nuhist") -> Iterator[tuple[str, click.Command]]:
    """All commands with their whole names."""
    for name, command in group.commands.items():
        yield f"{before} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")


@pytest.mark.parametrize(("name", "command"), list(commands(main)))
def test_commands_and_their_options_are_described(name: str, command: click.Command) -> None:
    # The reference of commands is made of these texts.
    assert command.help
    if isinstance(command, click.Group):
        return
    for parameter in parameters(command):
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


def test_every_option_that_the_page_on_the_shell_names_exists() -> None:
    known = {option for _, command in commands(main) for option in _options(command)}
    assert not set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page_text("reference/shell.md"))) - known


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_have_their_options(page: str) -> None:
    known = dict(commands(main))
    for step in steps(page_text(page)):
        if step.language != "console":
            continue
        for each in re.split(r"\||&&|;", step.text):
            words = shlex.split(each.partition(" > ")[0], comments=True)
            if words[:1] != ["nuhist"]:
                continue
            name = next((name for n in (3, 2) if (name := " ".join(words[:n])) in known), None)
            if name is not None:
                given = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
                assert given <= _options(known[name]) | {"--help"}, step.text


def _options(command: click.Command) -> set[str]:
    return {
        name for parameter in parameters(command) for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.filterwarnings("ignore")  # of matplotlib and NumPy, inside figures
def test_our_side_of_the_page_for_users_of_pyhf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    blocks, _ = side_by_side.read_page(page_text("how-to/from-pyhf-and-cabinetry.md"))
    ours = [block for block in blocks if block.side == side_by_side.OURS or block.job == "The workspace"]
    assert len(ours) > 12
    side_by_side.run(ours)
    for block in ours:
        assert printed_as(block.expected.splitlines(), block.printed), f"{block.job}\n{block.printed}"


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # of matplotlib and NumPy, inside cabinetry
def test_the_page_for_users_of_pyhf_runs_and_both_sides_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("cabinetry", "contourpy", "mplhep"):
        pytest.importorskip(package)
    text = page_text("how-to/from-pyhf-and-cabinetry.md")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    blocks, shell = side_by_side.read_page(text)
    side_by_side.run(blocks)
    sides: dict[str, dict[str, side_by_side.Block]] = {}
    for block in blocks:
        assert printed_as(block.expected.splitlines(), block.printed), f"{block.job}\n{block.printed}"
        sides.setdefault(block.job, {})[block.side] = block
    compared = 0
    for job, both in sides.items():
        if job in {"The workspace", "The model", "Data and model"}:
            continue
        theirs, ours = both[side_by_side.THEIRS], both[side_by_side.OURS]
        assert re.search(r"\d\.\d", theirs.printed), job
        assert printed_as(theirs.printed.splitlines(), ours.printed), job
        compared += 1
        assert f"\n| {job} | " in text, job
    assert compared == 12
    for line in shell:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    figures = {path.name for path in tmp_path.glob("*.pdf")}
    assert figures == set(re.findall(r"-o (\w+\.pdf)", text))


def test_each_figure_of_the_gallery_is_made_by_its_command_and_by_its_line_of_python() -> None:
    text = page_text("reference/gallery.md").partition("\n## Styles")[0]
    shell = re.findall(r"^\$ nuhist plot ([\w-]+)", text, re.MULTILINE)
    blocks = "".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    plots = [line.value for line in ast.parse(blocks).body if isinstance(line, ast.Expr)]
    calls = [each for each in plots if isinstance(each, ast.Call) and ast.unparse(each.func) == "nuhist.plot"]
    assert [ast.literal_eval(each.args[0]) for each in calls] == shell
    assert set(shell) == set(nuhist.figure_names())
    for each in calls:
        (kind,) = (kind for kind in FIGURES if kind.name == ast.literal_eval(each.args[0]))
        assert {keyword.arg for keyword in each.keywords} <= {option.name for option in kind.options}
    assert len(re.findall(r"^!\[", text, re.MULTILINE)) == len(shell)
