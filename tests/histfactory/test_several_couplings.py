"""Several couplings in one workspace: counts that add, what interferes, what the sidecar says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import CliRunner

import nuhist
from nuhist import Workspace
from nuhist.cli.main import main
from nuhist.errors import ConfigError, ModelError
from nuhist.histfactory.interest import coupling_scale
from nuhist.physics.hypotheses import HYPOTHESES
from nuhist.physics.together import hypotheses_together

Build = Callable[..., Workspace]
CHARGES: dict[str, Any] = {"hypothesis": ("millicharge-fea", "millicharge-fea"), "flavor": ("e", "mu")}
MOMENTS: dict[str, Any] = {"hypothesis": ("magnetic-moment", "magnetic-moment"), "flavor": ("e", "mu")}


def expected(workspace: Workspace, **couplings: float) -> np.ndarray:
    """Counts of pyhf's model at couplings, the other parameters where they start."""
    model = pyhf.Workspace(workspace.spec).model()
    point = np.array(model.config.suggested_init())
    for name, start in (
        (name, 0.0) for name in model.config.par_names if name.startswith(("q_", "mu_", "g2_"))
    ):
        point[model.config.par_names.index(name)] = start
    for name, coupling in couplings.items():
        index = model.config.par_names.index(name)
        point[index] = coupling_scale(workspace, name).to_parameter(coupling)
    return np.asarray(model.expected_actualdata(point))


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("chosen", "values"),
    [
        (CHARGES, {"q_nue_scaled": 6e-13, "q_numu_scaled": -9e-13}),
        (MOMENTS, {"mu_nue_squared": 2e-11, "mu_numu_squared": 3e-11}),
        (
            {"hypothesis": ("magnetic-moment", "light-vector:mass=10keV")},
            {"mu_nu_squared": 2e-11, "g2_nu_scaled_mass10keV": 5e-14},
        ),
        (
            {"hypothesis": ("standard-model", "magnetic-moment"), "flavor": ("e", "mu")},
            {"sm_strength_nue": 2.0, "mu_numu_squared": 2e-11},
        ),
    ],
)
def test_counts_add(built: Build, chosen: dict[str, Any], values: dict[str, float]) -> None:
    joint = built("lz_ws2022", **chosen)
    names = chosen["hypothesis"]
    flavors = chosen.get("flavor", ["effective"] * len(names))
    nothing = expected(joint, **({"sm_strength_nue": 1.0} if "sm_strength_nue" in values else {}))
    added = np.zeros_like(nothing)
    for hypothesis, flavor, (name, value) in zip(names, flavors, values.items(), strict=True):
        alone = built("lz_ws2022", hypothesis=hypothesis, flavor=flavor)
        without = {name: 1.0} if hypothesis == "standard-model" else {}
        added += expected(alone, **{name: value}) - expected(alone, **without)
    # The same sums in another order; a histosys of two couplings adds like one of each.
    assert expected(joint, **values) - nothing == pytest.approx(added, rel=1e-9, abs=1e-9)
    assert np.abs(added).max() > 0.5


def test_the_first_is_of_interest_and_the_sidecar_describes_all(built: Build, tmp_path: Path) -> None:
    joint = built("lz_ws2022", **CHARGES)
    assert joint.interest() == "q_nue_scaled"
    assert joint.sidecar is not None
    assert [entry["coupling"]["coupling"] for entry in joint.sidecar["further"]] == ["q_numu"]
    joint.save(tmp_path / "joint.json")
    assert coupling_scale(nuhist.load(tmp_path / "joint.json"), "q_numu_scaled").unit == "e_0"  # type: ignore[arg-type]
    # Through a pipe the construction says it.
    for workspace, name in ((joint, "q_numu_scaled"), (built("lz_ws2022", **MOMENTS), "mu_numu_squared")):
        piped = nuhist.Model(workspace.spec).workspace
        assert coupling_scale(piped, name) == coupling_scale(workspace, name)


def test_held_at_nothing_it_is_the_other_alone(built: Build) -> None:
    joint, alone = built("lz_ws2022", **CHARGES), built("lz_ws2022", hypothesis="millicharge-fea", flavor="e")
    held = nuhist.limit(nuhist.Model(joint, fixed={"q_numu": 0.0}))
    one = nuhist.limit(alone)
    assert (held.lower, held.upper) == pytest.approx((one.lower, one.upper), rel=1e-5)


def test_combined_workspaces_share_both(built: Build) -> None:
    parts = [built(name, **CHARGES) for name in ("lz_ws2022", "xenonnt_sr0")]
    fluxes = [
        "pp_flux",
        "be7_flux",
        "pep_flux",
        "cno_flux",
        "b8_flux",
        "sin2_theta_12",
        "delta_m2_21",
        "atomic_response",
    ]
    joint = nuhist.combine(parts, correlate=[*fluxes, "q_numu_scaled"])
    whole = nuhist.Model(built("lz_ws2022", "xenonnt_sr0", **CHARGES)).limit()
    found = nuhist.Model(joint).limit()
    assert (found.lower, found.upper) == pytest.approx((whole.lower, whole.upper), rel=1e-5)
    assert joint.sidecar is not None
    assert len(joint.sidecar["further"]) == 1
    apart = nuhist.combine(parts, correlate=fluxes, decorrelate=["q_numu_scaled"])
    assert coupling_scale(apart, "lz_ws2022_q_numu_scaled").coupling == "q_numu"
    moved = Workspace(parts[1].spec, json.loads(json.dumps(parts[1].sidecar)), "moved")
    assert moved.sidecar is not None
    moved.sidecar["further"][0]["coupling"]["reference"] = 2e-13
    # What has another reference is rescaled: the same template is that of a charge twice as large.
    messages: list[str] = []
    other = nuhist.combine([parts[0], moved], correlate=[*fluxes, "q_numu_scaled"], message=messages.append)
    assert any("q_numu_scaled rescaled to" in text for text in messages)
    assert other.sidecar is not None
    moved.sidecar["further"][0]["coupling"]["unit"] = "C"
    with pytest.raises(ModelError, match="share 'q_numu_scaled' with different meanings"):
        nuhist.combine([parts[0], moved], correlate=[*fluxes, "q_numu_scaled"])


@pytest.mark.parametrize(
    ("hypotheses", "flavors", "message"),
    [
        (
            ["millicharge-fea", "charge-radius"],
            "effective",
            "both keep flavour and helicity, so that they inter",
        ),
        (
            ["millicharge-fea", "light-vector:mass=1"],
            ["e", "effective"],
            "for flavour e and their cross sections",
        ),
        (["magnetic-moment", "magnetic-moment"], ["e", "effective"], "both flip the helicity"),
        (
            ["magnetic-moment", "magnetic-moment"],
            "e",
            "magnetic-moment: is there twice; give them different flavours",
        ),
        (["magnetic-moment", "millicharge-epa"], "e", "millicharge-epa is no polynomial"),
        (["standard-model", "charge-radius"], ["e", "mu"], "a strength of the Standard Model multiplies"),
        (["magnetic-moment", "millicharge-fea"], ["e", "mu", "tau"], "2 hypotheses with 3 flavours"),
        (["magnetic-moment", "millicharge-fea"], ["e", "x"], "flavor"),
        ([], "e", "name at least one"),
    ],
)
def test_what_does_not_add_is_refused(hypotheses: list[str], flavors: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hypotheses_together(hypotheses, flavors)


def test_of_an_unknown_amplitude_nothing_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    mine = replace(HYPOTHESES["charge-radius"], name="mine", amplitude=None)
    monkeypatch.setitem(HYPOTHESES, "mine", mine)
    with pytest.raises(ConfigError, match="nothing says whether they interfere; give mine its amplitude"):
        hypotheses_together(["magnetic-moment", "mine"], "effective")
    assert len(hypotheses_together(["magnetic-moment", "mine"], ["e", "mu"])) == 2


def test_command(tmp_path: Path, built: Build) -> None:
    words = [
        "--hypothesis",
        "millicharge-fea",
        "--flavor",
        "e",
        "--hypothesis",
        "millicharge-fea",
        "--flavor",
        "mu",
    ]
    run = CliRunner().invoke(main, ["build", "lz_ws2022", *words, "-o", str(tmp_path / "two.json")])
    assert run.exit_code == 0, run.stderr
    assert json.loads((tmp_path / "two.json").read_text()) == built("lz_ws2022", **CHARGES).spec
    run = CliRunner().invoke(
        main, ["build", "lz_ws2022", "--hypothesis", "charge-radius", "--hypothesis", "millicharge-fea"]
    )
    assert run.exit_code == 1
    assert "interfere" in run.stderr
