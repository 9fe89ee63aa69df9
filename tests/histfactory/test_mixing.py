"""Mixing and bound electrons as parameters of workspaces: counts by pyhf against the physics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

from nuhist import Workspace, build, build_patchset, combine, limit, spectrum
from nuhist.errors import ConfigError
from nuhist.physics.hypotheses import RateOptions
from tests.digits import WRITTEN

Array = NDArray[np.float64]
Build = Callable[..., Workspace]
MIXING = ("sin2_theta_12", "delta_m2_21")
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}


def scattering(workspace: Workspace, **values: float) -> Array:
    """pyhf's counts of neutrino scattering and of the signal, the coupling 0 unless it is given."""
    model: Any = pyhf.Workspace(dict(workspace.spec)).model(modifier_settings=COMMAND_LINE)
    parameters = np.array(model.config.suggested_init())
    for name, value in {model.config.poi_name: 0.0, **values}.items():
        parameters[model.config.par_slice(name)] = value
    rows = np.asarray(model.main_model.expected_data(parameters, return_by_sample=True))
    kept = [
        i
        for i, name in enumerate(model.config.samples)
        if name.startswith(("nu_", "magnetic", "millicharge"))
    ]
    return np.asarray(rows[kept].sum(axis=0))


def physics(source: str, coupling: float = 0.0, flavor: Any = "effective", atomic: Any = "step") -> Array:
    """Events of the Standard Model and of a moment, without any workspace."""
    options = RateOptions(atomic=atomic)
    found = spectrum(
        "lz_ws2022",
        hypothesis="magnetic-moment",
        coupling=coupling,
        flavor=flavor,
        source=source,
        options=options,
    )
    return found.standard_model + found.added


@pytest.mark.parametrize(
    ("name", "pull", "source"),
    # PDG: 0.307 ± 0.013 and (7.53 ± 0.18)e-5 eV².
    [
        ("sin2_theta_12", 1.0, "sun:sin2_theta_12=0.320"),
        ("sin2_theta_12", -1.0, "sun:sin2_theta_12=0.294"),
        ("delta_m2_21", 1.0, "sun:delta_m2_21=7.71e-5"),
        ("delta_m2_21", -1.0, "sun:delta_m2_21=7.35e-5"),
        ("delta_m2_21", 0.0, "sun"),
    ],
)
def test_one_standard_deviation(built: Build, name: str, pull: float, source: str) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", flavor="e")
    # Of ν_e's moment the signal follows, too: (2e-11 / 1e-11)² = 4.
    found = scattering(workspace, mu_nue_squared=4.0, **{name: pull})
    np.testing.assert_allclose(found, physics(source, 2e-11, "e"), rtol=5 * WRITTEN, atol=1e-9)


def test_half_way_is_nearly_a_straight_line(built: Build) -> None:
    # Between, HistFactory interpolates; P_ee is nearly linear in the angle.
    found = scattering(built("lz_ws2022", hypothesis="magnetic-moment"), sin2_theta_12=0.5)
    expected = physics("sun:sin2_theta_12=0.3135")
    assert np.abs(found - expected).sum() < 1e-4 * expected.sum()


def test_a_moment_of_all_flavours_has_no_mixing(built: Build) -> None:
    (channel,) = built("lz_ws2022", hypothesis="magnetic-moment").spec["channels"]
    for sample in channel["samples"]:
        names = {entry["name"] for entry in sample["modifiers"]}
        if sample["name"].startswith("nu_"):
            assert set(MIXING) <= names, sample["name"]
        else:
            assert not set(MIXING) & names, sample["name"]


def test_experiments_share_the_mixing(built: Build) -> None:
    joint = built("lz_ws2024", "xenonnt_sr0", hypothesis="magnetic-moment")
    holders = {
        (channel["name"], entry["name"])
        for channel in joint.spec["channels"]
        for sample in channel["samples"]
        for entry in sample["modifiers"]
    }
    for name in MIXING:
        assert {channel for channel, held in holders if held == name} == {"lz_ws2024", "xenonnt_sr0"}
    parts = [built(name, hypothesis="magnetic-moment") for name in ("lz_ws2024", "xenonnt_sr0")]
    fluxes = [f"{group}_flux" for group in ("pp", "be7", "pep", "cno", "b8")]
    combined = combine(parts, correlate=[*fluxes, *MIXING, "atomic_response"])
    assert combined.digest == joint.digest


def test_where_there_is_no_mixing(built: Build) -> None:
    for choices in ({"background": "paper"}, {"source": "sun:survival=constant"}):
        workspace = built("lz_ws2022", hypothesis="magnetic-moment", **choices)
        names = {entry["name"] for entry in workspace.spec["measurements"][0]["config"]["parameters"]}
        assert not set(MIXING) & (names | set(workspace.sidecar["parameters"]))  # type: ignore[index]


def test_other_fluxes_are_other_parameters() -> None:
    other = build("lz_ws2022", hypothesis="magnetic-moment", source="sun:model=agss09")
    assert {"pp_agss09_flux", "b8_agss09_flux"} <= set(other.sidecar["parameters"])  # type: ignore[index]
    assert other.sidecar["channels"]["lz_ws2022"]["neutrino_source"] == "sun:model=agss09"  # type: ignore[index]
    # A pipe carries no sidecar: what the coupling is is known by the samples' names and parameters.
    bare = Workspace(other.spec)
    assert limit(bare).upper == limit(other).upper
    assert limit(bare).unit == "mu_B"


def test_rrpa_as_nominal_has_one_side(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", atomic="rrpa")
    (bounds,) = (
        entry["bounds"]
        for entry in workspace.spec["measurements"][0]["config"]["parameters"]
        if entry["name"] == "atomic_steps"
    )
    assert bounds == [[0.0, 1.0]]
    np.testing.assert_allclose(scattering(workspace), physics("sun", atomic="rrpa"), rtol=WRITTEN)
    np.testing.assert_allclose(
        scattering(workspace, atomic_steps=1.0, mu_nu_squared=4.0), physics("sun", 2e-11), rtol=WRITTEN
    )
    half = (physics("sun", 2e-11) + physics("sun", 2e-11, atomic="rrpa")) / 2
    np.testing.assert_allclose(scattering(workspace, atomic_steps=0.5, mu_nu_squared=4.0), half, rtol=WRITTEN)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("name", ["lz_ws2024", "xenonnt_sr0", "pandax4t_run1", "darwin_like", "cr51_xenon"])
def test_rrpa_for_every_experiment(built: Build, name: str) -> None:
    workspace = built(name, hypothesis="magnetic-moment", atomic="rrpa")
    assert "atomic_steps" in workspace.sidecar["parameters"]  # type: ignore[index]
    assert "atomic_response" not in workspace.sidecar["parameters"]  # type: ignore[index]
    step = built(name, hypothesis="magnetic-moment")
    weaker, stronger = limit(workspace).upper, limit(step).upper
    assert weaker is not None
    assert stronger is not None
    assert 1.0 < weaker / stronger < 1.12  # RRPA has 11 to 32 % fewer events (arXiv:1610.04177)


def test_a_grid_has_the_mixing_of_the_standard_model() -> None:
    grid = build_patchset("lz_ws2022", hypothesis="millicharge-epa", couplings=[0.0, 1e-13])
    for point in grid.points:
        found = scattering(grid.workspace(point), sin2_theta_12=1.0, mu=0.0)
        nominal = scattering(grid.workspace(point), mu=0.0)
        difference = physics("sun:sin2_theta_12=0.320") - physics("sun")
        np.testing.assert_allclose(found - nominal, difference, rtol=1e-6, atol=1e-8)


def test_one_flux_for_all_is_the_sun_s() -> None:
    with pytest.raises(
        ConfigError, match="flux='paper': is one parameter for the Sun; use flux='split' with cr51"
    ):
        build("cr51_xenon", hypothesis="magnetic-moment", flux="paper")
    with pytest.raises(ConfigError, match="no RRPA is published"):
        build("gemma_like", hypothesis="magnetic-moment", atomic="rrpa")


def test_a_user_s_source_comes_before_that_of_a_treatment() -> None:
    choices = {"hypothesis": "magnetic-moment", "background": "paper"}
    sources = [
        build("lz_ws2022", **choices, source=source).sidecar["channels"]["lz_ws2022"]["neutrino_source"]  # type: ignore[index, arg-type]
        for source in (None, "sun", "sun:model=agss09")
    ]
    assert sources == ["sun:survival=constant", "sun", "sun:model=agss09"]
