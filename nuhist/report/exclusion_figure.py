"""Exclusions: contours in two labels with the points, or limits on the strength against one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from nuhist.errors import ConfigError, OptionError, unknown_name
from nuhist.methods.exclusion_results import BANDS, Exclusion
from nuhist.methods.interpolated import Mesh, log_ratio
from nuhist.methods.result_files import Result
from nuhist.methods.scan_results import ExclusionScan
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import COLOURS, LINE_COLOURS, SIGNAL_COLOUR, Drawn, plain_ticks
from nuhist.report.labels import data_label, data_title, literal
from nuhist.report.published_curves import Curve, draw_published, read_curve
from nuhist.report.scan_figure import scan_figure
from nuhist.showing import Table
from nuhist.tables import Array
from nuhist.values import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Bands of one and two standard deviations. Two blues differ in brightness; green and yellow are the custom.
PALETTES = {"safe": (COLOURS[0], "#CFE8F7"), "field": ("#00CC00", "#FFFF33")}
_PIXELS = 400  # on each side of a band in two labels
_NARROW, _ROOM = 5.0, 0.06  # inches of a figure of one column; around the points, of their range
_LONGEST = 28  # characters of a result's name
_OBSERVED, _MEDIAN = "observed", "0"


@with_look
def exclusion_figure(
    results: Sequence[Exclusion],
    *,
    labels: Sequence[str] = (),
    published: Sequence[Curve] = (),
    palette: str = "safe",
    limits: bool = False,
    log_x: bool = False,
    **look: Unpack[Look],
) -> Figure:
    """Contours where CLs is 1 - CL in two labels, or limits on the strength against one label.

    Of one result the expected band is drawn as well.

    Raises
    ------
    ConfigError
        If the results are in different labels, or one has no contours.
    OptionError
        If there are labels for other than all results.
    """
    axes_labels = _common_labels(results)
    if palette not in PALETTES:
        raise unknown_name("palette", palette, PALETTES)
    canvas = Canvas(look, log=True)
    axes = canvas.axes(7, 5.2)
    names = [literal(name, _LONGEST) for name in labels] or [
        _called(number, results) for number in range(len(results))
    ]
    draw = _in_two if len(axes_labels) == 2 else _in_one
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        colour = "black" if len(results) == 1 else LINE_COLOURS[number % len(LINE_COLOURS)]
        draw(axes, result, name, colour, PALETTES[palette] if len(results) == 1 else None, limits)
    draw_published(axes, published)
    axes.set_xlabel(literal(axes_labels[0]))
    axes.set_ylabel(literal(axes_labels[1]) if len(axes_labels) == 2 else "upper limit on the strength")
    if log_x:
        axes.set_xscale("log")
    if canvas.logarithmic:
        axes.set_yscale("log")
    plain_ticks(axes)
    level = f"{percent(results[0].confidence_level)} CL"
    canvas.title(axes, data_title(results[0].data_kind, level if len(results) == 1 else ""))
    canvas.legend(axes, ncols=3 if len(results) == 1 and axes.figure.get_figwidth() > _NARROW else 2)
    return canvas.finished(axes)


def _common_labels(results: Sequence[Exclusion]) -> tuple[str, ...]:
    """Labels of the axes; a ConfigError if they are not those of all results."""
    found = results[0].contour_labels
    for result in results:
        if not result.contour_labels:
            reason = next((note for note in result.notes if note.startswith("no contour")), "no contour")
            raise ConfigError(f"{reason}; there is nothing to draw")
        if result.contour_labels != found:
            pairs = " and ".join(", ".join(each.contour_labels) for each in (results[0], result))
            raise ConfigError(f"results in different labels: {pairs}; draw them in figures of their own")
    return found


def _called(number: int, results: Sequence[Exclusion]) -> str:
    return "" if len(results) == 1 else f"result {number + 1}"


def _series(result: Exclusion, name: str) -> Array:
    """ln(CLs / (1 - CL)) of the points with a result."""
    band = None if name == _OBSERVED else BANDS.index(name)
    cls = [
        point.cls_observed if band is None else point.cls_expected[band]
        for point in result.points
        if point.failure is None
    ]
    return log_ratio(cls, 1 - result.confidence_level)


def _places(result: Exclusion, *, failed: bool) -> Array:
    columns = [result.labels.index(label) for label in result.contour_labels]
    rows = [
        [float(point.values[column]) for column in columns]
        for point in result.points
        if (point.failure is not None) == failed
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))


def _in_two(
    axes: Any, result: Exclusion, name: str, colour: str, bands: tuple[str, str] | None, limits: bool
) -> None:
    places = _places(result, failed=False)
    mesh = Mesh(places)
    if bands is not None:
        low, high = places.min(axis=0), places.max(axis=0)
        x, y = np.meshgrid(
            *(np.linspace(first, last, _PIXELS) for first, last in zip(low, high, strict=True))
        )
        inside, outside = (
            mesh.at(_series(result, band), np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
            for band in ("-1", "+1")
        )
        axes.contourf(
            x, y, np.maximum(inside, -outside), levels=[-np.inf, 0.0], colors=[bands[1]], zorder=0.3
        )
        axes.fill_between([], [], [], color=bands[1], linewidth=0, label="expected, ± 1σ")
        hull = np.array([*result.hull, result.hull[0]])
        axes.plot(*hull.T, color="0.7", linewidth=0.8, zorder=0.5, label="hull of the points")
        excluded = _series(result, _OBSERVED) < 0
        for chosen, face, label in ((excluded, "0.25", "excluded"), (~excluded, "white", "not excluded")):
            if chosen.any():
                axes.plot(*places[chosen].T, marker="o", linestyle="", markersize=4, markeredgecolor="0.25",
                          markerfacecolor=face, zorder=3, label=label)  # fmt: skip
        failed = _places(result, failed=True)
        if len(failed):
            axes.plot(*failed.T, marker="x", linestyle="", color=SIGNAL_COLOUR, zorder=3, label="failed")
        if limits:
            _write_limits(axes, result, places)
    axes.use_sticky_edges = False
    axes.margins(_ROOM)
    for of, style, called in ((_MEDIAN, "--", "expected"), (_OBSERVED, "-", _data(result))):
        (contour,) = [each for each in result.contours if each.of == of]
        for number, line in enumerate(contour.lines):
            label = "" if number else ", ".join(filter(None, (name, called)))
            axes.plot(
                *np.transpose(line), color=colour, linestyle=style, linewidth=1.5, zorder=2, label=label
            )


def _write_limits(axes: Any, result: Exclusion, places: Array) -> None:
    done = [point for point in result.points if point.failure is None]
    for point, place in zip(done, places, strict=True):
        if point.upper_observed is not None:
            axes.annotate(f"{point.upper_observed:.2g}", place, (0, 4), textcoords="offset points",
                          ha="center", fontsize="x-small", color="0.35")  # fmt: skip


def _in_one(
    axes: Any, result: Exclusion, name: str, colour: str, bands: tuple[str, str] | None, limits: bool
) -> None:
    places = _places(result, failed=False)[:, 0]
    order = np.argsort(places)
    x = places[order]
    done = [point for point in result.points if point.failure is None]
    rows = [(point.upper_observed, *point.upper_expected) for point in done]
    upper = np.array(rows, dtype=np.float64)[order].T
    if bands is not None:
        for shade, low, high, label in (
            (bands[1], 1, 5, "expected, ± 2σ"),
            (bands[0], 2, 4, "expected, ± 1σ"),
        ):
            axes.fill_between(x, upper[low], upper[high], color=shade, linewidth=0, label=label)
        axes.axhline(1, color=SIGNAL_COLOUR, linewidth=1, label="strength 1")
    for row, style, called in ((3, "--", "expected"), (0, "-", _data(result))):
        axes.plot(x, upper[row], color=colour, linestyle=style, marker="o" if limits else None, markersize=3,
                  label=", ".join(filter(None, (name, called))))  # fmt: skip
    axes.margins(x=0)


def _data(result: Exclusion) -> str:
    return "observed" if result.data_kind == "observed" else data_label(result.data_kind)


@with_look
def draw_exclusion(
    results: Sequence[Result],
    *,
    labels: Sequence[str] = (),
    published: Sequence[str] = (),
    palette: str = "safe",
    limits: bool = False,
    log_x: bool = False,
    **look: Unpack[Look],
) -> Drawn:
    """Results of :func:`nuhist.exclusion` in one figure: of PatchSets, or over a parameter.

    Raises
    ------
    ConfigError
        If there are results of both kinds, or they do not belong into one figure.
    OptionError
        If an option does nothing, or there are labels for other than all results.
    """
    if labels and len(labels) != len(results):
        raise OptionError(f"labels=...: {len(labels)} for {len(results)} results; name each")
    if palette not in PALETTES:
        raise unknown_name("palette", palette, PALETTES)
    curves = [read_curve(path) for path in published]
    planes = [result for result in results if isinstance(result, Exclusion)]
    scans = [result for result in results if isinstance(result, ExclusionScan)]
    if len(planes) + len(scans) < len(results):
        raise ConfigError("a forecast or a contour; draw it with nuhist plot sensitivity, or plot contour")
    if planes and scans:
        raise ConfigError("results of PatchSets and over a parameter; draw them in figures of their own")
    if scans:
        if limits or log_x:
            raise OptionError("limits=True and log_x=True: do nothing with results over a parameter")
        figure = scan_figure(scans, labels=labels, published=curves, shades=PALETTES[palette], **look)
    else:
        figure = exclusion_figure(
            planes, labels=labels, published=curves, palette=palette, limits=limits, log_x=log_x, **look
        )
    numbers = {"labels": [*labels], "results": [result.to_json() for result in results]}
    return Drawn(figure, numbers, results[0].table() if len(results) == 1 else _together(results))


def _together(results: Sequence[Result]) -> Table:
    """Rows of all results, with the number of each; columns that one of them has not are empty."""
    tables = [result.table() for result in results]
    header = tuple(dict.fromkeys(name for table in tables for name in table.header))
    rows = [
        (number, *map(dict(zip(table.header, row, strict=True)).get, header))
        for number, table in enumerate(tables, start=1)
        for row in table.rows
    ]
    return Table(("result", *header), tuple(rows))
