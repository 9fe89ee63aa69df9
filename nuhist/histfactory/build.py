"""From an experiment and a hypothesis to a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError
from nuhist.experiments.experiment import (
    Experiment,
    Treatment,
    load_experiment,
    observed_counts,
    read_counts,
)
from nuhist.histfactory.backgrounds import background_samples
from nuhist.histfactory.neutrinos import neutrino_model
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.templates import Channel, HistoSys, NormFactor, Parameter, Sample
from nuhist.histfactory.workspace import Workspace, make_workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import (
    Dependence,
    FlavorChoice,
    Hypothesis,
    active_flavors,
    get_hypothesis,
)
from nuhist.tables import Array


def build(
    experiment: str | Path | Experiment,
    *,
    hypothesis: str,
    flavor: FlavorChoice = "effective",
    options: BuildOptions | None = None,
    command: str | None = None,
    **choices: Any,
) -> Workspace:
    """Build the workspace of one experiment and one hypothesis.

    Parameters
    ----------
    experiment
        A bundled name, a folder with experiment.yaml, or an :class:`Experiment`.
    hypothesis
        Such as ``"magnetic-moment"``.
    flavor
        ``"effective"`` (all flavours share the coupling), ``"e"``, ``"mu"`` or ``"tau"``.
    options, choices
        Fields of :class:`BuildOptions`, as an object or as keywords.
    command
        What the sidecar names as its origin.

    Raises
    ------
    ConfigError
        If a name is unknown or choices contradict each other.
    DataError
        If a table cannot be used.
    ModelError
        If the result is no valid model.

    Examples
    --------
    >>> workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    >>> [sample["name"] for sample in workspace.spec["channels"][0]["samples"]]
    ['nu', 'magnetic_moment', 'background']
    >>> workspace.sidecar["poi"]["meaning"]
    '(mu_nu / 1e-11 mu_B)^2'
    """
    options = replace(options or BuildOptions(), **choices)
    tested = get_hypothesis(hypothesis)
    active_flavors(flavor)
    if tested.dependence is Dependence.GENERAL:
        raise ConfigError(
            f"{tested.name} is no polynomial in the coupling and cannot be one workspace;"
            " use nuhist patchset, which writes its exact counts on a grid"
        )
    if not isinstance(experiment, Experiment):
        experiment = load_experiment(experiment)
    treatment = experiment.treatment(options.background)
    options = _resolved(options, treatment)
    channel, parameters = _channel(experiment, treatment, tested, flavor, options)
    coupling = tested.parameter_of_interest(flavor)
    poi = _poi_parameter(tested, coupling)
    description = {
        "nuhist_version": __version__,
        "command": command,
        "hypothesis": tested.name,
        "flavor": flavor,
        "options": {
            key: str(value) if isinstance(value, Path) else value for key, value in asdict(options).items()
        },
        "poi": {**asdict(coupling), "meaning": coupling.meaning},
    }
    return make_workspace([channel], [poi, *parameters], poi.name, description)


def _resolved(options: BuildOptions, treatment: Treatment) -> BuildOptions:
    """Options with the treatment's defaults filled in."""
    return replace(
        options,
        background=treatment.name,
        ar37=options.ar37 or treatment.argon37,
        flux=options.flux or treatment.flux,
        response=options.response or treatment.response,
    )


def _poi_parameter(hypothesis: Hypothesis, coupling: CouplingScale) -> Parameter:
    # Minuit that starts on a bound stays there, and a signed coupling is flat at 0: hence 0.1.
    start = 1.0 if hypothesis.replaces_standard_model else 0.1
    low, high = (bound / coupling.scale for bound in hypothesis.bounds)
    return Parameter(coupling.name, coupling.meaning, "1", (low, high), start / coupling.scale)


def _channel(
    experiment: Experiment,
    treatment: Treatment,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    options: BuildOptions,
) -> tuple[Channel, list[Parameter]]:
    neutrinos = neutrino_model(experiment, treatment, hypothesis, flavor, options)
    others, more = background_samples(
        experiment,
        treatment,
        neutrinos.standard_model(),
        options.ar37,
        linear=options.constraint == "linear",
    )
    parameters = [*neutrinos.parameters(), *more]
    exposure = options.exposure or experiment.exposure
    samples = [sample.scaled(exposure / experiment.exposure) for sample in (*neutrinos.samples(), *others)]
    without = 1.0 if hypothesis.replaces_standard_model else 0.0
    values = {parameter.name: parameter.init for parameter in parameters if parameter.init is not None}
    values[hypothesis.parameter_of_interest(flavor).name] = without
    channel = Channel(
        name=experiment.name,
        edges=experiment.edges,
        samples=tuple(samples),
        observed=_observed(experiment, treatment, samples, values, options),
        description={
            "experiment": experiment.name,
            "title": experiment.title,
            "exposure_tonne_year": exposure,
            "counts_per_event": experiment.counts_per_event,
            "background": treatment.name,
            "response": options.response,
            "sources": list(experiment.sources),
            "assumptions": list(experiment.assumptions),
        },
    )
    return channel, parameters


def _observed(
    experiment: Experiment,
    treatment: Treatment,
    samples: Sequence[Sample],
    values: Mapping[str, float],
    options: BuildOptions,
) -> Array:
    """Observed counts: the experiment's, a user's, or those expected at parameter values."""
    if options.observed is not None:
        return read_counts(options.observed, experiment)
    if not options.asimov:
        return observed_counts(experiment, treatment)
    total = np.zeros(experiment.bins)
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
