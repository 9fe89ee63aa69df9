"""CLs against the coupling: data, and the bands expected without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np

from nuhist.inference.model import Model
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.cls_curve import ClsCurve, cls_curve
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, Drawn
from nuhist.report.labels import axis_label, common_power, data_label, quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Green and yellow, as is the custom, are not for all eyes: two blues, told apart by brightness.
_LEAST = 1e-4  # CLs where a logarithmic axis begins
_TWO_SIGMA, _ONE_SIGMA = "#CFE8F7", COLOURS[0]


@with_look
def cls_figure(curve: ClsCurve, **look: Unpack[Look]) -> Figure:
    """Observed CLs, expected CLs with its bands of one and two standard deviations, and the limits."""
    canvas = Canvas(look, log=True)
    axes = canvas.axes(7, 4.8)
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
    canvas.vertical(axes, 0, 1.02, _LEAST)
    axes.set_xlabel(axis_label(curve.coupling, curve.unit, power))
    axes.set_ylabel("CL$_\\mathrm{s}$")
    canvas.title(axes)
    canvas.legend(axes)
    return canvas.finished(axes)


def _observed(curve: ClsCurve) -> str:
    return "observed" if curve.data_kind == "observed" else data_label(curve.data_kind)


def _limit(curve: ClsCurve, upper: float | None) -> str:
    if upper is None:
        return "no limit within the bounds"
    return quantity(curve.coupling, upper, curve.unit, sign="<")


@with_look
def draw_cls(model: Model, *, confidence_level: float = 0.90, **look: Unpack[Look]) -> Drawn:
    """CLs of a model, with limits at a confidence level."""
    curve = cls_curve(model, confidence_level=confidence_level)
    return Drawn(cls_figure(curve, **look), curve.to_json(), curve.table())
