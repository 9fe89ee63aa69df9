"""Light vector bosons of several charges, exchanged between neutrino and electron or nucleus."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import log, pi, sqrt

from nuhist.constants import FINE_STRUCTURE, LEPTON_MASS_KEV
from nuhist.physics import coherent
from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.physics.mediator import MASS, in_fermi_constants, reference, shifted
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_MASSLESS = 2e-14  # g² that experiments can see of a light boson
# Electrons have no charge of L_μ − L_τ: they couple by the mixing with the photon that loops of μ and τ make.
# A loop screens: of the charges at its ends, Q' g of L_μ − L_τ and Q e, it makes -α/(3π) ln(Λ²/m²) times
# those of its lepton, ±g and -e. A particle of electric charge Q has Q g α/(3π) ln(m_τ²/m_μ²) = 0.0044 Q g.
_LOOP = 4 * pi * FINE_STRUCTURE / (12 * pi**2) * 2 * log(LEPTON_MASS_KEV["tau"] / LEPTON_MASS_KEV["mu"])
_EQUAL: Mapping[Flavor, float] = {"e": 1.0, "mu": 1.0, "tau": 1.0}
# By symmetry: name, title, what stands in the name of the parameter, and the products of the charges of the
# electron and of each neutrino.
CHARGES: tuple[tuple[str, str, str, Mapping[Flavor, float]], ...] = (
    ("light-vector", "B - L", "", _EQUAL),
    ("light-vector-universal", "one charge of all", "universal_", _EQUAL),
    ("light-vector-le-lmu", "L_e - L_mu", "le_lmu_", {"e": 1.0, "mu": -1.0, "tau": 0.0}),
    ("light-vector-le-ltau", "L_e - L_tau", "le_ltau_", {"e": 1.0, "mu": 0.0, "tau": -1.0}),
    ("light-vector-lmu-ltau", "L_mu - L_tau", "lmu_ltau_", {"e": 0.0, "mu": -_LOOP, "tau": _LOOP}),
)
# Charges of proton and neutron over that of the electron: quarks have 1/3 of the baryon number against the
# lepton's −1, or the lepton's charge; mixing with the photon couples to the electric charge. By L_e − L_μ and
# L_e − L_τ nuclei couple through loops of light leptons alone, which are not computed.
NUCLEONS: Mapping[str, tuple[float, float]] = {
    "light-vector": (-1.0, -1.0), "light-vector-universal": (3.0, 3.0), "light-vector-lmu-ltau": (-1.0, 0.0),
}  # fmt: skip


def vector_terms(
    energy: Array, flavor: Flavor, target: Target, mass: float, squared: float
) -> Mapping[int, Array]:
    """What a vector boson adds to the cross section, linear and quadratic in g².

    The exchange is that of a photon with a mass, and neutrino and electron have the product of charges +1:
    g_V goes to g_V + g² / (√2 G_F (2 m_e T + M²)).

    Parameters
    ----------
    energy
        T in keV.
    flavor
        Flavor of the neutrino.
    target
        That is hit.
    mass
        M in keV.
    squared
        g² times the product of charges, that the power 1 stands for.

    References
    ----------
    arXiv:2207.05036, eq. (7), for a massless one, with q = -g² / (4πα).
    """
    shift = in_fermi_constants(squared, energy, mass)
    return shifted(energy, radiative(flavor), target, shift, Couplings(1.0, 0.0))


def _terms(
    energy: Array,
    flavor: Flavor,
    options: RateOptions,
    *,
    mass: float,
    squared: float,
    charges: Mapping[Flavor, float],
) -> Mapping[int, Array]:
    # A function of the module, so that other processes can be sent it.
    return vector_terms(energy, flavor, options.target, mass, squared * charges[flavor])


def _on_nuclei(
    energy: Array,
    flavor: Flavor,
    options: RateOptions,
    *,
    mass: float,
    squared: float,
    charges: Mapping[Flavor, float],
    nucleons: tuple[float, float],
) -> Mapping[int, Array]:
    nucleus = options.struck
    charge = nucleons[0] * nucleus.protons + nucleons[1] * nucleus.neutrons
    shift = in_fermi_constants(squared * charges[flavor] * charge, energy, mass, nucleus.mass)
    return coherent.shifted(energy, nucleus, options.form_factor, shift)


def _made(
    name: str,
    title: str,
    values: Mapping[str, float],
    *,
    label: str,
    charges: Mapping[Flavor, float],
    nucleons: tuple[float, float] | None,
) -> Hypothesis:
    mass = values["mass"]
    size = reference(_MASSLESS / sqrt(sum(charge**2 for charge in charges.values()) / 3), mass)
    others = {}
    if nucleons is not None:
        others["nucleus"] = partial(_on_nuclei, mass=mass, squared=size, charges=charges, nucleons=nucleons)
    return Hypothesis(
        name=name,
        title=title,
        coupling=f"g2_{label}nu",
        unit="1",
        reference=size,
        terms=partial(_terms, mass=mass, squared=size, charges=charges),
        other_terms=others,
        dependence=Dependence.POLYNOMIAL,
        parameter=f"g2_{label}nu{{flavor}}_scaled",
        scale=1e4,
        bounds=(0.0, 17.0),
        amplitude=KEEPS,
    )


ENTRIES = tuple(
    Family(
        name, f"vector boson of {charge}", (MASS,),
        partial(_made, label=label, charges=charges, nucleons=NUCLEONS.get(name)),
        formula="g_V -> g_V + g2 Q_nu Q_e / (sqrt(2) G_F (2 m_e T + M^2))",
        cited="arXiv:2207.05036, eq. (7)",
    )
    for name, charge, label, charges in CHARGES
)  # fmt: skip
