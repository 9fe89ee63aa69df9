"""Samples of neutrino-electron scattering: the Standard Model's and the coupling's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts, neutrino_counts_at
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.response import Response, make_response
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.histfactory.templates import (
    STRENGTH,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    linear_constraint,
    mirrored,
    sample_name,
)
from nuhist.physics.hypotheses import Atomic, Dependence, FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.registry import get_source
from nuhist.physics.sources.source import Source
from nuhist.physics.together import Tested
from nuhist.tables import Array

_SAME = 1e-7  # relative: what straight lines between a table's nodes may make of a rate that stays
Counts = TypeVar("Counts")

# By what is nominal: what the other one is.
ATOMIC_PARAMETERS: dict[Atomic, Parameter] = {
    "step": Parameter(
        "atomic_response", "electrons bound in the atom: 0 stepping function, +1 RRPA (arXiv:1610.04177)"
    ),
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
        Of the workspace.
    source, physics
        At plus one standard deviation.
    minus
        The source at minus one; None where the minus side is the mirror image of the plus side.
    """

    parameter: Parameter
    source: Source
    physics: RateOptions
    minus: Source | None


@dataclass(frozen=True, eq=False)
class NeutrinoModel:
    """What the scattering samples of one channel are made from.

    Attributes
    ----------
    experiment, treatment, hypothesis, flavor, options
        What is built; the options with the treatment's defaults filled in.
    response
        Of the detector, split where the hypothesis' rates are not smooth.
    source
        Of the neutrinos.
    labelled
        Whether samples of the signal are named after the flavour, too.
    """

    experiment: Experiment
    treatment: Treatment
    hypothesis: Hypothesis
    flavor: FlavorChoice
    options: BuildOptions
    response: Response
    source: Source
    labelled: bool = False

    @property
    def physics(self) -> RateOptions:
        """Choices of the physics."""
        mass = self.options.neutrino_mass
        return RateOptions(
            atomic=self.options.atomic or "step",
            neutrino_mass_ev=RateOptions.neutrino_mass_ev if mass is None else mass,
            target=self.experiment.target,
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of fluxes with a parameter each."""
        if self.options.flux == "paper":
            return ("all",)
        return tuple(group.name for group in self.source.groups)

    @cached_property
    def systematics(self) -> tuple[Systematic, ...]:
        """What changes rates beside the fluxes."""
        found = []
        if self.treatment.atomic_response:
            other: Atomic = "step" if self.physics.atomic == "rrpa" else "rrpa"
            parameter = ATOMIC_PARAMETERS[self.physics.atomic]
            found.append(Systematic(parameter, self.source, replace(self.physics, atomic=other), None))
        if self.treatment.survival:
            for each in self.source.variations:
                up, down = get_source(each.up), get_source(each.down)
                parameter = Parameter(each.name, each.meaning)
                found.append(Systematic(parameter, up, self.physics, down))
        return tuple(found)

    def parameters(self) -> list[Parameter]:
        """Flux parameters, and other systematics; a ConfigError if the constraints cannot be written."""
        lumi = self._needs_lumi()
        parameters = [_flux_parameter(self.source, group, lumi=lumi)[0] for group in self.groups]
        return [*parameters, *(each.parameter for each in self.systematics)]

    def standard_model(self) -> Array:
        """Counts per bin without the coupling."""
        values = self._counts("all", self.source, self.physics)
        return np.asarray(values[0] + values[1] if self.hypothesis.replaces_standard_model else values[0])

    def samples(self) -> list[Sample]:
        """Samples with the coupling as a normfactor or as a signed polynomial."""
        samples = []
        scale = self.hypothesis.parameter_of_interest(self.flavor).scale
        for group in self.groups:
            counts = self._counts(group, self.source, self.physics)
            varied = self._varied(partial(self._counts, group))
            for power, values in counts.items():
                if not values.any() or (power > 0 and self._signed):
                    continue
                factor = scale if power > 0 else 1.0  # a factor of 1 stands for so many times x = 1
                ends = [(up[power], None if down is None else down[power]) for up, down in varied]
                shapes = self._shapes(factor * values, [_scaled(factor, pair) for pair in ends])
                modifiers = [
                    *self._constraints(group, factor * values),
                    *(shape for shape in shapes if not np.allclose(shape.up, factor * values, _SAME, 0.0)),
                    *self._coupling(power, counts),
                ]
                samples.append(self._sample(group, factor * values, modifiers, signal=power > 0))
        return samples

    def samples_at(self, coupling: float) -> list[Sample]:
        """Samples at one coupling, exact for every hypothesis.

        What the coupling adds is a sample with the strength ``mu``; where it takes away (an
        interference), the Standard Model's sample is smaller by so much.
        """
        samples = []
        counts = partial(self._parts_at, coupling)
        nominal = counts(self.source, self.physics)
        varied = self._varied(counts)
        for row, group in enumerate(self.groups):
            for signal in (False, True):
                values = nominal[signal][row]
                ends = [(up[signal][row], None if down is None else down[signal][row]) for up, down in varied]
                shapes = self._shapes(values, ends)
                # The same modifiers at all couplings: a signal of nothing has those of the others.
                kept = [
                    shape
                    for each, shape in zip(self.systematics, shapes, strict=True)
                    if not signal or self.hypothesis.rrpa or each.physics.atomic == self.physics.atomic
                ]
                modifiers = [*self._constraints(group, values), *kept]
                if signal:
                    modifiers.append(NormFactor(STRENGTH))
                samples.append(self._sample(group, values, modifiers, signal=signal))
        return samples

    def _varied(self, counts: Callable[[Source, RateOptions], Counts]) -> list[tuple[Counts, Counts | None]]:
        """Counts on both sides of each systematic; None on the minus side where that is the mirror image."""
        return [
            (
                counts(each.source, each.physics),
                None if each.minus is None else counts(each.minus, each.physics),
            )
            for each in self.systematics
        ]

    def _shapes(self, values: Array, ends: Sequence[tuple[Array, Array | None]]) -> list[HistoSys]:
        """A change of shape for each systematic."""
        return [
            mirrored(each.parameter.name, values, up)
            if down is None
            else HistoSys(each.parameter.name, up, down)
            for each, (up, down) in zip(self.systematics, ends, strict=True)
        ]

    def _parts_at(self, coupling: float, source: Source, physics: RateOptions) -> tuple[Array, Array]:
        """Counts of groups and bins at a coupling: of the Standard Model's samples and of the signal's."""
        standard, added = neutrino_counts_at(
            self.experiment, self.response, self.hypothesis, self.flavor, coupling, source, self.groups,
            physics,
        )  # fmt: skip
        return standard + np.minimum(added, 0), np.maximum(added, 0)

    @property
    def _signed(self) -> bool:
        return self.hypothesis.dependence is Dependence.POLYNOMIAL

    def _counts(self, group: str, source: Source, physics: RateOptions) -> dict[int, Array]:
        return neutrino_counts(
            self.experiment, self.response, self.hypothesis, self.flavor, source, group, physics
        )

    def _sample(
        self, group: str, values: Array, modifiers: list[Modifier], *, signal: bool = False
    ) -> Sample:
        name, title = "nu", f"{self.source.title} ν–e scattering"
        if signal and not self.hypothesis.replaces_standard_model:
            name, title = sample_name(self.hypothesis.name), self.hypothesis.title
            if self.labelled:
                name, title = f"{name}_{self.flavor}", f"{title}, {self.flavor}"
        elif not signal and self.hypothesis.replaces_standard_model:
            name, title = "nu_other_flavors", f"{self.source.title} ν–e scattering, other flavours"
        if group != "all":
            name, title = f"{name}_{group}", f"{title}, {group}"
        return Sample(name, title, values, tuple(modifiers))

    def _constraints(self, group: str, values: Array) -> list[Modifier]:
        parameter, fraction = _flux_parameter(self.source, group, lumi=self._needs_lumi())
        if parameter.sigma is not None:
            return [Lumi()]
        if self.options.constraint == "linear":
            return [linear_constraint(parameter.name, fraction, values)]
        return [NormSys(parameter.name, fraction)]

    def _coupling(self, power: int, counts: dict[int, Array]) -> list[Modifier]:
        poi = self.hypothesis.parameter_of_interest(self.flavor)
        if self._signed:
            reach = max(abs(bound) for bound in self.hypothesis.parameter_range(self.flavor).bounds)
            return [polynomial_modifier(poi.name, counts[0], counts[1], counts[2], poi.scale, reach)]
        return [NormFactor(poi.name)] if power > 0 else []

    def _needs_lumi(self) -> bool:
        """Whether the flux must be a ``lumi``, which multiplies a histosys and is linear."""
        if self.options.constraint != "linear" or not self._signed:
            return False
        if self.options.flux != "paper":
            raise ConfigError(
                "a signed coupling with --constraint linear takes its flux as the one lumi parameter that"
                " a model may have; add --flux paper, or use --constraint normsys"
            )
        return True


def merged(models: Sequence[NeutrinoModel]) -> list[Sample]:
    """Samples of several hypotheses whose cross sections add: one Standard Model, and each signal.

    A signed coupling is a modifier of the Standard Model's sample, so that this one has the modifiers of all.
    """
    # A strength of the Standard Model takes the place of its sample.
    ordered = sorted(models, key=lambda model: not model.hypothesis.replaces_standard_model)
    samples = {sample.name: sample for sample in ordered[0].samples()}
    strength = ordered[0].hypothesis.replaces_standard_model
    for model in ordered[1:]:
        for sample in model.samples():
            known = samples.get(sample.name)
            if known is None:
                samples[sample.name] = sample
            elif not strength:
                names = {modifier.name for modifier in known.modifiers}
                more = (entry for entry in sample.modifiers if entry.name not in names)
                samples[sample.name] = replace(known, modifiers=(*known.modifiers, *more))
    return list(samples.values())


def neutrino_models(
    experiment: Experiment, treatment: Treatment, tested: Sequence[Tested], options: BuildOptions
) -> list[NeutrinoModel]:
    """Prepare the scattering samples of one channel, for each hypothesis that is tested.

    Raises
    ------
    ConfigError
        If the experiment lacks the response that the options ask for.
    """
    kind = options.response or treatment.response
    source = experiment.neutrino_source(treatment, options.source)
    if options.flux == "paper" and source.common_uncertainty is None:
        raise ConfigError(f"--flux paper: is one parameter for the Sun; use --flux split with {source.name}")
    points = [breakpoints(hypothesis, experiment.target) for hypothesis, _ in tested]
    response = make_response(experiment, kind, max(points, key=len))  # of all those of any
    names = [hypothesis.name for hypothesis, _ in tested]
    return [
        NeutrinoModel(
            experiment, treatment, hypothesis, flavor, options, response, source,
            labelled=names.count(hypothesis.name) > 1,
        )
        for hypothesis, flavor in tested
    ]  # fmt: skip


def _scaled(factor: float, ends: tuple[Array, Array | None]) -> tuple[Array, Array | None]:
    up, down = ends
    return factor * up, None if down is None else factor * down


def _flux_parameter(source: Source, group: str, *, lumi: bool) -> tuple[Parameter, float]:
    """Flux parameter of a group of components, and its fractional uncertainty."""
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
    meaning = f"{source.title} {members} flux, {100 * chosen.uncertainty:.2g} % ({chosen.reference})"
    return Parameter(f"{group}_flux", meaning), chosen.uncertainty
