"""Exclusions over a parameter of a hypothesis of its own, such as the mass of what is exchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, NuhistError, OptionError
from nuhist.experiments.experiment import Experiment
from nuhist.histfactory.build import workspace_of
from nuhist.histfactory.channel import ModelSet, model_set
from nuhist.histfactory.grids import Over
from nuhist.histfactory.options import BuildOptions
from nuhist.inference.execution import Execution, as_execution, run
from nuhist.inference.model import Model
from nuhist.methods.cls import CLs
from nuhist.methods.exclusion_results import BANDS, NOTHING, common_notes
from nuhist.methods.expected import expected_limits
from nuhist.methods.method import IntervalMethod, level_of
from nuhist.methods.registry import make_method
from nuhist.methods.scan_results import ExclusionScan, ScanPoint
from nuhist.physics.hypotheses import FlavorChoice, get_family

TOGETHER = "together"  # the curve of all experiments


@dataclass(frozen=True)
class Scanned:
    """What all points share.

    Attributes
    ----------
    models
        Of all experiments, prepared for one value.
    family
        By name; its function is not sent to other processes.
    parameter
        Of the family.
    method, confidence_level
        Of the limits.
    """

    models: ModelSet
    family: str
    parameter: str
    method: IntervalMethod
    confidence_level: float


@dataclass(frozen=True)
class ScanTask:
    """One value of the parameter, for all curves."""

    value: float
    curves: int

    @property
    def size(self) -> int:
        """Its points."""
        return self.curves


def compute_limits(scanned: Scanned, task: ScanTask) -> dict[str, Any]:
    """Results of each experiment and of all together, see :func:`_limit`."""
    hypothesis = get_family(scanned.family).at({scanned.parameter: task.value})
    models = scanned.models.testing(hypothesis)
    alone = [models.alone(number) for number in range(len(models.models))]
    return {"curves": [_limit(scanned, each) for each in [*alone, models][: task.curves]]}


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
        "notes": list(found.notes),
        "failure": None,
        "convention": found.convention,
    }


def exclusion_scan(
    experiments: Sequence[str | Path | Experiment],
    *,
    hypothesis: str,
    over: Over,
    flavor: FlavorChoice,
    method: str | IntervalMethod,
    confidence_level: float | None,
    options: BuildOptions,
    execution: Execution | None,
) -> ExclusionScan:
    """Limits at each value, see :func:`nuhist.exclusion`."""
    name, colon, _ = hypothesis.partition(":")
    if colon:
        raise ConfigError(f"{hypothesis}: --over gives its parameter the values; write --hypothesis {name}")
    family = get_family(name)
    parameter = family.parameter(over.name)
    values = over.values(lambda text: parameter.parsed(text, family.name))
    level = level_of(confidence_level)
    chosen = make_method(method, {})
    if isinstance(chosen, CLs):
        chosen = replace(chosen, expected=True)
    if chosen.throws:
        raise OptionError(
            f"--method {chosen.name}: throws toys at each point; ask nuhist limit at one of them"
        )
    first = family.at({parameter.name: values[0]})
    models = model_set(experiments, first, flavor, options)
    single = [model.neutrinos.experiment.name for model in models.models]
    names = (*single, *([TOGETHER] if len(single) > 1 else ()))
    tasks = [ScanTask(value, len(names)) for value in values]
    scanned = Scanned(models, family.name, parameter.name, chosen, level)
    asked = f"{__version__} {workspace_of(models).digest} {chosen!r} {level!r} {flavor}"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    computed = run(scanned, tasks, as_execution(execution) or Execution(), digest, compute_limits)
    found = [
        (name, task.value, result["curves"][number])
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
        over=parameter.name,
        over_unit=parameter.unit,
        logarithmic=over.logarithmic,
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
    )


def _point(name: str, value: float, result: Mapping[str, Any]) -> ScanPoint:
    kept: dict[str, Any] = {
        key: tuple(entry) if isinstance(entry, list) else entry for key, entry in result.items()
    }
    del kept["convention"]
    return ScanPoint(name=name, value=value, **kept)
