"""Dirac and Majorana moments of several flavours, and the one effective moment that is measured.

The spectrum of a magnetic moment does not depend on the flavour, so that a limit on the effective
moment limits every element of the matrix of moments: arXiv:2207.05036, eq. (12), summed over an
incoherent mixture of incoming states, is μ²_eff = Σ_k P_k Σ_j |μ_jk|².
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nuhist.constants import SIN2_THETA_12, SIN2_THETA_13, SURVIVAL_PROBABILITY_2NU
from nuhist.errors import ConfigError
from nuhist.physics.couplings import FLAVORS
from nuhist.physics.sources.survival import solar_composition

Nature = Literal["dirac", "majorana"]
Basis = Literal["flavor", "mass"]


def mass_composition() -> dict[str, float]:
    """Fractions of the mass states ν₁, ν₂, ν₃ in solar pp and ⁷Be neutrinos, which add up to 1.

    ν₃ has sin²θ₁₃; the others share the rest so that the two-neutrino survival probability comes
    out: P²ᵛ = P₁ cos²θ₁₂ + P₂ sin²θ₁₂.

    Examples
    --------
    >>> {state: round(fraction, 3) for state, fraction in mass_composition().items()}
    {'1': 0.616, '2': 0.362, '3': 0.022}
    """
    first = (SURVIVAL_PROBABILITY_2NU - SIN2_THETA_12) / (1 - 2 * SIN2_THETA_12)
    rest = 1 - SIN2_THETA_13
    return {"1": rest * first, "2": rest * (1 - first), "3": SIN2_THETA_13}


def effective_moment(moments: NDArray[np.complex128], basis: Basis = "flavor") -> float:
    """Effective moment of a matrix of moments, in the unit of the matrix.

    Parameters
    ----------
    moments
        Shape (3, 3): row the outgoing, column the incoming state; flavours e, μ, τ or masses 1, 2, 3.
    basis
        ``"flavor"`` or ``"mass"``. Coherence between mass states is averaged out, as it is for
        solar neutrinos.

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
    fractions = np.array(list(_fractions(basis).values()))
    return float(np.sqrt(np.sum(np.abs(matrix) ** 2 @ fractions)))


def element_limits(limit: float, nature: Nature, basis: Basis = "flavor") -> dict[str, float]:
    """Limits on the elements of the matrix of moments, one at a time.

    Parameters
    ----------
    limit
        On the effective moment, any unit.
    nature
        ``"dirac"`` (a Hermitian matrix) or ``"majorana"`` (antisymmetric: no diagonal elements).
    basis
        ``"flavor"`` or ``"mass"``.

    Returns
    -------
    By element, such as ``"e-mu"`` or ``"1-2"``, in the unit of the limit.

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
    if nature not in ("dirac", "majorana"):
        raise ConfigError(f"neutrinos are dirac or majorana, not '{nature}'")
    if not 0 < limit < np.inf:
        raise ConfigError(f"limit {limit:g}: must be a positive number")
    fractions = _fractions(basis)
    states = list(fractions)
    limits = {}
    for index, one in enumerate(states):
        if nature == "dirac":
            limits[f"{one}-{one}"] = limit / float(np.sqrt(fractions[one]))
        for other in states[index + 1 :]:
            # The element and its mirror image act on both incoming states.
            limits[f"{one}-{other}"] = limit / float(np.sqrt(fractions[one] + fractions[other]))
    return limits


def _fractions(basis: Basis) -> Mapping[str, float]:
    if basis == "flavor":
        return {flavor: solar_composition()[flavor] for flavor in FLAVORS}
    if basis == "mass":
        return mass_composition()
    raise ConfigError(f"moments are in the flavor or the mass basis, not '{basis}'")
