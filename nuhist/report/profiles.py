"""Δχ² curves of several models, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuhist.errors import ConfigError
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.loading import Source
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.model import Model, as_model
from nuhist.inference.results import JsonResult, Scan
from nuhist.showing import Table

_POINTS = 61


@dataclass(frozen=True, repr=False)
class Line(JsonResult):
    """One curve: couplings in their unit, and Δχ² there."""

    label: str
    coupling: str
    unit: str
    values: tuple[float, ...]
    delta_chi2: tuple[float, ...]
    data_kind: DataKind
    workspace_digest: str

    @property
    def summary(self) -> str:
        """Its label, and of what it is."""
        return f"{self.label}, {len(self.values)} values of {self.coupling}"

    def table(self) -> Table:
        """A row for each coupling."""
        rows = (
            (self.label, self.coupling, self.unit, value, height, self.data_kind)
            for value, height in zip(self.values, self.delta_chi2, strict=True)
        )
        return Table(("label", "coupling", "unit", "value", "delta_chi2", "data_kind"), tuple(rows))


def profile_lines(models: Sequence[Model | Source], labels: Sequence[str] = ()) -> tuple[Line, ...]:
    """Scan each model over the range in which its Δχ² stays below 9.

    Parameters
    ----------
    models
        Models of one kind of coupling.
    labels
        One for each model; by default its coupling and where it came from.

    Raises
    ------
    ConfigError
        If the couplings have different units, or there are not as many labels as models.
    """
    if labels and len(labels) != len(models):
        raise ConfigError(f"{len(labels)} labels for {len(models)} curves; give one for each or none")
    lines = []
    for index, model in enumerate(models):
        made = as_model(model)
        curve = made.scan(points=_POINTS)
        label = labels[index] if labels else f"{curve.coupling} ({model_name(made.source)})"
        lines.append(scan_line(label, curve))
    units = sorted({line.unit for line in lines})
    if len(units) > 1:
        raise ConfigError(f"curves in {' and '.join(units)} cannot share an axis; draw them apart")
    return tuple(lines)


def scan_line(label: str, curve: Scan) -> Line:
    """A scan as a curve with a label."""
    return Line(
        label=label,
        coupling=curve.coupling,
        unit=curve.unit,
        values=curve.values,
        delta_chi2=curve.delta_chi2,
        data_kind=curve.data_kind,
        workspace_digest=curve.workspace_digest,
    )


def model_name(model: Workspace | SignalGrid) -> str:
    """Short name of a model for a figure: of its file or folder."""
    if isinstance(model, SignalGrid):
        return Path(model.background.origin).parent.stem
    return Path(model.origin).stem
