"""Published limits on the neutrino's magnetic moment and charge, with ours among them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Unpack

from nuhist.histfactory.loading import Source
from nuhist.inference.model import Model
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import COLOURS, SIGNAL_COLOUR, Drawn
from nuhist.report.labels import literal, symbol, unit_symbol
from nuhist.report.world_limits import QUANTITIES, UNITS, WorldLimit, WorldLimits, world_limits
from nuhist.values import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Signs as in Fig. 5 of arXiv:2207.05036: told apart without colour.
_MARKERS = {"effective": "s", "e": "o", "mu": "X", "tau": "D"}
_FLAVORS = {"effective": "effective", "e": r"$\nu_e$", "mu": r"$\nu_\mu$", "tau": r"$\nu_\tau$"}
_PUBLISHED = COLOURS[4]
_NARROW = 30.0  # ratio of the ends of an axis that has too few powers of ten
_ROW, _FRAME = 0.4, 1.6  # inches


@with_look
def world_limits_figure(result: WorldLimits, **look: Unpack[Look]) -> Figure:
    """Limits on the moduli, a row for each experiment, a sign for each flavour; ours in orange.

    It has two axes, moments and charges; ``xlim`` and ``ylim`` are those of the first.
    """
    from matplotlib.lines import Line2D

    by_quantity = {
        quantity: _rows([entry for entry in result.limits if entry.quantity == quantity])
        for quantity in QUANTITIES
    }
    heights = [len(rows) + 2.0 for rows in by_quantity.values()]
    canvas, height = Canvas(look), _FRAME + _ROW * sum(heights)
    layout: dict[str, Any] = {"nrows": len(by_quantity), "height_ratios": heights}
    panels = canvas.several(7.5, height, "moments", "charges", **layout)
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
    canvas.title(panels[0])
    canvas.legend(panels[0], ncols=6, handles=[*signs, *whose])
    return canvas.finished(panels[0])


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
    axes.set_xlabel(f"{percent(level)} CL limit on |{symbol(quantity)}| [{unit_symbol(UNITS[quantity])}]")


@with_look
def draw_world_limits(
    workspaces: Sequence[Model | Source],
    *,
    labels: Sequence[str] = (),
    method: str | None = None,
    **look: Unpack[Look],
) -> Drawn:
    """Published limits, and those of workspaces."""
    result = world_limits(workspaces, labels, method=method)
    return Drawn(world_limits_figure(result, **look), result.to_json(), result.table())
