"""A target: its electrons by binding energy, its photoabsorption, how many atoms a tonne has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from nuhist.constants import AVOGADRO_PER_MOL, CLASSICAL_ELECTRON_RADIUS_CM, PLANCK_C_KEV_CM
from nuhist.errors import ConfigError
from nuhist.physics.targets.nucleus import Nucleus
from nuhist.tables import Array

Table = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class Element:
    """Atoms of one element in a target.

    Attributes
    ----------
    name
        For messages.
    symbol
        Symbol of the periodic table; None for atoms of which only electrons and mass are known.
    edges
        Binding energies in keV, increasing.
    charges
        Electrons that a recoil energy between edges can set free, shape (edges + 1,): 0 below the first.
    given_mass
        g/mol, where there is no symbol.
    isotopes
        Fractions of atoms by mass number; None for the natural ones.
    photoabsorption_above
        Energies in keV and cm² per atom, from where the table of :attr:`photoabsorption` ends; None if
        nothing is known there. An energy that is there twice is an edge.
    """

    name: str
    symbol: str | None
    edges: Array
    charges: Array
    given_mass: float | None = None
    isotopes: Mapping[int, float] | None = None
    photoabsorption_above: Table | None = None

    @cached_property
    def molar_mass(self) -> float:
        """g/mol, of the isotopes that it has."""
        if self.symbol is None:
            return float(self.given_mass or 0.0)
        element = _periodic(self.symbol)
        if self.isotopes is None:
            return float(element.mass)
        return sum(fraction * float(element[number].mass) for number, fraction in self.isotopes.items())

    @cached_property
    def photoabsorption(self) -> Table | None:
        """Energies in keV, and the cross section in cm² per atom there; None where nothing is known."""
        table = None if self.symbol is None else _periodic(self.symbol).xray.sftable
        if table is None:
            return None
        energy, _, f2 = (np.asarray(values, dtype=np.float64) for values in table)
        return energy, 2 * CLASSICAL_ELECTRON_RADIUS_CM * PLANCK_C_KEV_CM / energy * f2

    def nuclei(self) -> tuple[Nucleus, ...]:
        """Its isotopes, one atom in all; a ConfigError where only electrons and mass are known."""
        if self.symbol is None:
            raise ConfigError(f"{self.name}: has no symbol, so that its nuclei are unknown; name its element")
        element = _periodic(self.symbol)
        fractions = self.isotopes or {number: element[number].abundance / 100 for number in element.isotopes}
        return tuple(
            Nucleus(self.symbol, element.number, number - element.number, float(element[number].mass), share)
            for number, share in fractions.items()
            if share > 0
        )


def _periodic(symbol: str) -> Any:
    import periodictable

    return periodictable.elements.symbol(symbol)


@dataclass(frozen=True, eq=False)
class Target:
    """A material that neutrinos scatter on: its atoms, their electrons and their photoabsorption.

    Cross sections are per atom, of a compound per formula unit.

    Attributes
    ----------
    name, title
        For the shell and for readers.
    elements
        Its chemical elements, each with the number of its atoms in a formula unit.
    sources
        Where its numbers come from.
    rrpa
        Energies in keV and the ratio of the RRPA rate to that of the stepping function; None where no RRPA
        is published.
    """

    name: str
    title: str
    elements: tuple[tuple[Element, float], ...]
    sources: tuple[str, ...]
    rrpa: Table | None = None

    @cached_property
    def edges(self) -> Array:
        """Energies in keV at which the effective charge steps, increasing."""
        return np.unique(np.concatenate([entry.edges for entry, _ in self.elements]))

    @cached_property
    def per_tonne(self) -> float:
        """Atoms, of a compound formula units, in a tonne."""
        mass = sum(number * entry.molar_mass for entry, number in self.elements)
        return float(AVOGADRO_PER_MOL * 1e6 / mass)

    @cached_property
    def nuclei(self) -> tuple[Nucleus, ...]:
        """All isotopes, each with its number in an atom or formula unit.

        Raises
        ------
        ConfigError
            If an element is none of the periodic table.
        """
        return tuple(
            replace(nucleus, number=number * nucleus.number)
            for entry, number in self.elements
            for nucleus in entry.nuclei()
        )

    def effective_charge(self, recoil_energy: Array) -> Array:
        """Number of electrons that a recoil energy in keV can set free (any shape, same out).

        An energy on an edge belongs to the step below it, as in arXiv:2207.05036, Table II.
        """
        parts = (
            number * entry.charges[np.searchsorted(entry.edges, recoil_energy, side="left")]
            for entry, number in self.elements
        )
        return np.asarray(sum(parts), dtype=np.float64)

    @cached_property
    def _photoabsorption(self) -> list[tuple[float, float, Table]]:
        """Of each element: its number, its first edge in keV, its table."""
        found = []
        for entry, number in self.elements:
            table = entry.photoabsorption
            if table is None:
                raise ConfigError(
                    f"target {self.name}: no photoabsorption of {entry.name} is known, which equivalent"
                    " photons (EPA) and absorbed bosons need; take another hypothesis or an element of the"
                    " periodic table up to uranium"
                )
            found.append((number, float(entry.edges[0]), table))
        return found

    def photoabsorption_nodes(self) -> Array:
        """Energies in keV between which :meth:`photoabsorption` is a sum of power laws."""
        return reduce(np.union1d, (nodes for _, _, (nodes, _) in self._photoabsorption))

    def photoabsorption(self, photon_energy: Array) -> Array:
        """Cross section for the absorption of a photon, σ_γ = 2 r_e λ f₂ summed over the atoms.

        Parameters
        ----------
        photon_energy
            In keV, any shape.

        Returns
        -------
        cm² per atom or formula unit, same shape; of each element 0 below its first edge and above the
        table's last energy (30 keV). Free-electron scattering exceeds the equivalent photons there, so that
        only a cross section made of equivalent photons alone is cut off.

        Raises
        ------
        ConfigError
            If no photoabsorption is known.

        References
        ----------
        Henke, Gullikson, Davis 1993 (CXRO), as carried by periodictable; a power law between
        its energies.
        """
        energy = np.asarray(photon_energy, dtype=np.float64)
        total = np.zeros_like(energy)
        for number, first, (nodes, values) in self._photoabsorption:
            inside = (energy > first) & (energy <= nodes[-1])
            safe = np.where(inside, energy, nodes[-1])
            found = np.exp(np.interp(np.log(safe), np.log(nodes), np.log(values)))
            total = total + np.where(inside, number * found, 0.0)
        return total

    def absorption(self, energy: float) -> float:
        """Cross section for the absorption of a photon at one energy, also above 30 keV where that is known.

        Parameters
        ----------
        energy
            In keV.

        Returns
        -------
        cm² per atom or formula unit. At an edge it is that above the edge.

        Raises
        ------
        ConfigError
            If no photoabsorption is known at that energy.
        """
        total = 0.0
        for (number, _, (below, _)), (element, _) in zip(self._photoabsorption, self.elements, strict=True):
            if energy <= below[-1]:
                continue
            above = element.photoabsorption_above
            if above is None or energy > above[0][-1]:
                end = below[-1] if above is None else above[0][-1]
                raise ConfigError(
                    f"target {self.name}: the photoabsorption of {element.name} is known up to {end:g} keV,"
                    f" and not at {energy:g} keV; take another energy, or give it photoabsorption_above"
                )
            place = int(np.searchsorted(above[0], energy, side="right"))  # at the end one node is left
            ends = slice(place - 1, place + 1)
            nodes, values = (np.log(part[ends]) for part in above)
            total += number * float(np.exp(np.interp(np.log(energy), nodes, values)))
        return total + float(self.photoabsorption(np.array([energy]))[0])

    def rrpa_correction(self, recoil_energy: Array) -> Array:
        """Ratio of the RRPA rate to the rate with the stepping function, for SM and magnetic moment.

        Parameters
        ----------
        recoil_energy
            In keV, any shape; the ratio is constant below and above its table.

        Raises
        ------
        ConfigError
            If no RRPA is published for this target.

        References
        ----------
        For xenon Chen et al., arXiv:1610.04177 (digitised), pp + ⁷Be; linear between its points. That a
        magnetic moment is corrected by the same ratio is the statement of arXiv:2207.05036, Sec. II.
        """
        if self.rrpa is None:
            raise ConfigError(
                f"target {self.name}: no RRPA is published in a form that can be read; use atomic='step'"
            )
        return np.interp(recoil_energy, *self.rrpa)
