"""nuhist's optimizer in pyhf: the same answers as pyhf's own, or a lower minimum."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from math import erfc
from typing import Any

import numpy as np
import pyhf
import pytest

import nuhist
from nuhist.inference.compilation import compile_model
from nuhist.inference.pyhf_optimizer import PyhfOptimizer
from tests.strategies import SMALL, random_workspace

TIGHT = {"tolerance": 1e-11}


@pytest.fixture(autouse=True)
def own_backend() -> Iterator[None]:
    yield
    pyhf.set_backend("numpy", "scipy")


@pytest.fixture
def model() -> Any:
    return pyhf.simplemodels.correlated_background([12.0, 11.0], [50.0, 52.0], [54.0, 58.0], [45.0, 48.0])


@pytest.fixture
def data(model: Any) -> list[float]:
    return [60.0, 55.0, *model.config.auxdata]


@pytest.mark.parametrize("statistic", ["qtilde", "q", "q0"])
def test_hypotest(model: Any, data: list[float], statistic: str) -> None:
    found = []
    for optimizer in (nuhist.pyhf_optimizer(), pyhf.optimize.scipy_optimizer(**TIGHT)):
        pyhf.set_backend("numpy", optimizer)
        poi = 0.0 if statistic == "q0" else 1.0
        observed, expected = pyhf.infer.hypotest(
            poi, data, model, test_stat=statistic, return_expected_set=True
        )
        found.append([float(observed), *map(float, expected)])
    assert found[0] == pytest.approx(found[1], rel=1e-5)  # of √q, from 2NLL to 1e-10


def test_a_discovery_is_exact_far_in_the_tail() -> None:
    # pyhf's own test of one bin with a shapesys expects 1.22047e-5 at -2 sigma, 3.3e-4 below: its Asimov data
    # hang on a fit with SciPy's tolerance. All fits of this model have closed forms: at a strength of 1 the
    # factor of the background solves a quadratic equation, without one it is a mean.
    seen, signal, background, tau = 80.0, 25.0, 50.0, (50 / 7) ** 2
    a, b = background * (background + tau), background * (signal - seen) + tau * (signal - background)
    factor = (-b + np.sqrt(b**2 + 4 * a * tau * signal)) / (2 * a)
    counts, control = signal + background * factor, tau * factor
    without = (counts + control) / (background + tau)
    ratio = counts * np.log(counts / (background * without)) + control * np.log(factor / without)
    root = np.sqrt(2 * (ratio - counts - control + (background + tau) * without))
    model = pyhf.simplemodels.uncorrelated_background([signal], [background], [7.0])
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    data = [seen, *model.config.auxdata]
    _, found = pyhf.infer.hypotest(0.0, data, model, test_stat="q0", return_expected_set=True)
    exact = [0.5 * erfc((root - sigma) / np.sqrt(2)) for sigma in (-2, -1, 0, 1, 2)]
    assert exact[0] == pytest.approx(1.2208769733e-5, rel=1e-10)  # with forty digits
    assert [float(value) for value in found] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_no_fit_of_a_random_model_is_worse(seed: int) -> None:
    spec = random_workspace([83, seed], SMALL).spec
    made = pyhf.Workspace(spec).model()
    data = pyhf.Workspace(spec).data(made)
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    fitted, height = pyhf.infer.mle.fit(data, made, return_fitted_val=True)
    assert -2 * float(made.logpdf(fitted, data)[0]) == pytest.approx(float(height), rel=1e-12)
    pyhf.set_backend("numpy", "scipy")
    try:
        point, theirs = pyhf.infer.mle.fit(data, made, return_fitted_val=True)
    except pyhf.exceptions.FailedMinimization:
        return
    counts, seen = made.expected_actualdata(point), np.array(data[: made.config.nmaindata])
    if (counts[seen == 0] < -1e-9).any():
        return  # pyhf's density goes on below 0, where nothing is seen and less than nothing is expected
    assert height <= theirs + 1e-6


def test_uncertainties_correlations_and_results(model: Any, data: list[float]) -> None:
    asked = {
        "return_uncertainties": True,
        "return_correlations": True,
        "return_fitted_val": True,
        "return_result_obj": True,
    }
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4, strategy=2))
    right = pyhf.infer.mle.fit(data, model, **asked)
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    found = pyhf.infer.mle.fit(data, model, **asked)
    # HESSE's steps are a good part of an error wide: the polynomial of a histosys bends within them.
    assert np.asarray(found[0]) == pytest.approx(np.asarray(right[0]), rel=2e-2, abs=2e-4)
    assert np.asarray(found[1]) == pytest.approx(np.asarray(right[1]), abs=2e-2)
    assert float(found[2]) == pytest.approx(float(right[2]), abs=1e-6)
    matrix = np.linalg.inv(_curvature(model, data, np.asarray(found[0])[:, 0]) / 2)
    widths = np.sqrt(np.diag(matrix))
    assert np.asarray(found[0])[:, 1] == pytest.approx(widths, rel=1e-5)  # of differences over 1e-3
    assert np.asarray(found[1]) == pytest.approx(matrix / np.outer(widths, widths), abs=1e-5)
    assert found[3].success
    assert found[3].fun == found[2]
    assert np.asarray(found[3].unc) == pytest.approx(np.asarray(found[0])[:, 1])
    for name in ("unc", "corr"):
        assert pyhf.infer.mle.fit(data, model, return_result_obj=True)[1][name] is None


def _curvature(model: Any, data: list[float], at: Any, step: float = 1e-3) -> Any:
    """Second derivative of pyhf's 2NLL by central differences."""
    size = len(at)
    unit = np.eye(size) * step

    def height(point: Any) -> float:
        return -2 * float(model.logpdf(point, data)[0])

    return np.array(
        [
            [
                height(at + unit[i] + unit[j]) - height(at + unit[i] - unit[j])
                - height(at - unit[i] + unit[j]) + height(at - unit[i] - unit[j])
                for i in range(size)
            ]
            for j in range(size)
        ]
    ) / (4 * step**2)  # fmt: skip


def test_fixed_parameters_have_no_uncertainty(model: Any, data: list[float]) -> None:
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    fitted, correlations = pyhf.infer.mle.fixed_poi_fit(
        0.5, data, model, return_uncertainties=True, return_correlations=True
    )
    assert list(np.asarray(fitted)[model.config.poi_index]) == [0.5, 0.0]
    assert not np.asarray(correlations)[model.config.poi_index].any()
    held = [True] * model.config.npars
    assert list(pyhf.infer.mle.fit(data, model, fixed_params=held)) == model.config.suggested_init()


def test_bounds_and_start_of_the_caller(model: Any, data: list[float]) -> None:
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    bounds = model.config.suggested_bounds()
    bounds[model.config.poi_index] = (2.0, 3.0)
    start = model.config.suggested_init()
    start[model.config.poi_index] = 2.5
    fitted = pyhf.infer.mle.fit(data, model, init_pars=start, par_bounds=bounds)
    assert fitted[model.config.poi_index] == 2.0  # the best strength is below


@pytest.mark.parametrize(
    "settings", [{"normsys": {"interpcode": "code1"}}, {"histosys": {"interpcode": "code0"}}]
)
def test_other_interpolations_are_left_to_pyhf(data: list[float], settings: dict[str, Any]) -> None:
    # An optimizer that took code 4 for them would end elsewhere: the pull is far outside of ±1.
    workspace = {
        "channels": [{"name": "c", "samples": [
            {"name": "s", "data": [5.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
            {"name": "b", "data": [50.0], "modifiers": [
                {"name": "n", "type": "normsys", "data": {"hi": 1.3, "lo": 0.9}},
                {"name": "h", "type": "histosys", "data": {"hi_data": [60.0], "lo_data": [49.0]}}]}]}],
    }  # fmt: skip
    made = pyhf.Model(workspace, poi_name="mu", modifier_settings=settings, validate=False)
    observed = [90.0, *made.config.auxdata]
    pyhf.set_backend("numpy", "scipy")
    right = pyhf.infer.mle.fixed_poi_fit(0.0, observed, made, return_fitted_val=True)[1]
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    with pytest.warns(RuntimeWarning, match="left to pyhf's own optimizer: .* interpolation"):
        found = pyhf.infer.mle.fixed_poi_fit(0.0, observed, made, return_fitted_val=True)[1]
    assert found == right
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        again = pyhf.infer.mle.fixed_poi_fit(
            0.0, observed, made, return_fitted_val=True, return_uncertainties=True
        )
    assert np.asarray(again[0]).shape == (made.config.npars, 2)  # Minuit has them, SciPy has not


def test_another_objective_is_left_to_pyhf(model: Any, data: list[float]) -> None:
    optimizer = PyhfOptimizer()

    def objective(parameters: Any, data: Any, pdf: Any) -> Any:
        return -pdf.logpdf(parameters, data)

    with pytest.warns(RuntimeWarning, match="the objective is not twice the negative log likelihood"):
        fitted = optimizer.minimize(
            objective, data, model, model.config.suggested_init(), model.config.suggested_bounds()
        )
    pyhf.set_backend("numpy", optimizer)
    assert fitted == pytest.approx(np.asarray(pyhf.infer.mle.fit(data, model)), abs=1e-3)


def test_a_model_is_compiled_once(model: Any, data: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def counted(*given: Any) -> Any:
        made.append(given)
        return compile_model(*given)

    monkeypatch.setattr("nuhist.inference.pyhf_optimizer.compile_model", counted)
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    pyhf.infer.hypotest(1.0, data, model)
    assert len(made) == 1


def test_errors_are_pyhfs(model: Any, data: list[float]) -> None:
    with pytest.raises(pyhf.exceptions.Unsupported, match="nothing"):
        nuhist.pyhf_optimizer(nothing=1)
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer(maxiter=10, verbose=1))
    with pytest.raises(pyhf.exceptions.Unsupported, match="nothing"):
        pyhf.infer.mle.fit(data, model, nothing=1)
    pyhf.infer.mle.fit(data, model, tolerance=1e-3, maxiter=5)
    plain = pyhf.Model({"channels": [{"name": "c", "samples": [
        {"name": "s", "data": [0.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]}]}]},
        poi_name="mu")  # fmt: skip
    with pytest.raises(pyhf.exceptions.FailedMinimization):
        pyhf.infer.mle.fit([3.0], plain)


@pytest.mark.parametrize("counts", [[58.0, 44.0, 31.0], [58.0], []])
def test_data_of_another_size_are_refused_as_by_pyhf(counts: list[float]) -> None:
    # CLs was 0.627 with a bin too many: auxiliary data were taken from one place further.
    small = pyhf.simplemodels.uncorrelated_background([5.0, 3.0], [50.0, 40.0], [5.0, 4.0])
    given = counts + small.config.auxdata
    messages = []
    for optimizer in (nuhist.pyhf_optimizer(), "scipy"):
        pyhf.set_backend("numpy", optimizer)
        with pytest.raises(pyhf.exceptions.InvalidPdfData) as caught:
            pyhf.infer.hypotest(1.0, given, small)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_other_sizes_and_counts_below_nothing() -> None:
    small = pyhf.simplemodels.uncorrelated_background([5.0, 3.0], [50.0, 40.0], [5.0, 4.0])
    pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    given = [58.0, 44.0, *small.config.auxdata]
    for wrong in ({"init_pars": [1.0, 1.0]}, {"par_bounds": [(0.0, 10.0)]}):
        with pytest.raises(pyhf.exceptions.InvalidPdfParameters):
            pyhf.infer.mle.fit(given, small, **wrong)
    with pytest.raises(pyhf.exceptions.FailedMinimization, match="bin 0 has -1 events observed"):
        pyhf.infer.mle.fit([-1.0, *given[1:]], small)
