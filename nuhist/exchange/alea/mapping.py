"""alea's model as stock HistFactory: samples with histosys, normsys, lumi and normfactor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import expm1

import numpy as np

from nuhist.errors import ExchangeError
from nuhist.exchange.alea.likelihood import AleaLikelihood
from nuhist.exchange.alea.model import Parameter, Source, Term
from nuhist.exchange.alea.templates import Grid
from nuhist.histfactory import templates as histfactory
from nuhist.histfactory.morphing import parts, points
from nuhist.histfactory.templates import (
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Sample,
    linear_constraint,
)
from nuhist.tables import Array

MAPPINGS = ("anchors", "positive")
_FARTHEST = 10.0  # standard deviations: bounds of constrained parameters
_MOST_SHAPES = 4  # of one source: samples go by powers of three
_LARGEST_NORMSYS = 0.05  # of a rate: what is larger is not linear enough as a normsys
_NARROWEST = 1e-6  # standard deviations between bounds
_LEAST_FACTOR = 0.01  # of a normsys, whose logarithm is taken
_EXPONENT = 0.01  # of the exponential that stands for a straight line


@dataclass(frozen=True, eq=False)
class HistFactoryMapping:
    """How a model is written.

    Attributes
    ----------
    likelihood
        alea's own.
    positive
        One histosys and one normsys of each shape parameter, and no sample of negative counts.
    exact
        Whether there may be a lumi.
    """

    likelihood: AleaLikelihood
    positive: bool = False
    exact: bool = True

    @property
    def lumi(self) -> str | None:
        """The efficiency, or livetime, that is the model's ``lumi``: the only one with a constraint."""
        common = [
            each.name
            for each in self.likelihood.model.used()
            if each.kind in ("efficiency", "livetime") and each.fittable and each.sigma is not None
        ]
        return common[0] if self.exact and len(common) == 1 else None

    def name(self, parameter: str) -> str:
        """What a parameter is called in the workspace."""
        return "lumi" if parameter == self.lumi else parameter

    def parameters(self) -> list[histfactory.Parameter]:
        """Parameters of the workspace, with bounds and starts."""
        return [
            self._parameter(each)
            for each in self.likelihood.model.used()
            if each.fittable
            and each.kind != "needs_reinit"
            and (each.is_shape or each.kind not in ("shape", "index"))
        ]

    def _parameter(self, each: Parameter) -> histfactory.Parameter:
        low, high = each.limits
        meaning = each.description or each.name
        measured = self.likelihood.measured.get(each.name, each.value)
        if each.sigma is None:
            if each.is_shape:
                raise ExchangeError(
                    f"parameter '{each.name}': is a shape without a constraint, which cannot be held;"
                    f" hold it with fix=['{each.name}=VALUE']"
                )
            bounds = (0.0 if low is None else low, max(10.0, 10 * each.value) if high is None else high)
            start = each.value if each.guess is None else each.guess
            return histfactory.Parameter(
                each.name, meaning, "1", bounds, min(max(start, bounds[0]), bounds[1])
            )
        least, most = self._pulls(each)
        if self.name(each.name) == "lumi":
            bounds = (each.value + least * each.sigma, each.value + most * each.sigma)
            text = f"{each.name}: {meaning}"
            return histfactory.Parameter("lumi", text, "1", bounds, each.value, measured, each.sigma)
        meaning = f"{meaning}: {each.value:g} ± {each.sigma:g}"
        centre = (measured - each.value) / each.sigma
        return histfactory.Parameter(
            each.name,
            meaning,
            bounds=(least, most),
            init=0.0 if centre == 0 else None,
            auxdata=centre or None,
        )

    def _pulls(self, each: Parameter) -> tuple[float, float]:
        """Bounds in standard deviations."""
        sigma, (low, high) = each.sigma or 1.0, each.limits
        if low is None and not each.is_shape:
            low = 0.0
        least = -_FARTHEST if low is None else max((low - each.value) / sigma, -_FARTHEST)
        most = _FARTHEST if high is None else min((high - each.value) / sigma, _FARTHEST)
        if each.is_shape:
            ends = [(anchor - each.value) / sigma for anchor in (each.anchors[0], each.anchors[-1])]
            least, most = max(least, ends[0]), min(most, ends[1])
        if not least < most:
            raise ExchangeError(f"parameter '{each.name}': has no room in its bounds; hold it with fix=...")
        if most - least < _NARROWEST:
            raise ExchangeError(
                f"parameter '{each.name}': its uncertainty, {sigma:g}, is more than a million times as wide"
                " as its bounds; hold it with fix=..."
            )
        return least, most

    def samples(self, term: Term) -> list[Sample]:
        """All samples of a term; of a source with shape parameters there are several."""
        return [sample for source in term.sources for sample in self._source(term, source)]

    def _source(self, term: Term, source: Source) -> list[Sample]:
        outer, linear, constant = list[Modifier](), list[tuple[float, str]](), 1.0
        for each in self.likelihood.model.factors(term, source):
            if not each.fittable:
                constant *= each.value
            elif each.sigma is None:
                outer.append(NormFactor(each.name))
            elif self.name(each.name) == "lumi":
                outer.append(Lumi())
            elif not each.value > 0:
                raise ExchangeError(
                    f"parameter '{each.name}': has a constraint at {each.value:g}, which is not above 0"
                )
            else:
                constant *= each.value
                linear.append((each.sigma / each.value, each.name))
        grid = self.likelihood.grids[term.name, source.name]
        made = [each.scaled(constant) for each in self._shaped(source.name, grid)]
        for fraction, name in sorted(linear, reverse=True):
            made = [one for each in made for one in self._times_line(each, name, fraction)]
        return [
            replace(
                each,
                name=source.name if number == 0 else f"{source.name}_{number}",
                modifiers=(*outer, *each.modifiers),
            )
            for number, each in enumerate(made)
        ]

    def _times_line(self, sample: Sample, name: str, fraction: float) -> list[Sample]:
        """A sample times 1 + ``fraction`` × parameter, exactly or nearly so."""
        if not any(isinstance(each, HistoSys) for each in sample.modifiers):
            return [
                replace(
                    sample, modifiers=(*sample.modifiers, linear_constraint(name, fraction, sample.counts))
                )
            ]
        if self.positive or fraction <= _LARGEST_NORMSYS:
            factor = NormSys(name, fraction, max(-fraction, _LEAST_FACTOR - 1))
            return [replace(sample, modifiers=(*sample.modifiers, factor))]
        share, factor = fraction / _EXPONENT, NormSys(name, expm1(_EXPONENT), expm1(-_EXPONENT))
        grown = sample.scaled(share)
        return [sample.scaled(1 - share), replace(grown, modifiers=(*grown.modifiers, factor))]

    def _shaped(self, name: str, grid: Grid) -> list[Sample]:
        """Samples of a source as functions of its shape parameters alone."""
        if not grid.parameters:
            return [Sample(name, name, grid.counts({}))]
        if self.positive:
            return [_positive(name, grid)]
        if len(grid.parameters) > _MOST_SHAPES:
            raise ExchangeError(
                f"source '{name}': has {len(grid.parameters)} shape parameters, of at most {_MOST_SHAPES};"
                " hold some with fix=..., or take mapping='positive'"
            )
        anchors = []
        for each in grid.parameters:
            low, high = self._pulls(each)
            inside = np.clip((np.array(each.anchors) - each.value) / (each.sigma or 1), low, high)
            anchors.append(np.unique(np.append(inside, np.clip(0.0, low, high))))
        mesh, weights = points(anchors)
        counts = np.array([grid.counts(_at(grid, pulls)) for pulls in mesh])
        made = []
        for part in parts(mesh, weights, counts):
            modifiers = list[Modifier]()
            for each, (up, down), (more, less) in zip(
                grid.parameters, part.factors, part.changes, strict=True
            ):
                modifiers.append(HistoSys(each.name, part.nominal + more, part.nominal + less))
                if (up, down) != (1, 1):
                    modifiers.append(NormSys(each.name, up - 1, down - 1))
            made.append(Sample(name, name, part.nominal, tuple(modifiers)))
        return made


def _at(grid: Grid, pulls: Array) -> dict[str, float]:
    """Values of a grid's parameters, in their own units."""
    return {
        each.name: each.value + float(pull) * (each.sigma or 1)
        for each, pull in zip(grid.parameters, pulls, strict=True)
    }


def _positive(name: str, grid: Grid) -> Sample:
    """The totals as normsys, the shares as histosys, each at plus and minus one standard deviation."""
    counts = grid.counts(_at(grid, np.zeros(len(grid.parameters))))
    modifiers = list[Modifier]()
    for row, each in zip(np.eye(len(grid.parameters)), grid.parameters, strict=True):
        ends = [grid.counts(_at(grid, side * row)) for side in (1, -1)]
        up, down = (max(end.sum() / counts.sum(), _LEAST_FACTOR) if counts.sum() else 1.0 for end in ends)
        modifiers.append(HistoSys(each.name, ends[0] / up, ends[1] / down))
        modifiers.append(NormSys(each.name, up - 1, down - 1))
    return Sample(name, name, counts, tuple(modifiers))
