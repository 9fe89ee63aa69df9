"""How far a workspace is from alea's own likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nuhist.exchange.alea.mapping import HistFactoryMapping
from nuhist.histfactory.workspace import Workspace

BEST_FIT = "best fit"


@dataclass(frozen=True)
class Deviations:
    """Differences of 2 ln L, of the workspace's less alea's, against the nominal point.

    Attributes
    ----------
    changes
        By point: ``"t_ly +1"`` and so on, and the best fit.
    constant
        ln L of alea less that of the workspace, at the nominal point.
    best
        The workspace's best fit, in alea's units.
    """

    changes: Mapping[str, float]
    constant: float
    best: Mapping[str, float]

    def largest(self, size: int) -> float | None:
        """The largest modulus at this many standard deviations of a shape parameter, or None."""
        ends = (f" +{size}", f" -{size}")
        found = [abs(change) for point, change in self.changes.items() if point.endswith(ends)]
        return max(found, default=None)

    def record(self) -> dict[str, Any]:
        """The deviation as the sidecar has it."""
        return {
            "largest_at_1_sigma": self.largest(1),
            "largest_at_2_sigma": self.largest(2),
            "at_best_fit": abs(self.changes[BEST_FIT]),
            "points": dict(self.changes),
        }


def deviations(workspace: Workspace, mapping: HistFactoryMapping) -> Deviations:
    """Compare a workspace with alea at ±1σ and ±2σ of each shape parameter and at the best fit."""
    from nuhist.inference.model import Model

    likelihood = Model(workspace).likelihood
    alea = mapping.likelihood
    parameters = {each.name: each for each in alea.model.parameters.values()}
    names = {mapping.name(name): name for name in parameters}

    def values(point: Any) -> dict[str, float]:
        found = {}
        for name, value in zip(likelihood.names, point, strict=True):
            each = parameters[names[name]]
            own = each.sigma is None or name == "lumi"
            found[each.name] = float(value if own else each.value + value * (each.sigma or 1))
        return found

    def difference(point: Any) -> float:
        return -likelihood.twice_nll(point) - 2 * alea.log_likelihood(values(point))

    nominal = np.array(
        [parameters[names[name]].value if parameters[names[name]].sigma is None or name == "lumi" else 0.0
         for name in likelihood.names]
    )  # fmt: skip
    at_nominal = difference(nominal)
    changes = {}
    for index, name in enumerate(likelihood.names):
        if not parameters[names[name]].is_shape:
            continue
        for pull in (1, -1, 2, -2):
            if likelihood.lower[index] <= pull <= likelihood.upper[index]:
                point = nominal.copy()
                point[index] = pull
                changes[f"{names[name]} {pull:+d}"] = difference(point) - at_nominal
    best = likelihood.best().parameters
    changes[BEST_FIT] = difference(best) - at_nominal
    return Deviations(changes, -at_nominal / 2, values(best))
