"""The documentation: what it prints is what the commands do, and nothing is left out.

That the site builds, that its links lead somewhere and that names exist is checked by ``sphinx-build -W`` in
``scripts/test.sh``, which also runs the notebooks; Python examples in the pages are doctests.
"""

from __future__ import annotations

import ast
import io
import pickle
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import click
import pytest
import yaml
from click.testing import CliRunner

import nuhist
from benchmarks import side_by_side
from nuhist.cli.main import main
from nuhist.report.figure_table import FIGURES
from tests.every_command import parameters
from tests.exchange import alea_models

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def module(path: Path) -> ModuleType:
    """A Python file of the documentation, which is no package."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_tutorials_in_python_are_notebooks_that_the_site_runs() -> None:
    pages = [page for page in PAGES if page.startswith("tutorials/") and "{code-cell}" in _page(page)]
    assert len(pages) >= 5
    assert all(_page(page).startswith("---\nfile_format: mystnb\n") for page in pages)
    settings = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert 'nb_execution_mode = "force"' in settings
    assert "nb_execution_raise_on_error = True" in settings


def test_the_page_of_notebooks_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("matplotlib", "pandas"):
        pytest.importorskip(package)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = io.StringIO()
    with redirect_stdout(printed):
        for cell in re.findall(
            r"^```python\n(.*?)^```", _page("how-to/in-a-notebook.md"), re.MULTILINE | re.DOTALL
        ):
            exec(cell, names)
    (shown,) = re.findall(r"^```text\n(.*?)^```", _page("how-to/in-a-notebook.md"), re.MULTILINE | re.DOTALL)
    assert _printed_as(shown.splitlines(), printed.getvalue())


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("part", ["tutorials", "how-to", "explanation", "reference"])
def test_each_part_says_what_its_pages_are_for(part: str) -> None:
    text = _page(f"{part}/index.md")
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
    listed = set(re.findall(r"^   nuhist\.(\w+)$", _page("reference/api.md"), re.MULTILINE))
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
    assert not set(re.findall(r"(?<![\w-])--[a-z][\w-]*", _page("reference/shell.md"))) - known


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_have_their_options(page: str) -> None:
    known = dict(commands(main))
    for line, _ in console(page):
        for each in re.split(r"\||&&|;", line):
            words = shlex.split(each.partition(" > ")[0], comments=True)
            if words[:1] != ["nuhist"]:
                continue
            name = next((name for n in (3, 2) if (name := " ".join(words[:n])) in known), None)
            if name is not None:
                given = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
                assert given <= _options(known[name]) | {"--help"}, line


def _options(command: click.Command) -> set[str]:
    return {
        name for parameter in parameters(command) for name in (*parameter.opts, *parameter.secondary_opts)
    }


def console(page: str) -> Iterator[tuple[str, list[str]]]:
    """Commands of a page with what it prints below them."""
    for block in blocks("console", page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.replace("\\\n", " ").partition("\n")
            yield command, [line.rstrip() for line in printed.splitlines() if line.strip()]


def blocks(language: str, page: str) -> list[str]:
    """Blocks of code of a page, those in lists among them."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", _page(page), re.MULTILINE | re.DOTALL)
    return [dedent(block) for _, block in found]


_NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


def _printed_as(page: list[str], found: str) -> bool:
    """Whether it was printed: "..." stands for any lines, a digest for any digest.

    A last digit may differ by one, since the last bits of a fit depend on the processor.
    """
    lines = [_any_digest(line.rstrip()) for line in found.splitlines() if line.strip()]
    pattern = "\n".join(
        ".*"
        if line.strip() == "..."
        else f"({_NUMBER.pattern})".join(map(re.escape, _NUMBER.split(_any_digest(line))))
        for line in page
    )
    match = re.fullmatch(pattern, "\n".join(lines), re.DOTALL)
    numbers = [number for line in page for number in _NUMBER.findall(_any_digest(line))]
    return match is not None and all(map(_same, numbers, match.groups()))


def _same(printed: str, found: str) -> bool:
    digits, _, exponent = printed.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    return abs(float(printed) - float(found)) < 1.5 * unit


def _any_digest(line: str) -> str:
    return re.sub(r"\b[0-9a-f]{12}(?:[0-9a-f]{52})?\b", "DIGEST", line)


def of_nothing() -> None:
    """Pages that begin with a bundled experiment need no files."""


def of_an_own_detector() -> None:
    """The files that the page tells to write; the shell writes the counts."""
    page = "how-to/add-my-experiment.md"
    folder = Path("mydetector")
    folder.mkdir()
    (folder / "experiment.yaml").write_text(blocks("yaml", page)[0], encoding="utf-8")
    (efficiency,) = (block for block in blocks("text", page) if block.startswith("E_keV"))
    (folder / "efficiency.csv").write_text(efficiency, encoding="utf-8")
    (observed,) = (line for line, _ in console(page) if line.startswith("printf "))
    counts = observed.partition("counts")[2].partition(">")[0].split()
    (folder / "observed.csv").write_text("\n".join(["counts", *counts]) + "\n", encoding="utf-8")


def of_an_abstract() -> None:
    """What the page tells to write."""
    Path("abstract.txt").write_text("An abstract.\n", encoding="utf-8")


def of_somebody_else() -> None:
    """The workspace and the sidecar that the page shows."""
    workspace, sidecar = blocks("json", "how-to/combine.md")
    for name, text in (("other.json", workspace), ("twice.json", workspace), ("twice.meta.json", sidecar)):
        Path(name).write_text(text, encoding="utf-8")


def of_the_release() -> None:
    """A small model whose files are called as XENONnT's, which states no licence and is not here."""
    pytest.importorskip("h5py")
    folder = Path("DATA")
    folder.mkdir()
    content = yaml.safe_load(alea_models.write_model(folder).read_text(encoding="utf-8"))
    (term,) = content["likelihood_config"]["likelihood_terms"]
    term["sources"][0]["named_parameters"] = ["t_ly", "t_qy"]
    content["likelihood_config"]["likelihood_terms"] = [{**term, "name": name} for name in ("SR0", "SR1")]
    (folder / "statistical_model_base.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "wimp_si").mkdir()
    for path in (folder / "signal").iterdir():
        _, _, ly, qy = path.stem.split("_")
        for run in ("sr0", "sr1"):
            name = f"template_XENONnT_{run}_wimp_si_6_cevns_tly_{ly}_tqy_{float(qy):.1f}.h5"
            (folder / "wimp_si" / name).write_bytes(path.read_bytes())
    (events,) = pickle.loads((folder / "data.pkl").read_bytes())
    (folder / "real_data.pkl").write_bytes(pickle.dumps([events, events[:3]]))


FIRST = {"experiments", "spectrum", "build", "inspect", "fit", "limit", "scan", "plot", "report"}
IN_THE_SHELL: list[tuple[str, Callable[[], None], set[str]]] = [
    ("tutorials/first-limit.md", of_nothing, FIRST),
    ("how-to/install.md", of_nothing, {"--version", "build", "limit"}),
    ("how-to/get-a-limit.md", of_nothing, {"build", "limit"}),
    ("how-to/sensitivity.md", of_nothing, {"sensitivity", "plot", "build", "limit"}),
    ("how-to/xenonnt-release.md", of_the_release, {"import", "describe", "limit"}),
    ("how-to/add-my-experiment.md", of_an_own_detector, {"plot", "build", "inspect", "limit", "hepdata"}),
    ("how-to/combine.md", of_somebody_else, {"build", "combine", "limit", "patchset", "plot"}),
    ("how-to/formats-hs3.md", of_nothing, {"build", "export", "import"}),
    ("how-to/publish-on-hepdata.md", of_an_abstract, {"build", "hepdata"}),
]


@pytest.mark.filterwarnings("ignore")  # of hepdata_lib
@pytest.mark.parametrize(("page", "files", "commands"), IN_THE_SHELL, ids=[page for page, *_ in IN_THE_SHELL])
def test_pages_in_the_shell_as_printed(
    page: str, files: Callable[[], None], commands: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("matplotlib", "jinja2", *["hepdata_lib", "hepdata_validator"] * ("hepdata" in commands)):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    files()
    ran = set()
    for line, printed in console(page):
        if not line.startswith("nuhist "):  # other programs are left out
            continue
        result = None
        for command in line.partition(" > ")[0].split(" | "):
            if not command.startswith("nuhist "):
                result = None
                break
            # Nothing is printed of these toys, and each fit of a model with many shapes takes a while.
            words = shlex.split(command.replace("1000 --toys-at", "20 --toys-at"))[1:]
            result = CliRunner().invoke(main, words, input=None if result is None else result.stdout)
            refused = bool(printed) and all(each.startswith("nuhist: ") for each in printed)
            assert (result.exit_code == 0) is not refused, f"{line}\n{result.output}"
            ran.add(words[0])
        if result is not None and printed:
            assert _printed_as(printed, result.output), f"{line}\n{result.output}"
    assert commands <= ran


def test_what_nobody_printed_is_noticed() -> None:
    assert _printed_as(["a", "...", "  b 9caad7f95ef9"], "a\nx\n\ny\n  b 000000000000\n")
    assert not _printed_as(["a", "b"], "a\nc\nb\n")
    assert _printed_as(["a 1.21 2e-3", "..."], "a 1.22 2e-3\nb")
    assert not _printed_as(["a 1.21"], "a 1.23")
    assert not _printed_as(["a 1.21e-11"], "a 1.23e-11")


@pytest.mark.filterwarnings("ignore")  # of matplotlib and NumPy, inside figures
def test_our_side_of_the_page_for_users_of_pyhf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    blocks, _ = side_by_side.read_page(_page("how-to/from-pyhf-and-cabinetry.md"))
    ours = [block for block in blocks if block.side == side_by_side.OURS or block.job == "The workspace"]
    assert len(ours) > 12
    side_by_side.run(ours)
    for block in ours:
        assert _printed_as(block.expected.splitlines(), block.printed), f"{block.job}\n{block.printed}"


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # of matplotlib and NumPy, inside cabinetry
def test_the_page_for_users_of_pyhf_runs_and_both_sides_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("cabinetry", "contourpy", "mplhep"):
        pytest.importorskip(package)
    text = _page("how-to/from-pyhf-and-cabinetry.md")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    blocks, shell = side_by_side.read_page(text)
    side_by_side.run(blocks)
    sides: dict[str, dict[str, side_by_side.Block]] = {}
    for block in blocks:
        assert _printed_as(block.expected.splitlines(), block.printed), f"{block.job}\n{block.printed}"
        sides.setdefault(block.job, {})[block.side] = block
    compared = 0
    for job, both in sides.items():
        if job in {"The workspace", "The model", "Data and model"}:
            continue
        theirs, ours = both[side_by_side.THEIRS], both[side_by_side.OURS]
        assert _NUMBER.search(theirs.printed), job
        assert _printed_as(theirs.printed.splitlines(), ours.printed), job
        compared += 1
        assert f"\n| {job} | " in text, job
    assert compared == 12
    for line in shell:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    figures = {path.name for path in tmp_path.glob("*.pdf")}
    assert figures == set(re.findall(r"-o (\w+\.pdf)", text))


def test_each_figure_of_the_gallery_is_made_by_its_command_and_by_its_line_of_python() -> None:
    text = _page("reference/gallery.md").partition("\n## Styles")[0]
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
