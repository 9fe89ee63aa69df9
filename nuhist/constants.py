"""Constants, with units in their names.

Physical constants are those of CODATA 2022, with the same digits whatever the version of SciPy, whose own
change with CODATA's releases; electroweak inputs from arXiv:2207.05036, Sec. II and App. B, and the Particle
Data Group's review of 2020 that it cites.
"""

from __future__ import annotations

from math import pi

_PLANCK_J_S = 6.62607015e-34  # exact, as are the next three
_LIGHT_M_PER_S = 299792458.0
_JOULES_PER_EV = 1.602176634e-19
AVOGADRO_PER_MOL = 6.02214076e23

JOULES_PER_KEV = 1e3 * _JOULES_PER_EV
FINE_STRUCTURE = 0.0072973525643
ELECTRON_MASS_KEV = 0.51099895069 * 1e3
ATOMIC_MASS_UNIT_KEV = 931.49410372 * 1e3
FERMI_CONSTANT_PER_KEV2 = 1.1663787e-05 * 1e-12
LIGHT_CM_PER_S = _LIGHT_M_PER_S * 1e2
HBAR_C_KEV_CM = _PLANCK_J_S / (2 * pi) * _LIGHT_M_PER_S / _JOULES_PER_EV * 1e-3 * 1e2
PLANCK_C_KEV_CM = _PLANCK_J_S * _LIGHT_M_PER_S / _JOULES_PER_EV * 1e-3 * 1e2
CLASSICAL_ELECTRON_RADIUS_CM = 2.8179403205e-15 * 1e2
SECONDS_PER_YEAR = 31557600.0  # a Julian year

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
    "mu": 105.6583755 * 1e3,
    "tau": 1.77686e6,  # PDG 2020; the paper names none
}

# Neutrino mixing, PDG 2020, and the two-neutrino survival probability of the pp and 7Be range.
SIN2_THETA_12 = 0.307
SIN2_THETA_13 = 0.0220
SIN2_THETA_23 = 0.547
SURVIVAL_PROBABILITY_2NU = 0.55
SIN2_THETA_12_ERROR = 0.013
DELTA_M2_21_EV2 = 7.53e-5
DELTA_M2_21_ERROR_EV2 = 0.18e-5
