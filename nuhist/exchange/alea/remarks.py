"""What a user has to know of a model that was written: names, bounds, events, and how much 2 ln L differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nuhist.errors import FitError
from nuhist.exchange.alea.anchored import Anchored, deviation
from nuhist.exchange.alea.factors import Factor
from nuhist.histfactory.data_kind import describe
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.fit import fit

_ROUNDING = 1e-12  # of all events
_LOOKS = 80  # at a difference, between −1 and 1 standard deviations


def remarks(
    workspace: Workspace,
    measurement: str | None,
    known: Mapping[str, Factor],
    samples: Sequence[Anchored],
    *,
    whole: bool,
) -> list[str]:
    """One line for each thing to know."""
    renamed = [f"{name} is {each.alea} in alea" for name, each in known.items() if each.alea != name]
    lines = ["; ".join(renamed)] if renamed else []
    below = [name for name, each in known.items() if each.form != "shape" and each.value(each.low) < 0]
    lines += (
        [f"{', '.join(below)}: alea knows no factors below 0, and gets 0 as lower bound"] if below else []
    )
    if not whole:
        lines.append(
            f"the counts ({describe(workspace.data_kind)}) are no whole numbers: no events are written"
        )
    lowest = min(samples, key=lambda each: each.below)
    if lowest.below < -_ROUNDING * sum(map(sum, workspace.observed().values())):
        lines.append(
            f"counts below 0 at anchors are 0 in alea; the lowest is {lowest.below:.2g} events"
            f" ({lowest.channel}, {lowest.samples[0]['name']})"
        )
    curved = [each for each in known.values() if not (each.held or each.exact)]
    if not curved:
        return [*lines, "alea has the same likelihood, for all values of the parameters"]
    words = [_words(workspace, known, samples, curved, sigmas) for sigmas in (1, 2)]
    best = _at_best_fit(workspace, measurement, known, samples)
    words += [] if best is None else [f"{best:.2g} at the best fit"]
    return [*lines, f"2 ln L of alea differs by at most {', '.join(words)}"]


def _words(
    workspace: Workspace,
    known: Mapping[str, Factor],
    samples: Sequence[Anchored],
    curved: Sequence[Factor],
    sigmas: int,
) -> str:
    """The largest difference of 2 ln L where one parameter is up to so far from its centre."""
    worst, place = 0.0, ""
    for factor in curved:
        for value in factor.centre + np.linspace(-sigmas, sigmas, _LOOKS * sigmas + 1):
            values = _within({**_start(known), factor.name: value}, known, samples)
            found = abs(deviation(samples, workspace.observed(), values))
            worst, place = max((worst, place), (found, factor.name))
    return f"{worst:.2g} within ±{sigmas}σ of one parameter ({place})"


def _at_best_fit(
    workspace: Workspace, measurement: str | None, known: Mapping[str, Factor], samples: Sequence[Anchored]
) -> float | None:
    """The same at the best fit; None where there is none."""
    try:
        found = fit(workspace, measurement=measurement)
    except FitError:
        return None
    values = {each.name: each.value for each in found.parameters}
    return abs(deviation(samples, workspace.observed(), _within({**_start(known), **values}, known, samples)))


def _start(known: Mapping[str, Factor]) -> dict[str, float]:
    return {name: factor.start for name, factor in known.items()}


def _within(
    values: Mapping[str, float], known: Mapping[str, Factor], samples: Sequence[Anchored]
) -> dict[str, float]:
    """Values that alea can have, which knows none beyond the anchors."""
    ends = {
        factor.name: (anchors[0], anchors[-1])
        for each in samples
        for factor, anchors in zip(each.shapes, each.anchors, strict=True)
    }
    found = {}
    for name, factor in known.items():
        low, high = ends.get(name, (factor.low, factor.high))
        found[name] = min(max(values[name], low), high)
    return found
