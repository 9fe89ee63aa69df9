"""What a rebuild makes: workspaces with the digests and limits of the kept index, and their templates."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import nuhist
from nuhist.experiments.experiment import ARGON_CHOICES
from nuhist.histfactory.loading import load
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.physics.hypotheses import FLAVOR_CHOICES
from nuhist.report.rebuild import entries, rebuild, rebuild_templates

INDEX = Path(nuhist.__file__).parents[1] / "workspaces" / "index.json"
HYPOTHESES = ("magnetic-moment", "millicharge-fea", "millicharge-epa-only", "millicharge-epa")
# One of each kind of workspace, treatment and number of experiments, made in each run of the tests.
CHOSEN = (
    "lz_ws2022_paper_magnetic-moment_effective_ar37-fixed.json",
    "lz_ws2022_components_millicharge-fea_effective_ar37-flat.json",
    "lz_ws2022_paper_millicharge-epa-only_tau_ar37-gaussian.json",
    "lz_ws2022_components_millicharge-epa_e_ar37-flat",
    "pandax4t_run1_millicharge-fea_effective.json",
    "joint_lz_xenonnt_magnetic-moment_effective.json",
)


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All bundled workspaces without their limits."""
    folder = tmp_path_factory.mktemp("rebuilt") / "workspaces"
    assert rebuild(folder, limits=False, jobs=2) == folder / "index.json"
    return folder


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """Entries of the index that the checkout keeps, by path."""
    if not INDEX.is_file():
        pytest.skip(f"{INDEX}: only a checkout has it")
    return {entry["path"]: entry for entry in read(INDEX)["workspaces"]}


@cache
def made(path: str) -> Workspace | SignalGrid:
    """One of the workspaces, made anew."""
    (entry,) = (entry for entry in entries() if entry.path == path)
    return entry.build()


def files(folder: Path) -> set[str]:
    """Paths of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("path", CHOSEN)
def test_digests_are_those_of_the_index(kept: dict[str, Any], path: str) -> None:
    assert made(path).digest == kept[path]["digest"]


@pytest.mark.thorough
def test_all_digests_are_those_of_the_index(rebuilt: Path, kept: dict[str, Any]) -> None:
    ours = {entry["path"]: entry for entry in read(rebuilt / "index.json")["workspaces"]}
    assert ours.keys() == kept.keys()
    for path, entry in ours.items():
        theirs = dict(kept[path])
        assert theirs.pop("expected_result")["min_chi2"] > 0
        assert entry == theirs, path


@pytest.mark.thorough
def test_index_and_files_agree(rebuilt: Path) -> None:
    folder = rebuilt
    index = read(folder / "index.json")
    named = {"index.json"}
    for entry in index["workspaces"]:
        path = folder / entry["path"]
        model = load(path)  # validates it, and finds its sidecar by digest
        assert model.digest == entry["digest"]
        grid = isinstance(model, SignalGrid)
        sidecar = model.background.sidecar if isinstance(model, SignalGrid) else model.sidecar
        assert sidecar is not None, path
        assert sidecar["command"] == entry["command"]
        assert (sidecar["hypothesis"], sidecar["flavor"]) == (entry["hypothesis"], entry["flavor"])
        if grid:
            names = ("BkgOnly.json", "BkgOnly.meta.json", "patchset.json")
            named |= {f"{entry['path']}/{name}" for name in names}
        else:
            named |= {entry["path"], entry["path"].replace(".json", ".meta.json")}
    assert named == files(folder)


@pytest.mark.thorough
def test_every_case_is_there(rebuilt: Path) -> None:
    index = read(rebuilt / "index.json")
    found = [
        (entry["background"], entry["hypothesis"], entry["flavor"], entry["ar37"])
        for entry in index["workspaces"]
        if entry["experiments"] == ["lz_ws2022"]
    ]
    assert sorted(found) == sorted(
        (background, hypothesis, flavor, ar37)
        for background in ("components", "paper")
        for hypothesis in HYPOTHESES
        for flavor in FLAVOR_CHOICES
        for ar37 in ARGON_CHOICES
    )
    digests = {entry["digest"] for entry in index["workspaces"]}
    assert len(digests) == len(index["workspaces"])  # no two alike
    for experiments in {tuple(entry["experiments"]) for entry in index["workspaces"]}:
        # Every hypothesis of every set of experiments.
        entries_of = [e for e in index["workspaces"] if e["experiments"] == list(experiments)]
        assert {entry["hypothesis"] for entry in entries_of} == set(HYPOTHESES)
    assert index["nuhist_version"] == nuhist.__version__
    assert index["delta_chi2"] == pytest.approx(2.7055, abs=1e-4)  # tables of χ²


@pytest.mark.thorough
def test_no_file_is_large(rebuilt: Path) -> None:
    folder = rebuilt
    sizes = {name: (folder / name).stat().st_size for name in files(folder)}
    assert max(sizes.values()) < 2**20  # 1 MiB: what a review still shows
    assert sum(sizes.values()) < 10 * 2**20


@pytest.mark.thorough
def test_a_rebuild_is_the_same_to_the_bit(rebuilt: Path, tmp_path: Path) -> None:
    # On one machine, in another process's order: one of each kind, again.
    chosen = [entry for entry in entries() if (entry.flavor, entry.ar37) == ("mu", "flat")]
    assert len(chosen) == 8
    for entry in chosen:
        entry.build().save(tmp_path / entry.path)
    again = files(tmp_path)
    assert len(again) == 2 * 6 + 3 * 2
    for name in again:
        assert (tmp_path / name).read_bytes() == (rebuilt / name).read_bytes(), name


@pytest.mark.thorough
def test_the_command_of_an_entry_makes_it(
    rebuilt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex
    import sys

    from click.testing import CliRunner

    from nuhist.cli.main import main

    monkeypatch.chdir(tmp_path)
    index = {entry["path"]: entry for entry in read(rebuilt / "index.json")["workspaces"]}
    for path in (
        "lz_ws2022_paper_millicharge-epa_tau_ar37-gaussian",
        "lz_ws2022_components_magnetic-moment_e_ar37-fixed.json",
    ):
        program, *arguments = shlex.split(index[path]["command"])
        assert program == "nuhist"
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert load(tmp_path / path).digest == index[path]["digest"]


def last_digit(value: float) -> float:
    """One unit of the last of four digits."""
    return float(10 ** (math.floor(math.log10(abs(value))) - 3))


@pytest.mark.parametrize("path", CHOSEN[:4])
def test_expected_results_of_the_index(kept: dict[str, Any], path: str) -> None:
    expected, interval = kept[path]["expected_result"], nuhist.limit(made(path))
    assert interval.unit == expected["unit"]
    for end, value in ((interval.lower, expected["lower"]), (interval.upper, expected["upper"])):
        if value is None:
            assert end is None
        else:
            # Ends are found to 1e-4 of themselves: up to one unit of the fourth digit; with rounding two.
            assert end == pytest.approx(value, abs=2 * last_digit(value))
    assert interval.min_chi2 == pytest.approx(expected["min_chi2"], abs=2e-3)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(nuhist.errors.DataError, match="cannot be made: "):
        rebuild(tmp_path / "file" / "workspaces", limits=False)


def test_which_templates_there_are() -> None:
    # Default treatment of each experiment and each hypothesis that is one workspace; flavours for LZ.
    flavors = {"lz_ws2022": FLAVOR_CHOICES}
    treatments = {"lz_ws2022": ("lz_ws2022_components", "_ar37-flat")}
    expected = set()
    for experiment in ("lz_ws2022", "lz_ws2024", "xenonnt_sr0", "pandax4t_run1"):
        start, end = treatments.get(experiment, (experiment, ""))
        for hypothesis in HYPOTHESES[:3]:
            for flavor in flavors.get(experiment, ("effective",)):
                expected.add(f"{start}_{hypothesis}_{flavor}{end}.root")
    assert len(expected) == 21
    assert {Path(e.path).with_suffix(".root").name for e in entries() if e.has_templates} == expected


def test_templates_hold_the_workspaces_and_are_written_where_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
    from click.testing import CliRunner

    from nuhist.cli.main import main
    from nuhist.exchange.root.read import import_root

    few = [entry for entry in entries() if entry.experiments == ("lz_ws2024",)]
    monkeypatch.setattr("nuhist.report.rebuild.entries", lambda: few)
    workspaces, folder = tmp_path / "workspaces", tmp_path / "templates"
    rebuild(workspaces, limits=False)
    result = CliRunner().invoke(main, ["rebuild", str(tmp_path), "--templates-only"])
    assert result.exit_code == 0, result.output
    assert result.stderr == f"{folder}: 3 files\n"
    assert files(folder) == {f"lz_ws2024_{hypothesis}_effective.root" for hypothesis in HYPOTHESES[:3]}
    for path in folder.iterdir():
        messages: list[str] = []
        found, original = import_root(path, message=messages.append), load(workspaces / f"{path.stem}.json")
        assert messages == []
        assert isinstance(original, Workspace)
        assert (found.digest, found.sidecar) == (original.digest, original.sidecar)
        assert path.stat().st_size < 2**20
    spoiled, lost, unchanged = sorted(folder.iterdir())
    before = {path: path.stat().st_mtime_ns for path in (spoiled, lost, unchanged)}
    spoiled.write_bytes(unchanged.read_bytes())  # a whole file, of another hypothesis
    lost.unlink()
    assert sorted(rebuild_templates(workspaces, folder)) == sorted(before)
    assert {path for path in before if path.stat().st_mtime_ns == before[path]} == {unchanged}
