"""Bounds and scales that are found: limits lie between them, and counts are right up to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import nuhist
from nuhist.constants import ELECTRON_MASS_KEV, FERMI_CONSTANT_PER_KEV2
from nuhist.errors import ConfigError
from nuhist.histfactory.build import build
from nuhist.histfactory.found_range import INWARDS, OUTWARDS, found_scale, is_found_scale, is_moved
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.workspace import Workspace
from nuhist.physics import couplings, scattering
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypotheses import (
    FAMILIES,
    HYPOTHESES,
    Dependence,
    FlavorChoice,
    Hypothesis,
    RateOptions,
    get_hypothesis,
)
from nuhist.physics.hypothesis import ELECTRON, UNSTATED, Unstated
from nuhist.physics.targets.registry import get_target
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

MOMENT, CHARGE = get_hypothesis("magnetic-moment"), get_hypothesis("millicharge-fea")
EXPERIMENTS = ("lz_ws2022", "lz_ws2024", "xenonnt_sr0", "pandax4t_run1", "gemma_like", "cr51_xenon")
_MASSES = {"axion-like-particle": "4keV", "dark-photon": "4keV"}
CATALOGUE = [
    *(name for name, entry in HYPOTHESES.items()
      if entry.dependence is not Dependence.GENERAL and ELECTRON in entry.processes),
    *(f"{name}:mass={_MASSES.get(name, '1MeV')}" for name, entry in FAMILIES.items()
      if [each.name for each in entry.parameters] == ["mass"]),
]  # fmt: skip


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hypothesis]:
    def put(hypothesis: Hypothesis, **fields: Any) -> Hypothesis:
        made = replace(hypothesis, name="mine", **fields)
        monkeypatch.setitem(HYPOTHESES, "mine", made)
        return made

    return put


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_no_limit_is_open(name: str, experiment: str) -> None:
    if name == "dipole-portal:mass=1MeV" and experiment == "cr51_xenon":
        pytest.skip("chromium gives its neutrinos less than 1 MeV")
    if experiment in {"cr51_xenon", "gemma_like"} and "lmu-ltau" in name:
        pytest.skip("chromium and reactors make ν_e alone, which have no charge of L_mu - L_tau")
    found = nuhist.limit(build(experiment, hypothesis=name), confidence_level=0.997)
    assert found.upper is not None
    assert not any("open above" in note for note in found.notes)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1.0, 30.0])
def test_limits_do_not_depend_on_the_bounds_that_are_stated(
    mine: Callable[..., Hypothesis], factor: float
) -> None:
    mine(MOMENT, bounds=(0.0, 100.0 * factor))
    found = nuhist.limit(build("xenonnt_sr0", hypothesis="mine"))
    # docs/explanation/experiments.md, of the stated bounds; its last digit.
    assert found.upper == pytest.approx(7.166e-12, rel=1e-3, abs=0)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("reach", [0.01, 1.0, 17.0, 300.0])
def test_limits_of_signed_couplings_do_not(mine: Callable[..., Hypothesis], reach: float) -> None:
    plain = nuhist.limit(build("xenonnt_sr0", hypothesis="millicharge-fea"))
    mine(replace(CHARGE, flavor_ranges={}, bounds=(-reach, reach), scale=1e4 * max(1.0, reach / 17)))
    found = nuhist.limit(build("xenonnt_sr0", hypothesis="mine"))
    assert (found.lower, found.upper) == pytest.approx((plain.lower, plain.upper), rel=1e-4, abs=0)


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("factor", [1e8, 1e3, 1e-5, 1e-6, 1e-3, 1e6])
@pytest.mark.parametrize("name", ["light-vector:mass=10keV", "magnetic-moment"])
def test_limits_do_not_depend_on_the_reference_that_is_stated(
    mine: Callable[..., Hypothesis], name: str, factor: float
) -> None:
    # Of a polynomial with bounds too wide by far the linear part would be lost: 3.4e-14 for 5.0e-14 once.
    plain = get_hypothesis(name)

    def terms(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
        found = plain.terms(energy, flavor, options)
        return {power: values * factor**power for power, values in found.items()}

    mine(plain, terms=terms, reference=plain.reference * factor, parameter="my_coupling")
    expected = nuhist.limit(build("lz_ws2022", hypothesis=name)).upper
    assert nuhist.limit(build("lz_ws2022", hypothesis="mine")).upper == pytest.approx(
        expected, rel=2e-6, abs=0
    )


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_references_far_from_what_is_seen_are_refused(mine: Callable[..., Hypothesis], factor: float) -> None:
    plain = get_hypothesis("light-vector:mass=10keV")

    def terms(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
        found = plain.terms(energy, flavor, options)
        return {power: values * factor**power for power, values in found.items()}

    mine(plain, terms=terms, reference=plain.reference * factor, parameter="my_coupling")
    with pytest.raises(
        ConfigError, match=r"these experiments see couplings near [1-9]e-14; state a reference"
    ):
        build("lz_ws2022", hypothesis="mine")


@pytest.mark.parametrize("power", [1, 2, 4])
def test_a_reference_that_is_left_out_is_found(mine: Callable[..., Hypothesis], power: int) -> None:
    # A flat rate that gives 20 events from 1 to 30 keV at a coupling of 3.2e-12. To one digit that is 3e-12.
    def rates(energy: Array, _: Target) -> Mapping[int, Array]:
        return {power: np.full_like(energy, 20 / 29 / 3.2e-12**power)}

    mine(Hypothesis("mine", "flat", "c", "1", rates=rates, power=power))
    found = get_hypothesis("mine")
    assert found.reference == 3e-12
    assert found.rates is not None
    flat = found.rates(np.array([2.0]), get_target("xenon"))
    # Only rounding differs.
    assert flat[power] == pytest.approx(20 / 29 * (3 / 3.2) ** power, rel=1e-12)


def test_a_reference_of_a_line_is_found(mine: Callable[..., Hypothesis]) -> None:
    mine(Hypothesis("mine", "line", "c", "1", line=lambda _: (5.0, 20 / 3.2e-12**2), power=2))
    found = get_hypothesis("mine")
    assert found.reference == 3e-12
    assert found.line is not None
    # Only rounding differs.
    assert found.line(get_target("xenon")) == pytest.approx((5.0, 20 * (3 / 3.2) ** 2), rel=1e-12)


def test_limits_do_not_depend_on_a_reference_that_is_left_out(mine: Callable[..., Hypothesis]) -> None:
    def of_one(energy: Array, _: Flavor, options: RateOptions) -> Mapping[int, Array]:
        return {2: scattering.magnetic_moment(energy, options.target)}

    mine(MOMENT, terms=of_one, reference=UNSTATED)
    # By hand: π α²/m_e² = 2.495e-25 cm², 6.5e10 neutrinos per cm² s, 4.59e27 atoms and 3.156e7 s, times 164,
    # the integral of Z_eff/T from 1 to 30 keV, less 3 % for T/E: 3.7e23 events for 1 μ_B, 20 for 7.3e-12.
    assert get_hypothesis("mine").reference == 7e-12
    found = nuhist.limit(build("xenonnt_sr0", hypothesis="mine"))
    # docs/explanation/experiments.md, of the stated reference; its last digit.
    assert found.upper == pytest.approx(7.166e-12, rel=1e-3, abs=0)


def differences(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    """A light vector of 10 keV for g² = 1, whose linear part is a difference of numbers 1e14 times larger."""
    g_v, g_a = couplings.radiative(flavor)
    shift = 1 / (np.sqrt(2) * FERMI_CONSTANT_PER_KEV2) / (2 * ELECTRON_MASS_KEV * energy + 100.0)
    plain, plus, minus = (
        scattering.standard_model(energy, couplings.Couplings(g_v + sign * shift, g_a), options.target)
        for sign in (0.0, 1.0, -1.0)
    )
    return {1: (plus - minus) / 2, 2: (plus + minus) / 2 - plain}


def test_a_linear_part_that_is_lost_in_rounding_is_refused(mine: Callable[..., Hypothesis]) -> None:
    # Its best fit was off by a thousandth, and with a reference of 1e30 its limit by a quarter.
    plain = get_hypothesis("light-vector:mass=10keV")
    mine(plain, terms=differences, reference=UNSTATED, parameter="my_coupling")
    with pytest.raises(ConfigError, match="the linear part of its terms has lost its digits"):
        build("lz_ws2022", hypothesis="mine")


@pytest.mark.parametrize("stated", [UNSTATED, 1.0, 1e6])
def test_the_reference_that_is_suggested_is_one_that_experiments_see(
    mine: Callable[..., Hypothesis], stated: float
) -> None:
    plain = get_hypothesis("light-vector:mass=10keV")

    def terms(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
        size = 1.0 if isinstance(stated, Unstated) else stated
        return {power: part * size**power for power, part in differences(energy, flavor, options).items()}

    mine(plain, terms=terms, reference=stated, parameter="my_coupling")
    with pytest.raises(ConfigError, match="state a reference near ") as caught:
        build("lz_ws2022", hypothesis="mine")
    near = float(str(caught.value).partition("state a reference near ")[2].partition(",")[0])
    # That of nuhist's own, 2.1e-14, which is set by another rule.
    assert plain.reference / 3 < near < plain.reference * 3


def test_bounds_that_are_left_out_have_both_signs_where_a_coupling_has() -> None:
    fields: dict[str, Any] = {"name": "n", "title": "t", "coupling": "c", "unit": "1", "terms": differences}
    signed = Hypothesis(**fields, dependence=Dependence.POLYNOMIAL)
    assert signed.bounds == (-17.0, 17.0)
    assert signed.scale == 1e4
    assert Hypothesis(**fields, power=2).bounds == (0.0, 100.0)
    assert Hypothesis(**fields, power=2).parameter == "c{flavor}_squared"


def interpolated(low: Any, nominal: Any, high: Any, alpha: float) -> Any:
    """HistFactory's code 4p between ±1, as CERN-OPEN-2012-016 and pyhf have it."""
    odd, even = (high - low) / 2, (high + low - 2 * nominal) / 16
    return nominal + alpha * odd + alpha**2 * even * (15 - 10 * alpha**2 + 3 * alpha**4)


@pytest.mark.parametrize("flavor", ["effective", "e"])
@pytest.mark.parametrize("name", ["nsi-left", "charge-radius", "weak-mixing-angle", "light-vector:mass=1MeV"])
@pytest.mark.parametrize("experiment", ["gemma_like", "pandax4t_run1"])
def test_counts_are_right_up_to_the_bounds(experiment: str, name: str, flavor: FlavorChoice) -> None:
    workspace = build(experiment, hypothesis=name, flavor=flavor, response="none")
    parameter = workspace.measurement()["config"]["parameters"][0]
    scale = coupling_scale(workspace, parameter["name"])
    (low, high) = parameter["bounds"][0]
    every = workspace.spec["channels"][0]["samples"]
    samples = [sample for sample in every
               if any(entry["name"] == parameter["name"] for entry in sample["modifiers"])]  # fmt: skip
    assert samples
    others = sum((np.array(sample["data"]) for sample in every if sample not in samples), np.zeros(1))
    for fraction in (0.0, 0.003, 0.03, 0.3, 0.77, 1.0):
        alpha = low + fraction * (high - low)
        found = 0.0
        for sample in samples:
            (modifier,) = (entry for entry in sample["modifiers"] if entry["name"] == parameter["name"])
            sides = (np.array(modifier["data"][key]) for key in ("lo_data", "hi_data"))
            down, up = sides
            found = found + interpolated(down, np.array(sample["data"]), up, alpha)
        coupling = scale.to_coupling(alpha)
        spectrum = nuhist.spectrum(
            experiment,
            hypothesis=name,
            flavor=flavor,
            coupling=coupling,
            response="none",
        )
        total = spectrum.standard_model + spectrum.added
        # 1e-6 of what a bin expects; ten digits of the counts.
        np.testing.assert_array_less(np.abs(found - total), 1.05e-6 * (total + others) + 1e-9)


def test_moved_bounds_are_known_through_a_pipe() -> None:
    for name in ("millicharge-fea", "millicharge-epa-only", "weak-mixing-angle"):
        workspace = build("gemma_like", hypothesis=name)
        parameter = workspace.measurement()["config"]["parameters"][0]
        piped = Workspace(workspace.spec)
        assert coupling_scale(piped, parameter["name"]) == coupling_scale(workspace, parameter["name"])
        assert not coupling_scale(piped, parameter["name"]).is_plain
    # Bounds that nuhist never finds are somebody else's.
    spec: Mapping[str, Any] = {**workspace.spec}
    parameter["bounds"] = [[3 * end for end in parameter["bounds"][0]]]
    assert coupling_scale(Workspace(spec), parameter["name"]).is_plain


def test_found_scales_and_bounds_are_no_stated_ones() -> None:
    scales = [found_scale(10.0 ** (k / 7)) for k in range(60)]
    assert all(map(is_found_scale, scales))
    assert not any(is_found_scale(scale) for scale in (1.0, 1e4, 2e4, 5e4))
    for entry in HYPOTHESES.values():
        assert not is_found_scale(entry.scale)
    assert all(is_moved(17.0 * factor, 17.0) for factor in (*INWARDS, *OUTWARDS))
    assert not is_moved(51.0, 17.0)
    assert not is_moved(-17.0, 17.0)
    # A bound over its scale says which of both it is.
    moved = {17.0 * factor / scale for factor in (*INWARDS, 1.0, *OUTWARDS) for scale in scales}
    assert not any(np.isclose(17.0 / stated, list(moved), rtol=1e-9).any() for stated in (1e4, 2e4))
