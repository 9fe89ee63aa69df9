"""Large matrices with a diagonal and a border, against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest

from nuhist.inference.arrow import LARGE, arrow
from nuhist.tables import Array


def _matrix(*, lowest: float = 1.0) -> Array:
    """A diagonal with a border of four rows, its rows in any order."""
    random = np.random.default_rng(5)
    size = LARGE + 50
    matrix = np.diag(random.uniform(1.0, 30.0, size))
    matrix[:4] = 0.1 * random.normal(size=(4, size))
    matrix = np.tril(matrix.T) + np.tril(matrix.T, -1).T
    matrix[:4, :4] += 40 * np.eye(4)
    matrix[-1, -1] = lowest
    order = random.permutation(size)
    return np.asarray(matrix[np.ix_(order, order)])


def test_solutions_and_inverses() -> None:
    matrix = _matrix()
    found, right = arrow(matrix), np.linspace(-100.0, 250.0, len(matrix))
    assert found is not None
    assert found.border.size == 4
    assert found.positive
    # 1e-12: the condition number is some hundred.
    assert found.solved(right) == pytest.approx(np.linalg.solve(matrix, right), rel=1e-12, abs=1e-12)
    assert found.inverse() == pytest.approx(np.linalg.inv(matrix), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("lowest", [-1.0, 1e-4])
def test_what_is_not_positive(lowest: float) -> None:
    # A small element with a border beside it: the complement is what turns negative.
    matrix = _matrix(lowest=lowest)
    found = arrow(matrix)
    assert found is not None
    assert found.positive == bool(np.linalg.eigvalsh(matrix)[0] > 0)
    assert not found.positive


def test_none_without_the_structure() -> None:
    matrix = _matrix()
    assert arrow(matrix[:LARGE, :LARGE]) is None  # small
    full = matrix + np.ones_like(matrix)
    assert arrow(full) is None
    rows = np.flatnonzero(np.sum(matrix != 0, axis=1) < LARGE)[:2]
    matrix[rows[0], rows[1]] = matrix[rows[1], rows[0]] = 0.3
    assert arrow(matrix) is None
    nowhere = np.diag(np.full(LARGE + 1, np.nan))
    assert arrow(nowhere) is None
