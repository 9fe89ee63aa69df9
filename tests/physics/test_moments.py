"""Moments of several flavours: arXiv:2207.05036, eq. (12), by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nuhist.errors import ConfigError
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.moments import Basis, effective_moment, element_limits, mass_composition
from nuhist.physics.recoils import recoil_rates
from nuhist.physics.sources.registry import get_source

# sin² θ12, θ13, θ23 and P²ᵛ of the paper: P_ee = s13⁴ + c13⁴ P²ᵛ, and the rest shared by θ23.
S12, S13, S23, P2 = 0.307, 0.0220, 0.547, 0.55
FLAVOR_FRACTIONS = [0.5265502, 0.2144728, 0.2589770]  # worked out in tests/experiments/test_counts.py
# P₁ c12² + P₂ s12² = P²ᵛ with P₁ + P₂ = 1: P₁ = (0.55 − 0.307)/(1 − 0.614) = 0.62953.
P1 = (P2 - S12) / (1 - 2 * S12)
MASS_FRACTIONS = [(1 - S13) * P1, (1 - S13) * (1 - P1), S13]
FRACTIONS: dict[Basis, list[float]] = {"flavor": FLAVOR_FRACTIONS, "mass": MASS_FRACTIONS}

numbers = st.complex_numbers(max_magnitude=10, allow_nan=False, allow_infinity=False)
matrices = st.lists(numbers, min_size=9, max_size=9).map(lambda entries: np.array(entries).reshape(3, 3))


@pytest.mark.parametrize("basis", FRACTIONS)
@given(matrix=matrices)
def test_equation_12(basis: Basis, matrix: NDArray[np.complex128]) -> None:
    squared = sum(
        FRACTIONS[basis][k] * (matrix[j, k].real ** 2 + matrix[j, k].imag ** 2)
        for j in range(3)
        for k in range(3)
    )
    # Seven digits of the flavours' fractions.
    assert effective_moment(matrix, basis) == pytest.approx(sqrt(squared), rel=1e-6)


def test_a_column_is_the_incoming_state() -> None:
    from_e = np.zeros((3, 3), dtype=np.complex128)
    from_e[2, 0] = 1.0  # ν_e comes in, ν_τ goes out
    assert effective_moment(from_e) == pytest.approx(sqrt(0.5265502), rel=1e-6)


@pytest.mark.parametrize("basis", FRACTIONS)
def test_a_universal_moment_is_the_effective_one(basis: Basis) -> None:
    assert effective_moment(np.eye(3, dtype=np.complex128) * 0.7, basis) == pytest.approx(0.7, rel=1e-12)


def test_composition_of_mass_states() -> None:
    fractions = mass_composition(0.5265502)
    assert list(fractions) == ["1", "2", "3"]
    assert sum(fractions.values()) == pytest.approx(1, rel=1e-14)
    assert list(fractions.values()) == pytest.approx(MASS_FRACTIONS, rel=1e-12)
    one, two = (fractions[state] / (1 - S13) for state in "12")
    assert one * (1 - S12) + two * S12 == pytest.approx(0.55, rel=1e-12)
    # Of flavours: P_ee = Σ P_i |U_ei|², the paper's 0.5266, printed to four digits.
    survival = (
        fractions["1"] * (1 - S13) * (1 - S12) + fractions["2"] * (1 - S13) * S12 + fractions["3"] * S13
    )
    assert survival == pytest.approx(FLAVOR_FRACTIONS[0], abs=5e-7)


@pytest.mark.parametrize("basis", FRACTIONS)
def test_limits_of_elements(basis: Basis) -> None:
    limit = 1.24e-11
    names = ["e", "mu", "tau"] if basis == "flavor" else ["1", "2", "3"]
    dirac = element_limits(limit, "dirac", basis)
    majorana = element_limits(limit, "majorana", basis)
    assert len(dirac) == 6
    assert len(majorana) == 3
    for j, one in enumerate(names):
        for k, other in enumerate(names[j:], start=j):
            # The matrix with this element alone: Hermitian, or antisymmetric.
            for limits, sign in ((dirac, 1), (majorana, -1)):
                if j == k and sign < 0:
                    assert f"{one}-{one}" not in limits
                    continue
                element = limits[f"{one}-{other}"] * np.exp(0.3j if j != k else 0)
                matrix = np.zeros((3, 3), dtype=np.complex128)
                matrix[j, k] = element
                matrix[k, j] = sign * (np.conj(element) if sign > 0 else element)
                assert effective_moment(matrix, basis) / limit == pytest.approx(1, rel=1e-12)


def test_limits_by_hand() -> None:
    flavors = element_limits(1.0, "majorana")
    # 1/√(0.7410230), 1/√(0.7855272), 1/√(0.4734498): transition moments of the paper's composition.
    expected = {"e-mu": 1.161671, "e-tau": 1.128285, "mu-tau": 1.453321}
    assert flavors == pytest.approx(expected, rel=1e-5)
    # 1/√0.0220: hardly any ν₃ comes from the sun.
    assert element_limits(1.0, "dirac", "mass")["3-3"] == pytest.approx(6.741999, rel=1e-6)


def test_diagonal_elements_are_the_moments_of_single_flavours() -> None:
    # The rate of one flavour's moment is its fraction of the effective moment's rate.
    energy = np.array([1.0, 5.0, 20.0])
    moment = get_hypothesis("magnetic-moment")
    limits = element_limits(1.0, "dirac")
    whole = recoil_rates(
        moment, "effective", energy, get_source("sun:survival=constant").components, RateOptions()
    )[2]
    for flavor in ("e", "mu", "tau"):
        part = recoil_rates(
            moment, flavor, energy, get_source("sun:survival=constant").components, RateOptions()
        )[2]
        np.testing.assert_allclose(whole / part, limits[f"{flavor}-{flavor}"] ** 2, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (3, 4), (3, 3, 3)])
def test_matrices_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"has the shape \(3, 3\), not"):
        effective_moment(np.ones(shape, dtype=np.complex128))


def test_names_that_are_none() -> None:
    with pytest.raises(ConfigError, match="flavor or the mass basis, not 'weak'"):
        effective_moment(np.eye(3, dtype=np.complex128), "weak")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="flavor or the mass basis, not 'weak'"):
        element_limits(1.0, "dirac", "weak")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="dirac or majorana, not 'Dirac'"):
        element_limits(1.0, "Dirac")  # type: ignore[arg-type]
