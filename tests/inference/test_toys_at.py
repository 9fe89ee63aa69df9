"""Toys at fitted and at nominal nuisance parameters, against exact sums of an on-off measurement."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import poisson

from nuhist import Execution, Model, Workspace, limit
from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.inference.coverage import coverage
from nuhist.inference.feldman_cousins import belt
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.profile import Profile
from nuhist.inference.significance import goodness_of_fit, significance
from nuhist.inference.toys import truth_of_toys
from nuhist.methods.sensitivity import sensitivity

ON, OFF, TAU = 9, 8, 2.0  # events on the source and beside it, where TAU times the background is expected
NOMINAL = 1.5  # background; the data say 4 without a source
TOYS = 20_000
ALLOWED = 4.0  # standard errors of a fraction of toys with a fixed seed
At = Literal["fitted", "nominal"]


def _on_off(**background: Any) -> Workspace:
    free = {"name": "b", "type": "normfactor", "data": None}
    signal = {"name": "signal", "data": [1.0], "modifiers": [{**free, "name": "mu"}]}
    parameters = [
        {"name": "mu", "bounds": [[0.0, 60.0]], "inits": [1.0]},
        {"name": "b", "bounds": [[0.0, 60.0]], "inits": [NOMINAL], **background},
    ]
    return Workspace(
        {
            "channels": [
                {"name": "on", "samples": [signal, {"name": "sky", "data": [1.0], "modifiers": [free]}]},
                {"name": "off", "samples": [{"name": "sky", "data": [TAU], "modifiers": [free]}]},
            ],
            "observations": [{"name": "on", "data": [ON]}, {"name": "off", "data": [OFF]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": parameters}}],
            "version": "1.0.0",
        },
        origin="on_off.json",
    )


def _height(on: Any, off: Any, mu: Any, background: Any) -> Any:
    """2NLL without what does not depend on the parameters."""
    first, second = mu + background, TAU * background
    return 2 * (first - xlogy(on, first) + second - xlogy(off, second))


def _background(on: Any, off: Any, mu: float) -> Any:
    """Fit of the background with mu held: the positive root of a quadratic equation."""
    a, b, c = 1 + TAU, (1 + TAU) * mu - on - off, -off * mu
    return (-b + np.sqrt(b**2 - 4 * a * c)) / (2 * a)


def _statistic(on: Any, off: Any, mu: float) -> Any:
    """2NLL at mu less that of the best fit, where mu is not negative."""
    free = _height(
        on, off, np.maximum(on - off / TAU, 0.0), np.where(on > off / TAU, off / TAU, (on + off) / (1 + TAU))
    )
    return _height(on, off, mu, _background(on, off, mu)) - free


def _exact(mu: float, truth: float, observed: float) -> float:
    """Probability of a statistic at least as large, where the background is truly so large."""
    on, off = np.meshgrid(np.arange(120), np.arange(120), indexing="ij")
    weight = poisson.pmf(on, mu + truth) * poisson.pmf(off, TAU * truth)
    return float(weight[_statistic(on, off, mu) >= observed - 1e-7].sum())


@pytest.mark.parametrize("at", ["fitted", "nominal"])
def test_p_values_are_exact_sums(at: At) -> None:
    workspace, execution = _on_off(), Execution(toys=TOYS, seed=3, toys_at=at)
    values = np.array([2.0, 6.0, 12.0])
    found = belt(Profile(make_likelihood(workspace)), 0.90, execution, "digest", values=values)
    observed = [_statistic(ON, OFF, value) for value in values]
    assert found.observed == pytest.approx(observed, abs=1e-8)
    truths = [NOMINAL if at == "nominal" else _background(ON, OFF, value) for value in values]
    exact = np.array([_exact(*each) for each in zip(values, truths, observed, strict=True)])
    error = np.sqrt(exact * (1 - exact) / TOYS)
    assert (np.abs(found.p_values - exact) < ALLOWED * error).all()
    # The two conventions differ by more than that, or this would test nothing.
    others = [NOMINAL if at == "fitted" else _background(ON, OFF, value) for value in values]
    other = np.array([_exact(*each) for each in zip(values, others, observed, strict=True)])
    assert (np.abs(found.p_values - other) > ALLOWED * error).any()


@pytest.mark.parametrize("at", ["fitted", "nominal"])
def test_significance_is_an_exact_sum(at: At) -> None:
    found = significance(_on_off(), execution=Execution(toys=TOYS, seed=5, toys_at=at))
    # Toys without a signal that lie below the background have q0 = 0, less than the data's.
    exact = _exact(0.0, NOMINAL if at == "nominal" else (ON + OFF) / (1 + TAU), _statistic(ON, OFF, 0.0))
    assert abs(found.p_value - exact) < ALLOWED * np.sqrt(exact * (1 - exact) / TOYS)
    assert (found.toys_at, " at nominal values" in found.summary) == (at, at == "nominal")


def test_goodness_of_fit_at_nominal_values() -> None:
    # A third channel, where one event is expected at any rate: its statistic is 2 (1 - n + n ln n), and the
    # first two are fitted without a rest wherever 2 n_on is no less than n_off. With 30 and more expected
    # more on the source than beside it, that is always so: the p-value is that of the third channel.
    document = _on_off().spec
    channel = {"name": "third", "samples": [{"name": "known", "data": [1.0], "modifiers": []}]}
    document = {
        **document,
        "channels": [*document["channels"], channel],
        "observations": [
            {"name": "on", "data": [80]},
            {"name": "off", "data": [OFF]},
            {"name": "third", "data": [3]},
        ],
    }
    bounds = {"mu": (0.0, 600.0)}
    model = Model(Workspace(document), bounds=bounds)
    found = goodness_of_fit(model, execution=Execution(toys=TOYS, seed=2, toys_at="nominal"))
    assert found.min_chi2 == pytest.approx(2 * (1 - 3 + 3 * np.log(3)), rel=1e-6)
    exact = float(poisson.sf(2, 1.0))  # none at all has 2, less than 2.59
    assert found.toys_p_value is not None
    assert abs(found.toys_p_value - exact) < ALLOWED * np.sqrt(exact * (1 - exact) / TOYS)
    assert found.toys_at == "nominal"


def test_nominal_is_the_centre_of_a_constraint_or_the_start() -> None:
    # A centre other than the start, a luminosity, a factor per bin, one that is held, and one that is free.
    modifiers = [
        {"name": "tilt", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "bin", "type": "shapesys", "data": [2.0]},
        {"name": "held", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}},
        {"name": "free", "type": "normfactor", "data": None},
    ]
    parameters = [
        {"name": "tilt", "inits": [0.7], "auxdata": [0.4], "bounds": [[-5.0, 5.0]]},
        {"name": "lumi", "inits": [1.05], "auxdata": [0.98], "sigmas": [0.02], "bounds": [[0.9, 1.1]]},
        {"name": "held", "inits": [-0.6], "fixed": True},
        {"name": "free", "inits": [1.3], "bounds": [[0.0, 5.0]]},
    ]
    signal = {
        "name": "signal",
        "data": [1.0],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    sample = {"name": "sky", "data": [10.0], "modifiers": modifiers}
    document = {
        "channels": [{"name": "one", "samples": [signal, sample]}],
        "observations": [{"name": "one", "data": [15]}],
        "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": parameters}}],
        "version": "1.0.0",
    }
    for data in (None, [22.0]):  # also of a model with other data, whose auxiliary data may be others
        model = Model(Workspace(document))
        model = model.with_data(data) if data else model.toy(3)
        likelihood = model.likelihood
        fitted = model.best.parameters
        nominal = dict(zip(likelihood.names, truth_of_toys(likelihood, fitted, "nominal"), strict=True))
        interest = fitted[likelihood.poi_index]
        expected = {"mu": interest, "tilt": 0.4, "lumi": 0.98, "bin": 1.0, "held": -0.6, "free": 1.3}
        assert {name.removesuffix("[0]"): value for name, value in nominal.items()} == pytest.approx(expected)
        assert truth_of_toys(likelihood, fitted, "fitted") is fitted


def test_less_than_nothing_at_nominal_values() -> None:
    document = _on_off().spec
    bend = {"name": "bend", "type": "histosys", "data": {"hi_data": [7.0], "lo_data": [-7.0]}}
    document["channels"][1]["samples"][0]["modifiers"].append(bend)
    document["measurements"][0]["config"]["parameters"].append(
        {"name": "bend", "auxdata": [-3.0], "inits": [0.0]}
    )
    execution = Execution(toys=100, toys_at="nominal")
    with pytest.raises(FitError, match=r"at nominal values .*off.* less than nothing"):
        significance(Workspace(document), execution=execution)


def test_results_state_the_choice() -> None:
    execution = Execution(toys=300, seed=1, toys_at="nominal")
    unified = limit(_on_off(), method="feldman-cousins", points=4, execution=execution)
    assert (unified.toys_at, unified.to_json()["toys_at"]) == ("nominal", "nominal")
    assert unified.convention.endswith("at their nominal values")
    toybased = limit(_on_off(), method="cls", calctype="toybased", execution=execution)
    assert toybased.toys_at == "nominal"
    assert "nominal values" in toybased.convention
    covered = coverage(_on_off(), [4.0], execution=execution)
    assert (covered.toys_at, " at nominal values" in covered.summary) == ("nominal", True)
    assert limit(_on_off()).toys_at is None


def test_bad_choices() -> None:
    with pytest.raises(ConfigError, match=r"no choice of toys_at called 'nominale'.*nominal"):
        Execution(toys_at="nominale")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="toys_at: does nothing here"):
        sensitivity(
            "lz_ws2022",
            hypothesis="magnetic-moment",
            exposure=[1.0],
            toys=10,
            execution=Execution(toys_at="nominal"),
        )
