"""A user's own experiment folder: it works, and what is wrong with it is named by file and key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nuhist import load_experiment

Refused = Callable[..., str]
Content = dict[str, Any]

TOY: Content = {
    "name": "toy",
    "title": "Toy detector",
    "sources": ["invented here"],
    "exposure": 1.0,
    "binning": {"low": 1.0, "high": 11.0, "bins": 5},
    "response": {"efficiency": {"table": "efficiency.csv", "energy": "T", "value": "eff"}},
    "default_background": "simple",
    "backgrounds": {
        "simple": {
            "observed": {"counts": {"table": "counts.csv", "column": "events"}},
            "response": "none",
            "flux": "paper",
            "samples": [
                {"name": "flat", "events": 50, "error": 5, "shape": {"flat": True}},
                {"name": "line", "events": 10, "constraint": 0.2,
                 "shape": {"lines": [{"energy": 5.2, "weight": 1}]}},
            ],
        }
    },
}  # fmt: skip
TABLES = {
    "efficiency.csv": "# true energy in keV\nT,eff\n0,0\n1,0.5\n2,1\n20,1\n",
    "counts.csv": "events\n10\n12\n11\n13\n9\n",
}
BUILD = ("--hypothesis", "magnetic-moment")


def write(folder: Path, content: Any = TOY, tables: dict[str, str] = TABLES) -> Path:
    """An experiment folder."""
    folder.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    for name, table in tables.items():
        (folder / name).write_text(table, encoding="utf-8")
    return folder


def test_the_toy_experiment_is_good(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("build", write(tmp_path / "toy"), *BUILD)
    assert result.exit_code == 0, result.stderr
    spec = json.loads(result.stdout)
    assert spec["observations"] == [{"name": "toy", "data": [10, 12, 11, 13, 9]}]
    sums = {s["name"]: sum(s["data"]) for s in spec["channels"][0]["samples"]}
    assert (sums["flat"], sums["line"]) == (pytest.approx(50), pytest.approx(10))


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("exposure",), -1.0, "exposure: -1.0 is less than or equal to the minimum of 0"),
        (("exposure",), "much", "exposure: 'much' is not of type 'number'"),
        (("expsure",), 1.0, "'expsure' was unexpected"),
        (("binning", "bins"), 0, "binning.bins: 0 is less than the minimum of 1"),
        (("binning", "high"), 0.5, "binning.high: 0.5 is not above binning.low"),
        (("default_background",), "other", "default_background: no entry of that name"),
        (
            ("backgrounds", "simple", "response"),
            "magic",
            "backgrounds.simple.response: 'magic' is not one of",
        ),
        (("backgrounds", "simple", "samples", 0, "error"), 60, "samples[0].error: 60 exceeds the 50 events"),
        (("backgrounds", "simple", "samples", 1, "constraint"), 1.4, "write 0.14 for 14 %"),
        (("backgrounds", "simple", "samples", 1, "name"), "flat", "samples: 'flat' is there twice"),
        (("backgrounds", "simple", "samples", 0, "constraint"), 0.1, "exclude each other; keep one"),
        (("response", "efficiency", "table"), "no.csv", "no.csv: cannot be read: No such file"),
        (("response", "efficiency", "value"), "efficiency", "has no column 'efficiency'; it has T, eff"),
        (("backgrounds", "simple", "response"), "matrix", "toy has no response matrix"),
        (("backgrounds", "simple", "argon37"), "flat", "toy has no ³⁷Ar"),
    ],
)
def test_wrong_keys_and_values(
    refused: Refused, tmp_path: Path, keys: tuple[str | int, ...], value: object, message: str
) -> None:
    content = copy.deepcopy(TOY)
    target: Any = content
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = value
    folder = write(tmp_path / "toy", content)
    assert message in refused("build", folder, *BUILD, "-o", tmp_path / "out.json")


@pytest.mark.parametrize("key", ["name", "exposure", "binning", "response", "backgrounds", "sources"])
def test_missing_keys(refused: Refused, tmp_path: Path, key: str) -> None:
    folder = write(tmp_path / "toy", {name: value for name, value in TOY.items() if name != key})
    found = refused("experiments", folder)
    assert found == f"{folder / 'experiment.yaml'}: '{key}' is a required property"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "is no YAML: "),
        ("- a\n- b\n", "is not of type 'object'"),
        ("", "is not of type 'object'"),
        ("name: !!python/object/apply:os.getcwd []", "is no YAML: "),
    ],
)
def test_files_that_are_no_experiment(refused: Refused, tmp_path: Path, text: str, message: str) -> None:
    folder = write(tmp_path / "toy", text)
    found = refused("build", folder, *BUILD)
    assert found.startswith(f"{folder / 'experiment.yaml'}: ")
    assert message in found


def test_a_folder_without_experiment(refused: Refused, tmp_path: Path) -> None:
    assert refused("build", tmp_path, *BUILD) == f"{tmp_path}: has no experiment.yaml"


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("efficiency.csv", "T,eff\n0,0\n1,nan\n2,1\n", "column 'eff', row 2: nan is not a finite number"),
        ("efficiency.csv", "T,eff\n0,0\n1,\n2,1\n", "column 'eff', row 2: nan is not a finite number"),
        ("efficiency.csv", "T,eff\n0,0\n2,1\n1,0.5\n", "column 'T', row 3: 1 is not above the row before it"),
        ("efficiency.csv", "T,eff\n0,0\n1,1\n1,0.5\n", "column 'T', row 3: 1 is not above the row before it"),
        ("efficiency.csv", "T,eff\n0,0\n1,1.5\n", "column 'eff' exceeds 1"),
        (
            "efficiency.csv",
            "T,eff\n0,0\n9,0.8\n",
            "ends at 9 keV with 0.8, but the bins go to 11 keV; add rows",
        ),
        ("efficiency.csv", "T,eff\n0,0\n1,-0.5\n", "column 'eff', row 2: -0.5 is negative"),
        ("efficiency.csv", "T\n0\n1\n", "has no column 'eff'; it has T"),
        ("efficiency.csv", "T,eff\n0,0\n1\n", "line 3 has 1 columns, the header 2"),
        ("efficiency.csv", "T,eff\n0,zero\n", "'zero' is no number"),
        ("efficiency.csv", "T,eff\n", "has no rows"),
        ("counts.csv", "events\n10\n12\n11\n13\n-9\n", "column 'events', row 5: -9 is negative"),
        ("counts.csv", "events\n10\n12\n", "has 2 rows, toy has 5 bins"),
        ("counts.csv", "events\n10\n12\n11\n13\ninf\n", "row 5: inf is not a finite number"),
        ("counts.csv", "counts\n10\n12\n11\n13\n9\n", "has no column 'events'; it has counts"),
    ],
)
def test_wrong_tables(refused: Refused, tmp_path: Path, table: str, content: str, message: str) -> None:
    folder = write(tmp_path / "toy", TOY, {**TABLES, table: content})
    found = refused("build", folder, *BUILD, "-o", tmp_path / "out.json")
    assert found.startswith(f"{folder / table}: ")
    assert message in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("counts\n1\n2\n", "has 2 rows, lz_ws2022 has 51 bins"),
        ("events\n" + 51 * "1\n", "has no column 'counts'"),
        ("counts\n" + 50 * "1\n" + "nan\n", "row 51: nan is not a finite number"),
        ("counts\n" + 50 * "1\n" + "-1\n", "row 51: -1 is negative"),
        ("counts\n" + 50 * "1\n" + "0.5\n", "row 51: 0.5 is no whole number of events"),
    ],
)
def test_wrong_observed_counts(refused: Refused, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(content, encoding="utf-8")
    found = refused("build", "lz_ws2022", *BUILD, "--observed", path, "-o", tmp_path / "out.json")
    assert found.startswith(f"{path}: ")
    assert message in found


def test_observed_counts_that_cannot_be_read(refused: Refused, tmp_path: Path) -> None:
    missing = tmp_path / "no.csv"
    message = refused("build", "lz_ws2022", *BUILD, "--observed", missing)
    assert message == f"{missing}: cannot be read: No such file or directory"


def test_the_toy_is_what_the_library_reads(tmp_path: Path) -> None:
    experiment = load_experiment(write(tmp_path / "toy"))
    assert (experiment.name, experiment.bins, experiment.exposure) == ("toy", 5, 1.0)
    assert experiment.edges.tolist() == [1, 3, 5, 7, 9, 11]
