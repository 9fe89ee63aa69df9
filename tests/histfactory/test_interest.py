"""A parameter of interest means what its file says: its sidecar, or how nuhist has built it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuhist import Workspace, build_patchset, combine, fit, limit, load, significance
from nuhist.errors import ModelError
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.hs3.write import export_hs3
from nuhist.histfactory.interest import coupling_scale, interest_remarks
from nuhist.inference.spectrum import fitted_spectrum
from nuhist.physics.coupling import OWN_UNIT
from nuhist.physics.hypotheses import (
    FLAVOR_CHOICES,
    HYPOTHESES,
    Dependence,
    Hypothesis,
    find_parameter,
    get_hypothesis,
)

Build = Callable[..., Workspace]
Spec = dict[str, Any]
NAMES = ("q_nu_scaled", "r2_nu_scaled", "mu_nu_squared", "q_nu_squared", "sm_strength_nu", "mu_nue_squared")
BUILT = [
    (name, flavor)
    for name, entry in HYPOTHESES.items()
    if entry.dependence is not Dependence.GENERAL
    for flavor in FLAVOR_CHOICES
]


def renamed(spec: Spec, name: str) -> Spec:
    found = copy.deepcopy(spec)
    found["channels"][0]["samples"][0]["modifiers"][0]["name"] = name
    config = found["measurements"][0]["config"]
    config["poi"] = config["parameters"][0]["name"] = name
    return found


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("measurement", ["only", "nuhist"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_alone_says_nothing(small: Spec, name: str, measurement: str) -> None:
    small["measurements"][0]["name"] = measurement
    plain, foreign = Workspace(small), Workspace(renamed(small, name))
    scale = coupling_scale(foreign, name)
    assert (scale.coupling, scale.unit, scale.to_coupling(2.5)) == (name, OWN_UNIT, 2.5)
    # Whatever the parameter is called, the numbers are those of the model.
    ours, theirs = limit(plain), limit(foreign)
    assert (theirs.upper, theirs.best_fit) == pytest.approx((ours.upper, ours.best_fit), rel=1e-9)
    assert fit(foreign).min_chi2 == pytest.approx(fit(plain).min_chi2, rel=1e-9)
    (note,) = interest_remarks(foreign, name)
    assert note.startswith(f"{name} is a plain number: only its name says")
    assert "NAME.meta.json" in note
    assert note in theirs.notes


@pytest.mark.parametrize("kind", ["normsys", "histosys"])
def test_a_foreign_constraint_counts(small: Spec, kind: str) -> None:
    # The parameter of interest is a systematic called q_nu, constrained in earnest: its pull is part of
    # the minimum, and it is no free parameter.
    data: dict[str, Any] = {"hi": 1.5, "lo": 0.6}
    if kind == "histosys":
        data = {"hi_data": [7.5, 4.5], "lo_data": [3.0, 2.0]}
    small["channels"][0]["samples"][0]["modifiers"] = [{"name": "q_nu", "type": kind, "data": data}]
    small["measurements"][0]["config"] = {"poi": "q_nu", "parameters": []}
    named = copy.deepcopy(small)
    small["channels"][0]["samples"][0]["modifiers"][0]["name"] = "theta"
    small["measurements"][0]["config"]["poi"] = "theta"
    foreign, plain = fit(Workspace(named)), fit(Workspace(small))
    assert (foreign.min_chi2, foreign.degrees_of_freedom) == pytest.approx(
        (plain.min_chi2, plain.degrees_of_freedom), abs=1e-7
    )
    assert plain.degrees_of_freedom == 2  # two bins, and no parameter without a constraint
    assert foreign.best_fit == pytest.approx(plain.best_fit, abs=1e-6)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(("hypothesis", "flavor"), BUILT)
def test_what_nuhist_builds_is_known_after_a_pipe(built: Build, hypothesis: str, flavor: str) -> None:
    for flux in ("split", "paper"):
        workspace = built("xenonnt_sr0", hypothesis=hypothesis, flavor=flavor, flux=flux)
        name = workspace.measurement()["config"]["poi"]
        bare = replace(workspace, sidecar=None)
        assert coupling_scale(bare, name) == coupling_scale(workspace, name)
        assert interest_remarks(bare, name) == ()


NUCLEAR = [(name, flavor) for name, flavor in BUILT if "nucleus" in HYPOTHESES[name].processes]


@pytest.mark.thorough(keep=4)
@pytest.mark.parametrize(("hypothesis", "flavor"), [*NUCLEAR, ("light-vector:mass=50MeV", "effective")])
def test_nuclei_are_known_after_a_pipe(built: Build, hypothesis: str, flavor: str) -> None:
    # Scattering is called b8, without nu, and consists of nine terms, b8 to b8_8.
    joint = "electron" in get_hypothesis(hypothesis).processes
    for experiments in (["xenonnt_cevns_sr0"], *([["xenonnt_sr0", "xenonnt_cevns_sr0"]] if joint else [])):
        workspace = built(*experiments, hypothesis=hypothesis, flavor=flavor)
        name = workspace.measurement()["config"]["poi"]
        bare = Workspace(workspace.spec)
        assert coupling_scale(bare, name) == coupling_scale(workspace, name)
        assert interest_remarks(bare, name) == ()
        spec = copy.deepcopy(dict(bare.spec))
        holders = [
            sample
            for sample in spec["channels"][-1]["samples"]
            if sample["name"].endswith("_8") and any(m["name"] == name for m in sample["modifiers"])
        ]
        holders[0]["name"] = holders[0]["name"].replace("_8", "_x")
        assert coupling_scale(Workspace(spec), name).is_plain


def test_two_that_interfere_are_known_after_a_pipe(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis=("weak-mixing-angle", "nsi-left"))
    for name in ("delta_sin2_theta_w", "epsilon_left_nu"):
        assert coupling_scale(Workspace(workspace.spec), name) == coupling_scale(workspace, name)


def test_terms_of_a_sum_are_one_without_a_sidecar(built: Build) -> None:
    # One term is no events: of b8 alone the counts are negative.
    workspace = built("xenonnt_cevns_sr0", hypothesis="weak-mixing-angle")
    bare = Workspace(workspace.spec)
    whole, known = (
        [entry.after for entry in fit(each).samples if entry.sample.startswith("b8")]
        for each in (bare, workspace)
    )
    assert len(whole) == 1
    assert whole == pytest.approx(known, rel=1e-6)
    titles = {component.title for component in fitted_spectrum(bare).components}
    assert not [title for title in titles if title.startswith("b8_")]


def test_a_coupling_without_a_unit_leaves_no_hole_in_the_note(small: Spec) -> None:
    foreign = Workspace(renamed(small, "delta_sin2_theta_w_scaled"))
    (note,) = interest_remarks(foreign, "delta_sin2_theta_w_scaled")
    assert "for results of the coupling a sidecar must say so" in note
    (note,) = interest_remarks(Workspace(renamed(small, "q_nu_scaled")), "q_nu_scaled")
    assert "for results in e_0 a sidecar must say so" in note


# The smallest mass has a name without points and signs, which ROOT takes for operators.
@pytest.mark.parametrize("mass", ["100MeV", "10keV", "0.01eV", "0"])
@pytest.mark.parametrize("flavor", ["effective", "mu"])
def test_a_mass_is_known_after_a_pipe(built: Build, mass: str, flavor: str) -> None:
    workspace = built("xenonnt_sr0", hypothesis=f"light-vector:mass={mass}", flavor=flavor)
    name = workspace.measurement()["config"]["poi"]
    assert name.isidentifier()
    bare = Workspace(workspace.spec)
    assert coupling_scale(bare, name) == coupling_scale(workspace, name)
    assert coupling_scale(bare, name).reference == get_hypothesis(f"light-vector:mass={mass}").reference


def test_limits_on_a_light_vector_are_those_without_the_sidecar(built: Build) -> None:
    for experiments in (["lz_ws2022"], ["lz_ws2022", "xenonnt_sr0"]):
        workspace = built(*experiments, hypothesis="light-vector:mass=100MeV")
        with_sidecar, bare = limit(workspace), limit(dict(workspace.spec))
        assert (bare.coupling, bare.upper) == ("g2_nu", with_sidecar.upper)
        assert 1e-9 < (bare.upper or 0) < 1e-6  # g² over M² is that of some 1e-17 / keV²
    couplings = ("magnetic-moment", "light-vector:mass=10keV")
    several = built("lz_ws2022", hypothesis=couplings)
    assert coupling_scale(Workspace(several.spec), "g2_nu_scaled_mass10keV").reference == 2.1e-14


# The reference of the two small masses is the same.
@pytest.mark.parametrize("masses", [("10keV", "1MeV"), ("1eV", "100eV")])
def test_two_masses_are_two_parameters(built: Build, masses: tuple[str, str]) -> None:
    parts = [
        built(name, hypothesis=f"light-vector:mass={mass}")
        for name, mass in zip(("lz_ws2022", "xenonnt_sr0"), masses, strict=True)
    ]
    with pytest.raises(ModelError, match="nothing says that they mean the same"):
        combine(parts)


def test_a_foreign_parameter_with_a_mass_is_a_plain_number(small: Spec) -> None:
    foreign = limit(Workspace(renamed(small, "g2_nu_scaled_mass10keV")))
    assert foreign.unit == OWN_UNIT
    assert any("g2_nu_scaled_mass10keV is a plain number" in note for note in foreign.notes)
    assert find_parameter("g2_nu_scaled_mass1e9keV") is None  # outside the range of the mass
    assert find_parameter("g2_nu_scaled_mass1p2p3keV") is None
    assert find_parameter("other_mass10keV") is None


def test_one_thing_that_is_not_as_built_is_enough(built: Build) -> None:
    spec = built("xenonnt_sr0", hypothesis="magnetic-moment").spec

    def changed(change: Callable[[Spec], None]) -> bool:
        other = copy.deepcopy(dict(spec))
        change(other)
        return coupling_scale(Workspace(other), "mu_nu_squared").is_plain

    def signal(other: Spec) -> Spec:
        samples = other["channels"][0]["samples"]
        found: Spec = next(sample for sample in samples if sample["name"].startswith("magnetic_moment"))
        return found

    assert not changed(lambda other: None)
    assert changed(lambda other: other["measurements"][0].update(name="theirs"))
    assert changed(lambda other: other["measurements"][0]["config"]["parameters"][0].update(inits=[1.0]))
    assert changed(lambda other: other["measurements"][0]["config"]["parameters"][0].update(bounds=[[0, 9]]))
    assert changed(lambda other: signal(other).update(name="signal"))
    assert changed(lambda other: signal(other)["modifiers"][-1].update(type="shapefactor"))


def test_a_power_with_a_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    # The parameter is (mu_nu / 1e-11)² / 4, a normfactor without any constraint: best fit and min_chi2
    # are those of the hypothesis without a scale, and Asimov data exist.
    moment = HYPOTHESES["magnetic-moment"]
    scaled = replace(moment, name="scaled", parameter="scaled_squared", scale=4.0)
    monkeypatch.setitem(HYPOTHESES, "scaled", scaled)
    ours, theirs = (_moment_of_lz(entry) for entry in (moment, scaled))
    for first, second in zip(ours, theirs, strict=True):
        assert second == pytest.approx(first, rel=2e-4, abs=0)
    # By Minuit on pyhf's logpdf of the workspace without a scale.
    assert theirs[:2] == pytest.approx((6.283e-12, 39.4853), rel=1e-3, abs=0)


def _moment_of_lz(hypothesis: Hypothesis) -> tuple[float, ...]:
    from nuhist import build

    workspace = build("lz_ws2022", hypothesis=hypothesis.name)
    found = limit(workspace, expected=True)
    assert found.expected is not None
    values = (found.best_fit, found.min_chi2, found.upper, found.expected["0"], significance(workspace).q0)
    return tuple(float(value or 0.0) for value in values)


def test_the_constraint_of_a_signed_coupling_is_none(built: Build) -> None:
    # With its sidecar, without it, and renamed by another tool: the same fit, in the same units or in none.
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", background="paper")
    bare = replace(workspace, sidecar=None)
    spec = json.loads(json.dumps(workspace.spec).replace('"q_nu_scaled"', '"charge"'))
    results = [fit(entry) for entry in (workspace, bare, Workspace(spec))]
    first = results[0]
    for other in results[1:]:
        assert other.min_chi2 == pytest.approx(first.min_chi2, abs=1e-5)
        assert other.degrees_of_freedom == first.degrees_of_freedom
    assert results[1].best_fit == pytest.approx(first.best_fit, rel=1e-6, abs=0)
    assert results[2].unit == OWN_UNIT
    assert 1e-13 * 1e4 * np.array(results[2].best_fit) == pytest.approx(first.best_fit, rel=1e-3, abs=0)


def test_a_patchset_without_its_sidecar(tmp_path: Path) -> None:
    grid = build_patchset(
        "lz_ws2022", couplings=np.linspace(-4e-13, 4e-13, 13).tolist(), hypothesis="millicharge-epa",
        background="paper",
    )  # fmt: skip
    grid.save(tmp_path)
    whole = limit(load(tmp_path))
    assert whole.unit == "e_0"
    (tmp_path / "BkgOnly.meta.json").unlink()
    bare = limit(load(tmp_path))
    assert (bare.coupling, bare.unit) == ("q_nu", OWN_UNIT)
    assert whole.upper is not None
    assert bare.upper == pytest.approx(whole.upper / 1e-13, rel=1e-6)
    assert any("q_nu is a plain number" in note for note in bare.notes)


def test_a_foreign_parameter_is_shared_when_somebody_says_so(built: Build, small: Spec) -> None:
    ours = built("lz_ws2024", hypothesis="magnetic-moment")
    theirs = Workspace(renamed(small, "mu_nu_squared"), origin="theirs.json")
    with pytest.raises(ModelError, match=r"rename one of them, correlate=\['mu_nu_squared'\], give both"):
        combine([ours, theirs])
    for parts in ([ours, theirs], [theirs, ours]):
        joint = combine(parts, correlate=["mu_nu_squared"])
        assert joint.sidecar is not None
        assert joint.sidecar["poi"]["unit"] == "mu_B"


def test_names_of_another_format(small: Spec, tmp_path: Path) -> None:
    export_hs3(Workspace(renamed(small, "q_nu")), tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    del document["misc"]["nuhist"]
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    assert coupling_scale(import_hs3(tmp_path / "a.json"), "q_nu").is_plain
