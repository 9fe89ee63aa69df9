"""One channel of a model: its backgrounds, its scattering samples, its observed counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.experiments.experiment import (
    Experiment,
    Treatment,
    load_experiment,
    observed_counts,
    read_counts,
)
from nuhist.histfactory.backgrounds import background_samples
from nuhist.histfactory.neutrinos import NeutrinoModel, neutrino_model
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.templates import Channel, HistoSys, NormFactor, Parameter, Sample
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, active_flavors
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
        Of all constraints.
    """

    neutrinos: NeutrinoModel
    backgrounds: tuple[Sample, ...]
    parameters: tuple[Parameter, ...]

    def channel(self, scattering: Sequence[Sample]) -> Channel:
        """The channel with some scattering samples, scaled to the exposure asked for."""
        experiment, options = self.neutrinos.experiment, self.neutrinos.options
        exposure = options.exposure or experiment.exposure
        factor = exposure / experiment.exposure
        samples = tuple(sample.scaled(factor) for sample in (*scattering, *self.backgrounds))
        return Channel(
            name=experiment.name,
            edges=experiment.edges,
            samples=samples,
            observed=self._observed(samples),
            description={
                "experiment": experiment.name,
                "dataset": experiment.dataset,
                "title": experiment.title,
                "exposure_tonne_year": exposure,
                "counts_per_event": experiment.counts_per_event,
                "background": self.neutrinos.treatment.name,
                "response": options.response,
                "sources": list(experiment.sources),
                "assumptions": list(experiment.assumptions),
            },
        )

    def _observed(self, samples: Sequence[Sample]) -> Array:
        model = self.neutrinos
        if model.options.observed is not None:
            return read_counts(model.options.observed, model.experiment)
        if not model.options.asimov:
            return observed_counts(model.experiment, model.treatment)
        values = {entry.name: entry.init for entry in self.parameters if entry.init is not None}
        without = 1.0 if model.hypothesis.replaces_standard_model else 0.0
        values[model.hypothesis.parameter_of_interest(model.flavor).name] = without
        return _expected(samples, values)

    def description(self, command: str | None) -> dict[str, Any]:
        """What the sidecar says beside channels and parameters."""
        model = self.neutrinos
        coupling = model.hypothesis.parameter_of_interest(model.flavor)
        return {
            "nuhist_version": __version__,
            "command": command,
            "hypothesis": model.hypothesis.name,
            "flavor": model.flavor,
            "options": {
                key: str(value) if isinstance(value, Path) else value
                for key, value in asdict(model.options).items()
            },
            "poi": {**asdict(coupling), "meaning": coupling.meaning},
        }


def channel_model(
    experiment: str | Path | Experiment,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    options: BuildOptions,
) -> ChannelModel:
    """Prepare a channel.

    Parameters
    ----------
    experiment
        A bundled name, a folder with experiment.yaml, or an :class:`Experiment`.
    hypothesis, flavor
        What is tested.
    options
        None in them stands for what the experiment's treatment says.

    Raises
    ------
    ConfigError
        If a name is unknown or choices contradict each other.
    DataError
        If a table cannot be used.
    """
    active_flavors(flavor)
    if not isinstance(experiment, Experiment):
        experiment = load_experiment(experiment)
    treatment = experiment.treatment(options.background)
    options = _resolved(options, treatment)
    neutrinos = neutrino_model(experiment, treatment, hypothesis, flavor, options)
    backgrounds, more = background_samples(
        experiment,
        treatment,
        neutrinos.standard_model(),
        options.ar37,
        linear=options.constraint == "linear",
    )
    return ChannelModel(neutrinos, tuple(backgrounds), (*neutrinos.parameters(), *more))


def _resolved(options: BuildOptions, treatment: Treatment) -> BuildOptions:
    """Options with the treatment's defaults filled in."""
    return replace(
        options,
        background=treatment.name,
        ar37=options.ar37 or treatment.argon37,
        flux=options.flux or treatment.flux,
        response=options.response or treatment.response,
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
