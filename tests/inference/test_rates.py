"""Rows and cells are two ways to one likelihood; derivatives where factors are 0 or act on some samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist.inference import compiled, rows
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian, slope_and_curvature
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.prepare import make_likelihood
from tests.equivalence.checks import random_points, reference, thrown
from tests.strategies import Limits, random_workspace

Array = NDArray[np.float64]
Modifier = dict[str, Any]
Sample = tuple[list[float], list[Modifier]]

STEP = 1e-5
LIMITS = Limits(channels=3, bins=6, samples=4, causes=5)

NORM = {"name": "norm", "type": "normsys", "data": {"hi": 1.2, "lo": 0.9}}
BENT = {"name": "bent", "type": "histosys", "data": {"hi_data": [14.0, 9.0], "lo_data": [11.0, 6.0]}}
FACTOR = {"name": "factor", "type": "shapefactor", "data": None}
SHAPE = {"name": "shape", "type": "shapesys", "data": [2.0, 1.0]}


def _strength(name: str) -> Modifier:
    return {"name": name, "type": "normfactor", "data": None}


def _statistic(*errors: float) -> Modifier:
    return {"name": "stat", "type": "staterror", "data": list(errors)}


def _workspace(*channels: list[Sample], seen: float = 1.1) -> Workspace:
    """Channels of two bins; what is seen is a little more than expected. The parameter of interest is mu."""
    spec: dict[str, Any] = {"channels": [], "observations": [], "version": "1.0.0"}
    for number, samples in enumerate(channels):
        entries = [
            {"name": f"sample_{index}", "data": data, "modifiers": modifiers}
            for index, (data, modifiers) in enumerate(samples)
        ]
        total = np.sum([data for data, _ in samples], axis=0)
        spec["channels"].append({"name": f"channel_{number}", "samples": entries})
        spec["observations"].append({"name": f"channel_{number}", "data": np.round(seen * total).tolist()})
    spec["measurements"] = [{"name": "only", "config": {"poi": "mu", "parameters": []}}]
    return Workspace(spec, origin="rates.json")


def _compiled(likelihood: Likelihood) -> CompiledModel:
    assert likelihood.compiled is not None
    return likelihood.compiled


def _by_cell(model: CompiledModel) -> CompiledModel:
    """The same model, computed cell by cell."""
    copied = replace(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "make_rows", lambda _: None)
        assert copied.rows is None
    return copied


def _by_row(model: CompiledModel) -> CompiledModel:
    """The same model, computed in rows of templates even where that is more work."""
    copied = replace(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_MOST", np.inf)
        assert copied.rows is not None
    return copied


def _ways(model: CompiledModel) -> list[CompiledModel]:
    """All ways in which a model can be computed."""
    whole = all(layer.whole for layer in model.layers)
    return [_by_cell(model), _by_row(model)] if whole else [_by_cell(model)]


def _of_all_samples(spec: Mapping[str, Any]) -> None:
    """Take bin-by-bin factors out, and give one to all samples of the first channel."""
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = [
                modifier
                for modifier in sample["modifiers"]
                if modifier["type"] not in {"staterror", "shapesys", "shapefactor"}
            ]
    for sample in spec["channels"][0]["samples"]:
        errors = [0.1 * count for count in sample["data"]]
        sample["modifiers"] += [{"name": "stat_all", "type": "staterror", "data": errors}, FACTOR]
    parameters = spec["measurements"][0]["config"]["parameters"]
    names = {
        modifier["name"]
        for channel in spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
    }
    parameters[:] = [block for block in parameters if block["name"] in names]


@pytest.mark.parametrize("seed", range(12))
def test_rows_and_cells_are_one_likelihood(seed: int) -> None:
    workspace = random_workspace([44, seed], LIMITS)
    _of_all_samples(workspace.spec)
    likelihood, pyhf_side = make_likelihood(workspace), reference(workspace)
    by_row, by_cell = _by_row(_compiled(likelihood)), _by_cell(_compiled(likelihood))
    rng = np.random.default_rng(seed)
    theta = random_points(pyhf_side, rng, 5)
    data = np.stack([thrown(pyhf_side, rng) for _ in theta])
    held = rng.exponential(size=(5, by_row.bins))
    # The same sums in another order.
    counts = [full_jacobian(model, theta) for model in (by_row, by_cell)]
    size = np.abs(counts[0][0]).max()
    np.testing.assert_allclose(counts[0][0], counts[1][0], rtol=1e-11, atol=1e-12 * size)
    np.testing.assert_allclose(counts[0][1], counts[1][1], rtol=1e-10, atol=1e-12 * size)
    np.testing.assert_allclose(by_row.expected(theta), by_cell.expected(theta), rtol=1e-11, atol=1e-12 * size)
    main = data[:, : by_row.bins]
    main[counts[0][0] < 1e-3] = 0.0  # n/λ² of less has few digits left
    for choice in ({"whole": True}, {"whole": False}, {"whole": True, "held": held}):
        one, other = (slope_and_curvature(model, theta, data, **choice) for model in (by_row, by_cell))
        for left, right in zip(one, other, strict=True):
            most = np.abs(left).max()
            np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-10 * most)


def test_the_way_that_is_less_work() -> None:
    few = _workspace([([12.0, 8.0], [_strength("mu")]), ([12.0, 8.0], [BENT, NORM])])
    assert _compiled(make_likelihood(few)).rows is not None
    tilts = [{**BENT, "name": f"bent_{number}"} for number in range(40)]
    many = _workspace([([12.0, 8.0], [_strength("mu")]), ([12.0, 8.0], tilts)])
    assert _compiled(make_likelihood(many)).rows is None
    # A factor of one sample's bins: a row of templates has one factor for all samples.
    partial = _workspace([([12.0, 8.0], [_strength("mu")]), ([12.0, 8.0], [_statistic(1.0, 1.0)])])
    assert _compiled(make_likelihood(partial)).rows is None
    whole = _workspace([([12.0, 8.0], [_strength("mu"), FACTOR]), ([12.0, 8.0], [FACTOR])])
    assert _compiled(make_likelihood(whole)).rows is not None


PARTIAL: dict[str, Workspace] = {
    "shapesys on one of three samples": _workspace(
        [([12.0, 8.0], [_strength("mu")]), ([12.0, 8.0], [SHAPE, NORM, BENT]), ([3.0, 4.0], [NORM])]
    ),
    "two bin by bin on one sample": _workspace(
        [([5.0, 3.0], [_strength("mu")]), ([12.0, 8.0], [SHAPE, _statistic(1.0, 2.0), BENT])]
    ),
    "one on all samples, one on some": _workspace(
        [
            ([5.0, 3.0], [_strength("mu"), _statistic(0.5, 0.2)]),
            ([12.0, 8.0], [SHAPE, _statistic(1.0, 2.0), BENT]),
            ([4.0, 4.0], [_statistic(0.3, 0.3), {**SHAPE, "name": "other"}]),
        ]
    ),
    "three, in two channels": _workspace(
        [([12.0, 8.0], [_strength("mu"), FACTOR, _statistic(1.0, 2.0)]), ([12.0, 8.0], [BENT, FACTOR])],
        [([7.0, 9.0], [FACTOR, SHAPE, _statistic(1.0, 1.0), NORM]), ([6.0, 5.0], [_strength("mu")])],
    ),
}


def _differences(model: CompiledModel, theta: Array, data: Array) -> tuple[Array, Array, Array]:
    """Central differences of the counts, of 2NLL and of its slope."""
    counts: list[Array] = []
    height: list[Array] = []
    slopes: list[Array] = []
    for index in range(model.parameters):
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[:, index] += sign * STEP
            ends.append(
                (
                    model.expected(moved),
                    model.twice_nll(moved, data),
                    slope_and_curvature(model, moved, data)[0],
                )
            )
        for found, up, down in zip((counts, height, slopes), *ends, strict=True):
            found.append((up - down) / (2 * STEP))
    return np.stack(counts, axis=1), np.stack(height, axis=1), np.stack(slopes, axis=1)


def _check_derivatives(model: CompiledModel, theta: Array, data: Array) -> None:
    """Against central differences: STEP² of third derivatives, and rounding over STEP."""
    counts, height, slopes = _differences(model, theta, data)
    for way in _ways(model):
        _, jacobian = full_jacobian(way, theta)
        slope, curvature = slope_and_curvature(way, theta, data)
        np.testing.assert_allclose(jacobian, counts, rtol=1e-8, atol=1e-8 * np.abs(counts).max())
        np.testing.assert_allclose(slope, height, rtol=1e-6, atol=1e-7 * np.abs(height).max())
        np.testing.assert_allclose(curvature, slopes, rtol=1e-6, atol=1e-7 * np.abs(slopes).max())


@pytest.mark.parametrize("name", PARTIAL)
def test_factors_of_some_samples(name: str) -> None:
    likelihood = make_likelihood(PARTIAL[name])
    model, rng = _compiled(likelihood), np.random.default_rng(1)
    assert not all(layer.whole for layer in model.layers)
    assert model.rows is None
    theta = likelihood.initial + rng.uniform(0.05, 0.4, (4, model.parameters))
    data = np.tile(likelihood.data, (4, 1))
    expected = np.stack([likelihood.expected(point) for point in theta])
    np.testing.assert_allclose(model.expected(theta), expected, rtol=1e-12)
    _check_derivatives(model, theta, data)


def test_a_factor_of_one_sample_by_hand() -> None:
    # λ = 5 μ + 12 γ in the first bin, with 17 seen: ∂²(−2 ln L)/∂μ∂γ = 2·17·5·12/λ².
    workspace = _workspace([([5.0, 3.0], [_strength("mu")]), ([12.0, 8.0], [_statistic(1.0, 2.0)])], seen=1.0)
    likelihood = make_likelihood(workspace)
    model, (mu, gamma) = (
        _compiled(likelihood),
        (likelihood.names.index(name) for name in ("mu", "stat[0]")),
    )
    theta = likelihood.initial[None].copy()
    theta[0, [mu, gamma]] = 2.0, 0.5
    counts, jacobian = full_jacobian(model, theta)
    assert counts[0, 0] == pytest.approx(5 * 2 + 12 * 0.5)
    assert jacobian[0, [mu, gamma], 0] == pytest.approx([5.0, 12.0])
    _, curvature = slope_and_curvature(model, theta, likelihood.data[None])
    assert curvature[0, mu, gamma] == pytest.approx(2 * 17 * 5 * 12 / 16**2)
    # μ multiplies the other sample, so that γ has the constraint besides: (1/12)².
    assert curvature[0, gamma, gamma] == pytest.approx(2 * 17 * 12**2 / 16**2 + 2 * 12**2)


REST: Sample = ([9.0, 6.0], [NORM])
ZERO: dict[str, tuple[Workspace, dict[str, float]]] = {
    "a strength": (_workspace([([5.0, 3.0], [_strength("mu"), NORM]), REST]), {"mu": 0.0}),
    "two strengths of one sample": (
        _workspace([([5.0, 3.0], [_strength("mu"), _strength("nu"), NORM]), REST]),
        {"mu": 0.0, "nu": 0.0},
    ),
    "three strengths of one sample": (
        _workspace([([5.0, 3.0], [_strength("mu"), _strength("nu"), _strength("xi")]), REST]),
        {"mu": 0.0, "nu": 0.0, "xi": 0.0},
    ),
    "a strength of a shape that bends": (
        _workspace([([12.0, 8.0], [_strength("mu"), BENT, NORM]), REST]),
        {"mu": 0.0, "bent": 0.4},
    ),
    "a bin-by-bin factor of some samples": (
        _workspace([([5.0, 3.0], [_strength("mu"), FACTOR]), REST]),
        {"factor[0]": 0.0},
    ),
    "a strength and a bin-by-bin factor": (
        _workspace([([5.0, 3.0], [_strength("mu"), FACTOR, NORM]), REST]),
        {"mu": 0.0, "factor[0]": 0.0},
    ),
    "two bin-by-bin factors of one sample": (
        _workspace([([5.0, 3.0], [_strength("mu"), FACTOR, _statistic(1.0, 1.0)]), REST]),
        {"factor[0]": 0.0, "stat[0]": 0.0, "stat[1]": 0.0},
    ),
}


@pytest.mark.parametrize("name", ZERO)
def test_factors_that_are_0(name: str) -> None:
    # Derivatives go through logarithms, with 1e-150 in the place of 0.
    workspace, point = ZERO[name]
    likelihood = make_likelihood(workspace)
    model = _compiled(likelihood)
    theta = likelihood.initial[None] + 0.1
    for parameter, value in point.items():
        theta[0, likelihood.names.index(parameter)] = value
    _check_derivatives(model, theta, likelihood.data[None])


def test_a_bin_that_only_a_strength_of_0_fills() -> None:
    # Nothing is expected, and nothing is seen: 2 λ = 2·4 μ f is a straight line, from λ = 0 upwards.
    workspace = _workspace([([5.0, 3.0], [_strength("nu")])], [([4.0, 0.0], [_strength("mu"), FACTOR])])
    likelihood = make_likelihood(workspace)
    model = _compiled(likelihood)
    theta, data = likelihood.initial[None].copy(), likelihood.data[None].copy()
    mu, factor = (likelihood.names.index(name) for name in ("mu", "factor[0]"))
    theta[0, [mu, factor]] = 0.0, 1.5
    data[0, 2] = 0.0
    for way in _ways(model):
        assert way.expected(theta)[0, 2:].tolist() == [0.0, 0.0]
        counts, jacobian = full_jacobian(way, theta)
        assert counts[0, 2:] == pytest.approx([0.0, 0.0], abs=1e-140)
        assert jacobian[0, mu, 2] == pytest.approx(4 * 1.5)
        slope, curvature = slope_and_curvature(way, theta, data)
        assert slope[0, [mu, factor]] == pytest.approx([2 * 4 * 1.5, 0.0], abs=1e-140)
        assert curvature[0, [mu, mu, factor], [mu, factor, factor]] == pytest.approx([0.0, 2 * 4, 0.0])
