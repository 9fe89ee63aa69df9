"""What a compiled likelihood consists of: samples' factors, shapes, bin-by-bin factors, constraints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.tables import Array

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


def add_to(target: Array, places: tuple[Index | slice, ...], part: Array, *, distinct: bool = False) -> None:
    """Add to places of all batches, the first axis; a place named twice gets both, unless distinct."""
    if distinct:
        target[(slice(None), *places)] += part
    else:
        np.add.at(target, (slice(None), *places), part)  # type: ignore[arg-type] # stubs know no slices here


def in_a_row(index: Index) -> Index | slice:
    """The same positions as a slice, which costs less, where they follow each other."""
    if index.size and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def diagonals(matrices: NDArray[Any]) -> NDArray[Any]:
    """The diagonals of square matrices, (batch, size), which can be written to."""
    found: NDArray[Any] = np.einsum("bii->bi", matrices)
    return found


class Channel(NamedTuple):
    """Where a channel lies: its bins, its number of slots, and its samples among all samples."""

    bins: slice
    slots: int
    samples: slice


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of whole samples, sorted by sample; each sample has at least one.

    Attributes
    ----------
    sample, parameter
        Sample and parameter of each; −1 for a factor that is always 1.
    norm
        Whether it is a normsys rather than the parameter itself.
    high, low, coefficients
        What code 4 interpolates; 1 and 0 for the others.
    first
        Position of the first factor of each sample.
    """

    sample: Index
    parameter: Index
    norm: Mask
    high: Array
    low: Array
    coefficients: Array
    first: Index

    @cached_property
    def norms(self) -> Index:
        """Positions of those that are a normsys."""
        return np.flatnonzero(self.norm)

    @cached_property
    def pulls(self) -> Index:
        """Parameters of :attr:`norms`."""
        return self.parameter[self.norms]

    @cached_property
    def sides(self) -> tuple[Array, Array, Array]:
        """What code 4 interpolates, of :attr:`norms`: high, low, coefficients."""
        own = np.asfortranarray(self.coefficients[self.norms])  # read power by power
        return self.high[self.norms], self.low[self.norms], own

    @cached_property
    def used(self) -> Index:
        """Positions of those that are not always 1."""
        return np.flatnonzero(self.parameter >= 0)

    @cached_property
    def plain(self) -> Index:
        """Positions of those that are the parameter itself."""
        return np.flatnonzero(~self.norm & (self.parameter >= 0))


@dataclass(frozen=True, eq=False)
class Shapes:
    """The histosys of all samples.

    ``parameter`` has the shape (histosys,); ``straight`` and ``bend``, which are D and C of the module's
    docstring, have the shapes (bins, slots, histosys) and (bins, slots, curved), where ``curved`` are the
    positions of those that bend at all.
    """

    parameter: Index
    straight: Array
    curved: Index
    bend: Array

    @cached_property
    def bent(self) -> Index | slice:
        """``curved`` for indexing."""
        return in_a_row(self.curved)


@dataclass(frozen=True, eq=False)
class Layer:
    """Bin-by-bin factors of which no bin has more than one.

    ``bins`` are those that have one, ``parameter`` its parameter, and ``cells``, of shape
    (these bins, slots), which of their cells it multiplies. ``whole`` says that it multiplies all.
    """

    bins: Index
    parameter: Index
    cells: Mask
    whole: bool

    @cached_property
    def span(self) -> Index | slice:
        """``bins`` for indexing."""
        return in_a_row(self.bins)

    @cached_property
    def distinct(self) -> bool:
        """Whether each bin has a parameter of its own."""
        return np.unique(self.parameter).size == self.parameter.size


class Pairs(NamedTuple):
    """Bins in which two layers meet.

    ``first`` and ``second`` are positions among the bins of all layers, one layer after the other, ``row``
    and ``column`` those of their parameters in a second derivative; ``cells``, of shape (pairs, slots), are
    those that both multiply.
    """

    bins: Index
    first: Index
    second: Index
    row: Index
    column: Index
    cells: Mask


@dataclass(frozen=True, eq=False)
class Constraints:
    """Constraint terms: parameter, auxiliary datum, and width or scale of each."""

    gaussian: Index
    gaussian_data: Index
    sigma: Array
    poisson: Index
    poisson_data: Index
    scale: Array
