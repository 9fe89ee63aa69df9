"""Rates of electron recoils in xenon: cross sections folded with solar fluxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nuhist.constants import SECONDS_PER_YEAR
from nuhist.physics.scattering import cross_section, minimum_neutrino_energy
from nuhist.physics.solar import FluxComponent, basis, moments
from nuhist.physics.xenon import atoms_per_tonne
from nuhist.tables import Array

_BISECTIONS = 52  # as many as a double has bits


def flux_moments(recoil_energy: Array, flux: Sequence[FluxComponent]) -> Array:
    """Moments of a flux above the kinematic limit of each recoil energy.

    Parameters
    ----------
    recoil_energy
        T in keV, any shape.
    flux
        Components, which are added.

    Returns
    -------
    Integrals of :func:`nuhist.physics.solar.moments`, shape ``(4, *T.shape)``.
    """
    lower = minimum_neutrino_energy(recoil_energy)
    return np.asarray(np.sum([moments(component, lower) for component in flux], axis=0))


def rate(coefficients: Array, folded_flux: Array) -> Array:
    """Recoil rate dR/dT, events per tonne year keV.

    Parameters
    ----------
    coefficients
        A cross section from :mod:`nuhist.physics.scattering`, shape ``(4, *T.shape)``.
    folded_flux
        From :func:`flux_moments` at the same recoil energies.

    References
    ----------
    arXiv:2207.05036, the inner integral of eq. (9).
    """
    per_atom_second = np.sum(coefficients * folded_flux, axis=0)
    return np.asarray(per_atom_second * _per_tonne_year(), dtype=np.float64)


def _per_tonne_year() -> float:
    return atoms_per_tonne() * SECONDS_PER_YEAR


def rates_of_larger(
    first: Array, second: Array, recoil_energy: Array, fluxes: Sequence[Sequence[FluxComponent]]
) -> Array:
    """Recoil rates of whichever of two cross sections is larger at each T and E.

    The difference of the two has at most two extrema in E, hence at most three roots above the
    kinematic limit; between them the moments are exact.

    Parameters
    ----------
    first, second
        Coefficients from :mod:`nuhist.physics.scattering`, shape ``(4, *T.shape)``.
    recoil_energy
        T in keV, any shape.
    fluxes
        Groups of components; those of one group are added.

    Returns
    -------
    Events per tonne year keV, shape ``(groups, *T.shape)``.
    """
    energy = np.asarray(recoil_energy, dtype=np.float64)
    excess = first - second
    highest = max(float(part.energy[-1]) for flux in fluxes for part in flux)
    limits = _sign_changes(excess, energy, highest)
    middle = (limits[:-1] + limits[1:]) / 2
    positive = np.sum(excess[:, None] * basis(middle), axis=0) > 0
    rates = [
        np.sum([_larger(second, excess, energy, limits, positive, part) for part in flux], axis=0)
        for flux in fluxes
    ]
    return np.stack(rates) * _per_tonne_year()


def _larger(
    second: Array, excess: Array, energy: Array, limits: Array, positive: Array, part: FluxComponent
) -> Array:
    """Fold ``second`` plus the positive part of the excess with one component, per atom second."""
    if part.is_line:
        line = np.broadcast_to(part.energy[0], energy.shape)
        larger = cross_section(second + np.where(_positive(excess, line), excess, 0.0), energy, line)
        return part.total * larger
    cumulative = moments(part, limits)
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
