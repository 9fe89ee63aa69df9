"""Where a first derivative vanishes by symmetry, fits go on to one of the minima beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from iminuit import Minuit
from numpy.typing import NDArray

from nuhist import Workspace, fit, limit, significance
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.newton import BatchFit, fit_batch
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.toys import toy_model
from tests.equivalence.checks import reference

Array = NDArray[np.float64]
Modifier = dict[str, Any]

SAME = 1e-6  # of 2NLL: Minuit ends at an estimated distance of 2e-8
ENGINES: tuple[Any, ...] = ("compiled", "pyhf")


def _normsys(name: str, high: float, low: float) -> Modifier:
    return {"name": name, "type": "normsys", "data": {"hi": high, "lo": low}}


def _histosys(name: str, high: list[float], low: list[float]) -> Modifier:
    return {"name": name, "type": "histosys", "data": {"hi_data": high, "lo_data": low}}


def _strength(name: str) -> Modifier:
    return {"name": name, "type": "normfactor", "data": None}


def _workspace(
    signal: tuple[list[float], list[Modifier]],
    background: tuple[list[float], list[Modifier]],
    seen: list[float],
    **blocks: dict[str, Any],
) -> Workspace:
    samples = [
        {"name": name, "data": data, "modifiers": modifiers}
        for name, (data, modifiers) in (("signal", signal), ("background", background))
    ]
    parameters = [{"name": name, **block} for name, block in blocks.items()]
    return Workspace(
        {
            "channels": [{"name": "only", "samples": samples}],
            "observations": [{"name": "only", "data": seen}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": parameters}}],
            "version": "1.0.0",
        },
        origin="saddle.json",
    )


SIGNAL = ([8.0, 5.0], [_strength("mu")])
SIGNED = {"bounds": [[-5.0, 5.0]], "inits": [0.0]}
# All have 2NLL level in a direction at "one" = 0, and lower points to both sides of it.
MODELS: dict[str, Workspace] = {
    "normsys": _workspace(SIGNAL, ([30.0, 20.0], [_normsys("one", 1.3, 1.3)]), [49.0, 33.0]),
    "nearly equal sides": _workspace(SIGNAL, ([30.0, 20.0], [_normsys("one", 1.3, 1.29)]), [49.0, 33.0]),
    "normsys down": _workspace(SIGNAL, ([30.0, 20.0], [_normsys("one", 0.7, 0.7)]), [14.0, 9.0]),
    "histosys": _workspace(
        ([8.0, 1.0], [_strength("mu")]),
        ([100.0, 100.0], [_histosys("one", [130.0, 120.0], [130.0, 120.0])]),
        [128.0, 119.0],
    ),
    "two of them": _workspace(
        SIGNAL,
        ([30.0, 20.0], [_normsys("one", 1.2, 1.2), _histosys("other", [33.0, 24.0], [33.0, 24.0])]),
        [49.0, 37.0],
    ),
    "two strengths of one sample": _workspace(
        ([8.0, 5.0], [_strength("mu"), _strength("one")]), ([30.0, 20.0], []), [49.0, 33.0], one=SIGNED
    ),
    "two signed strengths": _workspace(
        ([8.0, 5.0], [_strength("mu"), _strength("one")]),
        ([30.0, 20.0], []),
        [49.0, 33.0],
        one=SIGNED,
        mu=SIGNED,
    ),
    "a charge": _workspace(
        ([30.0, 20.0], [_histosys("mu", [38.0, 25.0], [38.0, 25.0])]), ([30.0, 20.0], []), [69.0, 46.0]
    ),
}
HELD = {name: 0.0 if "normsys" in name else 0.5 for name in MODELS if "strength" not in name}


def lowest(workspace: Workspace, data: Array | None = None, held: float | None = None) -> float:
    """The lowest 2NLL of Minuit on pyhf's own density, from starts on all sides."""
    side = reference(workspace)
    names = list(side.model.config.par_names)
    found = []
    two = {"one", "other"} | ({"mu"} if side.bounds[names.index("mu"), 0] < 0 else set())
    for moves in np.ndindex(*(2 if name in two else 1 for name in names)):
        signs = [(1.2, -1.2)[move] if name in two else 0.5 for name, move in zip(names, moves, strict=True)]
        at = np.array(signs)
        at = np.clip(at, side.bounds[:, 0] + 1e-3, side.bounds[:, 1] - 1e-3)
        minuit = Minuit(lambda values: min(side.twice_nll(values, data), 1e30), at)
        minuit.errordef, minuit.tol = Minuit.LEAST_SQUARES, 1e-5
        minuit.limits = side.bounds.tolist()
        if held is not None:
            minuit.values[names.index("mu")] = held
            minuit.fixed[names.index("mu")] = True
        minuit.migrad()
        if minuit.fval is not None:
            found.append(float(minuit.fval))
    return min(found)


def _batch(likelihood: Likelihood, data: Array, start: Array, held: bool = False) -> BatchFit:
    """fit_batch from one start, with 2NLL's constants put in."""
    model = likelihood.compiled
    assert model is not None
    constant = np.array(likelihood.constant)
    constant[likelihood.poi_index] |= held
    bounds = likelihood.lower, likelihood.upper
    found = fit_batch(model, data, np.tile(start, (len(data), 1)), *bounds, constant, likelihood.scale)
    return BatchFit(
        found.parameters, found.twice_nll + model.constant(data), found.converged, found.iterations
    )


def _on_the_saddle(likelihood: Likelihood) -> Array:
    """The workspace's start, with all that turns, or multiplies with another, at 0."""
    start = likelihood.initial.copy()
    for name in ("one", "other"):
        if name in likelihood.names:
            start[likelihood.names.index(name)] = 0.0
    if likelihood.arrays is not None and likelihood.poi_index in likelihood.arrays.turning:
        start[likelihood.poi_index] = 0.0
    return start


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", MODELS)
def test_the_best_fit_is_no_saddle(name: str, engine: Any) -> None:
    likelihood = make_likelihood(MODELS[name], engine=engine)
    expected = lowest(MODELS[name])
    assert likelihood.best().twice_nll == pytest.approx(expected, abs=SAME)
    assert likelihood.minimise(start=_on_the_saddle(likelihood)).twice_nll == pytest.approx(
        expected, abs=SAME
    )
    # Nothing leads down from where it ends, and the saddle itself is far above.
    assert expected < likelihood.twice_nll(_on_the_saddle(likelihood)) - 0.1


@pytest.mark.parametrize("name", MODELS)
def test_a_single_fit_leaves_the_saddle(name: str) -> None:
    likelihood = make_likelihood(MODELS[name])
    found = _batch(likelihood, likelihood.data[None], _on_the_saddle(likelihood))
    assert found.converged.all()
    # Of nearly equal sides, the fit goes to the one that is lower beside the saddle.
    assert found.twice_nll[0] == pytest.approx(lowest(MODELS[name]), abs=SAME)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", HELD)
def test_fits_with_a_held_strength_leave_it(name: str, engine: Any) -> None:
    if name == "a charge":
        pytest.skip("without the charge there is nothing to fit")
    likelihood = make_likelihood(MODELS[name], engine=engine)
    values = np.array([0.0, 0.3, 1.0])
    expected = [lowest(MODELS[name], held=value) for value in values]
    starts = np.tile(_on_the_saddle(likelihood), (3, 1))
    alone = [likelihood.minimise({"mu": value}, starts[0]).twice_nll for value in values]
    assert alone == pytest.approx(expected, abs=SAME)
    assert [likelihood.minimise({"mu": value}).twice_nll for value in values] == pytest.approx(
        expected, abs=SAME
    )
    if engine == "compiled":
        together = likelihood.minimise_at(values, starts)
        assert [found.twice_nll for found in together if found] == pytest.approx(expected, abs=SAME)
        for value, height in zip(values, expected, strict=True):
            starts[0, likelihood.poi_index] = value
            single = _batch(likelihood, likelihood.data[None], starts[0], held=True)
            assert single.converged.all()
            assert single.twice_nll[0] == pytest.approx(height, abs=SAME)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("toys", [40, 120], ids=["a small batch", "a large batch"])
@pytest.mark.parametrize("name", MODELS)
def test_toys_leave_it(name: str, toys: int) -> None:
    # Thrown and fitted at the saddle. Which toys have it for their minimum depends on their counts.
    likelihood = make_likelihood(MODELS[name])
    truth = _on_the_saddle(likelihood)
    data = toy_model(likelihood).throw(truth, toys, 3, 0)
    data[: toys // 2] = toy_model(likelihood).throw(likelihood.best().parameters, toys // 2, 4, 0)
    data[:, len(likelihood.data) - len(likelihood.model.config.auxdata) :] = 0.0  # symmetric for all
    found = _batch(likelihood, data, truth)
    assert found.converged.all()
    assert (np.ptp(found.parameters, axis=0) > 0).any()
    chosen = np.arange(0, toys, toys // 8)
    expected = [lowest(MODELS[name], data[number]) for number in chosen]
    if name != "nearly equal sides":  # there a fit may end in the higher of its two minima
        assert found.twice_nll[chosen] == pytest.approx(expected, abs=SAME)
    parameters, heights = toy_model(likelihood).free(data, np.tile(truth, (toys, 1)))
    assert np.isfinite(heights).all()
    assert likelihood.compiled is not None
    levels = heights + likelihood.compiled.constant(data)
    assert levels[chosen] == pytest.approx(expected, abs=SAME)
    assert parameters.shape == (toys, len(likelihood.names))


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("name", [name for name in HELD if name != "a charge"])
def test_toys_with_a_held_strength_find_the_lower_minimum(name: str) -> None:
    # From the saddle and from the far side of the higher valley.
    likelihood = make_likelihood(MODELS[name])
    toys, truth = toy_model(likelihood), likelihood.best().parameters
    data = toys.throw(truth, 90, 5, 0)
    expected = [lowest(MODELS[name], sample, held=0.5) for sample in data[:5]]
    for start in (_on_the_saddle(likelihood), truth, np.where(truth < 0, 1.5, -1.5)):
        parameters, heights = toys.held(data, np.tile(start, (90, 1)), 0.5)
        assert (parameters[:, likelihood.poi_index] == 0.5).all()
        levels = heights + toys.model.constant(data)
        assert levels[:5] == pytest.approx(expected, abs=SAME)


def test_of_the_whole_second_derivative_only() -> None:
    # 30·(1 + 0.3 (15 α² − …)/8) with 49 seen: at α = 0 Gauss-Newton's curvature is that of the pull alone.
    from nuhist.inference.hessian import slope_and_curvature

    likelihood = make_likelihood(MODELS["normsys"])
    model = likelihood.compiled
    assert model is not None
    at, index = _on_the_saddle(likelihood)[None], likelihood.names.index("one")
    at[0, likelihood.poi_index] = 0.0
    slope, plain = slope_and_curvature(model, at, likelihood.data[None], whole=False)
    _, whole = slope_and_curvature(model, at, likelihood.data[None])
    assert slope[0, index] == pytest.approx(0.0, abs=1e-12)
    assert plain[0, index, index] == pytest.approx(2.0)
    # Code 4 with hi = lo has no odd powers; at 0 its second derivative is twice the coefficient of α².
    h, d, b = 0.3, np.log(1.3) * 1.3, np.log(1.3) ** 2 * 1.3
    powers = np.array([[1, 1, 1], [2, 4, 6], [2, 12, 30]])
    bend = 2 * np.linalg.solve(powers, [h, d, b])[0]
    force = 2 * (1 - np.array([49 / 30, 33 / 20])) @ np.array([30.0, 20.0])
    assert whole[0, index, index] == pytest.approx(2 + force * bend, rel=1e-12)
    assert whole[0, index, index] < 0


@pytest.mark.thorough
def test_all_commands_find_one_minimum() -> None:
    # Minuit on pyhf's logpdf from several starts, and bisection of its profile.
    workspace = MODELS["normsys"]
    for engine in ENGINES:
        found = significance(workspace, engine=engine)
        assert found.q0 == pytest.approx(2.986, abs=1e-3)
        assert found.significance == pytest.approx(1.73, abs=5e-3)
        interval = limit(workspace, engine=engine)
        assert interval.lower == pytest.approx(0.137, abs=1e-3)
        assert interval.upper == pytest.approx(3.675, abs=1e-3)
        assert limit(workspace, method="cls", engine=engine).upper == pytest.approx(3.450, abs=1e-3)
        held = fit(workspace, test_poi=0.0, engine=engine)
        assert held.min_chi2 == pytest.approx(3.01, abs=5e-3)
        assert fit(MODELS["histosys"], test_poi=0.0, engine=engine).min_chi2 == pytest.approx(0.814, abs=1e-3)
