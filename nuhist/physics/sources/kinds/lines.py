"""Lines of a user's own."""

from __future__ import annotations

import re

import numpy as np

from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.sources.flux import SPECIES, FluxComponent, pure, species_columns
from nuhist.physics.sources.parameters import Choice, Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source


def _made(name: str, settings: Settings) -> Source:
    path = settings.path("table")
    energy, columns = species_columns(path, "E_keV")
    components = tuple(
        FluxComponent(
            f"{species}_{line:g}keV", np.array([line]), None, float(total), settings.number("uncertainty"),
            pure(SPECIES[species][0]), SPECIES[species][1],
        )
        for species, totals in columns.items()
        for line, total in zip(energy, totals, strict=True)
        if total > 0
    )  # fmt: skip
    group = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "lines"
    return Source(
        name=name,
        title=path.stem,
        groups=(FluxGroup(group, components, path.name),),
        description=f"Lines of {path.name}.",
        references=(),
    )


KIND = SourceKind(
    "a table of lines: E_keV, and nu_e, nu_mu, nu_tau, antinu_e, ... in cm⁻² s⁻¹",
    (
        Choice("table", "CSV file", (), None, table=True),
        OwnParameter("uncertainty", "of the flux, as a fraction", "1", {}, 1e-6, 1.0, 0.1),
    ),
    _made,
    shown="table=FILE.csv",
)
