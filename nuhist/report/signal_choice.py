"""Which values of the coupling a spectrum shows as lines: its limits, its best fit, or a number."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from nuhist.errors import ConfigError, FitError, ModelError, OptionError
from nuhist.histfactory.patchset import SignalGrid
from nuhist.inference.model import Model
from nuhist.inference.results import Interval
from nuhist.values import percent

LIMIT, FIT, NONE = "limit", "fit", "none"


def signal_values(
    model: Model, signal: str | float | None, confidence_level: float | None = None
) -> dict[str, float]:
    """Couplings to draw, by what they are.

    Parameters
    ----------
    model
        Model of the spectrum.
    signal
        ``"limit"``: the ends of the interval by the profile likelihood. ``"fit"``: the best fit. A number,
        or text of one: this coupling. ``"none"``: nothing. None: the limit, where there is one.
    confidence_level
        Confidence level of the limit; 0.90 by default.

    Raises
    ------
    ConfigError
        If the signal is none of these.
    OptionError
        If there is no parameter of interest, or the confidence level does nothing.
    FitError, ModelError
        If a limit is asked for and cannot be found.
    """
    grid = isinstance(model.source, SignalGrid)
    if not grid and model.likelihood.poi is None:
        if signal in {None, NONE}:
            return {}
        raise OptionError(
            f"signal={signal!r}: does nothing, since {model.origin} has no parameter of interest"
        )
    if confidence_level is not None and signal not in {None, LIMIT}:
        raise OptionError(
            f"confidence_level=...: does nothing with signal={signal!r}; it is that of the limit"
        )
    if signal == NONE:
        return {}
    nearest = "signal point nearest to the " if grid else ""
    if signal in {None, LIMIT}:
        level = 0.90 if confidence_level is None else confidence_level
        try:
            found = ends_of([model.limit(confidence_level=level)])
        except (FitError, ModelError):
            if signal == LIMIT:
                raise
            return {}  # the figure is of the fit, and nobody asked for a limit
        return {f"{nearest}{title}": value for title, value in found.items()}
    if signal == FIT:
        return {f"{nearest}best fit": model.limit().best_fit}
    try:
        value = float(signal or "nan")
    except (TypeError, ValueError):
        value = float("nan")
    if not isfinite(value):
        raise ConfigError(f"signal={signal!r}: expected {LIMIT}, {FIT}, {NONE} or a coupling")
    return {f"{nearest}value given" if grid else "as given": value}


def ends_of(intervals: Iterable[Interval]) -> dict[str, float]:
    """Ends of the first interval by what they are; nothing where it has none."""
    first = next(iter(intervals), None)
    if first is None or first.confidence_level is None:
        return {}
    level = f"{percent(first.confidence_level)} CL"
    ends = {f"lower limit, {level}": first.lower, f"upper limit, {level}": first.upper}
    return {title: value for title, value in ends.items() if value is not None}
