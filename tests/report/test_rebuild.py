"""The bundled workspaces and templates: rebuilt, compared with those of the checkout, and their limits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nuhist
from nuhist.experiments.experiment import ARGON_CHOICES
from nuhist.histfactory.loading import load
from nuhist.histfactory.patchset import SignalGrid
from nuhist.physics.hypotheses import FLAVOR_CHOICES
from nuhist.report.rebuild import entries, rebuild, rebuild_templates

CHECKOUT = Path(nuhist.__file__).parents[1] / "workspaces"
HYPOTHESES = ("magnetic-moment", "millicharge-fea", "millicharge-epa-only", "millicharge-epa")
# Sums of some thousand products, in another order on another machine, are 1e-13 apart; the spline and
# the quadratures behind them lose no more than 1e-10.
SAME = 1e-9


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
def bundled() -> Path:
    """Those of the checkout."""
    if not (CHECKOUT / "index.json").is_file():
        pytest.skip(f"{CHECKOUT}: no bundled workspaces beside the package; only a checkout has them")
    return CHECKOUT


def files(folder: Path) -> set[str]:
    """Paths of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """Where two documents differ: numbers by more than 1e-9 of themselves, all else at all."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            if key not in ours or key not in theirs:
                yield f"{place}/{key}: only in one"
            else:
                yield from differences(ours[key], theirs[key], f"{place}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{place}/{index}")
    elif isinstance(ours, float) or isinstance(theirs, float):
        # 1e-12 counts: what is left of a background when all of a bin is taken out of it.
        if not math.isclose(ours, theirs, rel_tol=SAME, abs_tol=1e-12):
            yield f"{place}: {ours} and {theirs}"
    elif ours != theirs:
        yield f"{place}: {ours!r} and {theirs!r}"


def without_digests(document: Any) -> Any:
    """The document without what rounding changes altogether."""
    if isinstance(document, dict):
        kept = document.items()
        return {key: without_digests(value) for key, value in kept if "digest" not in key}
    return [without_digests(value) for value in document] if isinstance(document, list) else document


def test_the_comparison_sees_what_it_should() -> None:
    good = {"a": [1.0, 2.0], "b": "text", "digest": "1"}
    assert list(differences(good, {**good, "a": [1.0, 2.0 * (1 + 1e-10)]})) == []
    for bad in ({"a": [1.0, 2.0 * (1 + 1e-8)]}, {"a": [1.0]}, {"b": "other"}, {"c": 1}, {"a": [1.0, None]}):
        try:
            found = list(differences(good, {**good, **bad}))
        except TypeError:  # a number and no number
            continue
        assert len(found) == 1
    assert "digest" not in without_digests(good)


@pytest.mark.thorough
def test_the_checkout_is_what_a_rebuild_gives(rebuilt: Path, bundled: Path) -> None:
    assert files(bundled) == files(rebuilt)
    for name in sorted(files(rebuilt) - {"index.json"}):
        ours, theirs = without_digests(read(rebuilt / name)), without_digests(read(bundled / name))
        ours.pop("nuhist_version", None)
        theirs.pop("nuhist_version", None)
        assert list(differences(ours, theirs)) == [], name
    ours, theirs = (read(folder / "index.json")["workspaces"] for folder in (rebuilt, bundled))
    for entry in theirs:
        assert entry.pop("expected_result")["min_chi2"] > 0
    assert list(differences(without_digests(ours), without_digests(theirs))) == []


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("place", ["bundled", "rebuilt"])
def test_index_and_files_agree(place: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(place)
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


@pytest.mark.parametrize("place", ["bundled", "rebuilt"])
def test_no_file_is_large(place: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(place)
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


@pytest.mark.parametrize(
    "path",
    [
        "lz_ws2022_paper_magnetic-moment_effective_ar37-fixed.json",
        "lz_ws2022_components_millicharge-fea_effective_ar37-flat.json",
        "lz_ws2022_paper_millicharge-epa-only_tau_ar37-gaussian.json",
        "lz_ws2022_components_millicharge-epa_e_ar37-flat",
    ],
)
def test_expected_results_of_the_index(bundled: Path, path: str) -> None:
    (entry,) = (found for found in read(bundled / "index.json")["workspaces"] if found["path"] == path)
    expected, interval = entry["expected_result"], nuhist.limit(load(bundled / path))
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


@pytest.fixture(scope="module")
def templates(bundled: Path) -> Path:
    """ROOT templates of the checkout."""
    pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
    return bundled.parent / "templates"


@pytest.mark.thorough
def test_templates_hold_the_bundled_workspaces(templates: Path, bundled: Path) -> None:
    from nuhist.exchange.root.read import import_root

    index = {entry["path"]: entry for entry in read(bundled / "index.json")["workspaces"]}
    for path in sorted(templates.iterdir()):
        name = path.with_suffix(".json").name
        messages: list[str] = []
        found = import_root(path, message=messages.append)
        assert messages == [], path
        assert found.digest == index[name]["digest"], path
        assert found.sidecar == load(bundled / name).sidecar  # type: ignore[union-attr]


def test_which_templates_are_bundled(templates: Path) -> None:
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
    assert files(templates) == expected
    assert {Path(e.path).with_suffix(".root").name for e in entries() if e.has_templates} == expected


def test_templates_are_small(templates: Path) -> None:
    sizes = [path.stat().st_size for path in templates.iterdir()]
    assert max(sizes) < 2**20
    assert sum(sizes) < 3 * 2**20


def test_templates_are_written_where_they_differ(
    templates: Path, bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from nuhist.cli.main import main

    few = [entry for entry in entries() if entry.experiments == ("lz_ws2024",)]
    monkeypatch.setattr("nuhist.report.rebuild.entries", lambda: few)
    (tmp_path / "workspaces").symlink_to(bundled)
    result = CliRunner().invoke(main, ["rebuild", str(tmp_path), "--templates-only"])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "templates"
    assert result.stderr == f"{folder}: 3 files\n"
    assert files(folder) == {name for name in files(templates) if name.startswith("lz_ws2024")}
    spoiled, lost, kept = sorted(folder.iterdir())
    before = {path: path.stat().st_mtime_ns for path in (spoiled, lost, kept)}
    spoiled.write_bytes(kept.read_bytes())  # a whole file, of another hypothesis
    lost.unlink()
    assert sorted(rebuild_templates(bundled, folder)) == sorted(before)
    assert {path for path in before if path.stat().st_mtime_ns == before[path]} == {kept}
