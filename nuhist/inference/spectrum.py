"""Events per bin and component after a fit: what a spectrum figure shows, as numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nuhist.errors import ConfigError
from nuhist.histfactory.neutrinos import STRENGTH
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.fit import counts_per_event
from nuhist.inference.grid import grid_curve
from nuhist.inference.likelihood import Likelihood, is_artefact
from nuhist.inference.model import make_likelihood
from nuhist.tables import Array

_MERGED = 0.02  # a component below this fraction of the events is put together with the others


@dataclass(frozen=True)
class Component:
    """Events per bin of one component; ``signal`` marks what the coupling adds."""

    title: str
    events: tuple[float, ...]
    signal: bool


@dataclass(frozen=True)
class FittedSpectrum:
    """What the figure shows, as numbers: events per bin.

    ``edges`` are in keV, or bin numbers where the workspace has no sidecar (``in_kev``).
    ``uncertainty`` is the fit's, one standard deviation of the total.
    """

    channel: str
    edges: tuple[float, ...]
    in_kev: bool
    observed: tuple[float, ...]
    components: tuple[Component, ...]
    total: tuple[float, ...]
    uncertainty: tuple[float, ...]
    title: str
    workspace_digest: str

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of the parameter space: with the coupling, and the same without it."""

    workspace: Workspace
    likelihood: Likelihood
    parameters: Array
    without: Array
    covariance: Array
    what: str


def fitted_spectrum(
    model: Workspace | SignalGrid, *, channel: str | None = None, coupling: float | None = None
) -> FittedSpectrum:
    """Events per bin and component after a fit.

    Parameters
    ----------
    model
        Any HistFactory workspace, or a grid of signal points; energies and titles come from the
        sidecar.
    channel
        Name of the channel; the first by default.
    coupling
        Draw this coupling, on the fit without it, instead of the best fit; of a grid, the
        signal point nearest to it.

    Raises
    ------
    ConfigError
        If there is no such channel.
    FitError
        If the fit does not converge.
    """
    point = _grid_point(model, coupling) if isinstance(model, SignalGrid) else _point(model, coupling)
    slices = point.likelihood.model.config.channel_slices
    name = channel or point.workspace.spec["channels"][0]["name"]
    if name not in slices:
        raise ConfigError(f"{point.workspace.origin}: no channel '{name}'; it has {', '.join(slices)}")
    part, unit = slices[name], counts_per_event(point.workspace, name)
    described = (point.workspace.sidecar or {}).get("channels", {}).get(name, {})
    observed = np.asarray(point.workspace.observed()[name]) / unit
    edges = described.get("edges_keV")
    return FittedSpectrum(
        channel=name,
        edges=tuple(edges) if edges else tuple(float(i) for i in range(observed.size + 1)),
        in_kev=bool(edges),
        observed=tuple(observed.tolist()),
        components=_merged(_components(point, name, described.get("samples", {}), part, unit)),
        total=tuple((point.likelihood.expected(point.parameters)[part] / unit).tolist()),
        uncertainty=tuple((_band(point)[part] / unit).tolist()),
        title=f"{described.get('title', name)}\n{point.what}",
        workspace_digest=model.digest,
    )


def _point(workspace: Workspace, coupling: float | None) -> _Point:
    likelihood = make_likelihood(workspace)
    poi = likelihood.poi
    if poi is None:
        minimum = likelihood.best()
        covariance = likelihood.covariance(minimum)
        return _Point(workspace, likelihood, minimum.parameters, minimum.parameters, covariance, "fit")
    if coupling is None:
        minimum = likelihood.best()
        covariance = likelihood.covariance(minimum)
    else:
        minimum = likelihood.minimise({poi.name: 0.0})
        covariance = likelihood.covariance(minimum, fixed=(poi.name,))
    parameters, without = minimum.parameters.copy(), minimum.parameters.copy()
    if coupling is not None:
        parameters[likelihood.poi_index] = poi.to_parameter(coupling)
    without[likelihood.poi_index] = 0.0
    value = poi.to_coupling(float(parameters[likelihood.poi_index]))
    what = f"{poi.coupling} = {value:.3g} {poi.unit}"
    return _Point(workspace, likelihood, parameters, without, covariance, what)


def _grid_point(grid: SignalGrid, coupling: float | None) -> _Point:
    target = grid_curve(grid).best if coupling is None else grid.coupling.to_parameter(coupling)
    nearest = min(grid.points, key=lambda point: abs(point.value - target))
    workspace = grid.workspace(nearest)
    likelihood = make_likelihood(workspace, poi=STRENGTH)
    held = 1.0 if coupling is None else 0.0
    minimum = likelihood.minimise({STRENGTH: held})
    covariance = likelihood.covariance(minimum, fixed=(STRENGTH,))
    parameters, without = minimum.parameters.copy(), minimum.parameters.copy()
    parameters[likelihood.poi_index], without[likelihood.poi_index] = 1.0, 0.0
    value = grid.coupling.to_coupling(nearest.value)
    what = f"{grid.coupling.coupling} = {value:.3g} {grid.coupling.unit}"
    return _Point(workspace, likelihood, parameters, without, covariance, what)


def _components(
    point: _Point, channel: str, titles: dict[str, str], part: slice, unit: float
) -> dict[str, tuple[Array, bool]]:
    """Events by title, the samples of one title added; what the coupling adds is marked."""
    model, poi = point.likelihood.model, point.likelihood.poi
    counts = np.asarray(model.main_model.expected_data(point.parameters, return_by_sample=True))
    plain = np.asarray(model.main_model.expected_data(point.without, return_by_sample=True))
    components: dict[str, tuple[Array, bool]] = {}

    def add(title: str, events: Array, *, signal: bool) -> None:
        before = components.get(title, (np.zeros_like(events), signal))[0]
        components[title] = (before + events, signal)

    spec = next(entry for entry in point.workspace.spec["channels"] if entry["name"] == channel)
    for sample in spec["samples"]:
        row = model.config.samples.index(sample["name"])
        title = titles.get(sample["name"], sample["name"]).split(", ")[0]
        before, after = plain[row, part] / unit, counts[row, part] / unit
        scaled = poi is not None and any(entry["name"] == poi.name for entry in sample["modifiers"])
        if scaled and poi is not None and is_artefact(poi):
            add(title, before, signal=False)
            add(f"added by {poi.coupling}", after - before, signal=True)
        else:
            add(title, after, signal=scaled)
    return components


def _band(point: _Point) -> Array:
    """Standard deviation of the expected counts by linear propagation."""
    variances = np.diag(point.covariance)
    expected = point.likelihood.expected
    gradient = np.zeros((point.parameters.size, expected(point.parameters).size))
    for index in np.flatnonzero(variances > 0):
        step = np.zeros(point.parameters.size)
        step[index] = 1e-3 * np.sqrt(variances[index])
        difference = expected(point.parameters + step) - expected(point.parameters - step)
        gradient[index] = difference / (2 * step[index])
    variance = np.einsum("ib,ij,jb->b", gradient, point.covariance, gradient)
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
