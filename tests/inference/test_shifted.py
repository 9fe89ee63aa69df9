"""Fits with one parameter held, made together, against fits of their own."""

from __future__ import annotations

import numpy as np
import pytest

from nuhist import ranking
from nuhist.inference.covariance import covariance
from nuhist.inference.hessian import gradient, slope_and_curvature
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.shifted import shifted_fits
from nuhist.inference.walls import bins_at_walls
from tests.strategies import SMALL, random_workspace


@pytest.mark.thorough(keep=5)
@pytest.mark.parametrize("seed", range(30))
def test_they_end_where_fits_of_their_own_do(seed: int) -> None:
    likelihood = make_likelihood(random_workspace([97, seed], SMALL))
    best = likelihood.best()
    if bins_at_walls(likelihood, best).size:
        return  # on an edge the covariance is that of moves along it, and the ranking fits one by one
    matrix = covariance(likelihood, best)
    errors = np.sqrt(np.diag(matrix))
    others = np.arange(errors.size) != likelihood.poi_index  # as in a ranking
    held = np.repeat(np.flatnonzero((errors > 0) & others), 2)
    values = best.parameters[held] + np.tile([1.0, -1.0], held.size // 2) * errors[held]
    found = shifted_fits(likelihood, best, matrix, held, values)
    for parameters, index, value in zip(found, held, values, strict=True):
        if np.isnan(parameters).any() or not np.isfinite(likelihood.heights(parameters[None])[0]):
            continue  # an error as large as a strength leads to 0 up to rounding, where nothing is expected
        if not likelihood.alone(parameters[None], np.array([index]), matrix)[0]:
            continue
        assert parameters[index] == value
        right = likelihood.minimise({likelihood.names[index]: float(value)}, best.parameters)
        assert likelihood.twice_nll(parameters) == pytest.approx(right.twice_nll, abs=2e-8)


def test_most_of_them_converge() -> None:
    # Else the ranking would be right and slow.
    converged = total = 0
    for seed in range(12):
        likelihood = make_likelihood(random_workspace([97, seed], SMALL))
        best = likelihood.best()
        matrix = covariance(likelihood, best)
        held = np.flatnonzero(np.diag(matrix) > 0)
        values = best.parameters[held] + 0.5 * np.sqrt(np.diag(matrix))[held]
        found = shifted_fits(likelihood, best, matrix, held, values)
        converged += int(np.sum(~np.isnan(found).any(axis=1)))
        total += held.size
    assert converged > 0.6 * total


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("seed", range(6))
def test_the_gradient_is_that_of_the_whole_derivative(seed: int) -> None:
    likelihood = make_likelihood(random_workspace([98, seed]))
    model = likelihood.compiled
    assert model is not None
    points = np.stack([likelihood.start, likelihood.best().parameters])
    both = np.tile(likelihood.data, (2, 1))
    right = slope_and_curvature(model, points, both)[0]
    assert gradient(model, points, both) == pytest.approx(right, rel=1e-12, abs=1e-12)


def test_the_fast_ranking_is_linear() -> None:
    workspace = random_workspace([97, 2], SMALL)
    refitted, fast = ranking(workspace), ranking(workspace, fast=True)
    assert any("without refits" in note for note in fast.notes)
    assert {entry.parameter for entry in fast.impacts} == {entry.parameter for entry in refitted.impacts}
    for entry in fast.impacts:
        assert entry.impact_up == pytest.approx(-entry.impact_down)
    theirs = {entry.parameter: entry for entry in refitted.impacts}
    largest = max(abs(entry.impact_up) for entry in refitted.impacts)
    for entry in fast.impacts:  # the mean of both sides is linear but for the third order
        both = (theirs[entry.parameter].impact_up - theirs[entry.parameter].impact_down) / 2
        assert entry.impact_up == pytest.approx(both, abs=0.1 * largest)
