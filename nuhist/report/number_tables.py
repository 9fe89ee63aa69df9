"""The numbers of figures as tables, for CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nuhist.histfactory.data_kind import describe
from nuhist.inference.results import FitResult
from nuhist.inference.spectrum import FittedSpectrum
from nuhist.inference.study_results import Ranking
from nuhist.report.cls_curve import ClsCurve
from nuhist.report.detector import DetectorResponse
from nuhist.report.labels import data_label, data_title
from nuhist.report.neutrinos import CrossSections, FluxCurve
from nuhist.report.profiles import Line
from nuhist.report.pulls import Pulls
from nuhist.report.world_limits import WorldLimits
from nuhist.tables import Cell, to_csv


@dataclass(frozen=True)
class Table:
    """Named columns."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_csv(self) -> str:
        """The table as :func:`nuhist.tables.to_csv` writes it."""
        return to_csv(self.header, self.rows)


def spectrum_table(spectra: Sequence[FittedSpectrum]) -> Table:
    """A row for each channel, bin and component; the observed and total counts are components too.

    Of a channel without observed data, the first component is called what its data are.
    """
    rows: list[tuple[Cell, ...]] = []
    for entry in spectra:
        columns = [
            (describe(entry.data_kind), entry.observed, (None,) * len(entry.observed)),
            ("expected", entry.total, entry.uncertainty),
            *((part.title, part.events, (None,) * len(part.events)) for part in entry.components),
        ]
        for title, events, errors in columns:
            for low, high, value, error in zip(
                entry.edges[:-1], entry.edges[1:], events, errors, strict=True
            ):
                rows.append((entry.channel, low, high, title, value, error))
    in_kev = all(entry.in_kev for entry in spectra)
    ends = ("low_keV", "high_keV") if in_kev else ("low", "high")
    return Table(("channel", *ends, "component", "events", "uncertainty"), tuple(rows))


def profile_table(lines: Sequence[Line]) -> Table:
    """A row for each curve and coupling."""
    rows = [
        (line.label, line.coupling, line.unit, value, height, line.data_kind)
        for line in lines
        for value, height in zip(line.values, line.delta_chi2, strict=True)
    ]
    return Table(("label", "coupling", "unit", "value", "delta_chi2", "data_kind"), tuple(rows))


def cls_table(curve: ClsCurve) -> Table:
    """A row for each coupling."""
    header = (
        f"{curve.coupling}/{curve.unit}",
        "observed" if curve.data_kind == "observed" else data_label(curve.data_kind),
        *(f"expected {sigma}" for sigma in curve.expected),
    )
    return Table(header, tuple(zip(curve.values, curve.observed, *curve.expected.values(), strict=True)))


def pulls_table(result: Pulls) -> Table:
    """A row for each parameter."""
    kind = result.data_kind
    header = ("parameter", "pull", "pull_error", "value", "error", "centre", "width", "data_kind")
    rows = [
        (one.parameter, one.pull, one.pull_error, one.value, one.error, one.centre, one.width, kind)
        for one in result.pulls
    ]
    return Table(header, tuple(rows))


def ranking_table(result: Ranking) -> Table:
    """A row for each parameter; impacts are those on the parameter of interest."""
    rows = [
        (one.parameter, one.pull, one.pull_error, one.impact_up, one.impact_down, result.data_kind)
        for one in result.impacts
    ]
    header = ("parameter", "pull", "pull_error", "impact_up", "impact_down", "data_kind")
    return Table(header, tuple(rows))


def correlation_table(result: FitResult) -> Table:
    """A matrix with the parameters' names; its corner says what the data are, unless observed."""
    names = [entry.name for entry in result.parameters]
    rows: list[tuple[Cell, ...]] = [
        (name, *row) for name, row in zip(names, result.correlations, strict=True)
    ]
    first = data_title(result.data_kind, "parameter")
    return Table((first, *names), tuple(rows))


def response_table(result: DetectorResponse) -> Table:
    """A row for each cell of true energy, a column for each bin."""
    bins = [f"{low:g}-{high:g} keV" for low, high in zip(result.edges[:-1], result.edges[1:], strict=True)]
    columns = (result.true_edges[:-1], result.true_edges[1:], *result.probability)
    return Table(("low_keV", "high_keV", *bins), tuple(zip(*columns, strict=True)))


def efficiency_table(results: Sequence[DetectorResponse]) -> Table:
    """A row for each experiment and cell of true energy."""
    rows = [
        (result.experiment, low, high, value)
        for result in results
        for low, high, value in zip(
            result.true_edges[:-1], result.true_edges[1:], result.efficiency, strict=True
        )
    ]
    return Table(("experiment", "low_keV", "high_keV", "efficiency"), tuple(rows))


def flux_table(curves: Sequence[FluxCurve]) -> Table:
    """A row for each component and energy; lines have no density."""
    rows: list[tuple[Cell, ...]] = []
    for curve in curves:
        densities: Sequence[float | None] = curve.densities or (None,) * len(curve.energies)
        for energy, density in zip(curve.energies, densities, strict=True):
            rows.append((curve.component, energy, density, curve.total, curve.uncertainty))
    header = ("component", "energy_keV", "per_cm2_s_keV", "total_per_cm2_s", "fractional_uncertainty")
    return Table(header, tuple(rows))


def cross_section_table(result: CrossSections) -> Table:
    """A row for each recoil energy, a column for each hypothesis."""
    header = ("recoil_energy_keV", *(f"{curve.hypothesis} cm2/keV" for curve in result.curves))
    columns = [curve.values for curve in result.curves]
    return Table(header, tuple(zip(result.curves[0].energies, *columns, strict=True)))


def world_limits_table(result: WorldLimits) -> Table:
    """A row for each limit."""
    header = ("quantity", "flavor", "lower", "upper", "experiment", "source", "ours", "data_kind")
    rows = [
        (one.quantity, one.flavor, one.lower, one.upper, one.experiment, one.source, one.ours, one.data_kind)
        for one in result.limits
    ]
    return Table(header, tuple(rows))
