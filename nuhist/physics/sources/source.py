"""What a source of neutrinos is: groups of components, each with one uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nuhist.errors import unknown_name
from nuhist.physics.sources.flux import FluxComponent


@dataclass(frozen=True, eq=False)
class FluxGroup:
    """What varies together under one flux parameter.

    Attributes
    ----------
    name
        The parameter is ``NAME_flux``; equal names are one parameter, also of several experiments.
    components
        Whose fluxes go up and down together.
    reference
        Where flux and uncertainty come from.
    """

    name: str
    components: tuple[FluxComponent, ...]
    reference: str

    @property
    def total(self) -> float:
        """The flux in cm⁻² s⁻¹."""
        return sum(part.total for part in self.components)

    @property
    def uncertainty(self) -> float:
        """Fractional uncertainty, the components taken as fully correlated."""
        sizes = {part.uncertainty for part in self.components}
        if len(sizes) == 1:
            return sizes.pop()
        return sum(part.total * part.uncertainty for part in self.components) / self.total


@dataclass(frozen=True)
class Variation:
    """A quantity that changes spectra or flavours of a whole source, such as a mixing angle.

    Attributes
    ----------
    name
        Name of the nuisance parameter.
    meaning
        For readers: what it is, and what ±1 stands for.
    up, down
        The source at plus and minus one standard deviation, as :func:`nuhist.physics.sources.get_source`
        takes it.
    """

    name: str
    meaning: str
    up: str
    down: str


@dataclass(frozen=True, eq=False)
class Source:
    """A source of neutrinos: their fluxes and flavours as they arrive at the detector.

    Attributes
    ----------
    name
        Name as a user writes it, with the parameters that differ from their defaults.
    title
        For readers, before the word "neutrinos", such as ``"solar"``.
    groups
        Groups of components.
    description
        What was assumed, in a sentence or two.
    references
        Where the numbers come from.
    variations
        Further uncertainties, each a nuisance parameter.
    mass_states
        Whether the mass states of a flavour are ``"averaged"`` over the way, as the Sun's are, or
        ``"coherent"``, as they are near the source; None where nothing is said.
    common_uncertainty
        Fraction by which one parameter for all groups is uncertain; None where there is no such one.
    """

    name: str
    title: str
    groups: tuple[FluxGroup, ...]
    description: str
    references: tuple[str, ...]
    variations: tuple[Variation, ...] = ()
    mass_states: Literal["averaged", "coherent"] | None = None
    common_uncertainty: float | None = None

    @property
    def components(self) -> tuple[FluxComponent, ...]:
        """All components."""
        return tuple(part for group in self.groups for part in group.components)

    def group(self, name: str) -> FluxGroup:
        """A group by name; all components are one of the name ``all``.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if name == "all":
            return FluxGroup("all", self.components, "; ".join(self.references))
        for group in self.groups:
            if group.name == name:
                return group
        known = [*(group.name for group in self.groups), "all"]
        raise unknown_name(f"flux group of {self.name}", name, known)
