"""What an exclusion over a hypothesis' own parameter returns: limits at each value, for each experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nuhist.histfactory.data_kind import DataKind
from nuhist.inference.results import JsonResult
from nuhist.methods.exclusion_results import BANDS, NOTHING, Expected
from nuhist.physics.coupling import slashed, spaced
from nuhist.showing import Table
from nuhist.values import percent


@dataclass(frozen=True, slots=True)
class ScanPoint:
    """The limit of one experiment, or of all together, at one value of the hypothesis' own parameter.

    Attributes
    ----------
    name
        Name of the experiment, or of all of them together.
    value
        Value of the hypothesis' own parameter, the first of two.
    upper_observed, upper_expected
        Upper end of the interval for the coupling, and the same expected without the coupling at -2 to +2
        standard deviations; None where it is open, or where the method expects nothing.
    lower_observed, best_fit
        Lower end, None where there is none; and the best fit.
    cls_observed, cls_expected
        None: no coupling is tested alone.
    notes
        What a reader should know of this point.
    failure
        Why there is no result; None where there is one.
    second
        Value of the second parameter of two; None where there is one.
    """

    name: str
    value: float
    upper_observed: float | None
    upper_expected: Expected
    lower_observed: float | None
    best_fit: float | None
    cls_observed: None = None
    cls_expected: Expected = NOTHING
    notes: tuple[str, ...] = ()
    failure: str | None = None
    second: float | None = None


@dataclass(frozen=True, slots=True)
class SecondParameter:
    """The second of two parameters: its name, the unit of its values, whether they have one ratio."""

    name: str
    unit: str
    logarithmic: bool


@dataclass(frozen=True, slots=True, repr=False)
class ExclusionScan(JsonResult):
    """Limits on a coupling against a parameter of the hypothesis, such as a mass, or against two.

    Attributes
    ----------
    hypothesis, flavor
        What is tested.
    over, over_unit
        The hypothesis' own parameter, and the unit of its values.
    logarithmic
        Whether the values have one ratio in place of one distance.
    coupling, unit
        The coupling that the limits are for, and their unit.
    names
        The experiments, and the one of all of them together where there are several.
    points
        Experiment by experiment, in the order of the values.
    confidence_level, method, convention, notes, data_kind
        See :class:`nuhist.inference.results.Interval`.
    second
        The second parameter, whose values change first from point to point; None where there is one.
    """

    hypothesis: str
    flavor: str
    over: str
    over_unit: str
    logarithmic: bool
    coupling: str
    unit: str
    names: tuple[str, ...]
    points: tuple[ScanPoint, ...]
    confidence_level: float
    method: str
    convention: str
    notes: tuple[str, ...]
    data_kind: DataKind
    nuhist_version: str
    second: SecondParameter | None = None

    @property
    def failed(self) -> tuple[ScanPoint, ...]:
        """Points without a result."""
        return tuple(point for point in self.points if point.failure is not None)

    @property
    def values(self) -> tuple[float, ...]:
        """Values of the hypothesis' own parameter, each once."""
        return tuple(dict.fromkeys(point.value for point in self.curve(self.names[0])))

    @property
    def second_values(self) -> tuple[float, ...]:
        """Values of the second parameter, each once; none where there is one."""
        found = dict.fromkeys(point.second for point in self.curve(self.names[0]))
        return tuple(value for value in found if value is not None)

    def curve(self, name: str) -> tuple[ScanPoint, ...]:
        """Points of one experiment, or of all together."""
        return tuple(point for point in self.points if point.name == name)

    @property
    def summary(self) -> str:
        """What was scanned."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        ranges = [_range(self.values, self.over, self.over_unit)]
        if self.second is not None:
            ranges.append(_range(self.second_values, self.second.name, self.second.unit))
        what = "curves" if self.second is None else "planes"
        return (
            f"{percent(self.confidence_level)} CL limits on {self.coupling} at {' and '.join(ranges)},"
            f" {len(self.names)} {what}{failed}"
        )

    def table(self) -> Table:
        """A row for each point."""
        coupling = f"{self.coupling}{slashed(self.unit)}"
        more = [] if self.second is None else [f"{self.second.name}{slashed(self.second.unit)}"]
        header = (
            "name", f"{self.over}{slashed(self.over_unit)}", *more, f"upper {coupling}",
            *(f"upper_expected_{band}" for band in BANDS), "lower", "best_fit", "failure",
        )  # fmt: skip
        rows = tuple(
            (
                point.name, point.value, *([point.second] if more else []), point.upper_observed,
                *point.upper_expected, point.lower_observed, point.best_fit, point.failure,
            )
            for point in self.points
        )  # fmt: skip
        return Table(header, rows)


def _range(values: Sequence[float], name: str, unit: str) -> str:
    return f"{len(values)} values of {name} from {values[0]:g} to {values[-1]:g}{spaced(unit)}"
