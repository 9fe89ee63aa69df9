"""Counts of samples at anchors, and what alea's interpolation makes of them between these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from nuhist.exchange.alea.factors import Factor
from nuhist.inference.interpolation import alpha_curve, code4_coefficients, code4_value
from nuhist.tables import Array

_ROUNDING = 1e-12  # of the largest count, in a sum that is nothing
_CANCELLED = 1e-4  # of a channel's events: what terms of either sign may leave of a count that is nothing
_NEXT_TO_NONE = 1e-12  # of the nominal counts


@dataclass(frozen=True, eq=False)
class Anchored:
    """A source in alea: its counts at all anchors, and what multiplies them.

    Attributes
    ----------
    channel, samples
        In the workspace.
    source
        Its name in alea.
    linear
        Factors that multiply it.
    shapes
        Parameters that interpolate its templates.
    anchors
        Anchors of each of these, rising.
    counts
        Shape (anchors of the first, of the second, ..., bins).
    below
        The lowest count that was set to 0, since alea knows none below it; 0 without one.
    """

    channel: str
    samples: tuple[Mapping[str, Any], ...]
    source: str
    linear: tuple[Factor, ...]
    shapes: tuple[Factor, ...]
    anchors: tuple[tuple[float, ...], ...]
    counts: Array
    below: float = 0.0

    def expected(self, values: Mapping[str, float]) -> Array:
        """Counts of the workspace, shape (bins,), at values by its names."""
        found: Array = np.sum([counts_of(sample, values) for sample in self.samples], axis=0)
        return found

    def interpolated(self, values: Mapping[str, float]) -> Array:
        """Counts of alea: total and shape are interpolated in straight lines, each for itself."""
        total = self.counts.sum(axis=-1, keepdims=True)
        part = np.divide(self.counts, total, out=np.zeros_like(self.counts), where=total > 0)
        for factor, anchors in zip(self.shapes, self.anchors, strict=True):
            weights = _weights(values[factor.name], anchors)
            total, part = np.tensordot(weights, total, 1), np.tensordot(weights, part, 1)
        scale = np.prod([factor.value(values[factor.name]) for factor in self.linear])
        found: Array = scale * total * part
        return found


def _weights(value: float, anchors: Sequence[float]) -> Array:
    found = np.zeros(len(anchors))
    index = int(np.clip(np.searchsorted(anchors, value) - 1, 0, max(len(anchors) - 2, 0)))
    if len(anchors) == 1:
        return np.ones(1)
    fraction = (value - anchors[index]) / (anchors[index + 1] - anchors[index])
    found[index], found[index + 1] = 1 - fraction, fraction
    return found


def counts_of(sample: Mapping[str, Any], values: Mapping[str, float]) -> Array:
    """Counts of a sample as HistFactory has them; a parameter without a value changes nothing."""
    nominal = np.array(sample["data"], dtype=np.float64)
    added, scale = np.zeros_like(nominal), 1.0
    for modifier in sample["modifiers"]:
        if modifier["name"] not in values:
            continue
        value, data = values[modifier["name"]], modifier["data"]
        if modifier["type"] in ("normfactor", "lumi"):
            scale *= value
        elif modifier["type"] == "normsys":
            high, low = np.array([data["hi"]]), np.array([data["lo"]])
            scale *= float(code4_value(np.array([[value]]), high, low, code4_coefficients(high, low))[0, 0])
        else:
            high, low = np.array(data["hi_data"]), np.array(data["lo_data"])
            curve = float(alpha_curve(np.array([[value]]))[0][0, 0])
            added += value * (high - low) / 2 + curve * (high + low - 2 * nominal) / 16
    found: Array = scale * (nominal + added)
    return found


def anchored_counts(
    samples: Sequence[Mapping[str, Any]],
    shapes: Sequence[Factor],
    anchors: Sequence[Sequence[float]],
    total: float,
) -> tuple[Array, float]:
    """Counts of samples together at all anchors of their shape parameters, beside a total of the channel.

    Where nothing is expected they keep the nominal shape, in next to no events: alea's interpolation of
    shapes would go to nothing as well. Counts that are just below 0 are set to 0; the lowest of them is the
    second result.
    """
    names = [factor.name for factor in shapes]
    points = [
        np.sum([counts_of(each, dict(zip(names, point, strict=True))) for each in samples], axis=0)
        for point in product(*anchors)
    ]
    counts = np.array(points)
    largest = np.abs(counts).max()
    nominal = np.sum([sample["data"] for sample in samples], axis=0)
    cancelled = (counts < 0) & (counts > -_CANCELLED * total)
    below = float(counts[cancelled].min(initial=0.0))
    counts[cancelled] = 0.0
    counts[np.abs(counts.sum(axis=-1)) <= _ROUNDING * largest] = _NEXT_TO_NONE * np.maximum(nominal, 0.0)
    return counts.reshape(*map(len, anchors), -1), below


def deviation(samples: Sequence[Anchored], observed: Mapping[str, Sequence[float]], values: Any) -> float:
    """2 ln L of alea less that of the workspace at values by name; the constraints are the same."""
    difference = 0.0
    for channel, counts in observed.items():
        here = [each for each in samples if each.channel == channel]
        ours = np.sum([each.expected(values) for each in here], axis=0)
        theirs = np.sum([each.interpolated(values) for each in here], axis=0)
        seen = np.array(counts, dtype=np.float64) > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithms = np.where(seen, np.array(counts) * np.log(theirs / ours), 0.0)
        difference += 2 * float(np.sum(logarithms - theirs + ours))
    return difference
