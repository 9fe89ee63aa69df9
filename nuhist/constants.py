"""Constants, with units in their names.

CODATA values come from :mod:`scipy.constants`; electroweak inputs from arXiv:2207.05036,
Sec. II and App. B, and the Particle Data Group's review of 2020 that it cites.
"""

from __future__ import annotations

from scipy import constants

FINE_STRUCTURE = constants.alpha
ELECTRON_MASS_KEV = constants.value("electron mass energy equivalent in MeV") * 1e3
FERMI_CONSTANT_PER_KEV2 = constants.value("Fermi coupling constant") * 1e-12
HBAR_C_KEV_CM = constants.hbar * constants.c / constants.electron_volt * 1e-3 * 1e2
PLANCK_C_KEV_CM = constants.h * constants.c / constants.electron_volt * 1e-3 * 1e2
CLASSICAL_ELECTRON_RADIUS_CM = constants.value("classical electron radius") * 1e2
AVOGADRO_PER_MOL = constants.N_A
SECONDS_PER_YEAR = constants.Julian_year

# Electroweak inputs of App. B.
SIN2_THETA_W_ZERO = 0.23857  # MS-bar at zero momentum transfer
SIN2_THETA_W_MZ = 0.23121  # MS-bar at M_Z
ALPHA_APPENDIX_B = 1 / 137.036  # App. B prints no value for (B3); this is the usual one
ALPHA_MZ = 1 / 127.952
ALPHA_S_MW = 0.123
ALPHA_S_MZ = 0.1185
RHO_NEUTRAL_CURRENT = 1.00063
W_MASS_KEV = 80.379e6  # PDG 2020; the paper names none
LEPTON_MASS_KEV = {
    "e": ELECTRON_MASS_KEV,
    "mu": constants.value("muon mass energy equivalent in MeV") * 1e3,
    "tau": 1.77686e6,  # PDG 2020; the paper names none
}

# Neutrino mixing, PDG 2020, and the two-neutrino survival probability of the pp and 7Be range.
SIN2_THETA_12 = 0.307
SIN2_THETA_13 = 0.0220
SIN2_THETA_23 = 0.547
SURVIVAL_PROBABILITY_2NU = 0.55
