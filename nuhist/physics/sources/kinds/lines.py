"""Lines of a user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nuhist.physics.sources.flux import SPECIES, FluxComponent, pure, species_columns
from nuhist.physics.sources.own_table import own_table


def _components(path: Path, uncertainty: float) -> tuple[FluxComponent, ...]:
    energy, columns = species_columns(path, "E_keV")
    return tuple(
        FluxComponent(
            f"{species}_{line:g}keV", np.array([line]), None, float(total), uncertainty,
            pure(SPECIES[species][0]), SPECIES[species][1],
        )
        for species, totals in columns.items()
        for line, total in zip(energy, totals, strict=True)
        if total > 0
    )  # fmt: skip


KIND = own_table(
    "a table of lines: E_keV, and nu_e, nu_mu, nu_tau, antinu_e, ... in cm⁻² s⁻¹",
    _components,
    "Lines of {file}.",
)
