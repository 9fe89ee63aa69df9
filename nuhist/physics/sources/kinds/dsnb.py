"""The diffuse background of neutrinos of all supernovae."""

from __future__ import annotations

from math import pi

import numpy as np

from nuhist.physics.sources.flux import FluxComponent, pure
from nuhist.physics.sources.parameters import Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source
from nuhist.tables import Array

_REFERENCE = "arXiv:2309.04117"
_UNCERTAINTY = 0.4
_ENERGY_MEV = 3e53 / 1.602176634e-6  # of a collapse: 3e53 erg
_TEMPERATURES_MEV = {"e": 6.6, "antinu_e": 7.0, "x": 10.0}
_HUBBLE_PER_S = 67.45 / 3.0856775814913673e19  # km/s/Mpc
_MATTER, _DARK = 0.315, 0.685
_RATE = 0.0178 / (3.0856775814913673e24**3 * 31557600.0)  # star formation now, solar masses per cm³ and s
_SLOPES = (3.4, -0.3, -3.5)
_BREAKS = (1.0, 4.0)
_LIGHT_CM_PER_S = 29979245800.0
_NODES = np.concatenate([[1e-2], np.linspace(0.1, 100.0, 1000)])  # MeV


def _made(name: str, _: Settings) -> Source:
    """The diffuse background, see :func:`nuhist.physics.sources.registry.get_source`.

    References
    ----------
    De Romeri et al., arXiv:2309.04117, eqs. (2.1) to (2.6).
    """
    thermal = {kind: _flux(temperature) for kind, temperature in _TEMPERATURES_MEV.items()}
    parts: list[FluxComponent] = []
    for flavor in ("e", "mu", "tau"):
        for antineutrinos in (False, True):
            label = f"{'antinu' if antineutrinos else 'nu'}_{flavor}"
            kind = "x" if flavor != "e" else "antinu_e" if antineutrinos else "e"
            density = thermal[kind] / 1e3
            energy = 1e3 * _NODES
            total = float(np.sum(np.diff(energy) * (density[1:] + density[:-1]))) / 2
            parts.append(
                FluxComponent(label, energy, density, total, _UNCERTAINTY, pure(flavor), antineutrinos)
            )
    return Source(
        name=name,
        title="diffuse supernova",
        groups=(FluxGroup("dsnb", tuple(parts), _REFERENCE),),
        description=(
            "Thermal spectra of 6.6, 7 and 10 MeV for ν_e, ν̄_e and each of the others, up to a redshift of 6;"
            " flavours as made."
        ),
        references=(_REFERENCE,),
    )


def _flux(temperature: float) -> Array:
    """One species at the nodes, per cm² s MeV."""
    from scipy.integrate import trapezoid  # heavy; that of NumPy is of NumPy 2

    redshift = np.linspace(0.0, 6.0, 601)
    a, b, c = _SLOPES
    first = (1 + _BREAKS[0]) ** (1 - a / b)
    second = (1 + _BREAKS[0]) ** ((b - a) / c) * (1 + _BREAKS[1]) ** (1 - b / c)
    grown = 1 + redshift
    stars = (
        _RATE * (grown ** (-10 * a) + (grown / first) ** (-10 * b) + (grown / second) ** (-10 * c)) ** -0.1
    )
    collapses = stars * _per_solar_mass()
    expansion = _HUBBLE_PER_S * np.sqrt(_MATTER * grown**3 + _DARK)
    energy = _NODES[:, None] * grown
    spectrum = (
        _ENERGY_MEV / 6 * 120 / (7 * pi**4) * energy**2 / temperature**4 / (1 + np.exp(energy / temperature))
    )
    return np.asarray(_LIGHT_CM_PER_S * trapezoid(collapses / expansion * spectrum, redshift, axis=1))


def _per_solar_mass() -> float:
    """Collapses per solar mass of stars: 8 to 50 of 0.1 to 100 solar masses, with Salpeter's slope."""
    number = (8**-1.35 - 50**-1.35) / 1.35
    mass = (0.1**-0.35 - 100**-0.35) / 0.35
    return float(number / mass)


KIND = SourceKind("all supernovae of the past", (), _made)
