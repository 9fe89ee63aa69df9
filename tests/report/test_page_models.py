"""The report page of models from elsewhere: unknown energies, hostile names, steps that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nuhist import Model, Workspace, build, fit
from nuhist.errors import FitError
from nuhist.report import page_section
from nuhist.report.page import make_report
from nuhist.report.page_study import Study
from tests.report.page_reader import Page, counting


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures left out, which take most of the time."""
    monkeypatch.setattr(page_section, "to_svg", lambda *_: "<svg></svg>")


@pytest.mark.thorough
def test_a_workspace_from_elsewhere() -> None:
    report = make_report([counting()])
    page = Page(report.html)
    assert "No sidecar belongs to this workspace" in page.words
    assert "bin number" in page.words
    assert "keVee" not in page.words
    assert "mu <" in page.words  # without a unit
    assert "own unit" not in page.words
    assert report.studies[0].failures == ()
    assert set(page.files()) == {"elsewhere.json", "elsewhere.results.json"}
    assert make_report([counting()]).html == report.html


@pytest.mark.usefixtures("undrawn")
def test_a_workspace_without_parameter_of_interest() -> None:
    report = make_report([counting(poi="")])
    page = Page(report.html)
    assert report.studies[0].failures == ()
    assert "none: the model is fitted, nothing is tested" in page.words
    ids = page.attributes("id")
    assert "m1-fit" in ids
    assert "m1-pulls" in ids
    assert not {"m1-result", "m1-scan", "m1-ranking"} & set(ids)


HOSTILE = "<script>document.title='owned'<b>\"'&amp; $x_{$ {{7*7}} {% raw %} -->"


def test_names_are_text() -> None:
    title = f"</script>{HOSTILE}"
    # pyhf itself takes no slash in the names of modifiers.
    model = counting(poi=f"poi{HOSTILE}", norm=f"norm{HOSTILE}", title=title, channel=f"</title>{HOSTILE}")
    report = make_report([model], command=f"nuhist report {HOSTILE}")
    assert report.studies[0].failures == ()
    page = Page(report.html)
    assert "b" in {tag for tag, _ in page.elements}  # of the axes
    assert [tag for tag, _ in page.elements].count("title") == 1
    assert [kind for kind, _ in page.scripts] == ["application/json", None]
    for name in (f"poi{HOSTILE}", f"norm{HOSTILE}", title, f"</title>{HOSTILE}"):
        assert " ".join(name.split()) in page.words
    numbers = json.loads(page.scripts[0][1])
    assert {name for name, _ in numbers["components"]} == {
        title,
        f"{title} signal",
        "sum, upper limit, 90 % CL",
    }
    assert "49" not in page.words.split()


def test_no_name_turns_the_text_around() -> None:
    model = counting(poi="mu\u202e", norm="norm\x07", title="back\u2066ground", channel="bin\u200f")
    report = make_report([model], command="nuhist report \u202ex")
    page = Page(report.html)
    assert not {*report.html} & {*"\u202e\x07\u2066\u200f"}
    for shown in (r"mu\u202e", r"norm\x07", r"back\u2066ground", r"bin\u200f", r"nuhist report \u202ex"):
        assert shown in page.words


def test_sidecar_texts_are_text() -> None:
    workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    text = json.dumps(workspace.sidecar, ensure_ascii=False)
    sidecar = json.loads(text.replace("LZ first science run", "LZ <img src=x onerror=alert(1)> $\\\\frac{$"))
    sidecar["command"] = "nuhist build </pre><script>x</script>"
    hostile = Page(make_report([Workspace(workspace.spec, sidecar, "lz.json")]).html)
    assert "img" not in {tag for tag, _ in hostile.elements}
    assert "LZ <img src=x onerror=alert(1)> $\\frac{$" in hostile.words
    assert "nuhist build </pre><script>x</script>" in hostile.words


@pytest.mark.usefixtures("undrawn")
def test_a_model_that_makes_no_sense() -> None:
    model = counting(background=(0, 6, 4), signal=(0, 2, 1))
    report = make_report([model])
    page = Page(report.html)
    (failure,) = report.studies[0].failures
    assert failure.step == "model"
    assert "12 events observed where every sample expects 0" in failure.message
    assert f"This step failed: model. {failure.message}" in page.words
    assert "m1-provenance" in page.attributes("id")
    assert "elsewhere.json" in page.files()


def test_a_step_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise FitError("elsewhere.json: the fit does not\x1b converge")

    monkeypatch.setattr(Model, "fit", fails)
    report = make_report([counting()])
    page = Page(report.html)
    assert [failure.step for failure in report.studies[0].failures] == ["fit"]
    assert "This step failed: fit. elsewhere.json: the fit does not\\x1b converge" in page.words
    assert "Not everything could be computed. Failed: fit." in page.words
    assert "mu <" in page.words  # the limit
    assert "figure" in {tag for tag, _ in page.elements}
    assert json.loads(page.files()["elsewhere.results.json"])["fit"] is None


@pytest.mark.usefixtures("undrawn")
def test_a_limit_without_its_expectation() -> None:
    # Without the coupling the first bin cannot have its events: no CLs, no significance, but a limit.
    report = make_report([counting(background=(0, 6, 4))])
    found = report.studies[0]
    assert [failure.step for failure in found.failures] == ["limit (cls)", "significance"]
    (interval,) = found.intervals
    assert interval.lower is not None
    assert interval.expected is None
    assert "This step failed: limit (cls)." in Page(report.html).words


def test_correlations_of_many_parameters_are_left_out() -> None:
    # Of 2,000 they are 80 MB of text, in a page that is to be sent.
    background = [50.0] * 301
    spec = {
        "channels": [
            {
                "name": "a",
                "samples": [
                    {
                        "name": "background",
                        "data": background,
                        "modifiers": [{"name": "stat", "type": "staterror", "data": [2.0] * 301}],
                    },
                    {
                        "name": "signal",
                        "data": [1.0] * 301,
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                ],
            }
        ],
        "observations": [{"name": "a", "data": background}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    workspace = Workspace(spec, None, "many.json")
    found = Study(workspace, fit=fit(workspace)).to_json()["fit"]
    assert len(found["parameters"]) == 302
    assert found["correlations"] == []
    assert "model.fit() has them" in found["correlations_note"]
