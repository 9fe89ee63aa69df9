"""Bosons of dark matter that an atom absorbs: axion-like particles and dark photons, a line at their mass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import floor, log10, pi

from nuhist.constants import ELECTRON_MASS_KEV, FINE_STRUCTURE, LIGHT_CM_PER_S, SECONDS_PER_YEAR
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import Dependence, Hypothesis, no_terms
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.targets.target import Target

DENSITY = 0.3e6  # keV/cm³, of dark matter here: the usual value, for which limits are quoted
# Below 1 keV what surrounds the atom changes a dark photon's mixing: (31 eV / M)² in liquid xenon.
# Where the photoabsorption of a target ends, at 30 keV but for xenon, the target refuses.
_MASS = OwnParameter("mass", "mass", "keV", {"eV": 1e-3}, 1.0, 150.0)
Absorbed = Callable[[float], float]  # of a mass in keV: what σ_γ is multiplied by, for a coupling of 1


def axion(mass: float) -> float:
    """3 M² / (16π α m_e²): σ v / (σ_γ c) of the axioelectric effect for g_ae = 1, arXiv:0807.3279."""
    return 3 * mass**2 / (16 * pi * FINE_STRUCTURE * ELECTRON_MASS_KEV**2)


def dark_photon(_: float) -> float:
    """1: σ v / (σ_γ c) for a kinetic mixing of 1, arXiv:1412.8378 without the medium."""
    return 1.0


def _line(target: Target, *, mass: float, absorbed: Absorbed, squared: float) -> tuple[float, float]:
    per_atom = DENSITY / mass * LIGHT_CM_PER_S * target.absorption(mass)
    return mass, squared * absorbed(mass) * per_atom * target.per_tonne * SECONDS_PER_YEAR


def _made(
    name: str,
    title: str,
    values: Mapping[str, float],
    *,
    coupling: str,
    absorbed: Absorbed,
    at_one: float,
    slope: float,
) -> Hypothesis:
    mass = values["mass"]
    size = at_one * mass**slope
    size = round(size, 1 - floor(log10(size)))  # two digits, for readers
    return Hypothesis(
        name=name,
        title=title,
        coupling=coupling,
        unit="1",
        reference=size,
        terms=no_terms,
        line=partial(_line, mass=mass, absorbed=absorbed, squared=size**2),
        dependence=Dependence.POWER,
        parameter=f"{coupling}_squared",
        power=2,
        bounds=(0.0, 1e6),
    )


# References are what experiments can see: photoabsorption falls with about the third power of the energy.
ENTRIES = (
    Family(
        "axion-like-particle", "axion-like dark matter", (_MASS,),
        partial(_made, coupling="g_ae", absorbed=axion, at_one=1e-14, slope=0.5),
        formula="line at M: rho / M sigma_photo(M) 3 g_ae^2 M^2 / (16 pi alpha m_e^2), rho = 0.3 GeV/cm^3",
        cited="arXiv:0807.3279",
    ),
    Family(
        "dark-photon", "dark-photon dark matter", (_MASS,),
        partial(_made, coupling="kinetic_mixing", absorbed=dark_photon, at_one=3e-17, slope=2.0),
        formula="line at M: kinetic_mixing^2 rho / M sigma_photo(M), rho = 0.3 GeV/cm^3",
        cited="arXiv:1412.8378",
    ),
)  # fmt: skip
