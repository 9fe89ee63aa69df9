"""A nuclear reactor: antineutrinos of fission products and of neutron capture."""

from __future__ import annotations

from math import pi
from pathlib import Path

import numpy as np

from nuhist.constants import JOULES_PER_KEV
from nuhist.errors import DataError, OptionError
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.sources.flux import FluxComponent, pure, refuse_other_columns
from nuhist.physics.sources.parameters import Choice, Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source
from nuhist.tables import Array, column, read_rows, read_table

_TABLES = Path(__file__).parents[1] / "tables"
_JOINED = 2000.0  # keV: the table below, the polynomials above
_HIGHEST = 8000.0  # keV, to which the polynomials are fits
_POINTS = 600  # of the polynomials
_CAPTURES = 0.6  # of a neutron by ²³⁸U, per fission
_REFERENCES = ("arXiv:1106.0687", "arXiv:1101.2663", "Phys. Rev. D 39 (1989) 3378", "arXiv:2304.14992")


def _made(name: str, settings: Settings) -> Source:
    """A reactor, see :func:`nuhist.physics.sources.registry.get_source`.

    References
    ----------
    From 2 MeV on Huber, arXiv:1106.0687, and for ²³⁸U Mueller et al., arXiv:1101.2663; below Vogel, Engel,
    Phys. Rev. D 39 (1989) 3378. Capture of neutrons: Perisse et al., arXiv:2304.14992. Energies per
    fission: Ma et al., arXiv:1212.6625.
    """
    custom = settings.word("spectrum") != "fission"
    if custom:
        path = settings.path("spectrum")
        table = read_table(path)
        refuse_other_columns(path, table, ("E_keV", "per_fission_keV"))
        energy = column(path, table, "E_keV", increasing=True)
        spectra = {"table": (energy, column(path, table, "per_fission_keV", non_negative=True))}
    else:
        spectra = {**_fission(), "capture": _capture()}
    if not any(_integral(*spectrum) > 0 for spectrum in spectra.values()):
        raise DataError(
            f"{settings.path('spectrum')}: has no flux; expected two rows, or more, and per_fission_keV"
            " above 0"
        )
    per_fission = {part: _integral(*spectrum) for part, spectrum in spectra.items()}
    passing, said = _passing(name, settings, sum(per_fission.values()))
    components = tuple(
        FluxComponent(
            part,
            energy,
            passing * density,
            passing * per_fission[part],
            settings.number("uncertainty"),
            pure("e"),
            antineutrinos=True,
        )
        for part, (energy, density) in spectra.items()
    )
    group = FluxGroup(
        "reactor", components, settings.word("spectrum") if custom else ", ".join(_REFERENCES[:2])
    )
    return Source(
        name=name,
        title="reactor",
        groups=(group,),
        description=f"Antineutrinos of a reactor, {said}; all of them ν̄_e, without oscillations.",
        mass_states="coherent",
        references=() if custom else _REFERENCES,
    )


def _passing(name: str, settings: Settings, per_fission: float) -> tuple[float, str]:
    """Fissions per s and cm² of the sphere through the detector, and in words what they are from."""
    if settings.is_given("flux"):
        for other in ("power", "distance"):
            if settings.is_given(other):
                raise OptionError(f"source {name}: {other} does nothing beside flux; leave one out")
        flux = settings.number("flux")
        return flux / per_fission, f"{flux:.3g} per cm² and s"
    for needed in ("power", "distance"):
        if not settings.is_given(needed):
            raise OptionError(f"source {name}: its {needed} is missing; write {KIND.example('reactor')}")
    power, distance = settings.number("power"), settings.number("distance")
    fissions = power * 1e9 / (_energy_per_fission() * JOULES_PER_KEV)
    said = f"{power:g} GW of heat at {distance:g} m"
    return fissions / (4 * pi * (1e2 * distance) ** 2), said


def _isotopes() -> list[dict[str, str]]:
    header, rows = read_rows(_TABLES / "reactor_isotopes.csv")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _energy_per_fission() -> float:
    """keV, of the mixture of isotopes."""
    return 1e3 * sum(float(row["fraction"]) * float(row["energy_MeV"]) for row in _isotopes())


def _fission() -> dict[str, tuple[Array, Array]]:
    """Energies in keV and antineutrinos per keV and fission of the mixture, by isotope."""
    path = _TABLES / "reactor_below_2MeV.csv"
    below = read_table(path)
    low = 1e3 * column(path, below, "E_MeV", increasing=True)
    high = np.linspace(_JOINED * (1 + 1e-9), _HIGHEST, _POINTS)  # the two sides of a step
    # Linear to nothing at nothing, as the table is used in public codes; ln E needs an end above 0.
    energy = np.concatenate([[1e-3], low, high])
    found = {}
    for row in _isotopes():
        name = row["isotope"]
        first = below[name][0] * 1e-3 / low[0]
        powers = [float(row[f"a{index}"]) for index in range(6)]
        polynomial = np.exp(np.polynomial.polynomial.polyval(high / 1e3, powers))
        values = np.concatenate([[first], below[name], polynomial])
        found[name] = energy, 1e-3 * float(row["fraction"]) * values
    return found


def _capture() -> tuple[Array, Array]:
    """Energies in keV and antineutrinos per keV and fission of ²³⁹U and ²³⁹Np."""
    path = _TABLES / "reactor_capture.csv"
    table = read_table(path)
    energy = 1e3 * column(path, table, "E_MeV", increasing=True)
    values = table["U239"] + table["Np239"]
    width = energy[1] - energy[0]
    nodes = np.concatenate([[1e-3], energy, [energy[-1] + width]])
    values = np.concatenate([[0.0], values, [0.0]])
    # One antineutrino of each.
    return nodes, 2 * _CAPTURES * values / _integral(nodes, values)


def _integral(energy: Array, density: Array) -> float:
    return float(np.sum(np.diff(energy) * (density[1:] + density[:-1]))) / 2


KIND = SourceKind(
    "a nuclear reactor",
    (
        OwnParameter("power", "thermal power", "GW", {"MW": 1e-3, "kW": 1e-6, "W": 1e-9}, 1e-6, 100.0),
        # Beyond, some per mille of low-energy antineutrinos would be of another flavour.
        OwnParameter("distance", "distance from the core's centre", "m", {"cm": 0.01, "km": 1e3}, 1.0, 100.0),
        OwnParameter(
            "flux", "antineutrinos in all, cm⁻² s⁻¹, in place of power and distance", "1", {}, 1e-3, 1e20
        ),
        OwnParameter("uncertainty", "of the flux, as a fraction", "1", {}, 1e-6, 1.0, 0.05),
        Choice(
            "spectrum",
            "fission products and neutron capture, or a table",
            ("fission",),
            "fission",
            table=True,
        ),
    ),
    _made,
    optional=("power", "distance", "flux"),
    shown="power=3GW,distance=14m",
)
