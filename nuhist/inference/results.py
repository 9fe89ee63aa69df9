"""What fits and intervals return: frozen, documented, each with ``to_json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from nuhist.histfactory.data_kind import DataKind


class JsonResult:
    """A result that can be written as JSON."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; what is not finite becomes null."""
        value = _plain(asdict(self))  # type: ignore[call-overload]
        result: dict[str, Any] = value
        return result


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value


@dataclass(frozen=True, slots=True)
class FittedParameter:
    """A parameter after the fit.

    ``uncertainty`` is None on a bound or for a fixed parameter. ``errors`` are those downwards and upwards by
    its own profile likelihood, None in it where 2NLL does not rise by 1 up to the bound; None if not asked
    for, or for a fixed parameter.
    """

    name: str
    value: float
    uncertainty: float | None
    errors: tuple[float | None, float | None] | None
    meaning: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class FittedSample:
    """Events of one sample, before and after the fit, with the fit's uncertainty."""

    channel: str
    sample: str
    title: str
    before: float
    after: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class FitResult(JsonResult):
    """A maximum-likelihood fit.

    Attributes
    ----------
    parameter
        The parameter of interest, or None.
    coupling, unit
        The physical quantity that it stands for.
    best_fit
        Of the coupling, in its unit.
    parameters, samples
        All parameters, and the events of all samples (true events: counts over
        ``counts_per_event``).
    correlations
        Matrix in the order of the parameters; 0 for what is fixed or on a bound.
    observed
        Events observed, per channel.
    twice_nll
        −2 ln L at the minimum.
    min_chi2
        That minus the same of the saturated model, in which every Poisson term and every
        constraint is at its own maximum.
    degrees_of_freedom
        Bins that expect events, less free and unconstrained parameters.
    p_value
        Of ``min_chi2``, asymptotic; a note says where bins hold too few events for it.
    conditional_on
        Parameters of which the best fit is on a bound: errors of the others and correlations hold
        for these at their bounds.
    notes
        What a reader should know, such as an asymptotic formula beyond its range.
    data_kind
        What was fitted: ``"observed"``, ``"asimov"``, ``"toy"`` or ``"other"`` data.
    """

    parameter: str | None
    coupling: str | None
    unit: str | None
    best_fit: float | None
    parameters: tuple[FittedParameter, ...]
    correlations: tuple[tuple[float, ...], ...]
    samples: tuple[FittedSample, ...]
    observed: dict[str, float]
    twice_nll: float
    min_chi2: float
    degrees_of_freedom: int
    p_value: float | None
    method: str
    conditional_on: tuple[str, ...]
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str


@dataclass(frozen=True, slots=True)
class Interval(JsonResult):
    """A confidence interval or an upper limit for a coupling.

    Attributes
    ----------
    parameter
        Of interest, as in the workspace.
    coupling, unit
        The physical quantity and the unit of ``lower``, ``upper``, ``best_fit``, ``expected``.
    lower, upper
        None where the interval is one-sided or open.
    lower_range, upper_range
        In which an end from toys lies, as far as their number and the spacing of their values tell, at
        two standard errors; a limit in it is None where the belt does not reach so far. None without an
        end from toys.
    best_fit
        Global minimum.
    parameter_lower, parameter_upper, parameter_best_fit
        The same as values of the parameter.
    confidence_level
        Such as 0.9; None where a threshold in Δχ² was given instead.
    method
        ``"profile"``, ``"cls"`` or ``"feldman-cousins"``.
    convention
        What exactly that means, in words.
    delta_chi2
        Threshold in 2NLL (profile), or None.
    toys, seed
        Pseudo-experiments per value of the parameter and their seed; None without toys.
    expected
        Expected upper limits by number of standard deviations, or None if not asked for.
    interpolation_error
        Error of the ends, estimated from above, where 2NLL is interpolated between signal points, in
        ``unit``; None where every value has its fit.
    min_chi2
        See :class:`FitResult`.
    notes
        What a reader should know, such as an end of the interval on a bound.
    data_kind
        See :class:`FitResult`.
    """

    parameter: str
    coupling: str
    unit: str
    lower: float | None
    upper: float | None
    lower_range: tuple[float | None, float | None] | None
    upper_range: tuple[float | None, float | None] | None
    best_fit: float
    parameter_lower: float | None
    parameter_upper: float | None
    parameter_best_fit: float
    confidence_level: float | None
    method: str
    convention: str
    delta_chi2: float | None
    toys: int | None
    seed: int | None
    expected: dict[str, float | None] | None
    interpolation_error: float | None
    min_chi2: float
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def level(self) -> str:
        """The confidence level in words, or the threshold that was given instead."""
        if self.confidence_level is None:
            return f"Δχ² = {self.delta_chi2:g}"
        return f"{100 * self.confidence_level:g} % CL"


@dataclass(frozen=True, slots=True)
class Scan(JsonResult):
    """A profile-likelihood scan: Δχ² = 2NLL at each coupling minus that of the best fit.

    ``notes`` and ``data_kind``: see :class:`Interval`.
    """

    parameter: str
    coupling: str
    unit: str
    values: tuple[float, ...]
    parameter_values: tuple[float, ...]
    delta_chi2: tuple[float, ...]
    best_fit: float
    min_chi2: float
    method: str
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str


@dataclass(frozen=True, slots=True)
class Significance(JsonResult):
    """How unlikely the data are without the coupling.

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
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str


@dataclass(frozen=True, slots=True)
class GoodnessOfFit(JsonResult):
    """How well the best fit describes the data: the saturated model as the alternative.

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
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str


@dataclass(frozen=True, slots=True)
class Impact:
    """What one constrained parameter does.

    Attributes
    ----------
    parameter, meaning
        Which one.
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


@dataclass(frozen=True, slots=True)
class Ranking(JsonResult):
    """Constrained parameters, those with the largest impact first.

    ``bound_lifted`` says whether the best fit of the parameter of interest is at a bound, which was lifted
    for all of this. ``conditional_on``, ``notes`` and ``data_kind``: see :class:`FitResult`.
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


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """At one true coupling: how often intervals hold it, with binomial errors.

    ``coverage`` and ``error`` are by method: ``"profile"`` (Δχ² below the quantile of χ²),
    ``"feldman-cousins"`` (below the toys' quantile at that value), and for a coupling without a sign
    ``"cls"`` (asymptotic CLs above 1 − CL).
    """

    coupling: float
    parameter: float
    coverage: dict[str, float]
    error: dict[str, float]


@dataclass(frozen=True, slots=True)
class Coverage(JsonResult):
    """Coverage along the coupling; the nuisance parameters are true at their profiled values.

    ``shift`` names those that are not, and by how many widths of their constraint they are off. The
    profiled values are those of the data, see ``data_kind`` of :class:`FitResult`.
    """

    parameter: str
    coupling: str
    unit: str
    confidence_level: float
    shift: dict[str, float]
    points: tuple[CoveragePoint, ...]
    toys: int
    seed: int
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str
