"""Limits on the matrix of moments of a workspace that tests an effective magnetic moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from nuhist.__about__ import __version__
from nuhist.errors import ModelError
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.loading import Source
from nuhist.inference.model import Model, as_model
from nuhist.inference.results import JsonResult
from nuhist.methods.limits import limit
from nuhist.physics.moments import (
    Basis,
    Incoming,
    Nature,
    as_nature,
    effective_moment,
    element_limits,
    incoming,
)
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.sources.registry import get_source, source_tables
from nuhist.showing import Table

_COUPLING = "mu_nu"  # of all flavours
_SAME = 1e-3  # fractions of two channels that are one composition


@dataclass(frozen=True, slots=True, repr=False)
class MomentLimits(JsonResult):
    """Limits on the elements of the matrix of magnetic moments, each with all others at zero.

    Attributes
    ----------
    effective
        Limit on the effective moment, in ``unit``; None where it is open, and so are the others.
    flavors, masses
        Fractions of the neutrinos that scatter; the second is None where mass states are not known.
    coherent
        Whether their mass states are in phase.
    limits
        Limits in ``unit`` by nature, basis and element, such as ``limits["dirac"]["flavor"]["e-mu"]``.
    matrix_moment, matrix_ratio
        Effective moment of the matrix that was given, in ``unit``, and over the limit; None without one.
    method, confidence_level, convention, data_kind, notes
        Method, confidence level, convention, data kind and notes of the limit.
    """

    effective: float | None
    unit: str
    source: str
    flavors: dict[str, float]
    masses: dict[str, float] | None
    coherent: bool
    limits: dict[str, dict[str, dict[str, float]]]
    matrix_moment: float | None
    matrix_ratio: float | None
    method: str
    confidence_level: float | None
    convention: str
    data_kind: DataKind
    notes: tuple[str, ...]
    workspace_digest: str
    nuhist_version: str

    @property
    def summary(self) -> str:
        """The limit on the effective moment."""
        if self.effective is None:
            return "the limit on the effective moment is open, and so are those on the elements"
        return f"effective moment below {self.effective:.4g} {self.unit}, for neutrinos of {self.source}"

    def table(self) -> Table:
        """A row for each element."""
        rows = [
            (nature, basis, element, value)
            for nature, bases in self.limits.items()
            for basis, elements in bases.items()
            for element, value in elements.items()
        ]
        return Table(("nature", "basis", "element", f"limit_{self.unit}"), tuple(rows))


def moments(
    model: Model | Source,
    method: str = "profile",
    *,
    matrix: NDArray[np.complex128] | Sequence[Sequence[complex]] | None = None,
    nature: Nature | None = None,
    basis: Basis = "flavor",
    confidence_level: float | None = None,
) -> MomentLimits:
    """Limits on the matrix of magnetic moments from the limit on the effective one.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from; its parameter of interest is the effective moment.
    method
        Method of the limit, by name.
    matrix
        Moments in μ_B, shape (3, 3), in ``basis``: row the outgoing, column the incoming state.
    nature
        What the matrix is of: ``"dirac"`` (Hermitian) or ``"majorana"`` (antisymmetric); None for any.
    basis
        Basis of the matrix: ``"flavor"`` or ``"mass"``.
    confidence_level
        0.90 by default.

    Raises
    ------
    ModelError
        If the workspace tests something else, its source of neutrinos is not known, or its channels have
        neutrinos of different flavours.
    ConfigError
        If the matrix is none of the nature that is said, or the mass states are not known.

    References
    ----------
    arXiv:2207.05036, eq. (12).
    """
    chosen = as_model(model)
    name, arriving = _arriving(chosen)
    given = None if matrix is None else np.asarray(matrix, dtype=np.complex128)
    if given is not None and nature is not None and given.shape == (3, 3):
        as_nature(given, nature)
    moment = None if given is None else effective_moment(given, basis, arriving)
    interval = limit(chosen, method, confidence_level=confidence_level)
    upper = interval.upper
    bases = get_args(Basis) if arriving.masses is not None else ("flavor",)
    found = {
        kind: {each: element_limits(upper, kind, each, arriving) for each in bases} if upper else {}
        for kind in get_args(Nature)
    }
    return MomentLimits(
        effective=upper,
        unit=interval.unit,
        source=name,
        flavors={str(flavor): value for flavor, value in arriving.flavors.items()},
        masses=None if arriving.masses is None else dict(arriving.masses),
        coherent=arriving.coherent,
        limits=found,
        matrix_moment=moment,
        matrix_ratio=None if moment is None or not upper else moment / upper,
        method=interval.method,
        confidence_level=interval.confidence_level,
        convention=interval.convention,
        data_kind=interval.data_kind,
        notes=interval.notes,
        workspace_digest=interval.workspace_digest,
        nuhist_version=__version__,
    )


def _arriving(model: Model) -> tuple[str, Incoming]:
    """Name of the source of neutrinos of a model, and the flavours that scatter."""
    if model.curve.coupling.coupling != _COUPLING:
        raise ModelError(
            f"{model.origin}: its parameter of interest is {model.curve.coupling.meaning}; expected the"
            " effective moment mu_nu, as build with hypothesis='magnetic-moment' writes it"
        )
    channels = (model.workspace.sidecar or {}).get("channels", {})
    found = {name: _of_channel(model.origin, name, entry) for name, entry in channels.items()}
    if not found:
        raise ModelError(
            f"{model.origin}: has no sidecar, so that its source of neutrinos is not known; give the file"
            " that nuhist build wrote, with the .meta.json beside it"
        )
    (first, (source, arriving)), *others = found.items()
    for name, (other, its) in others:
        apart = max(abs(its.flavors[key] - value) for key, value in arriving.flavors.items())
        if apart > _SAME or its.coherent != arriving.coherent:
            raise ModelError(
                f"{model.origin}: channels '{first}' and '{name}' have neutrinos of other flavours ({source}"
                f" and {other}), so that one effective moment is not one matrix; give each workspace alone"
            )
    return source, arriving


def _of_channel(origin: str, name: str, described: Mapping[str, Any]) -> tuple[str, Incoming]:
    edges, source = described.get("edges_keV"), described.get("neutrino_source")
    if edges is None or source is None:
        raise ModelError(
            f"{origin}: channel '{name}': nothing says which neutrinos it sees; expected a channel that"
            " nuhist build wrote"
        )
    if described.get("process", ELECTRON) != ELECTRON:
        raise ModelError(
            f"{origin}: channel '{name}': nuclei recoil there, from other neutrinos than electrons do, so"
            " that one effective moment is not one matrix; give a workspace of electrons alone"
        )
    if "neutrinos" in described:
        return source, Incoming(**described["neutrinos"])
    if source_tables(source):  # which need not be the same here and now
        raise ModelError(
            f"{origin}: channel '{name}': does not say which flavours the table of its source has; build it"
            " again with this nuhist"
        )
    middle = (np.array(edges[1:]) + np.array(edges[:-1])) / 2
    return source, incoming(get_source(source), middle)
