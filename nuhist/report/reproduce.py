"""The numbers of arXiv:2207.05036 beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.histfactory.build import build
from nuhist.histfactory.patchset import build_patchset
from nuhist.inference.curve import Curve
from nuhist.inference.fit import counts_per_event
from nuhist.inference.grid import grid_curve
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.processes import shared_out
from nuhist.inference.profile import Profile, threshold
from nuhist.inference.region import profile_ends
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import Dependence, FlavorChoice, get_hypothesis
from nuhist.showing import Table
from nuhist.tables import read_rows

_TABLE = Path(__file__).parent / "tables" / "arxiv_2207_05036.csv"
_LEVEL = 0.90
_SOURCE = "sun:survival=constant"  # as the paper has it
_GRID_POINTS = 25
_GRID_REACH = 1.35  # in limits of the equivalent-photon cross section alone


@dataclass(frozen=True)
class Treatment:
    """One way to treat the data: a column of the comparison.

    Attributes
    ----------
    name, title
        For JSON and for readers.
    experiment, background, constraint
        As in :func:`nuhist.build`.
    delta_chi2
        Threshold, or None for the χ² quantile of 90 %.
    free_argon
        Whether ³⁷Ar floats (0 to 288 events) where the paper has it fixed.
    """

    name: str
    title: str
    experiment: str
    background: str
    constraint: str
    delta_chi2: float | None
    free_argon: bool


TREATMENTS = (
    Treatment("densities", "densities as counts", "lz_ws2022_paper", "paper", "linear", None, False),
    Treatment("counts", "true counts", "lz_ws2022", "paper", "linear", None, False),
    Treatment("counts_1p64", "true counts, Δχ² = 1.64", "lz_ws2022", "paper", "linear", 1.64, False),
    Treatment("components", "components", "lz_ws2022", "components", "normsys", None, True),
)


@dataclass(frozen=True, slots=True)
class Published:
    """One number of the paper, in units of the hypothesis' reference (or events, or 1)."""

    where: str
    hypothesis: str
    flavor: FlavorChoice
    ar37: str
    quantity: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """A number of the paper, and ours per treatment; None where an interval is open."""

    published: Published
    unit: str
    ours: dict[str, float | None]
    ratios: dict[str, float | None]


@dataclass(frozen=True, slots=True, repr=False)
class Reproduction(JsonResult):
    """All numbers of arXiv:2207.05036 beside ours, with what the columns mean.

    Attributes
    ----------
    treatments
        Name and title of the columns.
    thresholds
        Δχ² of each.
    interpolation_error
        Largest relative error of an end from interpolation between signal points.
    """

    treatments: dict[str, str]
    thresholds: dict[str, float]
    rows: tuple[Row, ...]
    interpolation_error: float
    nuhist_version: str

    @property
    def summary(self) -> str:
        """How many."""
        return f"{len(self.rows)} numbers of arXiv:2207.05036 in {len(self.treatments)} treatments"

    def table(self) -> Table:
        """A row for each number, a column for each treatment."""
        names = ("where", "hypothesis", "flavor", "ar37", "quantity", "value")
        plain = Table.of((row.published for row in self.rows), *names)
        rows = (
            (*said, row.unit, *(row.ours.get(name) for name in self.treatments))
            for said, row in zip(plain.rows, self.rows, strict=True)
        )
        return Table((*names, "unit", *self.treatments), tuple(rows))


@dataclass(frozen=True)
class _Case:
    """What one curve belongs to."""

    experiment: str
    background: str
    constraint: str
    hypothesis: str
    flavor: FlavorChoice
    ar37: str


_Work = tuple[_Case, list[tuple[Treatment, str]]]
_Values = dict[str, float | None]


def published_numbers() -> tuple[Published, ...]:
    """Numbers of the paper, from the package's table."""
    header, rows = read_rows(_TABLE)
    entries = [dict(zip(header, row, strict=True)) for row in rows]
    return tuple(
        Published(
            entry["where"],
            entry["hypothesis"],
            entry["flavor"],  # type: ignore[arg-type]  # the package's own table
            entry["ar37"],
            entry["quantity"],
            float(entry["value"]),
        )
        for entry in entries
    )


def reproduce(*, jobs: int = 1, progress: Callable[[str], None] = lambda _: None) -> Reproduction:
    """Compute every number of arXiv:2207.05036 in every treatment of the data, beside the printed ones.

    Parameters
    ----------
    jobs
        Processes to share the work.
    progress
        Called with a line of text after each curve.

    Raises
    ------
    FitError
        If a fit does not converge.
    """
    numbers = published_numbers()
    cases = _cases(numbers)
    found: dict[tuple[str, str, str, str], _Values] = {}
    errors = [0.0]
    for (case, readers), solved in zip(cases, _solve_all(cases, jobs), strict=True):
        progress(f"{case.experiment} ({case.background}): {case.hypothesis}, {case.flavor}, ³⁷Ar {case.ar37}")
        for (treatment, ar37), values in zip(readers, solved, strict=True):
            errors.append(values.pop("interpolation_error") or 0.0)
            found[treatment.name, case.hypothesis, case.flavor, ar37] = values
    rows = []
    for number in numbers:
        ours = {
            treatment.name: found[treatment.name, number.hypothesis, number.flavor, number.ar37].get(
                number.quantity
            )
            for treatment in TREATMENTS
        }
        ratios = {name: None if value is None else value / number.value for name, value in ours.items()}
        rows.append(Row(number, _unit(number), ours, ratios))
    return Reproduction(
        treatments={treatment.name: treatment.title for treatment in TREATMENTS},
        thresholds={treatment.name: _level(treatment) for treatment in TREATMENTS},
        rows=tuple(rows),
        interpolation_error=max(errors),
        nuhist_version=__version__,
    )


def _level(treatment: Treatment) -> float:
    return treatment.delta_chi2 or threshold(_LEVEL)


def _solve_all(cases: Sequence[_Work], jobs: int) -> Iterator[list[_Values]]:
    if jobs < 2:
        yield from map(_solve, cases)
        return
    yield from shared_out(_solve, cases, jobs)


def _solve(work: _Work) -> list[_Values]:
    """Ends of the interval and what else the paper quotes, for each reader of a case."""
    case, readers = work
    curve, events = _curve(case)
    results = []
    for treatment, _ in readers:
        (lower, upper), _notes = profile_ends(curve, _level(treatment))
        ends = [end for end in (lower, upper) if end]
        errors = [(curve.interpolation_error(end) or 0.0) / abs(end) for end in ends]

        def multiple(end: float | None) -> float | None:
            scale = curve.coupling
            return None if end is None else scale.to_coupling(end) / scale.reference

        results.append(
            {
                "lower": multiple(lower),
                "upper": multiple(upper),
                "min_chi2": curve.min_chi2,
                "interpolation_error": max(errors, default=0.0),
                **events(upper),
            }
        )
    return results


def _cases(numbers: Iterable[Published]) -> list[_Work]:
    """Curves to compute, each with the columns that read it and the row's ³⁷Ar."""
    cases: dict[_Case, list[tuple[Treatment, str]]] = {}
    for number in numbers:
        for treatment in TREATMENTS:
            case = _Case(
                treatment.experiment,
                treatment.background,
                treatment.constraint,
                number.hypothesis,
                number.flavor,
                "flat" if treatment.free_argon and number.ar37 == "fixed" else number.ar37,
            )
            readers = cases.setdefault(case, [])
            if (treatment, number.ar37) not in readers:
                readers.append((treatment, number.ar37))
    return list(cases.items())


def _curve(case: _Case) -> tuple[Curve, Callable[[float | None], _Values]]:
    """The curve of a case, and events of ³⁷Ar and of ν–e scattering where a workspace gives them."""
    choices: dict[str, Any] = {"background": case.background}
    choices |= {"constraint": case.constraint, "ar37": case.ar37, "source": _SOURCE}
    if get_hypothesis(case.hypothesis).dependence is Dependence.GENERAL:
        alone = build(case.experiment, hypothesis="millicharge-epa-only", flavor=case.flavor, **choices)
        profile = Profile(make_likelihood(alone))
        upper = profile_ends(profile, threshold(_LEVEL))[0][1] or profile.bounds[1]
        reach = _GRID_REACH * profile.coupling.to_coupling(upper)
        couplings = np.linspace(-reach, reach, _GRID_POINTS).tolist()
        grid = build_patchset(
            case.experiment, couplings=couplings, hypothesis=case.hypothesis, flavor=case.flavor, **choices
        )
        return grid_curve(grid), lambda _: {}
    workspace = build(case.experiment, hypothesis=case.hypothesis, flavor=case.flavor, **choices)
    profile = Profile(make_likelihood(workspace))
    unit = counts_per_event(workspace, workspace.spec["channels"][0]["name"])

    def events(upper: float | None) -> _Values:
        best = profile.likelihood.expected_by_sample(profile.minimum.parameters)
        values: _Values = {
            "ar37_events": sum(value for (_, name), value in best.items() if name == "ar37") / unit
        }
        if upper is not None:
            at_limit = profile.likelihood.minimise({profile.coupling.name: upper}, profile.minimum.parameters)
            expected = profile.likelihood.expected_by_sample(at_limit.parameters)
            scattering = ("nu", "magnetic_moment")
            values["nu_events"] = (
                sum(value for (_, name), value in expected.items() if name.startswith(scattering)) / unit
            )
        return values

    return profile, events


def _unit(number: Published) -> str:
    if number.quantity in ("lower", "upper"):
        hypothesis = get_hypothesis(number.hypothesis)
        return f"{hypothesis.reference:g}{spaced(hypothesis.unit)}"
    return "events" if number.quantity.endswith("events") else "1"
