"""Pulls of the constrained parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.inference.model import Model
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import Drawn
from nuhist.report.labels import data_title, literal
from nuhist.report.pulls import Pull, Pulls, pulls

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 40  # rows that fit a page
_REACH = 2.6  # standard deviations that are always shown
_ROW, _FRAME = 0.26, 1.0  # inches


@with_look
def pulls_figure(result: Pulls, *, most: int = MOST, **look: Unpack[Look]) -> Figure:
    """Fitted less central value over the width of the constraint, a row for each parameter.

    Parameters
    ----------
    result
        From :func:`nuhist.report.pulls.pulls`.
    most
        Rows; of more parameters those are drawn that are pulled most.
    """
    shown = _largest(result.pulls, most)
    canvas = Canvas(look)
    axes = canvas.axes(6.5, _FRAME + _ROW * max(len(shown), 2))
    draw_pull_rows(axes, [entry.pull for entry in shown], [entry.pull_error for entry in shown])
    axes.set_yticks(range(len(shown)), [literal(entry.parameter) for entry in shown], fontsize="small")
    title = f"the {len(shown)} largest of {len(result.pulls)}" if len(shown) < len(result.pulls) else ""
    title = title if shown else "no constrained parameters"
    canvas.title(axes, data_title(result.data_kind, title, result.conditional_on))
    return canvas.finished(axes)


def draw_pull_rows(axes: Any, values: Sequence[float], errors: Sequence[float | None]) -> None:
    """Points with errors, the first on top, over bands of one and two standard deviations."""
    for reach, shade in ((2, "0.92"), (1, "0.82")):
        axes.axvspan(-reach, reach, color=shade, linewidth=0, zorder=0)
    axes.axvline(0, color="0.4", linewidth=0.8, zorder=1)
    sizes = [error or 0.0 for error in errors]
    axes.errorbar(values, range(len(values)), xerr=sizes, fmt="ko", markersize=4, linewidth=1.2)
    furthest = [abs(value) + size for value, size in zip(values, sizes, strict=True)]
    furthest_shown = max([_REACH, *(1.08 * value for value in furthest)])
    axes.set_xlim(-furthest_shown, furthest_shown)
    axes.set_ylim(max(len(values), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", which="minor", left=False, right=False)
    axes.set_xlabel("pull: (fitted − central) / constraint width")


def _largest(entries: Sequence[Pull], most: int) -> list[Pull]:
    """At most so many entries in their order."""
    if len(entries) <= most:
        return list(entries)
    order = np.argsort([-abs(entry.pull) for entry in entries], kind="stable")[:most]
    return [entries[index] for index in sorted(order.tolist())]


@with_look
def draw_pulls(model: Model, *, most: int = MOST, **look: Unpack[Look]) -> Drawn:
    """Pulls of a model's constrained parameters."""
    result = pulls(model)
    return Drawn(pulls_figure(result, most=most, **look), result.to_json(), result.table())
