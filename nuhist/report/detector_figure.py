"""Response matrix of one experiment, and efficiencies of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from nuhist.experiments.experiment import Experiment, ResponseKind
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.detector import DetectorResponse, detector_response
from nuhist.report.figures import LINE_COLOURS, LINE_STYLES, Drawn
from nuhist.report.labels import literal
from nuhist.showing import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RECOILS = {"electron": "electron recoils", "nucleus": "nuclear recoils"}
_COLOURS = "Blues"
_LEAST = 1e-3  # probability where a logarithmic axis begins
_KINDS = {
    "matrix": "simulated matrix",
    "gaussian": "efficiency and Gaussian resolution",
    "none": "efficiency without resolution",
    "monoenergetic": "recoils of single energies",
}


@with_look
def response_figure(result: DetectorResponse, **look: Unpack[Look]) -> Figure:
    """Probability for a recoil of some true energy to be found in a bin of reconstructed energy."""
    canvas = Canvas(look)
    axes = canvas.axes(7, 5.4)
    probability = np.array(result.probability)
    # An image inside the vector formats: a rectangle for each of 10⁴ cells makes files that nobody opens.
    mesh = axes.pcolormesh(
        result.true_edges, result.edges, np.where(probability > 0, probability, np.nan),
        cmap=_COLOURS, vmin=0, rasterized=True,
    )  # fmt: skip
    axes.set_xlabel(_true([result]))
    in_kev = result.kind != "monoenergetic"  # whose bins need not be of energy
    axes.set_ylabel("reconstructed energy [keVee]" if in_kev else "bin")
    canvas.title(axes, _KINDS[result.kind], literal(result.title, 70))
    widths = np.diff(result.edges)
    equal = in_kev and np.allclose(widths, widths[0], rtol=1e-6)
    size = f" of {widths[0]:.3g} keV" if equal else ""
    axes.figure.colorbar(mesh, ax=axes, label=f"probability per bin{size}")
    return canvas.finished(axes)


@with_look
def efficiency_figure(results: Sequence[DetectorResponse], **look: Unpack[Look]) -> Figure:
    """Probability for a recoil to be selected and found in any bin, a curve for each experiment."""
    canvas = Canvas(look, log=True)
    axes = canvas.axes(7, 4.8)
    several = len({result.process for result in results}) > 1
    recoils = {name: f"{words}, " if several else "" for name, words in _RECOILS.items()}
    for index, result in enumerate(results):
        true = np.array(result.true_edges)
        axes.plot(
            (true[:-1] + true[1:]) / 2,
            result.efficiency,
            color=LINE_COLOURS[index % len(LINE_COLOURS)],
            linestyle=LINE_STYLES[index % len(LINE_STYLES)],
            label=f"{literal(result.experiment)} ({recoils[result.process]}{_KINDS[result.kind]})",
        )
    axes.set_xlim(0, max(result.true_edges[-1] for result in results))
    canvas.vertical(axes, 0, 1, _LEAST)
    axes.set_xlabel(_true(results))
    axes.set_ylabel("probability to be selected, in any bin")
    canvas.title(axes)
    canvas.legend(axes, ncols=2 if len(results) > 3 else 1)
    return canvas.finished(axes)


def _true(results: Sequence[DetectorResponse]) -> str:
    """The axis of true energies; it says nuclear where only nuclei recoil."""
    nuclear = all(result.process != "electron" for result in results)
    return f"true {'nuclear ' if nuclear else ''}recoil energy [keV]"


@with_look
def draw_response(
    experiment: Experiment, *, response: ResponseKind | None = None, **look: Unpack[Look]
) -> Drawn:
    """Response matrix of an experiment, of its own kind by default."""
    result = detector_response(experiment, response)
    return Drawn(response_figure(result, **look), result.to_json(), result.table())


@with_look
def draw_efficiency(
    experiments: Sequence[Experiment], *, response: ResponseKind | None = None, **look: Unpack[Look]
) -> Drawn:
    """Efficiencies of experiments, of each one's own kind of response by default."""
    results = [detector_response(experiment, response) for experiment in experiments]
    keys = ("experiment", "process", "kind", "true_edges", "efficiency")
    numbers = [{key: result.to_json()[key] for key in keys} for result in results]
    table = Table.joined([result.efficiencies() for result in results])
    return Drawn(efficiency_figure(results, **look), {"experiments": numbers}, table)
