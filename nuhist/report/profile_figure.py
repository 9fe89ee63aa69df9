"""Δχ² of couplings: one curve per scan, with the usual levels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nuhist.report.figures import COLOURS, YELLOW, pyplot, save_figure, symbol, unit_symbol
from nuhist.report.profiles import Line

_LEVELS = ((1.0, "1σ"), (2.7055, "90 %"), (4.0, "2σ"))
_TOP = 9.0
_LINE_COLOURS = ("black", *(colour for colour in COLOURS if colour != YELLOW))  # yellow is faint as a line
_STYLES = ("-", "--", "-.", ":")


def draw_profiles(lines: Sequence[Line], output: Path, *, title: str = "") -> None:
    """Draw Δχ² curves of one kind of coupling; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4.8), layout="constrained")
    power = np.floor(np.log10(max(max(map(abs, line.values)) for line in lines)))
    for index, line in enumerate(lines):
        axes.plot(
            np.array(line.values) / 10**power,
            line.delta_chi2,
            color=_LINE_COLOURS[index % len(_LINE_COLOURS)],
            linestyle=_STYLES[index % len(_STYLES)],
            label=line.label,
        )
    left, right = axes.get_xlim()
    for level, name in _LEVELS:
        axes.axhline(level, color="0.6", linewidth=0.8, zorder=0)
        axes.annotate(name, (right, level), xytext=(-2, 2), textcoords="offset points", ha="right",
                      color="0.35", fontsize=8)  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(0, _TOP)
    shared = lines[0].coupling if len({line.coupling for line in lines}) == 1 else _base(lines[0].coupling)
    scale = f"$10^{{{power:.0f}}}$ {unit_symbol(lines[0].unit)}"
    axes.set_xlabel(f"{symbol(shared)} [{scale}]")
    axes.set_ylabel("Δχ²")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    save_figure(figure, output)


def _base(coupling: str) -> str:
    """The coupling without its flavour."""
    for flavor in ("tau", "mu", "e"):
        if coupling.endswith(f"_nu{flavor}"):
            return coupling.removesuffix(flavor)
    return coupling
