"""Exclusions over a PatchSet: every point against pyhf, contours by hand, work that is taken up again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import CliRunner

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError, DataError, FitError, ModelError, OptionError
from nuhist.histfactory.workspace import digest
from nuhist.methods import exclusion_contours
from nuhist.methods.exclusion_contours import choose_labels, make_contours
from nuhist.methods.exclusion_results import Exclusion, ExclusionPoint, from_json
from nuhist.methods.interpolated import Mesh

HEAVY, LIGHT = (400, 600, 800, 1000), (100, 200, 300)
BACKGROUND = {
    "channels": [
        {
            "name": "region",
            "samples": [
                {
                    "name": "background",
                    "data": [52.0, 31.0],
                    "modifiers": [
                        {"name": "size", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}},
                        {"name": "bins", "type": "shapesys", "data": [4.0, 3.0]},
                    ],
                }
            ],
        }
    ],
    "observations": [{"name": "region", "data": [50.0, 33.0]}],
    "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}


def signal(heavy: float, light: float) -> list[float]:
    """Fewer events at larger masses: exp(-heavy / 150) of them."""
    size = 2500 * float(np.exp(-heavy / 150)) * (1 - light / 1000)
    return [size, 0.6 * size]


def log(value: float | None) -> float:
    return float(np.log(value or np.nan))


def patch(heavy: float, light: float) -> dict[str, Any]:
    sample = {
        "name": "signal",
        "data": signal(heavy, light),
        "modifiers": [
            {"name": "mu", "type": "normfactor", "data": None},
            {"name": "size", "type": "normsys", "data": {"hi": 1.05, "lo": 0.95}},
        ],
    }
    return {
        "metadata": {"name": f"m_{heavy}_{light}", "values": [heavy, light]},
        "patch": [{"op": "add", "path": "/channels/0/samples/-", "value": sample}],
    }


def patchset(patches: Sequence[dict[str, Any]], labels: Sequence[str] = ("heavy", "light")) -> dict[str, Any]:
    return {
        "metadata": {
            "references": {"hepdata": "ins0000000"},
            "digests": {"sha256": digest(BACKGROUND)},
            "labels": list(labels),
            "description": "of this test",
        },
        "patches": list(patches),
        "version": "1.0.0",
    }


def excluded(*sources: Any, **options: Any) -> Exclusion:
    result = nuhist.exclusion(*sources, **options)
    assert isinstance(result, Exclusion)
    return result


GRID = patchset([patch(heavy, light) for heavy in HEAVY for light in LIGHT])


@pytest.fixture(scope="module")
def found() -> Exclusion:
    return excluded(BACKGROUND, GRID)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "BkgOnly.json").write_text(json.dumps(BACKGROUND))
    (tmp_path / "patchset.json").write_text(json.dumps(GRID))
    return tmp_path


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.thorough)])
def test_every_point_is_as_pyhf_has_it(found: Exclusion, every: int) -> None:
    document = pyhf.PatchSet(GRID)
    for point in found.points[::every]:
        workspace = document.apply(pyhf.Workspace(BACKGROUND), point.name)
        model = workspace.model()
        observed, expected = pyhf.infer.hypotest(
            1.0, workspace.data(model), model, test_stat="qtilde", return_expected_set=True
        )
        # pyhf's fits by SLSQP end some 1e-5 of CLs away from the minimum.
        assert point.cls_observed == pytest.approx(float(observed), abs=1e-4)
        assert point.cls_expected == pytest.approx([float(each) for each in expected], abs=1e-4)
        # At the limits CLs is 5 %.
        for number, limit in ((None, point.upper_observed), (2, point.upper_expected[2])):
            if limit is None:
                assert point.values[0] == 1000  # the bound of mu, 10, is not enough there
                continue
            there = pyhf.infer.hypotest(
                limit, workspace.data(model), model, test_stat="qtilde", return_expected_set=True
            )
            assert float(there[0] if number is None else there[1][number]) == pytest.approx(0.05, abs=1e-4)


def test_contour_is_where_cls_is_5_percent(found: Exclusion) -> None:
    assert found.contour_labels == ("heavy", "light")
    contours = {contour.of: contour.lines for contour in found.contours}
    (line,) = contours["observed"]
    assert {light for _, light in (line[0], line[-1])} == {100.0, 300.0}
    # At the ends the contour lies between two points of one row: ln CLs there is a straight line.
    ln_cls = {point.values: log(point.cls_observed) for point in found.points}
    for heavy, light in (line[0], line[-1]):
        row = [ln_cls[each, int(light)] for each in HEAVY]
        assert heavy == pytest.approx(np.interp(np.log(0.05), row, HEAVY), rel=1e-9)
    # Expected at -2 sigma means the least CLs: that contour excludes the most.
    reach = [max(heavy for heavy, _ in contours[band][0]) for band in ("-2", "-1", "0", "+1", "+2")]
    assert all(first > second for first, second in pairwise(reach))
    assert set(found.hull) == {(400.0, 100.0), (400.0, 300.0), (1000.0, 100.0), (1000.0, 300.0)}


def test_contour_names_where_it_leaves_the_points(found: Exclusion) -> None:
    (note,) = [note for note in found.notes if note.startswith("the observed contour ends between")]
    for name in ("_100 and ", "_300 and "):
        assert name in note


def test_result_is_read_as_it_was_written(found: Exclusion) -> None:
    assert from_json(json.loads(json.dumps(found.to_json()))) == found
    assert len(found.table().rows) == 12


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_taken_up_again_the_file_is_the_same(folder: Path, jobs: int) -> None:
    at = {"light": 100}
    whole = excluded(folder, at=at).to_json()
    assert whole["data_kind"] == "observed"
    kept, number = folder / "kept", 2

    class StoppedError(Exception):
        pass

    def stop(done: int, _: int) -> None:
        if done == number:
            raise StoppedError

    with pytest.raises(StoppedError):
        excluded(folder, at=at, execution=nuhist.Execution(resume=kept, progress=stop, jobs=jobs))
    assert len(kept.read_text().split()) > number
    seen: list[int] = []
    again = nuhist.Execution(resume=kept, progress=lambda done, _: seen.append(done), jobs=jobs)
    found = excluded(folder, at=at, execution=again)
    assert seen[0] >= number - 1  # what was done is not done again
    assert json.dumps(found.to_json()) == json.dumps(whole)  # bit for bit, whoever computed it
    with pytest.raises(DataError, match="belongs to another workspace"):
        excluded(folder, at=at, confidence_level=0.9, execution=nuhist.Execution(resume=kept))


def test_points_that_fail_say_why_and_the_others_go_on() -> None:
    broken = patch(600, 200)
    broken["patch"][0]["path"] = "/channels/3/samples/-"
    patches = [broken if each["metadata"]["name"] == "m_600_200" else each for each in GRID["patches"][3:6]]
    result = excluded(BACKGROUND, patchset(patches))
    (failed,) = result.failed
    assert "patch 'm_600_200' does not fit" in str(failed.failure)
    assert failed.cls_observed is None
    assert failed.upper_expected == (None,) * 5
    assert result.summary.endswith(", 1 failed")
    with pytest.raises(FitError, match=r"the point, m_600_200, fails: .* does not fit"):
        excluded(BACKGROUND, patchset([broken]))


def test_strength_1_must_be_within_the_bounds() -> None:
    with pytest.raises(
        FitError, match=r"a strength of 1 is outside the bounds of mu, 0 to 0.5; .*bounds=..."
    ):
        excluded(BACKGROUND, GRID, at={"heavy": 400, "light": 100}, bounds={"mu": (0, 0.5)})


def test_holes_next_to_the_contour_are_named() -> None:
    holes = {(600, 200), (400, 200), (1000, 200), (1000, 100), (1000, 300)}
    patches = [patch(heavy, light) for heavy in HEAVY for light in LIGHT if (heavy, light) not in holes]
    notes = excluded(BACKGROUND, patchset(patches)).notes
    assert "the contour is interpolated where points are missing: heavy = 600 with light = 200" in notes


@pytest.mark.parametrize(
    ("at", "note"),
    [
        ({"heavy": 400}, "no observed contour: all points are excluded at 95 % CL; points with less signal"),
        ({"heavy": 1000}, "no expected contour: no point is excluded at 95 % CL; points with more signal"),
        ({"heavy": 400, "light": 100}, "no contour: there is one point"),
    ],
)
def test_no_contour_has_a_reason(at: dict[str, Any], note: str) -> None:
    result = excluded(BACKGROUND, GRID, at=at)
    assert any(note in each for each in result.notes), result.notes


def test_contour_in_one_label(found: Exclusion) -> None:
    result = excluded(BACKGROUND, GRID, at={"light": "200"})
    assert result.contour_labels == ("heavy",)
    ((((heavy,),),),) = [contour.lines for contour in result.contours if contour.of == "observed"]
    row = [log(point.cls_observed) for point in result.points]
    assert heavy == pytest.approx(np.interp(np.log(0.05), row, HEAVY), rel=1e-9)
    assert [point for point in found.points if point.values[1] == 200] == list(result.points)


def test_labels_that_make_no_plane_are_refused() -> None:
    values: list[list[float | str]] = [[1.0, "a", 3.0], [2.0, "b", 3.0]]
    names = ("x", "name", "z")
    assert choose_labels(names, values, None) == ("x",)
    with pytest.raises(ConfigError, match="no label called 'y'"):
        choose_labels(names, values, ["y"])
    with pytest.raises(ConfigError, match="label name: has values that are no numbers"):
        choose_labels(names, values, ["name"])
    for chosen in (["x", "x"], ["x", "z", "name"], []):
        with pytest.raises(OptionError, match="name one or two different ones"):
            choose_labels(names, values, chosen)


def point(name: str, values: tuple[float, ...], cls: float) -> ExclusionPoint:
    return ExclusionPoint(name, values, cls, (cls,) * 5, 1.0, (1.0,) * 5, 0.0)


def test_points_at_the_same_place_make_no_contour() -> None:
    points = [point("a", (1, 2, 3), 0.01), point("b", (1, 2, 4), 0.2)]
    made = make_contours(("x", "y", "z"), ("x", "y"), points, 0.95)
    assert "several points have the same x and y; choose those of one plane with at=..." in made.notes[0]
    made = make_contours(("x", "y", "z"), ("x", "z"), points, 0.95)
    assert "lie on one line in x and z" in made.notes[0]


def test_a_closed_contour_ends_where_it_begins() -> None:
    x, y = (side.ravel() for side in np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9)))
    mesh = Mesh(np.stack([x, y], axis=1))
    (line,), ends = mesh.lines(x**2 + y**2 - 0.5)
    assert not ends
    assert line[0] == line[-1]
    # On an edge of length h a straight line misses a parabola of curvature 2 by h² / 4, here 1 / 32, which is
    # that over 2 r in the radius.
    radii = np.hypot(*np.transpose(line))
    assert np.abs(radii - 0.5**0.5).max() < 1 / 32 / 2**0.5


def test_wrong_input_is_one_line(folder: Path) -> None:
    def refused(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["exclusion", *arguments])
        assert result.exit_code in {1, 2}
        assert not result.stdout
        (line,) = result.stderr.splitlines()
        return line

    background, patches = str(folder / "BkgOnly.json"), str(folder / "patchset.json")
    assert "no label called 'heavi'; did you mean heavy?" in refused(background, "--labels", "heavi,light")
    assert "no label called 'spin'" in refused(background, "--at", "spin=1")
    assert "heavy=500: no point has it; there are 400, 600" in refused(background, "--at", "heavy=500")
    assert "results are written as .json or .csv" in refused(background, "-o", "plane.pdf")
    (folder / "other").mkdir()
    other = folder / "other" / "BkgOnly.json"
    other.write_text(json.dumps({**BACKGROUND, "version": "1.0.0", "observations": [
        {"name": "region", "data": [50.0, 34.0]}]}))  # fmt: skip
    assert "has no patchset beside it; name one" in refused(str(other))
    assert "belongs to another workspace" in refused(str(other), patches)
    assert (
        CliRunner()
        .invoke(main, ["exclusion", str(other), patches, "--no-verify", "--at", "light=100,heavy=600"])
        .exit_code
        == 0
    )


def test_patchsets_are_not_fitted_together_but_their_points_can_be(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    spec = json.loads(json.dumps(BACKGROUND).replace('"region"', '"elsewhere"'))
    patches = patchset([patch(400, 100)])
    patches["metadata"]["digests"]["sha256"] = digest(spec)
    for name, content in (("BkgOnly", spec), ("patchset", patches)):
        (other / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(
        ConfigError, match=r"PatchSets are not fitted together: .*, or combine points of both"
    ):
        nuhist.exclusion(folder, other)
    parts = [nuhist.load(place, patches=["m_400_100"]) for place in (folder, other)]
    joint = nuhist.combine(parts, correlate=["size"], decorrelate=["bins"])
    assert (nuhist.limit(joint, "cls").upper or 1) < (nuhist.limit(parts[0], "cls").upper or 0)


def test_a_patchset_that_lies_beside_is_named(folder: Path) -> None:
    at = {"heavy": 400, "light": 100}
    (note,) = [each for each in excluded(folder / "BkgOnly.json", at=at).notes if "beside" in each]
    assert note == f"points of {folder / 'patchset.json'}, which lies beside BkgOnly.json"
    assert not any("beside" in each for each in excluded(folder, at=at).notes)


def test_command_writes_what_it_prints(folder: Path, found: Exclusion) -> None:
    def call(*more: str) -> Any:
        return CliRunner().invoke(main, ["exclusion", str(folder), "--at", "light=100", *more])

    printed = call("--json", "-o", str(folder / "plane.json"))
    assert json.loads(printed.stdout) == json.loads((folder / "plane.json").read_text())
    first = from_json(json.loads(printed.stdout)).points[0]
    assert first == replace(found.points[0], notes=first.notes)
    shown = call("-o", str(folder / "plane.csv"))
    assert "2 of 4 points excluded at 95 % CL" in shown.stdout
    assert "observed contour: heavy" in shown.stdout
    header = (folder / "plane.csv").read_text().splitlines()[0]
    assert header.startswith("name,heavy,light,cls_observed,cls_expected_-2")


def test_execution_of_toys_is_refused() -> None:
    with pytest.raises(OptionError, match="an exclusion throws no toys"):
        excluded(BACKGROUND, GRID, execution=nuhist.Execution(toys=10))
    with pytest.raises(ModelError, match="belongs to another workspace"):
        excluded({**BACKGROUND, "observations": [{"name": "region", "data": [1.0, 2.0]}]}, GRID)


def test_notes_name_few_points() -> None:
    assert exclusion_contours._listed(list("abcdefg"), ", ") == "a, b, c, d and 3 more"
