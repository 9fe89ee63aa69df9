"""Exclusions: a result for each point of a plane."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, OptionError, unknown_name
from nuhist.files import read_json
from nuhist.histfactory.loading import Source, load_background, read_workspace
from nuhist.histfactory.patches import PatchSet, make_patchset
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.inference.changes import Changes
from nuhist.inference.execution import Execution, as_execution, run
from nuhist.inference.prepare import Engine
from nuhist.methods.cls import CLs
from nuhist.methods.exclusion_contours import choose_labels, make_contours
from nuhist.methods.exclusion_point import Plane, PointTask, compute_point
from nuhist.methods.exclusion_results import Exclusion, ExclusionPoint, Value, common_notes
from nuhist.values import as_flag, as_level, as_named, as_text

LEVEL = 0.95  # as published PatchSets have it
_THROWN = Execution()


def exclusion(
    workspace: Source,
    patchset: str | Path | Mapping[str, Any] | PatchSet | None = None,
    *,
    labels: Sequence[str] | None = None,
    at: Mapping[str, Value] | None = None,
    confidence_level: float = LEVEL,
    test_stat: Any = None,
    measurement: str | None = None,
    poi: str | None = None,
    fixed: Mapping[str, float] | None = None,
    init: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    engine: Engine = "compiled",
    execution: Execution | None = None,
    verify: bool = True,
) -> Exclusion:
    """CLs and upper limits at each point of a PatchSet, and the contours between the points.

    By asymptotic formulas, as ``limit`` with the method ``"cls"`` has them. A point that fails says why, and
    the others go on.

    Parameters
    ----------
    workspace
        The background alone: a path, a dict, a workspace; a folder or a record with both, or a grid.
    patchset
        The PatchSet, or its path; by default the one that lies beside the workspace.
    labels
        One or two labels of the PatchSet in which contours are made; by default the first two whose values
        are numbers that vary.
    at
        Only points at which labels have these values.
    confidence_level
        Of the limits, and of the contours: CLs is 1 - CL there.
    test_stat
        See :class:`nuhist.CLs`.
    measurement, poi, fixed, init, bounds, engine
        Choices of :class:`nuhist.Model`, for each patched workspace.
    execution
        Who computes, and where finished points are kept; no toys are thrown.
    verify
        Whether the workspace must be the one that the PatchSet was made for.

    Raises
    ------
    DataError, ModelError
        If a file cannot be read, is not valid, or the two do not belong together.
    ConfigError
        If there is no such label or no such point, or a level makes no sense.
    OptionError
        If an option does nothing.
    FitError
        If all points fail.
    """
    level = as_level(confidence_level)
    statistic = CLs(test_stat=test_stat).test_stat  # a name that does not exist is refused there
    background, patches = _read(workspace, patchset)
    if as_flag(verify, "verify"):
        patches.verify(background)
    execution = as_execution(execution) or _THROWN
    if (execution.toys, execution.seed) != (_THROWN.toys, _THROWN.seed):
        raise OptionError("execution: an exclusion throws no toys; leave toys and seed out")
    found = _chosen(patches, at)
    values = [tuple(patch["metadata"]["values"]) for patch in found]
    wanted = None if labels is None else tuple(as_text(label, "label") for label in labels)
    chosen = choose_labels(patches.labels, values, wanted)
    changes = Changes(fixed or {}, init or {}, bounds or {})
    choices = {
        "measurement": measurement, "poi": poi, "engine": engine,
        "fixed": changes.fixed, "init": changes.init, "bounds": changes.bounds,
    }  # fmt: skip
    toys = _toys_command(background, patches, level, changes)
    plane = Plane(background, choices, level, statistic, toys)
    tasks = [PointTask(patch["metadata"]["name"], tuple(patch["patch"])) for patch in found]
    asked = f"{background.digest} {level!r} {test_stat} {measurement} {poi} {engine} {changes.options}"
    computed = run(plane, tasks, execution, hashlib.sha256(asked.encode()).hexdigest(), compute_point)
    points = tuple(
        ExclusionPoint(name=task.name, values=row, **_tuples(result))
        for task, row, result in zip(tasks, values, computed, strict=True)
    )
    if all(point.failure for point in points):
        first = points[0]
        which = "the point" if len(points) == 1 else f"all {len(points)} points, the first"
        raise FitError(f"{which}, {first.name}, fails: {first.failure}")
    made = make_contours(patches.labels, chosen, points, level)
    return Exclusion(
        labels=patches.labels,
        parameter=poi or background.interest(measurement),
        points=points,
        contour_labels=made.labels,
        contours=made.contours,
        hull=made.hull,
        interpolation=made.interpolation,
        confidence_level=level,
        method="cls",
        convention="CLs at a strength of 1, and upper limits on the strength where CLs falls below 1 - CL;"
        f" test statistic {'as its sign says' if statistic is None else statistic}, asymptotics",
        notes=(*made.notes, *common_notes(points)),
        data_kind=background.data_kind,
        workspace_digest=background.digest,
        patchset_digest=digest(patches.document),
        nuhist_version=__version__,
    )


def _read(workspace: Any, patchset: Any) -> tuple[Workspace, PatchSet]:
    """The background and the PatchSet."""
    beside: PatchSet | None = None
    if isinstance(workspace, SignalGrid):
        background = workspace.background
        beside = PatchSet(workspace.document, background.origin)
    elif isinstance(workspace, str | Path):
        background, beside = load_background(workspace)
        background = replace(background, arguments=(str(workspace),))
    else:
        background = read_workspace(workspace)
    if patchset is None:
        if beside is None:
            raise ConfigError(f"{background.origin}: has no patchset beside it; name one")
        return background, beside
    if isinstance(patchset, PatchSet):
        return background, patchset
    if isinstance(patchset, str | Path):
        return background, make_patchset(read_json(patchset), str(patchset))
    return background, make_patchset(patchset, "patchset")


def _chosen(patches: PatchSet, at: Mapping[str, Value] | None) -> list[Mapping[str, Any]]:
    """Patches at which labels have the wanted values."""
    found = list(patches.document["patches"])
    for label, value in as_named(at or {}, "at").items():
        if label not in patches.labels:
            raise unknown_name("label", label, patches.labels)
        column = patches.labels.index(label)
        there = [patch["metadata"]["values"][column] for patch in found]
        found = [patch for patch, other in zip(found, there, strict=True) if _same(other, value)]
        if not found:
            known = ", ".join(map(str, dict.fromkeys(there)))
            raise ConfigError(f"{label}={value}: no point has it; there are {known}")
    if not found:
        raise ConfigError(f"{patches.origin}: has no points")
    return found


def _same(value: Value, wanted: Value) -> bool:
    try:
        return float(value) == float(wanted)
    except ValueError:
        return str(value) == str(wanted)


def _toys_command(background: Workspace, patches: PatchSet, level: float, changes: Changes) -> str:
    """The command for a point's limit with toys."""
    name = quote(background.arguments[0]) if background.arguments else "WS"
    words = ["nuhist limit", name, f"--patch {quote(f'{patches.origin}:NAME')}", "--method cls"]
    return " ".join([*words, "--calctype toybased", f"--cl {level!r}", *changes.options])


def _tuples(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in result.items()}
