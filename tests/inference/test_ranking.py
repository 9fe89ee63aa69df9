"""Pulls and impacts against fits that pyhf makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

import nuhist
from nuhist import Workspace
from nuhist.errors import FitError, ModelError
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.ranking import ranking

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    """Two nuisance parameters, of 10 % and 2 %, that act on the background in two bins."""

    def norm(name: str, error: float) -> dict[str, Any]:
        return {"name": name, "type": "normsys", "data": {"hi": 1 + error, "lo": 1 - error}}

    mu = {"name": "mu", "type": "normfactor", "data": None}
    return Workspace(
        {
            "channels": [
                {
                    "name": "only",
                    "samples": [
                        {"name": "signal", "data": [20.0, 5.0], "modifiers": [mu]},
                        {
                            "name": "background",
                            "data": [50.0, 60.0],
                            "modifiers": [norm("small", 0.02), norm("large", 0.10)],
                        },
                    ],
                }
            ],
            "observations": [{"name": "only", "data": [75.0, 72.0]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="ranked.json",
    )


def _refit(likelihood: Likelihood, held: dict[int, float]) -> Array:
    """Minimum of pyhf's own logpdf with some parameters held, found by Nelder and Mead."""
    free = [index for index in range(len(likelihood.names)) if index not in held]
    point = likelihood.initial.copy()
    for index, value in held.items():
        point[index] = value

    def height(values: Array) -> float:
        point[free] = values
        return -2 * float(likelihood.model.logpdf(point, likelihood.data)[0])

    start: Array = np.ravel(likelihood.initial[free])
    options: Any = {"xatol": 1e-7, "fatol": 1e-11, "maxiter": 5000}
    point[free] = minimize(height, start, method="Nelder-Mead", options=options).x
    return point.copy()


def _error(likelihood: Likelihood, best: Array, index: int) -> float:
    """Square root of the diagonal of the inverse of half of the second derivatives of 2NLL."""
    step, size = 1e-3, best.size
    hesse = np.zeros((size, size))

    def height(*moves: tuple[int, float]) -> float:
        point = best.copy()
        for which, move in moves:
            point[which] += move
        return -2 * float(likelihood.model.logpdf(point, likelihood.data)[0])

    for i in range(size):
        for j in range(size):
            corners = [a * b * height((i, a * step), (j, b * step)) for a in (1, -1) for b in (1, -1)]
            hesse[i, j] = sum(corners) / (4 * step**2)
    return float(np.sqrt(np.linalg.inv(hesse / 2)[index, index]))


def test_impacts_are_those_of_direct_fits(workspace: Workspace) -> None:
    likelihood = make_likelihood(workspace, engine="pyhf")
    best = _refit(likelihood, {})
    found = ranking(workspace)
    interest = likelihood.poi_index
    assert found.parameter == "mu"
    # Nelder-Mead stops at 1e-7 of a parameter, in a valley with an error of about 0.4 in mu.
    assert found.best_fit == pytest.approx(best[interest], abs=2e-5)
    assert sorted(impact.parameter for impact in found.impacts) == ["large", "small"]
    for impact in found.impacts:
        index = likelihood.names.index(impact.parameter)
        error = _error(likelihood, best, index)
        # Constraints have width 1 and centre 0.
        assert impact.pull == pytest.approx(best[index], abs=2e-5)
        # Minuit's HESSE ends where its second derivatives change by less than a few per mille.
        assert impact.pull_error == pytest.approx(error, rel=5e-3)
        for sign, shift in ((1, impact.impact_up), (-1, impact.impact_down)):
            moved = _refit(likelihood, {index: best[index] + sign * error})
            assert shift == pytest.approx(moved[interest] - best[interest], rel=5e-3, abs=5e-5)
            assert sign * shift < 0  # more background, less signal


def test_the_largest_comes_first(workspace: Workspace) -> None:
    found = ranking(workspace)
    assert [impact.parameter for impact in found.impacts] == ["large", "small"]
    sizes = [max(abs(impact.impact_up), abs(impact.impact_down)) for impact in found.impacts]
    assert sizes == sorted(sizes, reverse=True)
    # 10 % against 2 % of the same background.
    assert sizes[0] > 3 * sizes[1]


def test_pull_errors_shrink_with_what_data_say(workspace: Workspace) -> None:
    errors = {impact.parameter: impact.pull_error for impact in ranking(workspace).impacts}
    # 10 % of 110 events is more than √110 = 10.5 can leave open; 2 % is less.
    assert errors["large"] < errors["small"] <= 1.0


@pytest.mark.thorough
def test_all_constrained_parameters_of_lz(built: Callable[..., Workspace]) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="components")
    found = ranking(workspace)
    likelihood = make_likelihood(workspace)
    # Free norms have no constraint and no pull.
    constrained = {
        name for index, name in enumerate(likelihood.names) if likelihood.constraint(index)[0] is not None
    }
    assert {impact.parameter for impact in found.impacts} == constrained - {"mu_nu_squared"}
    assert all(impact.meaning for impact in found.impacts)
    # Both engines: HESSE is the same, fits end within 1e-5 standard deviations.
    again = ranking(workspace, engine="pyhf")
    for one, other in zip(found.impacts[:3], again.impacts[:3], strict=True):
        assert one.parameter == other.parameter
        assert one.impact_up == pytest.approx(other.impact_up, rel=1e-2)


def test_no_parameter_of_interest(counting: Callable[..., Workspace]) -> None:
    with pytest.raises(ModelError, match="no parameter of interest"):
        ranking(counting([3], [1.0], [2.0], poi="", sigma=0.1))


def test_the_bound_is_lifted_where_the_best_fit_is_at_it(workspace: Workspace) -> None:
    below = Workspace(
        {**workspace.spec, "observations": [{"name": "only", "data": [45.0, 55.0]}]}, origin="below.json"
    )
    config = {"poi": "mu", "parameters": [{"name": "mu", "bounds": [[-5.0, 10.0]]}]}
    free = Workspace({**below.spec, "measurements": [{"name": "only", "config": config}]}, origin="free.json")
    found, expected = ranking(below), ranking(free)
    # The same as in a workspace that lets the strength be negative.
    assert found.best_fit == pytest.approx(expected.best_fit, rel=1e-4)
    assert found.best_fit < 0
    for one, other in zip(found.impacts, expected.impacts, strict=True):
        assert one.parameter == other.parameter
        assert one.impact_up == pytest.approx(other.impact_up, rel=1e-3)
        assert one.pull == pytest.approx(other.pull, abs=1e-4)
    assert found.conditional_on == ()
    assert found.notes[0] == (
        f"the best fit of mu is at its bound, 0; this is with the bound lifted, where it is"
        f" {found.best_fit:.4g}"
    )
    assert not expected.notes


def test_a_fixed_parameter_of_interest_is_moved_by_nothing(counting: Callable[..., Workspace]) -> None:
    model = nuhist.Model(counting([5], [1.0], [3.0], sigma=0.2), fixed={"mu": 1.0})
    with pytest.raises(FitError, match="its parameter of interest mu is fixed, so that nothing moves it"):
        model.ranking()


def test_the_note_names_the_bound(counting: Callable[..., Workspace]) -> None:
    model = nuhist.Model(counting([3], [1.0], [3.0], sigma=0.2)).asimov()
    note = next(note for note in model.ranking().notes if "at its bound" in note)
    assert "the best fit of mu is at its bound, 0; this is with the bound lifted, where it is 0" in note


def _two_channels(first: dict[str, Any], norms: dict[str, tuple[float, float]]) -> Workspace:
    """A signal beside a background with a modifier, and a channel with norms that both lack."""
    factors = [
        {"name": name, "type": "normsys", "data": {"hi": high, "lo": low}}
        for name, (high, low) in norms.items()
    ]
    strength = {"name": "mu", "type": "normfactor", "data": None}
    channels = [
        {"name": "c1", "samples": [{"name": "s", "data": [40.0, 75.0], "modifiers": [strength]},
                                   {"name": "b", "data": [92.0, 75.0], "modifiers": [first]}]},
        {"name": "c2", "samples": [{"name": "b", "data": [125.0], "modifiers": factors}]},
    ]  # fmt: skip
    observed = [{"name": "c1", "data": [143.0, 227.0]}, {"name": "c2", "data": [232.0]}]
    measurement = {"name": "m", "config": {"poi": "mu", "parameters": []}}
    spec = {"channels": channels, "observations": observed, "measurements": [measurement], "version": "1.0.0"}
    return Workspace(spec)


@pytest.mark.parametrize("kind", ["shapesys", "staterror"])
def test_norms_of_one_side_in_another_channel(kind: str) -> None:
    # No fit with a parameter held was a minimum at once, and a batch of none could not be treated.
    modifier = {"name": "own", "type": kind, "data": [30.0, 11.0]}
    workspace = _two_channels(modifier, {"a": (1.26, 1.26), "b": (1.2, 1.08)})
    found, fast = ranking(workspace), ranking(workspace, fast=True)
    assert {entry.parameter for entry in found.impacts} >= {"a", "b"}
    # mu is in the other channel alone, so that no norm moves it.
    for entry in (*found.impacts, *fast.impacts):
        if entry.parameter in {"a", "b"}:
            assert entry.impact_up == pytest.approx(0.0, abs=1e-6)


def test_parameters_that_the_data_do_not_tell_apart() -> None:
    # Signal and background have one shape: mu = 0.75 + 18.2 was made up by a curvature of nothing.
    strength, norm = ({"name": name, "type": "normfactor", "data": None} for name in ("mu", "k"))
    samples = [{"name": "s", "data": [10.0, 20.0], "modifiers": [strength]},
               {"name": "b", "data": [50.0, 100.0], "modifiers": [norm]}]  # fmt: skip
    spec = {"channels": [{"name": "a", "samples": samples}],
            "observations": [{"name": "a", "data": [55.0, 110.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0"}  # fmt: skip
    third = {"name": "c", "data": [0.0, 0.0, 40.0], "modifiers": [
        {"name": "other", "type": "normfactor", "data": None}]}  # fmt: skip
    longer = [{**each, "data": [*each["data"], 0.0]} for each in samples]
    wide = {**spec, "observations": [{"name": "a", "data": [55.0, 110.0, 36.0]}],
            "channels": [{"name": "a", "samples": [*longer, third]}]}  # fmt: skip
    found = nuhist.fit(Workspace(wide))
    errors = {each.name: each.uncertainty for each in found.parameters}
    said = "no errors of k, mu: the data say nothing of them, or do not tell them apart"
    assert any(note.startswith(said) for note in found.notes)
    with pytest.raises(FitError, match="the data do not tell mu from other parameters"):
        ranking(Workspace(wide))
    assert (errors["mu"], errors["k"]) == (None, None)
    assert errors["other"] == pytest.approx(6 / 40, rel=1e-6)  # √36 of 40, by hand
    model = pyhf.Workspace(spec).model()
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    with pytest.raises(pyhf.exceptions.FailedMinimization, match="the data do not tell k, mu apart"):
        pyhf.infer.mle.fit([55.0, 110.0], model, return_uncertainties=True)
    pyhf.set_backend("numpy", "scipy")
    held = nuhist.fit(nuhist.Model(Workspace(spec), fixed={"k": 1.0}))
    (strength_fitted,) = (each for each in held.parameters if each.name == "mu")
    # 15 events of 165 are left for 30 of signal: 0.5, and its error √165 / 30 by hand.
    assert strength_fitted.value == pytest.approx(0.5, rel=1e-6)
    assert strength_fitted.uncertainty == pytest.approx(165**0.5 / 30, rel=1e-6)
