"""What a compiled likelihood consists of: samples' factors, shapes, bin-by-bin factors, constraints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.tables import Array

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


def add_to(target: Array, places: tuple[Index, ...], part: Array) -> None:
    """Add to places of all batches, the first axis; a place that is named twice gets both."""
    np.add.at(target, (slice(None), *places), part)  # type: ignore[arg-type] # stubs know no slices here


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
        Of each; −1 for a factor that is always 1.
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


@dataclass(frozen=True, eq=False)
class Constraints:
    """Constraint terms: parameter, auxiliary datum, and width or scale of each."""

    gaussian: Index
    gaussian_data: Index
    sigma: Array
    poisson: Index
    poisson_data: Index
    scale: Array
