"""The dipole portal: a transition magnetic moment turns a neutrino into a heavy sterile state."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import floor, log10

import numpy as np

from nuhist.constants import ELECTRON_MASS_KEV
from nuhist.physics import scattering
from nuhist.physics.couplings import Flavor
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import Dependence, Hypothesis, RateOptions
from nuhist.physics.mediator import MASS
from nuhist.tables import Array

_MASSLESS, _HEAVY = 1e-11, 150.0  # μ_B; keV, from which on pp neutrinos make fewer of them and 7Be must


def _reference(mass: float) -> float:
    """A moment that experiments can see, to two digits."""
    value = _MASSLESS * (1 + (mass / _HEAVY) ** 4)
    return round(value, 1 - floor(log10(value)))


def portal(recoil_energy: Array, mass: float) -> Array:
    """What a mass M of the outgoing state adds to 1/T − 1/E, as coefficients of 1, 1/E, 1/E² and ln E.

    −M² / (2 m_e T E) (1 − T/(2E) + m_e/(2E)) + M⁴ (T − m_e) / (8 m_e² T² E²).

    References
    ----------
    arXiv:2109.09545, with the electron as the target.
    """
    falling = -(mass**2) / (2 * ELECTRON_MASS_KEV * recoil_energy)
    squared = (recoil_energy - ELECTRON_MASS_KEV) / 2 * (falling**2 - falling)
    zero = np.zeros_like(recoil_energy)
    return np.stack([zero, falling, squared, zero])


def _terms(
    energy: Array, _: Flavor, options: RateOptions, *, mass: float, moment: float
) -> Mapping[int, Array]:
    massless = scattering.magnetic_moment(energy, options.target)
    # The first coefficient is the strength times 1/T.
    return {2: moment**2 * (massless + massless[0] * energy * portal(energy, mass))}


def _made(name: str, title: str, values: Mapping[str, float]) -> Hypothesis:
    mass = values["mass"]
    size = _reference(mass)
    return Hypothesis(
        name=name,
        title=title,
        coupling="mu_sterile_nu",
        unit="mu_B",
        reference=size,
        terms=partial(_terms, mass=mass, moment=size),
        dependence=Dependence.POWER,
        parameter="mu_sterile_nu{flavor}_squared",
        power=2,
        bounds=(0.0, 1e6),
        rrpa=True,
        outgoing_mass=mass,
        amplitude=f"turn the neutrino into a state of {mass:g} keV",
    )


ENTRIES = (
    Family(
        "dipole-portal",
        "transition magnetic moment to a sterile state",
        (MASS,),
        _made,
        formula="dsigma/dT = Z_eff pi alpha^2 mu^2 / m_e^2 (1/T - 1/E - M^2 / (2 m_e T E) (1 - T/(2E)"
        " + m_e/(2E)) + M^4 (T - m_e) / (8 m_e^2 T^2 E^2))",
        cited="arXiv:2109.09545",
    ),
)
