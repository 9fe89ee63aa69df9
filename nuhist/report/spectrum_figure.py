"""Stacked spectrum of a channel, after the fit, with its residuals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, pyplot, save_figure
from nuhist.inference.spectrum import Component, FittedSpectrum
from nuhist.tables import Array

_TAIL = 0.158655  # above and below one standard deviation


def draw_spectrum(result: FittedSpectrum, output: Path) -> None:
    """Draw a fitted spectrum; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    plt = pyplot()
    edges, observed = np.array(result.edges), np.array(result.observed)
    total, band = np.array(result.total), np.array(result.uncertainty)
    centres = (edges[:-1] + edges[1:]) / 2
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 6), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    below = np.zeros_like(total)
    for entry, colour in zip(result.components, _colours(result.components), strict=True):
        events = np.array(entry.events)
        label = f"{entry.title}: {events.sum():.1f}"
        if events.min() < 0:  # an interference cannot be stacked
            top.stairs(events, edges, color=colour, linewidth=1.5, label=label)
            continue
        top.stairs(below + events, edges, baseline=below, fill=True, color=colour, label=label)
        below = below + events
    top.stairs(total + band, edges, baseline=total - band, fill=True, facecolor="none", hatch="////",
               edgecolor="0.3", linewidth=0, label="fit uncertainty")  # fmt: skip
    top.stairs(total, edges, color="black", linewidth=1)
    low, high = poisson_errors(observed)
    top.errorbar(centres, observed, yerr=[low, high], fmt="ko", markersize=3.5, linewidth=1,
                 label=f"data: {observed.sum():g}")  # fmt: skip
    width = edges[1] - edges[0]
    top.set_ylabel(f"events / {width:.3g} keV" if result.in_kev else "events / bin")
    lowest = min(0.0, *(min(entry.events) for entry in result.components))
    top.set_ylim(1.1 * lowest, 1.25 * max((observed + high).max(), total.max()))
    top.set_title(result.title, fontsize=10)
    top.legend(fontsize=8, ncols=2, frameon=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = np.where(total > 0, (observed - total) / np.sqrt(total + band**2), np.nan)
    bottom.axhspan(-1, 1, color="0.85")
    bottom.axhline(0, color="0.4", linewidth=0.8)
    bottom.plot(centres, pulls, "ko", markersize=3.5)
    bottom.set_ylabel("(data − fit) / σ")
    reach = max(3.0, 1.1 * float(np.nanmax(np.abs(pulls), initial=0.0)))
    bottom.set_ylim(-reach, reach)
    bottom.set_xlabel("reconstructed energy [keVee]" if result.in_kev else "bin")
    bottom.set_xlim(edges[0], edges[-1])
    save_figure(figure, output)


def _colours(components: Sequence[Component]) -> list[str]:
    palette = iter(COLOURS * (1 + len(components) // len(COLOURS)))
    return [SIGNAL_COLOUR if entry.signal else next(palette) for entry in components]


def poisson_errors(counts: Array) -> tuple[Array, Array]:
    """Central 68.27 % intervals of Poisson means, as distances below and above the counts.

    References
    ----------
    Garwood, Biometrika 28 (1936) 437.
    """
    from scipy.special import gammaincinv

    low = np.where(counts > 0, gammaincinv(np.maximum(counts, 1e-9), _TAIL), 0.0)
    return counts - low, np.asarray(gammaincinv(counts + 1, 1 - _TAIL) - counts)
