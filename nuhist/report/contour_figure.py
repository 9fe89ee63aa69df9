"""Contours of Δχ² in two parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from nuhist.errors import OptionError
from nuhist.histfactory.grids import parse_levels
from nuhist.inference.model import Model
from nuhist.methods.contour import LEVELS, Axis, Contour, contour
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import LINE_COLOURS, LINE_STYLES, Drawn
from nuhist.report.labels import axis_label, common_power, data_title, literal
from nuhist.values import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@with_look
def contour_figure(found: Contour, **look: Unpack[Look]) -> Figure:
    """The lines at each level, and the best fit."""
    canvas = Canvas(look)
    axes = canvas.axes(6.4, 5.2)
    places = [point for level in found.levels for line in level.lines for point in line]
    powers = [
        common_power([*column, best]) for column, best in zip(_columns(places), found.best_fit, strict=True)
    ]
    factors = 10.0 ** np.array(powers, dtype=np.float64)
    for number, level in enumerate(found.levels):
        for part, line in enumerate(level.lines):
            axes.plot(
                *(np.array(line) / factors).T,
                color=LINE_COLOURS[(number + 4) % len(LINE_COLOURS)],
                linestyle=LINE_STYLES[number % len(LINE_STYLES)],
                label=None
                if part
                else f"{percent(level.confidence_level)} CL (Δχ² = {level.delta_chi2:.3g})",
            )
    axes.plot(*(np.array([found.best_fit]) / factors).T, marker="+", markersize=10, markeredgewidth=1.5,
              linestyle="", color="black", label="best fit", clip_on=False)  # fmt: skip
    same = found.x.coupling == found.y.coupling
    axes.set_xlabel(_label(found.x, powers[0], same=same))
    axes.set_ylabel(_label(found.y, powers[1], same=same))
    canvas.title(axes, data_title(found.data_kind))
    canvas.legend(axes, ncols=3)
    return canvas.finished(axes)


def _columns(places: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[place[axis] for place in places] for axis in (0, 1)]


def _label(axis: Axis, power: int, *, same: bool) -> str:
    """The coupling, and the parameter where both axes have the same one, as of two masses."""
    said = axis_label(axis.coupling, axis.unit, power)
    return f"{said} ({literal(axis.parameter)})" if same else said


@with_look
def draw_contour(
    model: Model,
    *,
    parameters: Sequence[str] = (),
    levels: str | Sequence[float] = ",".join(f"{level:.2f}" for level in LEVELS),
    **look: Unpack[Look],
) -> Drawn:
    """Contours of a model in two parameters, at joint confidence levels."""
    if isinstance(parameters, str) or len(parameters) != 2:
        raise OptionError("parameters=...: names the two parameters of a contour, with a comma between them")
    found = contour(model, *parameters, levels=parse_levels(levels) if isinstance(levels, str) else levels)
    return Drawn(contour_figure(found, **look), found.to_json(), found.table())
