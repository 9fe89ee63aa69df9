"""Asimov data are called so wherever they are shown: figures, numbers, pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nuhist import Model, Workspace, build, limit, ranking
from nuhist.cli.main import main
from nuhist.errors import ConfigError
from nuhist.inference.fit import fit
from nuhist.inference.spectrum import fitted_spectrum
from nuhist.report import page_section
from nuhist.report.cls_curve import cls_curve
from nuhist.report.cls_figure import cls_figure
from nuhist.report.correlation_figure import correlation_figure, correlation_table
from nuhist.report.page import make_report
from nuhist.report.profile_figure import profile_figure
from nuhist.report.profiles import profile_lines
from nuhist.report.pulls import pulls
from nuhist.report.pulls_figure import pulls_figure
from nuhist.report.ranking_figure import ranking_figure
from nuhist.report.spectrum_figure import spectrum_figure
from nuhist.report.world_limits import world_limits
from tests.report.page_reader import Page, counting

SAID = "expected, Asimov"


@pytest.fixture(scope="module")
def asimov() -> Workspace:
    choices = {"hypothesis": "magnetic-moment", "background": "paper"}
    return build("lz_ws2022", **choices, exposure=5.0, asimov=True)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def observed() -> Workspace:
    return build("lz_ws2022", hypothesis="magnetic-moment", background="paper")


def texts(figure: Any) -> str:
    """All that a figure says, in its legends, titles and labels."""
    import matplotlib.text

    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


FIGURES: dict[str, Callable[[Workspace], Any]] = {
    "spectrum": lambda workspace: spectrum_figure(fitted_spectrum(workspace)),
    "scan": lambda workspace: profile_figure(profile_lines([workspace])),
    "cls": lambda workspace: cls_figure(cls_curve(workspace)),
    "pulls": lambda workspace: pulls_figure(pulls(workspace)),
    "ranking": lambda workspace: ranking_figure(ranking(workspace)),
    "correlations": lambda workspace: correlation_figure(fit(workspace)),
}
TABLES: dict[str, Callable[[Workspace], Any]] = {
    "spectrum": lambda workspace: fitted_spectrum(workspace).table(),
    "scan": lambda workspace: profile_lines([workspace])[0].table(),
    "cls": lambda workspace: cls_curve(workspace).table(),
    "pulls": lambda workspace: pulls(workspace).table(),
    "ranking": lambda workspace: ranking(workspace).table(),
    "correlations": lambda workspace: correlation_table(fit(workspace)),
    "world-limits": lambda workspace: world_limits([workspace]).table(),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures(asimov: Workspace, observed: Workspace, name: str) -> None:
    assert SAID in texts(FIGURES[name](asimov))
    assert SAID not in texts(FIGURES[name](observed))


@pytest.mark.parametrize("name", TABLES)
def test_numbers_of_figures(asimov: Workspace, observed: Workspace, name: str) -> None:
    text = TABLES[name](asimov).to_csv()
    assert SAID in text or ",asimov\n" in text
    text = TABLES[name](observed).to_csv()
    assert SAID not in text
    assert "asimov" not in text


def test_curves_of_both_kinds_in_one_figure(asimov: Workspace, observed: Workspace) -> None:
    figure = profile_figure(profile_lines([asimov, observed], ["one", "two"]))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["one, data (expected, Asimov)", "two, data"]


@pytest.mark.thorough
def test_pages(asimov: Workspace, observed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_section, "to_svg", lambda *_: "<svg></svg>")
    page = Page(make_report([asimov]).html)
    for text in (
        "Data expected, Asimov",
        "Data (expected, Asimov) events",
        "; data: expected, Asimov",
        "data (expected, Asimov): ",
    ):
        assert text in page.words
    assert "Observed" not in page.words
    (results,) = (json.loads(text) for name, text in page.files().items() if name.endswith("results.json"))
    assert results["data_kind"] == "asimov"
    shown = [results["fit"], *results["limits"], results["scan"], *results["spectra"], results["pulls"]]
    assert {result["data_kind"] for result in shown} == {"asimov"}
    both = Page(make_report([asimov, observed]).html).words
    assert "data: expected, Asimov" in both
    assert "Data observed" in both


def test_pages_name_conditional_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_section, "to_svg", lambda *_: "<svg></svg>")
    words = Page(make_report([counting(observed=(5, 2, 1))]).html).words
    assert words.count("Errors are conditional: mu held where the fit ends, at the bound.") == 1
    assert "the best fit of mu is at its bound, 0; this is with the bound lifted, where it is -" in words
    assert "the best fit is at a bound of the parameter; with toys: nuhist limit" in words
    assert "min_chi2 follows no χ² where bins hold few events" in words


def test_commands_print_it(asimov: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    asimov.save(path)
    for command in ("fit", "limit", "significance", "gof", "ranking"):
        printed = CliRunner().invoke(main, [command, str(path)])
        assert "  data: expected, Asimov\n" in printed.stdout, command
    summary = json.loads(CliRunner().invoke(main, ["inspect", str(path), "--json"]).stdout)
    assert summary["data_kind"] == "asimov"
    assert "counts (expected, Asimov)" in CliRunner().invoke(main, ["inspect", str(path)]).stdout


def test_errors_for_what_is_at_its_bound() -> None:
    bound = counting(observed=(5, 2, 1))
    said = "errors for mu at its bound"
    for figure in (
        pulls_figure(pulls(bound)),
        correlation_figure(fit(bound)),
    ):
        assert said in texts(figure)
    lifted = Model(bound).lifted()
    for figure in (ranking_figure(ranking(bound)), correlation_figure(lifted.fit(), bound_lifted=True)):
        assert "bound of mu lifted" in texts(figure)
    said = "the best fit of mu is at its bound, 0; this is with the bound lifted"
    assert any(note.startswith(said) for note in lifted.fit().notes)
    assert said not in texts(pulls_figure(pulls(counting(observed=(15, 9, 5)))))


def test_asimov_data_through_a_pipe(asimov: Workspace) -> None:
    piped = CliRunner().invoke(main, ["limit", "--json"], input=asimov.to_json())
    found = json.loads(piped.stdout)
    assert (found["data_kind"], found["unit"]) == ("asimov", "mu_B")


def test_a_foreign_name_is_no_limit_of_the_world() -> None:
    # q_nu of another program may be in any unit.
    foreign = counting(poi="q_nu")
    assert limit(foreign).upper is not None
    with pytest.raises(ConfigError, match="its coupling is q_nu, a plain number; the table has"):
        world_limits([foreign])
