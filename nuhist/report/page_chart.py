"""A fitted spectrum as shapes in its own units, which a page stretches to its width.

The SVG has energies to the right and minus the events downwards. Axis labels are HTML beside it, so
that they keep their size on a telephone; lines keep their width by ``non-scaling-stroke``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from math import floor, log10
from typing import Any

import numpy as np

from nuhist.inference.poisson import poisson_errors
from nuhist.inference.spectrum import FittedSpectrum
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR
from nuhist.report.labels import data_label
from nuhist.report.page_text import MINUS
from nuhist.tables import Array

_TICKS = 6
_ROOM = 1.08  # above the highest point
_MARGIN = 0.02  # below zero, so that points there are seen
_REACH = 3.5  # of the residuals, in standard deviations, at least


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: its text, and where, in per cent of the axis."""

    text: str
    place: float


@dataclass(frozen=True, slots=True)
class Layer:
    """A component: its outline, colour and events; stacked ones are filled."""

    title: str
    colour: str
    path: str
    filled: bool
    events: float


@dataclass(frozen=True, slots=True)
class Panel:
    """An SVG's view box and the marks of its vertical axis."""

    view: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What a page draws for one channel.

    Attributes
    ----------
    spectrum
        What is shown.
    observed
        Events, all bins together.
    vertical
        Label of the vertical axis.
    layers
        From the bottom of the stack to its top.
    lines
        Sums with another value of the coupling, such as its limit.
    total, band, points, errors
        Paths: the sum, its uncertainty, the observed events and their errors.
    residuals, one_sigma
        Paths in the lower panel, in standard deviations.
    main, lower
        The two panels.
    energies
        Marks of the horizontal axis.
    numbers
        For the page's script: the same, bin by bin.
    """

    spectrum: FittedSpectrum
    observed: float
    vertical: str
    layers: tuple[Layer, ...]
    lines: tuple[Layer, ...]
    total: str
    band: str
    points: str
    errors: str
    residuals: str
    main: Panel
    lower: Panel
    energies: tuple[Tick, ...]
    numbers: dict[str, Any]

    @property
    def label(self) -> str:
        """What the points are."""
        return data_label(self.spectrum.data_kind)


def make_chart(spectrum: FittedSpectrum) -> Chart:
    """Shapes of a fitted spectrum."""
    edges, observed = np.array(spectrum.edges), np.array(spectrum.observed)
    total, band = np.array(spectrum.total), np.array(spectrum.uncertainty)
    low, high = poisson_errors(observed)
    centres = (edges[:-1] + edges[1:]) / 2
    residuals = _residuals(observed, total, band)
    layers = _layers(spectrum, edges)
    bottom = min(0.0, *(min(entry.events) for entry in spectrum.components))
    signals = [np.array(line.events) for line in spectrum.signals]
    expected = np.max([total + band, *signals], axis=0)
    top = _ROOM * float(max((observed + high).max(), expected.max()))
    vertical = (_ROOM * bottom - _MARGIN * top, top)
    reach = max(_REACH, _ROOM * float(np.nanmax(np.abs(residuals), initial=0.0)))
    horizontal = float(edges[0]), float(edges[-1])
    return Chart(
        spectrum=spectrum,
        observed=float(observed.sum()),
        vertical=f"events / {_width(edges)}" if spectrum.in_kev else "events / bin",
        layers=layers,
        lines=tuple(
            Layer(line.title, SIGNAL_COLOUR, _steps(edges, events), filled=False, events=line.added)
            for line, events in zip(spectrum.signals, signals, strict=True)
        ),
        total=_steps(edges, total),
        band=_between(edges, total - band, total + band),
        points="".join(f"M{_xy(x, y)}h0" for x, y in zip(centres, observed, strict=True)),
        errors="".join(
            f"M{_xy(x, below)}V{-above:.6g}"
            for x, below, above in zip(centres, observed - low, observed + high, strict=True)
        ),
        residuals="".join(
            f"M{_xy(x, y)}h0" for x, y in zip(centres, residuals, strict=True) if np.isfinite(y)
        ),
        main=_panel(horizontal, vertical),
        lower=_panel(horizontal, (-reach, reach)),
        energies=ticks(*horizontal, least=0.0 if spectrum.in_kev else 1.0),
        numbers={
            "edges": spectrum.edges,
            "in_kev": spectrum.in_kev,
            "what": "observed" if spectrum.data_kind == "observed" else data_label(spectrum.data_kind),
            "observed": _rounded(observed),
            "total": _rounded(total),
            "uncertainty": _rounded(band),
            "components": [
                *([entry.title, _rounded(np.array(entry.events))] for entry in spectrum.components),
                *([f"sum, {line.title}", _rounded(np.array(line.events))] for line in spectrum.signals),
            ],
            "residuals": _rounded(residuals),
            "tops": _rounded(np.maximum(observed + high, expected)),
            "bottom": vertical[0],
        },
    )


def ticks(low: float, high: float, least: float = 0.0) -> tuple[Tick, ...]:
    """Some round values between two ends, at least so far apart.

    Examples
    --------
    >>> [tick.text for tick in ticks(0, 17)]
    ['0', '5', '10', '15']
    """
    rough = max((high - low) / _TICKS, least)
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    decimals = max(-floor(log10(step) + 1e-9), 0)
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return tuple(
        Tick(
            f"{index * step:.{decimals}f}".replace("-", MINUS),
            float(f"{100 * (index * step - low) / (high - low):.6g}"),
        )
        for index in range(first, last + 1)
    )


def _width(edges: Array) -> str:
    """Of the bins, where all have the same."""
    widths = np.diff(edges)
    return f"{widths[0]:.3g} keV" if np.allclose(widths, widths[0], rtol=1e-6) else "bin"


def _panel(horizontal: tuple[float, float], vertical: tuple[float, float]) -> Panel:
    (left, right), (low, high) = horizontal, vertical
    return Panel(f"{left:.9g} {-high:.9g} {right - left:.9g} {high - low:.9g}", ticks(low, high))


def _layers(spectrum: FittedSpectrum, edges: Array) -> tuple[Layer, ...]:
    colours = cycle(COLOURS)
    below = np.zeros(edges.size - 1)
    layers = []
    for entry in spectrum.components:
        events = np.array(entry.events)
        filled = bool(events.min() >= 0)  # an interference cannot be stacked
        path = _between(edges, below, below + events) if filled else _steps(edges, events)
        colour = SIGNAL_COLOUR if entry.signal else next(colours)
        layers.append(Layer(entry.title, colour, path, filled, float(events.sum())))
        if filled:
            below = below + events
    return tuple(layers)


def _residuals(observed: Array, total: Array, band: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (observed - total) / np.sqrt(total + band**2), np.nan)


def _steps(edges: Array, heights: Array) -> str:
    """A line of steps."""
    start = f"M{_xy(edges[0], heights[0])}"
    return start + "".join(f"V{-y:.6g}H{x:.6g}" for x, y in zip(edges[1:], heights, strict=True))


def _between(edges: Array, low: Array, high: Array) -> str:
    """The area between two lines of steps."""
    back = "".join(f"V{-y:.6g}H{x:.6g}" for x, y in zip(edges[-2::-1], low[::-1], strict=True))
    return f"{_steps(edges, high)}{back}Z"


def _xy(x: float, y: float) -> str:
    return f"{x:.6g} {-y:.6g}"


def _rounded(values: Array) -> Sequence[float | None]:
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]
