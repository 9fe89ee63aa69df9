"""Everything that a report says about one model, each thing computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import FitError, NuhistError
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.execution import Execution
from nuhist.inference.fit import fit
from nuhist.inference.model import Model
from nuhist.inference.results import FitResult, Interval, Scan
from nuhist.inference.spectrum import FittedSpectrum, fitted_spectra
from nuhist.inference.study_results import GoodnessOfFit, Ranking, Significance
from nuhist.report.pulls import Pulls, pulls
from nuhist.report.signal_choice import ends_of

SCAN_POINTS = 61

Progress = Callable[[str], None]
_Result = TypeVar("_Result")
_MANY = 300  # parameters from which a page would carry correlations of megabytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that gave no result, and why."""

    step: str
    message: str


@dataclass(frozen=True, eq=False)
class Study:
    """Results for one model; None where the model has no such thing, or where the step failed.

    Attributes
    ----------
    model
        What was studied.
    fit
        The fit; of a grid, at the signal point nearest to the best fit, without a parameter of interest.
    intervals
        Profile likelihood, and CLs where the coupling has no sign.
    scan, significance, ranking, pulls, goodness
        As from the functions of these names.
    spectra
        After the fit, one per channel.
    failures
        Steps that failed, in their order.
    """

    model: Workspace | SignalGrid
    fit: FitResult | None = None
    intervals: tuple[Interval, ...] = ()
    scan: Scan | None = None
    significance: Significance | None = None
    ranking: Ranking | None = None
    pulls: Pulls | None = None
    goodness: GoodnessOfFit | None = None
    spectra: tuple[FittedSpectrum, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def workspace(self) -> Workspace:
        """The workspace; of a grid, the one without the coupling."""
        return self.model.background if isinstance(self.model, SignalGrid) else self.model

    @property
    def path(self) -> Path:
        """File or folder that the model came from."""
        origin = Path(self.workspace.origin)
        return origin.parent if isinstance(self.model, SignalGrid) else origin

    def interval(self, method: str) -> Interval | None:
        """The interval of a method, or None."""
        return next((entry for entry in self.intervals if entry.method == method), None)

    def message(self, step: str) -> str | None:
        """Why a step failed, or None if it did not."""
        return next((failure.message for failure in self.failures if failure.step == step), None)

    def to_json(self) -> dict[str, Any]:
        """All results as JSON values; of a fit of many parameters without the correlations of all of them."""
        single = {
            "fit": self.fit,
            "scan": self.scan,
            "significance": self.significance,
            "goodness_of_fit": self.goodness,
            "ranking": self.ranking,
            "pulls": self.pulls,
        }
        return {
            "workspace": str(self.path),
            "workspace_digest": self.model.digest,
            "data_kind": self.model.data_kind,
            "nuhist_version": __version__,
            "limits": [interval.to_json() for interval in self.intervals],
            **{name: None if result is None else result.to_json() for name, result in single.items()},
            **(
                {"fit": _without_correlations(self.fit)}
                if self.fit and len(self.fit.parameters) > _MANY
                else {}
            ),
            "spectra": [spectrum.to_json() for spectrum in self.spectra],
            "failures": [{"step": failure.step, "message": failure.message} for failure in self.failures],
        }


def _without_correlations(fit: FitResult) -> dict[str, Any]:
    note = f"correlations of {len(fit.parameters)} parameters are left out here; model.fit() has them"
    return {**replace(fit, correlations=()).to_json(), "correlations_note": note}


class _Steps:
    """Runs one step after the other; one that fails is noted and gives None."""

    def __init__(self, progress: Progress) -> None:
        self.failures: list[Failure] = []
        self.progress = progress

    def run(self, step: str, function: Callable[[], _Result]) -> _Result | None:
        """The result of a function, or None."""
        self.progress(step)
        try:
            return function()
        except (NuhistError, ArithmeticError, np.linalg.LinAlgError) as error:
            self.failures.append(Failure(step, " ".join(str(error).split())))
            return None

    def intervals(
        self, model: Model, methods: Sequence[str], confidence_level: float
    ) -> tuple[Interval, ...]:
        """Limits by several methods, those that fail left out."""
        found = (
            self.run(f"limit ({method})", partial(_limit, model, method, confidence_level))
            for method in methods
        )
        return tuple(interval for interval in found if interval is not None)


def study(
    model: Workspace | SignalGrid,
    *,
    confidence_level: float = 0.90,
    execution: Execution | None = None,
    progress: Progress = lambda _: None,
) -> Study:
    """Fit a model, set limits, and whatever else a report shows; a step that fails is noted.

    Parameters
    ----------
    model
        From :func:`nuhist.load`, with or without a sidecar and a parameter of interest.
    confidence_level
        Confidence level of the limits.
    execution
        Toys for the goodness of fit; None for the asymptotic p-value alone.
    progress
        Called with the name of each step before it begins.
    """
    if isinstance(model, SignalGrid):
        return _study_grid(model, confidence_level, progress)
    steps = _Steps(progress)
    made = Model(model)
    likelihood = steps.run("model", lambda: made.likelihood)
    if likelihood is None:
        return Study(model, failures=tuple(steps.failures))
    fitted = steps.run("fit", made.fit)
    found = Study(
        model,
        fit=fitted,
        goodness=steps.run("goodness of fit", partial(_goodness, made, fitted, execution)),
        pulls=steps.run("pulls", partial(pulls, made)),
    )
    if likelihood.poi is not None:
        one_sided = likelihood.lower[likelihood.poi_index] >= 0
        methods: tuple[str, ...] = ("profile", "cls") if one_sided else ("profile",)
        found = replace(
            found,
            intervals=steps.intervals(made, methods, confidence_level),
            scan=steps.run("scan", partial(made.scan, points=SCAN_POINTS)),
            significance=steps.run("significance", made.significance),
            ranking=steps.run("ranking", made.ranking),
        )
    spectra = steps.run("spectra", partial(fitted_spectra, made, signals=ends_of(found.intervals))) or ()
    return replace(found, spectra=spectra, failures=tuple(steps.failures))


def _study_grid(grid: SignalGrid, confidence_level: float, progress: Progress) -> Study:
    """A grid has limits, a scan and spectra; the fit is that of the point nearest to the best one."""
    steps, made = _Steps(progress), Model(grid)
    curve = steps.run("scan", partial(made.scan, points=SCAN_POINTS))
    found = Study(
        grid,
        fit=None if curve is None else steps.run("fit", partial(_fit_nearest, grid, curve.best_fit)),
        intervals=steps.intervals(made, ("profile",), confidence_level),
        scan=curve,
    )
    ends = {f"signal point nearest to the {title}": end for title, end in ends_of(found.intervals).items()}
    spectra = steps.run("spectra", partial(fitted_spectra, made, signals=ends)) or ()
    return replace(found, spectra=spectra, failures=tuple(steps.failures))


def _goodness(model: Model, fitted: FitResult | None, execution: Execution | None) -> GoodnessOfFit | None:
    """Goodness of fit; without toys that of the fit, which is at hand."""
    if execution is not None:
        return model.goodness_of_fit(execution=execution)
    if fitted is None:
        return None
    return GoodnessOfFit(
        min_chi2=fitted.min_chi2,
        degrees_of_freedom=fitted.degrees_of_freedom,
        p_value=fitted.p_value,
        toys_p_value=None,
        toys_p_value_error=None,
        toys=None,
        seed=None,
        toys_at=None,
        notes=fitted.notes,
        data_kind=fitted.data_kind,
        workspace_digest=fitted.workspace_digest,
        nuhist_version=fitted.nuhist_version,
    )


def _limit(model: Model, method: str, confidence_level: float) -> Interval:
    """The limit with the expected one, or alone where the model makes no sense without the coupling."""
    try:
        return model.limit(method, confidence_level=confidence_level, expected=True)
    except FitError:
        return model.limit(method, confidence_level=confidence_level)


def _fit_nearest(grid: SignalGrid, best: float) -> FitResult:
    target = grid.coupling.to_parameter(best)
    nearest = min(grid.points, key=lambda point: abs(point.value - target))
    result = fit(grid.workspace(nearest), test_poi=1.0)
    # The strength stands for no coupling: its value 1 means the point's.
    return replace(
        result,
        coupling=grid.coupling.coupling,
        unit=grid.coupling.unit,
        best_fit=grid.coupling.to_coupling(nearest.value),
    )
