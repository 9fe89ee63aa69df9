"""Sources that decay by electron capture: lines, activity and geometry."""

from __future__ import annotations

from functools import partial
from math import exp, log, pi
from pathlib import Path

import numpy as np

from nuhist.errors import OptionError
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.sources.flux import FluxComponent, pure
from nuhist.physics.sources.parameters import Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source
from nuhist.tables import read_rows

_TABLE = Path(__file__).parent / "tables" / "electron_capture_lines.csv"
_DAYS = {"h": 1 / 24, "y": 365.25}
_PBQ = {"TBq": 1e-3, "Bq": 1e-15, "Ci": 3.7e-5, "kCi": 0.037, "MCi": 37.0}


def electron_capture(isotope: str, title: str, half_life: float) -> SourceKind:
    """A source of an isotope that captures electrons.

    Parameters
    ----------
    isotope
        As in the table of lines.
    title
        For readers.
    half_life
        Days.

    References
    ----------
    Lines and half-lives: ENSDF.
    """
    return SourceKind(
        title,
        (
            OwnParameter("activity", "activity at the start", "PBq", _PBQ, 1e-12, 1e6),
            OwnParameter(
                "distance", "distance of a point from a point", "m", {"cm": 0.01, "km": 1e3}, 1e-3, 1e4
            ),
            OwnParameter("geometry", "mean of 1/(4π r²) over source and target, in m⁻²", "1", {}, 1e-9, 1e4),
            OwnParameter("time", "running time, in which the activity falls", "d", _DAYS, 1e-3, 1e5),
            OwnParameter("uncertainty", "of the activity, as a fraction", "1", {}, 1e-6, 1.0, 0.01),
        ),
        partial(_made, isotope=isotope, half_life=half_life),
        optional=("distance", "geometry", "time"),
        shown="activity=100PBq,distance=1m",
    )


def _made(name: str, settings: Settings, *, isotope: str, half_life: float) -> Source:
    if settings.is_given("distance") == settings.is_given("geometry"):
        raise OptionError(f"source {name}: expected either its distance or its geometry; write distance=1m")
    geometry = settings.number("geometry")
    if settings.is_given("distance"):
        geometry = 1 / (4 * pi * settings.number("distance") ** 2)
    activity, during = settings.number("activity") * 1e15, "throughout"
    if settings.is_given("time"):
        lives = settings.number("time") * log(2) / half_life
        activity *= (1 - exp(-lives)) / lives
        during = f"on average over {settings.number('time'):g} d"
    total = activity * geometry * 1e-4  # per cm²
    header, rows = read_rows(_TABLE)
    entries = [dict(zip(header, row, strict=True)) for row in rows if row[0] == isotope]
    group = name.partition(":")[0]
    components = tuple(
        FluxComponent(
            f"{isotope}_{float(entry['E_keV']):.0f}keV_{entry['shell']}",
            np.array([float(entry["E_keV"])]),
            None,
            total * float(entry["fraction"]),
            settings.number("uncertainty"),
            pure("e"),
        )
        for entry in entries
    )
    return Source(
        name=name,
        title=isotope,
        groups=(FluxGroup(group, components, "ENSDF"),),
        description=(
            f"Electron capture of {isotope}, {activity:.3g} Bq {during}, with {geometry:.3g} per m² of"
            " neutrinos that pass; all of them ν_e, without oscillations."
        ),
        mass_states="coherent",
        references=("ENSDF",),
    )
