"""What a forecast returns: expected limits and significances at each exposure."""

from __future__ import annotations

from dataclasses import dataclass

from nuhist.histfactory.data_kind import DataKind
from nuhist.inference.results import JsonResult
from nuhist.methods.exclusion_results import BANDS, Expected
from nuhist.physics.coupling import slashed, spaced
from nuhist.showing import Table
from nuhist.values import percent


@dataclass(frozen=True, slots=True)
class SensitivityPoint:
    """Expected limit and significance of one experiment at one exposure.

    Attributes
    ----------
    name, exposure
        Name of the experiment, and its exposure in tonne years.
    upper_expected
        Limit on the coupling that is expected without it, at -2 to +2 standard deviations; the middle one is
        the median. None where there is none within the bounds.
    significance
        Median significance if the coupling has the tested value; None without one.
    toys_upper, toys_significance
        The same as quantiles of toys, and their median; None without toys.
    notes
        What a reader should know of this point.
    failure
        Why there is no result; None where there is one.
    """

    name: str
    exposure: float
    upper_expected: Expected
    significance: float | None
    toys_upper: Expected | None
    toys_significance: float | None
    notes: tuple[str, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Sensitivity(JsonResult):
    """The result of a forecast: expected limits and significances of experiments against their exposure.

    Attributes
    ----------
    hypothesis, flavor, coupling, unit
        Hypothesis, flavour, coupling and the coupling's unit.
    tested
        Value of the coupling of which a significance is expected; None without one.
    names
        Names of the experiments.
    points
        Experiment by experiment, in the order of exposures.
    toys, seed
        Toys at each point and their seed; None without toys.
    confidence_level, method, convention, notes, data_kind
        See :class:`nuhist.inference.results.Interval`; the data are Asimov data.
    """

    hypothesis: str
    flavor: str
    coupling: str
    unit: str
    tested: float | None
    names: tuple[str, ...]
    points: tuple[SensitivityPoint, ...]
    confidence_level: float
    method: str
    convention: str
    toys: int | None
    seed: int | None
    notes: tuple[str, ...]
    data_kind: DataKind
    nuhist_version: str

    @property
    def failed(self) -> tuple[SensitivityPoint, ...]:
        """Points without a result."""
        return tuple(point for point in self.points if point.failure is not None)

    def curve(self, name: str) -> tuple[SensitivityPoint, ...]:
        """Points of one experiment."""
        return tuple(point for point in self.points if point.name == name)

    @property
    def summary(self) -> str:
        """The limit at the largest exposure."""
        said = []
        for name in self.names:
            last = self.curve(name)[-1]
            median = last.upper_expected[2]
            limit = "no limit" if median is None else f"{self.coupling} < {median:.4g}{spaced(self.unit)}"
            said.append(f"{name} with {last.exposure:g} t yr: {limit}")
        return f"expected at {percent(self.confidence_level)} CL: {'; '.join(said)}"

    def table(self) -> Table:
        """A row for each point."""
        coupling = f"{self.coupling}{slashed(self.unit)}"
        header = (
            "name", "exposure/t yr", *(f"upper {coupling} {band}" for band in BANDS), "significance",
            *(f"toys_upper {band}" for band in BANDS), "toys_significance", "failure",
        )  # fmt: skip
        none = (None,) * len(BANDS)
        rows = tuple(
            (
                point.name, point.exposure, *point.upper_expected, point.significance,
                *(point.toys_upper or none), point.toys_significance, point.failure,
            )
            for point in self.points
        )  # fmt: skip
        return Table(header, rows)
