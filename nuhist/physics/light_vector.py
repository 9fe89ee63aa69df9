"""A light vector boson that couples to B - L, exchanged between neutrino and electron."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import floor, log10, sqrt

from nuhist.constants import ELECTRON_MASS_KEV, FERMI_CONSTANT_PER_KEV2
from nuhist.physics import scattering
from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_MASSLESS = 2e-14  # g² that experiments can see of a light boson
_TYPICAL = 2.0  # recoil energy in keV, from which on a mass matters: M² = 2 m_e T


def vector_terms(
    energy: Array, flavor: Flavor, target: Target, mass: float, squared: float
) -> Mapping[int, Array]:
    """What a boson of the B - L charge adds to the cross section, linear and quadratic in g².

    The exchange is that of a photon with a mass, and neutrino and electron have the product of charges +1:
    g_V goes to g_V + g² / (√2 G_F (2 m_e T + M²)). The cross section is a quadratic form in the couplings, so
    that both parts follow from differences of it.

    Parameters
    ----------
    energy
        T in keV.
    flavor
        Of the neutrino.
    target
        That is hit.
    mass
        M in keV.
    squared
        g² that the power 1 stands for.

    References
    ----------
    arXiv:2207.05036, eq. (7), for a massless one, with q = -g² / (4πα).
    """
    g_v, g_a = radiative(flavor)
    shift = squared / (sqrt(2) * FERMI_CONSTANT_PER_KEV2 * (2 * ELECTRON_MASS_KEV * energy + mass**2))
    plain = scattering.standard_model(energy, Couplings(g_v, g_a), target)
    plus = scattering.standard_model(energy, Couplings(g_v + 1, g_a), target)
    minus = scattering.standard_model(energy, Couplings(g_v - 1, g_a), target)
    return {1: shift * (plus - minus) / 2, 2: shift**2 * ((plus + minus) / 2 - plain)}


def _terms(
    energy: Array, flavor: Flavor, options: RateOptions, *, mass: float, reference: float
) -> Mapping[int, Array]:
    # A function of the module, so that other processes can be sent it.
    return vector_terms(energy, flavor, options.target, mass, reference)


def _made(name: str, title: str, values: Mapping[str, float]) -> Hypothesis:
    mass = values["mass"]
    reference = _rounded(_MASSLESS * (1 + mass**2 / (2 * ELECTRON_MASS_KEV * _TYPICAL)))
    return Hypothesis(
        name=name,
        title=title,
        coupling="g2_nu",
        unit="1",
        reference=reference,
        terms=partial(_terms, mass=mass, reference=reference),
        dependence=Dependence.POLYNOMIAL,
        parameter="g2_nu{flavor}",
        scale=1e4,
        bounds=(0.0, 17.0),
        amplitude=KEEPS,
    )


def _rounded(value: float) -> float:
    """To two digits: a reference is for readers, too."""
    return round(value, 1 - floor(log10(value)))


LIGHT_VECTOR = Family(
    "light-vector",
    "vector boson of B - L",
    (OwnParameter("mass", "mass", "keV", {"eV": 1e-3, "MeV": 1e3, "GeV": 1e6}, 0.0, 1e7),),
    _made,
)
