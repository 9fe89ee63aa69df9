"""Response matrix of one experiment, and efficiencies of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nuhist.report.detector import DetectorResponse
from nuhist.report.figures import LINE_COLOURS, LINE_STYLES, new_figure, save_figure
from nuhist.report.labels import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRUE = "true recoil energy [keV]"
_COLOURS = "Blues"
_KINDS = {
    "matrix": "simulated matrix",
    "gaussian": "efficiency and Gaussian resolution",
    "none": "efficiency without resolution",
}


def response_figure(result: DetectorResponse) -> Figure:
    """Probability for a recoil of some true energy to be found in a bin of reconstructed energy.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    figure = new_figure(7, 5.4)
    axes = figure.subplots()
    probability = np.array(result.probability)
    # An image inside the vector formats: a rectangle for each of 10⁴ cells makes files that nobody opens.
    mesh = axes.pcolormesh(
        result.true_edges, result.edges, np.where(probability > 0, probability, np.nan),
        cmap=_COLOURS, vmin=0, rasterized=True,
    )  # fmt: skip
    axes.set_xlabel(_TRUE)
    axes.set_ylabel("reconstructed energy [keVee]")
    axes.set_title(f"{literal(result.title, 70)}\n{_KINDS[result.kind]}", fontsize="medium", loc="left")
    widths = np.diff(result.edges)
    size = f" of {widths[0]:.3g} keV" if np.allclose(widths, widths[0], rtol=1e-6) else ""
    figure.colorbar(mesh, ax=axes, label=f"probability per bin{size}")
    return figure


def efficiency_figure(results: Sequence[DetectorResponse]) -> Figure:
    """Probability for a recoil to be selected and found in any bin, a curve for each experiment.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    figure = new_figure(7, 4.8)
    axes = figure.subplots()
    for index, result in enumerate(results):
        true = np.array(result.true_edges)
        axes.plot(
            (true[:-1] + true[1:]) / 2,
            result.efficiency,
            color=LINE_COLOURS[index % len(LINE_COLOURS)],
            linestyle=LINE_STYLES[index % len(LINE_STYLES)],
            label=f"{literal(result.experiment)} ({_KINDS[result.kind]})",
        )
    axes.set_xlim(0, max(result.true_edges[-1] for result in results))
    axes.set_ylim(0, 1)
    axes.set_xlabel(_TRUE)
    axes.set_ylabel("probability to be selected, in any bin")
    figure.legend(loc="outside upper left", ncols=2 if len(results) > 3 else 1, fontsize="small",
                  frameon=False)  # fmt: skip
    return figure


def draw_response(result: DetectorResponse, output: Path) -> None:
    """Draw a response matrix; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(response_figure(result), output)


def draw_efficiency(results: Sequence[DetectorResponse], output: Path) -> None:
    """Draw efficiencies; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(efficiency_figure(results), output)
