"""Scattering samples that follow parameters of a response, such as the yields of light and charge.

A response at anchors is a sum of a few parts, each with a function of the parameters that stock HistFactory
has, see :mod:`nuhist.histfactory.morphing`. The parts are found for the response, not for counts: they are
linear in the rates, whatever the rates are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np

from nuhist.experiments.response import Response
from nuhist.histfactory.morphing import columns, nearest, normsys, points
from nuhist.histfactory.templates import HistoSys, Modifier, NormSys, Sample
from nuhist.tables import Array

# At plus and at minus one standard deviation. Products of falling and rising exponentials come near to how
# efficiencies grow with yields, also where a coupling allows for no slopes of its own.
FACTORS = ((1.0, 1.0), (1.5, 1 / 1.5), (2.5, 1 / 2.5))


@dataclass(frozen=True, eq=False)
class YieldParts:
    """A response taken apart.

    Attributes
    ----------
    parameters
        Names of the nuisance parameters.
    response
        Its nominal bins; then the bins of each part with its slopes and bends; then the bins of each part
        without these, for changes of shape, which no slope follows; then the bins at each anchor.
    bins
        Bins of the experiment.
    anchors
        Anchors of each parameter, in standard deviations.
    """

    parameters: tuple[str, ...]
    response: Response
    bins: int
    anchors: tuple[Array, ...]

    @property
    def _products(self) -> list[tuple[tuple[float, float], ...]]:
        return list(product(FACTORS, repeat=len(self.parameters)))

    def nominal(self, counts: Array) -> Array:
        """The experiment's own bins of stacked counts."""
        return counts[: self.bins]

    def samples(self, stacked: Sample) -> list[Sample]:
        """The samples that a sample of stacked counts stands for."""
        number = len(self._products)
        parts = self._fitted(stacked.counts).reshape(number, -1, self.bins)
        made = []
        for place, (factors, (nominal, *changes)) in enumerate(zip(self._products, parts, strict=True)):
            modifiers = [self._follows(each, stacked, nominal, place) for each in stacked.modifiers]
            for parameter, pair, slope, bend in zip(
                self.parameters, factors, changes[::2], changes[1::2], strict=True
            ):
                modifiers.append(HistoSys(parameter, nominal + bend + slope, nominal + bend - slope))
                if pair != (1.0, 1.0):
                    modifiers.append(NormSys(parameter, pair[0] - 1, pair[1] - 1))
            name = stacked.name if place == 0 else f"{stacked.name}_{place}"
            made.append(Sample(name, stacked.title, nominal, tuple(modifiers)))
        return made

    def _follows(self, modifier: Modifier, stacked: Sample, nominal: Array, place: int) -> Modifier:
        """A modifier of a part: a change of shape is the part's own."""
        if not isinstance(modifier, HistoSys):
            return modifier
        row = 1 + len(self._products) * (1 + 2 * len(self.parameters)) + place
        up, down = (
            nominal + (side - stacked.counts).reshape(-1, self.bins)[row]
            for side in (modifier.up, modifier.down)
        )
        return replace(modifier, up=up, down=down)

    def _fitted(self, counts: Array) -> Array:
        """Bins of the parts with their slopes and bends, shape (parts × functions, bins)."""
        size = len(self._products) * (1 + 2 * len(self.parameters))
        return counts.reshape(-1, self.bins)[1 : 1 + size]

    def deviations(self, counts: Array, others: Array, observed: Array) -> dict[str, float]:
        """By how much 2 ln L of the parts is off, at ±1 and ±2 standard deviations of each parameter.

        Parameters
        ----------
        counts
            Stacked counts of the scattering.
        others
            Counts of all else, shape (bins,).
        observed
            Shape (bins,).
        """
        pulls = [(n, pull) for n in range(len(self.parameters)) for pull in (1, -1, 2, -2)]
        mesh = np.array([pull * np.eye(len(self.parameters))[n] for n, pull in pulls])
        combinations = int(np.prod([each.size for each in self.anchors]))
        exact = others + _straight(self.anchors, mesh) @ counts.reshape(-1, self.bins)[-combinations:]
        made = others + columns(self._products, mesh) @ self._fitted(counts)
        off = 2 * np.sum(made - exact - observed * np.log(made / exact), axis=1)
        return {
            f"{self.parameters[n]} {pull:+d}": float(each) for (n, pull), each in zip(pulls, off, strict=True)
        }


@lru_cache(maxsize=8)
def yield_parts(response: Response, parameters: tuple[str, ...]) -> YieldParts | None:
    """A response with parameters taken apart; None for one without.

    At the origin the parts add up to the nominal response exactly, elsewhere nearly so.
    """
    if response.anchored is None:
        return None
    matrix = _matrix(tuple(tuple(each.tolist()) for each in response.anchors))
    bins = response.weights.shape[0]
    stacked = np.tensordot(matrix, response.anchored, 1).reshape(-1, response.energy.size)
    folding = Response(response.energy, stacked, response.probability)
    return YieldParts(parameters, folding, bins, response.anchors)


@lru_cache(maxsize=8)
def _matrix(anchors: tuple[tuple[float, ...], ...]) -> Array:
    """What is made of weights at all combinations of anchors: the rows of :attr:`YieldParts.response`."""
    axes = [np.array(each) for each in anchors]
    mesh, weights = points(axes)
    factors = list(product(FACTORS, repeat=len(axes)))
    functions = columns(factors, mesh)
    step = 1 + 2 * len(axes)
    between = _straight(axes, mesh)
    origin = _straight(axes, np.zeros((1, len(axes))))
    fitted = nearest(functions, weights) @ between
    rigid = nearest(functions[:, ::step], weights) @ between
    # The first part has no factors, so that what is lacking at the origin goes there.
    at_origin = np.array([np.prod([normsys(f, np.zeros(1)) for f in each]) for each in factors])
    fitted[0] += origin[0] - at_origin @ fitted[::step]
    rigid[0] += origin[0] - at_origin @ rigid
    return np.concatenate([origin, fitted, rigid, np.eye(origin.shape[1])])


def _straight(anchors: Sequence[Array], mesh: Array) -> Array:
    """Weights of combinations of anchors for straight lines between them, shape (points, combinations)."""
    found = np.ones((len(mesh), 1))
    for each, pulls in zip(anchors, mesh.T, strict=True):
        weights = np.stack([np.interp(pulls, each, row) for row in np.eye(each.size)], axis=1)
        found = (found[:, :, None] * weights[:, None, :]).reshape(len(mesh), -1)
    return found
