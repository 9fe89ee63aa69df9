"""Neutrinos of cosmic rays in the atmosphere, below 1 GeV."""

from __future__ import annotations

from pathlib import Path

from nuhist.physics.sources.flux import flux_table
from nuhist.physics.sources.parameters import Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source

_TABLE = Path(__file__).parents[1] / "tables" / "atmospheric_flux.csv"
_UNCERTAINTY = 0.25
_REFERENCE = "Astropart. Phys. 23 (2005) 526"


def _made(name: str, _: Settings) -> Source:
    components = flux_table(_TABLE, "E_MeV", 1e3, _UNCERTAINTY)
    return Source(
        name=name,
        title="atmospheric",
        groups=(FluxGroup("atmospheric", components, _REFERENCE),),
        description="Flux of FLUKA between 13 and 840 MeV with the flavours as made, without oscillations.",
        references=(_REFERENCE,),
    )


KIND = SourceKind("the atmosphere, below 1 GeV", (), _made)
