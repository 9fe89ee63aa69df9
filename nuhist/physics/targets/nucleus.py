"""Nuclei of a target: charge, mass and how many of them there are."""

from __future__ import annotations

from dataclasses import dataclass

from nuhist.constants import ATOMIC_MASS_UNIT_KEV, ELECTRON_MASS_KEV


@dataclass(frozen=True)
class Nucleus:
    """One isotope in a target.

    Attributes
    ----------
    symbol
        Such as ``"Xe"``.
    protons, neutrons
        Z and N.
    atomic_mass
        Atomic mass of the neutral atom, in atomic mass units.
    number
        How many of them an atom of the target has, of a compound a formula unit.
    """

    symbol: str
    protons: int
    neutrons: int
    atomic_mass: float
    number: float

    @property
    def nucleons(self) -> int:
        """A."""
        return self.protons + self.neutrons

    @property
    def mass(self) -> float:
        """Mass of the nucleus in keV, without the binding of the electrons (a part in 10⁶)."""
        return self.atomic_mass * ATOMIC_MASS_UNIT_KEV - self.protons * ELECTRON_MASS_KEV
