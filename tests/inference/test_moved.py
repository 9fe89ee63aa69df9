"""Counts and 2NLL along single parameters, against the likelihood at the same points."""

from __future__ import annotations

import numpy as np
import pytest

from nuhist.inference.moved import Moved
from nuhist.inference.prepare import make_likelihood
from tests.strategies import random_workspace


@pytest.mark.parametrize("seed", range(12))
def test_along_each_parameter_it_is_the_likelihood(seed: int) -> None:
    likelihood = make_likelihood(random_workspace(seed))
    model, data = likelihood.compiled, likelihood.data
    assert model is not None
    random = np.random.default_rng(seed)
    point = likelihood.start + 0.3 * likelihood.scale * random.normal(size=len(likelihood.names))
    point = np.clip(point, likelihood.lower, likelihood.upper)
    common = Moved.at(model, point)
    parameters = [int(index) for index in model.wide if index not in model.multiplying]
    values = random.normal(0.0, 1.5, (len(parameters), 5))  # on both sides of ±1, where curves end
    heights = common.heights(parameters, values, data)
    for row, index in enumerate(parameters):
        points = np.tile(point, (5, 1))
        points[:, index] = values[row]
        counts = model.expected(points)
        # Sums of a hundred numbers in another order.
        assert common.counts(index, values[row]) == pytest.approx(counts, rel=1e-11, abs=1e-10)
        right = model.twice_nll(points, data[None])
        possible = np.isfinite(right) & (np.abs(counts) > 1e-6).all(axis=1)
        assert heights[row][possible] == pytest.approx(right[possible], rel=1e-10, abs=1e-8)
