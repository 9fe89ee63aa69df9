"""Random numbers that are spread evenly: their distributions are right, and their shares nearly exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm, poisson

from nuhist.inference.even_toys import even_normal, even_poisson, even_uniform


def _random(batch: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([7, batch], dtype=np.uint64)))


def test_one_number_in_each_interval() -> None:
    numbers = even_uniform(_random(0), 200, 3)
    assert numbers.shape == (200, 3)
    for column in numbers.T:
        assert np.floor(np.sort(column) * 200).tolist() == list(range(200))
    # Columns know nothing of each other: three standard errors of a correlation.
    assert np.abs(np.asarray(np.corrcoef(numbers.T))[np.triu_indices(3, 1)]).max() < 3 / np.sqrt(200)


@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.7, 5.0, 60.0, 3e4])
def test_shares_of_counts(mean: float) -> None:
    size = 1000
    counts = even_poisson(_random(1), size, np.array([3.0, mean, 8.0]))[:, 1]
    assert (counts == np.round(counts)).all()
    at_most = np.sum(counts[:, None] <= np.unique(counts), axis=0) / size
    # Of numbers in intervals of 1/1000 the share below any limit is right to 1/1000.
    assert np.abs(at_most - poisson.cdf(np.unique(counts), mean)).max() <= 1 / size


def test_columns_that_are_too_large_for_tables() -> None:
    # Two of these three tables would have 60,000 entries and more.
    mean = np.array([1e7, 4.0, 1e7])
    counts = even_poisson(_random(2), 4000, mean)
    # Five standard errors of a mean.
    assert np.abs(counts.mean(axis=0) - mean) == pytest.approx([0, 0, 0], abs=5 * np.sqrt(1e7 / 4000))
    assert counts.var(axis=0)[::2] == pytest.approx(mean[::2], rel=0.12)


def test_one_toy_has_the_right_distribution() -> None:
    # One toy of each of many batches: nothing is left of the evenness.
    firsts = np.array([even_poisson(_random(batch), 50, np.array([2.5]))[0, 0] for batch in range(4000)])
    for count in range(6):
        share = poisson.pmf(count, 2.5)
        error = np.sqrt(share * (1 - share) / 4000)
        assert np.mean(firsts == count) == pytest.approx(share, abs=4 * error)
    normals = np.array(
        [even_normal(_random(batch), 10, np.array([1.0]), np.array([2.0]))[0, 0] for batch in range(2000)]
    )
    assert kstest(normals, norm(1.0, 2.0).cdf).pvalue > 1e-3
