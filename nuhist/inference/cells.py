"""Expected counts cell by cell, for models with many histosys or with samples' own bin-by-bin factors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nuhist.inference.arrays import Arrays
from nuhist.inference.interpolation import alpha_bend, alpha_curve
from nuhist.inference.structure import Index, Layer, Mask
from nuhist.tables import Array

_AT_ONCE = 1_000_000  # numbers: more are taken channel by channel, which needs less memory


@dataclass(frozen=True, eq=False)
class CellRates:
    """Expected counts, shape (batch, bins), with what their derivatives need.

    ``theta`` are the parameters with 1e-150 in the place of factors that are 0; ``cells`` the counts of
    each cell and ``outside`` the factors before its templates, N·Γ, (batch, bins, slots) each.
    """

    model: Arrays
    theta: Array
    factors: Array
    slopes: Array
    outside: Array
    cells: Array
    counts: Array

    @classmethod
    def at(cls, model: Arrays, theta: Array, *, slopes: bool = True) -> CellRates:
        """The rates at points of shape (batch, parameters)."""
        factors, changes = model.factor_values(theta, slopes=slopes)
        outside = model.norms(factors)[:, model.sample]
        for layer in model.layers:
            gamma = theta[:, layer.parameter][:, :, None]
            outside[:, layer.bins] *= gamma if layer.whole else np.where(layer.cells, gamma, 1.0)
        cells = outside * _inside(model, theta)
        return cls(model, theta, factors, changes, outside, cells, cells.sum(axis=2))

    def some(self, kept: Mask) -> CellRates:
        """The cells of some points."""
        names = ("theta", "factors", "slopes", "outside", "cells", "counts")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})

    def wide(self, logs: Array) -> Array:
        """Derivatives with respect to the wide parameters, shape (batch, wide, bins)."""
        model, shapes = self.model, self.model.shapes
        found = np.zeros((len(logs), model.wide.size, model.bins))
        if model.acting is None and self._few(model.wide.size):
            every = np.matmul(self.cells[:, :, None], logs[:, model.sample])[:, :, 0]
            found[:] = every.transpose(0, 2, 1)
        else:
            for number, channel in enumerate(model.channels):
                acting: Index | slice = slice(None) if model.acting is None else model.acting[number]
                own = self.cells[:, channel.bins, : channel.slots].transpose(0, 2, 1)
                part = logs[:, channel.samples, acting].transpose(0, 2, 1)
                found[:, acting, channel.bins] = np.matmul(part, own)
        if shapes.parameter.size:
            tilted = self._tilted(self.outside.transpose(1, 0, 2), slice(None))
            found[:, model.shaped] += tilted.transpose(0, 2, 1)
        return found

    def _tilted(self, inside: Array, bins: Index | slice) -> Array:
        """Derivatives by the histosys, given the factors of cells: (batch, bins, histosys)."""
        shapes = self.model.shapes
        tilted = np.matmul(inside, shapes.straight[bins])
        if shapes.curved.size:
            tilted[:, :, shapes.bent] += np.matmul(inside, shapes.bend[bins]) * self._curve_slopes
        return np.asarray(tilted.transpose(1, 0, 2))

    def of_layer(self, layer: Layer) -> Array:
        """Counts that a layer of bin-by-bin factors multiplies, shape (batch, bins of the layer)."""
        if layer.whole:
            return self.counts[:, layer.span]
        return np.asarray(np.sum(self.cells[:, layer.span] * layer.cells, axis=2))

    def mixed(self, wide: Array, logs: Array, layer: Layer) -> Array:
        """Derivatives of these counts, shape (batch, wide, bins of the layer)."""
        if layer.whole:
            return wide[:, :, layer.bins]
        found = np.empty((*wide.shape[:2], layer.bins.size))
        most = max(1, _AT_ONCE // (len(wide) * wide.shape[1] * self.model.nominal.shape[1]))
        for first in range(0, layer.bins.size, most):
            part = slice(first, first + most)
            found[:, :, part] = self._mixed(logs, layer.bins[part], layer.cells[part])
        return found

    def _mixed(self, logs: Array, bins: Index, mask: Mask) -> Array:
        """Derivatives of the counts of some bins in some of their cells, shape (batch, wide, bins)."""
        model, shapes = self.model, self.model.shapes
        found = np.matmul((self.cells[:, bins] * mask)[:, :, None], logs[:, model.sample[bins]])[:, :, 0]
        if shapes.parameter.size:
            inside = (self.outside[:, bins] * mask).transpose(1, 0, 2)  # (bins, batch, slots)
            found[:, :, model.shaped] += self._tilted(inside, bins)
        return np.asarray(found.transpose(0, 2, 1))

    def common(self, bins: Index, cells: Mask) -> Array:
        """Counts of some bins in some of their cells, shape (batch, bins)."""
        return np.asarray(np.sum(self.cells[:, bins] * cells, axis=2))

    def moments(self, pull: Array) -> tuple[Array, Array, Array]:
        """Sums over bins with weights: of λ, of its slopes by shape, and of the curves' bends.

        Shapes (batch, samples), (batch, samples, histosys) and (batch, curved).
        """
        model, shapes = self.model, self.model.shapes
        forces = pull[:, :, None] * self.outside
        if self._few(shapes.parameter.size):
            return self._moments_at_once(pull, forces)
        weights = np.empty((len(pull), model.factors.first.size))
        tilts = np.zeros((len(pull), model.factors.first.size, shapes.parameter.size))
        slope = self._curve_slopes
        for channel in model.channels:
            bins, slots = channel.bins, channel.slots
            weights[:, channel.samples] = np.matmul(pull[:, None, bins], self.cells[:, bins, :slots])[:, 0]
            if shapes.parameter.size:
                force = forces[:, bins, :slots].transpose(2, 0, 1)  # (slots, batch, bins)
                part = np.matmul(force, shapes.straight[bins, :slots].transpose(1, 0, 2)).transpose(1, 0, 2)
                if shapes.curved.size:
                    bent = np.matmul(force, shapes.bend[bins, :slots].transpose(1, 0, 2)).transpose(1, 0, 2)
                    part[:, :, shapes.bent] += bent * slope[:, None]
                tilts[:, channel.samples] = part
        return weights, tilts, self._bends(forces)

    def pulls(self, pull: Array) -> tuple[Array, Array]:
        """The first two of :meth:`moments`, slopes by shape of all samples together: (batch, histosys)."""
        weights, tilts, _ = self.moments(pull)
        return weights, tilts.sum(axis=1)

    def _few(self, size: int) -> bool:
        """Whether numbers of each cell are few enough to be taken at once, without a loop over channels."""
        return len(self.cells) * self.model.nominal.size * max(size, 1) <= _AT_ONCE

    def _moments_at_once(self, pull: Array, forces: Array) -> tuple[Array, Array, Array]:
        model, shapes = self.model, self.model.shapes
        order, first = model.cells_by_sample
        own = (pull[:, :, None] * self.cells).reshape(len(pull), -1)[:, order]
        weights = np.add.reduceat(own, first, axis=1)
        size = shapes.parameter.size
        if not size:
            return weights, np.zeros((len(pull), first.size, 0)), self._bends(forces)
        cells, templates = model.templates_by_sample
        force = forces.reshape(len(pull), -1)[:, cells].transpose(1, 0, 2)  # (samples, batch, bins)
        found = np.matmul(force, templates).transpose(1, 0, 2)
        tilts = found[:, :, :size]
        if shapes.curved.size:
            tilts[:, :, shapes.bent] += found[:, :, size:] * self._curve_slopes[:, None]
        return weights, tilts, self._bends(forces)

    def _bends(self, forces: Array) -> Array:
        shapes = self.model.shapes
        second = alpha_bend(self.theta[:, shapes.parameter[shapes.curved]])
        bends = forces.reshape(len(forces), -1) @ shapes.bend.reshape(self.model.nominal.size, -1)
        return np.asarray(bends * second)

    @cached_property
    def _curve_slopes(self) -> Array:
        shapes = self.model.shapes
        return alpha_curve(self.theta[:, shapes.parameter[shapes.curved]])[1]


def _inside(model: Arrays, theta: Array) -> Array:
    """Nominal counts with all histosys, shape (batch, bins, slots), or (1, bins, slots) without any."""
    shapes = model.shapes
    if not shapes.parameter.size:
        return model.nominal[None]
    at = theta[:, shapes.parameter]
    inside = at @ shapes.straight.reshape(-1, shapes.parameter.size).T
    if shapes.curved.size:
        curve = alpha_curve(at[:, shapes.curved])[0]
        inside += curve @ shapes.bend.reshape(-1, shapes.curved.size).T
    return np.asarray(model.nominal + inside.reshape(len(theta), *model.nominal.shape))
