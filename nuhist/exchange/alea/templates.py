"""A source's templates at all of its anchors, from HDF5 files whose names have the parameters' values."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np

from nuhist.errors import DataError, ExchangeError, unknown_name
from nuhist.exchange.alea.model import AleaModel, Parameter, Source, Term
from nuhist.exchange.alea.shares import total_and_shares
from nuhist.exchange.inference_interface.files import TemplateFile, read_template_file
from nuhist.inputs import is_file
from nuhist.tables import Array

_SPECIFICATION = re.compile(r"[+ ]?0?\d?(\.\d)?[defg]?")
_MOST_FILES = 10_000  # of a source
_MOST_ENTRIES = 100_000  # of folders that are searched


@dataclass(frozen=True, eq=False)
class Grid:
    """What a source expects at its anchors where all of its factors are 1.

    Attributes
    ----------
    parameters
        That it is interpolated in, free ones only.
    totals
        Events, shape (anchors of the first, ...).
    shares
        Shares of the bins, shape (anchors of the first, ..., bins); see :func:`total_and_shares`.
    """

    parameters: tuple[Parameter, ...]
    totals: Any
    shares: Any

    def counts(self, values: Mapping[str, float]) -> Array:
        """Expected events per bin: totals and shares are interpolated on straight lines, each for itself."""
        totals, shares = self.totals, self.shares
        for parameter in self.parameters:
            weights = straight_weights(parameter.anchors, values[parameter.name])
            totals, shares = np.tensordot(weights, totals, 1), np.tensordot(weights, shares, 1)
        return np.asarray(totals * shares, dtype=np.float64)


def straight_weights(anchors: Sequence[float], value: float) -> Array:
    """Weights of anchors for a value between them; beyond the last one it is the last one's."""
    weights = np.zeros(len(anchors))
    above = min(max(int(np.searchsorted(anchors, value)), 1), len(anchors) - 1) if len(anchors) > 1 else 0
    if above == 0:
        return weights + 1
    low, high = anchors[above - 1], anchors[above]
    part = min(max((value - low) / (high - low), 0.0), 1.0)
    weights[above - 1 : above + 1] = 1 - part, part
    return weights


@dataclass(frozen=True, eq=False)
class Templates:
    """Files of a model, each read once."""

    model: AleaModel

    @cached_property
    def _files(self) -> dict[Path, TemplateFile]:
        return {}

    def grid(self, term: Term, source: Source) -> Grid:
        """Templates of a source at its anchors; parameters that are held are at their values already.

        Raises
        ------
        DataError
            If a file is missing or cannot be read.
        ExchangeError
            If it has other bins than its term, or counts that are negative.
        """
        shapes = self.model.shapes(source)
        where = f"{self.model.origin}: {term.name}/{source.name}"
        points = [parameter.anchors if parameter.fittable else _around(parameter) for parameter in shapes]
        sizes = tuple(map(len, points))
        if np.prod(sizes, dtype=float) > _MOST_FILES:
            raise ExchangeError(
                f"{where}: has {np.prod(sizes):.0f} templates; at most {_MOST_FILES} can be read"
            )
        constants = {
            name: self.model.parameters[name].value
            for name in source.named
            if name not in {parameter.name for parameter in shapes}
        }
        totals: Any = np.zeros(sizes)
        shares: Any = np.zeros((*sizes, term.bins))
        for index in itertools.product(*map(range, sizes)):
            values = {p.name: each[i] for p, each, i in zip(shapes, points, index, strict=True)}
            totals[index], shares[index] = self._template(term, source, {**constants, **values}, where)
        for axis in reversed(range(len(shapes))):
            if not shapes[axis].fittable:
                weights = straight_weights(points[axis], shapes[axis].value)
                totals = np.tensordot(weights, np.moveaxis(totals, axis, 0), 1)
                shares = np.tensordot(weights, np.moveaxis(shares, axis, 0), 1)
        return Grid(tuple(p for p in shapes if p.fittable), totals, shares)

    def _template(
        self, term: Term, source: Source, values: Mapping[str, float], where: str
    ) -> tuple[float, Array]:
        """Events of one template, and the bins' shares of them."""
        name = _filled(source.filename, values, f"{where}: template_filename")
        file = self._file(name, where)
        histogram = _filled(source.histogram, values, f"{where}: histname")
        if histogram not in file.templates:
            raise unknown_name(f"template in {file.origin}", histogram, file.templates)
        counts = file.templates[histogram]
        place = f"{file.origin}: {histogram}"
        if (counts < 0).any():
            index = ", ".join(map(str, np.unravel_index(int(np.argmin(counts)), counts.shape)))
            raise ExchangeError(
                f"{place}: entry [{index}]: {counts.min():g} is negative; a template has counts"
            )
        return total_and_shares(source, term, counts, file.axes, place)

    def _file(self, name: str, where: str) -> TemplateFile:
        path = self._found(name, where)
        if path not in self._files:
            self._files[path] = read_template_file(path)
        return self._files[path]

    def _found(self, name: str, where: str) -> Path:
        if "\0" in name:
            raise ExchangeError(f"{where}: a file's name has a zero character")
        for folder in self.model.folders:
            if is_file(folder / name):
                return folder / name
        found = self._below.get(Path(name).name, [])
        fitting = [path for path in found if str(path).endswith(os.sep + name)] or found
        if len(fitting) == 1:
            return fitting[0]
        folders = ", ".join(map(str, self.model.folders))
        if fitting:
            raise DataError(
                f"{where}: {name} is there {len(fitting)} times below {folders}; name its folder too"
            )
        raise DataError(f"{where}: there is no {name} in {folders}; name the folder with templates=...")

    @cached_property
    def _below(self) -> dict[str, list[Path]]:
        """Files below the first folder, by name."""
        found: dict[str, list[Path]] = {}
        walk = ((folder, name) for folder, _, names in os.walk(self.model.folders[0]) for name in names)
        for folder, name in itertools.islice(walk, _MOST_ENTRIES):
            found.setdefault(name, []).append(Path(folder, name))
        return found


def _around(parameter: Parameter) -> tuple[float, ...]:
    """The anchors next to a value that is held."""
    anchors, value = parameter.anchors, parameter.value
    if not anchors[0] <= value <= anchors[-1]:
        raise ExchangeError(
            f"parameter '{parameter.name}': {value:g} lies outside its anchors, {anchors[0]:g} to"
            f" {anchors[-1]:g}"
        )
    below = max(each for each in anchors if each <= value)
    above = min(each for each in anchors if each >= value)
    return (below,) if below == above else (below, above)


def _filled(pattern: str, values: Mapping[str, float], where: str) -> str:
    """A name with values in the places of ``{t_ly:.1f}``; nothing else that a format can do is done."""
    made = []
    try:
        for text, name, specification, conversion in Formatter().parse(pattern):
            made.append(text)
            if name is None:
                continue
            if name not in values:
                raise ExchangeError(f"{where}: {{{name}}} is none of its named_parameters")
            if conversion or not _SPECIFICATION.fullmatch(specification or ""):
                raise ExchangeError(f"{where}: {{{name}:{specification}}} is no format of a number")
            made.append(format(values[name], specification or ""))
    except ValueError as error:
        raise ExchangeError(f"{where}: '{pattern}' cannot be filled in: {error}") from error
    return "".join(made)
