"""A model of alea as frozen objects: parameters, likelihood terms, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, get_args

from nuhist.errors import ExchangeError
from nuhist.exchange.inference_interface.files import Axis

Kind = Literal["rate", "shape", "efficiency", "livetime", "index", "needs_reinit"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RATE_SUFFIX = "_rate_multiplier"
TO_BE_DONE = "TBD"  # stands for what a user has to fill in


@dataclass(frozen=True)
class Parameter:
    """A parameter in its own units, with its normal constraint.

    Attributes
    ----------
    name, kind, description
        ``ptype`` in the file.
    nominal
        Its value; None where the file leaves it open.
    fittable
        Whether it is free to move; else it stays at its nominal value.
    sigma
        Standard deviation of the constraint around the nominal value, absolute; None without one.
    anchors
        Values for which there are templates, rising; none where they do not depend on it. Whole numbers
        stay whole, since file names are made of them.
    limits
        Between which it is fitted; None where it is open.
    guess
        Where fits start.
    """

    name: str
    kind: Kind
    nominal: float | None = None
    fittable: bool = True
    sigma: float | None = None
    anchors: tuple[float, ...] = ()
    limits: tuple[float | None, float | None] = (None, None)
    guess: float | None = None
    description: str = ""

    @property
    def value(self) -> float:
        """The nominal value; an ExchangeError where there is none."""
        if self.nominal is None:
            raise ExchangeError(
                f"parameter '{self.name}': has no nominal_value; give one with settings=['{self.name}=VALUE']"
            )
        return self.nominal

    @property
    def is_shape(self) -> bool:
        """Whether templates are interpolated in it."""
        return self.kind in ("shape", "index") and bool(self.anchors)


@dataclass(frozen=True)
class Slice:
    """A range of an axis that is kept, and whether it is summed over."""

    axis: str
    limits: tuple[float, float] | None = None
    summed: bool = False


@dataclass(frozen=True)
class Source:
    """A process of a term: which parameters it depends on, and where its templates are.

    Attributes
    ----------
    name
        In its term.
    parameters
        Names of all parameters that it depends on.
    named
        Those of the anchored parameters that stand in the names of its files and histograms.
    filename, histogram
        With the parameters' values as ``{t_ly:.1f}``.
    rate, efficiency
        Names of its linear factors.
    per_bin
        Whether templates are events per bin; else they are events per unit of their axes.
    scale
        Factor on its templates.
    normalised
        Whether a template is divided by its sum first.
    slices
        Made in order, before the bins are compared with the term's.
    logarithmic
        Numbers of axes whose edges the file gives as decimal logarithms.
    uniform
        Whether all bins get the same share.
    """

    name: str
    parameters: tuple[str, ...]
    named: tuple[str, ...]
    filename: str
    histogram: str
    rate: str
    efficiency: str | None = None
    per_bin: bool = True
    scale: float = 1.0
    normalised: bool = False
    slices: tuple[Slice, ...] = ()
    logarithmic: tuple[int, ...] = ()
    uniform: bool = False


@dataclass(frozen=True, eq=False)
class Term:
    """A binned likelihood: its bins, its sources, and the parameter that is its livetime, if there is one."""

    name: str
    axes: tuple[Axis, ...]
    sources: tuple[Source, ...]
    livetime: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins along each axis."""
        return tuple(axis.edges.size - 1 for axis in self.axes)

    @property
    def bins(self) -> int:
        """Bins in all; the last axis goes fastest."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class AleaModel:
    """All of a model.

    Attributes
    ----------
    parameters
        By name, in the file's order.
    terms
        In the file's order.
    folders
        Where templates are looked for, in order.
    origin
        The file, for messages.
    """

    parameters: Mapping[str, Parameter]
    terms: tuple[Term, ...]
    folders: tuple[Path, ...] = ()
    origin: str = "model"

    def shapes(self, source: Source) -> tuple[Parameter, ...]:
        """Parameters in which a source's templates are interpolated, in their order there."""
        found = (self.parameters[name] for name in source.parameters)
        return tuple(
            parameter for parameter in found if parameter.is_shape and parameter.name in source.named
        )

    def factors(self, term: Term, source: Source) -> tuple[Parameter, ...]:
        """Parameters that multiply a source: its rate, its efficiency, its term's livetime."""
        names = (source.rate, source.efficiency, term.livetime)
        return tuple(self.parameters[name] for name in names if name is not None)

    def used(self) -> tuple[Parameter, ...]:
        """Parameters that expected counts depend on, in the file's order."""
        names = {
            parameter.name
            for term in self.terms
            for source in term.sources
            for parameter in (*self.shapes(source), *self.factors(term, source))
        }
        return tuple(parameter for name, parameter in self.parameters.items() if name in names)
