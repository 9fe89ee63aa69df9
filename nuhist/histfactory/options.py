"""How a workspace is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nuhist.errors import OptionError, unknown_name
from nuhist.experiments.experiment import (
    ARGON_CHOICES,
    FLUX_MODELS,
    RESPONSE_KINDS,
    Argon,
    FluxModel,
    ResponseKind,
)
from nuhist.histfactory.data_kind import DataKind
from nuhist.keywords import named_fields
from nuhist.physics.hypotheses import Atomic
from nuhist.tables import Array
from nuhist.values import as_positive

Constraint = Literal["normsys", "linear"]
CONSTRAINTS: tuple[Constraint, ...] = get_args(Constraint)


@dataclass(frozen=True, eq=False)
class ReplacedTemplate:
    """Counts that take the place of a background's own.

    Attributes
    ----------
    sample
        Name of the background, such as ``"beta"``.
    counts
        Expected per bin at the experiment's own exposure, shape (bins,); taken as they are.
    edges
        Edges of reconstructed energy in keV, shape (bins + 1,); they must be the experiment's.
    source
        Where they come from, such as ``"mine.root:beta"``; for messages and for the sidecar.
    """

    sample: str
    counts: Array
    edges: Array
    source: str


@named_fields
@dataclass(frozen=True)
class BuildOptions:
    """Options of how a workspace is built; None stands for what the experiment's treatment says.

    Attributes
    ----------
    background
        Treatment of the data, ``"components"`` or ``"paper"`` where an experiment has both.
    ar37
        ³⁷Ar ``"fixed"``, ``"gaussian"`` (arXiv:2207.05036, eq. 11) or ``"flat"`` (0 to its maximum).
    constraint
        Constrained norms as ``"normsys"`` or as exactly ``"linear"`` factors.
    flux
        ``"split"``: one parameter per solar source; ``"paper"``: one for all, 7 %.
    source
        Another source of neutrinos than the experiment's, such as ``"sun:model=agss09"``.
    atomic
        ``"step"`` or ``"rrpa"``, see :class:`nuhist.physics.hypotheses.RateOptions`.
    response
        ``"matrix"``, ``"gaussian"``, ``"none"`` or ``"monoenergetic"``, for the neutrino scattering.
    neutrino_mass
        Mass of the neutrino in eV, in the equivalent-photon approximation; None for 1.
    observed
        CSV file with other observed counts.
    exposure
        Exposure in tonne years, to which everything is scaled; needs ``asimov`` or ``observed``, or an
        experiment that is planned.
    asimov
        Take the expected counts without the coupling as observed.
    templates
        Backgrounds with other counts than the experiment's; their constraints follow.
    allow_outside
        Read tables that a user's experiment.yaml has outside its folder, too.
    """

    background: str | None = None
    ar37: Argon | None = None
    constraint: Constraint = "normsys"
    flux: FluxModel | None = None
    source: str | None = None
    atomic: Atomic | None = None
    response: ResponseKind | None = None
    neutrino_mass: float | None = None
    observed: Path | None = None
    exposure: float | None = None
    asimov: bool = False
    templates: tuple[ReplacedTemplate, ...] = ()
    allow_outside: bool = False

    @property
    def data_kind(self) -> DataKind:
        """The kind of the counts that are taken as observed: ``"observed"``, ``"asimov"`` or ``"other"``."""
        if self.asimov:
            return "asimov"
        return "observed" if self.observed is None else "other"

    def __post_init__(self) -> None:
        checks: tuple[tuple[str, str | None, Sequence[str]], ...] = (
            ("³⁷Ar treatment", self.ar37, ARGON_CHOICES),
            ("constraint", self.constraint, CONSTRAINTS),
            ("flux model", self.flux, FLUX_MODELS),
            ("response", self.response, RESPONSE_KINDS),
        )
        for kind, value, known in checks:
            if value is not None and value not in known:
                raise unknown_name(kind, value, known)
        if self.exposure is not None:
            object.__setattr__(self, "exposure", as_positive(self.exposure, "exposure", "t yr"))
        if self.asimov and self.observed is not None:
            raise OptionError("asimov=True and observed=... exclude each other; keep one")
