"""Steps with the derivatives of one point: the slope stays exact, and batches end where single fits end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.inference import newton
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import slope_and_curvature
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.newton import BatchFit, fit_batch
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.tangent import Tangent, descended, tangent
from nuhist.inference.toys import toy_model

Array = NDArray[np.float64]

MU = {"name": "mu", "type": "normfactor", "data": None}
NORM = {"name": "norm", "type": "normsys", "data": {"hi": 1.15, "lo": 0.9}}
OTHER = {"name": "other", "type": "normsys", "data": {"hi": 0.95, "lo": 1.1}}
TILT = {
    "name": "tilt",
    "type": "histosys",
    "data": {"hi_data": [44.0, 30.0, 16.0], "lo_data": [36.0, 30.0, 24.0]},
}
LUMI = {"name": "lumi", "type": "lumi", "data": None}


def _statistic(*errors: float) -> dict[str, Any]:
    return {"name": "stat", "type": "staterror", "data": list(errors)}


def _workspace(channels: list[list[tuple[list[float], list[dict[str, Any]]]]], poi: str = "mu") -> Workspace:
    """Channels of samples, each with counts and modifiers; what is expected is observed."""
    spec: dict[str, Any] = {"channels": [], "observations": [], "version": "1.0.0"}
    for number, samples in enumerate(channels):
        spec["channels"].append(
            {
                "name": f"channel_{number}",
                "samples": [
                    {"name": f"sample_{index}", "data": data, "modifiers": modifiers}
                    for index, (data, modifiers) in enumerate(samples)
                ],
            }
        )
        total = np.sum([data for data, _ in samples], axis=0)
        spec["observations"].append({"name": f"channel_{number}", "data": np.round(total).tolist()})
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    with_lumi = any(LUMI in modifiers for samples in channels for _, modifiers in samples)
    blocks = [lumi] if with_lumi else []
    spec["measurements"] = [{"name": "only", "config": {"poi": poi, "parameters": blocks}}]
    return Workspace(spec, origin="model.json")


BACKGROUND = [40.0, 30.0, 20.0]
SHAPE = {"name": "shape", "type": "shapesys", "data": [4.0, 0.0, 3.0]}
FACTOR = {"name": "factor", "type": "shapefactor", "data": None}
SIGNAL = ([10.0, 6.0, 2.0], [MU])
MODELS: dict[str, Workspace] = {
    "normsys": _workspace([[SIGNAL, (BACKGROUND, [NORM, OTHER]), ([5.0, 5.0, 5.0], [OTHER])]]),
    "straight histosys, lumi": _workspace([[SIGNAL, (BACKGROUND, [TILT, NORM, LUMI])]]),
    "one parameter of two kinds": _workspace([[SIGNAL, (BACKGROUND, [TILT, {**NORM, "name": "tilt"}])]]),
    "staterror": _workspace(
        [[SIGNAL, (BACKGROUND, [NORM, _statistic(4.0, 2.0, 2.0)]), ([9.0] * 3, [_statistic(1.0, 0.0, 2.0)])]]
    ),
    "staterror over two channels": _workspace(
        [
            [SIGNAL, (BACKGROUND, [NORM, _statistic(4.0, 2.0, 2.0)])],
            [([3.0], []), ([50.0], [NORM, _statistic(6.0)])],
        ]
    ),
    "shapesys": _workspace([[SIGNAL, (BACKGROUND, [SHAPE, NORM])]]),
    "two bin by bin on one sample": _workspace(
        [[SIGNAL, (BACKGROUND, [SHAPE, _statistic(2.0, 3.0, 1.0), NORM]), ([5.0, 5.0, 0.0], [OTHER])]]
    ),
    "shapefactor over two channels": _workspace(
        [[SIGNAL, (BACKGROUND, [FACTOR, NORM])], [([90.0, 60.0, 50.0], [FACTOR, LUMI])]]
    ),
    "staterror of all samples": _workspace(
        [
            [
                ([10.0, 6.0, 2.0], [MU, _statistic(1.0, 1.0, 0.5)]),
                (BACKGROUND, [TILT, NORM, _statistic(4.0, 2.0, 2.0)]),
            ]
        ]
    ),
    "shapesys and staterror of a channel with one sample": _workspace(
        [[SIGNAL, (BACKGROUND, [NORM])], [(BACKGROUND, [SHAPE, _statistic(2.0, 3.0, 1.0), NORM])]]
    ),
    "shapefactor of all samples": _workspace(
        [[([10.0, 6.0, 2.0], [MU, FACTOR]), (BACKGROUND, [NORM, FACTOR])], [(BACKGROUND, [FACTOR, LUMI])]]
    ),
}


def _parts(likelihood: Likelihood) -> tuple[CompiledModel, NDArray[np.intp], Array]:
    assert likelihood.compiled is not None
    free = np.flatnonzero(~np.array(likelihood.constant))
    return likelihood.compiled, free, likelihood.scale[free]


def _tangent(likelihood: Likelihood) -> Tangent:
    model, free, unit = _parts(likelihood)
    found = tangent(model, likelihood.initial, likelihood.data, free, unit)
    assert found is not None
    return found


def _elsewhere(likelihood: Likelihood, number: int) -> tuple[Array, Array]:
    """Points around the start, and data thrown at it."""
    rng = np.random.default_rng(6)
    spread = likelihood.scale * rng.normal(size=(number, likelihood.initial.size))
    theta = np.clip(likelihood.initial + spread, likelihood.lower, likelihood.upper)
    theta[:, list(likelihood.constant)] = likelihood.initial[list(likelihood.constant)]
    return theta, toy_model(likelihood).throw(likelihood.initial, number, 4, 0)


@pytest.mark.parametrize("name", MODELS)
def test_the_slope_is_exact_away_from_the_point(name: str) -> None:
    likelihood = make_likelihood(MODELS[name])
    model, free, unit = _parts(likelihood)
    theta, data = _elsewhere(likelihood, 12)
    data[0, : model.bins] = 0.0
    slope = _tangent(likelihood).slope(theta, data)
    whole, _ = slope_and_curvature(model, theta, data)
    # The same sums in another order.
    np.testing.assert_allclose(slope, whole[:, free] * unit, rtol=1e-10, atol=1e-10 * np.abs(whole).max())


@pytest.mark.parametrize("name", MODELS)
def test_the_curvature_is_that_of_the_mean_data(name: str) -> None:
    likelihood = make_likelihood(MODELS[name])
    model, free, unit = _parts(likelihood)
    _, data = _elsewhere(likelihood, 12)
    near = tangent(model, likelihood.initial, data.mean(axis=0), free, unit)
    assert near is not None
    # 2NLL is linear in the data, and so is its second derivative: the mean of the fits' own.
    _, whole = slope_and_curvature(model, np.tile(likelihood.initial, (12, 1)), data)
    whole = whole[:, free[:, None], free].mean(axis=0) * (unit[:, None] * unit)
    # 1e-8: a floor of 1e-9 keeps what has no effect.
    assert near.inverse @ whole == pytest.approx(np.eye(free.size), abs=1e-8)


@pytest.mark.parametrize("held", [False, True])
def test_steps_learn_what_differs_from_the_mean(held: bool) -> None:
    # Half as many counts again as those whose second derivative is used.
    likelihood = make_likelihood(MODELS["normsys"])
    model, free, unit = _parts(likelihood)
    near = _tangent(likelihood)
    data = np.tile(likelihood.data, (3, 1))
    data[:, : model.bins] = [[80.0, 59.0, 34.0], [76.0, 57.0, 36.0], [85.0, 61.0, 35.0]]
    start, upper = np.tile(likelihood.initial, (3, 1)), likelihood.upper.copy()
    if held:
        upper[likelihood.poi_index] = 1.5  # they would go further
    found, converged = descended(
        near,
        start,
        data,
        near.slope(start, data),
        likelihood.lower[free],
        upper[free],
        np.full(free.size, np.inf),
    )
    assert converged.all()
    assert (found[:, likelihood.poi_index] == 1.5).all() == held
    slope, curvature = slope_and_curvature(model, found, data)
    moving = free[found[0, free] < upper[free]]
    left = slope[:, moving] * unit[np.isin(free, moving)]
    # 1e-10 of 2NLL is left at most, which a quadratic form of curvature c reaches at a slope of 2e-5 √c.
    assert np.abs(left).max() < 2e-5 * np.sqrt(np.abs(curvature).max())


def test_where_nothing_is_expected() -> None:
    # The second bin expects nothing and sees nothing: no part of any slope is infinite.
    likelihood = make_likelihood(_workspace([[([5.0, 0.0], [MU]), ([3.0, 0.0], [NORM])]]))
    model, free, unit = _parts(likelihood)
    theta = np.array([[1.0, 0.0], [0.0, 1.0]])[:, [likelihood.names.index(n) for n in ("mu", "norm")]]
    data = np.array([[7.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    near = _tangent(likelihood)
    whole, _ = slope_and_curvature(model, theta, data)
    np.testing.assert_allclose(near.slope(theta, data), whole[:, free] * unit, rtol=1e-12)
    assert np.isfinite(near.inverse).all()


def _fitted(likelihood: Likelihood, data: Array, held: float | None = None) -> BatchFit:
    model, _, _ = _parts(likelihood)
    constant = np.array(likelihood.constant)
    start = np.tile(likelihood.initial, (len(data), 1))
    if held is not None:
        constant[likelihood.poi_index] = True
        start[:, likelihood.poi_index] = held
    return fit_batch(
        model, data, start, likelihood.lower, likelihood.upper, constant, likelihood.scale, near=True
    )


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("held", [None, 0.0, 2.0], ids=["free", "at 0", "at 2"])
@pytest.mark.parametrize("name", MODELS)
def test_a_batch_is_pyhfs_fits(name: str, held: float | None) -> None:
    likelihood, oracle = make_likelihood(MODELS[name]), make_likelihood(MODELS[name], engine="pyhf")
    model, _, _ = _parts(likelihood)
    data = toy_model(likelihood).throw(likelihood.initial, 10, 8, 0)
    found = _fitted(likelihood, data, held)
    assert found.converged.all()
    heights = found.twice_nll + model.constant(data)
    for sample, height, point in zip(data, heights, found.parameters, strict=True):
        # Its value is pyhf's at the same point, and no higher than where SLSQP ends on pyhf's density.
        assert height == pytest.approx(oracle.twice_nll(point, sample), rel=1e-9, abs=1e-9)
        fixed = {} if held is None else {"mu": held}
        assert height == pytest.approx(oracle.minimise(fixed, None, sample).twice_nll, abs=1e-6)


@pytest.mark.parametrize("own", [[], [_statistic(10.0, 0.0, 8.0)]], ids=["normsys", "staterror"])
def test_many_counts_need_no_full_steps(own: list[dict[str, Any]]) -> None:
    # What these steps are for: hardly anything bends within the few per cent that toys scatter.
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.03, "lo": 0.97}}
    signal, background = ([300.0, 200.0, 50.0], [MU, *own]), ([4000.0, 3000.0, 2000.0], [norm, *own])
    workspace = _workspace([[signal, background]])
    likelihood = make_likelihood(workspace)
    data = toy_model(likelihood).throw(likelihood.initial, 200, 8, 0)
    together = _fitted(likelihood, data)
    assert together.converged.all()
    assert together.iterations == 0
    alone = [_fitted(likelihood, sample[None]) for sample in data[:20]]
    assert min(fit.iterations for fit in alone) > 0
    # 1e-10 is left by either.
    singles = np.concatenate([fit.twice_nll for fit in alone])
    np.testing.assert_allclose(together.twice_nll[:20], singles, rtol=0, atol=1e-9)


def test_no_counts_anywhere(counting: Callable[..., Workspace]) -> None:
    # The curvature n/λ² vanishes: mu falls to its bound, in single precision too, and the norm, the only
    # one with a curvature left, to where 2 λ + α² is least.
    likelihood = make_likelihood(counting([0, 0], [1.0, 2.0], [3.0, 4.0], sigma=0.2))
    found = _fitted(likelihood, np.tile(likelihood.data, (12, 1)))
    assert found.converged.all()
    grid = np.linspace(-3, 0, 300_001)
    norm, inside = likelihood.names.index("norm"), np.abs(grid) <= 1
    low, high = np.log(0.8), np.log(1.2)
    # Code 4 between ±1: value, slope and curvature at both ends are those of 1.2^α and 0.8^−α.
    ends = [0.2, -0.2, 1.2 * high, -0.8 * low, 1.2 * high**2, 0.8 * low**2]
    power, side = np.arange(1, 7), np.array([[1.0], [-1.0]])
    rows = [side**power, power * side ** (power - 1), power * (power - 1) * side**power]
    polynomial = 1 + np.linalg.solve(np.concatenate(rows), ends) @ grid ** power[:, None]
    height = 2 * 7.0 * np.where(inside, polynomial, np.exp(-grid * low)) + grid**2
    assert (found.parameters[:, likelihood.poi_index] == 0.0).all()
    assert found.parameters[:, norm] == pytest.approx(grid[np.argmin(height)], abs=2e-5)
    assert found.twice_nll == pytest.approx(height.min(), abs=1e-8)


@pytest.mark.parametrize("factor", [1e-30, 1e-12, 1.0, 1e12])
def test_no_counts_and_nothing_but_a_strength(counting: Callable[..., Workspace], factor: float) -> None:
    # No curvature at all: the floor must be a number of single precision, whatever the size of the slope.
    likelihood = make_likelihood(counting([0], [factor], [3.0]))
    found = _fitted(likelihood, np.zeros((12, 1)))
    assert found.converged.all()
    assert found.twice_nll == pytest.approx(6.0, abs=1e-9)
    if factor >= 1e-9:  # below, a strength of 1 is worth less than what a fit leaves undone
        assert (found.parameters == 0.0).all()


def test_a_parameter_that_does_nothing(counting: Callable[..., Workspace]) -> None:
    likelihood = make_likelihood(counting([7, 5], [0.0, 0.0], [5.0, 4.0], sigma=0.2))
    data = toy_model(likelihood).throw(likelihood.initial, 20, 1, 0)
    found = _fitted(likelihood, data)
    assert found.converged.all()
    assert (found.parameters[:, likelihood.poi_index] == likelihood.initial[likelihood.poi_index]).all()


def test_a_shape_that_bends_a_little() -> None:
    sides = {"hi_data": [4080.0, 3010.0, 1950.0], "lo_data": [3922.0, 2991.0, 2052.0]}
    bent = {"name": "bent", "type": "histosys", "data": sides}
    samples: list[tuple[list[float], list[dict[str, Any]]]]
    samples = [([300.0, 200.0, 50.0], [MU]), ([4000.0, 3000.0, 2000.0], [bent])]
    likelihood = make_likelihood(_workspace([samples]))
    assert _parts(likelihood)[0].turning
    data = toy_model(likelihood).throw(likelihood.initial, 40, 8, 0)
    together = _fitted(likelihood, data)
    alone = [_fitted(likelihood, sample[None]) for sample in data[:10]]
    assert together.converged.all()
    assert together.iterations == 0
    # 1e-10 is left by either.
    singles = np.concatenate([fit.twice_nll for fit in alone])
    np.testing.assert_allclose(together.twice_nll[:10], singles, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["normsys", "staterror over two channels"])
def test_large_models_end_at_the_same_places(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood = make_likelihood(MODELS[name])
    data = toy_model(likelihood).throw(likelihood.initial, 30, 8, 0)
    usual = _fitted(likelihood, data)
    monkeypatch.setattr(newton, "_NUMBERS", 40)  # second derivatives of three fits or less at a time
    large = _fitted(likelihood, data)
    assert large.converged.all()
    # 1e-10 is left by either.
    np.testing.assert_allclose(large.twice_nll, usual.twice_nll, rtol=0, atol=1e-9)
