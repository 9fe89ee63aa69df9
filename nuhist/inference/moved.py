"""Expected counts and 2NLL at points that differ from others in a single parameter.

A search looks along each of a hundred parameters from each of some fits. What the others make of the counts
is computed once, so that a point costs its bins, and the cells whose factors change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.interpolation import alpha_curve, code4_value
from nuhist.inference.structure import Index
from nuhist.tables import Array

_NUMBERS = 2_000_000  # in one array: it bounds the memory


@dataclass(frozen=True, eq=False)
class Moved:
    """Points from which single parameters are moved, of those that change whole samples by norm or shape.

    Attributes
    ----------
    model
        Compiled likelihood.
    points
        Shape (points, parameters).
    outside, inside
        The factors of each cell, N·Γ, and its templates with all histosys, (points, bins · slots).
    counts_there
        Expected counts at the points, (points, bins).
    order, start
        Factors sorted by parameter, and where each parameter's begin: for each parameter and one more.
    """

    model: CompiledModel
    points: Array
    factors: Array
    outside: Array
    inside: Array
    counts_there: Array
    order: Index
    start: Index

    @classmethod
    def at(cls, model: CompiledModel, points: Array) -> Moved:
        """What is common to all points that differ from some in a single parameter."""
        theta = model.safe(points)
        factors = model.factor_values(theta, slopes=False)[0]
        outside = model.norms(factors)[:, model.sample]
        for layer in model.layers:
            gamma = theta[:, layer.parameter][:, :, None]
            outside[:, layer.bins] *= np.where(layer.cells, gamma, 1.0)
        inside, shapes = np.repeat(model.nominal[None], len(theta), axis=0), model.shapes
        if shapes.parameter.size:
            at = theta[:, shapes.parameter]
            inside += np.tensordot(at, shapes.straight, (1, 2))
            inside += np.tensordot(alpha_curve(at[:, shapes.curved])[0], shapes.bend, (1, 2))
        order = np.argsort(model.factors.parameter, kind="stable")
        start = np.searchsorted(model.factors.parameter[order], np.arange(model.parameters + 1))
        flat = outside.reshape(len(theta), -1), inside.reshape(len(theta), -1)
        return cls(model, theta, factors, *flat, np.sum(outside * inside, axis=2), order, start)

    def counts(self, parameter: int, values: Array) -> Array:
        """Expected counts with a parameter at several values, shape (points, values, bins)."""
        model, shapes = self.model, self.model.shapes
        found = np.repeat(self.counts_there[:, None], values.size, axis=1)
        changes: list[
            tuple[Array, Array]
        ] = []  # how far each shape is moved, (points, values), and its cells
        place = int(np.searchsorted(shapes.parameter, parameter))
        if place < shapes.parameter.size and shapes.parameter[place] == parameter:
            before = self.points[:, parameter, None]
            changes = [(values - before, shapes.straight[:, :, place].ravel())]
            for column in np.flatnonzero(shapes.curved == place):
                curve = alpha_curve(values)[0] - alpha_curve(before)[0]
                changes.append((curve, shapes.bend[:, :, column].ravel()))
        slots = model.nominal.shape[1]
        for far, shape in changes:
            by_bin = (self.outside * shape).reshape(len(self.points), -1, slots).sum(axis=2)
            found += far[:, :, None] * by_bin[:, None]
        own = self.order[self.start[parameter] : self.start[parameter + 1]]
        if not own.size:
            return found
        # Cells whose factors change, bin by bin: these had their old factors above.
        samples, position = np.unique(model.factors.sample[own], return_inverse=True)
        relative = np.ones((len(self.points), values.size, samples.size))
        relative[:, :, position] = self._factors(own, values) / self.factors[:, None, own]
        cells = np.flatnonzero(np.isin(model.sample.ravel(), samples))
        inside = self.inside[:, None, cells]
        for far, shape in changes:
            inside = inside + far[:, :, None] * shape[cells]
        more = (relative - 1)[:, :, np.searchsorted(samples, model.sample.ravel()[cells])]
        more = more * (self.outside[:, None, cells] * inside)
        first = np.flatnonzero(np.diff(cells // slots, prepend=-1))
        found[:, :, cells[first] // slots] += np.add.reduceat(more, first, axis=2)
        return found

    def _factors(self, own: Index, values: Array) -> Array:
        """Values of some factors, all of one parameter, (values, factors)."""
        terms = self.model.factors
        at = np.tile(values[:, None], (1, own.size))
        norm = terms.norm[own]
        which = own[norm]
        sides = terms.high[which], terms.low[which], terms.coefficients[which]
        at[:, norm] = code4_value(at[:, norm], *sides)
        return at

    def heights(self, parameters: Sequence[int], values: Array, data: Array) -> Array:
        """2NLL as :meth:`CompiledModel.twice_nll` has it, shape (points, parameters, values).

        Parameters
        ----------
        parameters
            Along which, one after the other.
        values
            Shape (parameters, values).
        data
            Data of each point, or of all: shape (points or 1, bins + auxiliary).
        """
        model, terms, points = self.model, self.model.constraints, self.points
        data = np.broadcast_to(data, (len(points), data.shape[1]))
        pulls = ((data[:, terms.gaussian_data] - points[:, terms.gaussian]) / terms.sigma) ** 2
        others = np.sum(pulls, axis=1) + model.poisson_heights(
            points[:, terms.poisson] * terms.scale, data[:, terms.poisson_data]
        )
        found = np.empty((len(points), *values.shape))
        where = {int(parameter): place for place, parameter in enumerate(terms.gaussian)}
        observed = np.repeat(data[:, : model.bins], values.shape[1], axis=0)
        for row, parameter in enumerate(parameters):
            counts = self.counts(parameter, values[row]).reshape(observed.shape)
            own = model.poisson_heights(counts, observed).reshape(len(points), -1) + others[:, None]
            place = where.get(parameter)
            if place is not None:
                datum = data[:, terms.gaussian_data[place], None]
                own += ((datum - values[row]) / terms.sigma[place]) ** 2 - pulls[:, place, None]
            found[:, row] = own
        return np.where(np.isfinite(found), found, np.inf)


def heights_along(
    model: CompiledModel, points: Array, parameters: Sequence[int], values: Array, data: Array
) -> Array:
    """:meth:`Moved.heights` from any number of points, some at a time."""
    size = max(1, _NUMBERS // (model.nominal.size * values.shape[1]))
    data = np.broadcast_to(data, (len(points), data.shape[1]))
    found = [
        Moved.at(model, points[first : first + size]).heights(parameters, values, data[first : first + size])
        for first in range(0, len(points), size)
    ]
    return np.concatenate(found)
