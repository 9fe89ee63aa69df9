"""Tables of a submission about exclusions, forecasts and contours: numbers as their results have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nuhist.exchange.hepdata.columns import Column, axis, table
from nuhist.exchange.hepdata.names import plain_name
from nuhist.exchange.hepdata.scattering import scattering_of
from nuhist.histfactory.data_kind import describe
from nuhist.methods.contour import Contour
from nuhist.methods.exclusion_results import BANDS, Exclusion
from nuhist.methods.exclusion_scan import TOGETHER
from nuhist.methods.result_files import Result
from nuhist.methods.scan_results import ExclusionScan
from nuhist.methods.sensitivity_results import Sensitivity
from nuhist.showing import Table
from nuhist.values import percent

_MISSING = "-"  # HEPData's text for no number
MEDIAN = BANDS[2]
_LEFT_OUT = "failure"  # a column of words


def result_tables(results: Mapping[str, Result], others: Sequence[Any]) -> list[Any]:
    """Tables of results by name, as ``hepdata_lib.Table``; ``others`` are in the submission already."""
    made: list[Any] = []
    for name, result in results.items():
        for title, keys, numbers, hypotheses in _parts(result):
            used = [*others, *made]
            made.append(
                _table(f"{title} {plain_name(name, 'result')}", keys, numbers, result, hypotheses, used)
            )
    return made


def _parts(result: Result) -> list[tuple[str, int, Table, list[str | None]]]:
    """Title, number of independent columns, numbers and hypotheses of each table of a result."""
    if isinstance(result, Exclusion):
        found: list[tuple[str, int, Table, list[str | None]]] = [
            ("Exclusion", 1 + len(result.labels), result.table(), [])
        ]
        rows: tuple[tuple[Any, ...], ...] = tuple(
            (_of(contour.of), number, *place)
            for contour in result.contours
            for number, line in enumerate(contour.lines, start=1)
            for place in line
        )
        if rows:
            header = ("contour", "line", *result.contour_labels)
            # What depends on the rest is the last label; of one label, the number of the line.
            if len(result.contour_labels) == 1:
                rows = tuple((first, *rest[::-1]) for first, *rest in rows)
                header = (header[0], *header[1:][::-1])
            found.append(("Exclusion contours", len(header) - 1, Table(header, rows), []))
        return found
    if isinstance(result, ExclusionScan):
        keys = 2 if result.second is None else 3
        return [("Limits over", keys, result.table(), [_example(result)])]
    if isinstance(result, Sensitivity):
        return [("Sensitivity", 2, result.table(), [result.hypothesis])]
    return [("Contour", 3, result.table(), [])]


def _example(result: ExclusionScan) -> str:
    """One of the family's hypotheses, which has its title."""
    return f"{result.hypothesis}:{result.over}={result.values[0]:g}{result.over_unit}"


def _table(
    name: str,
    keys: int,
    numbers: Table,
    result: Result,
    hypotheses: Sequence[str | None],
    others: Sequence[Any],
) -> Any:
    columns = list(zip(*numbers.rows, strict=True))
    qualifiers = _qualifiers(result)
    axes = [
        axis(*_column(head), list(column))
        for head, column in zip(numbers.header[:keys], columns[:keys], strict=True)
    ]
    dependent = [
        Column(*_column(head), [_MISSING if value is None else value for value in column], qualifiers)
        for head, column in zip(numbers.header[keys:], columns[keys:], strict=True)
        if head != _LEFT_OUT
    ]
    description = f"{result.summary}. {result.convention}."
    if isinstance(result, Exclusion) and result.interpolation:
        description += f" Contours: {result.interpolation}."
    if result.data_kind != "observed":
        description += f" Data: {describe(result.data_kind)}."
    digest = getattr(result, "workspace_digest", "")
    location = f"From nuhist{f', workspace {digest[:12]}' if digest else ''}"
    scatterings = scattering_of(each for each in getattr(result, "names", ()) if each != TOGETHER)
    return table(name, description, location, axes, dependent, "CLS", hypotheses, scatterings, others)


def _qualifiers(result: Result) -> list[tuple[str, str | float, str]]:
    if isinstance(result, Contour):
        at = zip((result.x, result.y), result.best_fit, strict=True)
        return [(f"Best fit, {axes.coupling}", value, axes.unit) for axes, value in at]
    return [("Confidence level", percent(result.confidence_level), "")]


def _column(head: str) -> tuple[str, str]:
    """Name and unit of a column such as ``upper mu_nu/mu_B -1`` or ``cls_expected_0``."""
    before = " " if "/" in head else "_"  # a unit may end as a number of standard deviations does
    band = next((each for each in BANDS if head.endswith((f" {each}", f"{before}{each}"))), "")
    name, _, unit = (head[: -len(band) - 1] if band else head).partition("/")
    return f"{name}{_band(band)}", unit


def _band(band: str) -> str:
    return "" if not band else ", median" if band == MEDIAN else f", {band} sigma"


def _of(contour: str) -> str:
    return contour if contour == "observed" else f"expected{_band(contour)}"
