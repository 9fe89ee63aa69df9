"""Signal points taken from a workspace: the counts that the physics gives, the workspace's likelihood."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, build, build_patchset, combine, limit, load
from nuhist.errors import ModelError
from nuhist.exchange.hepdata.points import round_couplings, signal_points
from nuhist.histfactory.patchset import SignalGrid
from nuhist.tables import Array
from tests.digits import WRITTEN
from tests.exchange.hepdata.submissions import FOREIGN, SMALL, SMALL_SIDECAR


def expected_counts(grid: SignalGrid, coupling: float, pulls: float = 0.0) -> Array:
    """Counts of all bins at a point by stock pyhf, with all nuisance parameters at a value."""
    point = min(grid.points, key=lambda entry: abs(entry.value * grid.coupling.reference - coupling))
    spec = pyhf.PatchSet(grid.document).apply(pyhf.Workspace(grid.background.spec), point.name)
    model = spec.model(poi_name="mu")
    values = np.array(model.config.suggested_init())
    for name in model.config.auxdata_order:
        values[model.config.par_slice(name)] += pulls
    values[model.config.poi_index] = 1.0
    return np.asarray(model.expected_actualdata(values))


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("hypothesis", "couplings", "tolerance"),
    [
        ("magnetic-moment", [0.0, 1e-11, 2e-11], WRITTEN),
        # The workspace's polynomial is right to 1e-6 of its quadratic part.
        ("millicharge-fea", [-1e-12, -1e-13, 0.0, 1e-13, 5e-13], 3e-6),
    ],
)
@pytest.mark.parametrize("constraint", ["normsys", "linear"])
def test_counts_are_those_of_the_patchset_that_nuhist_builds(
    hypothesis: str, couplings: list[float], tolerance: float, constraint: str
) -> None:
    choices: dict[str, Any] = {"hypothesis": hypothesis, "background": "paper", "constraint": constraint}
    workspace = build("lz_ws2022", **choices)
    direct = build_patchset("lz_ws2022", couplings=couplings, **choices)
    taken = signal_points(workspace, couplings)
    assert [point.name for point in taken.points] == [point.name for point in direct.points]
    for coupling in couplings:
        for pulls in (0.0, 0.7):
            found = expected_counts(taken, coupling, pulls)
            assert found == pytest.approx(expected_counts(direct, coupling, pulls), rel=tolerance)


def test_interference_that_takes_events_away() -> None:
    # ν_e with q > 0: the point between has fewer events than the Standard Model in every bin that has some.
    workspace = build("lz_ws2022", hypothesis="millicharge-fea", flavor="e", background="paper")
    grid = signal_points(workspace, [0.0, 2e-13])
    without, fewer = expected_counts(grid, 0.0), expected_counts(grid, 2e-13)
    assert (fewer <= without).all()
    assert fewer.sum() < without.sum() - 1
    grid.workspace(grid.points[1])  # and no counts below zero


def joint() -> Workspace:
    """Two experiments, with a parameter that is correlated in part."""
    parts = [build(name, hypothesis="magnetic-moment") for name in ("lz_ws2024", "xenonnt_sr0")]
    fluxes = ["pp_flux", "be7_flux", "pep_flux", "cno_flux", "b8_flux", "sin2_theta_12", "delta_m2_21"]
    return combine(parts, correlate={**dict.fromkeys(fluxes, 1.0), "atomic_response": 0.5})


def signed() -> Workspace:
    """A histosys beside that of the coupling, and factors."""
    return build("lz_ws2022", hypothesis="millicharge-fea", flavor="e")


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("make", "coupling", "parameter"),
    # (mu / 1e-11 mu_B)², and q / 1e-13 e_0 over the scale of the sidecar, 1e4.
    [(joint, 1e-11, 1.0), (signed, 2e-13, 2e-4), (signed, -5e-13, -5e-4)],
)
def test_points_have_the_counts_of_the_workspace(
    make: Callable[[], Workspace], coupling: float, parameter: float
) -> None:
    workspace = make()
    assert workspace.sidecar is not None
    parameter *= 1e4 / workspace.sidecar["poi"]["scale"] if make is signed else 1
    grid = signal_points(workspace, [0.0, coupling])
    full = pyhf.Workspace(workspace.spec).model()
    for pulls in (-1.7, 0.0, 0.3):
        constrained = [name in full.config.auxdata_order for name in full.config.par_names]
        values = np.array(full.config.suggested_init()) + pulls * np.array(constrained)
        values[full.config.poi_index] = parameter
        expected = np.asarray(full.expected_actualdata(values))
        assert expected_counts(grid, coupling, pulls) == pytest.approx(expected, rel=1e-11)


@pytest.mark.thorough
def test_the_points_give_the_workspaces_limit(tmp_path: Path) -> None:
    workspace = Workspace(SMALL, SMALL_SIDECAR)
    couplings = np.linspace(0, 3e-11, 31).tolist()
    grid = signal_points(workspace, couplings)
    grid.save(tmp_path / "grid")
    read = load(tmp_path / "grid")
    # A cubic spline through 31 points: far better than 1e-3.
    assert limit(read).upper == pytest.approx(limit(workspace).upper, rel=1e-3)
    assert limit(read).unit == "mu_B"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 2.2e-11, [float(f"{2 * n}e-12") for n in range(12)]),
        (-4.5, 4.5, [float(n) for n in range(-4, 5)]),
        (3.0, 10.0, [float(n) for n in range(11)]),
        (-7.0, -1.0, [-7 + 0.5 * n for n in range(15)]),
    ],
)
def test_round_couplings(low: float, high: float, expected: list[float]) -> None:
    assert round_couplings(low, high) == expected


def spoiled(change: str) -> Workspace:
    spec = copy.deepcopy(SMALL)
    signal, background = spec["channels"][0]["samples"]
    if change == "staterror":
        signal["modifiers"].append({"name": "stat", "type": "staterror", "data": [1.0, 1.0]})
    elif change == "normsys":
        signal["modifiers"][0].update(type="normsys", data={"hi": 1.1, "lo": 0.9})
    elif change == "mu":
        background["modifiers"].append({"name": "mu", "type": "normfactor", "data": None})
    return Workspace(spec, SMALL_SIDECAR)


@pytest.mark.parametrize(
    ("workspace", "message"),
    [
        (spoiled("staterror"), "signal sample 'signal' has a staterror"),
        (spoiled("normsys"), "'mu_nu_squared' is a normsys"),
        (spoiled("mu"), "has a parameter 'mu' beside"),
        (Workspace(FOREIGN), "no sidecar"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(workspace: Workspace, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        signal_points(workspace, [0.0, 1e-11])


def test_the_workspace_is_left_as_it_is() -> None:
    before = json.dumps(SMALL)
    signal_points(Workspace(SMALL, SMALL_SIDECAR), [0.0, 1e-11])
    assert json.dumps(SMALL) == before
