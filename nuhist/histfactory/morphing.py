"""Functions of shape parameters that stock HistFactory has, and counts as sums of them.

pyhf interpolates a normsys by exponentials outside of one standard deviation and by a polynomial inside, a
histosys by straight lines and a polynomial. Counts at anchors have straight lines between them.
A few samples of either sign, each with a normsys and a histosys of every shape parameter, come near to them
everywhere and meet them at the anchors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from nuhist.tables import Array

# Factors at plus and at minus one standard deviation: none, and some that fall or rise on one side alone. Of
# several parameters there is a sample for each combination, so that those have fewer.
FACTORS = ((1.0, 1.0), (0.4, 1.0), (1.0, 0.4))
FACTORS_OF_ONE = (*FACTORS, (0.1, 1.0), (1.0, 0.1), (2.5, 1.0), (1.0, 2.5))
_AT_ANCHORS = 40.0  # weight of anchors against points between them
_EVERYWHERE = 0.02  # least weight of a point, against that of the origin
_SMALLEST = 1e-9  # of singular values: what is smaller says nothing
_BETWEEN = {1: 8, 2: 4, 3: 2}  # points for each distance of anchors, by the number of parameters


@dataclass(frozen=True, eq=False)
class Part:
    """A sample: its counts, and for each shape parameter a factor and a change of counts.

    Attributes
    ----------
    factors
        At plus and minus one standard deviation.
    nominal
        Counts, shape (bins,).
    changes
        Counts that a histosys adds at plus and minus one standard deviation.
    """

    factors: tuple[tuple[float, float], ...]
    nominal: Array
    changes: tuple[tuple[Array, Array], ...]


def normsys(factors: tuple[float, float], pulls: Array) -> Array:
    """A normsys at some values of its parameter, as pyhf's ``code4`` has it."""
    up, down = factors
    high, low = np.log(up), np.log(down)
    ends = [up - 1, down - 1, high * up, -low * down, high**2 * up, low**2 * down]
    inside = np.polynomial.polynomial.polyval(pulls, [1.0, *(_polynomials() @ ends)])
    outside = np.exp(np.abs(pulls) * np.where(pulls > 0, high, low))
    return np.asarray(np.where(np.abs(pulls) < 1, inside, outside), dtype=np.float64)


@cache
def _polynomials() -> Array:
    """Coefficients of the polynomial inside, for value, slope and curvature at plus and minus one."""
    powers = np.arange(1, 7)
    rows = []
    for order in range(3):
        size = np.prod([powers - step for step in range(order)], axis=0) * np.ones(6)
        rows += [size, size * (-1.0) ** (powers - order)]
    return np.linalg.inv(np.array(rows))


def bent(pulls: Array) -> Array:
    """A histosys that adds the same on both sides, as pyhf's ``code4p`` has it; 1 at plus and minus one."""
    square = pulls**2
    return np.where(square < 1, square * (15 + square * (3 * square - 10)) / 8, np.abs(pulls))


def points(anchors: Sequence[Array]) -> tuple[Array, Array]:
    """Where counts are compared, in standard deviations, and with which weight.

    Parameters
    ----------
    anchors
        Anchors of each parameter, within its bounds.

    Returns
    -------
    Points, shape (points, parameters), and weights.
    """
    steps = _BETWEEN.get(len(anchors), 1)
    lines = [
        np.unique(np.concatenate([np.linspace(a, b, steps + 1) for a, b in itertools.pairwise(each)]))
        for each in anchors
    ]
    mesh = np.stack([each.ravel() for each in np.meshgrid(*lines, indexing="ij")], axis=-1)
    near = [np.abs(mesh[:, [number]] - each).min(axis=1) < 1e-9 for number, each in enumerate(anchors)]
    weights = np.exp(-np.sum(mesh**2, axis=1) / 4) + _EVERYWHERE
    return mesh, np.where(np.all(near, axis=0), _AT_ANCHORS, 1.0) * weights


def nearest(functions: Array, weights: Array) -> Array:
    """The matrix that makes coefficients of functions out of counts at points, by weighted least squares.

    Shape (functions, points), for functions of the shape (points, functions).
    """
    weighted = functions * weights[:, None]
    sizes = np.sqrt((weighted**2).sum(axis=0))
    left, singular, right = np.linalg.svd(weighted / sizes, full_matrices=False)
    kept = singular > _SMALLEST * singular[0]
    inverse = (right[kept].T / singular[kept]) @ left[:, kept].T
    return np.asarray(inverse * weights / sizes[:, None])


def parts(mesh: Array, weights: Array, counts: Array) -> list[Part]:
    """Samples whose sum comes nearest to counts, shape (points, bins), at points of shape parameters."""
    number = mesh.shape[1]
    products = list(itertools.product(FACTORS if number > 1 else FACTORS_OF_ONE, repeat=number))
    found = (nearest(columns(products, mesh), weights) @ counts).reshape(len(products), 1 + 2 * number, -1)
    made = []
    for factors, each in zip(products, found, strict=True):
        changes = tuple(
            (each[1 + 2 * n] + each[2 + 2 * n], each[2 + 2 * n] - each[1 + 2 * n]) for n in range(number)
        )
        made.append(Part(factors, each[0], changes))
    return made


def columns(products: Sequence[Sequence[tuple[float, float]]], mesh: Array) -> Array:
    """What each sample's counts, slopes and bends are multiplied with at the points."""
    inner = [np.ones(len(mesh))]
    for pulls in mesh.T:
        inner += [pulls, bent(pulls)]
    found = []
    for product in products:
        outer = np.prod([normsys(f, pulls) for f, pulls in zip(product, mesh.T, strict=True)], axis=0)
        found += [outer * each for each in inner]
    return np.array(found).T
