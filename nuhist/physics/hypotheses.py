"""What can be tested: each hypothesis is one function and one entry in :data:`HYPOTHESES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple, get_args

import numpy as np

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics import scattering
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.couplings import FLAVORS, Flavor, radiative
from nuhist.physics.oscillation import Composition, solar_composition
from nuhist.tables import Array

FlavorChoice = Literal["effective", "e", "mu", "tau"]
FLAVOR_CHOICES: tuple[FlavorChoice, ...] = get_args(FlavorChoice)
Atomic = Literal["step", "rrpa"]
ATOMIC_CHOICES: tuple[Atomic, ...] = get_args(Atomic)


class Dependence(Enum):
    """How the rate depends on the coupling."""

    POWER = "one power of the coupling beside the Standard Model"
    POLYNOMIAL = "a part linear and a part quadratic in a signed coupling"
    GENERAL = "no polynomial in the coupling"


@dataclass(frozen=True)
class RateOptions:
    """Choices of the physics that are no hypotheses.

    Attributes
    ----------
    atomic
        ``"step"``: free electrons times the effective charge; ``"rrpa"``: that times the RRPA
        ratio, for the Standard Model and the magnetic moment.
    neutrino_mass_ev
        Mass in eV in the equivalent-photon approximation.
    composition
        Fraction of each flavour.
    """

    atomic: Atomic = "step"
    neutrino_mass_ev: float = 1.0
    composition: Composition = field(default_factory=solar_composition)

    def __post_init__(self) -> None:
        if self.atomic not in ATOMIC_CHOICES:
            raise unknown_name("atomic response", self.atomic, ATOMIC_CHOICES)
        if not 0 < self.neutrino_mass_ev < np.inf:
            raise ConfigError(f"neutrino mass {self.neutrino_mass_ev:g} eV: must be positive")


Terms = Callable[[Array, Flavor, RateOptions], Mapping[int, Array]]


class ParameterRange(NamedTuple):
    """Scale and bounds of a parameter of interest, see :class:`Hypothesis`."""

    scale: float
    bounds: tuple[float, float]


@dataclass(frozen=True)
class Hypothesis:
    """One coupling and how it changes the rate.

    With x = coupling / reference, the cross section of a flavour that has the coupling is the
    Standard Model's plus Σ xⁿ terms[n]. With ``alternative``, what is added to the Standard Model
    is, at each T and E, the larger of Σ xⁿ terms[n] and Σ xⁿ alternative[n].

    Attributes
    ----------
    name, title
        For the command line and for readers.
    coupling, unit, reference
        The physical quantity, its unit, and the value that x = 1 stands for.
    terms
        Cross sections per power of x for one flavour (coefficients of
        :mod:`nuhist.physics.scattering`).
    dependence
        Which HistFactory construction fits.
    parameter
        Name of the parameter of interest, with ``{flavor}`` where a single flavour's name goes.
    power
        The parameter is xᵖ over ``scale``.
    scale
        See ``power``; 1 unless the parameter has to stay near the origin of an interpolation.
    bounds
        Of x (``POLYNOMIAL``) or of the parameter (``POWER``).
    flavor_ranges
        Other scales and bounds for some flavours.
    alternative
        Cross sections that compete with ``terms``.
    rrpa
        Whether the RRPA ratio applies to ``terms``.
    absorption
        Whether the photoabsorption enters, so that quadratures are split at its nodes.
    replaces_standard_model
        Whether ``terms`` stand in place of the Standard Model's rate instead of adding to it.
    """

    name: str
    title: str
    coupling: str
    unit: str
    reference: float
    terms: Terms
    dependence: Dependence
    parameter: str
    power: int = 1
    scale: float = 1.0
    bounds: tuple[float, float] = (0.0, 100.0)
    flavor_ranges: Mapping[FlavorChoice, ParameterRange] = field(default_factory=dict)
    alternative: Terms | None = None
    rrpa: bool = False
    absorption: bool = False
    replaces_standard_model: bool = False

    def parameter_of_interest(self, flavor: FlavorChoice) -> CouplingScale:
        """The parameter of interest and how it translates to the coupling."""
        suffix = "" if flavor == "effective" else flavor
        return CouplingScale(
            self.parameter.format(flavor=suffix),
            self.coupling + suffix,
            self.unit,
            self.reference,
            self.power,
            self.parameter_range(flavor).scale,
        )

    def parameter_range(self, flavor: FlavorChoice) -> ParameterRange:
        """Scale and bounds of the parameter of interest."""
        return self.flavor_ranges.get(flavor, ParameterRange(self.scale, self.bounds))


def _magnetic_moment(energy: Array, _flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-22 * scattering.magnetic_moment(energy)}


def _millicharge_fea(energy: Array, flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    return {
        1: 1e-13 * scattering.millicharge_fea_linear(energy, radiative(flavor)),
        2: 1e-26 * scattering.millicharge_fea_quadratic(energy),
    }


def _millicharge_epa(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-26 * scattering.millicharge_epa(energy, options.neutrino_mass_ev)}


def _charge_radius(energy: Array, flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    return {
        1: 1e-31 * scattering.charge_radius_linear(energy, radiative(flavor)),
        2: 1e-62 * scattering.charge_radius_quadratic(energy),
    }


def _transition_charge_radius(energy: Array, _flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    # Another flavour goes out: no interference with the Standard Model.
    return {2: 1e-62 * scattering.charge_radius_quadratic(energy)}


def _standard_model(energy: Array, flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    return {1: scattering.standard_model(energy, radiative(flavor))}


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
        ),
    )
}


def get_hypothesis(name: str) -> Hypothesis:
    """Look a hypothesis up.

    Raises
    ------
    ConfigError
        If there is none of that name; the nearest names are suggested.
    """
    if name not in HYPOTHESES:
        raise unknown_name("hypothesis", name, HYPOTHESES)
    return HYPOTHESES[name]


def find_parameter(name: str) -> tuple[Hypothesis, FlavorChoice] | None:
    """Hypothesis and flavour that a parameter of interest belongs to, if nuhist knows it.

    Examples
    --------
    >>> hypothesis, flavor = find_parameter("mu_nue_squared")
    >>> hypothesis.name, flavor
    ('magnetic-moment', 'e')
    """
    for hypothesis in HYPOTHESES.values():
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
