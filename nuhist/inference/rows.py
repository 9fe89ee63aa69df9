"""Expected counts from rows of templates: a sample's nominal counts, and those of its histosys.

λ = γ Σ_r N m_r T_r, with m = 1, α or φ(α). This is the way for models with few histosys, whose bin-by-bin
factors multiply all samples alike; :mod:`nuhist.inference.cells` is that for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from nuhist.inference.arrays import Arrays
from nuhist.inference.interpolation import alpha_bend, alpha_curve
from nuhist.inference.structure import Index, Layer, Mask, add_to
from nuhist.tables import Array

_MOST = 2  # rows per cell: with more, cells are less work


class Rows(NamedTuple):
    """Templates in rows, sorted by sample: each sample's nominal counts and then its histosys.

    ``column`` says what multiplies a row: 0 the number 1, then α and then φ(α) of the histosys;
    ``first`` is the position of each sample's first row; ``templates`` has, for each channel,
    (its rows, its bins).
    """

    sample: Index
    column: Index
    first: Index
    templates: tuple[Array, ...]


def make_rows(model: Arrays) -> Rows | None:
    """The rows of a model, or None where cells are less work or a bin's factors differ by cell."""
    if not all(layer.whole for layer in model.layers):
        return None
    stacked = np.concatenate([model.nominal[:, :, None], model.shapes.straight, model.shapes.bend], axis=2)
    samples, columns, parts = [], [], []
    for channel in model.channels:
        own = stacked[channel.bins, : channel.slots]
        present = np.asarray(own.any(axis=0))
        present[:, 0] = True
        slot, column = np.nonzero(present)
        samples.append(channel.samples.start + slot)
        columns.append(column)
        parts.append(np.ascontiguousarray(own[:, slot, column].T))
    sample, column = np.concatenate(samples), np.concatenate(columns)
    cells = sum((part.samples.stop - part.samples.start) for part in model.channels) + model.nominal.size
    if sample.size > _MOST * cells:
        return None
    return Rows(sample, column, np.flatnonzero(column == 0), tuple(parts))


@dataclass(frozen=True, eq=False)
class RowRates:
    """Expected counts, shape (batch, bins), with what their derivatives need.

    ``theta`` are the parameters with 1e-150 in the place of factors that are 0.
    """

    model: Arrays
    rows: Rows
    theta: Array
    factors: Array
    slopes: Array
    norms: Array
    coefficients: Array
    gamma: Array
    counts: Array

    @classmethod
    def at(cls, model: Arrays, rows: Rows, theta: Array, *, slopes: bool = True) -> RowRates:
        """The rates at points of shape (batch, parameters)."""
        factors, changes = model.factor_values(theta, slopes=slopes)
        norms = model.norms(factors)
        coefficients = norms[:, rows.sample]
        if model.shapes.parameter.size:
            coefficients = coefficients * _multipliers(model, theta)[:, rows.column]
        counts = np.empty((len(theta), model.bins))
        for channel, own, templates in _parts(model, rows):
            np.matmul(coefficients[:, own], templates, out=counts[:, channel])
        gamma = np.ones((len(theta), model.bins)) if model.layers else np.ones((1, 1))
        for layer in model.layers:
            gamma[:, layer.bins] *= theta[:, layer.parameter]
        if model.layers:
            counts *= gamma
        return cls(model, rows, theta, factors, changes, norms, coefficients, gamma, counts)

    def some(self, kept: Mask) -> RowRates:
        """The rows of some points."""
        names = ("theta", "factors", "slopes", "norms", "coefficients", "counts")
        gamma = self.gamma[kept] if self.model.layers else self.gamma
        return replace(self, gamma=gamma, **{name: getattr(self, name)[kept] for name in names})

    def wide(self, logs: Array) -> Array:
        """Derivatives with respect to the wide parameters, shape (batch, wide, bins)."""
        model, rows = self.model, self.rows
        found = np.zeros((len(logs), model.wide.size, model.bins))
        every = np.arange(model.wide.size)
        changes = self._changes(logs, slice(0, rows.sample.size), every) if model.acting is None else None
        for number, (channel, own, templates) in enumerate(_parts(model, rows)):
            acting: Index | slice = slice(None) if model.acting is None else model.acting[number]
            some = self._changes(logs, own, np.asarray(acting)) if changes is None else changes[:, :, own]
            flat = some.reshape(-1, own.stop - own.start)
            part = (flat @ templates).reshape(*some.shape[:2], templates.shape[1])
            found[:, acting, channel] = part * self.gamma[:, None, channel] if model.layers else part
        return found

    def _changes(self, logs: Array, own: slice, acting: Index) -> Array:
        """Derivatives of some rows' coefficients by some wide parameters, shape (batch, these, rows)."""
        model, rows, shapes = self.model, self.rows, self.model.shapes
        if acting.size == model.wide.size:
            some = logs.transpose(0, 2, 1)[:, :, rows.sample[own]]
        else:
            some = logs[:, rows.sample[own, None], acting].transpose(0, 2, 1)
        changes = some * self.coefficients[:, None, own]
        shaped = np.flatnonzero(rows.column[own] > 0)
        if shaped.size:
            parameter = np.concatenate([shapes.parameter, shapes.parameter[shapes.curved]])
            column = rows.column[own][shaped] - 1
            places = np.searchsorted(acting, model.places[parameter[column]])
            changes[:, places, shaped] += self._tilts(shaped + own.start)
        return np.asarray(changes)

    def of_layer(self, layer: Layer) -> Array:
        """Counts that a layer of bin-by-bin factors multiplies, shape (batch, bins of the layer)."""
        return self.counts[:, layer.span]

    def mixed(self, wide: Array, logs: Array, layer: Layer) -> Array:  # noqa: ARG002 - as for cells
        """Derivatives of these counts, shape (batch, wide, bins of the layer)."""
        return wide[:, :, layer.span]

    def common(self, bins: Index, cells: Mask) -> Array:  # noqa: ARG002 - as for cells
        """Counts of some bins in the cells that two layers have in common: all."""
        return self.counts[:, bins]

    def row_sums(self, pull: Array) -> Array:
        """Σ pull γ T of each row, shape (batch, rows)."""
        pulled = pull * self.gamma
        found = np.empty_like(self.coefficients)
        for channel, own, templates in _parts(self.model, self.rows):
            np.matmul(pulled[:, channel], templates.T, out=found[:, own])
        return found

    def moments(self, pull: Array) -> tuple[Array, Array, Array]:
        """Sums over bins with weights: of λ, of its slopes by shape, and of the curves' bends.

        Shapes (batch, samples), (batch, samples, histosys) and (batch, curved).
        """
        rows, shapes = self.rows, self.model.shapes
        sums = self.row_sums(pull)
        weights = np.add.reduceat(sums * self.coefficients, rows.first, axis=1)
        tilts = np.zeros((len(pull), self.norms.shape[1], shapes.parameter.size))
        bends = np.zeros((len(pull), shapes.curved.size))
        if not shapes.parameter.size:
            return weights, tilts, bends
        shaped = np.flatnonzero(rows.column > 0)
        straight = np.concatenate([np.arange(shapes.parameter.size), shapes.curved])
        places = rows.sample[shaped], straight[rows.column[shaped] - 1]
        add_to(tilts, places, sums[:, shaped] * self._tilts(shaped))
        curved = np.flatnonzero(rows.column > shapes.parameter.size)
        if curved.size:
            own = rows.column[curved] - 1 - shapes.parameter.size
            second = alpha_bend(self.theta[:, shapes.parameter[shapes.curved]])[:, own]
            bent = sums[:, curved] * self.norms[:, rows.sample[curved]] * second
            add_to(bends, (own,), bent)
        return weights, tilts, bends

    def pulls(self, pull: Array) -> tuple[Array, Array]:
        """The first two of :meth:`moments`, slopes by shape of all samples together: (batch, histosys)."""
        rows, size = self.rows, self.model.shapes.parameter.size
        sums = self.row_sums(pull)
        weights = np.add.reduceat(sums * self.coefficients, rows.first, axis=1)
        if not size:
            return weights, np.zeros((len(pull), 0))
        shaped = np.flatnonzero(rows.column > 0)
        straight = np.concatenate([np.arange(size), self.model.shapes.curved])[rows.column[shaped] - 1]
        return weights, (sums[:, shaped] * self._tilts(shaped)) @ (
            straight[:, None] == np.arange(size)
        ).astype(np.float64)

    def _tilts(self, shaped: Index) -> Array:
        """Derivative of the coefficients of shaped rows with respect to their own α."""
        shapes, column = self.model.shapes, self.rows.column[shaped] - 1
        outside = self.norms[:, self.rows.sample[shaped]]
        if not shapes.curved.size:
            return outside
        slope = alpha_curve(self.theta[:, shapes.parameter[shapes.curved]])[1]
        both = np.concatenate([np.ones((len(self.theta), shapes.parameter.size)), slope], axis=1)
        return np.asarray(outside * both[:, column])


def _parts(model: Arrays, rows: Rows) -> Iterator[tuple[slice, slice, Array]]:
    """Bins, rows and templates of each channel."""
    start = 0
    for channel, templates in zip(model.channels, rows.templates, strict=True):
        stop = start + len(templates)
        yield channel.bins, slice(start, stop), templates
        start = stop


def _multipliers(model: Arrays, theta: Array) -> Array:
    """What multiplies the templates: 1, α and φ(α) of the histosys, (batch, columns)."""
    at = theta[:, model.shapes.parameter]
    parts = [np.ones((len(theta), 1)), at]
    if model.shapes.curved.size:
        parts.append(alpha_curve(at[:, model.shapes.curved])[0])
    return np.concatenate(parts, axis=1)
