"""The report page as a document: what it says, and that it holds everything."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import nuhist
from nuhist import Execution, Workspace, build, build_patchset, load
from nuhist.errors import ConfigError
from nuhist.histfactory.workspace import digest
from nuhist.report import page_section
from nuhist.report.page import Report, make_report
from tests.report.page_reader import Page, counting

JOINT = "joint_lz_xenonnt_magnetic-moment_effective.json"
COMMAND = "nuhist build lz_ws2022 lz_ws2024 xenonnt_sr0 --hypothesis magnetic-moment"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The joint workspace, from its file."""
    path = tmp_path_factory.mktemp("page") / JOINT
    build("lz_ws2022", "lz_ws2024", "xenonnt_sr0", hypothesis="magnetic-moment", command=COMMAND).save(path)
    found = load(path)
    assert isinstance(found, Workspace)
    return found


@pytest.fixture(scope="module")
def joint(workspace: Workspace) -> tuple[Report, float]:
    """The report on the joint workspace, with the seconds of processor that it took."""
    start = time.process_time()
    report = make_report(
        [workspace],
        execution=Execution(toys=200),
        command="nuhist report joint.json -o r.html",
    )
    return report, time.process_time() - start


@pytest.fixture(scope="module")
def page(joint: tuple[Report, float]) -> Page:
    """The same, parsed; every element is closed in its order."""
    return Page(joint[0].html)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures left out, which take most of the time."""
    monkeypatch.setattr(page_section, "to_svg", lambda *_: "<svg></svg>")


@pytest.mark.thorough
def test_small_and_quick(joint: tuple[Report, float]) -> None:
    report, seconds = joint
    assert 100_000 < len(report.html.encode()) < 3_000_000
    assert seconds < 15


def test_it_says_what_was_found(page: Page, workspace: Workspace) -> None:
    # README: LZ and XENONnT give mu < 7.13e-12 mu_B at 90 % CL; symbols have subscripts.
    assert "μ ν < 7.13 × 10⁻¹² μ B at 90 % confidence level" in page.words
    assert "2NLL, profiled over all other parameters, less than 2.7055 above its global minimum" in page.words
    for text in (
        "neutrino magnetic moment; one coupling that all flavours share",
        "LZ first science run (WS2022), 335 events between 0 and 17 keVee",
        "from 200 toys thrown at the best fit (seed 0)",
        "arXiv:2207.11330",  # a source
        "The binning of reconstructed energy in Fig. 6 is LZ's own",  # an assumption
        COMMAND,
        "nuhist report joint.json -o r.html",
        f"nuhist {nuhist.__version__}",
        "pyhf 0.7.6",
        workspace.digest,
    ):
        assert text in page.words, text
    assert "failed" not in page.words


def test_a_range_has_its_unit_beside_it(page: Page) -> None:
    # In the head of the column it stood over cS2 and other axes of nuclear recoils, too.
    assert "1 to 30 keV" in page.words
    assert "Range [keV]" not in page.words


def test_events_per_component(page: Page) -> None:
    # Expected before the fit: LZ's Table I, and 96 events of 37Ar times 0.547, where its norm starts.
    assert "β decays and detector ER 215.00" in page.words
    assert "Observed 335 " in page.words
    assert "Observed 1787 " in page.words  # LZ WS2024
    assert "Observed 433 " in page.words  # XENONnT


def test_every_section_is_in_the_contents(page: Page) -> None:
    ids = Counter(page.attributes("id"))
    assert max(ids.values()) == 1
    targets = [link.removeprefix("#") for link in page.attributes("href") if link.startswith("#m1-")]
    drawn = {target for target in targets if "glyph" not in target}
    parts = ("tested", "result", "spectrum", "yields", "fit", "goodness", "scan", "pulls", "ranking")
    assert drawn >= {f"m1-{part}" for part in (*parts, "provenance", "files")}
    assert set(targets) <= ids.keys()


def test_nothing_is_loaded(page: Page) -> None:
    for name in ("href", "src", "xlink:href", "action", "data", "srcset"):
        assert all(value.startswith(("#", "data:")) for value in page.attributes(name)), name
    assert "link" not in {tag for tag, _ in page.elements}


def test_the_files_are_the_workspace_its_sidecar_and_the_results(
    page: Page, joint: tuple[Report, float], workspace: Workspace, tmp_path: Path
) -> None:
    files = page.files()
    stem = JOINT.removesuffix(".json")
    assert files.keys() == {f"{stem}.json", f"{stem}.meta.json", f"{stem}.results.json"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found, original = load(tmp_path / JOINT), workspace
    assert found.digest == original.digest
    assert isinstance(found, Workspace)
    assert found.sidecar is not None
    results = json.loads(files[f"{stem}.results.json"])
    assert results == joint[0].to_json()["models"][0]
    assert results["failures"] == []
    limits = {entry["method"]: entry["upper"] for entry in results["limits"]}
    # The same from the library, in another order of fits: ends are found to 1e-4.
    assert limits == pytest.approx(
        {"profile": nuhist.limit(original).upper, "cls": nuhist.limit(original, method="cls").upper}, rel=2e-4
    )


@pytest.mark.usefixtures("undrawn")
def test_a_grid(tmp_path: Path) -> None:
    couplings = np.linspace(-3e-13, 3e-13, 13).tolist()
    grid = build_patchset("lz_ws2022", couplings=couplings, hypothesis="millicharge-epa", background="paper")
    grid.save(tmp_path / "epa")
    loaded = load(tmp_path / "epa")
    report = make_report([loaded])
    found, page = report.studies[0], Page(report.html)
    assert found.failures == ()
    expected = nuhist.limit(loaded)
    assert (found.intervals[0].lower, found.intervals[0].upper) == (expected.lower, expected.upper)
    assert "at 13 signal points" in page.words
    assert "m1-ranking" not in page.attributes("id")
    files = page.files()
    assert files.keys() == {"BkgOnly.json", "BkgOnly.meta.json", "patchset.json", "epa.results.json"}
    assert digest(json.loads(files["patchset.json"])) == grid.digest
    assert found.fit is not None
    assert found.fit.best_fit in [pytest.approx(coupling, abs=1e-20) for coupling in couplings]


@pytest.mark.usefixtures("undrawn")
def test_several_models(tmp_path: Path) -> None:
    moment = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    report = make_report([moment, counting(), counting(background=(0, 6, 4), signal=(0, 2, 1))])
    page = Page(report.html)
    assert "summary" in page.attributes("id")
    assert {"m1", "m2", "m3"} <= set(page.attributes("id"))
    assert max(Counter(page.attributes("id")).values()) == 1
    assert "some steps failed" in page.words
    assert report.to_json()["models"][0]["workspace_digest"] == moment.digest


def test_a_level_that_is_none() -> None:
    with pytest.raises(ConfigError, match="confidence level 2"):
        make_report([counting()], confidence_level=2)
