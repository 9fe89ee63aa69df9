"""An efficiency of reconstructed energy: applied after the resolution, against direct integration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

import nuhist
from nuhist.experiments.experiment import Experiment
from nuhist.experiments.loading import load_experiment
from nuhist.experiments.response import make_response
from tests.table_head import head_lines

Array = NDArray[np.float64]

XENON = load_experiment("xenonnt_sr0")
HIGH = load_experiment("xenonnt_sr0_high")
FOLDER = Path(nuhist.__file__).parent / "experiments" / "xenonnt_sr0"
EFFICIENCY = FOLDER / "er_efficiency.csv"
TABLE = np.genfromtxt(EFFICIENCY, delimiter=",", comments="#", skip_header=head_lines(EFFICIENCY), names=True)
NO_BREAKS = np.array([])


RESPONSES = {entry.name: make_response(entry, "gaussian", NO_BREAKS) for entry in (XENON, HIGH)}
RESPONSE = RESPONSES["xenonnt_sr0"]


def sigma(energy: Array | float) -> Array:
    """σ of XENONnT as its experiment.yaml says: 0.258 √E + 0.0143 E keV."""
    return np.asarray(0.258 * np.sqrt(energy) + 0.0143 * np.asarray(energy))


def published(energy: Array) -> Array:
    return np.asarray(np.interp(energy, TABLE["E_keV"], TABLE["total_efficiency"], left=0.0, right=0.0))


def brute_force(true: float, low: float, high: float, efficiency: Callable[[Array], Array]) -> float:
    """∫ efficiency(E') Gauss(E'; T, σ(T)) dE' over a bin, in steps of 1e-4 of it."""
    steps = np.linspace(low, high, 10001)
    middle = (steps[:-1] + steps[1:]) / 2
    values = efficiency(middle) * norm.pdf(middle, true, sigma(true))
    return float(values.sum() * (steps[1] - steps[0]))


def with_table(tmp_path: Path, rows: str, *, of: str | None) -> Experiment:
    """XENONnT with another efficiency."""
    (tmp_path / "efficiency.csv").write_text(f"E_keV,value\n{rows}", encoding="utf-8")
    source = {"table": "efficiency.csv", "energy": "E_keV", "value": "value", **({"of": of} if of else {})}
    return replace(XENON, folder=tmp_path, response={**XENON.response, "efficiency": source})


@pytest.mark.parametrize("true", [0.05, 0.7, 1.0, 1.3, 2.37, 9.98, 17.0, 28.5, 29.95, 31.0, 36.0])
def test_probability_against_direct_integration(true: float) -> None:
    found = RESPONSE.probability(np.array([true]))[:, 0]
    expected = [brute_force(true, n / 2, n / 2 + 0.5, published) for n in range(2, 59)]
    # 1e-6: midpoints of 5e-5 keV; kinks of the table, and the end of the Gaussian at 6 σ, are below.
    np.testing.assert_allclose(found[:-1], expected, rtol=0, atol=1e-6)


def test_the_last_bin() -> None:
    # The table ends at 29.88 keV, the range at 30: the last value holds, as in xenonnt_sr0_high.
    def held(energy: Array) -> Array:
        return np.asarray(np.interp(energy, TABLE["E_keV"], TABLE["total_efficiency"]))

    for true in (28.5, 29.95, 31.0):
        found = RESPONSE.probability(np.array([true]))[-1, 0]
        assert found == pytest.approx(brute_force(true, 29.5, 30, held), abs=1e-6)


def test_the_order_matters() -> None:
    # At threshold: what is accepted at 1 keV true is not efficiency(1 keV) of it.
    found = RESPONSE.probability(np.array([1.0])).sum()
    first = norm.sf((1.0 - 1.0) / sigma(1.0)) * published(np.array([1.0]))[0]
    assert found > 1.5 * first


@pytest.mark.thorough
def test_a_spectrum_against_direct_integration() -> None:
    found = RESPONSE.fold(np.exp(-RESPONSE.energy / 5))
    true = np.linspace(0.0121, 10, 6001)
    middle, step = (true[:-1] + true[1:]) / 2, true[1] - true[0]
    for index in (0, 2, 5):
        low = 1 + index / 2
        expected = step * sum(np.exp(-t / 5) * brute_force(t, low, low + 0.5, published) for t in middle)
        assert found[index] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("true", [0.05, 1.0, 2.37, 15.0, 30.0, 35.0])
def test_a_constant_efficiency_is_the_ordinary_gaussian(tmp_path: Path, true: float) -> None:
    rows = "0,0.7\n11.3,0.7\n200,0.7\n"
    after = make_response(with_table(tmp_path, rows, of="reconstructed"), "gaussian", NO_BREAKS)
    before = make_response(with_table(tmp_path, rows, of=None), "gaussian", NO_BREAKS)
    energy = np.array([true])
    edges = np.linspace(1, 30, 59)
    expected = 0.7 * np.diff(norm.cdf(edges, true, sigma(true)))
    # The Gaussian ends at 6 σ: 1e-9.
    np.testing.assert_allclose(after.probability(energy)[:, 0], expected, rtol=0, atol=2e-9)
    np.testing.assert_allclose(after.probability(energy), before.probability(energy), rtol=0, atol=1e-14)


def test_folding_with_a_constant_efficiency(tmp_path: Path) -> None:
    rows = "0,0.7\n200,0.7\n"
    after = make_response(with_table(tmp_path, rows, of="reconstructed"), "gaussian", NO_BREAKS)
    before = make_response(with_table(tmp_path, rows, of=None), "gaussian", NO_BREAKS)
    ours, theirs = (response.fold(1 / response.energy) for response in (after, before))
    # Two quadratures of other nodes, each right to 1e-7.
    np.testing.assert_allclose(ours, theirs, rtol=3e-7)


@pytest.mark.parametrize("name", RESPONSES)
@settings(deadline=None)
@given(true=st.floats(0.0121, 200))
def test_probabilities(name: str, true: float) -> None:
    probability = RESPONSES[name].probability(np.array([true]))
    assert (probability > -1e-15).all()  # rounding
    # No more than the largest efficiency that is published.
    assert probability.sum() <= TABLE["total_efficiency"].max() + 1e-12 <= 1


@pytest.mark.parametrize("name", RESPONSES)
def test_all_true_energies_that_matter_are_covered(name: str) -> None:
    response = RESPONSES[name]
    below = response.energy[0] * np.array([0.9, 0.5])
    beyond = response.energy[-1] + np.array([0.2, 1.0, 10.0])
    # 6 σ: 1e-9.
    assert response.probability(np.concatenate([below, beyond])).max() < 1e-9
    assert (np.diff(response.energy) < 0.1).all()


def test_a_step_inside_a_bin(tmp_path: Path) -> None:
    # From 0 to 1 between 2.20 and 2.21 keV: knots that are no edges.
    experiment = with_table(tmp_path, "0,0\n2.2,0\n2.21,1\n200,1\n", of="reconstructed")
    found = make_response(experiment, "gaussian", NO_BREAKS).probability(np.array([2.5]))[:, 0]

    def step(energy: Array) -> Array:
        return np.clip((energy - 2.2) / 0.01, 0, 1)

    assert found[:2].tolist() == [0, 0]
    for index in (2, 3, 7):
        low = 1 + index / 2
        assert found[index] == pytest.approx(brute_force(2.5, low, low + 0.5, step), abs=1e-7)
