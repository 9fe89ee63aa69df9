"""Impact of the constrained parameters on the parameter of interest, beside their pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.inference.model import Model
from nuhist.inference.study_results import Ranking
from nuhist.physics.coupling import CouplingScale
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import COLOURS, Drawn
from nuhist.report.labels import axis_label, common_power, data_title, literal, with_lifted
from nuhist.report.pulls_figure import draw_pull_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 20
_UP, _DOWN = COLOURS[4], COLOURS[1]
_ROW, _FRAME = 0.3, 1.4  # inches


@with_look
def ranking_figure(
    result: Ranking, scale: CouplingScale | None = None, *, most: int = MOST, **look: Unpack[Look]
) -> Figure:
    """Impacts as bars and pulls as points, the largest impact on top: two axes, impacts and pulls.

    Parameters
    ----------
    result
        From :func:`nuhist.ranking`.
    scale
        What the parameter of interest stands for
        (:func:`nuhist.histfactory.interest.coupling_scale`), for the unit; itself by default.
    most
        Rows.
    """
    shown = result.impacts[:most]
    scale = scale or CouplingScale.plain(result.parameter)
    factor = scale.scale * scale.reference**scale.power
    up = factor * np.array([entry.impact_up for entry in shown])
    down = factor * np.array([entry.impact_down for entry in shown])
    power = common_power([*up.tolist(), *down.tolist()])
    canvas, height = Canvas(look), _FRAME + _ROW * max(len(shown), 2)
    layout: dict[str, Any] = {"ncols": 2, "sharey": True, "width_ratios": [3, 2]}
    left, right = canvas.several(8, height, "impacts", "pulls", **layout)
    rows = np.arange(len(shown))
    left.barh(rows - 0.2, up / 10.0**power, height=0.4, color=_UP, label="held 1σ above its fitted value")
    left.barh(rows + 0.2, down / 10.0**power, height=0.4, color=_DOWN, hatch="////", edgecolor="white",
              linewidth=0, label="held 1σ below")  # fmt: skip
    left.axvline(0, color="0.4", linewidth=0.8)
    largest = float(np.max(np.abs([*up, *down]), initial=0.0)) / 10.0**power
    if largest > 0:
        left.set_xlim(-1.08 * largest, 1.08 * largest)
    else:
        left.set_xticks([0.0])
        said = "no shift: the best fit stays at its bound" if result.conditional_on else "no shift"
        left.text(0.5, 0.5, said if shown else "", transform=left.transAxes, ha="center", va="center",
                  color="0.35", bbox={"facecolor": "white", "edgecolor": "none"})  # fmt: skip
    draw_pull_rows(right, [entry.pull for entry in shown], [entry.pull_error for entry in shown])
    left.set_ylim(right.get_ylim())
    right.tick_params(axis="y", labelleft=False)
    right.set_xlabel("pull [σ of the constraint]")
    left.set_yticks(rows, [literal(entry.parameter) for entry in shown], fontsize="small")
    left.tick_params(axis="y", which="minor", left=False, right=False)
    left.set_xlabel(f"shift of {axis_label(scale.coupling, scale.unit, power, exponent=scale.power)}")
    title = f"the {len(shown)} largest of {len(result.impacts)}" if len(shown) < len(result.impacts) else ""
    title = title if shown else "no constrained parameters"
    title = with_lifted(title, result.parameter if result.bound_lifted else None)
    canvas.title(left, data_title(result.data_kind, title))
    right.set_title(data_title("observed", held=result.conditional_on), fontsize="small", loc="left")
    canvas.legend(left)
    return canvas.finished(left)


@with_look
def draw_ranking(model: Model, *, most: int = MOST, **look: Unpack[Look]) -> Drawn:
    """Ranking of a model's constrained parameters, in the unit of the coupling."""
    result = model.ranking()
    figure = ranking_figure(result, model.likelihood.interest, most=most, **look)
    return Drawn(figure, result.to_json(), result.table())
