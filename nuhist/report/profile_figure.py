"""Δχ² of couplings: one curve per scan, with the usual levels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nuhist.report.figures import LINE_COLOURS, LINE_STYLES, new_figure, save_figure
from nuhist.report.labels import axis_label, common_power, data_label, data_title, literal, symbol
from nuhist.report.profiles import Line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEVELS = ((1.0, "1σ"), (2.7055, "90 %"), (4.0, "2σ"))
_TOP = 9.0


def profile_figure(lines: Sequence[Line], *, title: str = "") -> Figure:
    """Δχ² curves of one kind of coupling, with lines at 1σ, 90 % and 2σ of one parameter.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    figure = new_figure(7, 4.8)
    axes = figure.subplots()
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
    axes.set_ylim(0, _TOP)
    shared = lines[0].coupling if len({line.coupling for line in lines}) == 1 else _base(lines[0].coupling)
    axes.set_xlabel(axis_label(shared, lines[0].unit, power))
    axes.set_ylabel("Δχ²")
    title = data_title(lines[0].data_kind, title) if same else title
    axes.set_title(literal(title, 80) if title else "", fontsize="medium", loc="left")
    figure.legend(loc="outside upper left", ncols=2, fontsize="small", frameon=False)
    return figure


def draw_profiles(lines: Sequence[Line], output: Path, *, title: str = "") -> None:
    """Draw Δχ² curves of one kind of coupling; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(profile_figure(lines, title=title), output)


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
