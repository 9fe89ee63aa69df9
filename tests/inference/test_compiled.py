"""The compiled likelihood of any HistFactory model is pyhf's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.histfactory.validation import validate
from nuhist.inference.compilation import compile_model
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian, slope_and_curvature
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.prepare import ENGINES, make_likelihood

Array = NDArray[np.float64]

# The project's own promise: 1e-8 of 2NLL, which is a sum of up to some hundred terms.
AGREEMENT = 1e-8
POINTS = 4
STEP = 1e-5  # of each parameter, all of which are of the order of 1


@st.composite
def workspaces(draw: st.DrawFn) -> Workspace:
    """HistFactory models: the structure is drawn (and shrinks), the numbers come from a seed.

    For a long campaign: ``settings(max_examples=100_000, deadline=None)(given(workspaces())(check))()``.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.lists(st.integers(1, 10), min_size=1, max_size=3))
    names = [f"sample_{index}" for index in range(draw(st.integers(1, 4)))]
    one_statistic = draw(st.booleans())  # one staterror for all channels, which pyhf appends
    with_statistic = draw(st.sets(st.sampled_from(names)))
    channels, observations = [], []
    for number, bins in enumerate(sizes):
        statistic = "stat" if one_statistic else f"stat_{number}"
        # Samples may lack in a channel, though not those with a staterror: pyhf asks for equal masks.
        present = [name for name in names if number == 0 or name in with_statistic or draw(st.booleans())]
        samples = []
        for name in present or names[:1]:
            nominal = rng.uniform(0.0, 30.0, bins) * (rng.random(bins) > 0.2)
            modifiers = _modifiers(draw, rng, nominal, f"{number}_{name}")
            if name in with_statistic:
                error = 0.2 * nominal * rng.random(bins) * (rng.random(bins) > 0.1)
                modifiers.append({"name": statistic, "type": "staterror", "data": error.tolist()})
            if number == 0 and name == names[0]:
                modifiers = [entry for entry in modifiers if entry["name"] != "mu"]
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            samples.append({"name": name, "data": nominal.tolist(), "modifiers": modifiers})
        total = np.sum([sample["data"] for sample in samples], axis=0)
        channels.append({"name": f"channel_{number}", "samples": samples})
        observations.append({"name": f"channel_{number}", "data": rng.poisson(total).astype(float).tolist()})
    spec = {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": _overrides(draw, channels)}}],
        "version": "1.0.0",
    }
    validate(spec, "random")
    return Workspace(spec, origin="random")


def _modifiers(draw: st.DrawFn, rng: np.random.Generator, nominal: Array, own: str) -> list[dict[str, Any]]:
    """Modifiers of one sample but for its staterror; those without ``own`` in their name are shared."""
    bins = nominal.size
    chosen: list[dict[str, Any]] = []
    chosen += [
        {"name": name, "type": "normfactor", "data": None} for name in ("mu", "norm") if draw(st.booleans())
    ]
    for name in ("shift", "both"):
        if draw(st.booleans()):
            sides = dict(zip(("hi", "lo"), rng.uniform(0.6, 1.5, 2).tolist(), strict=True))
            chosen.append({"name": name, "type": "normsys", "data": sides})
    for name in ("both", "bend"):  # "both": one parameter of a normsys and of a histosys
        if draw(st.booleans()):
            # Two of them, at |α| = 3, leave a tenth of the nominal counts.
            shapes = nominal * rng.uniform(0.85, 1.15, (2, bins))
            data = {"hi_data": shapes[0].tolist(), "lo_data": shapes[1].tolist()}
            chosen.append({"name": name, "type": "histosys", "data": data})
    if draw(st.booleans()):
        chosen.append({"name": "lumi", "type": "lumi", "data": None})
    if draw(st.booleans()):
        # Not below 1 %: a datum of 1/(relative error)² makes 2NLL the difference of huge numbers.
        error = nominal * rng.uniform(0.01, 0.3, bins) * (rng.random(bins) > 0.1)
        chosen.append({"name": f"shape_{own}", "type": "shapesys", "data": error.tolist()})
    if draw(st.booleans()):  # shared by all channels with as many bins
        chosen.append({"name": f"factor_{bins}", "type": "shapefactor", "data": None})
    return chosen


def _overrides(draw: st.DrawFn, channels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameter blocks of the measurement; lumi needs one."""
    present = {m["name"] for c in channels for s in c["samples"] for m in s["modifiers"]}
    settings: dict[str, dict[str, Any]] = {
        "lumi": {"auxdata": [1.1], "sigmas": [0.05], "bounds": [[0.5, 1.5]], "inits": [1.1]},
        "mu": {"bounds": [[-0.5, 7.0]], "inits": [0.5]},
        "norm": {"fixed": True, "inits": [1.3]},
        "shift": {"bounds": [[-2.0, 3.0]], "inits": [0.2]},
        "bend": {"fixed": True},
    }
    return [
        {"name": name, **settings[name]}
        for name in sorted(present & set(settings))
        if name == "lumi" or draw(st.booleans())
    ]


def check(workspace: Workspace) -> None:
    """Compare the compiled likelihood with pyhf's at random points, with random auxiliary data."""
    likelihood = make_likelihood(workspace)
    model = _compiled(likelihood)
    theta, data = _anywhere(likelihood, POINTS)
    compiled = model.twice_nll(theta, data) + model.constant(data)
    for point, sample, value in zip(theta, data, compiled, strict=True):
        expected = likelihood.twice_nll(point, sample)
        assert np.isfinite(expected)
        assert abs(value - expected) <= AGREEMENT * max(1.0, abs(expected))
    # What is left out is each term at its own maximum.
    constant = float(model.constant(likelihood.data[None])[0])
    assert constant == pytest.approx(likelihood.saturated_twice_nll(), rel=AGREEMENT, abs=AGREEMENT)


def _compiled(likelihood: Likelihood) -> CompiledModel:
    assert likelihood.compiled is not None
    return likelihood.compiled


def _anywhere(likelihood: Likelihood, points: int) -> tuple[Array, Array]:
    """Points up to three widths away from the start, and data thrown at random around it."""
    rng = np.random.default_rng(len(likelihood.names))
    config = likelihood.model.config
    spread = rng.uniform(-3, 3, (points, len(likelihood.names)))
    # Factors are multiplied by 0.3 to 2; what is centred at 0 goes to ±3.
    factor = rng.uniform(0.3, 2.0, spread.shape)
    theta = np.where(likelihood.lower < -1, spread, likelihood.initial * factor)
    data = np.tile(likelihood.data, (points, 1))
    main = data[:, : config.nmaindata]
    data[:, : config.nmaindata] = np.where(main > 0, rng.poisson(main), 0.0)
    auxiliary = data[:, config.nmaindata :]
    data[:, config.nmaindata :] = np.where(
        auxiliary > 0, np.round(2 * auxiliary) / 2 + 1, rng.normal(0, 1, auxiliary.shape)
    )
    return theta, data


anything = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


@anything
@given(workspaces())
def test_twice_nll_is_that_of_pyhf(workspace: Workspace) -> None:
    check(workspace)


@pytest.mark.thorough
@anything
@given(workspaces())
def test_expected_counts_and_derivatives(workspace: Workspace) -> None:
    likelihood = make_likelihood(workspace)
    model = _compiled(likelihood)
    theta, data = _anywhere(likelihood, 2)
    theta += 1e-3  # the pieces of the interpolations meet at whole numbers
    counts, jacobian = full_jacobian(model, theta)
    pyhf_counts = np.stack([likelihood.expected(point) for point in theta])
    np.testing.assert_allclose(counts, pyhf_counts, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(model.expected(theta), pyhf_counts, rtol=1e-12, atol=1e-12)
    slope, curvature = slope_and_curvature(model, theta, data)
    # Central differences: third derivatives times STEP²/6, and rounding / STEP, of counts and of a
    # 2NLL of some hundred, whose terms n/λ³ are steep where a bin expects little.
    size = 1.0 + np.abs(pyhf_counts).max()
    for index in range(theta.shape[1]):
        up, down = theta.copy(), theta.copy()
        up[:, index] += STEP
        down[:, index] -= STEP
        change = (model.expected(up) - model.expected(down)) / (2 * STEP)
        np.testing.assert_allclose(jacobian[:, index], change, rtol=1e-7, atol=1e-8 * size)
        fall = (model.twice_nll(up, data) - model.twice_nll(down, data)) / (2 * STEP)
        np.testing.assert_allclose(slope[:, index], fall, rtol=1e-4, atol=1e-4 * size)
        slopes = [slope_and_curvature(model, moved, data)[0] for moved in (up, down)]
        bend = (slopes[0] - slopes[1]) / (2 * STEP)
        # A constraint of a width of 1e-5 has slopes of 1e9: their rounding is what a difference has, too.
        rounding = 1e-15 * np.abs(slope) / STEP
        error = np.abs(curvature[:, index] - bend) / (1.0 + np.abs(bend) + 0.1 * np.abs(bend).max())
        assert (error < 1e-5 + rounding).all()


def _two_channels(**modifier: Any) -> Workspace:
    """Two channels of two bins, one sample each, which share one modifier."""
    channels = []
    for name, counts in (("left", [10.0, 20.0]), ("right", [30.0, 5.0])):
        norm = {"name": "mu", "type": "normfactor", "data": None}
        channels.append(
            {"name": name, "samples": [{"name": "only", "data": counts, "modifiers": [norm, modifier]}]}
        )
    return Workspace(
        {
            "channels": channels,
            "observations": [{"name": "left", "data": [9.0, 21.0]}, {"name": "right", "data": [30.0, 5.0]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="two.json",
    )


@pytest.mark.parametrize(
    ("modifier", "parameters"),
    [
        ({"name": "stat", "type": "staterror", "data": [1.0, 1.5]}, 4),  # appended
        ({"name": "shape", "type": "shapefactor", "data": None}, 2),  # one set for both
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else str(value),
)
def test_one_name_in_two_channels(modifier: dict[str, Any], parameters: int) -> None:
    workspace = _two_channels(**modifier)
    likelihood = make_likelihood(workspace)
    assert len(likelihood.names) == 1 + parameters
    check(workspace)


def test_no_density_where_counts_cannot_be(counting: Callable[..., Workspace]) -> None:
    # Nothing expected and nothing seen has probability 1; nothing expected and one seen, 0. A negative
    # expectation has none even where nothing is seen: there pyhf's formula goes on and gives −λ.
    workspace = counting([3, 0], [1.0, 1.0], [2.0, 0.0], bounds=[[-1.0, 5.0]])
    model = _compiled(make_likelihood(workspace))
    theta = np.array([[0.0], [0.0], [-0.5]])
    data = np.array([[3.0, 0.0], [3.0, 1.0], [3.0, 0.0]])
    # −2 ln of the Poisson probability of 3 where 2 are expected, over that where 3 are.
    assert model.twice_nll(theta, data) == pytest.approx([2 * (2 - 3 - 3 * np.log(2 / 3)), np.inf, np.inf])
    for engine in ENGINES:
        other = make_likelihood(workspace, engine=engine)
        heights = [other.twice_nll(*pair) for pair in zip(theta, data, strict=True)]
        assert np.isfinite(heights[0])
        assert heights[1:] == [np.inf, np.inf]
        # 2 (2 + μ − 3 ln(2 + μ)) + 2 μ is least at −1/2, beyond the edge of the empty bin.
        assert other.best().parameters[0] == pytest.approx(0.0, abs=2e-6)
        assert other.minimise({"mu": 0.0}).twice_nll == pytest.approx(heights[0], abs=1e-9)


def test_a_modifier_that_is_not_known(counting: Callable[..., Workspace]) -> None:
    workspace = counting([3], [1.0], [2.0])
    model = make_likelihood(workspace).model
    spoilt = {
        "channels": [
            {
                "name": "counting",
                "samples": [
                    {
                        "name": "signal",
                        "data": [1.0],
                        "modifiers": [{"name": "mu", "type": "curve", "data": 1}],
                    }
                ],
            }
        ]
    }
    with pytest.raises(NotImplementedError, match="modifier type 'curve'"):
        compile_model(spoilt, model)
