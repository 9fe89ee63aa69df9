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


@dataclass(frozen=True, eq=False)
class Anchored:
    """A sample in alea: its counts at all anchors, and what multiplies them.

    Attributes
    ----------
    channel, sample
        Names in the workspace.
    source
        Its name in alea.
    linear
        Factors that multiply it.
    shapes
        Parameters that interpolate its templates.
    anchors
        Of each of these, rising.
    counts
        Shape (anchors of the first, of the second, ..., bins).
    """

    channel: str
    sample: Mapping[str, Any]
    source: str
    linear: tuple[Factor, ...]
    shapes: tuple[Factor, ...]
    anchors: tuple[tuple[float, ...], ...]
    counts: Array

    def expected(self, values: Mapping[str, float]) -> Array:
        """Counts of the workspace, shape (bins,), at values by its names."""
        return counts_of(self.sample, values)

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
    sample: Mapping[str, Any], shapes: Sequence[Factor], anchors: Sequence[Sequence[float]]
) -> Array:
    """Counts of a sample at all anchors of its shape parameters."""
    points = [
        counts_of(sample, {factor.name: value for factor, value in zip(shapes, point, strict=True)})
        for point in product(*anchors)
    ]
    return np.array(points).reshape(*map(len, anchors), len(sample["data"]))


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
