"""Samples of neutrino-electron scattering: the Standard Model's and the coupling's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts, neutrino_counts_at
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.response import Response, make_response
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.histfactory.templates import (
    STRENGTH,
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
from nuhist.physics.hypotheses import Dependence, FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.recoils import breakpoints
from nuhist.physics.solar import FLUX_GROUPS, PAPER_FLUX_UNCERTAINTY, group_uncertainty
from nuhist.physics.together import Tested
from nuhist.tables import Array


@dataclass(frozen=True, eq=False)
class NeutrinoModel:
    """What the scattering samples of one channel are made from.

    Attributes
    ----------
    experiment, treatment, hypothesis, flavor, options
        What is built; the options with the treatment's defaults filled in.
    response
        Of the detector, split where the hypothesis' rates are not smooth.
    labelled
        Whether samples of the signal are named after the flavour, too.
    """

    experiment: Experiment
    treatment: Treatment
    hypothesis: Hypothesis
    flavor: FlavorChoice
    options: BuildOptions
    response: Response
    labelled: bool = False

    @property
    def physics(self) -> RateOptions:
        """Choices of the physics."""
        mass = self.options.neutrino_mass
        if mass is None:
            return RateOptions(atomic=self.options.atomic)
        return RateOptions(atomic=self.options.atomic, neutrino_mass_ev=mass)

    @property
    def has_atomic_response(self) -> bool:
        """Whether the difference of RRPA and stepping function is a systematic."""
        return self.treatment.atomic_response and self.options.atomic == "step"

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of fluxes with a parameter each."""
        return ("all",) if self.options.flux == "paper" else tuple(FLUX_GROUPS)

    def parameters(self) -> list[Parameter]:
        """Flux parameters, and the atomic response; a ConfigError if the constraints cannot be written."""
        lumi = self._needs_lumi()
        parameters = [_flux_parameter(group, lumi=lumi)[0] for group in self.groups]
        if self.has_atomic_response:
            meaning = "electrons bound in the atom: 0 stepping function, +1 RRPA (arXiv:1610.04177)"
            parameters.append(Parameter("atomic_response", meaning))
        return parameters

    def standard_model(self) -> Array:
        """Counts per bin without the coupling."""
        values = self._counts("all", self.physics)
        return np.asarray(values[0] + values[1] if self.hypothesis.replaces_standard_model else values[0])

    def samples(self) -> list[Sample]:
        """Samples with the coupling as a normfactor or as a signed polynomial."""
        samples = []
        scale = self.hypothesis.parameter_of_interest(self.flavor).scale
        for group in self.groups:
            counts = self._counts(group, self.physics)
            bound = counts
            if self.has_atomic_response:
                bound = self._counts(group, replace(self.physics, atomic="rrpa"))
            for power, values in counts.items():
                if not values.any() or (power > 0 and self._signed):
                    continue
                factor = scale if power > 0 else 1.0  # a factor of 1 stands for so many times x = 1
                same = np.array_equal(values, bound[power])
                modifiers = [
                    *self._constraints(group, factor * values, None if same else factor * bound[power]),
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
        standard, added = self._counts_at(coupling)
        taken, given = np.minimum(added, 0), np.maximum(added, 0)
        for row, group in enumerate(self.groups):
            plain, signal = standard[row] + taken[row], given[row]
            bound: tuple[Array | None, Array | None] = None, None
            if self.has_atomic_response:
                ratio = self.hypothesis.rrpa
                rrpa = self._counts(group, replace(self.physics, atomic="rrpa"))
                shift = rrpa[0] - standard[row]
                bound = plain + shift, None
                if ratio:
                    x = coupling / self.hypothesis.reference
                    more = np.asarray(sum(x**power * rrpa[power] for power in rrpa if power > 0))
                    bound = rrpa[0] + np.minimum(more, 0), np.maximum(more, 0)
            samples.append(self._sample(group, plain, self._constraints(group, plain, bound[0])))
            modifiers = [*self._constraints(group, signal, bound[1]), NormFactor(STRENGTH)]
            samples.append(self._sample(group, signal, modifiers, signal=True))
        return samples

    @property
    def _signed(self) -> bool:
        return self.hypothesis.dependence is Dependence.POLYNOMIAL

    def _counts(self, group: str, physics: RateOptions) -> dict[int, Array]:
        return neutrino_counts(self.experiment, self.response, self.hypothesis, self.flavor, group, physics)

    def _counts_at(self, coupling: float) -> tuple[Array, Array]:
        return neutrino_counts_at(
            self.experiment,
            self.response,
            self.hypothesis,
            self.flavor,
            coupling,
            self.groups,
            self.physics,
        )

    def _sample(
        self, group: str, values: Array, modifiers: list[Modifier], *, signal: bool = False
    ) -> Sample:
        name, title = "nu", "solar ν–e scattering"
        if signal and not self.hypothesis.replaces_standard_model:
            name, title = sample_name(self.hypothesis.name), self.hypothesis.title
            if self.labelled:
                name, title = f"{name}_{self.flavor}", f"{title}, {self.flavor}"
        elif not signal and self.hypothesis.replaces_standard_model:
            name, title = "nu_other_flavors", "solar ν–e scattering, other flavours"
        if group != "all":
            name, title = f"{name}_{group}", f"{title}, {group}"
        return Sample(name, title, values, tuple(modifiers))

    def _constraints(self, group: str, values: Array, bound: Array | None) -> list[Modifier]:
        parameter, fraction = _flux_parameter(group, lumi=self._needs_lumi())
        modifiers: list[Modifier]
        if parameter.sigma is not None:
            modifiers = [Lumi()]
        elif self.options.constraint == "linear":
            modifiers = [linear_constraint(parameter.name, fraction, values)]
        else:
            modifiers = [NormSys(parameter.name, fraction)]
        if bound is not None:
            modifiers.append(mirrored("atomic_response", values, bound))
        return modifiers

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
    points = [breakpoints(hypothesis) for hypothesis, _ in tested]
    response = make_response(experiment, kind, max(points, key=len))  # of all those of any
    names = [hypothesis.name for hypothesis, _ in tested]
    return [
        NeutrinoModel(
            experiment, treatment, hypothesis, flavor, options, response,
            labelled=names.count(hypothesis.name) > 1,
        )
        for hypothesis, flavor in tested
    ]  # fmt: skip


def _flux_parameter(group: str, *, lumi: bool) -> tuple[Parameter, float]:
    """Flux parameter of a group of components, and its fractional uncertainty."""
    if lumi:
        sigma = PAPER_FLUX_UNCERTAINTY
        meaning = "all solar fluxes over their nominal values, 7 % as in arXiv:2207.05036"
        return Parameter("lumi", meaning, "1", (0.5, 1.5), 1.0, 1.0, sigma), sigma
    if group == "all":
        meaning = "all solar fluxes, 7 % as in arXiv:2207.05036"
        return Parameter("solar_nu_flux", meaning), PAPER_FLUX_UNCERTAINTY
    uncertainty = group_uncertainty(group)
    members = " + ".join(FLUX_GROUPS[group])
    meaning = f"solar {members} flux, {100 * uncertainty:.2g} % (arXiv:1611.09867)"
    return Parameter(f"{group}_flux", meaning), uncertainty
