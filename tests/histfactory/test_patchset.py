"""PatchSets: exact counts at each point, documents that pyhf takes, folders that are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

from nuhist import Workspace, load, load_experiment
from nuhist.errors import DataError, ModelError
from nuhist.experiments.counts import neutrino_counts_at
from nuhist.experiments.response import make_response
from nuhist.histfactory.loading import load_patchset
from nuhist.histfactory.patchset import SignalGrid, build_patchset
from nuhist.physics.hypotheses import FlavorChoice, RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.registry import get_source
from tests.digits import WRITTEN

Array = NDArray[np.float64]
Build = Callable[..., SignalGrid]
Document = dict[str, Any]

# FEA: for q > 0 the interference of nu_e takes away; between 0 and about 3 it does so in total.
CASES: list[tuple[str, FlavorChoice, tuple[float, ...]]] = [
    ("millicharge-epa", "effective", (-3.4e-13, -1e-13, 0.0, 0.3e-13, 1.7e-13)),
    ("millicharge-epa", "e", (-2e-13, 0.7e-13, 2e-13)),
    ("millicharge-epa", "tau", (-5e-13, 5e-13)),
    ("magnetic-moment", "effective", (0.0, 0.7e-11, 3e-11)),
    ("millicharge-fea", "effective", (-5e-13, 0.4e-13, 1e-13, 8e-13)),
    ("millicharge-fea", "e", (-1e-13, 1e-13, 3e-13)),
]


@pytest.fixture(scope="module")
def grids() -> Build:
    """``build_patchset``, each grid once."""
    return cache(build_patchset)


def exact(
    hypothesis: str,
    flavor: FlavorChoice,
    coupling: float,
    groups: Sequence[str],
    response: str,
    **options: Any,
) -> tuple[Array, Array]:
    """Counts per group and bin from the functions of the physics, without any workspace."""
    experiment, tested = load_experiment("lz_ws2022"), get_hypothesis(hypothesis)
    folded = make_response(experiment, response, breakpoints(tested, experiment.target))  # type: ignore[arg-type]  # its names
    physics = RateOptions(**options)
    # The paper treatment has the flavours of the paper.
    sun = get_source("sun" if response == "matrix" else "sun:survival=constant")
    return neutrino_counts_at(experiment, folded, tested, flavor, coupling, sun, groups, physics)


def yields(workspace: Workspace, values: dict[str, float]) -> dict[str, Array]:
    """pyhf's counts per sample; parameters that are not named stay where they start, mu at 1."""
    # Interpolation as on pyhf's command line.
    settings = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
    model = pyhf.Workspace(dict(workspace.spec)).model(modifier_settings=settings, poi_name="mu")
    parameters = np.array(model.config.suggested_init())
    for name, value in {"mu": 1.0, **values}.items():
        parameters[model.config.par_slice(name)] = value
    rows = np.asarray(model.main_model.expected_data(parameters, return_by_sample=True))
    return dict(zip(model.config.samples, rows, strict=True))


def scattering(counts: dict[str, Array], group: str | None = None) -> Array:
    """Sum of the samples of neutrino scattering, of one flux group or of all."""
    names = [name for name in counts if name.startswith(("nu", "magnetic_moment", "millicharge"))]
    kept = [counts[name] for name in names if group is None or name.endswith(f"_{group}")]
    assert kept
    return np.asarray(np.sum(kept, axis=0))


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(("hypothesis", "flavor", "couplings"), CASES)
def test_paper_points_hold_the_exact_counts(
    grids: Build, hypothesis: str, flavor: FlavorChoice, couplings: tuple[float, ...]
) -> None:
    grid = grids("lz_ws2022", couplings=couplings, hypothesis=hypothesis, flavor=flavor, background="paper")
    assert [point.value for point in grid.points] == pytest.approx(
        [coupling / get_hypothesis(hypothesis).reference for coupling in sorted(couplings)]
    )
    background = yields(grid.background, {})["background"]
    for coupling, point in zip(sorted(couplings), grid.points, strict=True):
        workspace = grid.workspace(point)
        found = yields(workspace, {})
        standard, added = exact(hypothesis, flavor, coupling, ["all"], "none")
        # Sums of two 64-bit numbers that a JSON document holds without loss.
        np.testing.assert_allclose(scattering(found), (standard + added)[0], rtol=WRITTEN)
        np.testing.assert_array_equal(found["background"], background)
        for sample in workspace.spec["channels"][0]["samples"]:
            assert min(sample["data"]) >= 0, sample["name"]


def test_what_interference_takes_away_leaves_the_standard_model(grids: Build) -> None:
    # q = 1e-13 e_0 of nu_e: fewer events in all, which a sample of its own could not hold.
    hypothesis, flavor, couplings = CASES[-1]
    standard, added = exact(hypothesis, flavor, couplings[1], ["all"], "none")
    assert added.min() < 0
    grid = grids("lz_ws2022", couplings=couplings, hypothesis=hypothesis, flavor=flavor, background="paper")
    found = yields(grid.workspace(grid.points[1]), {})
    np.testing.assert_allclose(found["nu"], (standard + np.minimum(added, 0))[0], rtol=WRITTEN)
    np.testing.assert_allclose(found["millicharge_fea"], np.maximum(added, 0)[0], rtol=WRITTEN)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("hypothesis", ["millicharge-epa", "magnetic-moment", "millicharge-fea"])
def test_components_hold_exact_counts_by_flux_and_atomic_response(grids: Build, hypothesis: str) -> None:
    reference = get_hypothesis(hypothesis).reference
    couplings = (0.6 * reference, 2.5 * reference)
    grid = grids("lz_ws2022", couplings=couplings, hypothesis=hypothesis, background="components")
    groups = [group.name for group in get_source("sun").groups]
    assert groups == ["pp", "be7", "pep", "cno", "b8"]
    for coupling, point in zip(couplings, grid.points, strict=True):
        workspace = grid.workspace(point)
        nominal = yields(workspace, {})
        # +1 σ of the atomic response is the RRPA rate, −1 σ its mirror image.
        step, rrpa = (
            np.sum(exact(hypothesis, "effective", coupling, groups, "matrix", atomic=atomic), axis=0)
            for atomic in ("step", "rrpa")
        )
        assert np.abs(rrpa - step).max() > 1e-3 * step.max()
        for row, group in enumerate(groups):
            np.testing.assert_allclose(scattering(nominal, group), step[row], rtol=WRITTEN)
        # 1e-10: a difference of two interpolated templates.
        for pull, expected in ((1.0, rrpa), (-1.0, 2 * step - rrpa), (0.0, step)):
            found = scattering(yields(workspace, {"atomic_response": pull}))
            np.testing.assert_allclose(found, expected.sum(axis=0), rtol=WRITTEN)
        # Each group has its flux: at +1 σ of 7Be (6 %, arXiv:1611.09867) only its events grow.
        shifted = yields(workspace, {"be7_flux": 1.0})
        for row, (group, factor) in enumerate(zip(groups, (1, 1.06, 1, 1, 1), strict=True)):
            np.testing.assert_allclose(scattering(shifted, group), factor * step[row], rtol=WRITTEN)


@pytest.mark.parametrize(
    ("hypothesis", "parameter", "value"),
    [
        ("millicharge-epa", "solar_nu_flux", 1.7),
        ("magnetic-moment", "solar_nu_flux", -2.1),
        # A signed coupling in one workspace needs lumi; its grid is written the same way.
        ("millicharge-fea", "lumi", 1 + 0.07 * 1.3),
    ],
)
def test_linear_points_have_the_flux_as_a_factor(
    grids: Build, hypothesis: str, parameter: str, value: float
) -> None:
    reference = get_hypothesis(hypothesis).reference
    couplings = (0.5 * reference, 2 * reference)
    grid = grids(
        "lz_ws2022", couplings=couplings, hypothesis=hypothesis, background="paper", constraint="linear"
    )
    factor = value if parameter == "lumi" else 1 + 0.07 * value  # eq. (10): 1 + β, σ_β = 7 %
    standard, added = exact(hypothesis, "effective", couplings[1], ["all"], "none")
    found = yields(grid.workspace(grid.points[1]), {parameter: value})
    np.testing.assert_allclose(scattering(found), factor * (standard + added)[0], rtol=WRITTEN)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(("hypothesis", "flavor", "couplings"), [CASES[0], CASES[1], CASES[3], CASES[4]])
@pytest.mark.parametrize("background", ["paper", "components"])
def test_pyhf_takes_the_document(
    grids: Build, hypothesis: str, flavor: FlavorChoice, couplings: tuple[float, ...], background: str
) -> None:
    grid = grids(
        "lz_ws2022", couplings=couplings, hypothesis=hypothesis, flavor=flavor, background=background
    )
    document = json.loads(json.dumps(grid.document))
    patchset = pyhf.PatchSet(document)
    workspace = pyhf.Workspace(dict(grid.background.spec))
    patchset.verify(workspace)  # raises where the digest differs
    assert len(patchset) == len(couplings)
    assert patchset.references == {"hepdata": "ins2107834"}  # LZ's release
    for point in grid.points:
        # The alphabet of pyhf's schema.
        assert re.fullmatch(r"[a-zA-Z0-9_]+", point.name)
        assert {operation["path"].split("/")[1] for operation in point.operations} <= {"channels"}
        theirs = patchset.apply(workspace, point.name)
        assert dict(theirs) == grid.workspace(point).spec
        assert patchset[(point.value,)].name == point.name


def test_the_background_alone_carries_an_empty_signal(grids: Build) -> None:
    grid = grids("lz_ws2022", couplings=(0.0, 1e-13), hypothesis="millicharge-epa", background="paper")
    (signal,) = (s for s in grid.background.spec["channels"][0]["samples"] if s["name"] == "millicharge_epa")
    assert set(signal["data"]) == {0.0}
    assert {"name": "mu", "type": "normfactor", "data": None} in signal["modifiers"]
    assert grid.points[0].operations == ()  # no charge: nothing to change
    assert grid.background.measurement()["config"]["poi"] == "mu"


@pytest.mark.parametrize("hypothesis", ["millicharge-epa", "magnetic-moment"])
def test_what_is_saved_is_read_again(grids: Build, hypothesis: str, tmp_path: Path) -> None:
    reference = get_hypothesis(hypothesis).reference
    grid = grids("lz_ws2022", couplings=(0.3 * reference, reference, 3 * reference), hypothesis=hypothesis)
    grid.save(str(tmp_path / "a" / "grid"))
    found = load_patchset(tmp_path / "a" / "grid")
    assert found.document == grid.document
    assert found.digest == grid.digest
    assert (found.coupling, found.points) == (grid.coupling, grid.points)
    assert (found.background.spec, found.background.sidecar) == (
        grid.background.spec,
        grid.background.sidecar,
    )
    written = sorted(path.name for path in (tmp_path / "a" / "grid").iterdir())
    assert written == ["BkgOnly.json", "BkgOnly.meta.json", "patchset.json"]


def _add(path: str, value: Any, op: str = "replace") -> Callable[[Document], object]:
    """Give the last patch of a document one more operation."""
    return lambda document: document["patches"][-1]["patch"].append({"op": op, "path": path, "value": value})


def _set(place: str, value: Any) -> Callable[[Document], object]:
    """Change one entry of a document: ``a/0/b``."""
    *folders, last = (int(key) if key.isdigit() else key for key in place.split("/"))

    def change(document: Document) -> None:
        inner: Any = document
        for key in folders:
            inner = inner[key]
        inner[last] = value

    return change


FIRST = "/channels/0/samples/0/data"
SPOILED: dict[str, tuple[Callable[[Document], object], str]] = {
    "digest": (_set("metadata/digests/sha256", 64 * "0"), "belongs to another workspace"),
    "labels": (_set("metadata/labels", ["q_nu", "mu_nu"]), "has 1 values for 2 labels"),
    "values": (_set("patches/1/metadata/values", [0.5]), "at least two points, each with a value"),
    "text": (_set("patches/1/metadata/values", ["much"]), "its value is not one number"),
    "names": (_set("patches/1/metadata/name", "q_nu_0p5"), "'q_nu_0p5' is there twice"),
    "alphabet": (_set("patches/1/metadata/name", "q=-3"), "q=-3"),
    "observations": (_add("/observations/0/data", []), "patch 'q_nu_2' changes the observed counts"),
    "all of it": (_add("", {}), "patch 'q_nu_2' changes the observed counts"),
}  # fmt: skip


@pytest.fixture
def folder(grids: Build, tmp_path: Path) -> Path:
    """A saved grid to spoil."""
    grid = grids("lz_ws2022", couplings=(0.5e-13, 2e-13), hypothesis="millicharge-epa", background="paper")
    grid.save(tmp_path / "grid")
    return tmp_path / "grid"


def spoil(folder: Path, change: Callable[[Document], object]) -> None:
    """Change a saved PatchSet."""
    file = folder / "patchset.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_patchsets_are_refused(folder: Path, name: str) -> None:
    change, message = SPOILED[name]
    spoil(folder, change)
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        load_patchset(folder)
    assert str(caught.value).startswith(f"{folder / 'patchset.json'}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_add("/channels/0/samples/9/data", [1.0]), "does not fit"),
        (_add("/channels/x/samples/0/data", [1.0]), "does not fit"),
        (_add("/channels/0/name", "other", "test"), "does not fit"),
        (_add(FIRST, [1.0]), "has 1 bins, the observed counts 51"),
        (_add("/channels/0/samples", None, "remove"), "'samples' is a required property"),
    ],
)
def test_patches_that_do_not_fit(folder: Path, change: Callable[[Document], object], message: str) -> None:
    spoil(folder, change)
    grid = load_patchset(folder)
    grid.workspace(grid.points[0])  # the other one still fits
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        grid.workspace(grid.points[1])
    assert "patch 'q_nu_2'" in str(caught.value)


@pytest.mark.parametrize("missing", ["BkgOnly.json", "patchset.json"])
def test_missing_files_are_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(DataError, match=f"{missing}: cannot be read: No such file"):
        load_patchset(folder)


@pytest.mark.parametrize("known_by", ["sidecar", "description", "catalogue"])
def test_a_folder_is_a_grid_where_one_of_its_files_says_so(folder: Path, known_by: str) -> None:
    if known_by != "sidecar":
        (folder / "BkgOnly.meta.json").unlink()
    if known_by != "description":
        spoil(folder, _set("metadata/description", "points"))
    if known_by == "description":
        spoil(folder, _set("metadata/description", "exact counts on a grid of g_own in units of 1e-6"))
        spoil(folder, _set("metadata/labels", ["g_own"]))
    assert isinstance(load(folder), SignalGrid)
    spoil(folder, _set("metadata/labels", ["mass"]))
    assert isinstance(load(folder), Workspace)


def test_a_label_that_nuhist_does_not_know_is_kept(folder: Path) -> None:
    spoil(folder, _set("metadata/labels", ["m_chi"]))
    coupling = load_patchset(folder).coupling
    assert (coupling.name, coupling.unit, coupling.reference) == ("m_chi", "", 1.0)
