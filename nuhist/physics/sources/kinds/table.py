"""A spectrum of a user's own."""

from __future__ import annotations

import re

from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.sources.flux import flux_table
from nuhist.physics.sources.parameters import Choice, Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source


def _made(name: str, settings: Settings) -> Source:
    path = settings.path("table")
    components = flux_table(path, "E_keV", 1.0, settings.number("uncertainty"))
    group = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "table"
    return Source(
        name=name,
        title=path.stem,
        groups=(FluxGroup(group, components, path.name),),
        description=f"Spectra of {path.name}, linear between its rows.",
        references=(),
    )


KIND = SourceKind(
    "a table: E_keV, and nu_e, nu_mu, nu_tau, antinu_e, ... in cm⁻² s⁻¹ keV⁻¹",
    (
        Choice("table", "CSV file", (), None, table=True),
        OwnParameter("uncertainty", "of the flux, as a fraction", "1", {}, 1e-6, 1.0, 0.1),
    ),
    _made,
    shown="table=FILE.csv",
)
