"""Contours of Δχ² in two parameters, all others profiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, OptionError, missing_extra, unknown_name
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.interest import coupling_scale, parameter_named
from nuhist.histfactory.loading import Source
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.model import Model, as_model
from nuhist.inference.prepare import Engine
from nuhist.inference.results import JsonResult
from nuhist.methods.contour_grid import LOWER, THIN, surface_of
from nuhist.physics.coupling import slashed, spaced
from nuhist.showing import Table
from nuhist.values import as_level, as_numbers, as_text, percent

LEVELS = (0.68, 0.90)
_RESTARTS = 3

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter, and the coupling that it stands for."""

    parameter: str
    coupling: str
    unit: str


@dataclass(frozen=True, slots=True)
class ContourLevel:
    """Where Δχ² has one value.

    Attributes
    ----------
    confidence_level
        Joint, of both parameters.
    delta_chi2
        Quantile of χ² with two degrees of freedom.
    lines
        Each a line of points (x, y); more than one where the region has several parts, or where it ends at
        bounds. A line that is closed ends where it begins.
    """

    confidence_level: float
    delta_chi2: float
    lines: tuple[Points, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Contour(JsonResult):
    """Contours of Δχ² in two parameters, with their confidence levels.

    Attributes
    ----------
    x, y
        What the axes are; all values are couplings in their units.
    best_fit
        Global minimum, (x, y).
    levels
        One for each confidence level.
    convention
        Definition of the contours, in words.
    min_chi2, notes, data_kind
        See :class:`nuhist.inference.results.FitResult`.
    """

    x: Axis
    y: Axis
    best_fit: tuple[float, float]
    levels: tuple[ContourLevel, ...]
    convention: str
    min_chi2: float
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def names(self) -> tuple[str, str]:
        """Names of both axes: the couplings, with the parameters where these are equal, as of two masses."""
        if self.x.coupling != self.y.coupling:
            return self.x.coupling, self.y.coupling
        return f"{self.x.coupling} ({self.x.parameter})", f"{self.y.coupling} ({self.y.parameter})"

    @property
    def summary(self) -> str:
        """The two parameters, and where the best fit is."""
        best = ", ".join(
            f"{name} = {value:.4g}{spaced(axis.unit)}"
            for name, axis, value in zip(self.names, (self.x, self.y), self.best_fit, strict=True)
        )
        levels = ", ".join(percent(level.confidence_level) for level in self.levels)
        return f"contours at {levels} around {best}"

    def table(self) -> Table:
        """A row for each point, line by line."""
        rows = (
            (level.confidence_level, part, *point)
            for level in self.levels
            for part, line in enumerate(level.lines, start=1)
            for point in line
        )
        pairs = zip(self.names, (self.x, self.y), strict=True)
        axes = (f"{name}{slashed(axis.unit)}" for name, axis in pairs)
        return Table(("confidence_level", "line", *axes), tuple(rows))


def contour(
    model: Model | Source,
    x: str,
    y: str,
    *,
    levels: Sequence[float] = LEVELS,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> Contour:
    """Contours of Δχ² in two parameters, with all others fitted at each point.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace.
    x, y
        Names of two parameters, or of their couplings.
    levels
        Joint confidence levels.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    ConfigError
        If there is no such parameter, or a level makes no sense.
    DataError
        If contourpy is not installed.
    OptionError
        If both are the same parameter, or one is fixed.
    FitError
        If a fit does not converge.

    Examples
    --------
    >>> import nuhist
    >>> workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment")
    >>> found = nuhist.contour(workspace, "mu_nu_squared", "lz_ws2022_beta_norm", levels=[0.9])
    >>> round(found.levels[0].delta_chi2, 3), len(found.levels[0].lines)
    (4.605, 1)
    """
    try:
        import contourpy  # noqa: F401 - before anything is fitted
    except ImportError as error:
        raise missing_extra("contours", "contourpy", "plot") from error
    chosen = [as_level(value) for value in as_numbers(levels, "levels")]
    if not chosen:
        raise ConfigError("levels: expected at least one confidence level")
    thresholds = [_threshold(level) for level in chosen]
    made = as_model(model, measurement=measurement, poi=poi, engine=engine)
    likelihood = made.likelihood
    x, y = (parameter_named(made.workspace, name) or name for name in (x, y))
    held = [_position(name, likelihood) for name in (x, y)]
    if x == y:
        raise OptionError(f"{x}: give two different parameters")
    scales = [coupling_scale(made.workspace, name) for name in (x, y)]
    best = made.best
    for _ in range(_RESTARTS):
        surface, wide = surface_of(likelihood, best, held, scales, thresholds)
        if surface.lowest.twice_nll >= best.twice_nll - LOWER:
            break
        lowest = surface.lowest
        best = min(likelihood.minimise(start=lowest.parameters), lowest, key=lambda found: found.twice_nll)
    else:
        raise FitError(f"{made.origin}: the contour finds ever lower minima; the fit is unstable")
    found = []
    for level, threshold in zip(chosen, thresholds, strict=True):
        drawn = surface.lines(scales, best.twice_nll, threshold, max(thresholds))
        lines = tuple(tuple(map(tuple, points.tolist())) for points in drawn)
        found.append(ContourLevel(level, threshold, lines))
    first, second = (float(best.parameters[index]) for index in held)
    return Contour(
        x=Axis(x, scales[0].coupling, scales[0].unit),
        y=Axis(y, scales[1].coupling, scales[1].unit),
        best_fit=(scales[0].to_coupling(first), scales[1].to_coupling(second)),
        levels=tuple(found),
        convention=(
            "2NLL, profiled over all other parameters, less than the quantile of χ² with two degrees of"
            " freedom above its global minimum"
        ),
        min_chi2=likelihood.min_chi2(best),
        notes=(*made.notes, *(() if wide else (THIN,))),
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )


def _threshold(level: float) -> float:
    return float(-2 * np.log1p(-level))  # χ² with two degrees of freedom


def _position(name: str, likelihood: Likelihood) -> int:
    if as_text(name, "parameter") not in likelihood.names:
        raise unknown_name("parameter", name, likelihood.names)
    index = likelihood.names.index(name)
    if likelihood.constant[index]:
        raise OptionError(f"{name}: is fixed, so that there is no contour in it")
    return index
