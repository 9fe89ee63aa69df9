"""What a submission says about each of its models: fit, intervals, curve, spectra, signal points."""

from __future__ import annotations

from dataclasses import dataclass

from nuhist.errors import FitError, ModelError, NuhistError
from nuhist.exchange.hepdata.points import round_couplings, signal_points
from nuhist.histfactory.patchset import NO_RECORD, SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.model import Model
from nuhist.inference.results import FitResult, Interval, Scan
from nuhist.inference.spectrum import FittedSpectrum, fitted_spectra


@dataclass(frozen=True, eq=False)
class Study:
    """One model and what was computed from it.

    Attributes
    ----------
    name
        Name of its files in the archive.
    fit, intervals, scan
        Results of a workspace; None or empty where there is no parameter of interest, and no fit of a grid.
    spectra
        After the fit, one per channel.
    points
        Background-only workspace and signal points, or None.
    notes
        What there is not, and why.
    """

    name: str
    model: Workspace | SignalGrid
    fit: FitResult | None
    intervals: tuple[Interval, ...]
    scan: Scan | None
    spectra: tuple[FittedSpectrum, ...]
    points: SignalGrid | None
    notes: tuple[str, ...]

    @property
    def workspace(self) -> Workspace:
        """The workspace, or the background-only one of a grid: what has channels and a sidecar."""
        return self.model.background if isinstance(self.model, SignalGrid) else self.model


def study(
    name: str, model: Workspace | SignalGrid, confidence_level: float = 0.90, record: str | None = None
) -> Study:
    """Compute what a submission says about any workspace, or grid of signal points.

    ``name`` is that of its files in the archive, and ``record`` the HEPData record that the submission
    belongs to, such as ``"ins1234567"``.

    Raises
    ------
    FitError, ModelError
        If a fit does not converge, or the workspace is no meaningful model.
    """
    made = Model(model)
    spectra = fitted_spectra(made)
    if isinstance(model, SignalGrid):
        intervals = [made.limit(confidence_level=confidence_level)]
        return Study(name, model, None, tuple(intervals), made.scan(), spectra, _referring(model, record), ())
    fitted = made.fit()
    if fitted.parameter is None:
        note = "no limits and no patchset: it has no parameter of interest"
        return Study(name, model, fitted, (), None, spectra, None, (note,))
    notes = []
    intervals = [made.limit(confidence_level=confidence_level)]
    try:
        intervals.append(made.limit("cls", confidence_level=confidence_level))
    except FitError as error:
        notes.append(f"no CLs limit: {_reason(error, model).partition('; use ')[0]}")
    curve = made.scan()
    points = None
    try:
        couplings = round_couplings(curve.values[0], curve.values[-1])
        points = signal_points(model, couplings, record or NO_RECORD, name)
    except ModelError as error:
        notes.append(f"no patchset: {_reason(error, model)}")
    return Study(name, model, fitted, tuple(intervals), curve, spectra, points, tuple(notes))


def _reason(error: NuhistError, model: Workspace) -> str:
    return str(error).removeprefix(f"{model.origin}: ")


def _referring(grid: SignalGrid, record: str | None) -> SignalGrid:
    """The grid with another HEPData record in its PatchSet."""
    if record is None:
        return grid
    metadata = {**grid.document["metadata"], "references": {"hepdata": record}}
    document = {**grid.document, "metadata": metadata}
    return SignalGrid(grid.background, grid.coupling, grid.points, document)
