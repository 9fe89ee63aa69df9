"""Published limits on the neutrino's magnetic moment and charge, with ours among them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, new_figure, save_figure
from nuhist.report.labels import literal, symbol, unit_symbol
from nuhist.report.world_limits import QUANTITIES, UNITS, WorldLimit, WorldLimits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Signs as in Fig. 5 of arXiv:2207.05036: told apart without colour.
_MARKERS = {"effective": "s", "e": "o", "mu": "X", "tau": "D"}
_FLAVORS = {"effective": "effective", "e": r"$\nu_e$", "mu": r"$\nu_\mu$", "tau": r"$\nu_\tau$"}
_PUBLISHED = COLOURS[4]
_NARROW = 30.0  # ratio of the ends of an axis that has too few powers of ten
_ROW, _FRAME = 0.4, 1.6  # inches


def world_limits_figure(result: WorldLimits) -> Figure:
    """Limits on the moduli, a row for each experiment, a sign for each flavour; ours in orange.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    from matplotlib.lines import Line2D

    by_quantity = {
        quantity: _rows([entry for entry in result.limits if entry.quantity == quantity])
        for quantity in QUANTITIES
    }
    heights = [len(rows) + 2.0 for rows in by_quantity.values()]
    figure = new_figure(7.5, _FRAME + _ROW * sum(heights))
    panels = figure.subplots(len(by_quantity), 1, height_ratios=heights)
    for axes, (quantity, rows) in zip(panels, by_quantity.items(), strict=True):
        _draw(axes, quantity, rows, result.confidence_level)
    signs = [
        Line2D([], [], linestyle="", color="0.3", marker=marker, label=_FLAVORS[flavor])
        for flavor, marker in _MARKERS.items()
    ]
    whose = [
        Line2D([], [], color=colour, linewidth=5, label=label)
        for colour, label in ((_PUBLISHED, "published"), (SIGNAL_COLOUR, "nuhist"))
        if label == "published" or any(entry.ours for entry in result.limits)
    ]
    figure.legend(
        handles=[*signs, *whose], loc="outside upper left", ncols=6, fontsize="small", frameon=False
    )
    return figure


def draw_world_limits(result: WorldLimits, output: Path) -> None:
    """Draw limits; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(world_limits_figure(result), output)


def _rows(limits: Sequence[WorldLimit]) -> dict[tuple[str, str], list[WorldLimit]]:
    """Limits of one experiment and source together, in the order of the table."""
    rows: dict[tuple[str, str], list[WorldLimit]] = {}
    for entry in limits:
        rows.setdefault((entry.experiment, entry.source), []).append(entry)
    return rows


def _draw(axes: Any, quantity: str, rows: dict[tuple[str, str], list[WorldLimit]], level: float) -> None:
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    for row, entries in enumerate(rows.values()):
        for entry in entries:
            axes.plot(
                entry.modulus,
                row,
                marker=_MARKERS[entry.flavor],
                color=SIGNAL_COLOUR if entry.ours else _PUBLISHED,
                markersize=7,
                markeredgecolor="white",
                markeredgewidth=0.5,
                linestyle="",
            )
    axes.set_xscale("log")
    axes.margins(x=0.08)
    low, high = axes.get_xlim()
    if high < _NARROW * low:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        every = (inf, inf)  # of the ticks has its number
        axes.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=every))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(
        range(len(rows)),
        [f"{literal(experiment, 50)}\n{literal(source, 60)}" for experiment, source in rows],
        fontsize="x-small",
    )
    axes.tick_params(axis="y", which="minor", left=False, right=False)
    axes.grid(axis="both", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{100 * level:g} % CL limit on |{symbol(quantity)}| [{unit_symbol(UNITS[quantity])}]")
