"""``nuhist hepdata validate``: passes on what build made, and finds what was changed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nuhist.exchange.hepdata.archive import pack
from tests.exchange.hepdata.conftest import Run
from tests.exchange.hepdata.submissions import documents, extract, write_small

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="session")
def small_submission(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of the small workspace; not to be written to."""
    folder = tmp_path_factory.mktemp("small")
    result = run(
        "hepdata", "build", "--data-license", "CC0-1.0", write_small(folder), "-o", folder / "submission"
    )
    assert result.exit_code == 0, result.output
    return folder / "submission"


@pytest.fixture
def copied(small_submission: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(small_submission, tmp_path / "copied"))


def change_likelihoods(folder: Path, scratch: Path, change: Change) -> None:
    inside = extract(folder / "likelihoods.tar.gz", scratch)
    members = {path.name: path.read_bytes() for path in inside.iterdir()}
    change(members)
    (folder / "likelihoods.tar.gz").write_bytes(pack(members))


def failed(run: Run, path: Path) -> dict[str, str]:
    """Checks that fail, with what was found; the command ends with 1 if there are any."""
    result = run("hepdata", "validate", path, "--json")
    document = json.loads(result.stdout)
    found = {check["name"]: check["detail"] for check in document["checks"] if not check["passed"]}
    assert document["valid"] == (not found)
    assert result.exit_code == (1 if found else 0)
    if found:
        assert f"{len(found)} of {len(document['checks'])} checks failed" in result.stderr
    return found


@pytest.mark.thorough
def test_what_was_built_is_valid(run: Run, single: Path, several: tuple[Path, str]) -> None:
    result = run("hepdata", "validate", single)
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert len(lines) == 11
    assert all(line.startswith("ok ") for line in lines)
    assert failed(run, several[0]) == {}


def test_archive_and_likelihoods_alone_are_valid(run: Run, small_submission: Path) -> None:
    assert failed(run, Path(f"{small_submission}.tar.gz")) == {}
    assert failed(run, small_submission / "likelihoods.tar.gz") == {}


def test_a_file_too_many(run: Run, copied: Path) -> None:
    (copied / "extra.txt").write_text("", encoding="utf-8")
    assert failed(run, copied) == {
        "hepdata-validator": "extra.txt: extra.txt is not referenced in the submission."
    }


def test_without_a_resource(run: Run, copied: Path) -> None:
    text = (copied / "submission.yaml").read_text(encoding="utf-8")
    (copied / "submission.yaml").write_text(
        text.replace("type: HistFactory", "type: other"), encoding="utf-8"
    )
    assert set(failed(run, copied)) == {"resource of type HistFactory"}


@pytest.mark.parametrize("location", ["../likelihoods.tar.gz", "/etc/passwd", "https://example.org/x"])
def test_a_resource_elsewhere(run: Run, copied: Path, location: str) -> None:
    assert documents(copied)[0]["additional_resources"][0]["location"] == "likelihoods.tar.gz"
    text = (copied / "submission.yaml").read_text(encoding="utf-8")
    changed = text.replace("location: likelihoods.tar.gz", f"location: {location}", 1)
    (copied / "submission.yaml").write_text(changed, encoding="utf-8")
    assert "is no file of the submission" in failed(run, copied)["resource of type HistFactory"]


def results(change: Callable[[dict[str, Any]], None]) -> Change:
    """A change of expected_results.json."""

    def apply(members: dict[str, bytes]) -> None:
        document = json.loads(members["expected_results.json"])
        change(document)
        members["expected_results.json"] = json.dumps(document).encode()

    return apply


def tighter(document: dict[str, Any]) -> None:
    interval = document["models"][0]["intervals"][0]
    interval["parameter_upper"] *= 0.99
    interval["upper"] *= 0.99**0.5


def tighter_cls(document: dict[str, Any]) -> None:
    document["models"][0]["intervals"][1]["parameter_upper"] *= 0.99


def deeper(document: dict[str, Any]) -> None:
    document["models"][0]["twice_nll"] += 0.01


def better(document: dict[str, Any]) -> None:
    document["models"][0]["min_chi2"] -= 0.01


def not_a_number(document: dict[str, Any]) -> None:
    document["models"][0]["intervals"][0]["parameter_upper"] = float("nan")


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("change", "checks"),
    [
        (tighter, {"README.md", "small: stock pyhf, profile"}),
        (tighter_cls, {"README.md", "small: stock pyhf, CLs"}),
        (deeper, {"small: stock pyhf, 2NLL"}),
        (better, {"README.md", "small: min_chi2"}),
    ],
)
def test_wrong_results_are_found(
    run: Run, copied: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], checks: set[str]
) -> None:
    change_likelihoods(copied, tmp_path / "x", results(change))
    assert set(failed(run, copied)) == checks


def readme(members: dict[str, bytes]) -> None:
    members["README.md"] = members["README.md"].replace(b"| small | mu_nu |", b"| other | mu_nu |", 1)


def no_readme(members: dict[str, bytes]) -> None:
    del members["README.md"]


def more_data(members: dict[str, bytes]) -> None:
    document = json.loads(members["small.json"])
    document["observations"][0]["data"][0] += 1
    members["small.json"] = json.dumps(document).encode()


def other_background(members: dict[str, bytes]) -> None:
    document = json.loads(members["BkgOnly.json"])
    document["observations"][0]["data"][0] += 1
    members["BkgOnly.json"] = json.dumps(document).encode()


def other_point(members: dict[str, bytes]) -> None:
    document = json.loads(members["patchset.json"])
    counts = document["patches"][-1]["patch"][0]["value"]
    counts[0] *= 1.01
    members["patchset.json"] = json.dumps(document).encode()


def no_pyhf(members: dict[str, bytes]) -> None:
    members["small.json"] = b'{"channels": []}'


def extra(members: dict[str, bytes]) -> None:
    members["more.json"] = b"{}"


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("change", "checks"),
    [
        (readme, {"README.md"}),
        (no_readme, {"README.md"}),
        (extra, {"files"}),
        (other_background, {"files", "small: pyhf patchset verify"}),
        (other_point, {"files", "small: signal points"}),
    ],
)
def test_wrong_files_are_found(
    run: Run, copied: Path, tmp_path: Path, change: Change, checks: set[str]
) -> None:
    change_likelihoods(copied, tmp_path / "x", change)
    assert set(failed(run, copied)) == checks


def test_other_data_are_found(run: Run, copied: Path, tmp_path: Path) -> None:
    change_likelihoods(copied, tmp_path / "x", more_data)
    assert {"files", "small: digest", "small: stock pyhf, profile"} <= set(failed(run, copied))


def test_what_pyhf_refuses_is_found(run: Run, copied: Path, tmp_path: Path) -> None:
    change_likelihoods(copied, tmp_path / "x", no_pyhf)
    assert "small: workspace" in failed(run, copied)


def deep(members: dict[str, bytes]) -> None:
    members["small.json"] = b"[" * 60 + b"]" * 60


def no_results(members: dict[str, bytes]) -> None:
    del members["expected_results.json"]


def missing(members: dict[str, bytes]) -> None:
    del members["small.json"]


def outside(document: dict[str, Any]) -> None:
    document["models"][0]["workspace"] = "../small.json"


def other_form(document: dict[str, Any]) -> None:
    document["models"][0]["intervals"][0]["delta_chi2"] = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (deep, "small.json: is JSON nested more than 50 levels deep"),
        (no_results, "likelihoods.tar.gz: has no expected_results.json"),
        (missing, "small.json: "),
        (results(outside), "expected_results.json: models[0]"),
        (results(not_a_number), "models[0].intervals[0].parameter_upper: nan is no finite number"),
        (results(other_form), "expected_results.json: models[0].intervals[0].delta_chi2"),
    ],
)
def test_what_cannot_be_read_is_refused(
    run: Run, copied: Path, tmp_path: Path, change: Change, message: str
) -> None:
    change_likelihoods(copied, tmp_path / "x", change)
    result = run("hepdata", "validate", copied)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_other_folders_and_files_are_refused(run: Run, tmp_path: Path) -> None:
    assert "is no submission" in run("hepdata", "validate", tmp_path).stderr
    (tmp_path / "x.tar.gz").write_bytes(pack({"a": b""}))
    assert "is no submission" in run("hepdata", "validate", tmp_path / "x.tar.gz").stderr
    assert "cannot be read" in run("hepdata", "validate", tmp_path / "nothing").stderr


def test_without_the_extra(run: Run, small_submission: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hepdata_validator.full_submission_validator", None)
    result = run("hepdata", "validate", small_submission)
    assert result.exit_code == 1
    assert "pip install 'nuhist[hepdata]'" in result.stderr
