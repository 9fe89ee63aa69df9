"""Non-standard interactions in the Sun: against diagonalised Hamiltonians and a Schrödinger equation."""

from __future__ import annotations

from math import cos, sin, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

import nuhist
from nuhist.errors import ConfigError, OptionError
from nuhist.physics.sources.registry import get_source
from nuhist.physics.sources.survival import MatterInteraction, in_two_flavors, matter_survival

Array = NDArray[np.float64]
S12, S13, S23 = 0.307, 0.0220, 0.547  # sin² of PDG 2020
SPLITTING = 7.53e-5
POTENTIAL = 6.707e-12
EPSILONS = [
    np.diag([0.3, 0.0, 0.0]),
    np.diag([0.0, -0.4, 0.0]),
    np.diag([0.1, 0.2, -0.5]),
    np.array([[0.0, 0.2, 0.0], [0.2, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    np.array([[0.0, 0.0, -0.3], [0.0, 0.0, 0.0], [-0.3, 0.0, 0.0]]),
    np.array([[0.2, 0.1, -0.1], [0.1, -0.1, 0.25], [-0.1, 0.25, 0.3]]),
]


def rotation(i: int, j: int, sin2: float) -> Array:
    found = np.eye(3)
    found[i, i] = found[j, j] = sqrt(1 - sin2)
    found[i, j], found[j, i] = sqrt(sin2), -sqrt(sin2)
    return found


PMNS = rotation(1, 2, S23) @ rotation(0, 2, S13) @ rotation(0, 1, S12)


def three_flavors(energy: float, epsilon: Array, far: float) -> float:
    """P_ee in keV by eigenvectors: levels keep their order, and phases average out."""
    vacuum = PMNS @ np.diag([0.0, SPLITTING, far]) @ PMNS.T / (2e3 * energy)
    matter = POTENTIAL * (np.diag([1.0, 0.0, 0.0]) + epsilon)
    _, inside = np.linalg.eigh(vacuum + matter)
    return float(np.sum(inside[0] ** 2 * PMNS[0] ** 2))


@pytest.mark.parametrize("number", range(len(EPSILONS)))
@pytest.mark.parametrize("energy", [300.0, 862.0, 3e3, 1e4])
def test_against_three_flavours(number: int, energy: float) -> None:
    epsilon = EPSILONS[number]
    found = float(matter_survival(np.array(energy), POTENTIAL, S12, SPLITTING, in_two_flavors(epsilon)))
    # The third mass far above the others is what two flavours stand for; where it is, at 2.5e-3 eV², matter
    # moves θ13 by 2EV/Δm²31 = 5 % at 10 MeV.
    assert found == pytest.approx(three_flavors(energy, epsilon, 1e2), abs=2e-6)
    assert found == pytest.approx(three_flavors(energy, epsilon, 2.5e-3), abs=0.01)
    assert found != pytest.approx(three_flavors(energy, np.zeros((3, 3)), 1e2), abs=1e-4)


def test_against_two_flavours() -> None:
    # arXiv:1307.3092: Δm²/4E ((−cos, sin), (sin, cos)) and √2 G_F n_e ((cos²θ13 − ε_D, ε_N), (ε_N, ε_D)).
    theta = np.arcsin(sqrt(S12))
    for epsilon_d, epsilon_n in ((0.2, 0.0), (-0.3, 0.1), (0.05, -0.2)):
        for energy in (400.0, 5e3, 1.5e4):
            c, s = cos(2 * theta), sin(2 * theta)
            vacuum = SPLITTING / (4e3 * energy) * np.array([[-c, s], [s, c]])
            matter = POTENTIAL * np.array([[1 - S13 - epsilon_d, epsilon_n], [epsilon_n, epsilon_d]])
            _, inside = np.linalg.eigh(vacuum + matter)
            mixing = np.array([cos(theta) ** 2, sin(theta) ** 2])
            expected = S13**2 + (1 - S13) ** 2 * float(np.sum(inside[0] ** 2 * mixing))
            interaction = MatterInteraction(epsilon_d, epsilon_n)
            found = matter_survival(np.array(energy), POTENTIAL, S12, SPLITTING, interaction)
            assert float(found) == pytest.approx(expected, abs=1e-12)


def evolved(energy: float, interaction: MatterInteraction) -> float:
    """P_ee of two flavours through a density that falls as exp(−10.54 r/R), step by step, θ13 = 0."""
    theta = np.arcsin(sqrt(S12))
    c, s = cos(2 * theta), sin(2 * theta)
    length = 6.957e10 / 10.54 / 1.973269804e-5  # cm over ħc in eV cm
    steps = 80_000
    edges = np.linspace(0, 14, steps + 1)
    potential = POTENTIAL * np.exp(-(edges[1:] + edges[:-1]) / 2)
    unit = SPLITTING / (4e3 * energy)
    x = unit * c - potential / 2 * (1 - 2 * interaction.diagonal)
    y = unit * s + potential * interaction.off_diagonal
    size = np.sqrt(x**2 + y**2)
    phase = size * length * 14 / steps
    state = np.array([1.0, 0.0], dtype=complex)
    for angle, a, b in zip(phase, x / size, y / size, strict=True):
        h = np.array([[-a, b], [b, a]])
        state = cos(angle) * state - 1j * sin(angle) * (h @ state)
    mass = np.array([[cos(theta), -sin(theta)], [sin(theta), cos(theta)]])
    arrived = np.abs(mass @ state) ** 2
    return float(arrived @ np.array([cos(theta) ** 2, sin(theta) ** 2]))


@pytest.mark.thorough
def test_what_is_not_adiabatic_is_refused() -> None:
    # Levels that come near: matter pulls along (cos 2θ, sin 2θ), a little aside of it.
    theta = np.arcsin(sqrt(S12))
    c, s = cos(2 * theta), sin(2 * theta)
    for aside in (0.02, 0.04, 0.06, 0.1, 0.3):
        pull = 1.3 * np.array([c - aside * s, s + aside * c])
        interaction = MatterInteraction((1 - pull[0]) / 2, -pull[1] / 2)
        exact = evolved(1e4, interaction)
        inside = np.array([c, s]) - 2e7 * POTENTIAL / SPLITTING * pull
        adiabatic = (1 + c * inside[0] / float(np.hypot(*inside))) / 2
        half = MatterInteraction(interaction.diagonal * (1 - S13), interaction.off_diagonal * (1 - S13))
        potential = POTENTIAL / (1 - S13)
        if aside < 0.05:
            assert abs(exact - adiabatic) > 0.05
            with pytest.raises(ConfigError, match="neutrinos of 10000 keV are not converted adiabatically"):
                matter_survival(np.array(1e4), potential, S12, SPLITTING, half)
            continue
        given = float(matter_survival(np.array(1e4), potential, S12, SPLITTING, half))
        assert (given - S13**2) / (1 - S13) ** 2 == pytest.approx(adiabatic, abs=1e-9)
        # 0.002 may jump, an amplitude of 0.04, whose phase averages out over the places of production.
        assert adiabatic == pytest.approx(exact, abs=0.02)


def test_quarks_count_with_the_neutrons() -> None:
    # Per electron 2 + n up quarks and 1 + 2n down quarks, where n = 0.414 neutrons for 8B (see the table).
    def boron(text: str) -> Array:
        (found,) = (part for part in get_source(text).components if part.name == "8B")
        return np.array([np.interp(energy, found.energy, found.fractions[0]) for energy in (2e3, 1e4)])

    for part in ("d", "n"):
        for fermion, number in (("u", 2.414), ("d", 1.828)):
            one = boron(f"sun:epsilon_{part}_{fermion}=0.1")
            np.testing.assert_allclose(one, boron(f"sun:epsilon_{part}_e={0.1 * number:.6f}"), atol=1e-7)
            assert np.abs(one - boron("sun")).max() > 0.01


def test_neutrons_in_the_sun() -> None:
    # Hydrogen is 0.347 at the centre of the GS98 model and 0.70 where pp neutrinos end, so that there are
    # (1 − X) / (1 + X) = 0.485 to 0.18 neutrons per electron.
    from nuhist.physics.sources.kinds.sun import _matter

    found = {name: neutrons for name, (_, neutrons) in _matter().items()}
    assert all(0.18 < value < 0.485 for value in found.values())
    # Nearer to the centre there are more of them.
    assert min(found, key=found.__getitem__) == "hep"
    assert max(found, key=found.__getitem__) == "8B"


def test_where_it_does_nothing_it_is_refused() -> None:
    for chosen in ("constant", "vacuum"):
        with pytest.raises(OptionError, match=f"epsilon_d_e does nothing with survival={chosen}"):
            get_source(f"sun:survival={chosen},epsilon_d_e=0.1")
    sun = get_source("sun:epsilon_n_u=0.1")
    assert "non-standard interactions in the Sun: epsilon_n_u = 0.1" in sun.description
    assert "arXiv:1307.3092" in sun.references
    assert "epsilon_n_u=0.1" in sun.variations[0].up
    # 0 is the Sun as it is.
    assert get_source("sun:epsilon_n_u=0").name == "sun"


def test_the_rate_follows() -> None:
    # P_ee of 7Be and pp falls by 0.06 and 0.01, and ν_e scatter several times as often as the others.
    plain, other = (
        nuhist.spectrum("xenonnt_sr0", hypothesis="nsi-left", coupling=0.0, source=text).standard_model.sum()
        for text in ("sun", "sun:epsilon_d_e=-1")
    )
    assert 0.97 < other / plain < 0.99
    workspace = nuhist.build("xenonnt_sr0", hypothesis="nsi-left", source="sun:epsilon_d_e=-1")
    described = (workspace.sidecar or {})["channels"]["xenonnt_sr0"]
    assert described["neutrino_source"] == "sun:epsilon_d_e=-1"
    assert "arXiv:1307.3092" in "; ".join(described["sources"])
