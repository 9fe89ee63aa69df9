"""Data know what they are, however they came into a workspace, and wherever it goes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nuhist import Workspace, build, build_patchset, combine
from nuhist.cli.main import main
from nuhist.errors import ConfigError
from nuhist.histfactory.data_kind import DataKind, data_record, data_remarks
from nuhist.histfactory.workspace import load_workspace

Build = Callable[..., Workspace]
Spec = dict[str, Any]
MOMENT: dict[str, Any] = {"hypothesis": "magnetic-moment", "background": "paper"}


def counts_file(folder: Path, bins: int) -> Path:
    path = folder / "counts.csv"
    path.write_text("counts\n" + "3\n" * bins, encoding="utf-8")
    return path


def test_what_build_takes_as_observed(built: Build, tmp_path: Path) -> None:
    assert built("lz_ws2022", **MOMENT).data_kind == "observed"
    assert built("lz_ws2022", **MOMENT, asimov=True).data_kind == "asimov"
    assert built("lz_ws2022", **MOMENT, exposure=50.0, asimov=True).data_kind == "asimov"
    given = build("lz_ws2022", **MOMENT, observed=counts_file(tmp_path, 51))
    assert given.data_kind == "other"


@pytest.mark.parametrize("asimov", [True, False])
def test_a_grid_of_signal_points(asimov: bool) -> None:
    grid = build_patchset(
        "lz_ws2022", couplings=[0.0, 1e-13], hypothesis="millicharge-epa", background="paper", asimov=asimov
    )
    expected = "asimov" if asimov else "observed"
    assert grid.data_kind == expected
    assert {grid.workspace(point).data_kind for point in grid.points} == {expected}


def test_asimov_data_of_a_strength_are_those_of_the_standard_model(built: Build) -> None:
    choices: dict[str, Any] = {"hypothesis": "standard-model", "background": "paper", "asimov": True}
    grid = build_patchset("lz_ws2022", couplings=[0.0, 2.0], **choices)
    (ours,) = grid.background.observed().values()
    (workspaces,) = built("lz_ws2022", **choices).observed().values()
    assert ours == pytest.approx(workspaces, rel=1e-12)


@pytest.mark.parametrize("kind", ["observed", "asimov", "toy", "other"])
def test_it_travels_through_a_file(small: Spec, tmp_path: Path, kind: DataKind) -> None:
    workspace = load_workspace(_written(small, tmp_path, kind))
    assert workspace.data_kind == kind
    workspace.save(tmp_path / "again.json")
    assert load_workspace(tmp_path / "again.json").data_kind == kind


def _written(spec: Spec, folder: Path, kind: DataKind) -> Path:
    sidecar = {
        "nuhist_version": "0.1.0",
        "workspace_digest": Workspace(spec).digest,
        "data": data_record(spec, kind),
        "poi": {
            "name": "mu", "coupling": "mu", "unit": "1", "reference": 1.0, "power": 1, "scale": 1.0,
            "meaning": "mu",
        },
        "channels": {},
        "parameters": {},
    }  # fmt: skip
    path = folder / "small.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    (folder / "small.meta.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return path


def test_other_counts_under_an_old_sidecar_are_other_data(built: Build) -> None:
    workspace = built("lz_ws2022", **MOMENT, asimov=True)
    spec = copy.deepcopy(dict(workspace.spec))
    spec["observations"][0]["data"][3] = 7.0
    assert replace(workspace, spec=spec).data_kind == "other"
    # 5 and 5.0 are one count.
    observed = built("lz_ws2022", **MOMENT)
    spec = copy.deepcopy(dict(observed.spec))
    spec["observations"][0]["data"] = [int(count) for count in spec["observations"][0]["data"]]
    assert replace(observed, spec=spec).data_kind == "observed"


@pytest.mark.parametrize("hypothesis", ["magnetic-moment", "millicharge-fea", "standard-model"])
@pytest.mark.parametrize("ar37", ["fixed", "gaussian", "flat"])
def test_asimov_data_are_known_without_a_sidecar(built: Build, hypothesis: str, ar37: str) -> None:
    # Through a pipe nothing is said; counts that are the expectation to 1e-9 are no observation.
    choices = {"hypothesis": hypothesis, "ar37": ar37}
    bare = replace(built("lz_ws2022", **choices, asimov=True), sidecar=None)
    assert bare.data_kind == "asimov"
    assert replace(built("lz_ws2022", **choices), sidecar=None).data_kind == "observed"


def test_whole_numbers_that_happen_to_be_expected_are_observed(small: Spec) -> None:
    # 10 and 20 events of background, and as many seen: that happens.
    small["observations"][0]["data"] = [10.0, 20.0]
    assert Workspace(small).data_kind == "observed"
    small["channels"][0]["samples"][1]["data"] = [10.25, 20.0]
    small["observations"][0]["data"] = [10.25, 20.0]  # without the signal
    assert Workspace(small).data_kind == "asimov"
    small["observations"][0]["data"] = [15.25, 23.0]  # with a strength of 1
    assert Workspace(small).data_kind == "asimov"
    small["observations"][0]["data"] = [10.25, 20.001]
    assert Workspace(small).data_kind == "observed"


def test_a_combination_of_one_kind(built: Build) -> None:
    parts = [built(name, hypothesis="magnetic-moment", asimov=True) for name in ("lz_ws2024", "xenonnt_sr0")]
    shared = [
        "pp_flux",
        "be7_flux",
        "pep_flux",
        "cno_flux",
        "b8_flux",
        "sin2_theta_12",
        "delta_m2_21",
        "atomic_response",
    ]
    assert combine(parts, correlate=shared).data_kind == "asimov"
    observed = built("xenonnt_sr0", hypothesis="magnetic-moment")
    with pytest.raises(ConfigError, match=r"data of different kinds \(expected, Asimov; observed\)"):
        combine([parts[0], observed], correlate=shared)
    assert combine([parts[0], observed], correlate=shared, force=True).data_kind == "other"


def test_nothing_where_much_is_expected(small: Spec, tmp_path: Path) -> None:
    small["observations"][0]["data"] = [0.0, 0.0]
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(small), encoding="utf-8")
    # 10 + 20 events of background.
    remark = (
        "no events in any bin where 30 are expected without the signal; if there are no data yet, observe"
        " what is expected: "
    )
    assert data_remarks(small) == (f"{remark}asimov=True",)
    remark += "--asimov"
    for command in ("fit", "inspect"):
        assert remark in CliRunner().invoke(main, [command, str(path)]).stderr
    for command in ("fit", "significance", "scan"):  # whose data are others
        assert remark not in CliRunner().invoke(main, [command, str(path), "--asimov", "0"]).output
    small["channels"][0]["samples"][1]["data"] = [10.0, 10.0]  # 20, of which none are seen once in 5e8
    assert data_remarks(small) == ()
    small["observations"][0]["data"] = [0.0, 1.0]
    small["channels"][0]["samples"][1]["data"] = [1000.0, 10.0]
    assert data_remarks(small) == ()
