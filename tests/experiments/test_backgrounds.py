"""Background templates: norms, shapes against an independent simulation, and errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nuhist.errors import ConfigError
from nuhist.experiments.counts import argon37_counts, background_counts, background_response
from nuhist.experiments.experiment import BackgroundSample
from nuhist.experiments.loading import load_experiment
from nuhist.tables import Array

LZ = load_experiment("lz_ws2022")
PAPER = load_experiment("lz_ws2022_paper")
RESPONSE = background_response(LZ)
NOTHING = np.zeros(LZ.bins)


def sample(name: str, background: str = "components") -> BackgroundSample:
    (found,) = (entry for entry in LZ.treatment(background).samples if entry.name == name)
    return found


def invented(shape: dict[str, Any], events: float | None = 10.0) -> BackgroundSample:
    return BackgroundSample("invented", "invented", shape, events, None, None, None)


@pytest.mark.parametrize(
    ("name", "events"),
    # LZ, arXiv:2207.03764, Table I, column "expected".
    [
        ("beta", 215),
        ("xe127", 9.2),
        ("xe124", 5.0),
        ("xe136", 15.1),
        ("b8_cevns", 0.14),
        ("accidentals", 1.2),
    ],
)
def test_norms(name: str, events: float) -> None:
    counts = background_counts(LZ, sample(name), RESPONSE, NOTHING)
    assert (counts >= 0).all()
    assert counts.sum() == pytest.approx(events, rel=1e-12)  # rounding of 51 terms


# Another simulation of the same components with nestpy, with events per bin and in total.
SIMULATED: list[tuple[str, float, float, dict[int, float]]] = [
    # Flat: 5e4 events per bin before efficiency in each simulation, 0.4 %; found 0.2 %.
    ("beta", 221.88, 0.01, {4: 3.1874, 6: 5.2337, 15: 5.6737, 30: 5.7002, 41: 4.4221, 45: 1.5125}),
    # Lines: here a row of the matrix, 1.6e4 events, 2 % in a bin; found 3 %.
    ("xe127", 9.2999, 0.06, {13: 1.1604, 14: 1.7375, 15: 1.9300, 16: 1.6255, 17: 1.0932, 18: 0.5827}),
    ("xe124", 5.2003, 0.06, {15: 0.1999, 16: 0.3071, 17: 0.3623, 29: 0.4657, 30: 0.4456, 31: 0.3885}),
]


@pytest.mark.parametrize(("name", "total", "tolerance", "bins"), SIMULATED)
def test_shapes(name: str, total: float, tolerance: float, bins: dict[int, float]) -> None:
    counts = background_counts(LZ, sample(name), RESPONSE, NOTHING)
    found = {i: counts[i] / counts.sum() for i in bins}
    assert found == pytest.approx({i: value / total for i, value in bins.items()}, rel=tolerance)


def test_argon37_shape() -> None:
    # As above; besides, 2.8224 keV takes the matrix row of 2.8 keV, which is 0.022 keV or 0.08
    # standard deviations below: up to 10 % on the line's flanks; found 6 %.
    counts = argon37_counts(LZ, RESPONSE, 96)
    assert counts.sum() == pytest.approx(96, rel=1e-12)
    simulated = {6: 5.4746, 7: 13.4551, 8: 16.1205, 9: 10.6469, 10: 4.4921}
    expected = {i: value / 52.5001 * 96 for i, value in simulated.items()}
    assert {i: counts[i] for i in simulated} == pytest.approx(expected, rel=0.1)


def test_xe136_rises_linearly() -> None:
    # Far below its end point, 2458 keV, the two-neutrino spectrum is proportional to the energy
    # (1 + O(T / 100 keV)): from the bin at 5 keV to that at 10 keV, where the efficiency is the
    # same, a factor of 10.17 / 5.17 and 5 % more of the next order.
    counts = background_counts(LZ, sample("xe136"), RESPONSE, NOTHING)
    assert counts[30] / counts[15] == pytest.approx(10.17 / 5.17, rel=0.06)


def test_flat_in_reconstructed_energy() -> None:
    # 0.14 events over 1 to 3 keVee: six bins.
    counts = background_counts(LZ, sample("b8_cevns"), RESPONSE, NOTHING)
    np.testing.assert_allclose(counts[3:9], 0.14 / 6, rtol=1e-12)
    assert counts[:3].tolist() == [0] * 3
    assert counts[9:].tolist() == [0] * 42


def test_partly_covered_bins() -> None:
    # 0.5 to 1.0 keV covers half of the second bin and all of the third.
    counts = background_counts(LZ, invented({"reconstructed_flat": [0.5, 1.0]}), RESPONSE, NOTHING)
    np.testing.assert_allclose(counts[:4], [0, 10 / 3, 20 / 3, 0], rtol=1e-12)


def test_figure_without_neutrinos() -> None:
    # Fig. 6, bins 4 and 8, events per keVee: 11.28272 and 65.70681; 0.2 and 0.7 are taken out.
    standard: Array = np.zeros(LZ.bins)
    standard[[4, 8]] = 0.2, 0.7
    counts = background_counts(LZ, sample("background", "paper"), RESPONSE, standard)
    assert counts[4] == pytest.approx(11.28272 / 3 - 0.2, rel=1e-6)  # digits of the figure here
    assert counts[8] == pytest.approx(65.70681 / 3 - 0.7, rel=1e-6)
    # All of it: 333 events, what LZ fitted; 0.13 more were read off the figure.
    assert counts.sum() + 0.9 == pytest.approx(333.0, abs=0.2)


def test_density_as_counts_triples_backgrounds() -> None:
    standard = np.full(LZ.bins, 1e-3)
    events = background_counts(LZ, sample("background", "paper"), RESPONSE, standard)
    (density_sample,) = PAPER.treatment("paper").samples
    density = background_counts(PAPER, density_sample, RESPONSE, 3 * standard)
    np.testing.assert_allclose(density, 3 * events, rtol=1e-12)
    np.testing.assert_allclose(
        argon37_counts(PAPER, background_response(PAPER), 96),
        3 * argon37_counts(LZ, RESPONSE, 96),
        rtol=1e-12,
    )


def test_more_neutrinos_than_background() -> None:
    standard: Array = np.zeros(LZ.bins)
    standard[7] = 30.0
    with pytest.raises(ConfigError, match=r"lz_ws2022: sample 'background', bin 7: 18.4 counts are fewer"):
        background_counts(LZ, sample("background", "paper"), RESPONSE, standard)


def test_rounding_of_a_figure_does_not_go_below_zero() -> None:
    # Bin 0 has 0.0436 / 3 events, which stands for none: 0.05 taken out leave nothing.
    standard: Array = np.zeros(LZ.bins)
    standard[0] = 0.05
    assert background_counts(LZ, sample("background", "paper"), RESPONSE, standard)[0] == 0.0


def test_line_outside_of_the_range() -> None:
    with pytest.raises(ConfigError, match="sample 'invented' has no events in the range"):
        background_counts(LZ, invented({"lines": [{"energy": 100.0, "weight": 1}]}), RESPONSE, NOTHING)


def test_no_argon37() -> None:
    with pytest.raises(ConfigError, match="lz_ws2022 has no ³⁷Ar"):
        argon37_counts(replace(LZ, argon37=None), RESPONSE, 96)


@pytest.mark.parametrize(
    ("keep", "probability"),
    # What a decay at 5.0 keV gives in the bin from 5.0 keV on: the matrix row of 5.0 keV; half of
    # a Gaussian less its tail beyond 5.333 keV, σ = 0.323 √5 keV; all. The latter two times A_accER.
    [
        (["matrix", "efficiency", "resolution"], 0.1845),
        (["efficiency", "resolution"], 0.9295 * 0.1777),
        (["efficiency"], 0.9295),
    ],
)
def test_backgrounds_take_the_best_response(keep: list[str], probability: float) -> None:
    experiment = replace(LZ, response={key: LZ.response[key] for key in keep})
    response = background_response(experiment)
    assert response.probability(np.array([5.0]))[15, 0] == pytest.approx(probability, abs=1e-4)
