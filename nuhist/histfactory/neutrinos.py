"""Samples of neutrino scattering: the Standard Model's and the coupling's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import (
    crossed_counts_by_group,
    neutrino_counts_at,
    neutrino_counts_by_group,
    own_counts,
    own_product_counts,
)
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.monoenergetic import parameters_of
from nuhist.experiments.response import Response
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.histfactory.systematics import (
    Systematic,
    detector_parameters,
    flux_parameter,
    systematics_of,
)
from nuhist.histfactory.templates import (
    STRENGTH,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    linear_constraint,
    sample_name,
)
from nuhist.histfactory.yields import YieldParts, yield_parts
from nuhist.physics.hypotheses import Dependence, FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.processes import PROCESSES
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.sources.source import Source
from nuhist.physics.together import own_product_of
from nuhist.tables import Array

_SAME = 1e-7  # relative: what straight lines between a table's nodes may make of a rate that stays
Parts = tuple[Array, Array]
# Both parts of the counts on both sides of a systematic, and whether what is added follows it.
Followed = tuple[tuple[Parts, Parts | None], bool]


@dataclass(frozen=True, eq=False)
class NeutrinoModel:
    """What the scattering samples of one channel are made from.

    Attributes
    ----------
    experiment, treatment, hypothesis, flavor, options
        What is built; the options with the treatment's defaults filled in.
    response
        Response of the detector, split where the hypothesis' rates are not smooth.
    source
        Source of the neutrinos.
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
            process=self.experiment.process,
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
        return systematics_of(self.treatment, self.source, self.physics)

    def parameters(self) -> list[Parameter]:
        """Flux parameters, and other systematics; a ConfigError if the constraints cannot be written."""
        lumi = self._needs_lumi()
        parameters = [flux_parameter(self.source, group, lumi=lumi)[0] for group in self.groups]
        detector = detector_parameters(self.experiment, self.response)
        return [*parameters, *(each.parameter for each in self.systematics), *detector]

    @cached_property
    def parts(self) -> YieldParts | None:
        """The response taken apart, where it has parameters."""
        names = tuple(each["parameter"] for each in parameters_of(self.experiment).values())
        return yield_parts(self.response, names)

    @property
    def _folding(self) -> Response:
        """What rates are folded with: the response, or its parts."""
        return self.response if self.parts is None else self.parts.response

    def _expanded(self, samples: list[Sample]) -> list[Sample]:
        """The samples that those of folded counts stand for."""
        if self.parts is None:
            return samples
        return [each for sample in samples for each in self.parts.samples(sample)]

    def standard_model(self) -> Array:
        """Counts per bin without the coupling."""
        found = self._standard_model()
        return found if self.parts is None else self.parts.nominal(found)

    def _standard_model(self) -> Array:
        powers = (0, 1) if self.hypothesis.replaces_standard_model else (0,)
        counts = [self._counts(group, self.source, self.physics) for group in self.groups]
        return np.asarray(sum(values[power] for values in counts for power in powers))

    def deviations(self, factor: float, others: Array, observed: Array) -> dict[str, float]:
        """By how much 2 ln L is off where the response has parameters, see :class:`YieldParts`."""
        if self.parts is None:
            return {}
        return self.parts.deviations(factor * self._standard_model(), others, observed)

    def at_anchors(self, x: float) -> Array:
        """Counts at all combinations of the response's anchors, shape (points, bins), for a coupling of x."""
        groups = [self._counts(group, self.source, self.physics) for group in self.groups]
        own = own_counts(self.experiment, self._folding, self.hypothesis)
        stacked = sum(x**power * counts for each in (*groups, own) for power, counts in each.items())
        points = int(np.prod([each.size for each in self.response.anchors]))
        found: Array = np.reshape(stacked, (-1, self.response.weights.shape[0]))[-points:]
        return found

    def samples(self) -> list[Sample]:
        """Samples with the coupling as a normfactor or as a signed polynomial."""
        samples = []
        scale = self.hypothesis.parameter_of_interest(self.flavor).scale
        for group in self.groups:
            counts = self._counts(group, self.source, self.physics)
            varied = [(each, self._ends(each, group)) for each in self.systematics]
            for power, values in counts.items():
                if not values.any() or (power > 0 and self._signed):
                    continue
                factor = scale if power > 0 else 1.0  # a factor of 1 stands for so many times x = 1
                modifiers = self.constraints(group, factor * values)
                for each, ends in varied:
                    rows = [None if end is None else factor * end[power] for end in ends]
                    shape = each.shape(factor * values, *rows)
                    if not np.allclose(shape.up, factor * values, _SAME, 0.0):
                        modifiers.append(shape)
                modifiers += self._coupling(power, counts)
                samples.append(self._sample(group, factor * values, modifiers, signal=power > 0))
        return self._expanded([*samples, *self._own_samples()])

    def _own_samples(self) -> list[Sample]:
        """Samples of a signal that is no neutrino's: no flux and no systematic of one changes it."""
        counts = own_counts(self.experiment, self._folding, self.hypothesis)
        if self._signed and counts:
            nothing = np.zeros_like(counts[1])
            modifiers = [*self._efficiency(), *self._coupling(1, {0: nothing, **counts})]
            return [self._sample("all", nothing, modifiers, signal=True)]
        scale = self.hypothesis.parameter_of_interest(self.flavor).scale
        return [
            self._sample(
                "all", scale * values, [*self._efficiency(), *self._coupling(power, {})], signal=True
            )
            for power, values in counts.items()
        ]

    def counts(self, group: str) -> dict[int, Array]:
        """Counts per bin of a group of fluxes by power of x, at the experiment's exposure."""
        found = self._counts(group, self.source, self.physics)
        if self.parts is None:
            return found
        return {power: self.parts.nominal(values) for power, values in found.items()}

    def _ends(self, each: Systematic, group: str) -> tuple[dict[int, Array], dict[int, Array] | None]:
        """Counts of a group on both sides of a systematic."""
        sides = (each.source, each.minus)
        up, down = (None if side is None else self._counts(group, side, each.physics) for side in sides)
        return up or {}, down

    def samples_at(self, coupling: float) -> list[Sample]:
        """Samples at one coupling, exact for every hypothesis.

        What the coupling adds is a sample with the strength ``mu``; where it takes away (an
        interference), the Standard Model's sample is smaller by so much.
        """
        samples = []
        standard, added = self._parts_at(coupling, self.source, self.physics)
        followed = [(each, self._followed(each, coupling, added)) for each in self.systematics]
        for row, group in enumerate(self.groups):
            for signal in (False, True):
                own = signal and not self.hypothesis.of_neutrinos
                if own and row > 0:
                    continue  # of no flux, so that it comes once
                values = self._part(standard, added, signal=signal)[row]
                modifiers = self.constraints(group, values, own=own)
                for each, (ends, signal_follows) in followed:
                    if not signal or signal_follows:
                        rows = [None if end is None else self._part(*end, signal=signal)[row] for end in ends]
                        modifiers.append(each.shape(values, *rows))
                if signal:
                    modifiers.append(NormFactor(STRENGTH))
                samples.append(self._sample("all" if own else group, values, modifiers, signal=signal))
        return self._expanded(samples)

    def _part(self, standard: Array, added: Array, *, signal: bool) -> Array:
        """What is a signal, or what is left of the Standard Model's where something is taken away."""
        if self.parts is not None or not self.hypothesis.of_neutrinos:  # whose samples are of either sign
            return added if signal else standard
        return np.maximum(added, 0) if signal else standard + np.minimum(added, 0)

    def _parts_at(self, coupling: float, source: Source, physics: RateOptions) -> tuple[Array, Array]:
        """Counts of groups and bins at a coupling: the Standard Model's, and what is added."""
        return neutrino_counts_at(
            self.experiment, self._folding, self.hypothesis, self.flavor, coupling, source, self.groups,
            physics,
        )  # fmt: skip

    def _followed(self, each: Systematic, coupling: float, added: Array) -> Followed:
        """Both parts on both sides of a systematic, and whether what is added follows it.

        As in one workspace, where a signed coupling is a change of shape of the Standard Model's sample and
        does not know of others.
        """
        follows = self.hypothesis.rrpa
        if each.source is not self.source:
            follows = self.hypothesis.dependence is Dependence.POWER and self.hypothesis.of_neutrinos

        def moved(source: Source) -> tuple[Array, Array]:
            if follows:
                return self._parts_at(coupling, source, each.physics)
            rows = [self._counts(group, source, each.physics)[0] for group in self.groups]
            return np.stack(rows), added

        return (moved(each.source), None if each.minus is None else moved(each.minus)), follows

    @property
    def _signed(self) -> bool:
        return self.hypothesis.dependence is Dependence.POLYNOMIAL

    @cached_property
    def _counted(self) -> dict[tuple[Source, RateOptions], dict[str, dict[int, Array]]]:
        """Counts of all groups that were asked for, by source and choices of the physics."""
        return {}

    def _counts(self, group: str, source: Source, physics: RateOptions) -> dict[int, Array]:
        key = source, physics
        if key not in self._counted:
            self._counted[key] = neutrino_counts_by_group(
                self.experiment, self._folding, self.hypothesis, self.flavor, source, self.groups, physics
            )
        return self._counted[key][group]

    def crossed(self, other: NeutrinoModel) -> dict[str, Array]:
        """Counts per bin of each group for a product of 1 of both couplings over their references."""
        named = own_product_of(self.hypothesis, other.hypothesis)
        if named is not None:
            return {"all": own_product_counts(self.experiment, self.response, *named)}
        if self.experiment.process != ELECTRON:
            raise ConfigError(
                f"{self.experiment.name}: nuclei recoil there, and the product of {self.hypothesis.name} and"
                f" {other.hypothesis.name} is known for electrons alone; build each alone"
            )
        tested = (self.hypothesis, self.flavor), (other.hypothesis, other.flavor)
        return crossed_counts_by_group(
            self.experiment, self.response, *tested, self.source, self.groups, self.physics
        )

    def signed_name(self, group: str) -> str:
        """Name of the sample of a group that a signed coupling changes: the Standard Model's, or its own."""
        return self._sample(group, np.zeros(0), [], signal=not self.hypothesis.of_neutrinos).name

    def _sample(
        self, group: str, values: Array, modifiers: list[Modifier], *, signal: bool = False
    ) -> Sample:
        process = PROCESSES[self.experiment.process]
        name, title = "nu", f"{self.source.title} {process.symbol} scattering"
        if signal and not self.hypothesis.replaces_standard_model:
            name, title = sample_name(self.hypothesis.name), self.hypothesis.title
            if self.labelled:
                name, title = f"{name}_{self.flavor}", f"{title}, {self.flavor}"
        elif not signal and self.hypothesis.replaces_standard_model:
            name, title = "nu_other_flavors", f"{title}, other flavours"
        if group != "all":
            title = f"{title}, {group}"
            name = group if name == "nu" and process.name != ELECTRON else f"{name}_{group}"
        return Sample(name, title, values, tuple(modifiers))

    def constraints(self, group: str, values: Array, *, own: bool = False) -> list[Modifier]:
        """Modifiers by which a sample of counts is uncertain, with the flux of a group unless it has none."""
        if own:
            return self._efficiency()
        parameter, fraction = flux_parameter(self.source, group, lumi=self._needs_lumi())
        if parameter.sigma is not None:
            return [Lumi()]
        if self.options.constraint == "linear":
            return [linear_constraint(parameter.name, fraction, values), *self._efficiency()]
        return [NormSys(parameter.name, fraction), *self._efficiency()]

    def _efficiency(self) -> list[Modifier]:
        return [] if self.experiment.signal_efficiency is None else [Lumi()]

    def _coupling(self, power: int, counts: dict[int, Array]) -> list[Modifier]:
        poi = self.hypothesis.parameter_of_interest(self.flavor)
        if self._signed and 1 not in counts:
            return []  # scattering that the coupling leaves alone
        if self._signed:
            reach = max(abs(bound) for bound in self.hypothesis.parameter_range(self.flavor).bounds)
            return [polynomial_modifier(poi.name, counts[0], counts[1], counts[2], poi.scale, reach)]
        return [NormFactor(poi.name)] if power > 0 else []

    def _needs_lumi(self) -> bool:
        """Whether the flux must be a ``lumi``, which multiplies a histosys and is linear."""
        if self.options.constraint != "linear" or not self._signed:
            return False
        if self.experiment.signal_efficiency is not None:
            raise ConfigError(
                f"{self.experiment.name}: its efficiency is the one lumi parameter that a model may have,"
                " which a signed coupling with constraint='linear' needs, too; use constraint='normsys'"
            )
        if self.options.flux != "paper":
            raise ConfigError(
                "a signed coupling with constraint='linear' takes its flux as the one lumi parameter that"
                " a model may have; add flux='paper', or use constraint='normsys'"
            )
        return True
