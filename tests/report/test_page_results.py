"""Exclusions, forecasts and contours on a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nuhist.cli.main import main
from nuhist.files import to_json
from nuhist.methods.result_files import Result, read_result
from nuhist.report.page import make_report
from tests.planes import circle, forecast, plane, scan
from tests.report.page_reader import Page

RESULTS: dict[str, Result] = {"plane": plane(), "bl": scan(), "charges": circle(), "darwin": forecast()}


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(make_report([], results=RESULTS).html)


def test_each_result_has_a_section_with_figure_numbers_and_file(page: Page) -> None:
    for name, result in RESULTS.items():
        assert " ".join(result.summary.split()) in page.words
        assert json.loads(page.files()[f"{name}.json"]) == json.loads(to_json(result.to_json()))
    assert sum(tag == "svg" for tag, _ in page.elements) == len(RESULTS)
    assert {"r1", "r2", "r3", "r4"} <= set(page.attributes("id"))
    for title in ("Exclusion in heavy, light", "Limits over the mass of light-vector"):
        assert title in page.words


def test_without_a_contour_the_reason_is_in_place_of_the_figure() -> None:
    page = Page(make_report([], results={"alone": plane((400,), (100,))}).html)
    assert "No figure: no contour: there is one point" in page.words
    assert not any(tag == "svg" for tag, _ in page.elements)


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_files_are_read_again(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(to_json(result.to_json()), encoding="utf-8")
    assert read_result(path) == result
    assert read_result(result) == result


def test_command(tmp_path: Path) -> None:
    path = tmp_path / "plane.json"
    path.write_text(to_json(plane().to_json()), encoding="utf-8")

    def call(*more: str) -> tuple[int, str, str]:
        output = ("-o", str(tmp_path / "page.html"))
        run = CliRunner().invoke(main, ["report", "--result", str(path), *output, *more])
        return run.exit_code, run.stdout, run.stderr

    code, printed, _ = call("--json")
    assert code == 0
    assert json.loads(printed)["models"] == []
    assert list(json.loads(printed)["results"]) == ["plane"]
    assert call("--ntoys", "0")[2].endswith("--ntoys: does nothing without WS\n")
    assert "another result is called plane, too" in call("--result", str(path))[2]
    path.write_text("{}", encoding="utf-8")
    assert "is no result of nuhist exclusion, nuhist sensitivity or nuhist contour" in call()[2]
