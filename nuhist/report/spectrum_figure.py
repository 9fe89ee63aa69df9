"""Stacked spectra of channels, before or after the fit, with residuals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.errors import ConfigError
from nuhist.inference.model import Model
from nuhist.inference.poisson import poisson_errors
from nuhist.inference.spectrum import Component, FittedSpectrum, SignalLine, fitted_spectra
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, Drawn
from nuhist.report.labels import data_label, literal, quantity
from nuhist.report.signal_choice import signal_values
from nuhist.showing import Table
from nuhist.tables import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where there are more components than colours. Lines take little room in a file, unlike dots.
_HATCHES = (None, "\\\\", "++")
_LEAST = 0.1  # events where a logarithmic axis begins
_MANY_BINS = 80  # from which on points must be small
# Columns up to so many panels, with the size of a panel in inches; more do not fit into a figure.
_GRIDS = ((4, 2, 7.2, 5.8), (12, 3, 6.4, 5.0), (48, 4, 5.6, 4.4))
_DASHES = ((0, (4, 1.5)), (0, (1.2, 1.2)))  # of the first line, such as the lower limit, and of the second
_ENERGY = "reconstructed energy [keVee]"
_LONGEST = 70  # characters of the names of axes


@with_look
def spectrum_figure(*spectra: FittedSpectrum, **look: Unpack[Look]) -> Figure:
    """Observed and expected events per bin, stacked by component, with the residuals below.

    It has two axes for each channel, events and residuals.

    Parameters
    ----------
    spectra
        One or several channels; several are panels of one figure, in two to four columns.

    Raises
    ------
    ConfigError
        If there are more channels than a figure holds.
    """
    canvas = Canvas(look, log=True)
    axes = canvas.given(*("events", "residuals") * len(spectra))
    panels: list[Any] = [None] * len(spectra)
    if axes is None:
        most, width, height = next(((c, w, h) for n, c, w, h in _GRIDS if len(spectra) <= n), (0, 0.0, 0.0))
        if not most:
            raise ConfigError(
                f"{len(spectra)} channels: more than a figure holds; name up to {_GRIDS[-1][0]} by"
                " channels=..."
            )
        columns = min(len(spectra), most)
        rows = -(-len(spectra) // columns)
        figure = canvas.new(width * columns, height * rows)
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
    highest = [total + band, *(_signal(top, result, line, edges, dashes) for line, dashes in _lines(result))]
    low, high = poisson_errors(observed)
    top.errorbar(centres, observed, yerr=np.stack([low, high]), fmt=marker, markersize=size, linewidth=1,
                 label=f"{data_label(result.data_kind)}: {observed.sum():g}")  # fmt: skip
    top.set_ylabel(_events_label(edges) if result.in_kev else "events / bin")
    lowest = min(0.0, *(min(entry.events) for entry in result.components))
    canvas.vertical(top, 1.1 * lowest, 1.15 * max((observed + high).max(), np.max(highest)), _LEAST)
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
    bottom.set_xlabel(_horizontal(result))
    for axes in (top, bottom):
        axes.set_xlim(edges[0], edges[-1])
    if not result.in_kev:
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel is not None:
        panel.align_ylabels([top, bottom])


def _horizontal(result: FittedSpectrum) -> str:
    """What bins are of."""
    if result.in_kev:
        return _ENERGY
    if not result.axes:
        return "bin number (no energies known)"
    return f"bin of {literal(', '.join(result.axes), _LONGEST)}"


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


def _lines(result: FittedSpectrum) -> list[tuple[SignalLine, Any]]:
    """Lines of signals with their dashes: those of a lower and of an upper limit differ."""
    return [(line, _DASHES[index % len(_DASHES)]) for index, line in enumerate(result.signals)]


def _signal(axes: Any, result: FittedSpectrum, line: SignalLine, edges: Array, dashes: Any) -> Array:
    """All events with another value of the coupling, as a line over the stack."""
    events = np.array(line.events)
    what = quantity(result.coupling or "", line.value, result.unit or "")
    axes.stairs(events, edges, color=SIGNAL_COLOUR, linewidth=1.6, linestyle=dashes,
                label=f"with {what}\n({line.title}): {line.added:+.1f}")  # fmt: skip
    return events


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
    coupling: float | None = None,
    signal: str | float | None = None,
    confidence_level: float | None = None,
    prefit: bool = False,
    **look: Unpack[Look],
) -> Drawn:
    """Spectra of a model's channels, all by default, each a panel of the figure.

    Parameters
    ----------
    model
        What is drawn.
    channels
        Their names; all by default.
    coupling
        Draw this coupling, on the fit without it, instead of the best fit.
    signal
        Line over the stack, with this coupling and all other parameters as in the stack: ``"limit"``,
        ``"fit"``, a coupling, or ``"none"``. By default the limit, but with ``coupling`` or ``prefit`` none.
    confidence_level
        Confidence level of the limit, 0.90 by default.
    prefit
        No fit: all parameters at the workspace's initial values.

    Raises
    ------
    ConfigError
        If there is no such channel, more channels than a figure holds, or no such signal.
    OptionError
        If a signal, or its confidence level, does nothing.
    FitError, ModelError
        If the fit does not converge, or a limit is asked for that cannot be found.
    """
    if signal is None and confidence_level is None and (prefit or coupling is not None):
        signal = "none"
    signals = signal_values(model, signal, confidence_level)
    found = fitted_spectra(
        model, channels=channels or None, coupling=coupling, prefit=prefit, signals=signals
    )
    numbers = [spectrum.to_json() for spectrum in found]
    in_kev = all(spectrum.in_kev for spectrum in found)
    return Drawn(
        spectrum_figure(*found, **look),
        numbers[0] if len(numbers) == 1 else {"channels": numbers},
        Table.joined([spectrum.table(in_kev=in_kev) for spectrum in found]),
    )
