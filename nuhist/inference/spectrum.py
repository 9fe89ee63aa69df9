"""Events per bin and component, before or after a fit: what a spectrum figure shows, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nuhist.errors import ConfigError, FitError
from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.histfactory.loading import Source
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.sample_names import whole_name
from nuhist.inference.fit import counts_per_event
from nuhist.inference.hessian import full_jacobian
from nuhist.inference.likelihood import is_artefact
from nuhist.inference.model import Model, as_model
from nuhist.inference.parameter_point import Point, Stage, expected_at, parameter_point
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import spaced
from nuhist.showing import Table
from nuhist.tables import Array

_MERGED = 0.02  # a component below this fraction of the events is put together with the others


@dataclass(frozen=True)
class Component:
    """Events per bin of one component; ``signal`` marks what the coupling adds."""

    title: str
    events: tuple[float, ...]
    signal: bool


@dataclass(frozen=True)
class SignalLine:
    """All events per bin with another value of the coupling, the other parameters as in the spectrum.

    ``title`` says which value it is, such as ``"upper limit, 90 % CL"``, ``value`` is the coupling, and
    ``added`` how many events more there are than without it, in all bins.
    """

    title: str
    value: float
    events: tuple[float, ...]
    added: float


@dataclass(frozen=True, repr=False)
class FittedSpectrum(JsonResult):
    """The spectrum of one channel, before or after a fit: observed and expected events per bin.

    ``edges`` are in keV, or bin numbers where no energies are known (``in_kev``); ``axes`` says what such
    bins are of, as far as the sidecar knows it, the last one fastest.
    ``uncertainty`` is one standard deviation of the total: the fit's, or before the fit that of the
    constraints. ``coupling``, ``value`` and ``unit`` are what the parameter of interest stands for,
    None without one. ``data_kind`` says what ``observed`` is. ``signals`` are totals with other values of
    the coupling.
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
    signals: tuple[SignalLine, ...] = ()
    axes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The channel, and how many events it has."""
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
            *((f"expected, {line.title}", line.events, nothing) for line in self.signals),
        ]
        rows = (
            (self.channel, low, high, title, value, error)
            for title, events, errors in columns
            for low, high, value, error in zip(self.edges[:-1], self.edges[1:], events, errors, strict=True)
        )
        named = self.in_kev if in_kev is None else in_kev
        ends = ("low_keV", "high_keV") if named else ("low", "high")
        return Table(("channel", *ends, "component", "events", "uncertainty"), tuple(rows))


def fitted_spectrum(
    model: Model | Source,
    *,
    channel: str | None = None,
    coupling: float | None = None,
    prefit: bool = False,
    signals: Mapping[str, float] | None = None,
) -> FittedSpectrum:
    """Events per bin and component of one channel, before or after a fit.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from; energies and titles come from the sidecar.
    channel
        Name of the channel; the first by default.
    coupling, prefit, signals
        As :func:`fitted_spectra` takes them, whose errors these are, too.
    """
    made = as_model(model)
    origin = made.source.background if isinstance(made.source, SignalGrid) else made.source
    name = channel or origin.spec["channels"][0]["name"]
    return fitted_spectra(made, channels=[name], coupling=coupling, prefit=prefit, signals=signals)[0]


def fitted_spectra(
    model: Model | Source,
    *,
    channels: Sequence[str] | None = None,
    coupling: float | None = None,
    prefit: bool = False,
    signals: Mapping[str, float] | None = None,
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
    signals
        Couplings of which the totals are wanted besides, by title, with the other parameters as they are
        after (or before) the fit; of a grid, the signal points nearest to them.

    Raises
    ------
    ConfigError
        If there is no such channel.
    OptionError
        If there is a coupling or a signal and no parameter of interest.
    FitError
        If the fit does not converge.
    """
    made = as_model(model)
    point = parameter_point(made, coupling, prefit=prefit)
    known = point.likelihood.model.config.channel_slices
    names = [entry["name"] for entry in point.workspace.spec["channels"]] if channels is None else channels
    for name in names:
        if name not in known:
            raise ConfigError(f"{point.workspace.origin}: no channel '{name}'; it has {', '.join(known)}")
    total = point.likelihood.expected(point.parameters)
    band = _band(point)
    without = point.likelihood.expected(point.without)
    others = {title: expected_at(made, point, value) for title, value in (signals or {}).items()}

    def lines(name: str) -> tuple[SignalLine, ...]:
        part, unit = known[name], counts_per_event(point.workspace, name)
        return tuple(
            SignalLine(
                title,
                value,
                tuple((counts[part] / unit).tolist()),
                float((counts[part] - without[part]).sum() / unit),
            )
            for title, (value, counts) in others.items()
        )

    return tuple(
        replace(_spectrum(point, name, total[known[name]], band[known[name]], made), signals=lines(name))
        for name in names
    )


def _spectrum(point: Point, name: str, total: Array, band: Array, model: Model) -> FittedSpectrum:
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
        axes=tuple(str(axis["name"]) for axis in described.get("axes", ())),
    )


def _components(
    point: Point, channel: str, titles: dict[str, str], unit: float
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
    wholes = {sample["name"]: whole_name(spec, sample) for sample in spec["samples"]}
    for sample in spec["samples"]:
        row = model.config.samples.index(sample["name"])
        name = sample["name"]
        title = titles[name].split(", ")[0] if name in titles else wholes[name]
        before, after = plain[row, part] / unit, counts[row, part] / unit
        scaled = poi is not None and any(entry["name"] == poi.name for entry in sample["modifiers"])
        if scaled and is_artefact(point.likelihood):
            add(title, before, signal=False)
            add("added by the coupling", after - before, signal=True)
        else:
            add(title, after, signal=scaled)
    return components


def _band(point: Point) -> Array:
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
