"""Stacked spectra of channels, before or after the fit, with residuals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuhist.inference.poisson import poisson_errors
from nuhist.inference.spectrum import Component, FittedSpectrum
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, new_figure, save_figure
from nuhist.report.labels import data_label, literal, quantity
from nuhist.tables import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where there are more components than colours. Lines take little room in a file, unlike dots.
_HATCHES = (None, "\\\\", "++")
_MANY_BINS = 80  # from which on points must be small
_ENERGY = "reconstructed energy [keVee]"


def spectrum_figure(*spectra: FittedSpectrum) -> Figure:
    """Observed and expected events per bin, stacked by component, with the residuals below.

    Parameters
    ----------
    spectra
        One or several channels; several are drawn in two columns.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    columns = min(len(spectra), 2)
    rows = -(-len(spectra) // columns)
    figure = new_figure(7.2 * columns, 5.8 * rows)
    panels = figure.subfigures(rows, columns, squeeze=False).ravel()
    for panel, result in zip(panels, spectra, strict=False):
        _draw(panel, result)
    return figure


def draw_spectrum(result: FittedSpectrum, output: Path) -> None:
    """Draw a spectrum; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(spectrum_figure(result), output)


def _draw(panel: Any, result: FittedSpectrum) -> None:
    from matplotlib.ticker import MaxNLocator

    top, bottom = panel.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    edges, observed = np.array(result.edges), np.array(result.observed)
    total, band = np.array(result.total), np.array(result.uncertainty)
    centres = (edges[:-1] + edges[1:]) / 2
    marker = "ko" if observed.size < _MANY_BINS else "k."
    size = 3.5 if observed.size < _MANY_BINS else 2.5
    _stack(top, result.components, edges)
    whose = "constraints" if result.stage == "before the fit" else "fit"
    top.stairs(total + band, edges, baseline=total - band, fill=True, facecolor="none", hatch="////",
               edgecolor="0.3", linewidth=0, label=f"uncertainty of the {whose}")  # fmt: skip
    top.stairs(total, edges, color="black", linewidth=1)
    low, high = poisson_errors(observed)
    top.errorbar(centres, observed, yerr=np.stack([low, high]), fmt=marker, markersize=size, linewidth=1,
                 label=f"{data_label(result.data_kind)}: {observed.sum():g}")  # fmt: skip
    top.set_ylabel(_events_label(edges) if result.in_kev else "events / bin")
    lowest = min(0.0, *(min(entry.events) for entry in result.components))
    top.set_ylim(1.1 * lowest, 1.15 * max((observed + high).max(), (total + band).max()))
    top.set_title(_heading(result), fontsize="medium", loc="left")
    panel.legend(loc="outside upper left", ncols=2, fontsize="small", frameon=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        residuals = np.where(total > 0, (observed - total) / np.sqrt(total + band**2), np.nan)
    bottom.axhspan(-1, 1, color="0.85")
    bottom.axhline(0, color="0.4", linewidth=0.8)
    bottom.plot(centres, residuals, marker, markersize=size)
    bottom.set_ylabel("residual [σ]")
    reach = max(3.0, 1.1 * float(np.nanmax(np.abs(residuals), initial=0.0)))
    bottom.set_ylim(-reach, reach)
    bottom.set_xlabel(_ENERGY if result.in_kev else "bin number (no energies known)")
    bottom.set_xlim(edges[0], edges[-1])
    if not result.in_kev:
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.align_ylabels([top, bottom])


def _stack(axes: Any, components: Sequence[Component], edges: Array) -> None:
    fills = cycle([(colour, hatch) for hatch in _HATCHES for colour in COLOURS])
    below = np.zeros(edges.size - 1)
    for entry in components:
        colour, hatch = (SIGNAL_COLOUR, None) if entry.signal else next(fills)
        events = np.array(entry.events)
        label = f"{literal(entry.title)}: {events.sum():.1f}"
        if events.min() < 0:  # an interference cannot be stacked
            axes.stairs(events, edges, color=colour, linewidth=1.5, label=label)
            continue
        axes.stairs(below + events, edges, baseline=below, fill=True, facecolor=colour, hatch=hatch,
                    edgecolor="white" if hatch else colour, linewidth=0, label=label)  # fmt: skip
        below = below + events


def _heading(result: FittedSpectrum) -> str:
    what: str = result.stage
    if result.coupling is not None and result.value is not None:
        what += "; drawn with" if result.stage == "fit without the coupling" else ","
        what += f" {quantity(result.coupling, result.value, result.unit or '')}"
    return f"{literal(result.heading, 76)}\n{what}"


def _events_label(edges: Array) -> str:
    widths = np.diff(edges)
    if np.allclose(widths, widths[0], rtol=1e-6):
        return f"events / {widths[0]:.3g} keV"
    return "events / bin"
