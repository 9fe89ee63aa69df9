"""Logarithms of Poisson probabilities, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from nuhist.inference.poisson import log_poisson


@pytest.mark.parametrize("case", [(0.0, 2.5), (1.0, 0.3), (7.0, 1e-9), (1e6, 1.001e6)])
def test_logarithms_of_probabilities(case: tuple[float, float]) -> None:
    found = float(log_poisson(*(np.array([value]) for value in case))[0])
    # 1e-14 of the terms, which are up to 1.4e7 here and end at about 10.
    assert found == pytest.approx(float(poisson.logpmf(*case)), rel=1e-12, abs=1e-14 * case[0] * 14)


def test_without_counts_they_go_on_below_nothing() -> None:
    assert log_poisson(np.array([0.0]), np.array([-0.25])) == pytest.approx([0.25])
