"""CLs along the coupling, observed and expected, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.loading import Source
from nuhist.histfactory.patchset import SignalGrid
from nuhist.inference.asymptotic import AsymptoticCls
from nuhist.inference.cls import SIGMAS, cls_upper
from nuhist.inference.model import Model, as_model
from nuhist.inference.notes import command, interval_notes
from nuhist.inference.results import JsonResult
from nuhist.physics.coupling import slashed, spaced
from nuhist.report.labels import data_label
from nuhist.showing import Table
from nuhist.values import as_level, percent

_POINTS = 61
_BEYOND = 1.25  # of the largest limit: how far the curve goes


@dataclass(frozen=True, slots=True, repr=False)
class ClsCurve(JsonResult):
    """CLs with q̃, or q where the parameter may be negative, asymptotic, at values of the coupling.

    Attributes
    ----------
    parameter, coupling, unit
        Parameter of interest, and the physical quantity with its unit that it stands for.
    values, parameter_values
        Where CLs was computed: couplings in ``unit``, and the same as values of the parameter.
    observed
        CLs of the data.
    expected
        By number of standard deviations by which the background fluctuates, such as ``"+1"``.
    upper, expected_upper
        Limits at ``confidence_level``; None where CLs does not fall so low.
    notes
        As of the limit, see :class:`nuhist.inference.results.Interval`.
    data_kind
        What ``observed`` comes from, see :class:`nuhist.inference.results.FitResult`.
    """

    parameter: str
    coupling: str
    unit: str
    values: tuple[float, ...]
    parameter_values: tuple[float, ...]
    observed: tuple[float, ...]
    expected: dict[str, tuple[float, ...]]
    confidence_level: float
    upper: float | None
    expected_upper: dict[str, float | None]
    notes: tuple[str, ...]
    data_kind: DataKind
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """The observed limit."""
        limit = "no upper limit" if self.upper is None else f"below {self.upper:.4g}{spaced(self.unit)}"
        level = f"{percent(self.confidence_level)} CL"
        return f"CLs of {len(self.values)} values of {self.coupling}: {limit} at {level}"

    def table(self) -> Table:
        """A row for each coupling."""
        header = (
            f"{self.coupling}{slashed(self.unit)}",
            "observed" if self.data_kind == "observed" else data_label(self.data_kind),
            *(f"expected {sigma}" for sigma in self.expected),
        )
        return Table(header, tuple(zip(self.values, self.observed, *self.expected.values(), strict=True)))


def cls_curve(
    model: Model | Source,
    *,
    confidence_level: float = 0.90,
    measurement: str | None = None,
    poi: str | None = None,
) -> ClsCurve:
    """CLs from no coupling to beyond the largest of the limits.

    Parameters
    ----------
    model
        A :class:`nuhist.Model` with the coupling as a parameter, or what it is made from.
    confidence_level
        Confidence level of the limits.
    measurement, poi
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    ConfigError
        If the model is a grid of signal points, or the level makes no sense.
    FitError
        If both signs of the parameter change the counts alike.

    References
    ----------
    arXiv:1007.1727, see :class:`nuhist.inference.asymptotic.AsymptoticCls`.
    """
    confidence_level = as_level(confidence_level)
    made = as_model(model, measurement=measurement, poi=poi)
    if isinstance(made.source, SignalGrid):
        raise ConfigError("CLs needs a workspace with the coupling as a parameter; plot its scan instead")
    profile = made.profile
    upper, bands = cls_upper(profile, confidence_level, expected=True)
    limits = [upper, *(bands or {}).values()]
    low, high = profile.bounds
    curve, scale = AsymptoticCls(profile), profile.coupling
    reach = min(_BEYOND**scale.power * max(limit or high for limit in limits), high)
    couplings = np.linspace(scale.to_coupling(max(low, 0.0)), scale.to_coupling(reach), _POINTS).tolist()
    parameters = [scale.to_parameter(value) for value in couplings]
    curve.prepare(parameters)
    options = "--method cls --calctype toybased"
    toys = command(made, "limit", options, level=confidence_level)
    return ClsCurve(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        values=tuple(couplings),
        parameter_values=tuple(parameters),
        observed=tuple(curve.observed(value) for value in parameters),
        expected={
            f"{sigma:+d}" if sigma else "0": tuple(curve.expected(value, sigma) for value in parameters)
            for sigma in SIGMAS
        },
        confidence_level=confidence_level,
        upper=None if upper is None else scale.to_coupling(upper),
        expected_upper={
            sigma: None if value is None else scale.to_coupling(value)
            for sigma, value in (bands or {}).items()
        },
        notes=(*interval_notes(profile, upper, toys, cls=True), *made.notes),
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )
