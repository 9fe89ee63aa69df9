"""What the project says about itself in several places."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import nuhist
from benchmarks.install import PARTS
from nuhist.__about__ import RELEASED
from nuhist.report.citations import citations

ROOT = Path(__file__).resolve().parent.parent


def test_the_version_is_the_same_everywhere() -> None:
    from importlib.metadata import version

    assert version("nuhist") == nuhist.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(nuhist.__version__)}\b", citation, re.MULTILINE)
    assert f'date-released: "{RELEASED}"' in citation


def test_citation_cff_is_what_nuhist_cites() -> None:
    # What cffconvert takes for BibTeX: authors, title, the year of date-released.
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    entry = citations()
    assert [author["name"] for author in citation["authors"]] == ["nuhist developers"]
    assert "author = {{nuhist developers}}" in entry
    assert f"year = {{{citation['date-released'][:4]}}}" in entry
    assert f"{{{{{citation['title']}: " in entry


@pytest.mark.parametrize("name", nuhist.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    found = getattr(nuhist, name)
    assert name == "__version__" or found.__doc__


def test_no_other_name_is_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module("nuhist").nothing  # noqa: B018


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md"), key=str), ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("bash scripts/quickstart.sh", "bash scripts/test.sh"):
        assert f"$ {command}" in readme
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "bash scripts/test.sh" in run
    assert "bash scripts/quick.sh" in run


def test_no_file_is_larger_than_a_mebibyte() -> None:
    folders = ("nuhist", "docs", "workspaces", "templates", "tests", "benchmarks")
    large = [path for name in folders for path in (ROOT / name).rglob("*") if path.stat().st_size > 2**20]
    assert not large


# Numbers of the campaigns' own pages, as the page on trust writes them.
CAMPAIGNS = {
    "equivalence": (
        (r"^## (1000) models", "1,000 random models"),
        (r"\| points with a density, compared \| (4262) \|", "4,262 points"),
        (r"\| largest difference \| (1.5e-13) \|", "1.5 × 10⁻¹³"),
        (r"compared with pyhf's fits \| (757) \|", "757"),
        (r"worse than pyhf's best by more than 1e-6 \| (1) \|", "by more than 10⁻⁶ | 1 |"),
        (r"nuhist better by more than 1e-3 \| (38) \|", "by more than 10⁻³ | 38 |"),
        (r"SciPy fit fails \| (2) \|\n.*Minuit fit fails \| 117 \|\n.* \| 0 \|", "0, 2, 117"),
        (r"difference from the sum \| (1.3e-15) \|", "1.3 × 10⁻¹⁵"),
    ),
    "fuzzing": (
        (r"^(150,000) inputs, no faults", "10,000"),
        (r"^3.11. (50,000) inputs, no faults", "200,000"),
    ),
    "faults": (
        (r"\*\*(5542) faults in 21 commands, 0 problems", "5,542 faults in 21 commands"),
        (r"; (1334) signals.*\n?.*0\s+problems", "1,334 signals"),
    ),
    "packaging": ((r"end with 0 \| (18 of 39) \|", "18 of 39"), (r"of their extra \| (21) \|", "21 name")),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_the_page_on_trust_has_the_numbers_of_the_campaigns(name: str) -> None:
    page = (ROOT / "docs" / "explanation" / "trust.md").read_text(encoding="utf-8")
    results = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text(encoding="utf-8")
    for pattern, said in CAMPAIGNS[name]:
        assert re.search(pattern, results, re.MULTILINE), f"{said}: the campaign has another number"
        assert said in page


OUTSIDE = ("README.md", "DATA_LICENSES.md", "CONTRIBUTING.md", "SECURITY.md", "DESIGN.md")


@pytest.mark.parametrize("name", OUTSIDE)
def test_links_of_pages_outside_the_documentation_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_files_that_contributors_are_sent_to_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:nuhist|tests|docs)/[\w/.-]+)`", text))
    assert len(named) > 20
    made = {name for name in named if "NAME" in name}  # those that they write
    assert not [name for name in named - made if not (ROOT / name).exists()]
    assert not [name for name in made if not (ROOT / name).parent.parent.is_dir()]


def _texts(node: object) -> Iterator[str]:
    """All texts in a document."""
    if isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node


def test_workflows_run_the_command_of_the_readme_on_every_python() -> None:
    folder = ROOT / ".github" / "workflows"
    if not folder.is_dir():
        pytest.skip("no checkout: a source distribution has no workflows")
    found = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.glob("*.yml")}
    assert set(found) == {"tests", "docs", "release"}
    jobs = found["tests"]["jobs"]
    versions = jobs["tests"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]
    assert f"set -- {' '.join(versions)}\n" in (ROOT / "scripts" / "quick.sh").read_text(encoding="utf-8")
    assert "bash scripts/test.sh" in list(_texts(jobs["tests"]["steps"]))
    assert {entry["versions"] for entry in jobs["dependencies"]["strategy"]["matrix"]["include"]} < {*PARTS}
    # No secret: PyPI knows the workflow.
    assert found["release"]["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert not [text for each in found.values() for text in _texts(each) if "secrets." in text]


def test_hooks_and_forms_are_readable() -> None:
    if not (ROOT / ".github").is_dir():
        pytest.skip("no checkout: a source distribution has no forms")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0][
        "hooks"
    ]
    script = (ROOT / "scripts" / "test.sh").read_text(encoding="utf-8")
    for hook in hooks:  # each is a check of the test command, too
        program = " ".join(word for word in hook["entry"].split() if not word.startswith("--"))
        assert f"$bin/{program}" in script, program
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("w*.yml"):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= set(form), path
        assert all(entry["attributes"]["label"] for entry in form["body"]), path
