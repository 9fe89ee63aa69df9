"""A response that was measured or simulated for recoils of single energies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, DataError
from nuhist.experiments.experiment import Experiment
from nuhist.tables import Array, column, read_table

_SHOWN = 4  # digits of an energy or anchor in messages


@dataclass(frozen=True, eq=False)
class Monoenergetic:
    """Probabilities of recoils of single energies, at anchors of parameters of the detector.

    Attributes
    ----------
    energies
        In keV, increasing, shape (energies,).
    anchors
        Anchors of each parameter, in standard deviations, increasing, 0 among them.
    probabilities
        Shape (points, bins, energies): all combinations of anchors, the last parameter's fastest.
    """

    energies: Array
    anchors: tuple[Array, ...]
    probabilities: Array

    def at_anchors(self, energy: Array) -> Array:
        """Probability per bin of recoils between the energies, on straight lines; 0 outside of them.

        Shape (points, bins, n) for true energies in keV of shape (n,).
        """
        above = np.clip(np.searchsorted(self.energies, energy), 1, self.energies.size - 1)
        low, high = self.energies[above - 1], self.energies[above]
        part = (energy - low) / (high - low)
        inside = (energy >= self.energies[0]) & (energy <= self.energies[-1])
        lower, upper = self.probabilities[..., above - 1], self.probabilities[..., above]
        return np.where(inside, lower + part * (upper - lower), 0.0)

    @property
    def nominal(self) -> int:
        """The point at which all parameters are 0."""
        index = 0
        for each in self.anchors:
            index = index * each.size + int(np.flatnonzero(each == 0)[0])
        return index

    def at_nominal(self, energy: Array) -> Array:
        """The same where all parameters are 0, shape (bins, n)."""
        chosen = self.probabilities[[self.nominal]]
        found: Array = Monoenergetic(self.energies, (), chosen).at_anchors(energy)[0]
        return found


def read_monoenergetic(experiment: Experiment) -> Monoenergetic:
    """The table of an experiment's response.

    Raises
    ------
    ConfigError
        If it has none, it was made for another target, or it has other bins.
    DataError
        If the table has a hole, or a probability is none.
    """
    source = experiment.response.get("monoenergetic")
    if source is None:
        raise ConfigError(
            f"{experiment.name} has no response to recoils of single energies; {kinds_there(experiment)}"
        )
    if source["target"] != experiment.target.name:
        raise ConfigError(
            f"{experiment.name}: its response was made for {source['target']}, and its target is"
            f" {experiment.target.name}; a response holds for one target alone"
        )
    path = experiment.folder / source["table"]
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    names = tuple(source.get("parameters", {}))
    found = _read(path, changed, source["energy"], names, float(source.get("scale", 1.0)))
    if found.probabilities.shape[1] != experiment.bins:
        raise ConfigError(
            f"{path}: has {found.probabilities.shape[1]} bins, {experiment.name} has {experiment.bins}"
        )
    return found


def kinds_there(experiment: Experiment) -> str:
    """Which responses an experiment has, for messages: what to use instead of one that it lacks."""
    kinds = [f"'{kind}'" for kind in experiment.response_kinds]
    if not kinds:
        return "its response has no table; give one in experiment.yaml"
    *others, last = kinds
    return "use response=" + (f"{', '.join(others)} or {last}" if others else last)


def largest_energy(experiment: Experiment) -> float:
    """Up to which true energy in keV a response is worth looking at: the last bin's, or the table's."""
    if not experiment.axes:
        return float(experiment.edges[-1])
    return float(read_monoenergetic(experiment).energies[-1])


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int, energy: str, names: tuple[str, ...], scale: float) -> Monoenergetic:
    table = read_table(path)
    energies, *anchors = (np.unique(column(path, table, name)) for name in (energy, *names))
    for name, values in zip(names, anchors, strict=True):
        if 0 not in values or not values[0] < 0 < values[-1]:
            raise DataError(f"{path}: column '{name}': expected anchors on both sides of 0, and 0 among them")
    if energies.size < 2 or energies[0] <= 0:
        raise DataError(f"{path}: column '{energy}': expected two energies or more, above 0 keV")
    axes = [energies, *anchors]
    place = np.ravel_multi_index(
        [np.searchsorted(axis, table[name]) for axis, name in zip(axes, (energy, *names), strict=True)],
        [axis.size for axis in axes],
    )
    _refuse_holes(path, (energy, *names), axes, place)
    order = np.argsort(place)
    bins = [column(path, table, name, non_negative=True) for name in table if name not in (energy, *names)]
    if not bins:
        raise DataError(f"{path}: has no column of a bin")
    values = scale * np.stack(bins)[:, order].reshape(len(bins), energies.size, -1)
    totals = values.sum(axis=0)
    if totals.max() > 1 + 1e-6:
        bad = order[int(np.argmax(totals))]
        said = ", ".join(f"{name} = {table[name][bad]:.{_SHOWN}g}" for name in (energy, *names))
        raise DataError(
            f"{path}: row {bad + 1} ({said}) adds up to {totals.max():.{_SHOWN}g}, more than 1; it must hold"
            " probabilities, after 'scale'"
        )
    return Monoenergetic(energies, tuple(anchors), np.moveaxis(values, -1, 0))


def _refuse_holes(path: Path, names: tuple[str, ...], axes: list[Array], place: Any) -> None:
    """Refuse a table that lacks a combination of energy and anchors, or has one twice."""
    times = np.bincount(place, minlength=int(np.prod([axis.size for axis in axes])))
    if (times == 1).all():
        return
    bad = int(np.argmax(times != 1))
    values = next(v for number, v in enumerate(product(*axes)) if number == bad)
    where = ", ".join(f"{name} = {value:.{_SHOWN}g}" for name, value in zip(names, values, strict=True))
    what = "is not there" if times[bad] == 0 else f"is there {times[bad]} times"
    raise DataError(f"{path}: the row of {where} {what}; expected each combination once")


def parameters_of(experiment: Experiment) -> Mapping[str, Mapping[str, str]]:
    """What is said of the parameters of a response, by column of its table."""
    found: Mapping[str, Mapping[str, str]] = experiment.response.get("monoenergetic", {}).get(
        "parameters", {}
    )
    return found
