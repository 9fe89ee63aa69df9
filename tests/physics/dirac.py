"""Squared amplitudes of neutrinos on electrons, by traces of explicit Dirac matrices."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Matrix = NDArray[np.complex128]

# CODATA 2018, typed in.
M_E, HBAR_C = 510.99895, 1.973269804e-8  # keV, keV cm

_I, _Z = np.eye(2), np.zeros((2, 2))
_PAULI = [np.array(rows) for rows in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
GAMMA = [np.block([[_I, _Z], [_Z, -_I]]).astype(complex), *(np.block([[_Z, s], [-s, _Z]]) for s in _PAULI)]
METRIC = [1.0, -1.0, -1.0, -1.0]
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
LEFT = (np.eye(4) - GAMMA5) / 2
SIGMA = [(i, j, 0.5j * (GAMMA[i] @ GAMMA[j] - GAMMA[j] @ GAMMA[i])) for i in range(4) for j in range(4)]


def slash(p: Array) -> Matrix:
    return np.asarray(sum(METRIC[i] * p[i] * GAMMA[i] for i in range(4)))


def bar(vertex: Matrix) -> Matrix:
    return np.asarray(GAMMA[0] @ vertex.conj().T @ GAMMA[0])


def cosine(t: float, e: float, mass: float = 0.0) -> float:
    """Of the electron's angle to the neutrino, which becomes something of a mass; above 1 it cannot be."""
    momentum = sqrt(t * t + 2 * M_E * t)
    return (mass**2 + 2 * t * (e + M_E)) / (2 * e * momentum)


def transfer(t: float, e: float, mass: float = 0.0) -> Array:
    """Energy and momentum that the electron takes."""
    momentum, along = sqrt(t * t + 2 * M_E * t), cosine(t, e, mass)
    return np.array([t, momentum * sqrt(1 - along**2), 0, momentum * along])


def squared_amplitude(pairs: list[tuple[Matrix, Matrix]], t: float, e: float, mass: float = 0.0) -> float:
    """|M|² of pairs of a neutrino's and an electron's vertex, summed: traces of explicit matrices.

    One helicity of the neutrino, which becomes something of a mass in keV, and the mean of the electron's
    spins.
    """
    q, neutrino_before, at_rest = transfer(t, e, mass), np.array([e, 0, 0, e]), np.array([M_E, 0, 0, 0])
    before = slash(neutrino_before), slash(at_rest) + M_E * np.eye(4)
    after = slash(neutrino_before - q) + mass * np.eye(4), slash(at_rest + q) + M_E * np.eye(4)
    total = 0.0
    for first in pairs:
        for second in pairs:
            neutrino = np.trace(after[0] @ first[0] @ before[0] @ bar(second[0]))
            electron = np.trace(after[1] @ first[1] @ before[1] @ bar(second[1])) / 2
            total += float((neutrino * electron).real)
    return total
