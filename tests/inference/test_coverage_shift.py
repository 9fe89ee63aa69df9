"""Coverage where a nuisance parameter is not what the fit says, against toys whose fits are closed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.errors import ConfigError
from nuhist.files import to_json
from nuhist.inference.checkpoints import Result
from nuhist.inference.coverage import coverage
from nuhist.inference.execution import Execution
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.study_results import Coverage
from nuhist.inference.toys import Task, ToyModel, statistic
from nuhist.schemas import load

Array = NDArray[np.float64]
Counting = Callable[..., Workspace]

TOYS = 6_000
THROWN = 200_000  # by this file: its own errors do not matter
LEVEL = 2.7055
SIGNAL, BACKGROUND, WIDTH, OBSERVED = 3.0, 1.0, 0.3, 2.0  # so few that the coverage depends on alpha


@pytest.fixture(scope="module")
def one_background() -> Workspace:
    """s mu + b (1 + 0.3 alpha) counts, alpha known to ± 1: a straight line, so that fits are closed."""
    counts = {"hi_data": [BACKGROUND * (1 + WIDTH)], "lo_data": [BACKGROUND * (1 - WIDTH)]}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    alpha = {"name": "alpha", "type": "histosys", "data": counts}
    free = {"name": "free", "type": "normfactor", "data": None}
    bounds = {"name": "mu", "bounds": [[0, 40]]}
    fixed = {"name": "free", "fixed": True, "inits": [1.0]}
    return Workspace(
        {
            "channels": [
                {
                    "name": "only",
                    "samples": [
                        {"name": "signal", "data": [SIGNAL], "modifiers": [mu]},
                        {"name": "background", "data": [BACKGROUND], "modifiers": [alpha, free]},
                    ],
                }
            ],
            "observations": [{"name": "only", "data": [OBSERVED]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": [bounds, fixed]}}],
            "version": "1.0.0",
        },
        origin="one.json",
    )  # fmt: skip


def _height(mu: float, count: Array, datum: Array) -> tuple[Array, Array]:
    """2NLL profiled over alpha, and alpha: the derivative of 2 (λ − n ln λ) + (α − a)² is quadratic in α."""
    known, slope = SIGNAL * mu + BACKGROUND, BACKGROUND * WIDTH
    # slope (1 − n/λ) + α − a = 0 with λ = known + slope α; times λ:
    middle = known + slope**2 - slope * datum
    rest = slope * (known - count) - known * datum
    alpha = (-middle + np.sqrt(middle**2 - 4 * slope * rest)) / (2 * slope)
    rate = known + slope * alpha
    return 2 * (rate - _times_log(count, rate)) + (alpha - datum) ** 2, alpha


def _times_log(count: Array, rate: Array) -> Array:
    """n ln λ, 0 without counts."""
    return np.asarray(count * np.log(np.where(count > 0, rate, 1.0)))


def _statistic(mu: float, count: Array, datum: Array) -> Array:
    """Δχ² at mu: the free fit is exact where it lies above mu = 0, and that at 0 elsewhere."""
    held, _ = _height(mu, count, datum)
    at_zero, _ = _height(0.0, count, datum)
    exact = 2 * (count - _times_log(count, count))
    inside = count > BACKGROUND * (1 + WIDTH * datum)
    return np.asarray(held - np.where(inside, exact, at_zero))


def _thrown(mu: float, alpha: float, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    count = rng.poisson(SIGNAL * mu + BACKGROUND * (1 + WIDTH * alpha), THROWN).astype(float)
    return _statistic(mu, count, rng.normal(alpha, 1.0, THROWN))


def _shares(mu: float, shift: float, level: float = 0.90) -> dict[str, float]:
    """Coverage where the true alpha is off the one that the data prefer at mu."""
    profiled = float(_height(mu, np.array(OBSERVED), np.array(0.0))[1])
    test = _thrown(mu, profiled + shift, 1)
    # All toys without a count have the same statistic, 2 s mu, but for rounding.
    quantile = np.quantile(_thrown(mu, profiled, 2), level) + 1e-9
    return {"profile": float(np.mean(test <= LEVEL)), "feldman-cousins": float(np.mean(test <= quantile))}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("mu", "shift"),
    [
        (0.5, -1.0),
        (1.5, 1.0),
        *(
            pytest.param(*each, marks=pytest.mark.thorough)
            for each in [(0.5, 0.0), (0.5, 1.0), (1.5, -1.0), (1.5, 0.0)]
        ),
    ],
)
def test_coverage_is_that_of_closed_fits(one_background: Workspace, mu: float, shift: float) -> None:
    found = coverage(one_background, [mu], shift={"alpha": shift}, execution=Execution(toys=TOYS, seed=4))
    (point,) = found.points
    for method, share in _shares(mu, shift).items():
        error = np.sqrt(share * (1 - share) / TOYS)
        if method == "feldman-cousins":  # whose critical value other toys know to one standard error
            levels = 0.90 + np.sqrt(0.09 / TOYS) * np.array([-1, 1])
            error = np.hypot(error, max(abs(_shares(mu, shift, level)[method] - share) for level in levels))
        # Of twelve numbers with a fixed seed, the largest deviation is about two errors.
        assert point.coverage[method] == pytest.approx(share, abs=3.5 * error)
        assert point.error[method] == pytest.approx(error, rel=0.15)


def test_a_shift_makes_a_difference() -> None:
    # Six and more of the errors above, else that test would not see it, nor its sign.
    shares = [_shares(0.5, shift)["profile"] for shift in (-1.0, 0.0, 1.0)]
    assert (np.diff(shares) > 0.02).all()


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("modifier", "name", "width"),
    [
        ({"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}, "norm", 1.0),
        # (nominal/error)² = 4 auxiliary counts: 1 ± 1/√4.
        ({"name": "shape", "type": "shapesys", "data": [2.0]}, "shape[0]", 0.5),
        ({"name": "stat", "type": "staterror", "data": [1.0]}, "stat[0]", 0.25),
        ({"name": "lumi", "type": "lumi", "data": None}, "lumi", 0.03),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_a_shift_counts_widths_of_the_constraint(
    counting: Counting, monkeypatch: pytest.MonkeyPatch, modifier: dict[str, Any], name: str, width: float
) -> None:
    workspace = counting([20], [3.0], [4.0])
    workspace.spec["channels"][0]["samples"][1]["modifiers"].append(modifier)
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    workspace.spec["measurements"][0]["config"]["parameters"] += [lumi] if name == "lumi" else []
    thrown: list[Task] = []

    def watched(model: ToyModel, task: Task) -> Result:
        thrown.append(task)
        return statistic(model, task)

    monkeypatch.setattr("nuhist.inference.execution.statistic", watched)
    coverage(workspace, [1.0], shift={name: 0.8}, execution=Execution(toys=10))
    names = make_likelihood(workspace).names
    # The last batch is thrown to test, and one of those before gives the critical value there.
    *others, tested = (task for task in thrown if task.value == 1.0)
    calibration, test = (dict(zip(names, task.truth, strict=True)) for task in (*others, tested))
    assert test[name] - calibration[name] == pytest.approx(0.8 * width)
    assert {key: test[key] for key in names if key != name} == {
        key: calibration[key] for key in names if key != name
    }
    assert calibration["mu"] == 1.0


@pytest.mark.thorough
def test_signed_couplings_too(built: Callable[..., Workspace]) -> None:
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", background="components")
    name = "lz_ws2022_beta_norm"
    found = coverage(workspace, [0.0], shift={name: 1.0}, execution=Execution(toys=100, seed=1))
    assert found.shift == {name: 1.0}
    assert set(found.points[0].coverage) == {"profile", "feldman-cousins"}  # CLs has no sign


@pytest.mark.thorough
def test_without_a_coupling_no_data_are_possible(counting: Counting) -> None:
    # Nothing but the signal, whose norm is known to 10 %: no CLs, and all else as ever.
    workspace = counting([100], [100.0], [0.0], bounds=[[0, 5]])
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    workspace.spec["channels"][0]["samples"][0]["modifiers"].append(norm)
    found = coverage(workspace, [1.0], execution=Execution(toys=500, seed=1))
    assert set(found.points[0].coverage) == {"profile", "feldman-cousins"}
    assert found.points[0].coverage["feldman-cousins"] == pytest.approx(0.9, abs=3.5 * 0.019)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        ({"alhpa": 1.0}, "no parameter called 'alhpa'; did you mean alpha"),
        ({"free": 1.0}, "'free' has no constraint whose width could be a unit"),
        ({"mu": 1.0}, "'mu' has no constraint whose width could be a unit"),
        ({"alpha": float("nan")}, "shift: alpha = nan: expected a number"),
        ({"alpha": float("inf")}, "shift: alpha = inf: expected a number"),
        ({"alpha": -6.0}, r"shift of 'alpha' to -6.\d+: outside its bounds, -5 to 5"),
        ({"alpha": 1.0, "other": 0.0}, "no parameter called 'other'"),
    ],
    ids=str,
)
def test_shifts_that_make_no_sense(
    one_background: Workspace, shift: Mapping[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        coverage(one_background, [1.0], shift=shift, execution=Execution(toys=10))


def test_the_result_is_valid_json(one_background: Workspace) -> None:
    found = coverage(one_background, [0.5], shift={"alpha": -1.0}, execution=Execution(toys=50, seed=1))
    assert isinstance(found, Coverage)
    document: dict[str, Any] = json.loads(to_json(found.to_json()))
    assert document["shift"] == {"alpha": -1.0}
    schema = {"$ref": "#/$defs/coverage", "$defs": load("results")["$defs"]}
    Draft202012Validator(schema).validate(document)
    assert not Draft202012Validator(schema).is_valid({**document, "shift": {"alpha": "one"}})
