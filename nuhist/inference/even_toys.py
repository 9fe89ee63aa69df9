"""Random numbers that are spread evenly, so that fractions of toys fluctuate less.

Of N toys, each column of uniform numbers has one in every interval of length 1/N (Latin hypercube
sampling, McKay, Beckman and Conover, Technometrics 21 (1979) 239): each toy has the right distribution,
and the share of the toys in which a bin holds n events is the Poisson probability to 1/N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nuhist.tables import Array

_REACH, _FURTHER = 10.0, 20  # counts in a table: up to so many standard deviations and counts away
_ENTRIES = 65_536  # in the tables of all bins: beyond, counts are so large that evenness matters little


def even_uniform(random: np.random.Generator, size: int, columns: int) -> Array:
    """Uniform numbers between 0 and 1, spread evenly in each column, shape (size, columns)."""
    strata = np.tile(np.arange(size, dtype=np.float64), (columns, 1))
    random.permuted(strata, axis=1, out=strata)
    strata += random.random((columns, size))
    even: Array = strata.T / size
    return even


def even_normal(random: np.random.Generator, size: int, mean: Array, sigma: Array) -> Array:
    """Normal numbers, spread evenly, of the means and widths of each column, shape (size, columns)."""
    from scipy.special import ndtri

    numbers: Array = mean + sigma * ndtri(even_uniform(random, size, mean.size))
    return numbers


def even_poisson(random: np.random.Generator, size: int, mean: Array) -> Array:
    """Poisson counts, spread evenly, of the means of each column, shape (size, columns).

    Columns whose tables of probabilities would be too large are drawn as they come.
    """
    first = np.maximum(np.floor(mean - _REACH * np.sqrt(mean) - _FURTHER), 0.0)
    width = np.ceil(mean + _REACH * np.sqrt(mean) + _FURTHER) - first + 1
    order = np.argsort(width, kind="stable")
    small = np.cumsum(width[order]) <= _ENTRIES
    even, others = np.sort(order[small]), np.sort(order[~small])
    counts = np.empty((size, mean.size))
    uniform = even_uniform(random, size, even.size)
    counts[:, even] = _quantiles(uniform, mean[even], first[even], width[even].astype(np.intp))
    counts[:, others] = random.poisson(mean[others], (size, others.size))
    return counts


def _quantiles(uniform: Array, mean: Array, first: Array, width: NDArray[np.intp]) -> Array:
    """Counts at which the cumulative probability reaches uniform numbers.

    Each column has a table of probabilities; number j stands in the line of numbers from j to j + 1, so
    that one search serves all.
    """
    from scipy.special import pdtr

    column = np.repeat(np.arange(mean.size), width)
    start = np.cumsum(width) - width
    within = np.arange(column.size) - start[column]
    table = column + pdtr(first[column] + within, mean[column])
    found = np.searchsorted(table, uniform + np.arange(mean.size))
    counts: Array = first + np.minimum(found - start, width - 1)
    return counts
