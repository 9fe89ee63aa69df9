"""Fits that end where a bin expects nothing, against minima known by hand and against SciPy."""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.newton import fit_batch
from nuhist.inference.possible import constrained_step
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.toys import toy_model
from tests.equivalence.checks import reference
from tests.equivalence.fits import fit_at_edge
from tests.strategies import random_workspace

Array = NDArray[np.float64]
NO_WALLS = np.zeros((0, 2)), np.zeros(0)


def _workspace(nominal: list[float], high: list[float], low: list[float], seen: list[float]) -> Workspace:
    """A sample with a histosys, and one of 5 counts in every bin for mu in a channel of its own."""
    shape = {"name": "pull", "type": "histosys", "data": {"hi_data": high, "lo_data": low}}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    document: dict[str, Any] = {
        "channels": [
            {"name": "a", "samples": [{"name": "beta", "data": nominal, "modifiers": [shape]}]},
            {"name": "b", "samples": [{"name": "nu", "data": [5.0], "modifiers": [mu]}]},
        ],
        "observations": [{"name": "a", "data": seen}, {"name": "b", "data": [5.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    return Workspace(document, origin="edge.json")


def _settings(likelihood: Likelihood) -> tuple[Array, Array, NDArray[np.bool_], Array]:
    return likelihood.lower, likelihood.upper, np.array(likelihood.constant), likelihood.scale


def test_a_minimum_on_the_edge_by_hand() -> None:
    # Nothing is seen where 1 − α is expected. α² + 2 (1 − α) would be least at α = 1, just on the edge.
    # With a second bin like it, 2 − 2 α: α² + 2 (3 − 3 α) pulls to 3, and λ ≥ 0 stops at 1.
    workspace = _workspace([1.0, 2.0], [0.0, 0.0], [2.0, 4.0], [0.0, 0.0])
    likelihood = make_likelihood(workspace)
    best = likelihood.best()
    pull, mu = (best.parameters[likelihood.names.index(name)] for name in ("pull", "mu"))
    assert (pull, mu) == (pytest.approx(1.0, abs=1e-9), pytest.approx(1.0, abs=1e-6))
    # α²; ln 2π of the pull; 5 of 5 seen, by Poisson; nothing from the empty bins.
    five = -2 * (5 * log(5) - 5 - log(120))
    assert best.twice_nll == pytest.approx(1 + log(2 * pi) + five, abs=1e-9)
    assert (likelihood.expected(best.parameters) >= -1e-10).all()


def test_along_the_edge() -> None:
    # Two samples share the empty bin: 2 − α − β is to stay above 0, and α² + β² + 2 (2 − α − β)·3 draws
    # both beyond. By symmetry the minimum on the edge is α = β = 1.
    def shape(name: str) -> dict[str, Any]:
        data = {"hi_data": [0.0] * 3, "lo_data": [2.0] * 3}
        return {"name": name, "type": "histosys", "data": data}

    workspace = _workspace([1.0] * 3, [0.0] * 3, [2.0] * 3, [0.0] * 3)
    sample = {"name": "gamma", "data": [1.0] * 3, "modifiers": [shape("other")]}
    workspace.spec["channels"][0]["samples"].append(sample)
    likelihood = make_likelihood(workspace)
    best = likelihood.best()
    pulls = [best.parameters[likelihood.names.index(name)] for name in ("pull", "other")]
    assert pulls == pytest.approx([1.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("low", [0.0, -0.5])
def test_a_saddle_on_the_edge(low: float) -> None:
    # On the edge by hand, as above, and in the other channel 5 + 2 μ ν with 9 seen: at μ = ν = 0 2NLL is
    # level in both, and only their product leads down, to μ ν = 2.
    workspace = _workspace([1.0, 2.0], [0.0, 0.0], [2.0, 4.0], [0.0, 0.0])
    strengths = [{"name": name, "type": "normfactor", "data": None} for name in ("mu", "nu")]
    workspace.spec["channels"][1]["samples"] = [
        {"name": "signal", "data": [2.0], "modifiers": strengths},
        {"name": "background", "data": [5.0], "modifiers": []},
    ]
    workspace.spec["observations"][1]["data"] = [9.0]
    workspace.spec["measurements"][0]["config"]["parameters"] = [
        {"name": name, "inits": [0.0], "bounds": [[low, 10.0]]} for name in ("mu", "nu")
    ]
    likelihood = make_likelihood(workspace)
    model = likelihood.compiled
    assert model is not None
    saddle, data = likelihood.initial[None].copy(), likelihood.data[None]
    saddle[0, likelihood.names.index("pull")] = 1.0
    for start in (likelihood.initial[None], saddle):
        found = fit_with_edges(model, data, start, *_settings(likelihood))
        assert found.converged.all()
        # α² = 1 is all that is left of 2NLL; at μ = ν = 0 it is 2 (5 − 9 − 9 ln(5/9)) = 2.58 higher.
        assert found.twice_nll[0] == pytest.approx(1.0, abs=1e-8)
    assert model.twice_nll(saddle, data)[0] == pytest.approx(1 + 2 * (5 - 9 - 9 * log(5 / 9)))


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [11, 40])
def test_random_models_against_scipy(seed: int) -> None:
    # Models of the campaign whose fits once ended in front of the edge.
    workspace = random_workspace([7, seed])
    pyhf_side = reference(workspace)
    best = make_likelihood(workspace).best()
    assert (pyhf_side.expected(best.parameters) >= -1e-10).all()
    start = best.parameters
    found = [fit_at_edge(pyhf_side, point) for point in (pyhf_side.initial, start)]
    heights = [pyhf_side.twice_nll(point) for point in found if point is not None]
    # SciPy stops at 1e-12 of 2NLL, but steps over its constraints by about 1e-9 counts in each bin.
    assert heights
    assert best.twice_nll <= min(heights) + 1e-6


@pytest.mark.parametrize(
    ("seed", "number", "lowest"),
    [
        (7, 83, 1012.394403250),  # far along a pull for which counts turn
        (1, 358, 314.733002844),  # only seen from a minimum that is not the first
        (1, 244, 180.922639276),  # a long valley, in which Newton and SciPy both stop early
    ],
)
def test_as_low_as_pyhf_has_come(seed: int, number: int, lowest: float) -> None:
    # The lower of pyhf's fits with SciPy and Minuit, in the campaign; once nuhist ended above it.
    workspace = random_workspace([seed, number])
    best = make_likelihood(workspace).best()
    assert reference(workspace).twice_nll(best.parameters) <= lowest + 1e-6


def test_what_converges_is_left_alone() -> None:
    likelihood = make_likelihood(_workspace([5.0, 6.0], [6.0, 7.0], [4.0, 5.0], [4.0, 8.0]))
    assert likelihood.compiled is not None
    start = np.tile(likelihood.initial, (3, 1))
    data = np.tile(likelihood.data, (3, 1))
    arguments = (likelihood.compiled, data, start, *_settings(likelihood))
    one, other = fit_batch(*arguments), fit_with_edges(*arguments)
    assert one.converged.all()
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert one.iterations == other.iterations


def test_only_the_lowest_go_on() -> None:
    likelihood = make_likelihood(_workspace([1.0, 2.0], [0.0, 0.0], [2.0, 4.0], [0.0, 0.0]))
    assert likelihood.compiled is not None
    start = np.tile(likelihood.initial, (4, 1))
    start[:, likelihood.names.index("pull")] = [0.0, -1.0, 0.5, -2.0]
    data = np.tile(likelihood.data, (4, 1))
    arguments = (likelihood.compiled, data, start, *_settings(likelihood))
    assert not fit_batch(*arguments).converged.any()
    assert fit_with_edges(*arguments).converged.all()
    assert fit_with_edges(*arguments, lowest=2).converged.sum() == 2


def test_steps_by_hand() -> None:
    slope, curvature = np.array([-2.0, -4.0]), np.diag([2.0, 2.0])
    low, high = np.full(2, -10.0), np.full(2, 10.0)
    found = constrained_step(slope, curvature, low, high, *NO_WALLS)
    assert found is not None
    assert found[0] == pytest.approx([1.0, 2.0])
    # Bounds: the second parameter stops at 1.5.
    found = constrained_step(slope, curvature, low, np.array([10.0, 1.5]), *NO_WALLS)
    assert found is not None
    assert found[0] == pytest.approx([1.0, 1.5])
    # s1 + s2 ≤ 2: (1, 2) less (1, 1)/2; the multiplier is the slope that is left, 2 · 1/2.
    walls = np.array([[-1.0, -1.0]])
    found = constrained_step(slope, curvature, low, high, walls, np.array([-2.0]))
    assert found is not None
    assert found[0] == pytest.approx([0.5, 1.5])
    assert found[1] == pytest.approx([1.0])


def test_steps_that_cannot_be() -> None:
    one = np.ones(1)
    # s ≥ 1 and s ≤ −1 at once.
    walls = np.array([[1.0], [-1.0]])
    assert constrained_step(one, np.eye(1), -10 * one, 10 * one, walls, np.ones(2)) is None
    assert constrained_step(one, -np.eye(1), -one, one, np.zeros((0, 1)), np.zeros(0)) is None


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_steps_obey_kuhn_and_tucker(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, sides = int(rng.integers(1, 8)), int(rng.integers(0, 12))
    root = rng.normal(size=(size, size))
    curvature, slope = root @ root.T + 0.1 * np.eye(size), 10 * rng.normal(size=size)
    low, high = -rng.uniform(0, 3, size), rng.uniform(0, 3, size)
    walls, least = rng.normal(size=(sides, size)), -rng.uniform(0, 1, sides)
    found = constrained_step(slope, curvature, low, high, walls, least)
    assert found is not None  # a step of 0 is allowed
    step, multipliers = found
    # Rounding of sums of some ten terms of about 100.
    small = 1e-8
    assert ((step >= low) & (step <= high)).all()
    assert (walls @ step >= least - small).all()
    assert (multipliers >= 0).all()
    assert np.abs(multipliers * (walls @ step - least)).max(initial=0.0) < 1e-6
    rest = slope + curvature @ step - walls.T @ multipliers
    inside = (step > low + small) & (step < high - small)
    assert np.abs(rest[inside]).max(initial=0.0) < 1e-6
    assert (rest[step <= low + small] >= -1e-6).all()
    assert (rest[step >= high - small] <= 1e-6).all()


def test_an_empty_bin_alone_ends_at_its_edge_from_anywhere() -> None:
    # One bin, nothing seen, a strength that may be negative: λ = 0, whatever the start.
    sample = {
        "name": "signal",
        "data": [0.6926932],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    background = {"name": "background", "data": [4.52611593], "modifiers": []}
    block = {"name": "mu", "bounds": [[-100.0, 100.0]]}
    workspace = Workspace(
        {
            "channels": [{"name": "a", "samples": [sample, background]}],
            "observations": [{"name": "a", "data": [0.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [block]}}],
            "version": "1.0.0",
        }
    )
    toys = toy_model(make_likelihood(workspace))
    starts = np.linspace(-6.5, 8.0, 200)[:, None]
    parameters, heights = toys.free(np.zeros((200, 1)), starts)
    assert np.isfinite(heights).all()
    assert parameters[:, 0] == pytest.approx(np.full(200, -4.52611593 / 0.6926932), abs=1e-8)
