"""Where further fits start, on models whose minima are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from nuhist import Workspace, limit
from nuhist.inference import descent as module
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.newton import BatchFit
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.search import (
    dips,
    either_sign,
    possible_start,
    products_of,
    strongly_turning,
    valleys,
)
from nuhist.physics.coupling import CouplingScale
from tests.equivalence.checks import reference

Array = NDArray[np.float64]
Counting = Callable[..., Workspace]
Modifier = dict[str, Any]

DATA = Path(__file__).parent / "data"
ENGINES: tuple[Any, ...] = ("compiled", "pyhf")
UNITS = [1e-12, 1e-6, 1.0, 1e6, 1e12]
SAME = 1e-6  # of 2NLL


def _one_bin(modifier: Modifier, observed: float, poi: str, **settings: Any) -> Workspace:
    """10 counts that a modifier changes, and a second channel with 6 counts where 5 mu are expected."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    channels = [{"name": "only", "samples": [{"name": "all", "data": [10.0], "modifiers": [modifier]}]}]
    observations = [{"name": "only", "data": [observed]}]
    channels.append({"name": "other", "samples": [{"name": "all", "data": [5.0], "modifiers": [mu]}]})
    observations.append({"name": "other", "data": [6.0]})
    parameters = [{"name": poi, **settings}] if settings else []
    return Workspace(
        {
            "channels": channels,
            "observations": observations,
            "measurements": [{"name": "only", "config": {"poi": poi, "parameters": parameters}}],
            "version": "1.0.0",
        },
        origin="one.json",
    )


def _normsys(high: float, low: float) -> Modifier:
    return {"name": "turn", "type": "normsys", "data": {"hi": high, "lo": low}}


def _histosys(high: float, low: float) -> Modifier:
    return {"name": "turn", "type": "histosys", "data": {"hi_data": [high], "lo_data": [low]}}


def _arrays(likelihood: Likelihood) -> CompiledModel:
    assert likelihood.arrays is not None
    return likelihood.arrays


def _lowest(workspace: Workspace, data: Array | None = None) -> float:
    """The lowest 2NLL along "turn", on pyhf's density, with mu where its own channel is best."""
    side = reference(workspace)
    names = list(side.model.config.par_names)
    point = side.initial.copy()
    point[names.index("mu")] = 6 / 5
    low, high = side.bounds[names.index("turn")]

    def height(value: float) -> float:
        point[names.index("turn")] = value
        return side.twice_nll(point, data)

    edges = np.linspace(low, high, 41)
    found = [
        minimize_scalar(height, bounds=pair, method="bounded", options={"xatol": 1e-9}).fun
        for pair in pairwise(edges)
    ]
    return float(min(found))


def _started(
    likelihood: Likelihood, monkeypatch: pytest.MonkeyPatch, data: Array | None = None
) -> tuple[Minimum, Array]:
    """The best fit, and all points from which it fitted."""
    likelihood.turning  # noqa: B018 - a fit of its own, once for all
    likelihood.__dict__.pop("_first", None)  # which would not be made again
    starts: list[Array] = []

    def watched(*arguments: Any, **how: Any) -> BatchFit:
        starts.append(arguments[2])
        return fit_with_edges(*arguments, **how)

    slsqp = Likelihood._slsqp

    def also_watched(self: Likelihood, point: Array, *rest: Any) -> Minimum:
        starts.append(point[None].copy())
        return slsqp(self, point, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(module, "fit_with_edges", watched)
        patch.setattr(Likelihood, "_slsqp", also_watched)
        best = likelihood.best(data)
    return best, np.concatenate(starts)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_valley_needs_one_fit(counting: Counting, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # A strength that cannot be negative, and a norm that goes one way: nothing else is fitted.
    likelihood = make_likelihood(counting([12, 9], [3.0, 1.0], [5.0, 7.0], sigma=0.1), engine=engine)
    _, starts = _started(likelihood, monkeypatch)
    np.testing.assert_array_equal(starts, likelihood.initial[None])


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize(
    ("modifier", "sides"),
    [
        (_normsys(1.2, 1.1), True),  # up on either side
        (_normsys(0.9, 0.8), True),  # down
        (_normsys(1.2, 0.9), False),
        (_normsys(1.2, 1.0), False),
        (_histosys(12.0, 11.0), True),
        (_histosys(12.0, 9.5), True),  # up, and down by less: it bends
        (_histosys(12.0, 8.0), False),  # a straight line
    ],
    ids=lambda value: f"{value['type']} {list(value['data'].values())}" if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_parameter_that_turns_is_looked_at_on_either_side(
    modifier: Modifier, sides: bool, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 30 or 2 seen where 10 are expected: enough to gain by turning.
    observed = 2.0 if modifier["data"].get("hi") == 0.9 else 30.0
    workspace = _one_bin(modifier, observed, "mu")
    likelihood = make_likelihood(workspace, engine=engine)
    index = likelihood.names.index("turn")
    assert _arrays(likelihood).turning == ((index,) if sides else ())
    assert likelihood.turning == ((index,) if sides else ())
    best, starts = _started(likelihood, monkeypatch)
    assert best.twice_nll == pytest.approx(_lowest(workspace), abs=SAME)
    values = starts[:, index]
    assert ((values < -0.1).any() and (values > 0.1).any()) == sides
    # From either side: the higher valley's fit does not keep it.
    for sign in (-1.0, 1.0):
        start = likelihood.initial.copy()
        start[index] = sign
        assert likelihood.minimise(start=start).twice_nll == pytest.approx(best.twice_nll, abs=SAME)
        assert replace(likelihood, initial=start).best().twice_nll == pytest.approx(best.twice_nll, abs=SAME)


def test_how_far_is_looked() -> None:
    # Not in typical steps alone: of 1000 counts these are 0.02 of the constraint's width.
    scale, width = np.array([0.02, 1.0]), np.array([1.0, 1.0])
    seen: list[Array] = []

    def heights(points: Array) -> Array:
        seen.append(points)
        return np.zeros(len(points))

    bounds = np.full(2, -50.0), np.full(2, 50.0)
    valleys(heights, np.array([[0.3, 0.7]]), [0], scale, width, *bounds)
    first = np.unique(seen[0][:, 0])
    assert np.unique(seen[0][:, 1]).tolist() == [0.7]  # the others stay as fitted
    np.testing.assert_allclose(first, -first[::-1], atol=1e-12)
    away = first[first > 0]
    assert (away[0], away[-1]) == (pytest.approx(0.15 * 0.02), pytest.approx(4.0))
    assert (away[1:] / away[:-1]).max() < 2  # a valley is wider than that
    # Within bounds, on both sides.
    seen.clear()
    valleys(
        heights, np.array([[0.1, 0.7]]), [0, 1], scale, width, np.array([-0.2, 0.5]), np.array([0.3, 1.5])
    )
    for index, (low, high) in enumerate([(-0.2, 0.3), (0.5, 1.5)]):
        moved = seen[0][:, index]
        assert (moved.min(), moved.max()) == (low, high)


def test_only_valleys_of_their_own_are_followed() -> None:
    # (α² − 1)² with a slope: minima near ±1; the fit lies in the right one.
    def heights(points: Array) -> Array:
        return np.asarray(20 * (points[:, 0] ** 2 - 1) ** 2 + 0.1 * points[:, 0] + points[:, 1] ** 2)

    scale, bounds = np.array([0.3, 1.0]), (np.full(2, -5.0), np.full(2, 5.0))
    which, found = valleys(heights, np.array([[1.0, 0.0], [-1.0, 0.0]]), [0, 1], scale, np.ones(2), *bounds)
    # The left fit is the lower one by 0.2: from there the right one still promises something.
    assert which.tolist() == [0, 1]
    assert found[0, 0] == pytest.approx(-1.0, rel=0.2)
    assert found[1, 0] == pytest.approx(1.0, rel=0.2)

    def steep(points: Array) -> Array:
        return np.asarray(np.where(points[:, 0] < 0, 100.0, 0.0) + heights(points))

    assert len(valleys(steep, np.array([[1.0, 0.0]]), [0], scale, np.ones(2), *bounds)[1]) == 0
    assert len(valleys(heights, np.zeros((0, 2)), [0], scale, np.ones(2), *bounds)[1]) == 0
    assert len(valleys(heights, np.array([[1.0, 0.0]]), [], scale, np.ones(2), *bounds)[1]) == 0


def test_what_turns_too_little_is_not_looked_at() -> None:
    # Half a per cent of ten counts gains nothing that a fit would see.
    likelihood = make_likelihood(_one_bin(_normsys(1.005, 1.004), 30.0, "mu"))
    assert _arrays(likelihood).turning == (likelihood.names.index("turn"),)
    assert likelihood.turning == ()
    # It depends on the counts that are seen, and on the width of the constraint.
    model, fit, data = _arrays(likelihood), likelihood.best().parameters[None], likelihood.data
    assert strongly_turning(model, fit, np.full(2, 20.0), data) == model.turning
    many = data.copy()
    many[likelihood.model.config.channel_slices["only"]] = 3000.0
    assert strongly_turning(model, fit, np.ones(2), many) == model.turning


def test_a_parameter_that_is_held_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = _one_bin(_normsys(1.5, 1.4), 30.0, "mu")
    workspace.spec["measurements"][0]["config"]["parameters"].append({"name": "turn", "fixed": True})
    likelihood = make_likelihood(workspace)
    assert likelihood.turning == ()
    _, starts = _started(likelihood, monkeypatch)
    assert len(starts) == 1
    free = make_likelihood(_one_bin(_normsys(1.5, 1.4), 30.0, "mu"))
    index = free.names.index("turn")
    held = free.minimise({"turn": 0.4})
    assert held.parameters[index] == 0.4
    assert held.parameters[free.poi_index] == pytest.approx(6 / 5, abs=1e-5)


def test_starts_stay_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = _one_bin(_normsys(1.5, 1.4), 30.0, "mu")
    block = {"name": "turn", "bounds": [[-0.3, 0.6]]}
    workspace.spec["measurements"][0]["config"]["parameters"].append(block)
    likelihood = make_likelihood(workspace)
    index = likelihood.names.index("turn")
    _, starts = _started(likelihood, monkeypatch)
    assert (starts[:, index].min(), starts[:, index].max()) == (-0.3, 0.6)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("bound", [4.0, 30.0, 1e30])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_signed_parameter_is_started_at_both_signs(
    engine: Any, bound: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 10 + 38 φ(q)/80 counts and 0.2 per q, 18 seen: a minimum of either sign.
    workspace = _one_bin(_histosys(14.0, 13.6), 18.0, "turn", bounds=[[-bound, 1.25 * bound]], inits=[0.5])
    likelihood = make_likelihood(workspace, engine=engine)
    index = likelihood.poi_index
    expected = _lowest(_one_bin(_histosys(14.0, 13.6), 18.0, "turn", bounds=[[-4.0, 5.0]]))
    best, starts = _started(likelihood, monkeypatch)
    assert best.twice_nll == pytest.approx(expected, abs=SAME)
    assert (starts[:, index] < -0.2).any()
    assert (starts[:, index] > 0.2).any()
    for sign in (-1, 1):
        start = likelihood.initial.copy()
        start[index] = sign * 1.2
        assert likelihood.minimise(start=start).twice_nll == pytest.approx(expected, abs=SAME)
        assert replace(likelihood, initial=start).best().twice_nll == pytest.approx(expected, abs=SAME)


@pytest.mark.parametrize("unit", UNITS)
def test_values_of_either_sign_change_counts_by_some_errors(unit: float) -> None:
    # 5 mu/unit counts beside 10, with 18 seen. From 0, √19 of change are noticed; steps are doubled.
    workspace = _one_bin(_normsys(1.1, 0.9), 18.0, "mu", bounds=[[-1e30, 1e30]], inits=[unit])
    sample = {
        "name": "more",
        "data": [5.0 / unit],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    workspace.spec["channels"][0]["samples"].append(sample)
    del workspace.spec["channels"][1], workspace.spec["observations"][1]
    likelihood = make_likelihood(workspace)
    index, step = likelihood.poi_index, 0.9 * likelihood.scale[likelihood.poi_index]
    found = either_sign(
        _arrays(likelihood), likelihood.initial, index, step, likelihood.data, (-np.inf, np.inf)
    )
    change = 5 * found[:, index] / unit / 19**0.5
    assert sorted(np.sign(change)) == [-1, -1, 1, 1]
    assert (np.abs(change) > 0.7).all()
    assert (np.abs(change) <= 4.0).all()
    norm = likelihood.names.index("turn")
    assert (found[:, norm] == likelihood.initial[norm]).all()
    near = either_sign(
        _arrays(likelihood), likelihood.initial, index, step, likelihood.data, (-0.1 * unit, 0.2 * unit)
    )[:, index]
    assert (near.min(), near.max()) == (pytest.approx(-0.1 * unit), pytest.approx(0.2 * unit))


@pytest.mark.parametrize("engine", ENGINES)
def test_impossible_starts_are_left_out(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Below −2.5 of a straight line nothing is expected where 18 are seen: the lower bound is there.
    workspace = _one_bin(_histosys(14.0, 6.5), 18.0, "turn", bounds=[[-8.0, 4.0]], inits=[0.1])
    likelihood = make_likelihood(workspace, engine=engine)
    best, starts = _started(likelihood, monkeypatch)
    assert len(starts) > 2
    assert all(np.isfinite(likelihood.twice_nll(point)) for point in starts)
    assert best.twice_nll == pytest.approx(_lowest(workspace), abs=SAME)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seen", [3.0, 10.0, 14.0, 40.0])
def test_other_data_have_other_minima(seen: float, engine: Any) -> None:
    # 10 of 10 have a single valley, at 0; more have one of either sign.
    workspace = _one_bin(_histosys(14.0, 13.6), 18.0, "turn", bounds=[[-4.0, 5.0]], inits=[0.5])
    likelihood = make_likelihood(workspace, engine=engine)
    data = likelihood.data.copy()
    data[likelihood.model.config.channel_slices["only"]] = seen
    expected = _lowest(workspace, data)
    assert likelihood.best(data).twice_nll == pytest.approx(expected, abs=SAME)
    for sign in (-1.0, 1.0):
        start = likelihood.initial.copy()
        start[likelihood.poi_index] = sign
        assert likelihood.minimise(start=start, data=data).twice_nll == pytest.approx(expected, abs=SAME)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_parameter_of_interest(engine: Any) -> None:
    workspace = _one_bin(_normsys(1.5, 1.4), 30.0, "")
    likelihood = make_likelihood(workspace, engine=engine)
    assert likelihood.poi is None
    best = likelihood.best()
    # 30 of 10: upwards on the side of 1.5, for less of a pull.
    assert best.parameters[likelihood.names.index("turn")] > 0
    assert best.twice_nll == pytest.approx(_lowest(workspace), abs=SAME)


@pytest.mark.parametrize(("name", "trapped"), [("two_minima_34", 88.794), ("whole_model_172", 60.802)])
def test_the_lower_of_two_minima(name: str, trapped: float) -> None:
    # Where pyhf's own fit ends is the higher one.
    text = (DATA / f"{name}.json").read_text(encoding="utf-8")
    likelihood = make_likelihood(Workspace(json.loads(text), origin=name))
    best = likelihood.best()
    assert best.twice_nll < trapped - 1
    assert likelihood.minimise().twice_nll == pytest.approx(best.twice_nll, abs=SAME)
    # A parameter of interest that is not looked at at all changes nothing: another one turns.
    other = replace(likelihood, poi=None)
    assert isinstance(likelihood.poi, CouplingScale)
    assert other.best().twice_nll == pytest.approx(best.twice_nll, abs=SAME)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("bound", [3.0, 1e3, 1e30])
def test_dips_do_not_depend_on_units_and_bounds(unit: float, bound: float) -> None:
    # Minima at −1.5, 1 and 2.2 of the unit, where the fit is at 1.
    def heights(points: Array) -> Array:
        values = points[:, 1] / unit
        wells = [(-1.5, 0.4, 5.0), (1.0, 0.3, 4.0), (2.2, 0.2, 6.0)]
        return np.asarray(
            sum(-depth * np.exp(-(((values - centre) / width) ** 2)) for centre, width, depth in wells)
            + points[:, 0] ** 2
        )

    point = np.array([0.5, 1.0 * unit])
    found = dips(heights, point, 1, 0.4 * unit, -bound * unit, bound * unit)
    values = found[:, 1] / unit
    assert (found[:, 0] == 0.5).all()
    inside = values[np.abs(values) < 2.9]  # beyond, rounding makes dips where nothing is left
    assert np.abs(inside + 1.5).min() < 0.3
    assert np.abs(inside - 2.2).min() < 0.15
    assert np.abs(inside - 1.0).min() > 0.3


def test_a_bound_may_be_a_dip_and_what_is_impossible_is_none() -> None:
    def heights(points: Array) -> Array:
        values = points[:, 0]
        return np.where(values < -2, np.inf, np.minimum((values - 1) ** 2, (values - 4) ** 2 + 0.1))

    (found,) = dips(heights, np.array([1.0]), 0, 0.5, -5.0, 3.0)
    assert found.tolist() == [3.0]
    assert len(dips(heights, np.array([1.0]), 0, 0.5, -5.0, 2.0)) == 0


def test_factors_that_multiply_each_other() -> None:
    def strength(*names: str) -> list[Modifier]:
        return [{"name": name, "type": "normfactor", "data": None} for name in names]

    samples = [
        {"name": "a", "data": [5.0], "modifiers": strength("mu", "nu")},
        {"name": "b", "data": [5.0], "modifiers": strength("xi")},
        {"name": "c", "data": [5.0], "modifiers": [*strength("rho"), _normsys(1.1, 0.9)]},
    ]
    spec = {
        "channels": [{"name": "only", "samples": samples}],
        "observations": [{"name": "only", "data": [15.0]}],
        "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    likelihood = make_likelihood(Workspace(spec, origin="products.json"))
    model = _arrays(likelihood)
    together = products_of(model, model.loose)
    assert {likelihood.names[index] for index in model.loose} == {"mu", "nu", "xi", "rho"}
    assert {likelihood.names[index] for index in together} == {"mu", "nu"}


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bound", [10.0, 1e30])
@pytest.mark.parametrize("unit", UNITS)
def test_the_lower_of_two_valleys_whatever_the_unit(unit: float, bound: float, engine: Any) -> None:
    # A norm that goes up on both sides, beside a strength: 2NLL has a minimum on either side of it.
    def workspace(unit: float, bound: float) -> Workspace:
        samples = [
            {
                "name": "signal",
                "data": [8.0 / unit, 5.0 / unit],
                "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
            },
            {"name": "background", "data": [30.0, 20.0], "modifiers": [_normsys(1.3, 1.28)]},
        ]
        block = {"name": "mu", "bounds": [[0.0, bound * unit]], "inits": [unit]}
        return Workspace(
            {
                "channels": [{"name": "only", "samples": samples}],
                "observations": [{"name": "only", "data": [45.0, 29.0]}],
                "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": [block]}}],
                "version": "1.0.0",
            },
            origin="units.json",
        )

    plain, other = (
        make_likelihood(workspace(1.0, 10.0)),
        make_likelihood(workspace(unit, bound), engine=engine),
    )
    index, turn = plain.poi_index, plain.names.index("turn")
    expected = {value: plain.minimise({"mu": value}) for value in (0.0, 0.5, 2.0)}
    assert plain.turning == other.turning == (turn,)
    best = plain.best()
    assert expected[0.0].parameters[turn] > 0.1
    found = other.best()
    assert found.twice_nll == pytest.approx(best.twice_nll, abs=SAME)
    # 1e-6 of 2NLL, in a curvature of about 2, is 1e-3 of a typical step.
    step = plain.scale[index]
    assert found.parameters[index] / unit == pytest.approx(best.parameters[index], abs=2e-3 * step)
    for value, minimum in expected.items():
        for sign in (-1.0, 1.0):
            start = other.initial.copy()
            start[turn] = sign
            there = other.minimise({"mu": value * unit}, start)
            assert there.twice_nll == pytest.approx(minimum.twice_nll, abs=SAME)
            assert there.parameters[turn] == pytest.approx(minimum.parameters[turn], abs=5e-3)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("unit", UNITS)
def test_a_possible_start_whatever_the_unit(counting: Counting, unit: float, engine: Any) -> None:
    # A strength of 1 stands for 3e12 events, or for none at all. One norm, bins with b = 5 and 7.
    workspace = counting([12, 9], [3.0 / unit, 1.0 / unit], [5.0, 7.0], bounds=[[0.0, 1e30]], inits=[1.0])
    likelihood = make_likelihood(workspace, engine=engine)
    model, free = _arrays(likelihood), np.ones(1, dtype=bool)
    arguments = (likelihood.data, free, likelihood.lower, likelihood.upper, likelihood.scale)
    start = possible_start(model, likelihood.initial, *arguments)
    assert model.twice_nll(start[None], likelihood.data[None])[0] < 100 * 2
    if unit >= 1.0:  # what is possible is left alone
        np.testing.assert_array_equal(start, likelihood.initial)
    # From there, the root of Σ s (1 − n/(b + s μ)).
    side = make_likelihood(counting([12, 9], [3.0, 1.0], [5.0, 7.0]), engine="pyhf")
    best = minimize_scalar(lambda mu: side.twice_nll(np.array([mu])), bounds=(0, 10), method="bounded")
    found = likelihood.best()
    assert found.twice_nll == pytest.approx(best.fun, abs=SAME)
    # 1e-10 of 2NLL left, of a curvature of about 1, is 1e-5; SLSQP ends some 1e-4 away.
    assert found.parameters[0] / unit == pytest.approx(best.x, abs=1e-4 if engine == "compiled" else 1e-3)


def test_a_possible_start_moves_what_is_absurd_and_nothing_else() -> None:
    def sample(name: str, data: list[float]) -> dict[str, Any]:
        return {"name": name, "data": data, "modifiers": [{"name": name, "type": "normfactor", "data": None}]}

    def likelihood(**blocks: dict[str, Any]) -> Likelihood:
        spec = {
            "channels": [{"name": "only", "samples": [sample("mu", [3e9, 0.0]), sample("nu", [0.0, 9.0])]}],
            "observations": [{"name": "only", "data": [12.0, 9.0]}],
            "measurements": [
                {
                    "name": "only",
                    "config": {
                        "poi": "mu",
                        "parameters": [{"name": name, **block} for name, block in blocks.items()],
                    },
                }
            ],
            "version": "1.0.0",
        }
        return make_likelihood(Workspace(spec, origin="absurd.json"))

    def start(found: Likelihood) -> dict[str, float]:
        free = ~np.array(found.constant)
        scale = np.ones(2)  # a poor guess, which is enough
        bounds = found.lower, found.upper
        point = possible_start(_arrays(found), found.initial, found.data, free, *bounds, scale)
        return dict(zip(found.names, point, strict=True))

    moved = start(likelihood())
    assert 3e9 * moved["mu"] == pytest.approx(12.0, rel=1.0)  # steps are doubled
    assert moved["nu"] == 1.0
    # Held by the workspace, or by its bounds.
    assert start(likelihood(mu={"fixed": True, "inits": [1.0]}))["mu"] == 1.0
    assert start(likelihood(mu={"bounds": [[0.5, 10.0]], "inits": [1.0]}))["mu"] == 0.5
    # Both are absurd.
    both = start(likelihood(nu={"bounds": [[0.0, 1e12]], "inits": [1e10]}))
    assert 3e9 * both["mu"] == pytest.approx(12.0, rel=1.0)
    assert 9 * both["nu"] == pytest.approx(9.0, rel=1.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pull_that_starts_where_less_than_nothing_is_expected(engine: Any) -> None:
    # 3 − 4 α counts are −1 at α = 1; none are seen, so that 2 λ + α² is least at λ = 0, α = 0.75.
    workspace = _one_bin(_histosys(14.0, 6.0), 12.0, "mu")
    sample = {
        "name": "falling",
        "data": [3.0],
        "modifiers": [{"name": "pull", "type": "histosys", "data": {"hi_data": [-1.0], "lo_data": [7.0]}}],
    }
    workspace.spec["channels"].append({"name": "third", "samples": [sample]})
    workspace.spec["observations"].append({"name": "third", "data": [0.0]})
    blocks = [{"name": "pull", "inits": [1.0]}]
    workspace.spec["measurements"][0]["config"]["parameters"] = blocks
    likelihood = make_likelihood(workspace, engine=engine)
    pull = likelihood.names.index("pull")
    assert likelihood.twice_nll(likelihood.initial) == np.inf
    assert likelihood.start[pull] == 0.0
    best = likelihood.best()
    assert best.parameters[pull] == pytest.approx(0.75, abs=1e-5)
    held = make_likelihood(workspace).minimise({"pull": 0.5})
    assert held.parameters[pull] == 0.5


def test_two_factors_whose_valleys_know_nothing_of_each_other() -> None:
    # A floating norm of up to 20 times 5.7 events, whose shape a pull turns below 0 at −1.52: from there on
    # it takes away what the strength adds, for a cost of 2.3 and more. Minuit from many starts on pyhf's
    # likelihood ends at 11.0294; along the valley without the norm it would be 9.391.
    shape = {"name": "shape", "type": "histosys", "data": {"hi_data": [9.49], "lo_data": [1.962]}}
    samples = [
        {
            "name": "signal",
            "data": [1.852],
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        },
        {
            "name": "other",
            "data": [5.726],
            "modifiers": [{"name": "norm", "type": "normfactor", "data": None}, shape],
        },
    ]
    blocks = [{"name": "mu", "bounds": [[0.0, 100.0]]}, {"name": "norm", "bounds": [[0.0, 20.0]]}]
    workspace = Workspace(
        {
            "channels": [{"name": "a", "samples": samples}],
            "observations": [{"name": "a", "data": [11.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": blocks}}],
            "version": "1.0.0",
        }
    )
    assert limit(workspace).upper == pytest.approx(11.0294, rel=1e-4)


@pytest.mark.thorough
def test_a_region_far_beyond_the_first_one() -> None:
    # At a pull of −1.75 the signal's own template vanishes: the strength may be anything up to 75.85, for a
    # Δχ² of 2.5, while between 4.55 and 15 it is above 2.71. Minuit from many starts: −4.3875 to 75.846.
    shape = "shape"
    samples = [
        {
            "name": "signal",
            "data": [0.3109, 0.3322, 0.09648],
            "modifiers": [
                {"name": "kappa", "type": "normfactor", "data": None},
                {
                    "name": shape,
                    "type": "histosys",
                    "data": {"hi_data": [0.2389, 0.3181, 0.06097], "lo_data": [0.1312, 0.1661, 0.02608]},
                },
                {"name": "signal_norm", "type": "normsys", "data": {"hi": 1.227, "lo": 0.9823}},
            ],
        },
        {
            "name": "background",
            "data": [0.6039, 0.1221, 0.206],
            "modifiers": [
                {
                    "name": shape,
                    "type": "histosys",
                    "data": {"hi_data": [0.6893, 0.1234, 0.1676], "lo_data": [0.4291, 0.1292, 0.1761]},
                },
                {"name": "background_norm", "type": "normsys", "data": {"hi": 0.9818, "lo": 1.068}},
            ],
        },
        {
            "name": "other",
            "data": [0.0, 0.9419, 1.156],
            "modifiers": [
                {"name": "norm", "type": "normfactor", "data": None},
                {
                    "name": shape,
                    "type": "histosys",
                    "data": {"hi_data": [0.0, 0.8633, 0.725], "lo_data": [0.0, 0.641, 1.384]},
                },
            ],
        },
    ]
    blocks = [{"name": "kappa", "bounds": [[-100.0, 100.0]]}, {"name": "norm", "bounds": [[0.0, 20.0]]}]
    workspace = Workspace(
        {
            "channels": [{"name": "a", "samples": samples}],
            "observations": [{"name": "a", "data": [0.0, 3.0, 2.0]}],
            "measurements": [{"name": "m", "config": {"poi": "kappa", "parameters": blocks}}],
            "version": "1.0.0",
        }
    )
    found = limit(workspace)
    assert found.lower == pytest.approx(-4.3875, rel=1e-3)
    assert found.upper == pytest.approx(75.846, rel=1e-3)
    assert any("separate regions" in note for note in found.notes)
