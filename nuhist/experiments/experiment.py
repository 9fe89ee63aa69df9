"""Experiments as data: what a folder with experiment.yaml and its tables says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from nuhist.errors import unknown_name
from nuhist.experiments.interaction import (
    DEFAULT_SOURCE,
    DEFAULT_TARGET,
    SourceChoice,
    chosen_target,
    source_choice,
)
from nuhist.physics.rate_options import ELECTRON, Atomic
from nuhist.physics.sources.source import Source
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

ResponseKind = Literal["matrix", "gaussian", "none", "monoenergetic"]
RESPONSE_KINDS: tuple[ResponseKind, ...] = get_args(ResponseKind)
FluxModel = Literal["split", "paper"]
FLUX_MODELS: tuple[FluxModel, ...] = get_args(FluxModel)
Argon = Literal["fixed", "gaussian", "flat"]
ARGON_CHOICES: tuple[Argon, ...] = get_args(Argon)


@dataclass(frozen=True)
class BackgroundSample:
    """One background as experiment.yaml describes it.

    Attributes
    ----------
    name, title
        For the workspace and for readers.
    shape
        One entry: ``flat``, ``lines``, ``spectrum``, ``reconstructed_flat`` or ``counts``.
    events
        Expected events after selection, or None to take the shape's own counts.
    constraint
        Standard deviation of the norm as a fraction, or None.
    constraint_without_argon37
        The same where ³⁷Ar has been taken out, or None where it was never inside.
    free
        Bounds of a free norm, or None.
    with_exposure
        Whether its events go with the exposure where another one is asked for.
    parameter
        Name of the norm, where another one is wanted, such as one that several experiments share.
    linear
        Whether a constrained norm is exactly linear, down to no events.
    variations
        Factors on its counts at minus and at plus one standard deviation of parameters of the response.
    """

    name: str
    title: str
    shape: Mapping[str, Any]
    events: float | None
    constraint: float | None
    constraint_without_argon37: float | None
    free: tuple[float, float] | None
    with_exposure: bool = True
    parameter: str | None = None
    linear: bool = False
    variations: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class SignalEfficiency:
    """A factor on all scattering, which is uncertain: its standard deviation, its bounds, what it is."""

    uncertainty: float
    bounds: tuple[float, float]
    meaning: str


@dataclass(frozen=True)
class Treatment:
    """One way to treat the data: what is observed (None: nothing yet), which backgrounds, which defaults.

    ``source`` is None where it is the experiment's.
    """

    name: str
    observed: Mapping[str, Any] | None
    samples: tuple[BackgroundSample, ...]
    response: ResponseKind
    flux: FluxModel
    atomic_response: bool
    argon37: Argon | None
    source: SourceChoice | None = None
    atomic: Atomic = "step"
    survival: bool = False


@dataclass(frozen=True)
class Argon37:
    """The ³⁷Ar line: energy [keV], events expected, end of the flat range, events fitted by the
    collaboration.
    """

    energy: float
    events: float
    maximum: float
    fitted: float


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment: its published data, response, backgrounds and assumptions, as its folder gives them.

    Attributes
    ----------
    name, title, sources, assumptions
        Name, which is the prefix of the detector's parameters, and texts for readers.
    folder
        Where the tables are.
    exposure
        Exposure in tonne years.
    edges
        Bin edges of reconstructed energy in keV, shape (bins + 1,); numbers of bins where there are ``axes``.
    counts_per_event
        Counts by which one event enters the likelihood, 1 unless data are densities.
    response
        Tables and resolution, see :mod:`nuhist.experiments.response`.
    argon37
        The ³⁷Ar line, or None.
    treatments
        Treatments of the data, by name.
    default_background
        The treatment that is used unless another one is asked for.
    hepdata
        Record of the data, such as ``"ins2107834"``, or None.
    dataset
        What was measured: two experiments with one dataset hold the same events.
    published
        The collaboration's own limits.
    license, url
        On which terms the numbers were published, and where; None where the file does not say it.
    axes
        Names and edges of what bins are of, if that is not reconstructed energy alone; the last one's are
        the fastest.
    signal_efficiency
        What is known of the efficiency for scattering, beside the response.
    part_of
        The set of experiments that it belongs to.
    source, target, process
        Which neutrinos scatter on what, and how: a name in :data:`nuhist.physics.processes.PROCESSES`.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    assumptions: tuple[str, ...]
    folder: Path
    exposure: float
    edges: Array
    counts_per_event: float
    response: Mapping[str, Any]
    argon37: Argon37 | None
    treatments: Mapping[str, Treatment]
    default_background: str
    hepdata: str | None = None
    dataset: str | None = None
    published: tuple[Mapping[str, Any], ...] = ()
    source: SourceChoice = field(default_factory=lambda: source_choice(DEFAULT_SOURCE, Path()))
    target: Target = field(default_factory=lambda: chosen_target(DEFAULT_TARGET, Path()))
    process: str = ELECTRON
    license: str | None = None
    url: str | None = None
    axes: tuple[tuple[str, Array], ...] = ()
    signal_efficiency: SignalEfficiency | None = None
    part_of: str | None = None

    @cached_property
    def bins(self) -> int:
        """Number of bins."""
        return self.edges.size - 1

    @property
    def response_kinds(self) -> tuple[ResponseKind, ...]:
        """The kinds of response that its tables are enough for."""
        has = self.response
        there = {
            "matrix": "matrix" in has,
            "gaussian": "efficiency" in has and "resolution" in has,
            "none": "efficiency" in has,
            "monoenergetic": "monoenergetic" in has,
        }
        return tuple(kind for kind in RESPONSE_KINDS if there[kind])

    def treatment(self, background: str | None = None) -> Treatment:
        """A treatment by name, or the default one.

        Raises
        ------
        ConfigError
            If the experiment has none of that name.
        """
        name = background or self.default_background
        if name not in self.treatments:
            raise unknown_name(f"background of {self.name}", name, self.treatments)
        return self.treatments[name]

    def neutrino_source(self, treatment: Treatment, other: str | None = None) -> Source:
        """The source of neutrinos: another one if it is named, else the treatment's, else the experiment's.

        Raises
        ------
        ConfigError
            If there is none of that name, or a parameter of it is unknown, missing or cannot be used.
        DataError
            If one of its tables cannot be used.
        """
        named = None if other is None else SourceChoice(other, Path())
        return (named or treatment.source or self.source).make()
