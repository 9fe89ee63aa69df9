"""Detector responses against direct integration, and their errors."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from math import erf, exp, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import nuhist
from nuhist.errors import ConfigError, DataError, NuhistError
from nuhist.experiments.experiment import Experiment, ResponseKind
from nuhist.experiments.loading import load_experiment
from nuhist.experiments.response import make_response, quadrature, resolution
from tests.table_head import head_lines

FOLDER = Path(nuhist.__file__).parent / "experiments" / "lz_ws2022"
LZ = load_experiment("lz_ws2022")
NO_BREAKS = np.array([])
ACCEPTED, CELLS = FOLDER / "er_efficiency.csv", FOLDER / "er_response.csv"
TABLE = np.genfromtxt(ACCEPTED, delimiter=",", skip_header=head_lines(ACCEPTED), names=True)


def efficiency(t: float) -> float:
    """A_accER, linear between its nodes."""
    return float(np.interp(t, TABLE["T_keV"], TABLE["A_accER"], left=0.0, right=0.0))


@given(powers=st.lists(st.floats(-3, 3), min_size=1, max_size=8))
def test_quadrature_is_exact_to_degree_7(powers: list[float]) -> None:
    # At least four Gauss-Legendre points on one interval that is not split. Rounding.
    energy, weights = quadrature(np.array([0.9, 1.0]))
    expected = np.diff(np.polyval(np.polyint(powers), np.array([0.9, 1.0])))[0]
    assert weights @ np.polyval(powers, energy) == pytest.approx(expected, abs=1e-12)


def test_quadrature_splits_wide_intervals() -> None:
    # 0.1, 0.25 and 0.4 keV: 1, 3 and 4 pieces of at most 0.1 keV.
    order = quadrature(np.array([0.9, 1.0]))[0].size
    energy, weights = quadrature(np.array([1.0, 1.1, 1.35, 1.75]))
    assert energy.size == order * (1 + 3 + 4)
    assert (np.diff(energy) > 0).all()
    assert weights.sum() == pytest.approx(0.75, rel=1e-12)


def test_quadrature_of_a_steep_spectrum() -> None:
    # ∫ T⁻² from the first ionisation edge up: 1/0.0121 − 1/0.5. 1e-7: what the rates are tested to.
    energy, weights = quadrature(np.array([0.0121, 0.5]))
    assert weights @ energy**-2.0 == pytest.approx(1 / 0.0121 - 1 / 0.5, rel=1e-7)


@pytest.mark.parametrize("bins", [4, 20, 47])
def test_sharp_response_is_the_efficiency(bins: int) -> None:
    response = make_response(LZ, "none", NO_BREAKS)
    low, high = bins / 3, (bins + 1) / 3
    limits = [low, *TABLE["T_keV"][(TABLE["T_keV"] > low) & (TABLE["T_keV"] < high)], high]
    # Linear between nodes: trapezoids are exact.
    expected = sum((b - a) * (efficiency(a) + efficiency(b)) / 2 for a, b in itertools.pairwise(limits))
    assert response.fold(np.ones_like(response.energy))[bins] == pytest.approx(expected, rel=1e-10)


def test_an_edge_belongs_to_the_bin_above() -> None:
    probability = make_response(LZ, "none", NO_BREAKS).probability(np.array([2.0, 17.0]))
    assert np.flatnonzero(probability[:, 0]).tolist() == [6]  # [2, 2.333)
    assert not probability[:, 1].any()  # the end is outside


@pytest.mark.parametrize("bins", [3, 4, 20, 47])
def test_gaussian_response(bins: int) -> None:
    # A falling spectrum, e^(−T/2 keV); LZ's σ = 0.323 √(T/keV) keV (arXiv:2207.05036, Sec. VI).
    response = make_response(LZ, "gaussian", NO_BREAKS)
    low, high = bins / 3, (bins + 1) / 3

    def accepted(t: float) -> float:
        sigma = 0.323 * sqrt(t)
        reconstructed = (erf((high - t) / sigma / sqrt(2)) - erf((low - t) / sigma / sqrt(2))) / 2
        return exp(-t / 2) * efficiency(t) * reconstructed

    nodes = TABLE["T_keV"]  # between which the efficiency is linear
    expected = sum(quad(accepted, a, b, epsabs=1e-14)[0] for a, b in itertools.pairwise(nodes))
    # nuhist cuts the Gaussian at six standard deviations, 2e-9 of the events; from far below
    # threshold or above, where the spectrum is e^5 higher, some 1e-7.
    assert response.fold(np.exp(-response.energy / 2))[bins] == pytest.approx(expected, rel=3e-7)


def test_gaussian_response_keeps_events() -> None:
    # At 8 keV σ = 0.91 keV: 0 and 17 keV are more than 8 σ away, all that is accepted is binned.
    probability = make_response(LZ, "gaussian", NO_BREAKS).probability(np.array([8.0]))
    # All but the 2e-9 outside of six standard deviations.
    assert probability.sum() == pytest.approx(efficiency(8.0), rel=3e-9)


def test_matrix_rows_hold_for_their_cells() -> None:
    probability = make_response(LZ, "matrix", NO_BREAKS).probability
    rows = np.loadtxt(CELLS, delimiter=",", skiprows=head_lines(CELLS) + 1)
    assert rows[49, 0] == 5.0
    energies = np.array([4.951, 5.0, 5.049])
    np.testing.assert_array_equal(probability(energies), np.tile(rows[49, 1:, None], 3))
    np.testing.assert_array_equal(probability(np.array([4.949]))[:, 0], rows[48, 1:])
    np.testing.assert_array_equal(probability(np.array([5.051]))[:, 0], rows[50, 1:])
    assert not probability(np.array([0.049, 24.951, 100.0])).any()


def test_matrix_fold_of_a_flat_spectrum() -> None:
    # dN_i = Σ_j R_ij (dN/dT)_j × 0.1 keV. Rounding.
    response = make_response(LZ, "matrix", NO_BREAKS)
    rows = np.loadtxt(CELLS, delimiter=",", skiprows=head_lines(CELLS) + 1)
    counts = response.fold(np.ones_like(response.energy))
    np.testing.assert_allclose(counts, rows[:, 1:].sum(axis=0) * 0.1, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", ["none", "gaussian", "matrix"])
def test_breakpoints_split_the_quadrature(kind: ResponseKind) -> None:
    # A step in the spectrum at 5.4321 keV: exact for a piecewise constant spectrum, if split.
    edge = 5.4321
    split = make_response(LZ, kind, np.array([edge]))
    below, all_of_it = (split.fold(v.astype(float)) for v in (split.energy < edge, split.energy > 0))
    # The same with 0.001 keV steps everywhere.
    fine = make_response(LZ, kind, np.append(np.arange(0.05, 24.95, 0.001), edge))
    np.testing.assert_allclose(below, fine.fold((fine.energy < edge).astype(float)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(all_of_it, fine.fold(np.ones_like(fine.energy)), rtol=1e-9, atol=1e-9)


def test_resolution_by_hand() -> None:
    assert resolution(np.array([4.0]), sqrt=0.323) == pytest.approx([0.646], rel=1e-12)
    # PandaX-4T, arXiv:2206.02339, at 10 keV: 0.073 + 1.73 − 0.65 + 0.11.
    pandax = resolution(np.array([10.0]), constant=0.073, linear=0.173, quadratic=-6.5e-3, cubic=1.1e-4)
    assert pandax == pytest.approx([1.263], rel=1e-12)


Edit = Callable[[str, str, str], Experiment]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Load a copy of the LZ folder with some text of one of its files replaced."""

    def edit(file: str, old: str, new: str) -> Experiment:
        folder = Path(shutil.copytree(FOLDER, tmp_path / "lz"))
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_experiment(folder)

    return edit


YAML = "experiment.yaml"
MATRIX = "  matrix: {table: er_response.csv, energy: E_true_keV, cell: 0.1}\n"
EFFICIENCY = "  efficiency: {table: er_efficiency.csv, energy: T_keV, value: A_accER}\n"
RESOLUTION = (
    "  resolution: {sqrt: 0.323} # arXiv:2207.05036, Sec. VI, read as relative: sigma/T = 0.323/sqrt(T)\n"
)


@pytest.mark.parametrize(
    ("kind", "file", "old", "new", "error", "message"),
    [
        ("matrix", YAML, MATRIX, "", ConfigError, "lz_ws2022 has no response matrix"),
        ("none", YAML, EFFICIENCY + RESOLUTION, "", ConfigError, "lz_ws2022 has no efficiency table"),
        ("gaussian", YAML, RESOLUTION, "", ConfigError, "lz_ws2022 has no resolution"),
        (
            "matrix",
            YAML,
            "er_response.csv",
            "gone.csv",
            DataError,
            r"gone\.csv: cannot be read: No such file",
        ),
        (
            "matrix",
            YAML,
            "cell: 0.1",
            "cell: 0.2",
            ConfigError,
            r"er_response\.csv: rows are not 0.2 keV apart",
        ),
        (
            "matrix",
            YAML,
            "bins: 51",
            "bins: 50",
            ConfigError,
            r"er_response\.csv: has 51 bins, lz_ws2022 has 50",
        ),
        (
            "matrix",
            "er_response.csv",
            "\n0.100,0",
            "\n0.100,1.5",
            ConfigError,
            r"row 1 \(E_true_keV = 0\.1\) adds up to 1\.\d+, more than 1",
        ),
        (
            "matrix",
            "er_response.csv",
            "\n0.100,0",
            "\n0.100,-0.1",
            DataError,
            "column 'b0', row 1: -0.1 is negative",
        ),
        (
            "none",
            YAML,
            "value: A_accER",
            "value: A_acc",
            DataError,
            r"er_efficiency\.csv: has no column 'A_acc'",
        ),
        ("none", "er_efficiency.csv", "\n0.1,0,0", "\n0.1,0,1.2", ConfigError, "column 'A_accER' exceeds 1"),
        (
            "none",
            "er_efficiency.csv",
            "\n0.1,0,0",
            "\n0.1,0,nan",
            DataError,
            "'A_accER', row 1: nan is not a finite",
        ),
        (
            "none",
            "er_efficiency.csv",
            "\n0.1,0,0",
            "\n0.3,0,0",
            DataError,
            "'T_keV', row 2: 0.2 is not above",
        ),
    ],
)
def test_errors_name_file_and_cause(
    edited: Edit, kind: ResponseKind, file: str, old: str, new: str, error: type[NuhistError], message: str
) -> None:
    experiment = edited(file, old, new)
    with pytest.raises(error, match=message):
        make_response(experiment, kind, NO_BREAKS)


@pytest.mark.parametrize(
    "name", ["xenonnt_sr0", "darwin_like"]
)  # an efficiency of true or reconstructed energy
def test_a_resolution_without_a_width_is_refused(name: str) -> None:
    experiment = load_experiment(name)
    for terms in ({"sqrt": -0.3}, {"constant": 0.5, "linear": -0.1}):
        broken = replace(experiment, response={**experiment.response, "resolution": terms})
        with pytest.raises(ConfigError, match=r"response\.resolution: the standard deviation is -.* keV at"):
            make_response(broken, "gaussian", np.array([]))
