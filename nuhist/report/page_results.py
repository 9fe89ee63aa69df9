"""What a page shows of exclusions, forecasts and contours: a figure, numbers, notes, the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuhist.errors import NuhistError
from nuhist.files import to_json
from nuhist.histfactory.data_kind import describe
from nuhist.methods.contour import Contour
from nuhist.methods.exclusion_results import Exclusion
from nuhist.methods.result_files import Result
from nuhist.methods.scan_results import ExclusionScan
from nuhist.report.contour_figure import contour_figure
from nuhist.report.exclusion_figure import draw_exclusion
from nuhist.report.page_provenance import Download, download
from nuhist.report.page_section import Drawing, drawing
from nuhist.report.sensitivity_figure import sensitivity_figure

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class ResultView:
    """All that the template shows of one result.

    Attributes
    ----------
    key, name, title
        What its anchor begins with, its file, what it is.
    summary, convention, data, notes
        In words.
    picture
        Its figure, None where there is nothing to draw, for which ``failure`` has the reason.
    table
        The first of its numbers.
    file
        All of them.
    """

    key: str
    name: str
    title: str
    summary: str
    convention: str
    data: str
    notes: tuple[str, ...]
    picture: Drawing | None
    failure: str
    table: Markup
    file: Download


def result_views(results: Mapping[str, Result]) -> tuple[ResultView, ...]:
    """Results by name, prepared for the template."""
    return tuple(
        _view(f"r{number}", name, result) for number, (name, result) in enumerate(results.items(), start=1)
    )


def _view(key: str, name: str, result: Result) -> ResultView:
    from markupsafe import Markup

    picture, failure = None, ""
    try:
        picture = drawing(_figure(result), f"{key}-figure")
    except NuhistError as error:
        failure = str(error)
    file = f"{name}.json"
    return ResultView(
        key=key,
        name=name,
        title=_title(result),
        summary=result.summary,
        convention=result.convention,
        data="" if result.data_kind == "observed" else describe(result.data_kind),
        notes=result.notes,
        picture=picture,
        failure=failure,
        table=Markup(result.table().to_html()),  # noqa: S704 - names are escaped there
        file=download(file, "all numbers", to_json(result.to_json())),
    )


def _title(result: Result) -> str:
    if isinstance(result, Exclusion):
        return f"Exclusion in {', '.join(result.labels)}"
    if isinstance(result, ExclusionScan):
        more = "" if result.second is None else f" and {result.second.name}"
        return f"Limits over the {result.over}{more} of {result.hypothesis}"
    if isinstance(result, Contour):
        return f"Contours in {' and '.join(result.names)}"
    return f"Forecast for {result.hypothesis}"


def _figure(result: Result) -> Figure:
    if isinstance(result, Contour):
        return contour_figure(result)
    if isinstance(result, Exclusion | ExclusionScan):
        return draw_exclusion([result]).figure
    return sensitivity_figure(result)
