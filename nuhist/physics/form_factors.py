"""Form factors of nuclei: how much of the charge is seen as one."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Literal, get_args

import numpy as np

from nuhist.constants import HBAR_C_KEV_CM
from nuhist.physics.targets.nucleus import Nucleus
from nuhist.tables import Array

FormFactorChoice = Literal["helm", "klein-nystrand", "none"]
FORM_FACTOR_CHOICES: tuple[FormFactorChoice, ...] = get_args(FormFactorChoice)
FORM_FACTOR_SOURCES: dict[FormFactorChoice, str] = {
    "helm": "Helm's, Lewin and Smith, Astropart. Phys. 6 (1996) 87",
    "klein-nystrand": "Klein and Nystrand's, arXiv:hep-ph/9902259",
    "none": "none, nuclei are points",
}

_PER_FM = HBAR_C_KEV_CM * 1e13  # momentum of 1/fm in keV
_SMALL = 1e-3  # below which the sphere's series is exact to rounding


def form_factor(choice: FormFactorChoice, recoil_energy: Array, nucleus: Nucleus) -> Array:
    """F(q²) at q² = 2 M T, 1 for small T.

    Parameters
    ----------
    choice
        Which one.
    recoil_energy
        T in keV, any shape.
    nucleus
        That recoils.
    """
    momentum = np.sqrt(2 * nucleus.mass * recoil_energy) / _PER_FM
    return _FORM_FACTORS[choice](momentum, nucleus.nucleons)


def helm(momentum: Array, nucleons: int) -> Array:
    """A sphere with a skin of 0.9 fm; q in 1/fm.

    References
    ----------
    Lewin and Smith, Astropart. Phys. 6 (1996) 87, eqs. (4.7) to (4.11).
    """
    skin, surface = 0.9, 0.52
    centre = 1.23 * nucleons ** (1 / 3) - 0.60
    radius = sqrt(centre**2 + 7 / 3 * pi**2 * surface**2 - 5 * skin**2)
    return _sphere(momentum * radius) * np.exp(-((momentum * skin) ** 2) / 2)


def klein_nystrand(momentum: Array, nucleons: int) -> Array:
    """A sphere of 1.23 A^(1/3) fm with a Yukawa potential of 0.7 fm; q in 1/fm.

    References
    ----------
    Klein and Nystrand, hep-ph/9902259; the radius of arXiv:1808.10202.
    """
    return _sphere(momentum * 1.23 * nucleons ** (1 / 3)) / (1 + (0.7 * momentum) ** 2)


def _point(momentum: Array, _nucleons: int) -> Array:
    return np.ones_like(momentum)


def _sphere(x: Array) -> Array:
    """3 j₁(x) / x."""
    large = np.maximum(x, _SMALL)
    return np.where(x < _SMALL, 1 - x**2 / 10, 3 * (np.sin(large) - large * np.cos(large)) / large**3)


_FORM_FACTORS: dict[FormFactorChoice, Callable[[Array, int], Array]] = {
    "helm": helm,
    "klein-nystrand": klein_nystrand,
    "none": _point,
}
