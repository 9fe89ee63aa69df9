"""The tables of a submission: spectra, efficiencies, curves of Δχ², limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nuhist.exchange.hepdata.columns import Column, axis, table
from nuhist.exchange.hepdata.names import plain_name
from nuhist.exchange.hepdata.scattering import Scattering, scattering_in
from nuhist.exchange.hepdata.study import Study
from nuhist.experiments.experiment import RESPONSE_KINDS, Experiment, ResponseKind
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.experiments.monoenergetic import largest_energy
from nuhist.experiments.response import make_response
from nuhist.histfactory.data_kind import describe
from nuhist.inference.fit import counts_per_event
from nuhist.inference.poisson import poisson_errors
from nuhist.inference.results import Interval, Scan
from nuhist.inference.spectrum import FittedSpectrum
from nuhist.physics.rate_options import ELECTRON
from nuhist.tables import Array

_MISSING = "-"  # HEPData's text for no number
_FINE = 40.0  # keV; spectra that end below get efficiencies in steps of 0.1 keV, others of 0.5


def submission_tables(studies: Sequence[Study], archive: str) -> list[Any]:
    """All tables, as ``hepdata_lib.Table``; ``archive`` is the file with the likelihoods."""
    tables: list[Any] = []
    for entry in studies:
        for spectrum in entry.spectra:
            tables.append(_spectrum(entry, spectrum, archive, tables))
    for (name, kind), used in _responses(studies).items():
        tables.append(_efficiency(load_experiment(name), kind, used, tables))
    for entry in studies:
        if entry.scan is not None:
            tables.append(_curve(entry, entry.scan, archive, tables))
    units = {(interval.coupling, interval.unit): None for entry in studies for interval in entry.intervals}
    for coupling, unit in units:
        tables.append(_limits(coupling, unit, studies, archive, tables))
    return tables


def efficiency_curve(experiment: Experiment, kind: ResponseKind) -> tuple[Array, Array]:
    """True energies in keV, and the probability that a recoil is observed between the experiment's edges."""
    last = largest_energy(experiment)
    step = 0.1 if last <= _FINE else 0.5
    energies = step * (np.arange(round(last / step), dtype=np.float64) + 0.5)
    probability = make_response(experiment, kind, np.array([])).probability
    return energies, probability(energies).sum(axis=0)


def _spectrum(entry: Study, spectrum: FittedSpectrum, archive: str, tables: Sequence[Any]) -> Any:
    several = len(entry.spectra) > 1
    name = f"Spectrum {entry.name}"
    if several:
        name = f"Spectrum {entry.name[:25]} {plain_name(spectrum.channel, 'channel')[:24]}"
    title, _, fitted = spectrum.title.partition("\n")
    unit = counts_per_event(entry.workspace, spectrum.channel)
    down, up = poisson_errors(np.array(spectrum.observed) * unit)
    qualifiers = [("Channel", spectrum.channel, ""), *_qualifiers(entry, spectrum.channel)]
    at = [*qualifiers, ("Fit", fitted, "")]
    kind = describe(spectrum.data_kind)
    columns = [
        Column(
            f"{kind[0].upper()}{kind[1:]}", "events", spectrum.observed, qualifiers,
            [("Poisson, 68.27 %", (0.0 - down / unit).tolist(), (up / unit).tolist())],
        ),
        Column(
            "Fitted, total", "events", spectrum.total, at,
            [("fit", [0.0 - value for value in spectrum.uncertainty], spectrum.uncertainty)],
        ),
        *(
            Column(f"Fitted, {component.title}", "events", component.events, at)
            for component in spectrum.components
        ),
    ]  # fmt: skip
    description = (
        f"{title}: events {kind} per bin, and after the fit in total, with the fit's uncertainty, and by"
        f" component. {'Fit' if fitted == 'fit' else 'Best fit'}: {fitted}.{_data_sentence(entry)}"
    )
    if unit != 1:
        description += f" In the likelihood an event is {unit:g} counts, which the errors follow."
    edges = spectrum.edges
    channel = (entry.workspace.sidecar or {}).get("channels", {}).get(spectrum.channel, {})
    if spectrum.in_kev:
        x = axis("Reconstructed energy", "keV", list(pairwise(edges)))
    else:
        x = axis("Bin", "", [index + 1 for index in range(len(edges) - 1)])
        names = [each["name"] for each in channel.get("axes", ())]
        description += f" Bins are of {', '.join(names)}, the last one's fastest." if names else ""
    return table(
        name, description, _location(entry, archive), [x], columns, "N", [_hypothesis(entry)],
        scattering_in([channel]), tables,
    )  # fmt: skip


Uses = tuple[list[Mapping[str, Any]], list[str | None]]  # channels, and the models' hypotheses


def _responses(studies: Sequence[Study]) -> dict[tuple[str, ResponseKind], Uses]:
    """Bundled experiments and responses that models use, each once, with what uses them."""
    bundled = bundled_experiments()
    found: dict[tuple[str, ResponseKind], Uses] = {}
    for entry in studies:
        for channel in (entry.workspace.sidecar or {}).get("channels", {}).values():
            name, kind = channel.get("experiment"), channel.get("response")
            if name in bundled and kind in RESPONSE_KINDS:
                channels, hypotheses = found.setdefault((name, kind), ([], []))
                channels.append(channel)
                hypotheses.append(_hypothesis(entry))
    return found


def _scatterings(*entries: Study) -> list[Scattering]:
    """What scatters in all channels of models."""
    sidecars = [entry.workspace.sidecar or {} for entry in entries]
    return scattering_in([channel for each in sidecars for channel in each.get("channels", {}).values()])


def _hypothesis(entry: Study) -> str | None:
    return (entry.workspace.sidecar or {}).get("hypothesis")


def _efficiency(experiment: Experiment, kind: ResponseKind, used: Uses, tables: Sequence[Any]) -> Any:
    energies, values = efficiency_curve(experiment, kind)
    observed = f"with a reconstructed energy between {experiment.edges[0]:g} and {experiment.edges[-1]:g} keV"
    if experiment.axes:
        observed = f"in one of the {experiment.bins} bins of {', '.join(name for name, _ in experiment.axes)}"
    recoil = "an electron" if experiment.process == ELECTRON else "a nuclear"
    description = (
        f"{experiment.title}: probability that {recoil} recoil of a true energy is observed {observed}"
        f" (response: {kind}). Sources: {'; '.join(experiment.sources)}."
    )
    x = axis("True recoil energy", "keV", energies.tolist())
    column = Column("Efficiency", "", values.tolist(), [("Experiment", experiment.name, "")])
    location = f"Tables of the experiment {experiment.name} in nuhist"
    return table(
        f"Efficiency {experiment.name} {kind}",
        description,
        location,
        [x],
        [column],
        "EFF",
        list(dict.fromkeys(used[1])),
        scattering_in(used[0]),
        tables,
    )


def _curve(entry: Study, scan: Scan, archive: str, tables: Sequence[Any]) -> Any:
    description = (
        f"{entry.name}: 2NLL = -2 ln L, profiled over all other parameters, less its global minimum, as a"
        f" function of {scan.coupling}.{_data_sentence(entry)}"
    )
    x = axis(scan.coupling, scan.unit, list(scan.values))
    qualifiers = [
        *_qualifiers(entry),
        ("Best fit", scan.best_fit, scan.unit),
        ("min_chi2", scan.min_chi2, ""),
    ]
    column = Column("Delta chi2", "", list(scan.delta_chi2), qualifiers)
    name = f"Profile likelihood {entry.name}"
    return table(
        name, description, _location(entry, archive), [x], [column], "CLS", [_hypothesis(entry)],
        _scatterings(entry), tables,
    )  # fmt: skip


def _limits(coupling: str, unit: str, studies: Sequence[Study], archive: str, tables: Sequence[Any]) -> Any:
    rows = [
        (entry, interval)
        for entry in studies
        for interval in entry.intervals
        if (interval.coupling, interval.unit) == (coupling, unit)
    ]
    first = rows[0][1]
    level = first.level.removesuffix(" CL")
    conventions = {interval.method: interval.convention for _, interval in rows}
    described = "; ".join(f"{method}: {text}" for method, text in conventions.items())
    description = f"Confidence intervals of {coupling} at {level} C.L. {described}."
    axes = [
        axis("Model", "", [entry.name for entry, _ in rows]),
        axis("Method", "", [interval.method for _, interval in rows]),
    ]
    at = [("Confidence level", level, "")]

    def column(name: str, units: str, values: Sequence[float | None]) -> Column:
        return Column(name, units, [_MISSING if value is None else value for value in values], at)

    intervals: list[Interval] = [interval for _, interval in rows]
    kinds = [interval.data_kind for interval in intervals]
    data = []
    if any(kind != "observed" for kind in kinds):
        data = [Column("Data", "", [describe(kind) for kind in kinds], at)]
        description += f" Data: {', '.join(dict.fromkeys(map(describe, kinds)))}, see the column Data."
    columns = [
        *data,
        column("Lower end", unit, [interval.lower for interval in intervals]),
        column("Upper end", unit, [interval.upper for interval in intervals]),
        column("Best fit", unit, [interval.best_fit for interval in intervals]),
        column("min_chi2", "", [interval.min_chi2 for interval in intervals]),
    ]
    name = f"Limits {plain_name(coupling, 'coupling')}"
    hypotheses = list(dict.fromkeys(_hypothesis(entry) for entry, _ in rows))
    scatterings = _scatterings(*(entry for entry, _ in rows))
    return table(name, description, archive, axes, columns, "CLS", hypotheses, scatterings, tables)


def _qualifiers(entry: Study, channel: str | None = None) -> list[tuple[str, str | float, str]]:
    """What was tested and, for a channel, where."""
    sidecar = entry.workspace.sidecar or {}
    result: list[tuple[str, str | float, str]] = [("Model", entry.name, "")]
    if entry.model.data_kind != "observed":
        result.append(("Data", describe(entry.model.data_kind), ""))
    if "hypothesis" in sidecar:
        result.append(("Hypothesis", sidecar["hypothesis"], ""))
    if "flavor" in sidecar:
        result.append(("Flavour", sidecar["flavor"], ""))
    described = sidecar.get("channels", {}).get(channel, {})
    if "experiment" in described:
        result.append(("Experiment", described["experiment"], ""))
    if "exposure_tonne_year" in described:
        result.append(("Exposure", float(described["exposure_tonne_year"]), "t yr"))
    return result


def _data_sentence(entry: Study) -> str:
    """What the data are, for a description; nothing where they are observed."""
    kind = entry.model.data_kind
    return "" if kind == "observed" else f" Data: {describe(kind)}."


def _location(entry: Study, archive: str) -> str:
    return f"From {entry.name} in {archive}"
