"""What changes the neutrinos' counts: sizes of fluxes, bound electrons, mixing, the detector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.monoenergetic import parameters_of
from nuhist.experiments.response import Response
from nuhist.histfactory.templates import HistoSys, Parameter, mirrored
from nuhist.physics.hypotheses import Atomic, RateOptions
from nuhist.physics.sources.registry import get_source, source_tables
from nuhist.physics.sources.source import FluxGroup, Source
from nuhist.tables import Array
from nuhist.values import rough_percent

# By what is nominal: what the other one is.
_ATOMIC: dict[Atomic, Parameter] = {
    "step": Parameter(
        "atomic_response", "electrons bound in the atom: 0 stepping function, +1 RRPA (arXiv:1610.04177)"
    ),
    # On one side: nothing speaks for less than RRPA, nor for more than free electrons.
    "rrpa": Parameter(
        "atomic_steps",
        "electrons bound in the atom: 0 RRPA (arXiv:1610.04177), 1 stepping function",
        bounds=(0.0, 1.0),
        init=0.0,
    ),
}


@dataclass(frozen=True, eq=False)
class Systematic:
    """What changes rates beside the size of fluxes.

    Attributes
    ----------
    parameter
        Parameter of the workspace.
    source, physics
        At plus one standard deviation.
    minus
        The source at minus one; None where the minus side is the mirror image of the plus side.
    """

    parameter: Parameter
    source: Source
    physics: RateOptions
    minus: Source | None

    def shape(self, values: Array, up: Array | None, down: Array | None) -> HistoSys:
        """The change of shape of nominal counts, from those at plus and at minus one."""
        plus = values if up is None else up
        if down is None:
            return mirrored(self.parameter.name, values, plus)
        return HistoSys(self.parameter.name, plus, down)


def systematics_of(treatment: Treatment, source: Source, physics: RateOptions) -> tuple[Systematic, ...]:
    """The systematics that a treatment asks for."""
    found = []
    if treatment.atomic_response:
        other: Atomic = "step" if physics.atomic == "rrpa" else "rrpa"
        found.append(Systematic(_ATOMIC[physics.atomic], source, replace(physics, atomic=other), None))
    if treatment.survival:
        for each in source.variations:
            parameter = Parameter(each.name, each.meaning)
            found.append(Systematic(parameter, get_source(each.up), physics, get_source(each.down)))
    return tuple(found)


def detector_parameters(experiment: Experiment, response: Response) -> list[Parameter]:
    """Parameters of the detector that scattering has: of its response, and the efficiency as ``lumi``."""
    found = []
    if response.anchored is not None:
        for each, anchors in zip(parameters_of(experiment).values(), response.anchors, strict=True):
            bounds = (float(anchors[0]), float(anchors[-1]))
            found.append(Parameter(each["parameter"], each["meaning"], bounds=bounds))
    efficiency = experiment.signal_efficiency
    if efficiency is not None:
        said = efficiency.meaning, "1", efficiency.bounds, 1.0, 1.0, efficiency.uncertainty
        found.append(Parameter("lumi", *said))
    return found


def flux_parameter(source: Source, group: str, *, lumi: bool) -> tuple[Parameter, float]:
    """Flux parameter of a group of components, and its fractional uncertainty.

    Parameters
    ----------
    source, group
        Source and group of the neutrinos; ``all`` is all of them.
    lumi
        Whether it is the ``lumi`` that a model may have, which multiplies and is linear.
    """
    if group == "all":
        fraction = source.common_uncertainty or 0.0
        meaning = f"all {source.title} fluxes, {100 * fraction:g} % as in arXiv:2207.05036"
        if not lumi:
            return Parameter(f"{source.title}_nu_flux", meaning), fraction
        meaning = f"all {source.title} fluxes over their nominal values, {100 * fraction:g} % as in"
        meaning = f"{meaning} arXiv:2207.05036"
        return Parameter("lumi", meaning, "1", (0.5, 1.5), 1.0, 1.0, fraction), fraction
    chosen = source.group(group)
    members = " + ".join(part.name for part in chosen.components)
    meaning = f"{source.title} {members} flux, {rough_percent(chosen.uncertainty)} ({chosen.reference})"
    if source.common_uncertainty is None:  # there are others of its kind, with fluxes of their own
        meaning = f"{meaning}, {source.name}"
        if source_tables(source.name):  # which may lie in another folder under the same name
            meaning = f"{meaning}, digest {_digest(chosen)} of its numbers"
    return Parameter(f"{group}_flux", meaning), chosen.uncertainty


def _digest(group: FluxGroup) -> str:
    """Eight digits that tell the fluxes of a group from others."""
    words = []
    for part in group.components:
        arrays = (
            [part.energy, part.fractions]
            if part.density is None
            else [part.energy, part.density, part.fractions]
        )
        numbers = [part.total, *np.concatenate([np.ravel(values) for values in arrays])]
        words.append(" ".join([part.name, *(f"{number:.9g}" for number in numbers)]))
    return sha256("\n".join(words).encode()).hexdigest()[:8]
