"""The arrays of a likelihood, and what follows from them alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nuhist.inference.interpolation import code4, code4_value
from nuhist.inference.structure import (
    Channel,
    Constraints,
    Factors,
    Index,
    Layer,
    Mask,
    Pairs,
    Shapes,
    in_a_row,
)
from nuhist.tables import Array

_SPARSE = 4  # times less work with what changes each channel: then it is worth a loop over channels


@dataclass(frozen=True, eq=False)
class Arrays:
    """Templates, factors, shapes and constraints, in the order of pyhf's parameters.

    Attributes
    ----------
    parameters, bins
        How many.
    channels
        See :class:`Channel`.
    sample
        Sample of each cell, shape (bins, slots).
    nominal
        Counts of each cell, shape (bins, slots); 0 where there is none.
    factors, shapes, layers, constraints
        See their classes.
    """

    parameters: int
    bins: int
    channels: tuple[Channel, ...]
    sample: Index
    nominal: Array
    factors: Factors
    shapes: Shapes
    layers: tuple[Layer, ...]
    constraints: Constraints

    @cached_property
    def wide(self) -> Index:
        """Parameters that change a whole sample or its shape, increasing."""
        own = self.factors.parameter
        return np.union1d(own[own >= 0], self.shapes.parameter).astype(np.intp)

    @cached_property
    def narrow(self) -> Index:
        """Parameters of bin-by-bin factors, increasing."""
        found = [layer.parameter for layer in self.layers]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.intp)

    @cached_property
    def turning(self) -> tuple[int, ...]:
        """Parameters along which counts may go up on both sides, or down: they may have two minima."""
        factors, shapes = self.factors, self.shapes
        both = factors.norm & ((factors.high - 1) * (factors.low - 1) > 0)
        return tuple(np.union1d(factors.parameter[both], shapes.parameter[shapes.curved]).tolist())

    @cached_property
    def multiplying(self) -> Index:
        """Parameters that are factors themselves."""
        plain = self.factors.parameter[self.factors.plain]
        return np.union1d(plain, self.narrow).astype(np.intp)

    @cached_property
    def filled(self) -> Mask:
        """Bins that have any template, shape (bins,)."""
        parts = self.nominal[:, :, None], self.shapes.straight, self.shapes.bend
        return np.asarray(np.any([part.any(axis=(1, 2)) for part in parts], axis=0))

    @cached_property
    def cells_by_sample(self) -> tuple[Index, Index]:
        """Cells that hold a sample, sorted by it, as positions in (bins × slots); where each one's begin."""
        slots = self.nominal.shape[1]
        order = np.concatenate(
            [
                (np.arange(channel.bins.start, channel.bins.stop) * slots + slot)
                for channel in self.channels
                for slot in range(channel.slots)
            ]
        )
        first = np.searchsorted(self.sample.ravel()[order], np.arange(self.factors.first.size))
        return order, first

    @cached_property
    def blocks(self) -> Index:
        """All parameters, the wide ones first and then the narrow ones."""
        order = np.concatenate([self.wide, self.narrow])
        return np.concatenate([order, np.setdiff1d(np.arange(self.parameters), order)])

    @cached_property
    def places(self) -> Index:
        """Position of each parameter in :attr:`blocks`."""
        return np.argsort(self.blocks)

    @cached_property
    def log_places(self) -> tuple[Index, Index, Index]:
        """Factors that are not always 1, their samples, and their parameters in :attr:`wide`."""
        used = self.factors.used
        return used, self.factors.sample[used], self.places[self.factors.parameter[used]]

    @cached_property
    def shaped(self) -> Index | slice:
        """Positions in :attr:`wide` of the parameters of the histosys."""
        return in_a_row(self.places[self.shapes.parameter])

    @cached_property
    def acting(self) -> tuple[Index, ...] | None:
        """Positions in :attr:`wide` of what changes each channel; None where that is most of it anyhow.

        With many channels, most of their parameters change one of them alone.
        """
        found, shapes = [], self.shapes
        _, samples, places = self.log_places
        templates = np.concatenate([shapes.straight, shapes.bend], axis=2)
        shaped = self.places[np.concatenate([shapes.parameter, shapes.parameter[shapes.curved]])]
        for channel in self.channels:
            own = (samples >= channel.samples.start) & (samples < channel.samples.stop)
            tilted = templates[channel.bins, : channel.slots].any(axis=(0, 1))
            found.append(np.union1d(places[own], shaped[tilted]).astype(np.intp))
        sizes = [channel.bins.stop - channel.bins.start for channel in self.channels]
        work = sum(size * own.size**2 for size, own in zip(sizes, found, strict=True))
        return tuple(found) if _SPARSE * work < self.bins * self.wide.size**2 else None

    @cached_property
    def curving(self) -> Index:
        """Positions in :attr:`wide` of the parameters of the histosys that bend."""
        return self.places[self.shapes.parameter[self.shapes.curved]]

    @cached_property
    def templates_by_sample(self) -> tuple[Index, Array]:
        """Cells of each sample, (samples, most bins), and their histosys and bends, 0 where there is no cell.

        Cells are positions in (bins × slots). The other array is of shape (samples, most bins, histosys and
        curved).
        """
        most = max(channel.bins.stop - channel.bins.start for channel in self.channels)
        cells = np.zeros((self.factors.first.size, most), dtype=np.intp)
        templates = np.concatenate([self.shapes.straight, self.shapes.bend], axis=2)
        found = np.zeros((*cells.shape, templates.shape[2]))
        for channel in self.channels:
            bins = np.arange(channel.bins.start, channel.bins.stop)
            slots = np.arange(channel.slots)[:, None]
            cells[channel.samples, : bins.size] = bins * self.nominal.shape[1] + slots
            found[channel.samples, : bins.size] = templates[bins, slots]
        return cells, found

    @cached_property
    def bent_order(self) -> tuple[Index, Index, Index]:
        """Each normsys sorted by its parameter; where each parameter's begin, and its position in wide."""
        places = self.places[self.factors.pulls]
        order = np.argsort(places, kind="stable")
        own, first = np.unique(places[order], return_index=True)
        return order, first, own

    @cached_property
    def joined(self) -> Layer:
        """All layers one after the other, as one in which a bin may stand several times."""
        none = np.zeros(0, dtype=np.intp)
        parts = self.layers or (Layer(none, none, np.zeros((0, self.nominal.shape[1]), dtype=bool), True),)
        bins, parameter, cells = (
            np.concatenate([getattr(layer, name) for layer in parts])
            for name in ("bins", "parameter", "cells")
        )
        return Layer(bins, parameter, cells, all(layer.whole for layer in parts))

    @cached_property
    def joined_places(self) -> Index | slice:
        """Positions of the parameters of :attr:`joined` in :attr:`blocks`."""
        return in_a_row(self.places[self.joined.parameter])

    @cached_property
    def pairs(self) -> Pairs:
        """Where two layers have bins in common."""
        start = np.cumsum([0, *(layer.bins.size for layer in self.layers)])
        none = np.zeros(0, dtype=np.intp)
        found = [(none, none, none)]
        for one, layer in enumerate(self.layers):
            for two, other in enumerate(self.layers[:one]):
                bins, first, second = np.intersect1d(
                    layer.bins, other.bins, assume_unique=True, return_indices=True
                )
                found.append((bins, start[one] + first, start[two] + second))
        bins, first, second = (np.concatenate(part) for part in zip(*found, strict=True))
        cells, own = self.joined.cells, self.places[self.joined.parameter]
        return Pairs(bins, first, second, own[first], own[second], cells[first] & cells[second])

    @cached_property
    def loose(self) -> Index:
        """Parameters that are factors themselves and have no constraint."""
        constrained = np.union1d(self.constraints.gaussian, self.constraints.poisson)
        return np.setdiff1d(self.multiplying, constrained).astype(np.intp)

    def norms(self, factors: Array) -> Array:
        """Product of each sample's factors, shape (batch, samples)."""
        return np.asarray(np.multiply.reduceat(factors, self.factors.first, axis=1))

    def factor_values(self, theta: Array, *, slopes: bool = True) -> tuple[Array, Array]:
        """Values and derivatives of the factors, shape (batch, factors); the latter only if asked for."""
        terms = self.factors
        shape = len(theta), terms.sample.size
        values, changes = np.ones(shape), np.ones(shape) if slopes else np.broadcast_to(1.0, shape)
        values[:, terms.plain] = theta[:, terms.parameter[terms.plain]]
        if terms.norms.size:
            at = theta.take(terms.pulls, axis=1)
            if slopes:
                values[:, terms.norms], changes[:, terms.norms] = code4(at, *terms.sides)
            else:
                values[:, terms.norms] = code4_value(at, *terms.sides)
        return values, changes
