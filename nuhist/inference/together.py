"""Fits of several curves of one likelihood at several values, in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.tables import Array


class Fitted(Protocol):
    """A curve that is made of fits, as :class:`.Profile` is."""

    likelihood: Likelihood
    data: Array | None

    def starts(self, values: Sequence[float]) -> tuple[list[Start], list[Start]]:
        """Starts of fits at values that are not known, and others for those that end nowhere from these."""

    def learn(self, found: Mapping[float, Sequence[Minimum]]) -> None:
        """Take fits at values."""

    def knows(self, value: float) -> bool:
        """Whether there is a fit at a value."""


class Start(NamedTuple):
    """Where a fit of a curve at a value starts, and whether others start afresh beside it."""

    curve: Fitted
    value: float
    point: Array
    afresh: bool


def prepare_together(wanted: Sequence[tuple[Fitted, Sequence[float]]], *, check: bool = True) -> None:
    """Fit values of several curves of one likelihood in one batch; see :meth:`.Profile.prepare`."""
    each = [curve.starts(values) for curve, values in wanted]
    _fit_together([start for first, _ in each for start in first], check=check)
    left = [start for _, second in each for start in second if not start.curve.knows(start.value)]
    _fit_together(left, check=check)


def _fit_together(starts: Sequence[Start], *, check: bool) -> None:
    """Fit from starts in one batch."""
    if not starts:
        return
    likelihood = starts[0].curve.likelihood
    data = [start.curve.data for start in starts]
    same = all(own is data[0] for own in data)
    every = data[0] if same else np.array([likelihood.data if own is None else own for own in data])
    found = likelihood.minimise_at(
        np.array([start.value for start in starts]),
        np.array([start.point for start in starts]),
        every,
        check=check,
        elsewhere=np.array([start.afresh for start in starts]),
    )
    ends: dict[int, dict[float, list[Minimum]]] = {}
    curves = {id(start.curve): start.curve for start in starts}
    for start, minimum in zip(starts, found, strict=True):
        if minimum is not None:
            ends.setdefault(id(start.curve), {}).setdefault(start.value, []).append(minimum)
    for number, minima in ends.items():
        curves[number].learn(minima)
