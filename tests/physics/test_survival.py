"""Flavour fractions against arXiv:2207.05036, below eq. (4), with the mixing of PDG 2020."""

from __future__ import annotations

import pytest

from nuhist.physics.sources.survival import solar_composition, survival_probability


def test_survival_probability() -> None:
    # 0.022² + 0.978² × 0.55 = 0.000484 + 0.5260662: by hand, hence 1e-7.
    assert survival_probability() == pytest.approx(0.5265502, abs=1e-7)


def test_fractions() -> None:
    fractions = solar_composition()
    assert sum(fractions.values()) == pytest.approx(1.0, abs=1e-15)
    # sin²θ23 = 0.547 goes to ν_τ: 0.4734498 × 0.453 and × 0.547, by hand.
    assert fractions == pytest.approx({"e": 0.5265502, "mu": 0.2144728, "tau": 0.2589770}, abs=1e-7)
