"""Limits over a parameter of a hypothesis: a line for each experiment, bands of the last one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.errors import ConfigError
from nuhist.methods.scan_results import ExclusionScan
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import LINE_STYLES, line_colour, plain_ticks
from nuhist.report.labels import data_label, data_title, literal, symbol, unit_symbol
from nuhist.report.plane_figure import plane_figure
from nuhist.report.published_curves import Curve, draw_published
from nuhist.tables import Array
from nuhist.values import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 32  # characters of a name


@with_look
def scan_figure(
    scans: Sequence[ExclusionScan],
    *,
    labels: Sequence[str] = (),
    published: Sequence[Curve] = (),
    shades: tuple[str, str],
    **look: Unpack[Look],
) -> Figure:
    """Upper limits against the parameter, and the expected bands of the last curve.

    Parameters
    ----------
    scans
        Scans of one parameter and one coupling.
    labels
        Labels of each scan, put before the names of its curves.
    published
        Curves to draw besides.
    shades
        Shades of one and of two standard deviations.

    Raises
    ------
    ConfigError
        If the scans are of different things.
    """
    first = scans[0]
    for scan in scans:
        if (scan.over, scan.over_unit, scan.coupling) != (first.over, first.over_unit, first.coupling):
            raise ConfigError("results over different parameters; draw them in figures of their own")
    if first.second is not None:
        if len(scans) > 1 or labels or published:
            raise ConfigError(
                "limits over two parameters fill a figure; draw one result, without other curves"
            )
        return plane_figure(first, **look)
    canvas = Canvas(look, log=True)
    axes = canvas.axes(7, 5.2)
    curves = [(number, scan, name) for number, scan in enumerate(scans) for name in scan.names]
    _bands(axes, *curves[-1][1:], shades)
    for index, (number, scan, name) in enumerate(curves):
        x, upper = _numbers(scan, name)
        said = [labels[number] if labels else "", name if len(scan.names) > 1 or not labels else ""]
        said += [] if scan.data_kind == "observed" else [data_label(scan.data_kind)]
        last = index == len(curves) - 1
        axes.plot(
            x,
            upper[0],
            color="black" if last else line_colour(index, shades),
            linestyle="-" if last else LINE_STYLES[(index + 1) % len(LINE_STYLES)],
            label=literal(", ".join(filter(None, said)), _LONGEST),
        )
    draw_published(axes, published)
    if first.logarithmic:
        axes.set_xscale("log")
    if first.logarithmic or canvas.logarithmic:
        axes.set_yscale("log")
    plain_ticks(axes)
    axes.margins(x=0)
    axes.set_xlabel(f"{literal(first.over)} [{literal(first.over_unit)}]")
    unit = unit_symbol(first.unit) if first.unit != "1" else ""
    axes.set_ylabel(f"limit on {symbol(first.coupling)}{f' [{unit}]' if unit else ''}")
    canvas.title(
        axes,
        data_title(first.data_kind, f"{literal(first.hypothesis)}, {percent(first.confidence_level)} CL"),
    )
    canvas.legend(axes)
    return canvas.finished(axes)


def _numbers(scan: ExclusionScan, name: str) -> tuple[Array, Array]:
    """Values, and the observed and expected limits at them, NaN where there is none."""
    points = scan.curve(name)
    rows = [(point.upper_observed, *point.upper_expected) for point in points]
    return np.array([point.value for point in points]), np.array(rows, dtype=np.float64).T


def _bands(axes: Any, scan: ExclusionScan, name: str, shades: tuple[str, str]) -> None:
    x, upper = _numbers(scan, name)
    if not np.isfinite(upper[3]).any():
        return
    for shade, low, high, label in ((shades[1], 1, 5, "expected, ± 2σ"), (shades[0], 2, 4, "expected, ± 1σ")):
        axes.fill_between(x, upper[low], upper[high], color=shade, linewidth=0, label=label)
    axes.plot(x, upper[3], color="black", linestyle="--", linewidth=1, label="expected")
