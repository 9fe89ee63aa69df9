"""Exclusions over a parameter of a hypothesis of its own, such as the mass of what is exchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, NuhistError, OptionError
from nuhist.experiments.experiment import Experiment
from nuhist.histfactory.build import refuse_no_polynomial, workspace_of
from nuhist.histfactory.grids import Over
from nuhist.histfactory.model_set import ModelSet, model_set
from nuhist.histfactory.options import BuildOptions
from nuhist.inference.execution import Execution, as_execution, run
from nuhist.inference.model import Model
from nuhist.methods.cls import CLs
from nuhist.methods.exclusion_results import BANDS, NOTHING, common_notes
from nuhist.methods.expected import band_notes, expected_limits
from nuhist.methods.method import IntervalMethod, level_of
from nuhist.methods.registry import make_method
from nuhist.methods.scan_results import ExclusionScan, ScanPoint, SecondParameter
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, get_family, split_family

TOGETHER = "together"  # the curve of all experiments


@dataclass(frozen=True)
class Scanned:
    """What all points share.

    Attributes
    ----------
    models
        Models of all experiments, prepared for one value.
    family
        By name; its function is not sent to other processes.
    parameters
        Parameters of the family: those that are gone over.
    held
        Values of the others.
    method, confidence_level
        Method and confidence level of the limits.
    """

    models: ModelSet
    family: str
    parameters: tuple[str, ...]
    held: Mapping[str, float]
    method: IntervalMethod
    confidence_level: float


@dataclass(frozen=True)
class ScanTask:
    """One value of each parameter, for all curves."""

    values: tuple[float, ...]
    curves: int

    @property
    def size(self) -> int:
        """Its points."""
        return self.curves


def compute_limits(scanned: Scanned, task: ScanTask) -> dict[str, Any]:
    """Results of each experiment and of all together, see :func:`_limit`."""
    values = dict(zip(scanned.parameters, task.values, strict=True))
    hypothesis = get_family(scanned.family).at({**scanned.held, **values})
    models = scanned.models.testing(hypothesis)
    curves = [*models.parts.values(), models][: task.curves]
    return {"curves": [_limit(scanned, each) for each in curves]}


def _limit(scanned: Scanned, models: ModelSet) -> dict[str, Any]:
    """Fields of :class:`nuhist.methods.scan_results.ScanPoint` but its name and value, as JSON."""
    try:
        model = Model(workspace_of(models))
        found = scanned.method.interval(model, scanned.confidence_level)
        expected = expected_limits(scanned.method, model, found)
    except NuhistError as error:
        none: dict[str, Any] = dict.fromkeys(("upper_observed", "lower_observed", "best_fit"))
        failed = {"notes": [], "failure": str(error), "convention": ""}
        return {**none, "upper_expected": list(NOTHING), **failed}
    return {
        "upper_observed": found.upper,
        "upper_expected": [expected.get(band) for band in BANDS],
        "lower_observed": found.lower,
        "best_fit": found.best_fit,
        "notes": [*found.notes, *band_notes(expected)],
        "failure": None,
        "convention": found.convention,
    }


def exclusion_scan(
    experiments: Sequence[str | Path | Experiment],
    *,
    hypothesis: str,
    over: Sequence[Over],
    flavor: FlavorChoice,
    method: str | IntervalMethod,
    confidence_level: float | None,
    options: BuildOptions,
    execution: Execution | None,
) -> ExclusionScan:
    """Limits at each value, see :func:`nuhist.exclusion`."""
    family, name, text = split_family(hypothesis)
    held = family.values(text)
    parameters = [family.parameter(each.name) for each in over]
    names_over = [parameter.name for parameter in parameters]
    if not 1 <= len(over) <= 2 or len(set(names_over)) < len(over):
        raise ConfigError(f"over={list(names_over)}: name one parameter, or two different ones")
    for parameter in parameters:
        if parameter.name in held:
            raise ConfigError(
                f"{hypothesis}: over=... gives its {parameter.name} the values; leave it out of the"
                " hypothesis"
            )
    sides = [
        each.values(partial(parameter.parsed, family=family.name))
        for each, parameter in zip(over, parameters, strict=True)
    ]
    level = level_of(confidence_level)
    chosen = make_method(method, {})
    if isinstance(chosen, CLs):
        chosen = replace(chosen, expected=True)
    if chosen.throws:
        raise OptionError(
            f"method='{chosen.name}': throws toys at each point; ask nuhist limit at one of them"
        )
    places = [*product(*sides)]
    members = [family.at({**held, **dict(zip(names_over, place, strict=True))}) for place in places]
    for member in members:
        refuse_no_polynomial(member, "value")
    first = members[0]
    models = model_set(experiments, first, flavor, options)
    single = [*models.parts]
    names = (*single, *([TOGETHER] if len(single) > 1 else ()))
    tasks = [ScanTask(place, len(names)) for place in places]
    scanned = Scanned(models, name, tuple(names_over), held, chosen, level)
    asked = f"{__version__} {_digest(models, members)} {names_over} {chosen!r} {level!r} {flavor}"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    computed = run(scanned, tasks, as_execution(execution) or Execution(), digest, compute_limits)
    found = [
        (name, task.values, result["curves"][number])
        for number, name in enumerate(names)
        for task, result in zip(tasks, computed, strict=True)
    ]
    points = tuple(_point(*each) for each in found)
    conventions = [str(result["convention"]) for _, _, result in found if result["convention"]]
    if not conventions:
        raise FitError(f"all {len(points)} points fail, the first: {points[0].failure}")
    coupling = first.parameter_of_interest(flavor)
    return ExclusionScan(
        hypothesis=family.name,
        flavor=flavor,
        over=parameters[0].name,
        over_unit=parameters[0].unit,
        logarithmic=over[0].logarithmic,
        coupling=coupling.coupling,
        unit=coupling.unit,
        names=names,
        points=points,
        confidence_level=level,
        method=chosen.name,
        convention=conventions[0],
        notes=common_notes(points),
        data_kind=options.data_kind,
        nuhist_version=__version__,
        second=SecondParameter(parameters[1].name, parameters[1].unit, over[1].logarithmic)
        if len(over) > 1
        else None,
    )


def _digest(models: ModelSet, members: Sequence[Hypothesis]) -> str:
    """Of the first workspace that can be made: at some values no experiment may see anything."""
    first, *others = members
    try:
        return workspace_of(models.testing(first)).digest
    except ConfigError:
        for member in others:
            with suppress(ConfigError):
                return workspace_of(models.testing(member)).digest
        raise


def _point(name: str, values: Sequence[float], result: Mapping[str, Any]) -> ScanPoint:
    kept: dict[str, Any] = {
        key: tuple(entry) if isinstance(entry, list) else entry for key, entry in result.items()
    }
    del kept["convention"]
    return ScanPoint(name=name, value=values[0], second=values[1] if len(values) > 1 else None, **kept)
