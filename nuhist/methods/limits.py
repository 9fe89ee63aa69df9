"""Limits by any method, and scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, OptionError
from nuhist.histfactory.loading import Source
from nuhist.inference.model import Model, as_model
from nuhist.inference.prepare import Engine
from nuhist.inference.profile import heights_at
from nuhist.inference.region import region
from nuhist.inference.results import Interval, Scan
from nuhist.keywords import with_fields
from nuhist.methods.method import IntervalMethod, asked
from nuhist.methods.registry import METHODS, make_method
from nuhist.values import as_numbers, as_whole

_SCAN_POINTS = 31
_SCAN_REACH = 9.0  # Δχ² up to which a scan goes by default


@with_fields(*METHODS, others=True)
def limit(
    model: Model | Source,
    method: str | IntervalMethod = "profile",
    *,
    confidence_level: float | None = None,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
    **options: Any,
) -> Interval:
    """Confidence interval or upper limit of the coupling.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace, a grid.
    method
        ``"profile"``, ``"cls"``, ``"feldman-cousins"`` or one of another package, by name; or as an object,
        such as ``nuhist.CLs(expected=True)``.
    confidence_level
        0.90 by default.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.
    options
        Options of the method that is named: the fields of :class:`nuhist.ProfileLikelihood`,
        :class:`nuhist.CLs`, :class:`nuhist.FeldmanCousins`, or of another package's.

    Raises
    ------
    ModelError
        If the workspace has no parameter of interest.
    FitError
        If a fit does not converge or the method cannot treat the parameter.
    ConfigError
        If the level, the method or an option makes no sense.
    OptionError
        If an option does nothing with the method.

    Examples
    --------
    >>> from nuhist import build, limit
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> print(f"{limit(workspace).upper:.2e} mu_B")
    1.24e-11 mu_B
    """
    chosen = make_method(method, options, limit.__kwdefaults__ or ())
    return asked(chosen, as_model(model, measurement=measurement, poi=poi, engine=engine), confidence_level)


def scan(
    model: Model | Source,
    couplings: Sequence[float] | None = None,
    *,
    points: int | None = None,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> Scan:
    """Scan the profile likelihood over the coupling.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace, a grid.
    couplings
        Values in the coupling's unit; by default the range in which Δχ² stays below 9.
    points
        How many, where no values are given; 31 by default.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    ConfigError
        If a value lies outside the parameter's bounds.
    OptionError
        If there are both values and a number of points.

    Examples
    --------
    >>> from nuhist import build, scan
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> curve = scan(workspace, [0.0, 1e-11, 2e-11])
    >>> [round(value, 1) for value in curve.delta_chi2]
    [0.0, 1.2, 15.1]
    """
    if couplings is not None and points is not None:
        raise OptionError("points: do nothing where the couplings are given")
    number = _SCAN_POINTS if points is None else as_whole(points, "points", 2)
    if couplings is not None:
        couplings = as_numbers(couplings, "couplings").tolist()
        if not couplings:
            raise ConfigError("couplings: expected at least one")
    made = as_model(model, measurement=measurement, poi=poi, engine=engine)
    curve = made.curve
    scale = curve.coupling
    if couplings is None:
        start, stop = (scale.to_coupling(end) for end in region(curve, _SCAN_REACH).span)
        couplings = np.linspace(start, stop, number).tolist()
    values = [scale.to_parameter(coupling) for coupling in couplings]
    heights = heights_at(curve, [scale.within(value, curve.bounds) for value in values])
    return Scan(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        values=tuple(float(coupling) for coupling in couplings),
        parameter_values=tuple(values),
        delta_chi2=tuple(heights),
        best_fit=scale.to_coupling(curve.best),
        min_chi2=curve.min_chi2,
        method="profile",
        notes=made.notes,
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )
