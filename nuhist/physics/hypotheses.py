"""What can be tested: each hypothesis is one function and one entry in :data:`HYPOTHESES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics import scattering
from nuhist.physics.couplings import FLAVORS, Flavor, radiative
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import (
    ATOMIC_CHOICES,
    CHANGES,
    FLAVOR_CHOICES,
    FLIPS,
    KEEPS,
    Atomic,
    Dependence,
    FlavorChoice,
    Hypothesis,
    ParameterRange,
    RateOptions,
    Terms,
)
from nuhist.physics.light_vector import LIGHT_VECTOR
from nuhist.tables import Array
from nuhist.values import as_text

__all__ = [
    "ATOMIC_CHOICES",
    "FAMILIES",
    "FLAVOR_CHOICES",
    "HYPOTHESES",
    "Atomic",
    "Dependence",
    "FlavorChoice",
    "Hypothesis",
    "ParameterRange",
    "RateOptions",
    "Terms",
    "active_flavors",
    "find_parameter",
    "get_family",
    "get_hypothesis",
    "title_of",
]


def _magnetic_moment(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-22 * scattering.magnetic_moment(energy, options.target)}


def _millicharge_fea(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {
        1: 1e-13 * scattering.millicharge_fea_linear(energy, radiative(flavor), options.target),
        2: 1e-26 * scattering.millicharge_fea_quadratic(energy, options.target),
    }


def _millicharge_epa(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-26 * scattering.millicharge_epa(energy, options.target, options.neutrino_mass_ev)}


def _charge_radius(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {
        1: 1e-31 * scattering.charge_radius_linear(energy, radiative(flavor), options.target),
        2: 1e-62 * scattering.charge_radius_quadratic(energy, options.target),
    }


def _transition_charge_radius(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    # Another flavour goes out: no interference with the Standard Model.
    return {2: 1e-62 * scattering.charge_radius_quadratic(energy, options.target)}


def _standard_model(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {1: scattering.standard_model(energy, radiative(flavor), options.target)}


HYPOTHESES: dict[str, Hypothesis] = {
    entry.name: entry
    for entry in (
        Hypothesis(
            name="magnetic-moment",
            title="neutrino magnetic moment",
            coupling="mu_nu",
            unit="mu_B",
            reference=1e-11,
            terms=_magnetic_moment,
            dependence=Dependence.POWER,
            parameter="mu_nu{flavor}_squared",
            power=2,
            rrpa=True,
            amplitude=FLIPS,
        ),
        Hypothesis(
            name="millicharge-fea",
            title="neutrino millicharge, free electrons (FEA)",
            coupling="q_nu",
            unit="e_0",
            reference=1e-13,
            terms=_millicharge_fea,
            dependence=Dependence.POLYNOMIAL,
            parameter="q_nu{flavor}",
            scale=1e4,
            bounds=(-12.0, 12.0),
            # Counts right to 1e-6 (see histfactory.polynomial): interference takes away two thirds
            # of the quadratic part of nu_e, and little of nu_mu and nu_tau, whose limits are wider.
            flavor_ranges={
                "e": ParameterRange(2e4, (-15.0, 15.0)),
                "mu": ParameterRange(1e4, (-17.0, 17.0)),
                "tau": ParameterRange(1e4, (-17.0, 17.0)),
            },
            amplitude=KEEPS,
        ),
        Hypothesis(
            name="millicharge-epa-only",
            title="neutrino millicharge, equivalent photons alone (EPA)",
            coupling="q_nu",
            unit="e_0",
            reference=1e-13,
            terms=_millicharge_epa,
            dependence=Dependence.POWER,
            parameter="q_nu{flavor}_squared",
            power=2,
            absorption=True,
            amplitude=KEEPS,
        ),
        Hypothesis(
            name="millicharge-epa",
            title="neutrino millicharge, the larger of EPA and FEA",
            coupling="q_nu",
            unit="e_0",
            reference=1e-13,
            terms=_millicharge_fea,
            dependence=Dependence.GENERAL,
            parameter="mu",
            alternative=_millicharge_epa,
            absorption=True,
            amplitude=KEEPS,
        ),
        Hypothesis(
            name="charge-radius",
            title="neutrino charge radius beyond the Standard Model's",
            coupling="r2_nu",
            unit="cm^2",
            reference=1e-31,
            terms=_charge_radius,
            dependence=Dependence.POLYNOMIAL,
            parameter="r2_nu{flavor}",
            scale=1e4,
            bounds=(-17.0, 17.0),
            rrpa=True,
            amplitude=KEEPS,
        ),
        Hypothesis(
            name="charge-radius-transition",
            title="neutrino charge radius that changes the flavour",
            coupling="r2_transition_nu",
            unit="cm^2",
            reference=1e-31,
            terms=_transition_charge_radius,
            dependence=Dependence.POWER,
            parameter="r2_transition_nu{flavor}_squared",
            power=2,
            bounds=(0.0, 1000.0),
            rrpa=True,
            amplitude=CHANGES,
        ),
        Hypothesis(
            name="standard-model",
            title="strength of the Standard Model's neutrino-electron scattering",
            coupling="sm_strength_nu",
            unit="SM",
            reference=1.0,
            terms=_standard_model,
            dependence=Dependence.POWER,
            parameter="sm_strength_nu{flavor}",
            bounds=(0.0, 20.0),
            rrpa=True,
            replaces_standard_model=True,
            amplitude=KEEPS,
        ),
    )
}


FAMILIES: dict[str, Family] = {LIGHT_VECTOR.name: LIGHT_VECTOR}


def get_family(name: str) -> Family:
    """Look a family of hypotheses up; a ConfigError if there is none of that name."""
    if as_text(name, "hypothesis") not in FAMILIES:
        if name in HYPOTHESES:
            raise ConfigError(f"{name} has no parameter of its own; those that have: {', '.join(FAMILIES)}")
        raise unknown_name("hypothesis with parameters of its own", name, FAMILIES)
    return FAMILIES[name]


def title_of(name: str | None) -> str | None:
    """The title of a hypothesis, None if there is none of that name."""
    try:
        return get_hypothesis(name or "").title
    except ConfigError:
        return None


def get_hypothesis(name: str) -> Hypothesis:
    """Look a hypothesis up; one with parameters of its own by its name and these, ``NAME:PARAMETER=VALUE``.

    Raises
    ------
    ConfigError
        If there is none of that name (the nearest names are suggested), the entry of that name is
        no hypothesis or has another name, or a parameter is missing or outside its range.

    Examples
    --------
    >>> get_hypothesis("light-vector:mass=1MeV").name
    'light-vector:mass=1000keV'
    """
    family, _, values = as_text(name, "hypothesis").partition(":")
    if family in FAMILIES and name not in HYPOTHESES:
        return FAMILIES[family].parsed(values)
    if name not in HYPOTHESES:
        raise unknown_name("hypothesis", name, [*HYPOTHESES, *(each.example for each in FAMILIES.values())])
    found: Any = HYPOTHESES[name]
    if not isinstance(found, Hypothesis):
        raise ConfigError(f"HYPOTHESES['{name}'] is a {type(found).__name__}; expected a Hypothesis")
    if found.name != name:
        raise ConfigError(f"HYPOTHESES['{name}'] has the name '{found.name}'; expected its key")
    return found


def find_parameter(name: str) -> tuple[Hypothesis, FlavorChoice] | None:
    """Hypothesis and flavour that a parameter of interest belongs to, if nuhist knows it.

    Examples
    --------
    >>> hypothesis, flavor = find_parameter("mu_nue_squared")
    >>> hypothesis.name, flavor
    ('magnetic-moment', 'e')
    >>> find_parameter("g2_nu_mass10keV")[0].name
    'light-vector:mass=10keV'
    """
    members = [family.of_parameter(name) for family in FAMILIES.values()]
    for hypothesis in (*HYPOTHESES.values(), *filter(None, members)):
        if hypothesis.dependence is Dependence.GENERAL:
            continue
        for flavor in FLAVOR_CHOICES:
            if hypothesis.parameter_of_interest(flavor).name == name:
                return hypothesis, flavor
    return None


def active_flavors(flavor: str) -> tuple[Flavor, ...]:
    """Flavours that carry the coupling: all of them for ``"effective"``.

    Raises
    ------
    ConfigError
        If there is no such flavour.
    """
    if flavor == "effective":
        return FLAVORS
    for known in FLAVORS:
        if flavor == known:
            return (known,)
    raise unknown_name("flavor", flavor, FLAVOR_CHOICES)
