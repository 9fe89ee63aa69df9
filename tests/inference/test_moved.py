"""Counts and 2NLL along single parameters, against the likelihood at the same points."""

from __future__ import annotations

import numpy as np
import pytest

from nuhist import Workspace
from nuhist.inference import toys
from nuhist.inference.moved import Moved
from nuhist.inference.prepare import make_likelihood
from tests.strategies import random_workspace


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("seed", range(12))
def test_along_each_parameter_it_is_the_likelihood(seed: int) -> None:
    likelihood = make_likelihood(random_workspace(seed))
    model, data = likelihood.compiled, likelihood.data
    assert model is not None
    random = np.random.default_rng(seed)
    point = likelihood.start + 0.3 * likelihood.scale * random.normal(size=len(likelihood.names))
    point = np.clip(point, likelihood.lower, likelihood.upper)
    common = Moved.at(model, point[None])
    parameters = [int(index) for index in model.wide if index not in model.multiplying]
    values = random.normal(0.0, 1.5, (len(parameters), 5))  # on both sides of ±1, where curves end
    heights = common.heights(parameters, values, data[None])[0]
    for row, index in enumerate(parameters):
        points = np.tile(point, (5, 1))
        points[:, index] = values[row]
        counts = model.expected(points)
        # Sums of a hundred numbers in another order.
        assert common.counts(index, values[row])[0] == pytest.approx(counts, rel=1e-11, abs=1e-10)
        right = model.twice_nll(points, data[None])
        possible = np.isfinite(right) & (np.abs(counts) > 1e-6).all(axis=1)
        assert heights[row][possible] == pytest.approx(right[possible], rel=1e-10, abs=1e-8)


def test_toys_are_fitted_alike_whether_they_are_looked_along_together_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits = []
    for many in (10**9, 0):
        monkeypatch.setattr(toys, "_MANY", many)
        model = toys.toy_model(make_likelihood(_curved()))
        assert model.turning
        data = model.throw(model.initial, 40, 3, 0)
        fits.append(model.free(data, np.tile(model.initial, (40, 1)))[1])
    assert fits[0] == pytest.approx(fits[1], abs=1e-8)


def _curved() -> Workspace:
    """A background whose shape goes up on both sides of two parameters."""
    sides = [
        {"hi_data": [30.0, 26.0], "lo_data": [29.0, 27.0]},
        {"hi_data": [24.0, 31.0], "lo_data": [25.0, 30.0]},
    ]
    shapes = [{"name": f"h{index}", "type": "histosys", "data": data} for index, data in enumerate(sides)]
    samples = [
        {"name": "s", "data": [4.0, 1.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "b", "data": [20.0, 21.0], "modifiers": shapes},
    ]
    return Workspace(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": [27.0, 26.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )
