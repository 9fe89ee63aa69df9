"""Rates of recoils: cross sections folded with fluxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nuhist.constants import ELECTRON_MASS_KEV, SECONDS_PER_YEAR
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.physics.scattering import cross_section, minimum_neutrino_energy, of_antineutrinos
from nuhist.physics.sources.flux import FluxComponent, basis, moments
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_BISECTIONS = 52  # as many as a double has bits


# Moments of the flux of each flavour, shape (4, 3, *T.shape), of neutrinos (False) and antineutrinos (True).
FoldedFlux = Mapping[bool, Array]


def flux_moments(
    recoil_energy: Array,
    flux: Sequence[FluxComponent],
    outgoing_mass: float = 0.0,
    mass: float = ELECTRON_MASS_KEV,
) -> FoldedFlux:
    """Moments of a flux above the kinematic limit of each recoil energy.

    Parameters
    ----------
    recoil_energy
        T in keV, any shape.
    flux
        Components, which are added.
    outgoing_mass
        In keV, of what the neutrino becomes.
    mass
        Mass of what recoils, in keV.

    Returns
    -------
    Sums of :func:`nuhist.physics.sources.flux.moments`, those of neutrinos under False and those of
    antineutrinos under True, as far as the flux has some that reach a recoil energy.
    """
    lower = minimum_neutrino_energy(recoil_energy, outgoing_mass, mass)
    lowest = float(lower.min()) if lower.size else 0.0
    folded: dict[bool, Array] = {}
    for component in flux:
        if component.energy[-1] <= lowest:
            continue  # none of its neutrinos reaches any of the recoil energies
        found = moments(component, lower)
        key = component.antineutrinos
        folded[key] = folded[key] + found if key in folded else found
    return folded


def rate(
    coefficients: Array,
    flavor: Flavor,
    recoil_energy: Array,
    folded_flux: FoldedFlux,
    target: Target,
    outgoing_mass: float = 0.0,
    mass: float = ELECTRON_MASS_KEV,
) -> Array:
    """Recoil rate dR/dT of one flavour, events per tonne year keV.

    Parameters
    ----------
    coefficients
        A cross section from :mod:`nuhist.physics.scattering`, shape ``(4, *T.shape)``.
    flavor
        That has it.
    recoil_energy
        T in keV, any shape.
    folded_flux
        From :func:`flux_moments` at the same recoil energies and for the same masses.
    target
        That the cross section is of.
    outgoing_mass, mass
        In keV, of what the neutrino becomes and of what recoils.

    References
    ----------
    arXiv:2207.05036, the inner integral of eq. (9).
    """
    index = FLAVORS.index(flavor)
    per_atom_second = np.zeros_like(recoil_energy)
    for antineutrinos, values in folded_flux.items():
        crossed = coefficients
        if antineutrinos:
            crossed = of_antineutrinos(coefficients, recoil_energy, outgoing_mass, mass)
        per_atom_second = per_atom_second + np.sum(crossed * values[:, index], axis=0)
    return np.asarray(per_atom_second * _per_tonne_year(target), dtype=np.float64)


def _per_tonne_year(target: Target) -> float:
    return target.per_tonne * SECONDS_PER_YEAR


def rates_of_larger(
    first: Array,
    second: Array,
    flavor: Flavor,
    recoil_energy: Array,
    fluxes: Sequence[Sequence[FluxComponent]],
    target: Target,
) -> Array:
    """Recoil rates of one flavour by whichever of two cross sections is larger at each T and E.

    The difference of the two has at most two extrema in E, hence at most three roots above the
    kinematic limit; between them the moments are exact.

    Parameters
    ----------
    first, second
        Coefficients from :mod:`nuhist.physics.scattering`, shape ``(4, *T.shape)``.
    flavor
        That has them.
    recoil_energy
        T in keV, any shape.
    fluxes
        Groups of components; those of one group are added.
    target
        That the cross sections are of.

    Returns
    -------
    Events per tonne year keV, shape ``(groups, *T.shape)``.
    """
    energy = np.asarray(recoil_energy, dtype=np.float64)
    rates = np.zeros((len(fluxes), *energy.shape))
    highest = max(float(part.energy[-1]) for flux in fluxes for part in flux)
    index = FLAVORS.index(flavor)
    for antineutrinos in {part.antineutrinos for flux in fluxes for part in flux}:
        pair = (of_antineutrinos(each, energy) if antineutrinos else each for each in (first, second))
        one, other = pair
        excess = one - other
        limits = _sign_changes(excess, energy, highest)
        middle = (limits[:-1] + limits[1:]) / 2
        positive = np.sum(excess[:, None] * basis(middle), axis=0) > 0
        for row, flux in enumerate(fluxes):
            for part in flux:
                if part.antineutrinos == antineutrinos:
                    rates[row] += _larger(other, excess, energy, limits, positive, part, index)
    return rates * _per_tonne_year(target)


def _larger(
    second: Array,
    excess: Array,
    energy: Array,
    limits: Array,
    positive: Array,
    part: FluxComponent,
    index: int,
) -> Array:
    """Fold ``second`` plus the positive part of the excess with one component, per atom second."""
    if part.is_line:
        line = np.broadcast_to(part.energy[0], energy.shape)
        larger = cross_section(second + np.where(_positive(excess, line), excess, 0.0), energy, line)
        return part.total * float(part.fractions[index, 0]) * larger
    cumulative = moments(part, limits)[:, index]
    pieces = np.where(
        positive, np.sum(excess[:, None] * (cumulative[:, :-1] - cumulative[:, 1:]), axis=0), 0.0
    )
    return np.asarray(np.sum(second * cumulative[:, 0], axis=0) + np.sum(pieces, axis=0))


def _positive(coefficients: Array, energy: Array) -> Array:
    return np.asarray(np.sum(coefficients * basis(energy), axis=0) > 0)


def _sign_changes(excess: Array, recoil_energy: Array, highest: float) -> Array:
    """Energies between which a cross-section difference keeps its sign.

    Returns
    -------
    keV, increasing along the first axis of length 7: the kinematic limit, up to three roots
    between up to two extrema, and the end of the flux; unused entries repeat their neighbour.
    """
    lowest = minimum_neutrino_energy(recoil_energy)
    top = np.maximum(lowest, highest)
    _, inverse, inverse_squared, logarithm = excess
    # d/dE = 0, times E³: logarithm E² − inverse E − 2 inverse_squared = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(inverse**2 + 8 * logarithm * inverse_squared)
        extrema = np.stack([(inverse - root) / (2 * logarithm), (inverse + root) / (2 * logarithm)])
        flat = -2 * inverse_squared / inverse
    extrema = np.where(logarithm == 0, flat, extrema)
    extrema = np.sort(np.clip(np.where(np.isfinite(extrema), extrema, lowest), lowest, top), axis=0)
    edges = np.concatenate([lowest[None], extrema, top[None]])
    roots = _bisect(excess, edges[:-1], edges[1:])
    return np.sort(np.concatenate([edges, roots]), axis=0)


def _bisect(excess: Array, left: Array, right: Array) -> Array:
    """Root of the difference in each interval, or the interval's left end where it has none."""

    def value(energy: Array) -> Array:
        result: Array = np.sum(excess[:, None] * basis(energy), axis=0)
        return result

    at_left = value(left)
    crossing = np.sign(at_left) * np.sign(value(right)) < 0
    if not crossing.any():
        return left
    low, high = left[crossing], right[crossing]
    local = np.broadcast_to(excess[:, None], (4, *left.shape))[:, crossing]
    sign = np.sign(at_left[crossing])
    for _ in range(_BISECTIONS):
        centre = (low + high) / 2
        same = np.sign(np.sum(local * basis(centre), axis=0)) == sign
        low, high = np.where(same, centre, low), np.where(same, high, centre)
    roots = left.copy()
    roots[crossing] = low
    return roots
