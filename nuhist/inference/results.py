"""What fits and intervals return: frozen, documented, each with ``to_json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.physics.coupling import slashed, spaced
from nuhist.showing import Shown, Table
from nuhist.values import percent

if TYPE_CHECKING:
    from nuhist.inference.toys import ToysAt


class JsonResult(Shown):
    """A result that can be written as JSON and is shown in notebooks: a dataclass without a ``repr``."""

    __slots__ = ()

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        raise NotImplementedError

    @property
    def words(self) -> tuple[str, ...]:
        """The sentence, and as far as known the method, what the data are, and the workspace's digest."""
        method, kind, digest = (
            getattr(self, name, None) for name in ("method", "data_kind", "workspace_digest")
        )
        said = (method, kind and f"{describe(kind)} data", digest and f"workspace {digest[:12]}")
        return (self.summary, *filter(None, said))

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, if it has any."""
        notes: tuple[str, ...] = getattr(self, "notes", ())
        return notes

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
    """The value and the error of one parameter after a fit.

    Attributes
    ----------
    name, value
        Name of the parameter in the workspace, and its fitted value.
    uncertainty
        One standard deviation, from the covariance; None on a bound or for a fixed parameter.
    errors
        Errors downwards and upwards by the parameter's own profile likelihood, each None where 2NLL does not
        rise by 1 up to the bound; None altogether if not asked for, or for a fixed parameter.
    meaning, unit
        Meaning and unit of the parameter by the sidecar; None without one.
    """

    name: str
    value: float
    uncertainty: float | None
    errors: tuple[float | None, float | None] | None
    meaning: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class FittedSample:
    """Events of one sample of a channel, before and after the fit, with the fit's uncertainty.

    Attributes
    ----------
    channel, sample, title
        Names of the channel and of the sample, and the sample's name for readers. Samples of one title are
        one where some of them count negative, as terms of a sum do; ``sample`` is the first.
    before, after
        Events at the workspace's start values, and after the fit.
    uncertainty
        One standard deviation of ``after``, by linear propagation.
    """

    channel: str
    sample: str
    title: str
    before: float
    after: float
    uncertainty: float


@dataclass(frozen=True, slots=True, repr=False)
class FitResult(JsonResult):
    """The result of a maximum-likelihood fit: parameters, events and goodness of fit.

    Attributes
    ----------
    parameter
        The parameter of interest, or None.
    coupling, unit
        The physical quantity that it stands for.
    best_fit
        Best fit of the coupling, in its unit.
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
        The p-value of ``min_chi2``, asymptotic; a note says where bins hold too few events for it.
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

    @property
    def summary(self) -> str:
        """The best fit, and how good it is."""
        best = "" if self.best_fit is None else f"{self.coupling} = {self.best_fit:.4g}{spaced(self.unit)}, "
        quality = "" if self.p_value is None else f", p = {self.p_value:.3g}"
        return (
            f"{best}min_chi2 = {self.min_chi2:.2f} for {self.degrees_of_freedom} degrees of freedom{quality}"
        )

    def table(self) -> Table:
        """A row for each parameter; with ``errors`` downwards and upwards where they were asked for."""
        plain = Table.of(self.parameters, "name", "value", "uncertainty", "meaning", "unit")
        names = ("parameter", *plain.header[1:])
        if all(entry.errors is None for entry in self.parameters):
            return Table(names, plain.rows)
        rows = (
            (*row[:3], *(entry.errors or (None, None)), *row[3:])
            for row, entry in zip(plain.rows, self.parameters, strict=True)
        )
        return Table((*names[:3], "error_down", "error_up", *names[3:]), tuple(rows))

    def further(self) -> tuple[Table, ...]:
        """A table of the events of all samples, before and after the fit."""
        return (Table.of(self.samples, "channel", "title", "before", "after", "uncertainty"),)


@dataclass(frozen=True, slots=True, repr=False)
class Interval(JsonResult):
    """The result of a limit: a confidence interval or an upper limit of a coupling.

    Attributes
    ----------
    parameter
        Parameter of interest, as in the workspace.
    coupling, unit
        The physical quantity and the unit of ``lower``, ``upper``, ``best_fit``, ``expected``.
    lower, upper
        Ends of the interval in ``unit``; None where it is one-sided or open.
    lower_range, upper_range
        Ranges in which the ends from toys lie, as far as the number of toys and the spacing of their values
        tell, at two standard errors; a limit in it is None where the belt does not reach so far. None without
        an end from toys.
    best_fit
        Best fit of the coupling, in ``unit``.
    parameter_lower, parameter_upper, parameter_best_fit
        The same as values of the parameter.
    confidence_level
        Such as 0.9; None where a threshold in Δχ² was given instead.
    method
        ``"profile"``, ``"cls"`` or ``"feldman-cousins"``.
    convention
        Definition of the interval, in words.
    delta_chi2
        Threshold in 2NLL (profile), or None.
    toys, seed
        Pseudo-experiments per value of the parameter and their seed; None without toys.
    toys_at
        Their nuisance parameters, see :class:`nuhist.inference.execution.Execution`; None without toys.
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
    toys_at: ToysAt | None
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
            return self.convention if self.delta_chi2 is None else f"Δχ² = {self.delta_chi2:g}"
        return f"{percent(self.confidence_level)} CL"

    @property
    def summary(self) -> str:
        """What it says of the coupling."""
        name, unit = self.coupling, self.unit
        if self.upper is None and (self.lower is None or self.method == "cls"):
            what = "no upper limit" if self.method == "cls" else "open on both sides"
            return f"{name}: {what} at {self.level}"
        if self.lower is None:
            return f"{name} < {self.upper:.4g}{spaced(unit)} at {self.level}"
        if self.upper is None:
            return f"{name} > {self.lower:.4g}{spaced(unit)} at {self.level}"
        return f"{self.lower:.4g} < {name} < {self.upper:.4g}{spaced(unit)} at {self.level}"

    def table(self) -> Table:
        """One row, with the expected limits that were asked for in columns of their own."""
        names = ("coupling", "unit", "lower", "upper", "best_fit", "confidence_level", "method", "min_chi2")
        bands = {f"expected {sigma}": value for sigma, value in (self.expected or {}).items()}
        return Table.of([self], *names, data_kind=self.data_kind, **bands)


@dataclass(frozen=True, slots=True, repr=False)
class Scan(JsonResult):
    """The result of a scan: Δχ² = 2NLL at each coupling minus that of the best fit.

    Attributes
    ----------
    parameter, coupling, unit
        Name of the parameter of interest, the coupling that it stands for, and the coupling's unit.
    values, parameter_values
        Couplings in ``unit``, and the values of the parameter at these.
    delta_chi2
        Δχ² at each value.
    best_fit, min_chi2
        Best fit of the coupling in ``unit``, and ``min_chi2`` there, see :class:`FitResult`.
    method
        Name of the method.
    notes, data_kind
        See :class:`Interval`.
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

    @property
    def summary(self) -> str:
        """What was scanned, and where."""
        ends = (
            "nowhere"
            if not self.values
            else f"{min(self.values):.4g} to {max(self.values):.4g}{spaced(self.unit)}"
        )
        return f"{len(self.values)} values of {self.coupling}, {ends}"

    def table(self) -> Table:
        """A row for each coupling."""
        columns = zip(self.values, self.parameter_values, self.delta_chi2, strict=True)
        return Table(
            (f"{self.coupling}{slashed(self.unit)}", "parameter_value", "delta_chi2"), tuple(columns)
        )
