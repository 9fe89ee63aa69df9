"""Fluxes and cross sections, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nuhist.constants import SECONDS_PER_YEAR
from nuhist.errors import ConfigError
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import (
    FlavorChoice,
    RateOptions,
    active_flavors,
    get_hypothesis,
)
from nuhist.physics.recoils import recoil_rates_at
from nuhist.physics.sources.flux import FluxComponent
from nuhist.physics.sources.registry import get_source
from nuhist.physics.sources.source import Source
from nuhist.physics.targets.registry import get_target
from nuhist.showing import Table
from nuhist.tables import Array
from nuhist.values import rough_percent

STANDARD_MODEL = "standard-model"
# Beside the Standard Model, whatever else is asked for.
_DRAWN = (
    "magnetic-moment",
    "millicharge-fea",
    "millicharge-epa-only",
    "millicharge-epa",
    "charge-radius",
    "charge-radius-transition",
)

_LOWEST, _HIGHEST, _POINTS = 0.1, 300.0, 500  # keV of recoil, of a logarithmic grid
_STEP = 1e-6  # relative: on both sides of a step of the effective charge


@dataclass(frozen=True, slots=True, repr=False)
class FluxCurve(JsonResult):
    """One component of the flux of a source.

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
        return f"{self.component}: {self.total:.4g} per cm² s, ± {rough_percent(self.uncertainty)}"

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
    """dσ/dT per target atom of one hypothesis, in cm²/keV, at recoil energies in keV.

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
        """The coupling that the cross sections are of."""
        return f"{self.hypothesis}, {self.coupling} = {self.value:.4g}{spaced(self.unit)}"

    def table(self) -> Table:
        """A row for each recoil energy."""
        header = ("recoil_energy_keV", f"{self.hypothesis} cm2/keV")
        return Table(header, tuple(zip(self.energies, self.values, strict=True)))


@dataclass(frozen=True, slots=True, repr=False)
class CrossSections(JsonResult):
    """Cross sections of several hypotheses.

    ``neutrino_energy`` is in keV, None for the average over the flux of ``source``; the average over the
    flavours that it has at the detector, of which ``flavor`` has the coupling.
    """

    flavor: str
    neutrino_energy: float | None
    atomic: str
    source: str
    target: str
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


def flux_curves(source: str = "sun") -> tuple[FluxCurve, ...]:
    """All components of a source, see :func:`nuhist.physics.sources.registry.get_source`."""
    return tuple(
        FluxCurve(
            component=part.name,
            energies=tuple(part.energy.tolist()),
            densities=None if part.density is None else tuple(part.density.tolist()),
            total=part.total,
            uncertainty=part.uncertainty,
        )
        for part in get_source(source).components
    )


def _at(energy: float, nodes: Array, values: Array) -> float:
    return float(np.interp(energy, nodes, values) if values.size == nodes.size else values[0])


def _line(source: Source, energy: float) -> FluxComponent:
    """One neutrino per cm² and s of an energy in keV, with the flavours that the source has there."""
    continuous = [part for part in source.components if part.density is not None]
    parts = continuous or list(source.components)
    weights = np.array(
        [
            part.total if part.density is None else np.interp(energy, part.energy, part.density, 0.0, 0.0)
            for part in parts
        ]
    )
    if not weights.any():
        weights = np.array([part.total for part in parts])
    fractions = np.array([[_at(energy, part.energy, row) for row in part.fractions] for part in parts])
    mean = weights @ fractions / weights.sum()
    return FluxComponent("line", np.array([energy]), None, 1.0, 0.0, mean[:, None], parts[0].antineutrinos)


def cross_sections(
    *,
    flavor: FlavorChoice = "effective",
    neutrino_energy: float | None = None,
    couplings: Mapping[str, float] | None = None,
    source: str = "sun",
    target: str = "xenon",
    options: RateOptions | None = None,
) -> CrossSections:
    """Cross sections of the electromagnetic properties and of other hypotheses.

    They are averaged over a flux, or at one neutrino energy.

    Parameters
    ----------
    flavor
        Which flavours have the coupling.
    neutrino_energy
        In keV; None for the average over the flux.
    couplings
        By hypothesis, in its unit; by default its reference (10⁻¹¹ μ_B, 10⁻¹³ e₀, 10⁻³¹ cm²). Those that are
        named here come to the others.
    source, target
        Source of the neutrinos, and what they scatter on.
    options
        Other choices of the physics.

    Raises
    ------
    ConfigError
        If a name is unknown or no neutrino's, the energy is not positive, or the coupling is no usable
        number.
    """
    active_flavors(flavor)
    chosen = {get_hypothesis(name).name: value for name, value in (couplings or {}).items()}
    if chosen.get(STANDARD_MODEL, 1.0) != 1.0:
        raise ConfigError(f"{STANDARD_MODEL} is drawn at strength 1; leave its coupling out")
    made, hit = get_source(source), get_target(target)
    physics = replace(options or RateOptions(), target=hit)
    if neutrino_energy is None:
        flux = made.components
    elif 0 < neutrino_energy < np.inf:
        flux = (_line(made, neutrino_energy),)
    else:
        raise ConfigError(f"neutrino energy {neutrino_energy:g} keV: must be positive")
    steps = [edge * (1 + sign * _STEP) for edge in hit.edges if edge > _LOWEST for sign in (-1, 1)]
    energy = np.union1d(np.geomspace(_LOWEST, _HIGHEST, _POINTS), steps)
    # Per atom and neutrino: undo what makes a rate per tonne year of the folded cross section.
    passing = hit.per_tonne * SECONDS_PER_YEAR * sum(part.total for part in flux)
    curves: list[CrossSectionCurve] = []
    for hypothesis in map(get_hypothesis, dict.fromkeys((STANDARD_MODEL, *_DRAWN, *chosen))):
        if not hypothesis.of_neutrinos:
            raise ConfigError(f"{hypothesis.name}: is no neutrino's, so that neutrinos have no cross section")
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
    return CrossSections(flavor, neutrino_energy, physics.atomic, made.name, hit.name, tuple(curves))
