"""Help, citations and completion: what a user sees before any number."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist.cli.main import main
from nuhist.histfactory.workspace import Workspace
from nuhist.report.citations import citations

Run = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]


def test_nuhist_alone_shows_the_commands_in_the_order_of_work(run: Run) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.stdout == run("--help").stdout
    shown = re.findall(r"^  (\w+)  +[A-Z]", result.stdout, re.MULTILINE)
    assert shown == list(main.commands)
    order = ["experiments", "spectrum", "build", "fit", "limit", "report", "hepdata", "rebuild"]
    assert [name for name in shown if name in order] == order


def test_every_command_is_in_a_family() -> None:
    # One that is only added to the group would be missing in the help.
    shown = CliRunner().invoke(main, []).stdout
    assert all(re.search(rf"^  {name} ", shown, re.MULTILINE) for name in main.commands)


def test_the_workflow_of_the_help_runs(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^  nuhist (.*?)  ", run().stdout, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["experiments", "build", "fit", "limit", "report"]
    for line in lines[:-1]:  # the report takes seconds, and has tests of its own
        assert run(*line.split()).exit_code == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; import nuhist.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"numpy", "scipy", "pyhf", "matplotlib", "jsonschema", "yaml", "nuhist.cli.completion"}
    assert not heavy & set(loaded.split())


@pytest.mark.parametrize("asked", [("--cite",), ("cite",)])
def test_citations_without_a_workspace(run: Run, asked: tuple[str, ...]) -> None:
    result = run(*asked)
    assert result.exit_code == 0
    keys = re.findall(r"^@\w+\{([^,]+),", result.stdout, re.MULTILINE)
    assert keys == ["nuhist", "pyhf", "pyhf_joss", "arXiv:2207.05036"]
    assert f"version = {{{nuhist.__version__}}}" in result.stdout


def test_citations_of_a_joint_workspace(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "joint.json"
    nuhist.build("lz_ws2022", "xenonnt_sr0", hypothesis="magnetic-moment").save(path)
    text = run("cite", path).stdout
    # The papers under `sources` of the two experiments, the solar model and the RRPA calculation.
    for number in ("2207.03764", "2511.17350", "2207.11330", "1611.09867", "1610.04177"):
        assert text.count(f"eprint = {{{number}}}") == 1
    assert "2408.07641" not in text  # PandaX-4T is not in it
    assert "https://www.hepdata.net/record/ins2107834" in text
    assert "no source" not in text
    assert_is_bibtex(text)


@pytest.mark.parametrize(
    ("hypothesis", "number", "title"),
    [
        ("light-scalar:mass=10keV", "1604.01025", "Physics from solar neutrinos in dark matter"),
        ("dipole-portal:mass=10keV", "2109.09545", "Low-energy probes of sterile neutrino"),
        ("dark-photon:mass=5keV", "1412.8378", "Direct Detection Constraints on Dark Photon"),
    ],
)
def test_what_a_hypothesis_cites(hypothesis: str, number: str, title: str) -> None:
    workspace = nuhist.build("xenonnt_sr0", hypothesis=hypothesis)
    assert workspace.sidecar is not None
    assert "cited" not in workspace.sidecar  # the catalogue knows it
    text = citations([workspace])
    assert text.count(f"eprint = {{{number}}}") == 1
    assert title in text
    other = citations([nuhist.build("xenonnt_sr0", hypothesis="magnetic-moment")])
    assert number not in other
    assert_is_bibtex(text)


def test_several_hypotheses_and_combinations_cite_all() -> None:
    names = ["light-scalar:mass=10keV", "dark-photon:mass=5keV"]
    together = nuhist.build("xenonnt_sr0", hypothesis=names)
    for number in ("1604.01025", "1412.8378"):
        assert number in citations([together])
    # In a combination of two hypotheses the parameters say what they are.
    parts = [
        nuhist.build("xenonnt_sr0", hypothesis=names[0]),
        nuhist.build("pandax4t_run1", hypothesis=names[1]),
    ]
    joined = nuhist.combine(parts, correlate_common=True, poi="g2_scalar_nu_squared_mass10keV")
    text = citations([joined])
    for number in ("1604.01025", "1412.8378", "2207.05036", "2207.11330", "2408.07641"):
        assert text.count(f"eprint = {{{number}}}") == 1, number


def test_a_hypothesis_from_outside_is_cited_from_the_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "signal.csv"
    path.write_text("# cited: arXiv:2101.00001\nT_keV,power_2\n1,5\n20,5\n", encoding="utf-8")
    workspace = nuhist.build("xenonnt_sr0", hypothesis=str(path))
    assert "eprint = {2101.00001}" in citations([workspace])
    path.unlink()
    assert "eprint = {2101.00001}" in citations([workspace])


def test_what_others_built_does_not_cite_the_paper() -> None:
    spec = {"channels": [{"name": "theirs", "samples": []}]}
    assert "2207.05036" not in citations([Workspace(spec)])


def test_without_a_sidecar_the_name_of_a_bundled_channel_tells_the_source() -> None:
    workspace = nuhist.build("xenonnt_sr0", hypothesis="magnetic-moment")
    assert "2207.11330" in citations([Workspace(workspace.spec)])


def test_a_workspace_from_elsewhere_gets_a_comment() -> None:
    spec = {"channels": [{"name": "SR0 @misc{evil,", "samples": []}]}
    text = citations([Workspace(spec, origin="theirs.json")])
    assert text.splitlines()[-1].startswith("% no source is known of theirs.json, channel SR0")
    assert_is_bibtex(text)


def test_a_paper_that_nuhist_does_not_know_has_its_number_only() -> None:
    channels = {
        "a": {
            "edges_keV": [0, 1],
            "samples": {},
            "sources": ["X, arXiv:2101.00001v2 and arXiv:hep-ex/0402015"],
        }
    }
    sidecar = {"channels": channels, "parameters": {}}
    text = citations([Workspace({"channels": [{"name": "a"}]}, sidecar)])
    assert "@misc{arXiv:2101.00001,\n  eprint = {2101.00001},\n  archivePrefix = {arXiv}\n}" in text
    assert "eprint = {hep-ex/0402015}" in text


def assert_is_bibtex(text: str) -> None:
    """Braces match in each entry, and nothing but comments stands outside."""
    depth = 0
    for line in text.splitlines():
        if depth == 0:
            assert not line or line.startswith("%") or re.match(r"@\w+\{[\w:.]+,$", line)
            assert line.count("@") <= 1
        depth += line.count("{") - line.count("}") if not line.startswith("%") else 0
    assert depth == 0


@pytest.mark.thorough
def test_bundled_sources_are_all_known() -> None:
    for name in nuhist.bundled_experiments():
        text = citations([nuhist.build(name, hypothesis="magnetic-moment")])
        unknown = re.findall(r"@misc\{[^}]*?,\n  eprint = \{([\d.]+)\}", text)
        assert not unknown, name


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("nuhist exp", {"experiments", "export"}),
        ("nuhist build xenonnt_s", {"xenonnt_sr0", "xenonnt_sr0_high"}),
        ("nuhist build xenonnt_cevns", {"xenonnt_cevns", *(f"xenonnt_cevns_sr{run}" for run in range(3))}),
        ("nuhist build lz_ws2022 --hypothesis mag", {"magnetic-moment"}),
        ("nuhist patchset lz_ws2022 --flavor m", {"mu"}),
        ("nuhist plot efficiency pan", {"pandax4t_run1"}),
        ("nuhist limit --method f", {"feldman-cousins"}),
    ],
)
def test_shells_complete_names(words: str, expected: set[str]) -> None:
    assert completed(words) == {("plain", name) for name in expected}


def completed(words: str) -> set[tuple[str, str]]:
    environment = {
        "_NUHIST_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    program = str(Path(sys.executable).parent / "nuhist")
    found = subprocess.run([program], env=environment, capture_output=True, text=True, check=True).stdout
    return {(kind, name) for kind, _, name in (line.partition(",") for line in found.split())}


def test_shells_complete_files() -> None:
    assert completed("nuhist limit some") == {("file", "some")}
    assert completed("nuhist build ./det") == {("file", "./det")}


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        (("build", "lz_ws2022", "--hypothesis", "magnetik"), "docs/explanation/statistical-model.md"),
        (("build", "lz", "--hypothesis", "magnetic-moment"), "docs/explanation/experiments.md"),
        (("limit", "ws.json", "--ntoys", "10"), "docs/how-to/many-toys.md"),
    ],
)
def test_errors_name_the_page_that_says_more(run: Run, arguments: tuple[str, ...], page: str) -> None:
    result = run(*arguments)
    assert result.exit_code == (2 if "--ntoys" in arguments else 1)
    assert result.stderr.endswith(f" ({page})\n")
    assert result.stderr.count("\n") == 1
    assert (ROOT / page).is_file()


def test_pages_that_errors_name_exist() -> None:
    from nuhist.cli.main import _PAGES

    assert all((ROOT / page).is_file() for page in _PAGES.values())
