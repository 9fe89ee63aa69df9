"""Solar fluxes and cross sections, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nuhist.constants import SECONDS_PER_YEAR
from nuhist.errors import ConfigError
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import (
    HYPOTHESES,
    FlavorChoice,
    RateOptions,
    active_flavors,
    get_hypothesis,
)
from nuhist.physics.recoils import recoil_rates_at
from nuhist.physics.solar import FluxComponent, solar_flux
from nuhist.physics.xenon import SHELL_EDGES_KEV, atoms_per_tonne
from nuhist.showing import Table

STANDARD_MODEL = "standard-model"

_LOWEST, _HIGHEST, _POINTS = 0.1, 300.0, 500  # keV of recoil, of a logarithmic grid
_STEP = 1e-6  # relative: on both sides of a step of the effective charge


@dataclass(frozen=True, slots=True, repr=False)
class FluxCurve(JsonResult):
    """One component of the solar flux.

    ``energies`` are in keV; ``densities`` in cm⁻² s⁻¹ keV⁻¹, None for a line, whose flux is
    ``total`` in cm⁻² s⁻¹. ``uncertainty`` is a fraction.
    """

    component: str
    energies: tuple[float, ...]
    densities: tuple[float, ...] | None
    total: float
    uncertainty: float

    @property
    def summary(self) -> str:
        """Which component, and its total."""
        return f"{self.component}: {self.total:.4g} per cm² s, ± {100 * self.uncertainty:.2g} %"

    def table(self) -> Table:
        """A row for each energy; lines have no density."""
        densities: Sequence[float | None] = self.densities or (None,) * len(self.energies)
        rows = (
            (self.component, energy, density, self.total, self.uncertainty)
            for energy, density in zip(self.energies, densities, strict=True)
        )
        header = ("component", "energy_keV", "per_cm2_s_keV", "total_per_cm2_s", "fractional_uncertainty")
        return Table(header, tuple(rows))


@dataclass(frozen=True, slots=True, repr=False)
class CrossSectionCurve(JsonResult):
    """dσ/dT per xenon atom of one hypothesis, in cm²/keV, at recoil energies in keV.

    What the coupling adds to the Standard Model's, which may be negative; for the Standard Model
    itself the whole.
    """

    hypothesis: str
    title: str
    coupling: str
    value: float
    unit: str
    energies: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def summary(self) -> str:
        """Of which coupling."""
        return f"{self.hypothesis}, {self.coupling} = {self.value:.4g}{spaced(self.unit)}"

    def table(self) -> Table:
        """A row for each recoil energy."""
        header = ("recoil_energy_keV", f"{self.hypothesis} cm2/keV")
        return Table(header, tuple(zip(self.energies, self.values, strict=True)))


@dataclass(frozen=True, slots=True, repr=False)
class CrossSections(JsonResult):
    """Cross sections of all hypotheses.

    ``neutrino_energy`` is in keV, None for the average over the solar flux; the average over the
    flavours of solar neutrinos at the Earth, of which ``flavor`` has the coupling.
    """

    flavor: str
    neutrino_energy: float | None
    atomic: str
    curves: tuple[CrossSectionCurve, ...]

    @property
    def summary(self) -> str:
        """How many, and for which neutrinos."""
        return f"cross sections of {len(self.curves)} hypotheses, flavour {self.flavor}"

    def table(self) -> Table:
        """A row for each recoil energy, a column for each hypothesis."""
        header = ("recoil_energy_keV", *(f"{curve.hypothesis} cm2/keV" for curve in self.curves))
        columns = (curve.values for curve in self.curves)
        return Table(header, tuple(zip(self.curves[0].energies, *columns, strict=True)))


def flux_curves() -> tuple[FluxCurve, ...]:
    """All components of :func:`nuhist.physics.solar.solar_flux`."""
    return tuple(
        FluxCurve(
            component=part.name,
            energies=tuple(part.energy.tolist()),
            densities=None if part.density is None else tuple(part.density.tolist()),
            total=part.total,
            uncertainty=part.uncertainty,
        )
        for part in solar_flux()
    )


def cross_sections(
    *,
    flavor: FlavorChoice = "effective",
    neutrino_energy: float | None = None,
    couplings: Mapping[str, float] | None = None,
    options: RateOptions | None = None,
) -> CrossSections:
    """Cross sections of all hypotheses, averaged over the solar flux or at one neutrino energy.

    Parameters
    ----------
    flavor
        Which flavours have the coupling.
    neutrino_energy
        In keV; None for the average over the solar flux.
    couplings
        By hypothesis, in its unit; by default its reference (10⁻¹¹ μ_B, 10⁻¹³ e₀, 10⁻³¹ cm²).
    options
        Other choices of the physics.

    Raises
    ------
    ConfigError
        If a name is unknown, the energy is not positive, or the coupling is no usable number.
    """
    active_flavors(flavor)
    chosen = {get_hypothesis(name).name: value for name, value in (couplings or {}).items()}
    if chosen.get(STANDARD_MODEL, 1.0) != 1.0:
        raise ConfigError(f"{STANDARD_MODEL} is drawn at strength 1; leave its coupling out")
    physics = options or RateOptions()
    if neutrino_energy is None:
        flux = solar_flux()
    elif 0 < neutrino_energy < np.inf:
        flux = (FluxComponent("line", np.array([neutrino_energy]), None, 1.0, 0.0),)
    else:
        raise ConfigError(f"neutrino energy {neutrino_energy:g} keV: must be positive")
    steps = [edge * (1 + sign * _STEP) for edge in SHELL_EDGES_KEV if edge > _LOWEST for sign in (-1, 1)]
    energy = np.union1d(np.geomspace(_LOWEST, _HIGHEST, _POINTS), steps)
    # Per atom and neutrino: undo what makes a rate per tonne year of the folded cross section.
    passing = atoms_per_tonne() * SECONDS_PER_YEAR * sum(part.total for part in flux)
    curves: list[CrossSectionCurve] = []
    for hypothesis in (HYPOTHESES[STANDARD_MODEL], *HYPOTHESES.values()):
        if curves and hypothesis.name == STANDARD_MODEL:
            continue
        value = chosen.get(hypothesis.name, hypothesis.reference)
        shared = "effective" if hypothesis.name == STANDARD_MODEL else flavor
        added = recoil_rates_at(hypothesis, shared, value, energy, [flux], physics)[1][0]
        curves.append(
            CrossSectionCurve(
                hypothesis=hypothesis.name,
                title=hypothesis.title,
                coupling=hypothesis.parameter_of_interest(shared).coupling,
                value=value,
                unit=hypothesis.unit,
                energies=tuple(energy.tolist()),
                values=tuple((added / passing).tolist()),
            )
        )
    return CrossSections(flavor, neutrino_energy, physics.atomic, tuple(curves))
