"""A submission says what its data are, and takes none that nobody observed unless it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.workspace import load_workspace
from tests.exchange.hepdata.conftest import Run
from tests.exchange.hepdata.submissions import column, documents, extract, numbers, table


@pytest.fixture
def asimov(small: Path, tmp_path: Path) -> Path:
    """The small workspace, its data said to be Asimov."""
    workspace = load_workspace(small)
    assert workspace.sidecar is not None
    sidecar = {**workspace.sidecar, "data": data_record(workspace.spec, "asimov")}
    path = tmp_path / "forecast.json"
    path.write_text(workspace.to_json(), encoding="utf-8")
    (tmp_path / "forecast.meta.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return path


def test_asimov_data_are_refused(run: Run, asimov: Path, tmp_path: Path) -> None:
    result = run("hepdata", "build", "--data-license", "CC0-1.0", asimov, "-o", tmp_path / "made")
    assert result.exit_code == 1
    assert result.stderr == (
        "nuhist: forecast: its data are not observed (expected, Asimov); build it with observed data, or add"
        " --allow-asimov: tables, README and abstract then say what the data are\n"
    )
    assert not (tmp_path / "made").exists()


def test_tables_say_what_the_data_are(run: Run, asimov: Path, small: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    result = run("hepdata", "build", "--data-license", "CC0-1.0", asimov, "--allow-asimov", "-o", made)
    assert result.exit_code == 0, result.stderr
    head, *tables = documents(made)
    assert "Data of forecast: expected, Asimov." in head["comment"]
    assert all("expected, Asimov" in entry["description"] for entry in tables), tables
    spectrum = table(made, "Spectrum forecast")
    assert "Observed" not in json.dumps(spectrum)
    found = column(spectrum, "Expected, Asimov")
    assert {"name": "Data", "value": "expected, Asimov"} in found["qualifiers"]
    (limits,) = (entry["name"] for entry in tables if entry["name"].startswith("Limits"))
    assert set(numbers(column(table(made, limits), "Data"))) == {"expected, Asimov"}
    inside = extract(made / "likelihoods.tar.gz", tmp_path / "inside")
    readme = (inside / "README.md").read_text(encoding="utf-8")
    assert "- data: expected, Asimov\n" in readme
    assert " counts (expected, Asimov)" in readme
    assert "counts observed" not in readme
    expected = json.loads((inside / "expected_results.json").read_text(encoding="utf-8"))
    assert [model["data_kind"] for model in expected["models"]] == ["asimov"]
    checked = run("hepdata", "validate", made)
    assert checked.exit_code == 0, checked.stdout
    assert "ok      forecast: data: expected, Asimov; expected expected, Asimov\n" in checked.stdout


def test_a_sidecar_that_says_otherwise_fails(run: Run, asimov: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    assert (
        run("hepdata", "build", "--data-license", "CC0-1.0", asimov, "--allow-asimov", "-o", made).exit_code
        == 0
    )
    inside = extract(made / "likelihoods.tar.gz", tmp_path / "inside")
    path = inside / "forecast.meta.json"
    sidecar = json.loads(path.read_text(encoding="utf-8"))
    sidecar["data"]["kind"] = "toy"
    path.write_text(json.dumps(sidecar), encoding="utf-8")
    checked = run("hepdata", "validate", inside)
    assert checked.exit_code == 1
    assert "FAILED  forecast: data: simulated, toy; expected expected, Asimov" in checked.stdout


def test_permission_for_nothing(run: Run, small: Path, tmp_path: Path) -> None:
    result = run(
        "hepdata", "build", "--data-license", "CC0-1.0", small, "--allow-asimov", "-o", tmp_path / "made"
    )
    assert result.exit_code == 2
    assert "--allow-asimov: does nothing, since no model has Asimov data or toys" in result.stderr
