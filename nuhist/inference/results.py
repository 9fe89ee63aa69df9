"""What fits and intervals return: frozen, documented, each with ``to_json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

Method = Literal["profile", "cls"]


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
    """A parameter after the fit; ``uncertainty`` is None on a bound or for a fixed parameter."""

    name: str
    value: float
    uncertainty: float | None
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
        Of ``min_chi2``, asymptotic: a guide where bins hold few events.
    """

    parameter: str | None
    coupling: str | None
    unit: str | None
    best_fit: float | None
    parameters: tuple[FittedParameter, ...]
    samples: tuple[FittedSample, ...]
    observed: dict[str, float]
    twice_nll: float
    min_chi2: float
    degrees_of_freedom: int
    p_value: float | None
    method: str
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
    best_fit
        Global minimum.
    parameter_lower, parameter_upper, parameter_best_fit
        The same as values of the parameter.
    confidence_level
        Such as 0.9.
    method
        ``"profile"`` or ``"cls"``.
    convention
        What exactly that means, in words.
    delta_chi2
        Threshold in 2NLL (profile), or None.
    expected
        Expected upper limits by number of standard deviations, or None if not asked for.
    interpolation_error
        Bound on the error of the ends where 2NLL is interpolated between signal points, in
        ``unit``; None where every value has its fit.
    min_chi2
        See :class:`FitResult`.
    notes
        What a reader should know, such as an end of the interval on a bound.
    """

    parameter: str
    coupling: str
    unit: str
    lower: float | None
    upper: float | None
    best_fit: float
    parameter_lower: float | None
    parameter_upper: float | None
    parameter_best_fit: float
    confidence_level: float
    method: Method
    convention: str
    delta_chi2: float | None
    expected: dict[str, float | None] | None
    interpolation_error: float | None
    min_chi2: float
    notes: tuple[str, ...]
    workspace_digest: str
    nuhist_version: str


@dataclass(frozen=True, slots=True)
class Scan(JsonResult):
    """A profile-likelihood scan: Δχ² = 2NLL at each coupling minus that of the best fit."""

    parameter: str
    coupling: str
    unit: str
    values: tuple[float, ...]
    parameter_values: tuple[float, ...]
    delta_chi2: tuple[float, ...]
    best_fit: float
    min_chi2: float
    method: str
    workspace_digest: str
    nuhist_version: str
