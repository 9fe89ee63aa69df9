"""CLs against the coupling: data, and the bands expected without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nuhist.report.cls_curve import ClsCurve
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, new_figure, save_figure
from nuhist.report.labels import axis_label, common_power, data_label, quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Green and yellow, as is the custom, are not for all eyes: two blues, told apart by brightness.
_TWO_SIGMA, _ONE_SIGMA = "#CFE8F7", COLOURS[0]


def cls_figure(curve: ClsCurve) -> Figure:
    """Observed CLs, expected CLs with its bands of one and two standard deviations, and the limits.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    figure = new_figure(7, 4.8)
    axes = figure.subplots()
    power = common_power(curve.values)
    values = np.array(curve.values) / 10.0**power
    for colour, low, high, name in (
        (_TWO_SIGMA, "-2", "+2", "expected, ± 2σ"),
        (_ONE_SIGMA, "-1", "+1", "expected, ± 1σ"),
    ):
        axes.fill_between(
            values, curve.expected[low], curve.expected[high], color=colour, linewidth=0, label=name
        )
    axes.plot(values, curve.expected["0"], color="black", linestyle="--",
              label=f"expected: {_limit(curve, curve.expected_upper['0'])}")  # fmt: skip
    axes.plot(
        values, curve.observed, color="black", label=f"{_observed(curve)}: {_limit(curve, curve.upper)}"
    )
    alpha = 1 - curve.confidence_level
    axes.axhline(alpha, color=SIGNAL_COLOUR, linewidth=1)
    axes.annotate(f"{100 * curve.confidence_level:.4g} % CL", (1, alpha), (3, 0), va="center",
                  xycoords=("axes fraction", "data"), textcoords="offset points", color=SIGNAL_COLOUR,
                  fontsize="small")  # fmt: skip
    for upper, linestyle in ((curve.upper, "-"), (curve.expected_upper["0"], "--")):
        if upper is not None:
            axes.plot(
                [upper / 10.0**power] * 2, [0, alpha], color=SIGNAL_COLOUR, linewidth=1, linestyle=linestyle
            )
    axes.margins(x=0)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(axis_label(curve.coupling, curve.unit, power))
    axes.set_ylabel("CL$_\\mathrm{s}$")
    figure.legend(loc="outside upper left", ncols=2, fontsize="small", frameon=False)
    return figure


def draw_cls(curve: ClsCurve, output: Path) -> None:
    """Draw CLs; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(cls_figure(curve), output)


def _observed(curve: ClsCurve) -> str:
    return "observed" if curve.data_kind == "observed" else data_label(curve.data_kind)


def _limit(curve: ClsCurve, upper: float | None) -> str:
    if upper is None:
        return "no limit within the bounds"
    return quantity(curve.coupling, upper, curve.unit, sign="<")
