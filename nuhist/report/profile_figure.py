"""Δχ² of couplings: one curve per scan, with the usual levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from nuhist.inference.model import Model
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import LINE_COLOURS, LINE_STYLES, Drawn
from nuhist.report.labels import axis_label, common_power, data_label, data_title, literal, symbol
from nuhist.report.profiles import Line, profile_lines
from nuhist.showing import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEVELS = ((1.0, "1σ"), (2.7055, "90 %"), (4.0, "2σ"))
_TOP, _LEAST = 9.0, 1e-2  # the vertical axis, and where a logarithmic one begins


@with_look
def profile_figure(lines: Sequence[Line], **look: Unpack[Look]) -> Figure:
    """Δχ² curves of one kind of coupling, with lines at 1σ, 90 % and 2σ of one parameter."""
    canvas = Canvas(look, log=True)
    axes = canvas.axes(7, 4.8)
    power = common_power([value for line in lines for value in line.values])
    same = len({line.data_kind for line in lines}) == 1
    for index, line in enumerate(lines):
        axes.plot(
            np.array(line.values) / 10.0**power,
            line.delta_chi2,
            color=LINE_COLOURS[index % len(LINE_COLOURS)],
            linestyle=LINE_STYLES[index % len(LINE_STYLES)],
            label=_label(line) if same else f"{_label(line)}, {data_label(line.data_kind)}",
        )
    for level, name in _LEVELS:
        axes.axhline(level, color="0.6", linewidth=0.8, zorder=0)
        axes.annotate(name, (1, level), (3, 0), xycoords=("axes fraction", "data"), va="center",
                      textcoords="offset points", color="0.35", fontsize="small")  # fmt: skip
    axes.margins(x=0)
    canvas.vertical(axes, 0, _TOP, _LEAST)
    shared = lines[0].coupling if len({line.coupling for line in lines}) == 1 else _base(lines[0].coupling)
    axes.set_xlabel(axis_label(shared, lines[0].unit, power))
    axes.set_ylabel("Δχ²")
    canvas.title(axes, data_title(lines[0].data_kind) if same else "")
    canvas.legend(axes)
    return canvas.finished(axes)


def _label(line: Line) -> str:
    """The label, with the coupling as a formula where it is the default one."""
    rest = line.label.removeprefix(f"{line.coupling} (")
    return literal(line.label) if rest == line.label else f"{symbol(line.coupling)} ({literal(rest)}"


def _base(coupling: str) -> str:
    """The coupling without its flavour."""
    for flavor in ("tau", "mu", "e"):
        if coupling.endswith(f"_nu{flavor}"):
            return coupling.removesuffix(flavor)
    return coupling


@with_look
def draw_scan(models: Sequence[Model], *, labels: Sequence[str] = (), **look: Unpack[Look]) -> Drawn:
    """Δχ² of models of one kind of coupling."""
    lines = profile_lines(models, labels)
    table = Table.joined([line.table() for line in lines])
    return Drawn(profile_figure(lines, **look), {"curves": [line.to_json() for line in lines]}, table)
