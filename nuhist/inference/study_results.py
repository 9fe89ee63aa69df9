"""What studies of a fit return: significance, goodness of fit, ranking, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuhist.histfactory.data_kind import DataKind
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import slashed
from nuhist.showing import Table
from nuhist.values import percent

if TYPE_CHECKING:
    from nuhist.inference.toys import ToysAt


@dataclass(frozen=True, slots=True, repr=False)
class Significance(JsonResult):
    """The significance of a coupling: how unlikely the data are without it.

    Attributes
    ----------
    parameter, coupling, unit, best_fit
        As in :class:`Interval`.
    q0
        2NLL without the coupling less that of the best fit; 0 where the best fit is negative and
        the coupling has no sign.
    p_value, significance
        Probability of a q0 at least as large without the coupling, and the same in standard deviations
        (one-sided where the coupling has a boundary at 0, two-sided where it is signed); from the
        asymptotic formula (arXiv:1007.1727) or from toys.
    p_value_error
        Binomial error of a p-value from toys; None without toys.
    expected, expected_at
        Median significance by the asymptotic formula, from Asimov data, if the coupling has its start
        value in the workspace, and that value; None where it is 0.
    notes, data_kind
        See :class:`FitResult`.
    """

    parameter: str
    coupling: str
    unit: str
    best_fit: float
    q0: float
    p_value: float
    p_value_error: float | None
    significance: float
    expected: float | None
    expected_at: float | None
    method: str
    toys: int | None
    seed: int | None
    toys_at: ToysAt | None
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """The significance and the p-value."""
        error = "" if self.p_value_error is None else f" ± {self.p_value_error:.2g} ({_toys(self)})"
        return f"{self.significance:.2f} standard deviations, p = {self.p_value:.3g}{error}"

    def table(self) -> Table:
        """One row."""
        names = ("coupling", "unit", "best_fit", "q0", "p_value", "significance", "expected", "expected_at")
        return Table.of([self], *names, method=self.method, data_kind=self.data_kind)


@dataclass(frozen=True, slots=True, repr=False)
class GoodnessOfFit(JsonResult):
    """The goodness of a fit: how well it describes the data, against the saturated model.

    Attributes
    ----------
    min_chi2, degrees_of_freedom
        See :class:`FitResult`.
    p_value
        Asymptotic, from χ².
    toys_p_value, toys_p_value_error
        Fraction of toys, thrown at the best fit, with a ``min_chi2`` at least as large, and its
        binomial error; None without toys.
    notes, data_kind
        See :class:`FitResult`.
    """

    min_chi2: float
    degrees_of_freedom: int
    p_value: float | None
    toys_p_value: float | None
    toys_p_value_error: float | None
    toys: int | None
    seed: int | None
    toys_at: ToysAt | None
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """The minimum and its p-values."""
        toys = "" if self.toys_p_value is None else f", p = {self.toys_p_value:.3g} ({_toys(self)})"
        asymptotic = "" if self.p_value is None else f", p = {self.p_value:.3g} (asymptotic)"
        chi2 = f"min_chi2 = {self.min_chi2:.3f}, {self.degrees_of_freedom} degrees of freedom"
        return f"{chi2}{asymptotic}{toys}"

    def table(self) -> Table:
        """One row."""
        names = ("min_chi2", "degrees_of_freedom", "p_value", "toys_p_value", "toys_p_value_error", "toys")
        return Table.of([self], *names, data_kind=self.data_kind)


@dataclass(frozen=True, slots=True)
class Impact:
    """The pull of one constrained parameter, and its impact on the parameter of interest.

    Attributes
    ----------
    parameter, meaning
        Name of the parameter, and its meaning by the sidecar; None without one.
    pull, pull_error
        Fitted value less its central value, over the width of its constraint; and its error.
    impact_up, impact_down
        Shift of the parameter of interest where this one is held one fitted error above and below
        its fitted value.
    """

    parameter: str
    meaning: str | None
    pull: float
    pull_error: float
    impact_up: float
    impact_down: float


@dataclass(frozen=True, slots=True, repr=False)
class Ranking(JsonResult):
    """The ranking of constrained parameters by their impact on the parameter of interest.

    Attributes
    ----------
    parameter, best_fit
        Name of the parameter of interest, and its best fit (of the parameter, not of the coupling).
    impacts
        One :class:`Impact` for each constrained parameter, the largest first.
    bound_lifted
        Whether the best fit of the parameter of interest is at a bound, which was lifted for all of this.
    conditional_on, notes, data_kind
        See :class:`FitResult`.
    """

    parameter: str
    best_fit: float
    impacts: tuple[Impact, ...]
    bound_lifted: bool
    conditional_on: tuple[str, ...]
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """How many parameters, and which one is the first."""
        first = f", the first is {self.impacts[0].parameter}" if self.impacts else ""
        return f"impacts of {len(self.impacts)} parameters on {self.parameter} = {self.best_fit:.4g}{first}"

    def table(self) -> Table:
        """A row for each parameter; impacts are those on the parameter of interest."""
        names = ("parameter", "pull", "pull_error", "impact_up", "impact_down")
        return Table.of(self.impacts, *names, data_kind=self.data_kind)


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """The coverage at one true coupling: how often intervals hold it, with errors.

    Attributes
    ----------
    coupling, parameter
        True coupling in its unit, and the value of the parameter of interest there.
    coverage, error
        Fraction of toys whose interval holds the truth, and its error, by method: ``"profile"`` (Δχ² below
        the quantile of χ²), ``"feldman-cousins"`` (below the toys' quantile at that value), and for a
        coupling without a sign ``"cls"`` (asymptotic CLs above 1 − CL).
    """

    coupling: float
    parameter: float
    coverage: dict[str, float]
    error: dict[str, float]


@dataclass(frozen=True, slots=True, repr=False)
class Coverage(JsonResult):
    """The coverage of intervals at several true couplings, by method.

    Attributes
    ----------
    parameter, coupling, unit
        Name of the parameter of interest, the coupling that it stands for, and the coupling's unit.
    confidence_level
        Confidence level of the intervals.
    shift
        Nuisance parameters that are off in the toys, and by how many widths of their constraints.
    points
        One for each true coupling.
    toys, seed
        Number of toys at each coupling, and their seed.
    toys_at
        Where the other nuisance parameters of the toys are true, see :class:`nuhist.Execution`. Fitted
        values are those of the data.
    notes, data_kind
        See :class:`FitResult`.
    """

    parameter: str
    coupling: str
    unit: str
    confidence_level: float
    shift: dict[str, float]
    points: tuple[CoveragePoint, ...]
    toys: int
    seed: int
    toys_at: ToysAt
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """What was covered, at which level, from how many toys."""
        where = f"at {len(self.points)} values of {self.coupling}"
        return f"coverage at {percent(self.confidence_level)} CL {where}, {_toys(self)}"

    def table(self) -> Table:
        """A row for each true coupling, two columns for each method."""
        methods = list(dict.fromkeys(name for point in self.points for name in point.coverage))
        columns = (text for name in methods for text in (name, f"{name}_error"))
        rows = (
            (point.coupling, *(part.get(name) for name in methods for part in (point.coverage, point.error)))
            for point in self.points
        )
        return Table((f"{self.coupling}{slashed(self.unit)}", *columns), tuple(rows))


def _toys(result: Significance | GoodnessOfFit | Coverage) -> str:
    """How many toys, and where their nuisance parameters are, unless fitted."""
    return f"{result.toys} toys" + (" at nominal values" if result.toys_at == "nominal" else "")
