"""What an exclusion returns: a result for each point of a plane, and the contours between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nuhist.histfactory.data_kind import DataKind
from nuhist.inference.results import JsonResult
from nuhist.showing import Table
from nuhist.values import percent

BANDS = ("-2", "-1", "0", "+1", "+2")  # standard deviations, in the order of expected numbers
Value = float | str
Expected = tuple[float | None, ...]
NOTHING: Expected = (None,) * len(BANDS)
_SHOWN = 3  # kinds of notes


@dataclass(frozen=True, slots=True)
class ExclusionPoint:
    """The result of one point of a PatchSet: CLs, limits on the strength, or why there is none.

    Attributes
    ----------
    name
        Name of its patch.
    values
        One for each label.
    cls_observed, cls_expected
        CLs at a strength of 1: of the data, and expected without the signal at -2, -1, 0, +1 and +2
        standard deviations.
    upper_observed, upper_expected
        Upper limits on the strength, likewise; None where CLs does not fall so low within the bounds.
    best_fit
        Best fit of the strength.
    notes
        What a reader should know of this point.
    failure
        Why there is no result; None where there is one.
    """

    name: str
    values: tuple[Value, ...]
    cls_observed: float | None
    cls_expected: Expected
    upper_observed: float | None
    upper_expected: Expected
    best_fit: float | None
    notes: tuple[str, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ExclusionContour:
    """Where CLs at a strength of 1 is 1 - CL, interpolated between the points.

    Attributes
    ----------
    of
        ``"observed"``, or the number of standard deviations of an expected one: ``"-2"`` to ``"+2"``.
    lines
        Each a line of places, one value for each label of the contour. A line that is closed ends where it
        begins. Where the contour is in one label, each line is one place.
    """

    of: str
    lines: tuple[tuple[tuple[float, ...], ...], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Exclusion(JsonResult):
    """The result of an exclusion: CLs and limits at all points of a PatchSet, and contours between them.

    Attributes
    ----------
    labels
        Names of the quantities whose values a point has, such as masses.
    parameter
        Name of the parameter that is the strength of the signal.
    points
        One result for each point, in the order of the PatchSet.
    contour_labels
        Labels of the contours: two labels, one, or none where there are no contours.
    contours
        One of the data, five expected.
    hull
        Corners of the region between the points, in the labels of the contours, inside which one can
        interpolate.
    interpolation
        How the contours are made, in words.
    confidence_level, convention, notes, data_kind
        See :class:`nuhist.inference.results.Interval`.
    workspace_digest, patchset_digest
        Digests of the background-only workspace and of the PatchSet.
    """

    labels: tuple[str, ...]
    parameter: str | None
    points: tuple[ExclusionPoint, ...]
    contour_labels: tuple[str, ...]
    contours: tuple[ExclusionContour, ...]
    hull: tuple[tuple[float, ...], ...]
    interpolation: str
    confidence_level: float
    method: str
    convention: str
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    patchset_digest: str
    nuhist_version: str

    @property
    def excluded(self) -> tuple[str, ...]:
        """Names of the points that the data exclude."""
        alpha = 1 - self.confidence_level
        found = (point for point in self.points if point.cls_observed is not None)
        return tuple(point.name for point in found if (point.cls_observed or 0.0) < alpha)

    @property
    def failed(self) -> tuple[ExclusionPoint, ...]:
        """Points without a result."""
        return tuple(point for point in self.points if point.failure is not None)

    @property
    def summary(self) -> str:
        """How many points are excluded."""
        done = len(self.points) - len(self.failed)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        level = percent(self.confidence_level)
        return f"{len(self.excluded)} of {done} points excluded at {level} CL{failed}"

    def table(self) -> Table:
        """A row for each point."""
        header = (
            "name", *self.labels,
            "cls_observed", *(f"cls_expected_{band}" for band in BANDS),
            "upper_observed", *(f"upper_expected_{band}" for band in BANDS),
            "best_fit", "failure",
        )  # fmt: skip
        rows = tuple(
            (
                point.name, *point.values, point.cls_observed, *point.cls_expected,
                point.upper_observed, *point.upper_expected, point.best_fit, point.failure,
            )
            for point in self.points
        )  # fmt: skip
        return Table(header, rows)


class Noted(Protocol):
    """A point with notes."""

    @property
    def name(self) -> str:
        """Name of the point."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of it."""


def common_notes(points: Sequence[Noted]) -> tuple[str, ...]:
    """Notes of points, each once, with how many points have it; of many kinds the most frequent ones."""
    names: dict[str, list[str]] = {}
    for point in points:
        for note in point.notes:
            names.setdefault(note, []).append(point.name)
    kinds = sorted(names, key=lambda note: -len(names[note]))
    said = [f"{_whose(names[note], len(points))}: {note}" for note in kinds[:_SHOWN]]
    left = len(kinds) - _SHOWN
    return (*said, *([f"{left} more kinds of notes of single points are with these"] if left > 0 else ()))


def _whose(names: Sequence[str], number: int) -> str:
    if len(names) == number:
        return "all points" if number > 1 else names[0]
    return names[0] if len(names) == 1 else f"{len(names)} points, such as {names[0]}"


def from_json(document: dict[str, Any]) -> Exclusion:
    """The result that :meth:`Exclusion.to_json` wrote."""
    points = [
        ExclusionPoint(**{name: tuples(value) for name, value in point.items()})
        for point in document["points"]
    ]
    contours = [ExclusionContour(each["of"], tuples(each["lines"])) for each in document["contours"]]
    kept = {name: tuples(value) for name, value in document.items()}
    return Exclusion(**{**kept, "points": tuple(points), "contours": tuple(contours)})


def tuples(value: Any) -> Any:
    """Lists of a document as tuples."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
