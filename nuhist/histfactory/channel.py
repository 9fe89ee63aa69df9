"""One channel of a model: its backgrounds, its scattering samples, its observed counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, OptionError
from nuhist.experiments.data import observed_counts, read_counts
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.monoenergetic import read_monoenergetic
from nuhist.histfactory.backgrounds import background_samples
from nuhist.histfactory.cut_response import cut_remarks
from nuhist.histfactory.neutrino_models import neutrino_models
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.several import merged
from nuhist.histfactory.templates import Channel, HistoSys, NormFactor, Parameter, Sample
from nuhist.physics.form_factors import FORM_FACTOR_SOURCES
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.moments import incoming
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.recoils import refuse_unused_mass
from nuhist.physics.sources.registry import source_tables
from nuhist.physics.together import Tested
from nuhist.tables import Array


@dataclass(frozen=True, eq=False)
class ChannelModel:
    """An experiment's channel before the scattering samples are chosen.

    Attributes
    ----------
    neutrinos
        Makes the scattering samples.
    backgrounds
        All other samples, at the experiment's own exposure.
    parameters
        Parameters of all constraints.
    further
        The same as ``neutrinos`` for further hypotheses, whose cross sections add.
    """

    neutrinos: NeutrinoModel
    backgrounds: tuple[Sample, ...]
    parameters: tuple[Parameter, ...]
    further: tuple[NeutrinoModel, ...] = ()

    @property
    def tested(self) -> tuple[NeutrinoModel, ...]:
        """Models of all hypotheses, the one of interest first."""
        return (self.neutrinos, *self.further)

    @cached_property
    def with_coupling(self) -> Channel:
        """The channel with the couplings as parameters."""
        return self.channel(merged(self.tested))

    def channel(self, scattering: Sequence[Sample]) -> Channel:
        """The channel with some scattering samples, scaled to the exposure asked for."""
        experiment, options = self.neutrinos.experiment, self.neutrinos.options
        exposure = options.exposure or experiment.exposure
        factor = exposure / experiment.exposure
        stays = {entry.name for entry in self.neutrinos.treatment.samples if not entry.with_exposure}
        samples = (
            *(sample.scaled(factor) for sample in scattering),
            *(sample if sample.name in stays else sample.scaled(factor) for sample in self.backgrounds),
        )
        observed = self._observed(samples)
        return Channel(
            name=experiment.name,
            edges=np.zeros(0) if experiment.axes else experiment.edges,
            samples=samples,
            observed=observed,
            description={
                **_axes(experiment),
                "experiment": experiment.name,
                "dataset": experiment.dataset,
                "title": experiment.title,
                "exposure_tonne_year": exposure,
                "counts_per_event": experiment.counts_per_event,
                "background": self.neutrinos.treatment.name,
                "response": options.response,
                "neutrino_source": self.neutrinos.source.name,
                **self._neutrinos_of_tables(),
                "target": experiment.target.name,
                "process": experiment.process,
                **self._terms(),
                "sources": [*experiment.sources, *self._cited()],
                "assumptions": [
                    *experiment.assumptions,
                    *self._seen(observed, factor),
                    self.neutrinos.source.description,
                ],
                **replaced(options),
                **self._warnings,
            },
        )

    def _neutrinos_of_tables(self) -> dict[str, Any]:
        """Which neutrinos recoil by a magnetic moment, where only a table knows: it may move or change."""
        model = self.neutrinos
        if model.experiment.process != ELECTRON:
            return {}
        if model.hypothesis.name != "magnetic-moment" or not source_tables(model.source.name):
            return {}
        middle = (model.experiment.edges[:-1] + model.experiment.edges[1:]) / 2
        return {"neutrinos": asdict(incoming(model.source, middle))}

    def _terms(self) -> dict[str, str]:
        """On which terms the counts were published; nothing where some are not the experiment's own."""
        experiment, options = self.neutrinos.experiment, self.neutrinos.options
        known = {"license": experiment.license, "url": experiment.url}
        ours = options.observed is None and not options.templates
        return {key: text for key, text in known.items() if text and ours}

    def _seen(self, observed: Array, factor: float) -> list[str]:
        """Which recoils a response of single energies knows, and how well stock HistFactory follows it."""
        response = self.neutrinos.response
        if response.anchored is None:
            return []
        energies = read_monoenergetic(self.neutrinos.experiment).energies
        others = factor * np.sum([sample.counts for sample in self.backgrounds], axis=0)
        off = self.neutrinos.deviations(factor, others, observed)
        one, two = (max(abs(off[key]) for key in off if key[-1] == size) for size in "12")
        return [
            f"2 ln L of the Standard Model's scattering is off by at most {one:.2g} at ±1 and {two:.2g} at ±2"
            " standard deviations of one parameter of the response, against straight lines between its"
            " anchors. Backgrounds that follow these parameters do so by a factor alone, which this leaves"
            " out.",
            f"Recoils below {energies[0]:g} keV and above {energies[-1]:g} keV are not seen: the response"
            " ends there, and is not extrapolated.",
        ]

    @cached_property
    def _warnings(self) -> dict[str, list[str]]:
        """What is wrong with the response, for the sidecar; nothing where all is well."""
        found = cut_remarks(self.neutrinos)
        return {"warnings": found} if found else {}

    def _cited(self) -> list[str]:
        """Where the numbers of source and target come from."""
        source, target = self.neutrinos.source, self.neutrinos.experiment.target
        cited = ", ".join(source.references)
        fluxes = f"Neutrinos of {source.name}: {cited}" if cited else f"Neutrinos of {source.name}"
        if self.neutrinos.experiment.process == ELECTRON:  # what is known of targets is of their electrons
            return [fluxes, *(f"Target {target.title}: {text}" for text in target.sources)]
        form_factor = FORM_FACTOR_SOURCES[self.neutrinos.physics.form_factor]
        nuclei = "isotopes and masses of the Python package periodictable"
        return [fluxes, f"Target {target.title}: {nuclei}; form factor: {form_factor}"]

    def _observed(self, samples: Sequence[Sample]) -> Array:
        model = self.neutrinos
        if model.options.observed is not None:
            return read_counts(model.options.observed, model.experiment)
        if not model.options.asimov:
            return observed_counts(model.experiment, model.treatment)
        values = {entry.name: entry.init for entry in self.parameters if entry.init is not None}
        for each in self.tested:
            coupling = each.hypothesis.parameter_of_interest(each.flavor)
            without = 1.0 if each.hypothesis.replaces_standard_model else 0.0
            values[coupling.name] = without / coupling.scale
        return _expected(samples, values)


def _axes(experiment: Experiment) -> dict[str, Any]:
    """What bins are of that are not of energy."""
    if not experiment.axes:
        return {}
    return {"axes": [{"name": name, "edges": edges.tolist()} for name, edges in experiment.axes]}


def replaced(options: BuildOptions) -> dict[str, Any]:
    """Where replaced backgrounds come from, for the sidecar; nothing where there are none."""
    found = {entry.sample: entry.source for entry in options.templates}
    return {"templates": found} if found else {}


def channel_model(
    experiment: Experiment,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    options: BuildOptions,
    further: Sequence[Tested] = (),
) -> ChannelModel:
    """Prepare a channel.

    Parameters
    ----------
    experiment
        Whose channel.
    hypothesis, flavor, further
        What is tested, see :func:`model_set`.
    options
        None in them stands for what the experiment's treatment says.

    Raises
    ------
    ConfigError
        If a name is unknown or choices contradict each other.
    OptionError
        If an option does nothing.
    DataError
        If a table cannot be used.
    """
    if options.ar37 is not None and experiment.argon37 is None:
        raise OptionError(f"{experiment.name} has no ³⁷Ar; leave ar37=... out")
    mass_is_given = options.neutrino_mass is not None
    treatment = experiment.treatment(options.background)
    options = _resolved(options, treatment)
    if options.exposure is not None and options.data_kind == "observed":
        raise ConfigError(
            f"{experiment.name}: another exposure has no observed counts; add asimov=True or observed=..."
        )
    neutrinos, *others = neutrino_models(experiment, treatment, ((hypothesis, flavor), *further), options)
    backgrounds, more = background_samples(
        experiment,
        treatment,
        neutrinos.standard_model(),
        options.ar37,
        linear=options.constraint == "linear",
        templates=options.templates,
    )
    if mass_is_given:
        refuse_unused_mass(hypothesis, *(each for each, _ in further))
    return ChannelModel(neutrinos, tuple(backgrounds), (*neutrinos.parameters(), *more), tuple(others))


def _resolved(options: BuildOptions, treatment: Treatment) -> BuildOptions:
    """Options with the treatment's defaults filled in; of a planned experiment the data are Asimov data."""
    planned = treatment.observed is None and options.observed is None
    return replace(
        options,
        asimov=options.asimov or planned,
        background=treatment.name,
        ar37=options.ar37 or treatment.argon37,
        flux=options.flux or treatment.flux,
        atomic=options.atomic or treatment.atomic,
        response=options.response or treatment.response,
        neutrino_mass=RateOptions.neutrino_mass_ev
        if options.neutrino_mass is None
        else options.neutrino_mass,
    )


def _expected(samples: Sequence[Sample], values: Mapping[str, float]) -> Array:
    """Counts expected at parameter values; parameters that are not named stay nominal."""
    total = np.zeros_like(samples[0].counts)
    for sample in samples:
        counts = sample.counts
        for modifier in sample.modifiers:
            if modifier.name not in values:
                continue
            if isinstance(modifier, NormFactor):
                counts = counts * values[modifier.name]
            elif isinstance(modifier, HistoSys):
                counts = counts + values[modifier.name] * (modifier.up - modifier.down) / 2
        total += counts
    return total
