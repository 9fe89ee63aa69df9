"""Forecasts: expected limits and significances of experiments against their exposure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, NuhistError, OptionError
from nuhist.experiments.experiment import Experiment
from nuhist.histfactory.build import refuse_no_polynomial, workspace_of
from nuhist.histfactory.grids import parse_over
from nuhist.histfactory.model_set import ModelSet, model_set
from nuhist.histfactory.options import BuildOptions
from nuhist.inference.execution import Execution, as_execution, run
from nuhist.inference.model import Model
from nuhist.inference.results import Interval
from nuhist.inference.significance import significance
from nuhist.methods.cls import CLs
from nuhist.methods.exclusion_results import BANDS, NOTHING, common_notes
from nuhist.methods.expected import band_notes, expected_limits
from nuhist.methods.method import IntervalMethod, level_of
from nuhist.methods.registry import make_method
from nuhist.methods.sensitivity_results import Sensitivity, SensitivityPoint
from nuhist.physics.hypotheses import FlavorChoice, get_hypothesis
from nuhist.values import as_flag, as_number, as_numbers, as_positive, as_whole, shown

_BATCH = 25  # toys of a task
_QUANTILES = (0.02275, 0.15866, 0.5, 0.84134, 0.97725)  # of a Gaussian at -2 to +2 standard deviations
_THROWN = Execution()
STATISTICS_ONLY = "statistics only: all parameters but the coupling are held where they are expected"


@dataclass(frozen=True)
class Planned:
    """What all points share.

    Attributes
    ----------
    models
        Models of each experiment, with Asimov data; of a set those of its experiments together.
    method, confidence_level
        Method and confidence level of the limits.
    tested
        A coupling of which a significance is expected, or None.
    seed
        Seed of the toys.
    statistics_only
        Whether all other parameters are held.
    """

    models: tuple[ModelSet, ...]
    method: IntervalMethod
    confidence_level: float
    tested: float | None
    seed: int
    statistics_only: bool


@dataclass(frozen=True)
class SensitivityTask:
    """An exposure of an experiment: its Asimov data, or a few toys."""

    experiment: int
    exposure: float
    first: int = 0
    toys: int = 0

    @property
    def size(self) -> int:
        """One point, or its toys."""
        return self.toys or 1


def compute_sensitivity(planned: Planned, task: SensitivityTask) -> dict[str, Any]:
    """Limits and significances of Asimov data, or of toys, as JSON."""
    try:
        model = Model(workspace_of(planned.models[task.experiment].exposed(task.exposure)))
        if planned.statistics_only:
            model = _held(model)
        if task.toys:
            return _of_toys(planned, task, model)
        found = planned.method.interval(model, planned.confidence_level)
        expected = expected_limits(planned.method, model, found)
        likely = None if planned.tested is None else significance(model.asimov(planned.tested)).significance
    except NuhistError as error:
        return {"failure": str(error)}
    return {
        "upper_expected": [expected.get(band) for band in BANDS],
        "significance": likely,
        "notes": [*_notes(found, model), *(f"{each}; toys=... throws them" for each in band_notes(expected))],
        "convention": found.convention,
    }


def _notes(found: Interval, model: Model) -> list[str]:
    """Notes of a limit that say something of a forecast, whose toys are an option."""
    kept = []
    for note in found.notes:
        text, toys, _ = note.partition("; with toys: ")
        if not text.startswith("open below") and text not in model.changed:
            kept.append(f"{text}; toys=... throws them" if toys else text)
    return kept


def _held(model: Model) -> Model:
    """The same with all parameters but the one of interest where they start: as expected."""
    likelihood = model.likelihood
    start = dict(zip(likelihood.names, map(float, likelihood.start), strict=True))
    del start[likelihood.names[likelihood.poi_index]]
    return Model(model.workspace, fixed=start)


def _of_toys(planned: Planned, task: SensitivityTask, model: Model) -> dict[str, Any]:
    limits, significances = [], []
    for number in range(task.first, task.first + task.toys):
        seed = planned.seed + number
        limits.append(planned.method.interval(model.toy(seed, 0.0), planned.confidence_level).upper)
        if planned.tested is not None:
            significances.append(significance(model.toy(seed, planned.tested)).significance)
    return {"limits": limits, "significances": significances}


def sensitivity(
    *experiments: str | Path | Experiment,
    hypothesis: str,
    exposure: str | Sequence[float],
    coupling: float | None = None,
    flavor: FlavorChoice = "effective",
    method: str | IntervalMethod = "profile",
    confidence_level: float | None = None,
    toys: int | None = None,
    statistics_only: bool = False,
    options: BuildOptions | None = None,
    execution: Execution | None = None,
) -> Sensitivity:
    """Limits and significances that experiments can expect, against their exposure.

    From Asimov data: the events that are expected without the coupling, with all backgrounds in proportion to
    the exposure, and with the coupling for the significance. Toys check them on request.

    Parameters
    ----------
    experiments
        As :func:`nuhist.build` takes them; each for itself, and a set as one, whose experiments share the
        exposure in the ratio of their own. A planned one needs no observed counts.
    hypothesis, flavor
        What is tested.
    exposure
        Tonne years: numbers, or ``"10:300:7"`` or ``"10:300:7:log"``.
    coupling
        A value of which a significance is expected, too.
    method, confidence_level
        Method and confidence level of the limits: ``"profile"`` (the default) or ``"cls"``; 0.90 by default.
    toys
        Throw so many at each point and take their medians and bands, too.
    statistics_only
        Hold all parameters but the coupling where they are expected: what counts alone can do.
    options
        How workspaces are built.
    execution
        Who computes, the seed of the toys, and where finished points are kept.

    Raises
    ------
    ConfigError
        If a name is unknown, or an exposure or another value makes no sense.
    OptionError
        If an option does nothing.
    FitError
        If all points fail.

    Examples
    --------
    >>> found = sensitivity("lz_ws2022", hypothesis="magnetic-moment", exposure=[1.0, 16.0])
    >>> first, last = (point.upper_expected[2] for point in found.points)
    >>> bool(last < first)
    True
    """
    execution = as_execution(execution) or _THROWN
    if execution.toys != _THROWN.toys:
        raise OptionError("execution: the number of toys is given by toys here; leave it out")
    if toys is None and execution.seed != _THROWN.seed:
        raise OptionError("seed=...: does nothing without toys")
    if execution.toys_at != _THROWN.toys_at:
        raise OptionError("toys_at: does nothing here, where each toy is data of its own; leave it out")
    thrown = 0 if toys is None else as_whole(toys, "toys", 1)
    exposures = _exposures(exposure)
    level, chosen = level_of(confidence_level), make_method(method, {})
    if chosen.throws:
        raise OptionError(f"method='{chosen.name}': throws toys at each point; take profile or cls")
    if isinstance(chosen, CLs):
        chosen = replace(chosen, expected=True)
    tested = None if coupling is None else as_number(coupling, "coupling")
    wanted = get_hypothesis(hypothesis)
    refuse_no_polynomial(wanted, "exposure")
    if options is not None and options.exposure is not None:
        raise OptionError("options: the exposure is given by exposure here; leave it out")
    built = replace(options or BuildOptions(), asimov=True)
    sets = [model_set([each], wanted, flavor, built) for each in experiments]
    if not sets:
        raise ConfigError("name at least one experiment")
    names = tuple(name for each in sets for name in each.parts)
    if len(set(names)) < len(names):
        raise ConfigError("an experiment is there twice; name each once")
    points = [(number, value) for number in range(len(names)) for value in exposures]
    tasks = [SensitivityTask(number, value) for number, value in points]
    tasks += [
        SensitivityTask(number, value, first, min(_BATCH, thrown - first))
        for number, value in points
        for first in range(0, thrown, _BATCH)
    ]
    alone = as_flag(statistics_only, "statistics_only")
    planned = Planned(tuple(sets), chosen, level, tested, execution.seed, alone)
    asked = " ".join(workspace_of(each).digest for each in sets)
    asked += f" {__version__} {chosen!r} {level!r} {tested!r} {execution.seed} {alone}"
    computed = run(planned, tasks, execution, hashlib.sha256(asked.encode()).hexdigest(), compute_sensitivity)
    per_point = -(-thrown // _BATCH)
    made, conventions = [], []
    for index, (number, value) in enumerate(points):
        start = len(points) + index * per_point
        result = computed[index]
        conventions += [str(result["convention"])] if "convention" in result else []
        made.append(_point(names[number], value, result, computed[start : start + per_point]))
    if not conventions:
        raise FitError(f"all {len(made)} points fail, the first: {made[0].failure}")
    scale = wanted.parameter_of_interest(flavor)
    return Sensitivity(
        hypothesis=wanted.name,
        flavor=flavor,
        coupling=scale.coupling,
        unit=scale.unit,
        tested=tested,
        names=names,
        points=tuple(made),
        confidence_level=level,
        method=chosen.name,
        convention=conventions[0],
        toys=toys,
        seed=None if toys is None else execution.seed,
        notes=(*([STATISTICS_ONLY] if alone else ()), *common_notes(made)),
        data_kind="asimov",
        nuhist_version=__version__,
    )


def _exposures(exposure: Any) -> list[float]:
    if isinstance(exposure, str):
        try:
            over = parse_over(f"exposure={exposure}")
        except ConfigError:
            raise ConfigError(
                f"exposure '{shown(exposure)[1:-1]}': expected LO:HI:N or LO:HI:N:log in t yr, such as"
                " 10:300:5:log, with LO above 0 and N of at least 2"
            ) from None
        return over.values(lambda text: as_positive(_number(text), "exposure", "t yr"))
    found = as_numbers(exposure, "exposure").tolist()
    if not found or len(set(found)) < len(found):
        raise ConfigError("exposure: name at least one, each once")
    return [as_positive(value, "exposure", "t yr") for value in found]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"exposure '{text}': expected a number of tonne years") from None


def _point(
    name: str, exposure: float, result: Mapping[str, Any], batches: Sequence[Mapping[str, Any]]
) -> SensitivityPoint:
    failure = next((str(each["failure"]) for each in [result, *batches] if "failure" in each), None)
    if failure is not None:
        return SensitivityPoint(name, exposure, NOTHING, None, None, None, (), failure)
    limits = [limit for each in batches for limit in each["limits"]]
    significances = [value for each in batches for value in each["significances"]]
    return SensitivityPoint(
        name=name,
        exposure=exposure,
        upper_expected=tuple(result["upper_expected"]),
        significance=result["significance"],
        toys_upper=_quantiles(limits) if limits else None,
        toys_significance=float(np.median(significances)) if significances else None,
        notes=tuple(result["notes"]),
    )


def _quantiles(limits: Sequence[float | None]) -> tuple[float | None, ...]:
    """Of limits of toys, of which those that are open are the largest."""
    values = np.sort([np.inf if limit is None else limit for limit in limits])
    found = np.quantile(values, _QUANTILES, method="inverted_cdf")
    return tuple(float(value) if np.isfinite(value) else None for value in found)
