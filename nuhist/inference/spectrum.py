"""Events per bin and component, before or after a fit: what a spectrum figure shows, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.histfactory.loading import Source
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.templates import STRENGTH
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.covariance import covariance as covariance_of
from nuhist.inference.fit import counts_per_event
from nuhist.inference.hessian import full_jacobian
from nuhist.inference.likelihood import Likelihood, is_artefact
from nuhist.inference.model import Model, as_model
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import CouplingScale, spaced
from nuhist.showing import Table
from nuhist.tables import Array

Stage = Literal["after the fit", "before the fit", "fit without the coupling"]

_MERGED = 0.02  # a component below this fraction of the events is put together with the others


@dataclass(frozen=True)
class Component:
    """Events per bin of one component; ``signal`` marks what the coupling adds."""

    title: str
    events: tuple[float, ...]
    signal: bool


@dataclass(frozen=True, repr=False)
class FittedSpectrum(JsonResult):
    """What the figure shows, as numbers: events per bin.

    ``edges`` are in keV, or bin numbers where the workspace has no sidecar (``in_kev``).
    ``uncertainty`` is one standard deviation of the total: the fit's, or before the fit that of the
    constraints. ``coupling``, ``value`` and ``unit`` are what the parameter of interest stands for,
    None without one. ``data_kind`` says what ``observed`` is.
    """

    channel: str
    heading: str
    stage: Stage
    coupling: str | None
    value: float | None
    unit: str | None
    edges: tuple[float, ...]
    in_kev: bool
    observed: tuple[float, ...]
    components: tuple[Component, ...]
    total: tuple[float, ...]
    uncertainty: tuple[float, ...]
    title: str
    data_kind: DataKind
    workspace_digest: str

    @property
    def summary(self) -> str:
        """Of which channel, and how many events."""
        return f"{self.channel} {self.stage}: {sum(self.observed):g} events, {sum(self.total):.1f} expected"

    def table(self, *, in_kev: bool | None = None) -> Table:
        """A row for each bin and component; the observed and total counts are components too.

        ``in_kev`` says whether the columns are named by the unit, beside those of other channels.
        """
        nothing = (None,) * len(self.observed)
        columns: list[tuple[str, Sequence[float], Sequence[float | None]]] = [
            (describe(self.data_kind), self.observed, nothing),
            ("expected", self.total, self.uncertainty),
            *((part.title, part.events, nothing) for part in self.components),
        ]
        rows = (
            (self.channel, low, high, title, value, error)
            for title, events, errors in columns
            for low, high, value, error in zip(self.edges[:-1], self.edges[1:], events, errors, strict=True)
        )
        named = self.in_kev if in_kev is None else in_kev
        ends = ("low_keV", "high_keV") if named else ("low", "high")
        return Table(("channel", *ends, "component", "events", "uncertainty"), tuple(rows))


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of the parameter space: with the coupling, and the same without it."""

    workspace: Workspace
    likelihood: Likelihood
    parameters: Array
    without: Array
    covariance: Array
    stage: Stage
    scale: CouplingScale | None
    value: float | None


def fitted_spectrum(
    model: Model | Source,
    *,
    channel: str | None = None,
    coupling: float | None = None,
    prefit: bool = False,
) -> FittedSpectrum:
    """Events per bin and component of one channel; the first by default.

    See :func:`fitted_spectra` for the parameters and errors.
    """
    made = as_model(model)
    origin = made.source.background if isinstance(made.source, SignalGrid) else made.source
    name = channel or origin.spec["channels"][0]["name"]
    return fitted_spectra(made, channels=[name], coupling=coupling, prefit=prefit)[0]


def fitted_spectra(
    model: Model | Source,
    *,
    channels: Sequence[str] | None = None,
    coupling: float | None = None,
    prefit: bool = False,
) -> tuple[FittedSpectrum, ...]:
    """Events per bin and component of several channels, from one fit.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from; energies and titles come from the sidecar.
    channels
        Their names; all by default.
    coupling
        Draw this coupling, on the fit without it, instead of the best fit; of a grid, the
        signal point nearest to it.
    prefit
        No fit: all parameters at the workspace's initial values, the coupling too unless it is
        given. Of a grid, no coupling unless it is given.

    Raises
    ------
    ConfigError
        If there is no such channel.
    OptionError
        If there is a coupling and no parameter of interest.
    FitError
        If the fit does not converge.
    """
    made = as_model(model)
    if isinstance(made.source, SignalGrid):
        point = _grid_point(made, made.source, coupling, prefit=prefit)
    else:
        point = _point(made, coupling, prefit=prefit)
    known = point.likelihood.model.config.channel_slices
    names = [entry["name"] for entry in point.workspace.spec["channels"]] if channels is None else channels
    for name in names:
        if name not in known:
            raise ConfigError(f"{point.workspace.origin}: no channel '{name}'; it has {', '.join(known)}")
    total = point.likelihood.expected(point.parameters)
    band = _band(point)
    return tuple(_spectrum(point, name, total[known[name]], band[known[name]], made) for name in names)


def _spectrum(point: _Point, name: str, total: Array, band: Array, model: Model) -> FittedSpectrum:
    unit = counts_per_event(point.workspace, name)
    described = (point.workspace.sidecar or {}).get("channels", {}).get(name, {})
    observed = point.likelihood.data[point.likelihood.model.config.channel_slices[name]] / unit
    edges = described.get("edges_keV")
    heading, what = described.get("title", name), "fit"
    if point.scale is not None:
        what = f"{point.scale.coupling} = {point.value:.3g}{spaced(point.scale.unit)}"
    return FittedSpectrum(
        channel=name,
        heading=heading,
        stage=point.stage,
        coupling=point.scale.coupling if point.scale else None,
        value=point.value,
        unit=point.scale.unit if point.scale else None,
        edges=tuple(edges) if edges else tuple(float(i) for i in range(observed.size + 1)),
        in_kev=bool(edges),
        observed=tuple(observed.tolist()),
        components=_merged(_components(point, name, described.get("samples", {}), unit)),
        total=tuple((total / unit).tolist()),
        uncertainty=tuple((band / unit).tolist()),
        title=f"{heading}\n{what}",
        data_kind=model.data_kind,
        workspace_digest=model.digest,
    )


def _point(model: Model, coupling: float | None, *, prefit: bool) -> _Point:
    workspace, likelihood = model.workspace, model.likelihood
    poi = likelihood.poi
    if coupling is not None and poi is None:
        raise OptionError(f"--coupling: does nothing, since {workspace.origin} has no parameter of interest")
    stage: Stage
    if prefit:
        parameters, covariance, stage = likelihood.initial.copy(), _constraints(likelihood), "before the fit"
    elif poi is None or coupling is None:
        parameters, covariance = model.best.parameters.copy(), model.covariance
        stage = "after the fit"
    else:
        minimum = likelihood.minimise({poi.name: 0.0})
        parameters = minimum.parameters.copy()
        covariance = covariance_of(likelihood, minimum, fixed=(poi.name,))
        stage = "fit without the coupling"
    without = parameters.copy()
    if poi is None:
        return _Point(workspace, likelihood, parameters, without, covariance, stage, None, None)
    if coupling is not None:
        parameters[likelihood.poi_index] = poi.to_parameter(coupling)
    without[likelihood.poi_index] = 0.0
    value = poi.to_coupling(float(parameters[likelihood.poi_index]))
    return _Point(workspace, likelihood, parameters, without, covariance, stage, poi, value)


def _grid_point(model: Model, grid: SignalGrid, coupling: float | None, *, prefit: bool) -> _Point:
    if coupling is not None:
        target = grid.coupling.to_parameter(coupling)
    elif prefit:
        target = 0.0
    else:
        curve = model.curve
        curve.refuse_broken(1.0)  # one standard deviation around the best fit
        target = curve.best
    nearest = min(grid.points, key=lambda point: abs(point.value - target))
    workspace = grid.workspace(nearest)
    likelihood = make_likelihood(workspace, poi=STRENGTH)
    stage: Stage
    if prefit:
        parameters, covariance, stage = likelihood.initial.copy(), _constraints(likelihood), "before the fit"
    else:
        held = 1.0 if coupling is None else 0.0
        minimum = likelihood.minimise({STRENGTH: held})
        parameters, covariance = (
            minimum.parameters.copy(),
            covariance_of(likelihood, minimum, fixed=(STRENGTH,)),
        )
        stage = "after the fit" if coupling is None else "fit without the coupling"
    without = parameters.copy()
    parameters[likelihood.poi_index], without[likelihood.poi_index] = 1.0, 0.0
    value = grid.coupling.to_coupling(nearest.value)
    return _Point(workspace, likelihood, parameters, without, covariance, stage, grid.coupling, value)


def _constraints(likelihood: Likelihood) -> Array:
    """Covariance before the fit: the squared widths of the constraints; nothing for what has none."""
    poi = likelihood.poi
    widths = np.array([likelihood.constraint(index)[0] or 0.0 for index in range(len(likelihood.names))])
    widths[np.array(likelihood.constant)] = 0.0
    if poi is not None:
        widths[likelihood.poi_index] = 0.0  # the coupling is held; a constraint of it is an artefact
    return np.diag(widths**2)


def _components(
    point: _Point, channel: str, titles: dict[str, str], unit: float
) -> dict[str, tuple[Array, bool]]:
    """Events by title, the samples of one title added; what the coupling adds is marked."""
    model, poi = point.likelihood.model, point.likelihood.poi
    part = model.config.channel_slices[channel]
    counts = np.asarray(model.main_model.expected_data(point.parameters, return_by_sample=True))
    plain = np.asarray(model.main_model.expected_data(point.without, return_by_sample=True))
    components: dict[str, tuple[Array, bool]] = {}

    def add(title: str, events: Array, *, signal: bool) -> None:
        before = components.get(title, (np.zeros_like(events), signal))[0]
        components[title] = (before + events, signal)

    spec = next(entry for entry in point.workspace.spec["channels"] if entry["name"] == channel)
    for sample in spec["samples"]:
        row = model.config.samples.index(sample["name"])
        name = sample["name"]
        title = titles[name].split(", ")[0] if name in titles else name
        before, after = plain[row, part] / unit, counts[row, part] / unit
        scaled = poi is not None and any(entry["name"] == poi.name for entry in sample["modifiers"])
        if scaled and is_artefact(point.likelihood):
            add(title, before, signal=False)
            add("added by the coupling", after - before, signal=True)
        else:
            add(title, after, signal=scaled)
    return components


def _band(point: _Point) -> Array:
    """Standard deviation of the expected counts by linear propagation."""
    model = point.likelihood.arrays
    if model is None:
        raise FitError(f"{point.workspace.origin}: no band without the likelihood in arrays")
    (gradient,) = full_jacobian(model, point.parameters[None])[1]
    variance = np.sum((point.covariance @ gradient) * gradient, axis=0)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def _merged(components: dict[str, tuple[Array, bool]]) -> tuple[Component, ...]:
    """Largest first, signal last, small ones put together."""
    events = sum(float(values.sum()) for values, _ in components.values())
    kept, rest = [], None
    for title, (values, signal) in sorted(components.items(), key=lambda item: -item[1][0].sum()):
        if signal or values.sum() >= _MERGED * events:
            kept.append(Component(title, tuple(values.tolist()), signal))
        else:
            rest = values if rest is None else rest + values
    if rest is not None:
        kept.append(Component("others", tuple(rest.tolist()), False))
    return tuple(sorted(kept, key=lambda component: component.signal))
