"""Gauss-Newton fits against pyhf's own fits with SciPy and Minuit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist import Workspace, limit
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.newton import BatchFit, fit_batch
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.toys import toy_model

Array = NDArray[np.float64]

# In 2NLL. SLSQP stops when it gains less than 1e-10, Minuit at an estimated distance of some 1e-7.
SAME = 1e-6


@pytest.fixture(scope="module")
def per_bin() -> Workspace:
    """Two channels with staterror and shapesys, a bin that expects nothing, and a shared normsys."""
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}}

    def channel(
        name: str, signal: list[float], background: list[float], own: dict[str, Any]
    ) -> dict[str, Any]:
        mu = {"name": "mu", "type": "normfactor", "data": None}
        return {
            "name": name,
            "samples": [
                {"name": "signal", "data": signal, "modifiers": [mu]},
                {"name": "background", "data": background, "modifiers": [norm, own]},
            ],
        }

    stat = {"name": "stat", "type": "staterror", "data": [2.0, 3.0, 0.0]}
    shape = {"name": "shape", "type": "shapesys", "data": [4.0, 2.0]}
    return Workspace(
        {
            "channels": [
                channel("left", [5.0, 3.0, 0.0], [20.0, 30.0, 0.0], stat),
                channel("right", [2.0, 8.0], [40.0, 10.0], shape),
            ],
            "observations": [{"name": "left", "data": [28, 30, 0]}, {"name": "right", "data": [35, 21]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="two.json",
    )


@contextmanager
def _optimizer(chosen: Any) -> Iterator[Any]:
    """pyhf with an optimizer, put back afterwards as it was."""
    import pyhf

    before = pyhf.get_backend()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        pyhf.set_backend("numpy", custom_optimizer=chosen)
        try:
            yield pyhf
        finally:
            pyhf.set_backend(before[0], custom_optimizer=before[1])


def pyhf_minimum(likelihood: Likelihood, held: float | None = None) -> float:
    """The lower 2NLL of pyhf's two fits; one that fails does not count."""
    import pyhf

    start = likelihood.initial.copy()
    if held is None:  # not on a bound, where Minuit would stay
        index = likelihood.poi_index
        start[index] = max(start[index], 0.1 * likelihood.scale[index])
    start = np.clip(start, likelihood.lower, likelihood.upper)  # pyhf refuses others
    found = []
    for optimizer in (pyhf.optimize.scipy_optimizer(tolerance=1e-10), pyhf.optimize.minuit_optimizer()):
        with _optimizer(optimizer):
            arguments = (likelihood.data, likelihood.model, start.tolist())
            try:
                if held is None:
                    best = pyhf.infer.mle.fit(*arguments)
                else:
                    best = pyhf.infer.mle.fixed_poi_fit(held, *arguments)
            except pyhf.exceptions.FailedMinimization:
                continue
        point = np.clip(np.asarray(best), likelihood.lower, likelihood.upper)
        found.append(likelihood.twice_nll(point))
    return min(found)


def newton(likelihood: Likelihood, data: Array | None = None, start: Array | None = None) -> BatchFit:
    """One call of fit_batch, with the constants of 2NLL put in."""
    assert likelihood.compiled is not None
    data = likelihood.data[None] if data is None else data
    start = np.tile(likelihood.initial, (len(data), 1)) if start is None else start
    fixed = np.array(likelihood.constant)
    return fit_batch(
        likelihood.compiled, data, start, likelihood.lower, likelihood.upper, fixed, likelihood.scale
    )  # fmt: skip


def _never_worse(likelihood: Likelihood, values: tuple[float, ...]) -> None:
    assert likelihood.best().twice_nll <= pyhf_minimum(likelihood) + SAME
    assert newton(likelihood).converged.all()
    for value in values:
        ours = likelihood.minimise({likelihood.interest.name: value}).twice_nll
        assert ours <= pyhf_minimum(likelihood, value) + SAME


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("hypothesis", "values"), [("magnetic-moment", (0.0, 2.5)), ("millicharge-fea", (-4e-4, 6e-4))]
)
def test_lz_never_worse_than_pyhf(
    built: Callable[..., Workspace], hypothesis: str, values: tuple[float, ...]
) -> None:
    _never_worse(make_likelihood(built("lz_ws2022", hypothesis=hypothesis, background="components")), values)


def test_bin_by_bin_modifiers_never_worse_than_pyhf(per_bin: Workspace) -> None:
    likelihood = make_likelihood(per_bin)
    # The parameter of the empty bin is kept by pyhf, with a width of 1.
    assert likelihood.constant[likelihood.names.index("stat[2]")]
    _never_worse(likelihood, (0.0, 1.0, 3.0))


@pytest.mark.parametrize(
    ("observed", "signal", "background", "choices"),
    [
        ([0, 0, 0], [1.0, 2.0, 1.0], [3.0, 4.0, 0.5], {}),
        ([4, 0], [1.0, 0.0], [3.0, 0.0], {}),
        ([12, 9], [3.0, 1.0], [5.0, 7.0], {"bounds": [[0.0, 0.5]]}),
        ([1, 9], [3.0, 1.0], [5.0, 7.0], {}),
    ],
    ids=["no counts", "nothing expected", "at the upper bound", "at the lower bound"],
)
def test_counting_never_worse_than_pyhf(
    counting: Callable[..., Workspace],
    observed: list[float],
    signal: list[float],
    background: list[float],
    choices: dict[str, Any],
) -> None:
    likelihood = make_likelihood(counting(observed, signal, background, sigma=0.2, **choices))
    _never_worse(likelihood, (0.0, 0.4))


def test_a_parameter_ends_exactly_on_its_bound(counting: Callable[..., Workspace]) -> None:
    # 2NLL rises with mu wherever fewer are seen than the background alone gives.
    likelihood = make_likelihood(counting([1], [1.0], [6.0]))
    found = newton(likelihood)
    assert found.parameters[0, likelihood.poi_index] == likelihood.lower[likelihood.poi_index] == 0.0
    # Poisson probability of 1 where 6 are expected, over that where 1 is.
    expected = 2 * (6 - 1 - np.log(6))
    assert found.twice_nll[0] == pytest.approx(expected, rel=1e-12)


def test_a_flat_direction(counting: Callable[..., Workspace]) -> None:
    # The signal is empty, so mu does nothing; the background's norm goes to one side.
    likelihood = make_likelihood(counting([30], [0.0], [20.0], sigma=0.1))
    _never_worse(likelihood, (0.0, 5.0))
    found = newton(likelihood)
    assert found.iterations < 20
    assert np.isfinite(found.parameters).all()


def test_a_valley_of_two_factors() -> None:
    # Only the product of a and b is measured: 36 of 12 expected, so a b = 3, anywhere along it.
    modifiers = [{"name": name, "type": "normfactor", "data": None} for name in ("a", "b")]
    spec = {
        "channels": [{"name": "only", "samples": [{"name": "x", "data": [12.0], "modifiers": modifiers}]}],
        "observations": [{"name": "only", "data": [36.0]}],
        "measurements": [{"name": "only", "config": {"poi": "a", "parameters": []}}],
        "version": "1.0.0",
    }
    likelihood = make_likelihood(Workspace(spec, origin="valley.json"))
    found = newton(likelihood)
    assert found.converged.all()
    # 2NLL = 72 (ab/3 − ln ab ...) has curvature 2·36/3² in ab: 1e-10 in 2NLL is 5e-6 in ab.
    assert np.prod(found.parameters) == pytest.approx(3.0, abs=1e-5)


def test_no_fit_where_the_model_has_no_density(counting: Callable[..., Workspace]) -> None:
    likelihood = make_likelihood(counting([3, 1], [0.0, 1.0], [3.0, 0.0]))
    start = likelihood.initial.copy()
    start[likelihood.poi_index] = 0.0  # nothing is expected in the second bin, which has an event
    starts = np.stack([start, likelihood.initial])
    found = newton(likelihood, np.tile(likelihood.data, (2, 1)), starts)
    assert found.converged.tolist() == [False, True]
    assert found.twice_nll[0] == np.inf
    assert np.isfinite(found.twice_nll[1])


def test_a_batch_is_its_single_fits(built: Callable[..., Workspace]) -> None:
    likelihood = make_likelihood(built("lz_ws2022", hypothesis="magnetic-moment", background="components"))
    truth = likelihood.best().parameters
    data = toy_model(likelihood).throw(truth, 40, 3, 0)
    together = newton(likelihood, data)
    assert together.converged.all()
    for row, sample in enumerate(data):
        alone = newton(likelihood, sample[None])
        # Matrices are multiplied in batches of another size: rounding of a 2NLL of about −1000.
        assert together.twice_nll[row] == pytest.approx(alone.twice_nll[0], rel=1e-12)
        # 1e-10 left in 2NLL is 1e-5 of a standard deviation.
        step = (together.parameters[row] - alone.parameters[0]) / likelihood.scale
        assert np.abs(step).max() < 1e-4


@pytest.mark.parametrize(
    "hypothesis", ["magnetic-moment", pytest.param("millicharge-fea", marks=pytest.mark.thorough)]
)
def test_both_engines_give_one_limit(built: Callable[..., Workspace], hypothesis: str) -> None:
    workspace = built("lz_ws2022", hypothesis=hypothesis, background="components")
    fast, slow = limit(workspace, engine="compiled"), limit(workspace, engine="pyhf")
    # Issue 6: equal to 1e-3; ends are searched for to 1e-4 of the parameter.
    assert fast.upper == pytest.approx(slow.upper, rel=1e-3)
    if hypothesis == "magnetic-moment":
        assert fast.lower is slow.lower is None
    else:
        assert fast.lower == pytest.approx(slow.lower, rel=1e-3)
    assert fast.min_chi2 == pytest.approx(slow.min_chi2, abs=SAME)
