"""Dirac and Majorana moments of several flavours, and the one effective moment that is measured.

The spectrum of a magnetic moment does not depend on the flavour, so that a limit on the effective
moment limits every element of the matrix of moments: arXiv:2207.05036, eq. (12), summed over an
incoherent mixture of incoming states, is μ²_eff = Σ_k P_k Σ_j |μ_jk|². Of a source that is near, ν_e is a
coherent sum of mass states: μ²_eff = Σ_j |Σ_k U_ek μ_jk|².
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nuhist.constants import SIN2_THETA_12, SIN2_THETA_13
from nuhist.errors import ConfigError
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.recoils import recoil_rates
from nuhist.physics.sources.source import Source
from nuhist.physics.sources.survival import solar_composition
from nuhist.tables import Array

Nature = Literal["dirac", "majorana"]
Basis = Literal["flavor", "mass"]


@dataclass(frozen=True)
class Incoming:
    """Neutrinos as they arrive at a detector.

    Attributes
    ----------
    flavors
        Fractions of ν_e, ν_μ and ν_τ.
    masses
        Fractions of ν₁, ν₂ and ν₃; None where they are not known.
    coherent
        Whether the mass states of a flavour are in phase, as they are near the source.
    """

    flavors: Mapping[Flavor, float]
    masses: Mapping[str, float] | None
    coherent: bool = False

    def fractions(self, basis: Basis) -> Mapping[str, float]:
        """Fractions in a basis; a ConfigError if it is unknown, or they are."""
        if basis == "flavor":
            return {str(flavor): self.flavors[flavor] for flavor in FLAVORS}
        if basis != "mass":
            raise ConfigError(f"moments are in the flavor or the mass basis, not '{basis}'")
        if self.masses is None:
            raise ConfigError("the mass states of this source are not known; use basis='flavor'")
        return self.masses


@cache
def of_paper() -> Incoming:
    """Solar neutrinos with the flavours of arXiv:2207.05036, at all energies the same."""
    composition = solar_composition()
    return Incoming(composition, mass_composition(composition["e"]))


def incoming(source: Source, recoil_energy: Array) -> Incoming:
    """Neutrinos of a source as the recoils of a magnetic moment see them.

    Parameters
    ----------
    source
        Source of the neutrinos.
    recoil_energy
        T in keV at which the recoils are counted, shape (n,), all with the same weight.

    Returns
    -------
    Fractions of the recoils: those of the flux, as far as its energy suffices.

    Raises
    ------
    ConfigError
        If there are no recoils.
    """
    moment, options = get_hypothesis("magnetic-moment"), RateOptions()
    recoils = {
        flavor: float(recoil_rates(moment, flavor, recoil_energy, source.components, options)[2].sum())
        for flavor in FLAVORS
    }
    total = sum(recoils.values())
    if total == 0:
        raise ConfigError(f"neutrinos of {source.name} do not recoil by a magnetic moment at these energies")
    flavors = {flavor: value / total for flavor, value in recoils.items()}
    if source.mass_states == "coherent" and flavors["e"] == 1:
        return Incoming(flavors, {state: row**2 for state, row in _electron_row().items()}, coherent=True)
    masses = mass_composition(flavors["e"]) if source.mass_states == "averaged" else None
    return Incoming(flavors, masses)


def _electron_row() -> dict[str, float]:
    """U_e1, U_e2 and U_e3, real: phases are for the matrix of moments to have."""
    return {
        "1": sqrt((1 - SIN2_THETA_12) * (1 - SIN2_THETA_13)),
        "2": sqrt(SIN2_THETA_12 * (1 - SIN2_THETA_13)),
        "3": sqrt(SIN2_THETA_13),
    }


def mass_composition(survival: float) -> dict[str, float]:
    """Fractions of the mass states ν₁, ν₂, ν₃ in solar neutrinos, which add up to 1.

    ν₃ has sin²θ₁₃; the others share the rest so that P_ee comes out: it is sin⁴θ₁₃ + cos⁴θ₁₃ P²ᵛ with
    P²ᵛ = P₁ cos²θ₁₂ + P₂ sin²θ₁₂.

    Parameters
    ----------
    survival
        P_ee.

    Examples
    --------
    >>> {state: round(fraction, 3) for state, fraction in mass_composition(0.5265502).items()}
    {'1': 0.616, '2': 0.362, '3': 0.022}
    """
    rest = 1 - SIN2_THETA_13
    of_two = (survival - SIN2_THETA_13**2) / rest**2
    first = (of_two - SIN2_THETA_12) / (1 - 2 * SIN2_THETA_12)
    return {"1": rest * first, "2": rest * (1 - first), "3": SIN2_THETA_13}


def effective_moment(
    moments: NDArray[np.complex128], basis: Basis = "flavor", arriving: Incoming | None = None
) -> float:
    """Effective moment of a matrix of moments, in the unit of the matrix.

    Parameters
    ----------
    moments
        Shape (3, 3): row the outgoing, column the incoming state; flavours e, μ, τ or masses 1, 2, 3.
    basis
        ``"flavor"`` or ``"mass"``. Coherence between mass states is averaged out for solar neutrinos; near a
        source the phases of the matrix count.
    arriving
        From :func:`incoming`; by default solar neutrinos as arXiv:2207.05036 has them.

    Raises
    ------
    ConfigError
        If the matrix has another shape or holds what is no number, or the basis is unknown.

    References
    ----------
    arXiv:2207.05036, eq. (12).
    """
    matrix = np.asarray(moments)
    if matrix.shape != (3, 3):
        raise ConfigError(f"a matrix of moments has the shape (3, 3), not {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ConfigError("a moment is no finite number")
    arriving = arriving or of_paper()
    fractions = np.array(list(arriving.fractions(basis).values()))
    if arriving.coherent and basis == "mass":
        return float(np.sqrt(np.sum(np.abs(matrix @ np.array(list(_electron_row().values()))) ** 2)))
    return float(np.sqrt(np.sum(np.abs(matrix) ** 2 @ fractions)))


def as_nature(matrix: NDArray[np.complex128], nature: Nature) -> None:
    """Refuse a matrix that is none of Dirac or of Majorana moments.

    Raises
    ------
    ConfigError
        If it is not Hermitian, or not antisymmetric; or the nature is unknown.
    """
    _refuse_unknown(nature)
    other, said = (matrix.conj().T, "Hermitian") if nature == "dirac" else (-matrix.T, "antisymmetric")
    if not np.allclose(matrix, other, rtol=1e-9, atol=1e-9 * float(np.abs(matrix).max(initial=0.0))):
        raise ConfigError(f"a matrix of {nature} moments is {said}; this one is not")


def element_limits(
    limit: float, nature: Nature, basis: Basis = "flavor", arriving: Incoming | None = None
) -> dict[str, float]:
    """Limits on the elements of the matrix of moments, one at a time.

    Parameters
    ----------
    limit
        On the effective moment, any unit.
    nature
        ``"dirac"`` (a Hermitian matrix) or ``"majorana"`` (antisymmetric: no diagonal elements).
    basis
        ``"flavor"`` or ``"mass"``.
    arriving
        From :func:`incoming`; by default solar neutrinos as arXiv:2207.05036 has them.

    Returns
    -------
    By element, such as ``"e-mu"`` or ``"1-2"``, in the unit of the limit; those on which no neutrino that
    arrives depends are left out.

    Raises
    ------
    ConfigError
        If nature or basis is unknown, or the limit is not positive.

    Examples
    --------
    >>> limits = element_limits(1.24e-11, "majorana")
    >>> {element: f"{value:.2e}" for element, value in limits.items()}
    {'e-mu': '1.44e-11', 'e-tau': '1.40e-11', 'mu-tau': '1.80e-11'}
    """
    _refuse_unknown(nature)
    if not 0 < limit < np.inf:
        raise ConfigError(f"limit {limit:g}: must be a positive number")
    fractions = (arriving or of_paper()).fractions(basis)
    states = list(fractions)
    limits = {}
    for index, one in enumerate(states):
        if nature == "dirac" and fractions[one] > 0:
            limits[f"{one}-{one}"] = limit / sqrt(fractions[one])
        for other in states[index + 1 :]:
            # The element and its mirror image act on both incoming states.
            both = fractions[one] + fractions[other]
            if both > 0:
                limits[f"{one}-{other}"] = limit / sqrt(both)
    return limits


def _refuse_unknown(nature: str) -> None:
    if nature not in ("dirac", "majorana"):
        raise ConfigError(f"neutrinos are dirac or majorana, not '{nature}'")


def read_matrix(rows: Sequence[Sequence[str]]) -> NDArray[np.complex128]:
    """A matrix of moments from texts such as ``1e-11`` or ``1e-11+2e-12j``.

    Raises
    ------
    ConfigError
        If there are not three rows of three, or one is no complex number.
    """
    if [len(row) for row in rows] != [3, 3, 3]:
        raise ConfigError("a matrix of moments has three rows of three numbers")
    try:
        return np.array([[complex(cell.replace(" ", "")) for cell in row] for row in rows])
    except ValueError:
        raise ConfigError("a matrix of moments has numbers such as 1e-11 or 1e-11+2e-12j") from None
