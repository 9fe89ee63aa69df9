"""What a reader of a result should know: where asymptotic formulas may not hold, and the command for toys."""

from __future__ import annotations

import shlex

import numpy as np

from nuhist.histfactory.workspace import Workspace
from nuhist.inference.covariance import on_bound
from nuhist.inference.curve import Curve
from nuhist.inference.grid import GridCurve
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.model import Model
from nuhist.inference.profile import Profile
from nuhist.inputs import STDIN
from nuhist.tables import Array

# Of a counting experiment with 20 events of background, the asymptotic CLs limit is 5 % below the exact
# one, with 10 events 7 %, with 5 events 10 %; profile intervals of 90 % cover 88 to 96 % with 20.
FEWEST = 20.0
_FEW, _FEWER, _SHARE = 5.0, 1.0, 0.2  # Cochran's rule for χ² of bins (Biometrics 10 (1954) 417)
_LEVEL = 0.90  # the commands' own


def command(model: Model, verb: str, options: str, *, level: float = _LEVEL) -> str:
    """The command that does something else with a model, its file and patches as they were typed.

    A model that came from no file, or whose data no option gives, is called WS.
    """
    known = model.other is None or model.other.option is not None
    name, *patches = (model.source.arguments if known and isinstance(model.source, Workspace) else ()) or (
        "WS",
    )
    shown = f"./{name}" if name.startswith("-") and name != STDIN else name
    words = ["nuhist", verb, *map(shlex.quote, (shown, *patches)), options]
    words += [f"--cl {level!r}"] if level != _LEVEL else []
    return " ".join([*words, *model.options])


def effective_events(expected: Array, change: Array) -> float:
    """Events of a counting experiment that would be as far from its asymptotic formulas.

    Parameters
    ----------
    expected
        Counts per bin, shape (bins,), without and with the signal, in the mean.
    change
        What the signal adds to them.

    Returns
    -------
    (Σ s²/λ)³ / (Σ |s|³/λ²)², the inverse square of the skewness of the derivative of the likelihood: λ
    where all is in one bin, the sum of λ where the signal is like the background. Infinite where the
    parameter changes nothing.
    """
    touched = change != 0
    if not touched.any():
        return float("inf")
    if (expected[touched] <= 0).any():
        return 0.0
    ratio = np.abs(change[touched]) / np.abs(change).max()
    counts = expected[touched]
    return float(np.sum(ratio**2 / counts) ** 3 / np.sum(ratio**3 / counts**2) ** 2)


def interval_notes(curve: Curve, end: float | None, toys: str, *, cls: bool) -> tuple[str, ...]:
    """Why the asymptotic formula of an interval may not hold, and the command for toys; or nothing.

    Parameters
    ----------
    curve
        Curve of the data.
    end
        End of the interval, the further one.
    toys
        The command.
    cls
        Whether the interval is a CLs limit, whose formula allows for a boundary at 0.
    """
    if isinstance(curve, GridCurve):
        counts, change = _grid_change(curve, end)
        bounded, toys = curve.best in curve.bounds, ""
    elif isinstance(curve, Profile):
        likelihood = curve.likelihood
        minimum = curve.at(0.0) if cls else curve.minimum
        counts, change = _change(likelihood, minimum, end)
        bounded = not cls and bool(on_bound(likelihood, curve.minimum)[likelihood.poi_index])
    else:
        return ()
    return _note(effective_events(counts, change), bounded=bounded, toys=toys)


def significance_notes(likelihood: Likelihood, without: Minimum, best: Minimum, toys: str) -> tuple[str, ...]:
    """The same for the significance, whose formula allows for a boundary at 0."""
    index = likelihood.poi_index
    fitted = float(best.parameters[index])
    counts, change = _change(likelihood, without, fitted)
    signed = bool(likelihood.lower[index] < 0)
    bounded = signed and bool(on_bound(likelihood, best)[index])
    return _note(effective_events(counts, change), bounded=bounded, toys=toys)


def goodness_notes(expected: Array, toys: str) -> tuple[str, ...]:
    """Whether bins expect too few events for ``min_chi2`` to follow χ², and the command for toys."""
    counts = expected[expected > 0]
    few = int(np.sum(counts < _FEW))
    if few <= _SHARE * counts.size and (counts >= _FEWER).all():
        return ()
    return (
        f"min_chi2 follows no χ² where bins hold few events: {few} of {counts.size} expect fewer than"
        f" {_FEW:g}, the least {counts.min():.2g}; p-value from toys: {toys}",
    )


def _note(events: float, *, bounded: bool, toys: str) -> tuple[str, ...]:
    reasons = []
    if events < FEWEST:
        few = "less than one event" if events < 1 else f"{events:.2g} events or so, fewer than {FEWEST:g}"
        reasons.append(f"it rests on {few}")
    if bounded:
        reasons.append("the best fit is at a bound of the parameter")
    if not reasons:
        return ()
    advice = f"with toys: {toys}" if toys else "there are no toys of a grid of signal points"
    return (f"the asymptotic formula may not hold: {', and '.join(reasons)}; {advice}",)


def _change(likelihood: Likelihood, minimum: Minimum, value: float | None) -> tuple[Array, Array]:
    """Expected counts between a minimum and another value of the parameter, and what they change by."""
    index = likelihood.poi_index
    start, point = likelihood.expected(minimum.parameters), minimum.parameters.copy()
    if value is None or value == point[index]:
        value = float(point[index] + likelihood.scale[index])
    point[index] = np.clip(value, likelihood.lower[index], likelihood.upper[index])
    end = likelihood.expected(point)
    return (start + end) / 2, end - start


def _grid_change(curve: GridCurve, value: float | None) -> tuple[Array, Array]:
    places = [curve.best, curve.bounds[1] if value is None else value]
    found = []
    for place in places:
        nearest = int(np.argmin(np.abs(curve.values - place)))
        found.append(curve.likelihoods[nearest].expected(curve.minima[nearest].parameters))
    return (found[0] + found[1]) / 2, found[1] - found[0]
