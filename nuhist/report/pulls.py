"""How far the fit pulls each constrained parameter, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuhist.__about__ import __version__
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.loading import Source
from nuhist.inference.covariance import held_on_bounds
from nuhist.inference.likelihood import is_artefact
from nuhist.inference.model import Model, as_model
from nuhist.inference.results import JsonResult
from nuhist.showing import Table


@dataclass(frozen=True, slots=True)
class Pull:
    """A constrained parameter.

    Attributes
    ----------
    parameter, meaning
        Which one.
    value, error
        Fitted; the error is None on a bound or where the data say nothing.
    centre, width
        Centre and width of its constraint.
    pull, pull_error
        (value − centre) / width, and error / width.
    """

    parameter: str
    meaning: str | None
    value: float
    error: float | None
    centre: float
    width: float
    pull: float
    pull_error: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Pulls(JsonResult):
    """All constrained parameters in the workspace's order.

    ``conditional_on`` and ``data_kind``: see :class:`nuhist.inference.results.FitResult`.
    """

    pulls: tuple[Pull, ...]
    conditional_on: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """How many, and the largest."""
        largest = max(self.pulls, key=lambda entry: abs(entry.pull), default=None)
        most = "" if largest is None else f", the largest is {largest.pull:.2f} of {largest.parameter}"
        return f"pulls of {len(self.pulls)} parameters{most}"

    def table(self) -> Table:
        """A row for each parameter."""
        names = ("parameter", "pull", "pull_error", "value", "error", "centre", "width")
        return Table.of(self.pulls, *names, data_kind=self.data_kind)


def pulls(model: Model | Source, *, measurement: str | None = None) -> Pulls:
    """Fit a model and compare each parameter with its constraint.

    Fixed parameters are left out, and so is a parameter of interest whose constraint only comes
    from its construction.

    Raises
    ------
    ModelError
        If pyhf refuses the model.
    FitError
        If the fit does not converge.
    """
    made = as_model(model, measurement=measurement)
    likelihood, minimum = made.likelihood, made.best
    errors = np.sqrt(np.diag(made.covariance))
    meanings = (made.workspace.sidecar or {}).get("parameters", {})
    artificial = is_artefact(likelihood)
    found = []
    for index, name in enumerate(likelihood.names):
        width, centre = likelihood.constraint(index)
        artefact = artificial and index == likelihood.poi_index
        if width is None or likelihood.constant[index] or artefact:
            continue
        value = float(minimum.parameters[index])
        error = float(errors[index]) if errors[index] > 0 else None
        found.append(
            Pull(
                parameter=name,
                meaning=meanings.get(name, {}).get("meaning"),
                value=value,
                error=error,
                centre=centre,
                width=width,
                pull=(value - centre) / width,
                pull_error=None if error is None else error / width,
            )
        )
    held = held_on_bounds(likelihood, minimum)
    return Pulls(tuple(found), held, made.data_kind, made.digest, __version__)
