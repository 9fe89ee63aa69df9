"""Expected counts and 2NLL at points that differ from one point in a single parameter.

A search looks along each of a hundred parameters. What the others make of the counts is computed once,
so that a point costs its cells and no factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.interpolation import alpha_curve, code4_value
from nuhist.inference.structure import Index
from nuhist.tables import Array


@dataclass(frozen=True, eq=False)
class Moved:
    """A point from which single parameters are moved, of those that change whole samples by norm or shape.

    Attributes
    ----------
    model
        Compiled likelihood.
    point
        Shape (parameters,).
    outside, inside
        The factors of each cell, N·Γ, and its templates with all histosys, (bins, slots).
    order, start
        Factors sorted by parameter, and where each parameter's begin: for each parameter and one more.
    """

    model: CompiledModel
    point: Array
    factors: Array
    outside: Array
    inside: Array
    order: Index
    start: Index

    @classmethod
    def at(cls, model: CompiledModel, point: Array) -> Moved:
        """What is common to all points that differ from one point in a single parameter."""
        theta = model.safe(point[None])
        factors = model.factor_values(theta, slopes=False)[0]
        outside = model.norms(factors)[0][model.sample]
        for layer in model.layers:
            gamma = theta[0, layer.parameter][:, None]
            outside[layer.bins] *= np.where(layer.cells, gamma, 1.0)
        inside, shapes = model.nominal.copy(), model.shapes
        if shapes.parameter.size:
            at = theta[0, shapes.parameter]
            inside += shapes.straight @ at + shapes.bend @ alpha_curve(at[shapes.curved])[0]
        order = np.argsort(model.factors.parameter, kind="stable")
        start = np.searchsorted(model.factors.parameter[order], np.arange(model.parameters + 1))
        return cls(model, theta[0], factors[0], outside, inside, order, start)

    def counts(self, parameter: int, values: Array) -> Array:
        """Expected counts with a parameter at several values, shape (values, bins)."""
        model, shapes = self.model, self.model.shapes
        cells = np.broadcast_to(self.inside, (values.size, *self.inside.shape))
        place = int(np.searchsorted(shapes.parameter, parameter))
        if place < shapes.parameter.size and shapes.parameter[place] == parameter:
            cells = cells + (values - self.point[parameter])[:, None, None] * shapes.straight[:, :, place]
            for column in np.flatnonzero(shapes.curved == place):
                curve = alpha_curve(values)[0] - alpha_curve(self.point[parameter])[0]
                cells += curve[:, None, None] * shapes.bend[:, :, column]
        own = self.order[self.start[parameter] : self.start[parameter + 1]]
        if not own.size:
            return np.asarray(np.einsum("vbs,bs->vb", cells, self.outside))
        ratio = np.ones((values.size, model.factors.first.size))
        ratio[:, model.factors.sample[own]] = self._factors(own, values) / self.factors[own]
        return np.asarray(np.einsum("vbs,vbs->vb", cells * self.outside, ratio[:, model.sample]))

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
        """2NLL as :meth:`CompiledModel.twice_nll` has it, shape (parameters, values).

        Parameters
        ----------
        parameters
            Along which, one after the other.
        values
            Shape (parameters, values).
        data
            Shape (bins + auxiliary,).
        """
        model, terms = self.model, self.model.constraints
        pull = (data[terms.gaussian_data] - self.point[terms.gaussian]) / terms.sigma
        everything, found = float(pull @ pull), np.empty(values.shape)
        where = {int(parameter): place for place, parameter in enumerate(terms.gaussian)}
        constrained = model.poisson_heights(
            self.point[None, terms.poisson] * terms.scale, data[terms.poisson_data]
        )
        for row, parameter in enumerate(parameters):
            own = model.poisson_heights(self.counts(parameter, values[row]), data[: model.bins])
            place = where.get(parameter)
            if place is not None:
                moved = (data[terms.gaussian_data[place]] - values[row]) / terms.sigma[place]
                own = own + (everything - pull[place] ** 2) + moved**2
            else:
                own = own + everything
            found[row] = own + constrained[0]
        return np.where(np.isfinite(found), found, np.inf)
