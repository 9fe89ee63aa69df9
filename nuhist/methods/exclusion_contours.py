"""The contours of an exclusion in two labels or one, and which points they would need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from nuhist.errors import ConfigError, OptionError, unknown_name
from nuhist.methods.exclusion_results import BANDS, ExclusionContour, ExclusionPoint, Value
from nuhist.methods.interpolated import ALONG, CONVENTION, Line, Mesh, crossings, log_ratio
from nuhist.tables import Array
from nuhist.values import percent

_NAMED = 4  # points in a note
_GRID = 0.5  # of all pairs of two labels' values, from which on the points are a grid with holes
_OBSERVED, _MEDIAN = "observed", "0"
_CALLED = {_OBSERVED: "observed", _MEDIAN: "expected"}


@dataclass(frozen=True)
class Contours:
    """What :class:`nuhist.methods.exclusion_results.Exclusion` says of them."""

    labels: tuple[str, ...]
    contours: tuple[ExclusionContour, ...]
    hull: Line
    interpolation: str
    notes: tuple[str, ...]


def choose_labels(
    labels: Sequence[str], values: Sequence[Sequence[Value]], chosen: Sequence[str] | None
) -> tuple[str, ...]:
    """The labels of the contours: those that are chosen, or the first two whose values are numbers that vary.

    Raises
    ------
    ConfigError
        If there is no such label, or its values are no numbers.
    OptionError
        If there are more than two, or one twice.
    """
    if chosen is None:
        columns = zip(labels, zip(*values, strict=True), strict=True)
        varying = [label for label, column in columns if _are_numbers(column) and len(set(column)) > 1]
        return tuple(varying[:2])
    if not 1 <= len(chosen) <= 2 or len(set(chosen)) < len(chosen):
        raise OptionError(f"labels {','.join(chosen)}: name one or two different ones")
    for label in chosen:
        if label not in labels:
            raise unknown_name("label", label, labels)
        if not _are_numbers([row[list(labels).index(label)] for row in values]):
            raise ConfigError(
                f"label {label}: has values that are no numbers, so that there is no contour in it"
            )
    return tuple(chosen)


def make_contours(
    labels: Sequence[str],
    chosen: tuple[str, ...],
    points: Sequence[ExclusionPoint],
    confidence_level: float,
) -> Contours:
    """Contours in the chosen labels, with notes of which points are needed and missing."""
    none = Contours((), (), (), "", ())
    if not chosen:
        why = "there is one point" if len(points) == 1 else "no label has numbers that vary"
        return _noted(none, f"no contour: {why}")
    columns = [list(labels).index(label) for label in chosen]
    done = [point for point in points if point.failure is None]
    places = np.array([[float(point.values[column]) for column in columns] for point in done])
    if len(done) < 2:
        what = "one point has a result" if done else "no point has a result"
        return _noted(none, f"no contour: {what}")
    if len(np.unique(places, axis=0)) < len(places):
        return _noted(
            none,
            f"no contour: several points have the same {' and '.join(chosen)}; choose those of one plane with"
            " at=..., or other labels with labels=...",
        )
    alpha = 1 - confidence_level
    columns_of = {
        _OBSERVED: [point.cls_observed for point in done],
        **{band: [point.cls_expected[number] for point in done] for number, band in enumerate(BANDS)},
    }
    heights = {name: log_ratio(cls, alpha) for name, cls in columns_of.items()}
    if len(chosen) == 1:
        return _in_one(chosen, places[:, 0], heights, confidence_level)
    mesh = Mesh(places)
    if mesh.is_flat:
        return _noted(
            none, f"no contour: the points lie on one line in {' and '.join(chosen)}; choose one label of it"
        )
    lines = {name: mesh.lines(height) for name, height in heights.items()}
    notes = [
        note
        for name in _CALLED
        for note in _missing(name, heights[name], lines[name][1], done, confidence_level)
    ]
    failed = [point for point in points if point.failure is not None]
    left_out = [[float(point.values[column]) for column in columns] for point in failed]
    notes += _holes(mesh, chosen, heights, left_out, [point.name for point in failed])
    found = tuple(ExclusionContour(name, tuple(lines[name][0])) for name in heights)
    return Contours(chosen, found, mesh.hull, CONVENTION, tuple(notes))


def _in_one(
    chosen: tuple[str, ...],
    values: Array,
    heights: dict[str, Array],
    confidence_level: float,
) -> Contours:
    order = np.argsort(values)
    found = tuple(
        ExclusionContour(name, tuple(crossings(values[order], height[order])))
        for name, height in heights.items()
    )
    ends = ((float(values[order[0]]),), (float(values[order[-1]]),))
    notes = [_all_or_none(name, heights[name], confidence_level) for name in _CALLED]
    return Contours(chosen, found, ends, ALONG, tuple(filter(None, notes)))


def _noted(contours: Contours, note: str) -> Contours:
    return Contours(contours.labels, contours.contours, contours.hull, contours.interpolation, (note,))


def _all_or_none(name: str, heights: Array, confidence_level: float) -> str:
    """A note where there is no contour, since all points lie on one side of it."""
    excluded = heights < 0
    if excluded.any() and not excluded.all():
        return ""
    which = "all points are" if excluded.all() else "no point is"
    further = "less" if excluded.all() else "more"
    level = percent(confidence_level)
    why = f"{which} excluded at {level} CL; points with {further} signal are missing"
    return f"no {_CALLED[name]} contour: {why}"


def _missing(
    name: str,
    heights: Array,
    ends: Sequence[tuple[int, int]],
    points: Sequence[ExclusionPoint],
    confidence_level: float,
) -> list[str]:
    """Notes of where a contour leaves the points, or why there is none."""
    note = _all_or_none(name, heights, confidence_level)
    if note:
        return [note]
    if not ends:
        return []
    pairs = [f"{points[first].name} and {points[second].name}" for first, second in ends]
    between = _listed(pairs, "; ")
    return [f"the {_CALLED[name]} contour ends between {between}; points beyond are missing to follow it"]


def _holes(
    mesh: Mesh,
    chosen: Sequence[str],
    heights: dict[str, Array],
    failed: Sequence[Sequence[float]],
    names: Sequence[str],
) -> list[str]:
    """A note of points that failed, or that a grid does not have, where a contour passes."""
    places = [*failed]
    called = [*names]
    present = {*map(tuple, mesh.points.tolist()), *map(tuple, failed)}
    sides = [sorted({place[axis] for place in present}) for axis in (0, 1)]
    if len(present) >= _GRID * len(sides[0]) * len(sides[1]):
        for place in product(*sides):
            if place not in present:
                places.append(list(place))
                said = (f"{label} = {value:g}" for label, value in zip(chosen, place, strict=True))
                called.append(" with ".join(said))
    if not places:
        return []
    at = {number for name in _CALLED for number in mesh.beside_the_line(heights[name], np.array(places))}
    needed = [called[number] for number in sorted(at)]
    if not needed:
        return []
    return [f"the contour is interpolated where points are missing: {_listed(needed, ', ')}"]


def _listed(texts: Sequence[str], separator: str) -> str:
    more = len(texts) - _NAMED
    return separator.join(texts[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _are_numbers(values: Sequence[Value]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
