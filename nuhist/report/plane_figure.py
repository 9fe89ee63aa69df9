"""Limits over two parameters of a hypothesis: lines of one limit, of all experiments together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.errors import ConfigError
from nuhist.methods.scan_results import ExclusionScan
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import plain_ticks
from nuhist.report.labels import data_title, literal, symbol, unit_symbol
from nuhist.tables import Array
from nuhist.values import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = 8  # of one limit
_MAP = "cividis"  # even in brightness, and for the colour-blind


@with_look
def plane_figure(scan: ExclusionScan, **look: Unpack[Look]) -> Figure:
    """The observed limit of the last curve as colours and lines, and the expected one as dashed lines.

    Raises
    ------
    ConfigError
        If there is no plane, or no limit in it.
    """
    if scan.second is None or min(len(scan.values), len(scan.second_values)) < 2:
        raise ConfigError("limits over one parameter; there is no plane to draw")
    observed, expected = _heights(scan)
    if not np.isfinite(observed).any():
        raise ConfigError("no limit in the plane; there is nothing to draw")
    canvas = Canvas(look)
    axes = canvas.axes(7, 5.2)
    levels = np.linspace(np.nanmin(observed), np.nanmax(observed), _LINES + 2)
    if np.ptp(levels) == 0:
        raise ConfigError("the limit is the same in all of the plane; there are no lines to draw")
    places = (np.array(scan.values), np.array(scan.second_values))
    filled = axes.contourf(*places, observed, levels=levels, cmap=_MAP)
    axes.contour(*places, observed, levels=levels[1:-1], colors="white", linewidths=1, linestyles="-")
    if np.isfinite(expected).any():
        axes.contour(*places, expected, levels=levels[1:-1], colors="white", linewidths=1, linestyles="--")
    for axis, logarithmic in (("x", scan.logarithmic), ("y", scan.second.logarithmic)):
        if logarithmic:
            getattr(axes, f"set_{axis}scale")("log")
    plain_ticks(axes)
    axes.set_xlabel(_label(scan.over, scan.over_unit))
    axes.set_ylabel(_label(scan.second.name, scan.second.unit))
    unit = unit_symbol(scan.unit) if scan.unit != "1" else ""
    bar: Any = axes.figure.colorbar(filled, ax=axes, ticks=levels)
    bar.set_ticks(levels, labels=[f"{10**level:.2g}" for level in levels])
    bar.set_label(f"limit on {symbol(scan.coupling)}{f' [{unit}]' if unit else ''}; dashed: expected")
    said = f"{literal(scan.hypothesis)}, {literal(scan.names[-1])}, {percent(scan.confidence_level)} CL"
    canvas.title(axes, data_title(scan.data_kind, said))
    return canvas.finished(axes)


def _label(name: str, unit: str) -> str:
    return literal(name) + ("" if unit in {"", "1"} else f" [{literal(unit)}]")


def _heights(scan: ExclusionScan) -> tuple[Array, Array]:
    """log₁₀ of the observed and of the expected limit, shape (second, first), NaN where there is none."""
    shape = (len(scan.values), len(scan.second_values))
    points = scan.curve(scan.names[-1])
    found = []
    for values in (
        [point.upper_observed for point in points],
        [point.upper_expected[2] for point in points],
    ):
        numbers = np.array(values, dtype=np.float64)
        heights = np.full(numbers.shape, np.nan)
        np.log10(numbers, out=heights, where=np.nan_to_num(numbers) > 0)
        found.append(heights.reshape(shape).T)
    return found[0], found[1]
