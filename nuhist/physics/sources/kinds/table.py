"""A spectrum of a user's own."""

from __future__ import annotations

from pathlib import Path

from nuhist.physics.sources.flux import FluxComponent, flux_table
from nuhist.physics.sources.own_table import own_table


def _components(path: Path, uncertainty: float) -> tuple[FluxComponent, ...]:
    return flux_table(path, "E_keV", 1.0, uncertainty)


KIND = own_table(
    "a table: E_keV, and nu_e, nu_mu, nu_tau, antinu_e, ... in cm⁻² s⁻¹ keV⁻¹",
    _components,
    "Spectra of {file}, linear between its rows.",
)
