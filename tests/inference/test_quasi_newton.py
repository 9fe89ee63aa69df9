"""Toys of models with few bins and many parameters: steps at the cost of the bins end where others do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nuhist import Workspace
from nuhist.inference import approach, newton
from nuhist.inference.hessian import Derivatives, full_jacobian
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.newton import fit_batch
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.quasi_newton import Shared, descend, shared
from nuhist.inference.toys import toy_model

MU = {"name": "mu", "type": "normfactor", "data": None}
PARAMETERS = 24


def _workspace(
    *more: dict[str, Any], most: float = 10.0, size: tuple[float, float] | None = (2.0, 1.0)
) -> Workspace:
    """Two bins, two free strengths, and two dozen parameters with a constraint."""
    random = np.random.default_rng(5)
    norms: list[dict[str, Any]] = [
        {"name": f"n{number}", "type": "normsys", "data": {"hi": 1 + width, "lo": 1 / (1 + 1.5 * width)}}
        for number, width in enumerate(0.2 * random.random(PARAMETERS - 4))
    ]
    tilt = {"name": "tilt", "type": "histosys", "data": {"hi_data": [36.0, 19.0], "lo_data": [26.0, 24.0]}}
    statistic = {"name": "stat", "type": "staterror", "data": [3.0, 2.0]}
    sizes = [] if size is None else [{"name": "size", "type": "shapesys", "data": list(size)}]
    other = {"name": "other", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [3.0, 9.0], "modifiers": [MU, *norms[:5]]},
        {"name": "first", "data": [30.0, 21.0], "modifiers": [*norms[3:], tilt, statistic, *more]},
        {"name": "second", "data": [25.0, 4.0], "modifiers": [other, *norms[:9], statistic, *sizes]},
    ]
    bounds = [{"name": name, "bounds": [[0.0, most]], "inits": [1.0]} for name in ("mu", "other")]
    return Workspace(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": [57.0, 36.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": bounds}}],
            "version": "1.0.0",
        },
        origin="model.json",
    )


def _many_bins(bins: int = 200) -> Workspace:
    """A statistical error in each of many bins, beside a few parameters of all of them."""
    random = np.random.default_rng(6)
    background = random.uniform(20, 60, bins).round(2)
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.93}}
    sides = {"hi_data": (1.05 * background).tolist(), "lo_data": (0.96 * background).tolist()}
    shape = {"name": "shape", "type": "histosys", "data": sides}
    statistic = {"name": "stat", "type": "staterror", "data": (0.1 * background).tolist()}
    samples = [
        {"name": "signal", "data": np.linspace(1, 8, bins).tolist(), "modifiers": [MU, norm]},
        {"name": "background", "data": background.tolist(), "modifiers": [norm, shape, statistic]},
    ]
    seen = random.poisson(background + 2).astype(float).tolist()
    return Workspace(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": seen}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="model.json",
    )


MODELS = {
    "two factors per bin": _workspace(),
    "one factor per bin": _workspace(size=None),
    "hundreds of bins": _many_bins(),
}


def _shared(likelihood: Likelihood) -> Shared:
    model, free = likelihood.compiled, np.flatnonzero(~np.array(likelihood.constant))
    assert model is not None
    limits = likelihood.lower[free], likelihood.upper[free], np.full(free.size, np.inf)
    found = shared(model, free, likelihood.scale[free], *limits)
    assert found is not None
    return found


@pytest.fixture(scope="module", name="likelihood")
def _likelihood() -> Likelihood:
    return make_likelihood(_workspace())


@pytest.mark.parametrize("kind", ["two factors per bin", "one factor per bin", "hundreds of bins"])
def test_a_step_solves_with_the_whole_matrix(kind: str) -> None:
    likelihood = make_likelihood(MODELS[kind])
    common, model = _shared(likelihood), likelihood.compiled
    assert model is not None
    assert (
        common.single.size
        == {"two factors per bin": 0, "one factor per bin": 2, "hundreds of bins": 200}[kind]
    )
    random = np.random.default_rng(2)
    unit, free = common.unit, common.free
    theta = likelihood.initial + 0.3 * random.normal(size=(3, len(likelihood.names))) * likelihood.scale
    data = np.tile(likelihood.data, (3, 1))
    held = np.zeros((3, free.size), dtype=bool)
    held[1, free.tolist().index(likelihood.poi_index)] = held[2, [4, -1]] = True
    right = np.where(held, 0.0, random.normal(size=held.shape))
    here = Derivatives.at(model, model.rates(theta), theta, data)
    found = common.solved(here, held, right)
    counts, jacobian = full_jacobian(model, theta)
    terms, diagonal = model.constraints, np.zeros_like(theta)
    diagonal[:, terms.gaussian] = 2 / terms.sigma**2
    diagonal[:, terms.poisson] = 2 * data[:, terms.poisson_data] / theta[:, terms.poisson] ** 2
    for row in range(3):
        slopes = jacobian[row][free] * unit[:, None]
        stiff = np.maximum(diagonal[row, free] * unit**2, 1e-4)  # strengths are held back a little
        matrix = (slopes * (2 * data[row, : model.bins] / counts[row] ** 2)) @ slopes.T + np.diag(stiff)
        moving = ~held[row]
        expected = np.zeros(free.size)
        expected[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], right[row, moving])
        # The strengths' errors are up to 1e2 of their typical steps, so that digits are lost in both.
        np.testing.assert_allclose(found[row], expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("held", [None, 0.0])
def test_toys_are_pyhfs_fits(likelihood: Likelihood, held: float | None) -> None:
    toys, oracle = toy_model(likelihood), make_likelihood(_workspace(), engine="pyhf")
    data = toys.throw(likelihood.initial, 40, 3, 0)
    start = np.tile(likelihood.initial, (40, 1))
    found, height = toys.free(data, start) if held is None else toys.held(data, start, held)
    fixed = {} if held is None else {"mu": held}
    for row in range(2):
        there = oracle.minimise(fixed, data=data[row]).twice_nll
        constant = float(toys.model.constant(data[row, None])[0])
        # pyhf's SLSQP stops where it gains less than 1e-7 or so; ours may only be lower than that.
        assert -1e-4 < height[row] + constant - there < 1e-7
    lower, upper = likelihood.lower, likelihood.upper
    assert ((found >= lower) & (found <= upper)).all()


def test_these_steps_converge_by_themselves(likelihood: Likelihood) -> None:
    common, toys = _shared(likelihood), toy_model(likelihood)
    data = toys.throw(likelihood.initial, 60, 4, 0)
    theta = np.tile(likelihood.initial, (60, 1))
    height = toys.model.twice_nll(theta, data)
    converged = descend(common, theta, height, data)
    assert converged.mean() > 0.9
    settings = likelihood.lower, likelihood.upper, np.array(likelihood.constant), likelihood.scale
    others = fit_batch(toys.model, data, np.tile(likelihood.initial, (60, 1)), *settings)
    # Both end where a step would gain less than 1e-10.
    np.testing.assert_allclose(height[converged], others.twice_nll[converged], rtol=0, atol=1e-8)


def test_saddles_are_no_ends() -> None:
    # Counts that rise to both sides of "even" leave 2NLL level at 0, where the fits start; data ask for more.
    even = {"name": "even", "type": "normsys", "data": {"hi": 1.5, "lo": 1.5}}
    likelihood = make_likelihood(_workspace(even, most=1.1))
    toys = toy_model(likelihood)
    data = np.tile(likelihood.data, (10, 1))
    data[:, :2] = [[90.0 + number, 45.0] for number in range(10)]
    start = np.tile(likelihood.initial, (10, 1))
    common, index = _shared(likelihood), likelihood.names.index("even")
    theta, height = start.copy(), toys.model.twice_nll(start, data)
    assert common.turning.size
    assert not descend(common, theta, height, data)[theta[:, index] == 0].any()
    found, _ = toys.free(data, start)
    assert (np.abs(found[:, index]) > 0.1).all()


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("held", [None, 0.3])
def test_large_models_begin_with_them(kind: str, held: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood = make_likelihood(MODELS[kind])
    assert likelihood.compiled is not None
    start, constant = likelihood.initial.copy(), np.array(likelihood.constant)
    if held is not None:
        start[likelihood.poi_index], constant[likelihood.poi_index] = held, True
    settings = likelihood.lower, likelihood.upper, constant, likelihood.scale
    by_newton = fit_batch(likelihood.compiled, likelihood.data[None], start[None], *settings)
    for module in (approach, newton):
        monkeypatch.setattr(module, "LARGE", 10)
    found = fit_batch(likelihood.compiled, likelihood.data[None], start[None], *settings)
    assert by_newton.iterations > 2
    assert found.converged.all()
    assert found.iterations == 0  # none of Newton's was needed
    # Both end where a step would gain less than 1e-10.
    np.testing.assert_allclose(found.twice_nll, by_newton.twice_nll, rtol=0, atol=1e-9)


def test_many_bins_are_left_to_others() -> None:
    likelihood = make_likelihood(_workspace())
    model, free = likelihood.compiled, np.flatnonzero(~np.array(likelihood.constant))
    assert model is not None
    few = free[:6]
    limits = likelihood.lower[few], likelihood.upper[few], np.full(few.size, np.inf)
    assert shared(model, few, likelihood.scale[few], *limits) is None
