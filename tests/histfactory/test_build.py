"""What ``nuhist build`` writes: valid for pyhf, with the samples and modifiers of each treatment."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, build, load_experiment
from nuhist.errors import ConfigError, ModelError
from nuhist.histfactory.templates import written
from nuhist.histfactory.workspace import load_workspace, sidecar_path
from nuhist.physics.hypotheses import HYPOTHESES, Dependence
from nuhist.schemas import check
from tests.digits import WRITTEN

Build = Callable[..., Workspace]
Modifiers = dict[str, set[tuple[str, str]]]

TREATMENTS = (("lz_ws2022", "components"), ("lz_ws2022", "paper"), ("lz_ws2022_paper", "paper"))
BUILDABLE = tuple(name for name, h in HYPOTHESES.items() if h.dependence is not Dependence.GENERAL)
ARGON = ("fixed", "gaussian", "flat")
CONSTRAINTS = ("normsys", "linear")
GROUPS = ("pp", "be7", "pep", "cno", "b8")
TABLE_1 = ("beta", "xe127", "xe124", "xe136", "b8_cevns", "accidentals")


def modifiers(workspace: Workspace) -> Modifiers:
    """Names and types of modifiers, by sample."""
    return {
        sample["name"]: {(modifier["name"], modifier["type"]) for modifier in sample["modifiers"]}
        for sample in workspace.spec["channels"][0]["samples"]
    }


def counts(workspace: Workspace) -> dict[str, np.ndarray]:
    """Expected counts per bin, by sample."""
    samples = workspace.spec["channels"][0]["samples"]
    return {sample["name"]: np.array(sample["data"]) for sample in samples}


@pytest.mark.thorough(keep=18)
@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("argon", ARGON)
@pytest.mark.parametrize("hypothesis", BUILDABLE)
@pytest.mark.parametrize(("experiment", "background"), TREATMENTS)
def test_every_workspace_is_one_for_pyhf(
    built: Build, experiment: str, background: str, hypothesis: str, argon: str, constraint: str
) -> None:
    # A signed coupling with linear constraints takes its flux as lumi, hence --flux paper.
    signed = HYPOTHESES[hypothesis].dependence is Dependence.POLYNOMIAL
    flux = "paper" if signed and constraint == "linear" else None
    workspace = built(
        experiment, hypothesis=hypothesis, background=background, ar37=argon, constraint=constraint, flux=flux
    )
    document = pyhf.Workspace(dict(workspace.spec))  # validates against pyhf's schema
    model = document.model()
    assert workspace.digest == pyhf.utils.digest(document)
    # pyhf drops one of two modifiers of one name: it must know all that are in the document.
    names = {name for entries in modifiers(workspace).values() for name, _ in entries}
    assert set(model.config.par_order) == names
    assert model.config.poi_name == HYPOTHESES[hypothesis].parameter_of_interest("effective").name
    # Finite at the suggested start, and events wherever some were observed.
    start = model.expected_data(model.config.suggested_init(), include_auxdata=False)
    observed = np.array(document.data(model, include_auxdata=False))
    assert np.all(np.isfinite(start))
    assert np.all(start >= 0)
    assert np.all(start[observed > 0] > 0)
    assert observed.sum() == 335 * (3 if experiment == "lz_ws2022_paper" else 1)  # LZ's events
    assert workspace.sidecar is not None
    check(workspace.sidecar, "sidecar", "sidecar", ModelError)
    # The sidecar says what every parameter means, and no more.
    assert set(workspace.sidecar["parameters"]) == names
    assert set(workspace.sidecar["channels"][experiment]["samples"]) == set(modifiers(workspace))


def test_paper_treatment_has_the_samples_of_equation_10(built: Build) -> None:
    flux = ("solar_nu_flux", "normsys")
    assert modifiers(built("lz_ws2022", hypothesis="magnetic-moment", background="paper")) == {
        "nu": {flux},
        "magnetic_moment": {flux, ("mu_nu_squared", "normfactor")},
        "background": {("lz_ws2022_background_norm", "normsys")},
    }


@pytest.mark.parametrize(("argon", "kind"), [("gaussian", "histosys"), ("flat", "normfactor")])
def test_paper_treatment_with_argon(built: Build, argon: str, kind: str) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37=argon)
    found = modifiers(workspace)
    assert found["ar37"] == {("lz_ws2022_ar37_norm", kind)}
    assert set(found) == {"nu", "magnetic_moment", "background", "ar37"}


def test_linear_constraints_are_symmetric_histosys(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper", constraint="linear")
    # arXiv:2207.05036, below eq. (10): 5.1 % on the background, 7 % on the flux.
    sigma = {"lz_ws2022_background_norm": 0.051, "solar_nu_flux": 0.07}
    seen = set()
    for sample in workspace.spec["channels"][0]["samples"]:
        for modifier in sample["modifiers"]:
            if modifier["type"] != "histosys":
                continue
            seen.add(modifier["name"])
            fraction, nominal = sigma[modifier["name"]], np.array(sample["data"])
            np.testing.assert_allclose(modifier["data"]["hi_data"], nominal * (1 + fraction), rtol=WRITTEN)
            np.testing.assert_allclose(modifier["data"]["lo_data"], nominal * (1 - fraction), rtol=WRITTEN)
    assert seen == set(sigma)


def test_components_have_the_samples_of_table_1(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment")
    atomic, poi = ("atomic_response", "histosys"), ("mu_nu_squared", "normfactor")
    expected: Modifiers = {name: {(f"lz_ws2022_{name}_norm", "normsys")} for name in TABLE_1}
    expected["ar37"] = {("lz_ws2022_ar37_norm", "normfactor")}
    for group in GROUPS:
        flux = (f"{group}_flux", "normsys")
        expected[f"nu_{group}"] = {flux, atomic, ("sin2_theta_12", "histosys"), ("delta_m2_21", "histosys")}
        expected[f"magnetic_moment_{group}"] = {flux, atomic, poi}
    assert modifiers(workspace) == expected
    # arXiv:2207.03764, Table I, column EXPECTED.
    table = {"beta": 215, "xe127": 9.2, "xe124": 5.0, "xe136": 15.1, "b8_cevns": 0.14, "accidentals": 1.2}
    found = counts(workspace)
    assert {name: round(float(found[name].sum()), 7) for name in TABLE_1} == table
    assert found["ar37"].sum() == pytest.approx(96, rel=WRITTEN)


def test_components_are_the_default(built: Build) -> None:
    default = build("lz_ws2022", hypothesis="magnetic-moment")
    asked = built(
        "lz_ws2022",
        hypothesis="magnetic-moment",
        background="components",
        ar37="flat",
        flux="split",
        response="matrix",
        atomic="step",
        constraint="normsys",
    )
    assert default.spec == asked.spec


def test_rrpa_leaves_no_uncertainty_between_the_two_treatments(built: Build) -> None:
    step = built("lz_ws2022", hypothesis="magnetic-moment")
    rrpa = built("lz_ws2022", hypothesis="magnetic-moment", atomic="rrpa")
    assert ("atomic_response", "histosys") not in set.union(*modifiers(rrpa).values())
    assert ("atomic_steps", "histosys") in modifiers(rrpa)["nu_pp"]
    # +1 standard deviation of the stepping workspace is the RRPA rate.
    modified = {
        sample["name"]: modifier["data"]["hi_data"]
        for sample in step.spec["channels"][0]["samples"]
        for modifier in sample["modifiers"]
        if modifier["name"] == "atomic_response"
    }
    for name, up in modified.items():
        np.testing.assert_allclose(counts(rrpa)[name], up, rtol=WRITTEN)
    # LZ's own expectation is 27.1 ± 1.6 events; ours with RRPA must come out there.
    total = sum(float(counts(rrpa)[f"nu_{group}"].sum()) for group in GROUPS)
    assert total == pytest.approx(27.1, abs=1.6)


@pytest.mark.parametrize("argon", ["gaussian", "flat"])
@pytest.mark.parametrize(("experiment", "unit"), [("lz_ws2022", 1), ("lz_ws2022_paper", 3)])
def test_argon_is_taken_out_at_52_5_and_put_in_at_96(
    built: Build, experiment: str, unit: int, argon: str
) -> None:
    # arXiv:2207.05036, Sec. V: LZ fits 52.5 events, and expects 96.
    fixed = counts(built(experiment, hypothesis="magnetic-moment", background="paper"))
    free = counts(built(experiment, hypothesis="magnetic-moment", background="paper", ar37=argon))
    assert free["ar37"].sum() == pytest.approx(96 * unit, rel=WRITTEN)
    taken = fixed["background"] - free["background"]
    np.testing.assert_allclose(taken, free["ar37"] * 52.5 / 96, rtol=0, atol=100 * WRITTEN)


def test_paper_experiment_is_three_times_the_true_counts(built: Build) -> None:
    # Events per keVee in bins of 1/3 keVee, entered as counts.
    once = built("lz_ws2022", hypothesis="millicharge-fea", background="paper", ar37="flat")
    thrice = built("lz_ws2022_paper", hypothesis="millicharge-fea", background="paper", ar37="flat")
    for name, values in counts(once).items():
        np.testing.assert_allclose(counts(thrice)[name], 3 * values, rtol=WRITTEN)
    tripled = [3 * value for value in once.observed()["lz_ws2022"]]
    assert thrice.observed()["lz_ws2022_paper"] == tripled


@pytest.mark.parametrize(("experiment", "background"), TREATMENTS)
def test_two_builds_are_equal(experiment: str, background: str) -> None:
    one, two = (build(experiment, hypothesis="millicharge-fea", background=background) for _ in range(2))
    assert one.to_json() == two.to_json()
    assert one.sidecar == two.sidecar


def test_flavours_have_their_own_parameters(built: Build) -> None:
    names = {
        flavor: built("lz_ws2022", hypothesis=hypothesis, flavor=flavor).measurement()["config"]["poi"]
        for hypothesis, flavor in product(["magnetic-moment"], ["effective", "e", "mu", "tau"])
    }
    assert names == {
        "effective": "mu_nu_squared",
        "e": "mu_nue_squared",
        "mu": "mu_numu_squared",
        "tau": "mu_nutau_squared",
    }


def test_sidecar_says_what_the_workspace_cannot_hold(built: Build, tmp_path: Path) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    path = tmp_path / "lz.json"
    workspace.save(str(path))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lz.json", "lz.meta.json"]
    sidecar = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    check(sidecar, "sidecar", "sidecar", ModelError)
    assert sidecar == workspace.sidecar
    assert sidecar["workspace_digest"] == pyhf.utils.digest(json.loads(path.read_text(encoding="utf-8")))
    channel = sidecar["channels"]["lz_ws2022"]
    assert channel["edges_keV"] == load_experiment("lz_ws2022").edges.tolist()
    assert len(channel["edges_keV"]) == 52
    assert channel["exposure_tonne_year"] == pytest.approx(
        60.3 * 5.5 / 365.25, rel=1e-9
    )  # live days × tonnes
    assert sidecar["poi"]["unit"] == "mu_B"
    loaded = load_workspace(path)
    assert (loaded.spec, loaded.sidecar) == (workspace.spec, workspace.sidecar)


def test_sidecar_of_another_workspace_is_left_out(built: Build, tmp_path: Path) -> None:
    path = tmp_path / "lz.json"
    built("lz_ws2022", hypothesis="magnetic-moment", background="paper").save(path)
    other = built("lz_ws2022", hypothesis="millicharge-fea", background="paper")
    path.write_text(other.to_json(), encoding="utf-8")
    assert load_workspace(path).sidecar is None


def test_the_paper_rule_is_no_single_workspace() -> None:
    with pytest.raises(ConfigError, match=r"millicharge-epa .*use nuhist patchset"):
        build("lz_ws2022", hypothesis="millicharge-epa")


def test_linear_signed_coupling_with_split_fluxes_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"add flux='paper', or use constraint='normsys'"):
        build("lz_ws2022", hypothesis="millicharge-fea", constraint="linear", flux="split")


def test_linear_signed_coupling_takes_its_flux_as_lumi(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", background="paper", constraint="linear")
    assert modifiers(workspace)["nu"] == {("lumi", "lumi"), ("q_nu_scaled", "histosys")}
    lumi = next(p for p in workspace.measurement()["config"]["parameters"] if p["name"] == "lumi")
    assert (lumi["auxdata"], lumi["sigmas"]) == ([1.0], [0.07])  # the paper's 7 %


def test_a_file_whose_numbers_lost_their_points_keeps_its_sidecar(built: Build, tmp_path: Path) -> None:
    path = tmp_path / "lz.json"
    built("lz_ws2022", hypothesis="magnetic-moment").save(path)
    text = path.read_text(encoding="utf-8")
    without = re.sub(r"(\d)\.0(?=[,\]\s}])", r"\1", text)  # as JavaScript and jq write numbers
    assert without != text
    assert json.loads(without) == json.loads(text)
    path.write_text(without, encoding="utf-8")
    assert load_workspace(path).sidecar is not None
    path.write_text(text.replace("335.0", "336.0").replace("3.0", "4.0", 1), encoding="utf-8")
    assert load_workspace(path).sidecar is None


def test_noise_of_other_machines_is_not_written(built: Build) -> None:
    # 4e-16 is what processors and versions of NumPy were seen to differ by.
    for counts_ in counts(built("lz_ws2022", hypothesis="magnetic-moment")).values():
        assert written(counts_ * (1 + 4e-16)) == written(counts_) == counts_.tolist()
