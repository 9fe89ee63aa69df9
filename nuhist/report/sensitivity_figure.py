"""Forecasts: expected limits against exposure, and below them the significance of a coupling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.errors import ConfigError, unknown_name
from nuhist.methods.sensitivity_results import Sensitivity
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.exclusion_figure import PALETTES
from nuhist.report.figures import LINE_STYLES, SIGNAL_COLOUR, Drawn, line_colour, plain_ticks
from nuhist.report.labels import axis_label, common_power, data_title, literal, quantity
from nuhist.report.published_curves import Curve, draw_published, read_curve
from nuhist.tables import Array
from nuhist.values import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuhist.methods.result_files import Result

_LONGEST = 32  # characters of a name
_NARROW = 5.0  # inches of a figure of one column
_DISCOVERY = (3, 5)  # standard deviations


@with_look
def sensitivity_figure(
    result: Sensitivity, *, published: Sequence[Curve] = (), palette: str = "safe", **look: Unpack[Look]
) -> Figure:
    """Expected limits of each experiment, of the last one with bands; and the significance of a coupling.

    Both axes are logarithmic; with a significance there are two panels, ``limit`` and ``significance``.
    """
    if palette not in PALETTES:
        raise unknown_name("palette", palette, PALETTES)
    canvas = Canvas(look)
    if result.tested is None:
        panels = [canvas.axes(7, 5.2)]
    else:
        panels = canvas.several(
            7, 7, "limit", "significance", nrows=2, sharex=True, gridspec_kw={"height_ratios": (2, 1)}
        )
    medians = [point.upper_expected[2] or np.nan for point in result.points]
    power = common_power([*medians, *(result.tested or np.nan,)])
    last = result.names[-1]
    x, upper = _numbers(result, last, power)
    for shade, low, high, label in zip(PALETTES[palette][::-1], (0, 1), (4, 3), ("2σ", "1σ"), strict=True):
        panels[0].fill_between(x, upper[low], upper[high], color=shade, linewidth=0, label=f"± {label}")
    for index, name in enumerate(result.names):
        colour = "black" if name == last else line_colour(index, PALETTES[palette])
        look_of = {
            "color": colour,
            "linestyle": "--" if name == last else LINE_STYLES[index % len(LINE_STYLES)],
        }
        x, upper = _numbers(result, name, power)
        panels[0].plot(x, upper[2], label=f"{literal(name, _LONGEST)}, expected", **look_of)
        toys = [(point.toys_upper or (None,) * 5)[2] for point in result.curve(name)]
        _toys(
            panels[0],
            x,
            np.array(toys, dtype=np.float64) / 10.0**power,
            colour,
            f"{literal(name, _LONGEST)}, toys",
        )
        if len(panels) > 1:
            rows = [(point.significance, point.toys_significance) for point in result.curve(name)]
            found = np.array(rows, dtype=np.float64).T
            panels[1].plot(x, found[0], **look_of)
            _toys(panels[1], x, found[1], colour, "")
    draw_published(panels[0], published)
    if result.tested is not None:
        panels[0].axhline(result.tested / 10.0**power, color=SIGNAL_COLOUR, linewidth=1,
                          label=quantity(result.coupling, result.tested, result.unit))  # fmt: skip
        for level in _DISCOVERY:
            panels[1].axhline(level, color="0.6", linewidth=0.8, zorder=0)
        panels[1].set_ylabel("significance [σ]")
        panels[1].set_ylim(bottom=0)
    if min(point.exposure for point in result.points) < max(point.exposure for point in result.points):
        panels[0].set_xscale("log")
    panels[0].set_yscale("log")
    plain_ticks(panels[0])
    panels[0].set_ylabel(axis_label(result.coupling, result.unit, power))
    panels[-1].set_xlabel("exposure [t yr]")
    for panel in panels:
        panel.margins(x=0)
    canvas.title(panels[0], data_title(result.data_kind, f"{percent(result.confidence_level)} CL"))
    canvas.legend(panels[0], ncols=3 if panels[0].figure.get_figwidth() > _NARROW else 2)
    return canvas.finished(*panels)


def _numbers(result: Sensitivity, name: str, power: int) -> tuple[Array, Array]:
    """Exposures, and expected limits at them, NaN where there is none."""
    points = result.curve(name)
    rows = np.array([point.upper_expected for point in points], dtype=np.float64)
    return np.array([point.exposure for point in points]), rows.T / 10.0**power


def _toys(panel: Any, x: Array, values: Array, colour: str, label: str) -> None:
    if np.isfinite(values).any():
        panel.plot(x, values, marker="o", markersize=4, linestyle="", color=colour, label=label or None)


@with_look
def draw_sensitivity(
    results: Sequence[Result],
    *,
    published: Sequence[str] = (),
    palette: str = "safe",
    **look: Unpack[Look],
) -> Drawn:
    """A result of :func:`nuhist.sensitivity`.

    Raises
    ------
    ConfigError
        If it is no such result, or there are several.
    """
    result = results[0]
    if len(results) > 1 or not isinstance(result, Sensitivity):
        raise ConfigError("the figure 'sensitivity' is of one result of nuhist sensitivity")
    curves = [read_curve(path) for path in published]
    figure = sensitivity_figure(result, published=curves, palette=palette, **look)
    return Drawn(figure, result.to_json(), result.table())
