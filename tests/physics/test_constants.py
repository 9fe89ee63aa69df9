"""Constants against SciPy's table of CODATA."""

from __future__ import annotations

import pytest
from scipy import constants

from nuhist import constants as ours

THEIRS = {
    "FINE_STRUCTURE": constants.alpha,
    "ELECTRON_MASS_KEV": constants.value("electron mass energy equivalent in MeV") * 1e3,
    "FERMI_CONSTANT_PER_KEV2": constants.value("Fermi coupling constant") * 1e-12,
    "LIGHT_CM_PER_S": constants.c * 1e2,
    "HBAR_C_KEV_CM": constants.hbar * constants.c / constants.electron_volt * 1e-1,
    "PLANCK_C_KEV_CM": constants.h * constants.c / constants.electron_volt * 1e-1,
    "CLASSICAL_ELECTRON_RADIUS_CM": constants.value("classical electron radius") * 1e2,
    "AVOGADRO_PER_MOL": constants.N_A,
    "SECONDS_PER_YEAR": constants.Julian_year,
}


@pytest.mark.parametrize("name", THEIRS)
def test_the_constants_are_those_of_codata(name: str) -> None:
    # 5e-9: SciPy before 1.15 has CODATA 2018, whose electron mass and radius differ by 1.4e-9.
    assert getattr(ours, name) == pytest.approx(THEIRS[name], rel=5e-9)


def test_the_mass_of_the_muon() -> None:
    muon = constants.value("muon mass energy equivalent in MeV") * 1e3
    assert ours.LEPTON_MASS_KEV["mu"] == pytest.approx(muon, rel=5e-9)
