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
from nuhist.histfactory.grids import parse_over
from nuhist.histfactory.loading import Source, load_background, read_workspace
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.patches import PatchSet, make_patchset
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.record import is_record
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.inference.changes import Changes
from nuhist.inference.execution import Execution, as_execution, run
from nuhist.inference.prepare import Engine
from nuhist.methods.cls import CLs
from nuhist.methods.exclusion_contours import choose_labels, make_contours
from nuhist.methods.exclusion_point import Plane, PointTask, compute_point
from nuhist.methods.exclusion_results import Exclusion, ExclusionPoint, Value, common_notes
from nuhist.methods.exclusion_scan import exclusion_scan
from nuhist.methods.method import IntervalMethod
from nuhist.methods.scan_results import ExclusionScan
from nuhist.physics.hypotheses import FlavorChoice
from nuhist.values import as_flag, as_level, as_named, as_text

LEVEL = 0.95  # as published PatchSets have it
_BY_BOUNDS = "q-tilde (q where the strength may be negative)"
_THROWN = Execution()


def exclusion(
    *sources: Any,
    hypothesis: str | None = None,
    over: str | Sequence[str] | None = None,
    flavor: FlavorChoice | None = None,
    method: str | IntervalMethod | None = None,
    options: BuildOptions | None = None,
    labels: Sequence[str] | None = None,
    at: Mapping[str, Value] | None = None,
    confidence_level: float | None = None,
    test_stat: Any = None,
    measurement: str | None = None,
    poi: str | None = None,
    fixed: Mapping[str, float] | None = None,
    init: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    engine: Engine | None = None,
    execution: Execution | None = None,
    verify: bool | None = None,
) -> Exclusion | ExclusionScan:
    """Test each point of a PatchSet, or limit a coupling at each value of a hypothesis' own parameter.

    Of a PatchSet: CLs at a strength of 1 and upper limits on the strength by asymptotic formulas, as
    ``limit`` with the method ``"cls"`` has them, and the contours between the points. Of experiments: limits
    on the coupling of a hypothesis, for each experiment and for all of them together. A point that fails says
    why, and the others go on.

    Parameters
    ----------
    sources
        The background alone (a path, a dict, a workspace) and the PatchSet (a path or a dict), by default the
        one that lies beside it in a folder or a record. With ``over``, experiments as :func:`nuhist.build`
        takes them.
    hypothesis, over
        One with a parameter of its own, such as ``"light-vector"``, and that parameter's values as
        ``"mass=1eV:100MeV:31:log"``; of two parameters a list. Others have their values with the name.
    flavor, method, options
        With ``over``: as in :func:`nuhist.build` and :func:`nuhist.limit`; ``"profile"`` by default.
    labels
        One or two labels of the PatchSet in which contours are made; by default the first two whose values
        are numbers that vary.
    at
        Only points at which labels have these values.
    confidence_level
        Confidence level of the limits, and of the contours: CLs is 1 - CL there. By
        default 0.95, with ``over`` 0.90.
    test_stat
        See :class:`nuhist.CLs`.
    measurement, poi, fixed, init, bounds, engine
        Choices of :class:`nuhist.Model`, for each patched workspace.
    execution
        Who computes, and where finished points are kept; no toys are thrown.
    verify
        Whether the workspace must be the one that the PatchSet was made for; True by default.

    Raises
    ------
    DataError, ModelError
        If a file cannot be read, is not valid, or the two do not belong together.
    ConfigError
        If there is no such label, point, hypothesis or parameter, or a value makes no sense.
    OptionError
        If an option does nothing.
    FitError
        If all points fail.
    """
    execution = as_execution(execution) or _THROWN
    if (execution.toys, execution.seed, execution.toys_at) != (_THROWN.toys, _THROWN.seed, _THROWN.toys_at):
        raise OptionError("execution: an exclusion throws no toys; leave toys, seed and toys_at out")
    of_patches = {
        "labels": labels, "at": at or None, "test_stat": test_stat, "measurement": measurement, "poi": poi,
        "fixed": fixed or None, "init": init or None, "bounds": bounds or None, "engine": engine,
        "verify": verify,
    }  # fmt: skip
    of_scans = {
        "hypothesis": hypothesis,
        "over": over,
        "flavor": flavor,
        "method": method,
        "options": options,
    }
    if over is None:
        remedy = "a scan of experiments takes one, such as over='mass=1:1e5:31:log'"
        _refuse(of_scans, f"does nothing without over=...; {remedy}")
        _refuse_several(sources)
        kept = {name: value for name, value in of_patches.items() if value is not None}
        level = LEVEL if confidence_level is None else confidence_level
        return exclusion_of_patches(*sources, confidence_level=level, execution=execution, **kept)
    _refuse(of_patches, "does nothing with over=...; it belongs to a PatchSet")
    if hypothesis is None:
        raise ConfigError("over=... needs a hypothesis with a parameter of its own, such as light-vector")
    return exclusion_scan(
        sources,
        hypothesis=hypothesis,
        over=[parse_over(as_text(each, "over")) for each in ([over] if isinstance(over, str) else over)],
        flavor=flavor or "effective",
        method=method or "profile",
        confidence_level=confidence_level,
        options=options or BuildOptions(),
        execution=execution,
    )


def _refuse_several(sources: Sequence[Any]) -> None:
    """Refuse other sources than one background and one PatchSet."""
    paths = [Path(source) for source in sources if isinstance(source, str | Path)]
    wholes = [str(path) for path in paths if path.is_dir() or is_record(path)]
    if (len(wholes) > 1 or len(sources) > 2) and any(path.exists() for path in paths):
        raise ConfigError(
            f"{' and '.join(wholes or map(str, paths))}: PatchSets are not fitted together: which of their"
            " parameters are one, and which events, their authors alone know; give one with its background,"
            " or combine points of both, nuhist.combine([nuhist.load(A, patches=[NAME]), ...],"
            " correlate=[...])"
        )
    if not 1 <= len(sources) <= 2:
        raise ConfigError("an exclusion is of a workspace and a PatchSet; for experiments give over=...")


def _refuse(options: Mapping[str, Any], reason: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise OptionError(f"{name}=...: {reason}")


def exclusion_of_patches(
    workspace: Source,
    patchset: str | Path | Mapping[str, Any] | PatchSet | None = None,
    *,
    execution: Execution,
    confidence_level: float = LEVEL,
    labels: Sequence[str] | None = None,
    at: Mapping[str, Value] | None = None,
    test_stat: Any = None,
    measurement: str | None = None,
    poi: str | None = None,
    fixed: Mapping[str, float] | None = None,
    init: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    engine: Engine = "compiled",
    verify: bool = True,
) -> Exclusion:
    """Results at each point of a PatchSet, see :func:`exclusion`."""
    level = as_level(confidence_level)
    statistic = CLs(test_stat=test_stat).test_stat  # a name that does not exist is refused there
    background, patches = _read(workspace, patchset)
    if as_flag(verify, "verify"):
        patches.verify(background)
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
        f" test statistic {statistic or _BY_BOUNDS}, asymptotic formulas",
        notes=(*_beside(workspace, patchset, patches), *made.notes, *common_notes(points)),
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


def _beside(workspace: Any, patchset: Any, patches: PatchSet) -> tuple[str, ...]:
    """A note of a PatchSet that nobody has named, where it lies beside a file."""
    if patchset is not None or not isinstance(workspace, str | Path):
        return ()
    path = Path(workspace)
    return (f"points of {patches.origin}, which lies beside {path.name}",) if path.is_file() else ()


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
