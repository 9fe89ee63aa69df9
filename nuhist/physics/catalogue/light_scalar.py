"""Light scalar, pseudoscalar and tensor bosons: their exchange flips the neutrino's helicity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import pi

import numpy as np

from nuhist.constants import ELECTRON_MASS_KEV, HBAR_C_KEV_CM
from nuhist.physics import coherent
from nuhist.physics.couplings import Flavor
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import FLIPS, Dependence, Hypothesis, RateOptions
from nuhist.physics.mediator import MASS, propagator, reference
from nuhist.tables import Array

Spins = Callable[[Array], Array]

# What a scalar that couples to all quarks u and d as to the electron sees of proton and neutron:
# Σ m_N/m_q f_q with f of arXiv:1506.04142 (0.0208 and 0.0411 of the proton, 0.0189 and 0.0451 of the neutron)
# and quark masses of the Particle Data Group (2.16 and 4.67 MeV); 10 % or so uncertain.
NUCLEONS = (
    938.272 * (0.0208 / 2.16 + 0.0411 / 4.67),
    939.565 * (0.0189 / 2.16 + 0.0451 / 4.67),
)


def scalar(recoil_energy: Array) -> Array:
    """m_e T (2 m_e + T) / (8π E²), as coefficients of 1, 1/E and 1/E²: g_ν g_e ν̄ν ēe exchanged."""
    return _over_square(recoil_energy * (2 * ELECTRON_MASS_KEV + recoil_energy) / (8 * pi))


def pseudoscalar(recoil_energy: Array) -> Array:
    """m_e T² / (8π E²): the electron's vertex is iγ⁵."""
    return _over_square(recoil_energy**2 / (8 * pi))


def tensor(recoil_energy: Array) -> Array:
    """m_e / (2π) (1 + 2 (1 − T/E) + (1 − T/E)² − m_e T/E²): ν̄σ^{μν}P_Lν and ēσ_{μν}e, see below.

    The sum over all μ and ν has twice this; other normalisations of the two currents differ by factors in g².
    """
    first = np.full_like(recoil_energy, 4.0)
    third = recoil_energy**2 - ELECTRON_MASS_KEV * recoil_energy
    return np.stack([first, -4 * recoil_energy, third]) / (2 * pi)


def _over_square(values: Array) -> Array:
    zero = np.zeros_like(values)
    return np.stack([zero, zero, values])


def _terms(
    energy: Array, _: Flavor, options: RateOptions, *, spins: Spins, mass: float, squared: float
) -> Mapping[int, Array]:
    strength = ELECTRON_MASS_KEV * HBAR_C_KEV_CM**2 * options.target.effective_charge(energy)
    parts = strength * propagator(energy, mass) ** 2 * squared**2 * spins(energy)
    return {2: np.concatenate([parts, np.zeros_like(parts[:1])])}


def _scalar_on_nuclei(
    energy: Array, _: Flavor, options: RateOptions, *, mass: float, squared: float
) -> Mapping[int, Array]:
    nucleus = options.struck
    charge = NUCLEONS[0] * nucleus.protons + NUCLEONS[1] * nucleus.neutrons
    coupling = squared * charge * propagator(energy, mass, nucleus.mass)
    return {2: coherent.scalar(energy, nucleus, options.form_factor, coupling)}


def _made(
    name: str, title: str, values: Mapping[str, float], *, label: str, spins: Spins, massless: float
) -> Hypothesis:
    mass = values["mass"]
    size = reference(massless, mass)
    others = {}
    if spins is scalar:
        others["nucleus"] = partial(_scalar_on_nuclei, mass=mass, squared=size)
    return Hypothesis(
        name=name,
        title=title,
        coupling=f"g2_{label}_nu",
        unit="1",
        reference=size,
        terms=partial(_terms, spins=spins, mass=mass, squared=size),
        other_terms=others,
        dependence=Dependence.POWER,
        parameter=f"g2_{label}_nu{{flavor}}_squared",
        power=2,
        bounds=(0.0, 1000.0),
        amplitude=FLIPS,
    )


# By kind: the products g_ν g_e that experiments can see of a light boson.
_KINDS: tuple[tuple[str, Spins, float, str], ...] = (
    ("scalar", scalar, 5e-13, "g2^2 m_e T (2 m_e + T) / (8 pi E^2 (2 m_e T + M^2)^2)"),
    ("pseudoscalar", pseudoscalar, 1e-11, "g2^2 m_e T^2 / (8 pi E^2 (2 m_e T + M^2)^2)"),
    ("tensor", tensor, 2e-14,
     "g2^2 m_e / (2 pi (2 m_e T + M^2)^2) (1 + 2 (1 - T/E) + (1 - T/E)^2 - m_e T / E^2)"),
)  # fmt: skip
ENTRIES = tuple(
    Family(
        f"light-{kind}", f"{kind} boson", (MASS,), partial(_made, label=kind, spins=spins, massless=massless),
        formula=formula, cited="from the Lagrangian, by traces; arXiv:1604.01025 for scalars with T << m_e",
    )
    for kind, spins, massless, formula in _KINDS
)  # fmt: skip
