"""Stacked spectra of channels, before or after the fit, with residuals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.errors import OptionError
from nuhist.inference.model import Model
from nuhist.inference.poisson import poisson_errors
from nuhist.inference.spectrum import Component, FittedSpectrum, fitted_spectra, fitted_spectrum
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, Drawn
from nuhist.report.labels import data_label, literal, quantity
from nuhist.showing import Table
from nuhist.tables import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where there are more components than colours. Lines take little room in a file, unlike dots.
_HATCHES = (None, "\\\\", "++")
_LEAST = 0.1  # events where a logarithmic axis begins
_MANY_BINS = 80  # from which on points must be small
_ENERGY = "reconstructed energy [keVee]"


@with_look
def spectrum_figure(*spectra: FittedSpectrum, **look: Unpack[Look]) -> Figure:
    """Observed and expected events per bin, stacked by component, with the residuals below.

    It has two axes for each channel, events and residuals.

    Parameters
    ----------
    spectra
        One or several channels; several are drawn in two columns.
    """
    canvas = Canvas(look, log=True)
    axes = canvas.given(*("events", "residuals") * len(spectra))
    panels: list[Any] = [None] * len(spectra)
    if axes is None:
        columns = min(len(spectra), 2)
        rows = -(-len(spectra) // columns)
        figure = canvas.new(7.2 * columns, 5.8 * rows)
        panels = list(figure.subfigures(rows, columns, squeeze=False).ravel())[: len(spectra)]
        axes = [each for panel in panels for each in panel.subplots(2, sharex=True, height_ratios=[3, 1])]
    for panel, result, top, bottom in zip(panels, spectra, axes[::2], axes[1::2], strict=True):
        _draw(canvas, panel, result, top, bottom)
    drawn = canvas.finished(*axes[::2])
    for top, bottom in zip(axes[::2], axes[1::2], strict=True):
        bottom.set_xlim(top.get_xlim())
    return drawn


def _draw(canvas: Canvas, panel: Any, result: FittedSpectrum, top: Any, bottom: Any) -> None:
    from matplotlib.ticker import MaxNLocator

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
    canvas.vertical(top, 1.1 * lowest, 1.15 * max((observed + high).max(), (total + band).max()), _LEAST)
    canvas.title(top, _stage(result), literal(result.heading, 76))
    canvas.legend(top, panel=panel)
    with np.errstate(divide="ignore", invalid="ignore"):
        residuals = np.where(total > 0, (observed - total) / np.sqrt(total + band**2), np.nan)
    bottom.axhspan(-1, 1, color="0.85")
    bottom.axhline(0, color="0.4", linewidth=0.8)
    bottom.plot(centres, residuals, marker, markersize=size)
    bottom.set_ylabel("residual [σ]")
    reach = max(3.0, 1.1 * float(np.nanmax(np.abs(residuals), initial=0.0)))
    bottom.set_ylim(-reach, reach)
    bottom.set_xlabel(_ENERGY if result.in_kev else "bin number (no energies known)")
    for axes in (top, bottom):
        axes.set_xlim(edges[0], edges[-1])
    if not result.in_kev:
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel is not None:
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


def _stage(result: FittedSpectrum) -> str:
    what: str = result.stage
    if result.coupling is not None and result.value is not None:
        what += "; drawn with" if result.stage == "fit without the coupling" else ","
        what += f" {quantity(result.coupling, result.value, result.unit or '')}"
    return what


def _events_label(edges: Array) -> str:
    widths = np.diff(edges)
    if np.allclose(widths, widths[0], rtol=1e-6):
        return f"events / {widths[0]:.3g} keV"
    return "events / bin"


@with_look
def draw_spectrum(
    model: Model,
    *,
    channels: Sequence[str] = (),
    all_channels: bool = False,
    coupling: float | None = None,
    prefit: bool = False,
    **look: Unpack[Look],
) -> Drawn:
    """Spectra of a model's channels, of the first by default.

    Raises
    ------
    OptionError
        If channels are named beside ``all_channels``.
    """
    if channels and all_channels:
        raise OptionError("--channel: --all-channels draws all of them")
    if channels or all_channels:
        found = fitted_spectra(model, channels=channels or None, coupling=coupling, prefit=prefit)
    else:
        found = (fitted_spectrum(model, coupling=coupling, prefit=prefit),)
    numbers = [spectrum.to_json() for spectrum in found]
    in_kev = all(spectrum.in_kev for spectrum in found)
    return Drawn(
        spectrum_figure(*found, **look),
        numbers[0] if len(numbers) == 1 else {"channels": numbers},
        Table.joined([spectrum.table(in_kev=in_kev) for spectrum in found]),
    )
