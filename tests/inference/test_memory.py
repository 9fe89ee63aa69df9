"""Fits of many toys take them in parts: memory follows the part, not the number of toys."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from nuhist import Workspace
from nuhist.inference import newton
from nuhist.inference.newton import BatchFit, fit_batch
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.toys import ToyModel, toy_model

BINS = 10_000
DOUBLE = 8  # bytes


@pytest.fixture(scope="module")
def many_bins(counting: Callable[..., Workspace]) -> ToyModel:
    """10,000 bins, of a hundredth of an event to ten."""
    background = np.logspace(-2, 1, BINS)
    signal = np.linspace(0.01, 0.0, BINS)
    observed = np.random.default_rng(1).poisson(background)
    workspace = counting(observed.tolist(), signal.tolist(), background.tolist(), sigma=0.1)
    return toy_model(make_likelihood(workspace))


def _fitted(model: ToyModel, toys: int) -> tuple[BatchFit, int]:
    """Fits, and the most memory that they took at a time besides the toys themselves."""
    data = model.throw(model.initial, toys, 1, 0)
    start = np.tile(model.initial, (toys, 1))
    tracemalloc.start()
    try:
        found = fit_batch(
            model.model, data, start, model.lower, model.upper, model.constant, model.scale, near=True
        )  # fmt: skip
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_follows_the_part(many_bins: ToyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # Parts of fifty instead of five hundred, for the sake of time: parameters² or parameters × bins
    # numbers for each fit.
    monkeypatch.setattr(newton, "_NUMBERS", 50 * many_bins.model.parameters * BINS)
    part = 50 * BINS * DOUBLE
    peaks = [_fitted(many_bins, toys)[1] for toys in (50, 200)]
    # Arrays of the part's counts, derivatives and what comes between.
    assert part < peaks[0] < 12 * part
    # Four times as many toys have no more than four times as many parameters to keep.
    assert peaks[1] < 1.05 * peaks[0]


def test_parts_do_not_change_the_fits(many_bins: ToyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, peak = _fitted(many_bins, 60)
    monkeypatch.setattr(newton, "_NUMBERS", 20 * many_bins.model.parameters * BINS)
    parts, less = _fitted(many_bins, 60)
    assert less < 0.5 * peak
    assert whole.converged.all()
    assert parts.converged.all()
    # The derivatives of the start are those at the middle of a part; 1e-10 is left by either.
    np.testing.assert_allclose(parts.twice_nll, whole.twice_nll, rtol=0, atol=1e-9)
    assert parts.parameters.shape == whole.parameters.shape


def test_one_array_has_at_most_160_megabytes() -> None:
    # The parts above are shrunk from this.
    assert newton._NUMBERS * DOUBLE <= 160e6
