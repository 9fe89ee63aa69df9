"""The planned detector: its backgrounds from the numbers that its sources print."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from nuhist import load_experiment

EXPOSURE = 300.0  # t yr: arXiv:2006.03114, 30 t for ten years
ELECTRON, Q_VALUE, AVOGADRO = 510.999, 2457.83, 6.02214e23  # keV, keV, per mol


@pytest.fixture(scope="module")
def efficiency() -> tuple[np.ndarray, np.ndarray]:
    """Energies of 1 to 30 keV in small steps, and the efficiency there."""
    darwin, nt = load_experiment("darwin_like"), load_experiment("xenonnt_sr0")
    assert darwin.exposure == EXPOSURE
    rows = np.loadtxt(nt.folder / "er_efficiency.csv", delimiter=",", comments=["#", "E"])
    energy = np.linspace(1, 30, 2901)
    return energy, np.interp(energy, *rows.T)


def events(name: str) -> float:
    samples = load_experiment("darwin_like").treatment().samples
    return float(next(sample.events or 0 for sample in samples if sample.name == name))


def test_flat_background_is_that_of_the_table(efficiency: tuple[np.ndarray, np.ndarray]) -> None:
    # arXiv:1309.7024, Table 2: 19 (materials), 565 (krypton) and 139 (radon) a year in 14 t from 2 to 30 keV.
    energy, passed = efficiency
    expected = (19 + 565 + 139) / 14 / 28 * EXPOSURE * np.trapezoid(passed, energy)
    # The resolution smears a few events over the edges.
    assert events("beta") == pytest.approx(expected, rel=5e-3)


def test_double_beta_decay_is_that_of_its_half_life(efficiency: tuple[np.ndarray, np.ndarray]) -> None:
    energy, passed = efficiency
    decays = 1e6 / 131.293 * AVOGADRO * 0.08857 * np.log(2) / 2.165e21  # a tonne and year
    end = Q_VALUE / ELECTRON

    def spectrum(kinetic: float) -> float:
        k = kinetic / ELECTRON
        return float(k * (end - k) ** 5 * (1 + 2 * k + 4 * k**2 / 3 + k**3 / 3 + k**4 / 30))

    whole = quad(spectrum, 0, Q_VALUE)[0]
    share = np.array([spectrum(each) for each in energy]) / whole
    # Of a rising spectrum the resolution brings more over the upper edge than it takes.
    assert events("xe136") == pytest.approx(
        EXPOSURE * decays * np.trapezoid(share * passed, energy), rel=1e-2
    )
    # LZ expects 15.1 ± 2.4 in 0.908 t yr below 17 keV, with another efficiency.
    assert 0.908 * decays * quad(spectrum, 0, 17)[0] / whole == pytest.approx(15.1, abs=2.4)
