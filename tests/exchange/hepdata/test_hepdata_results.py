"""Tables of exclusions, forecasts and contours in a submission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nuhist import Workspace
from nuhist.errors import ConfigError
from nuhist.exchange.hepdata.submission import build_submission, messages
from nuhist.methods.result_files import Result
from tests.planes import circle, forecast, plane, scan
from tests.report.page_reader import counting

pytest.importorskip("hepdata_lib")
RESULTS: dict[str, Result] = {
    "plane": plane(failed=1),
    "line": plane(light=(100,)),
    "bl": scan(),
    "charges": circle(),
    "darwin": forecast(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hepdata") / "submission"
    model = Workspace(counting().spec)
    build_submission({"model": model}, folder, data_license="CC0-1.0", results=RESULTS)
    assert not messages(folder)
    return folder


def columns(folder: Path, name: str) -> dict[str, list[Any]]:
    """Values by the names of columns, of both kinds."""
    document = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    return {
        f"{entry['header']['name']} [{entry['header'].get('units', '')}]": [
            each["value"] for each in entry["values"]
        ]
        for kind in ("independent_variables", "dependent_variables")
        for entry in document[kind]
    }


def test_exclusion(folder: Path) -> None:
    found, result = columns(folder, "exclusion_plane"), plane(failed=1)
    assert found["heavy []"] == [point.values[0] for point in result.points]
    assert found["cls_observed []"][0] == "-"  # it failed
    observed = [point.cls_observed for point in result.points[1:]]
    assert found["cls_observed []"][1:] == pytest.approx(observed, rel=1e-7)  # HEPData's digits
    assert found["upper_expected, median []"][1:] == pytest.approx(
        [point.upper_expected[2] for point in result.points[1:]], rel=1e-7
    )


def test_contours_of_an_exclusion(folder: Path) -> None:
    found = columns(folder, "exclusion_contours_plane")
    (line,) = next(each.lines for each in plane(failed=1).contours if each.of == "observed")
    rows = [index for index, of in enumerate(found["contour []"]) if of == "observed"]
    assert [found["light []"][row] for row in rows] == pytest.approx([y for _, y in line], rel=1e-7)
    assert "expected, +1 sigma" in found["contour []"]
    # In one label a place is all there is.
    ((place,),) = next(each.lines for each in plane(light=(100,)).contours if each.of == "observed")
    assert columns(folder, "exclusion_contours_line")["heavy []"][0] == pytest.approx(place[0], rel=1e-7)


def test_scan_forecast_and_contour(folder: Path) -> None:
    found = columns(folder, "limits_over_bl")
    assert found["mass [keV]"] == [1.0, 10.0, 100.0] * 2
    assert found["upper g2_nu []"] == pytest.approx([2e-14, 11e-14, 101e-14] * 2, rel=1e-7)
    found = columns(folder, "sensitivity_darwin")
    assert found["exposure [t yr]"] == [10.0, 100.0, 1000.0]
    middle = [point.upper_expected[2] for point in forecast().points]
    assert found["upper mu_nu, median [mu_B]"] == pytest.approx(middle, rel=1e-7)
    assert columns(folder, "contour_charges")["q_numu [e_0]"][4] == pytest.approx(1.0)


def test_results_of_asimov_data_need_a_word(tmp_path: Path) -> None:
    model = Workspace(counting().spec)
    with pytest.raises(ConfigError, match=r"bl: its data are not observed .*allow_asimov=True"):
        build_submission(
            {"model": model}, tmp_path / "one", data_license="MIT", results={"bl": scan("asimov")}
        )
