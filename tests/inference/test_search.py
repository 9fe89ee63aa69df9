"""Where further fits start, on models whose minima are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.model import make_likelihood
from nuhist.inference.search import other_starts
from nuhist.physics.coupling import CouplingScale

Array = NDArray[np.float64]
Counting = Callable[..., Workspace]

DATA = Path(__file__).parent / "data"


def _one_bin(modifier: dict[str, Any], observed: float, poi: str, **settings: Any) -> Workspace:
    """10 counts that a modifier changes; without one that is named mu, there is a second bin for it."""
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


def _normsys(high: float, low: float) -> dict[str, Any]:
    return {"name": "turn", "type": "normsys", "data": {"hi": high, "lo": low}}


def _histosys(high: float, low: float) -> dict[str, Any]:
    return {"name": "turn", "type": "histosys", "data": {"hi_data": [high], "lo_data": [low]}}


def _starts(likelihood: Likelihood) -> tuple[Minimum, Array]:
    first = likelihood.minimise()
    return first, other_starts(likelihood, first, None)


@pytest.mark.parametrize("engine", ["compiled", "pyhf"])
def test_one_valley_needs_one_fit(counting: Counting, engine: Any) -> None:
    # A strength that cannot be negative, and a norm that goes one way: nothing else is fitted.
    likelihood = make_likelihood(counting([12, 9], [3.0, 1.0], [5.0, 7.0], sigma=0.1), engine=engine)
    _, points = _starts(likelihood)
    assert points.shape == (0, len(likelihood.names))


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
def test_a_parameter_that_turns_is_started_on_either_side(modifier: dict[str, Any], sides: bool) -> None:
    likelihood = make_likelihood(_one_bin(modifier, 13.0, "mu"))
    assert likelihood.compiled is not None
    index = likelihood.names.index("turn")
    assert likelihood.compiled.turning == ((index,) if sides else ())
    _, points = _starts(likelihood)
    # A typical step: a 24th of the bounds' ± 5.
    assert points[:, index] == pytest.approx([-10 / 24, 10 / 24] if sides else [])
    # All else where the workspace starts.
    others = [number for number in range(len(likelihood.names)) if number != index]
    assert (points[:, others] == likelihood.initial[others]).all()


def test_a_parameter_that_is_held_is_not_started() -> None:
    workspace = _one_bin(_normsys(1.2, 1.1), 13.0, "mu")
    workspace.spec["measurements"][0]["config"]["parameters"].append({"name": "turn", "fixed": True})
    _, points = _starts(make_likelihood(workspace))
    assert len(points) == 0


def test_starts_stay_within_the_bounds() -> None:
    workspace = _one_bin(_normsys(1.2, 1.1), 13.0, "mu")
    block = {"name": "turn", "bounds": [[-0.3, 0.6]]}
    workspace.spec["measurements"][0]["config"]["parameters"].append(block)
    likelihood = make_likelihood(workspace)
    index = likelihood.names.index("turn")
    # A 24th of the range is the typical step: 0.0375 to either side of 0.
    assert _starts(likelihood)[1][:, index] == pytest.approx([-0.0375, 0.0375])
    wide = replace(likelihood, scale=np.ones_like(likelihood.scale))
    assert _starts(wide)[1][:, index] == pytest.approx([-0.3, 0.6])


@pytest.mark.parametrize("engine", ["compiled", "pyhf"])
def test_a_signed_parameter_is_started_at_both_signs(engine: Any) -> None:
    # 10 + 4 φ(q)/16·... counts, 18 seen: a minimum of either sign. From −4 to 5, in steps of 9/80.
    workspace = _one_bin(_histosys(14.0, 13.6), 18.0, "turn", bounds=[[-4.0, 5.0]], inits=[0.5])
    likelihood = make_likelihood(workspace, engine=engine)
    first, points = _starts(likelihood)
    index = likelihood.poi_index
    values = points[:, index]
    assert {-2.0, -0.4, 0.5, 2.5} <= set(np.round(values, 12))  # a half and a tenth of either bound
    step = 9 / 80
    grid = np.linspace(-4, 5, 81)
    heights = [likelihood.twice_nll(np.where(np.arange(first.parameters.size) == index, q, first.parameters))
               for q in grid]  # fmt: skip
    dips = [float(grid[i]) for i in range(1, 80) if heights[i] < min(heights[i - 1], heights[i + 1])]
    assert len(dips) == 2
    (far,) = [dip for dip in dips if abs(dip - first.parameters[index]) > step]
    assert np.abs(values - far).min() < 1e-12
    # The lower of the two, whichever the first fit has found.
    best = likelihood.best()
    for sign in (-1, 1):
        start = likelihood.initial.copy()
        start[index] = sign * 1.2
        assert best.twice_nll <= likelihood.minimise(start=start).twice_nll + 1e-8
        assert replace(likelihood, initial=start).best().twice_nll == pytest.approx(best.twice_nll, abs=1e-6)


def test_impossible_starts_are_left_out() -> None:
    # Below −2.5 of a straight line nothing is expected where 18 are seen: half the lower bound is there.
    workspace = _one_bin(_histosys(14.0, 6.0), 18.0, "turn", bounds=[[-8.0, 4.0]], inits=[0.1])
    likelihood = make_likelihood(workspace)
    _, points = _starts(likelihood)
    values = set(np.round(points[:, likelihood.poi_index], 12))
    assert -4.0 not in values
    assert {-0.8, 0.4, 2.0} <= values
    assert all(np.isfinite(likelihood.twice_nll(point)) for point in points)


def test_other_data_have_other_starts() -> None:
    workspace = _one_bin(_histosys(14.0, 13.6), 18.0, "turn", bounds=[[-4.0, 5.0]], inits=[0.5])
    likelihood = make_likelihood(workspace)
    data = likelihood.data.copy()
    data[0] = 10.0  # a single valley, at 0
    first = likelihood.minimise(data=data)
    here = other_starts(likelihood, first, data)[:, likelihood.poi_index]
    # Of both signs, and a typical step of 9/24 to either side of the start.
    assert set(np.round(here, 12)) == {-2.0, -0.4, 0.5, 2.5, 0.125, 0.875}
    assert len(_starts(likelihood)[1]) > len(here)


def test_without_a_parameter_of_interest() -> None:
    workspace = _one_bin(_normsys(1.2, 1.1), 13.0, "")
    likelihood = make_likelihood(workspace)
    assert likelihood.poi is None
    _, points = _starts(likelihood)
    assert len(points) == 2
    best = likelihood.best()
    # 13 of 10: upwards on the side of 1.2, for less of a pull.
    assert best.parameters[likelihood.names.index("turn")] > 0


@pytest.mark.parametrize(("name", "trapped"), [("two_minima_34", 88.794), ("whole_model_172", 60.802)])
def test_the_lower_of_two_minima(name: str, trapped: float) -> None:
    # The first fit ends in the higher one, as pyhf's does.
    text = (DATA / f"{name}.json").read_text(encoding="utf-8")
    likelihood = make_likelihood(Workspace(json.loads(text), origin=name))
    first, points = _starts(likelihood)
    assert first.twice_nll == pytest.approx(trapped, abs=1e-3)
    assert len(points)
    assert likelihood.best().twice_nll < trapped - 1
    # A parameter of interest that is not looked at at all changes nothing: another one turns.
    other = replace(likelihood, poi=None)
    assert isinstance(likelihood.poi, CouplingScale)
    assert other.best().twice_nll == pytest.approx(likelihood.best().twice_nll, abs=1e-6)
