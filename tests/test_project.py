"""What the project says about itself in several places."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import nuhist
from benchmarks.trust import trust_page

ROOT = Path(__file__).resolve().parent.parent


def test_the_version_is_the_same_everywhere() -> None:
    from importlib.metadata import version

    assert version("nuhist") == nuhist.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(nuhist.__version__)}\b", citation, re.MULTILINE)


@pytest.mark.parametrize("name", nuhist.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    found = getattr(nuhist, name)
    assert name == "__version__" or found.__doc__


def test_no_other_name_is_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module("nuhist").nothing  # noqa: B018


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / "docs" / target).exists(), target


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("bash scripts/quickstart.sh", "bash scripts/test.sh"):
        assert f"$ {command}" in readme
    assert "bash scripts/test.sh" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_no_file_is_larger_than_a_mebibyte() -> None:
    folders = ("nuhist", "docs", "workspaces", "templates", "tests", "benchmarks")
    large = [path for name in folders for path in (ROOT / name).rglob("*") if path.stat().st_size > 2**20]
    assert not large


def test_the_page_on_trust_is_that_of_the_campaigns() -> None:
    assert (ROOT / "docs" / "trust.md").read_text(encoding="utf-8") == trust_page(ROOT / "docs")
