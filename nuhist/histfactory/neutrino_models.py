"""Models of the neutrinos of a channel: which source, which response, and which neutrinos are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.interaction import SourceChoice
from nuhist.experiments.narrow import refuse_narrow
from nuhist.experiments.response import make_response
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.options import BuildOptions
from nuhist.physics.hypotheses import Hypothesis
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.source import Source
from nuhist.physics.together import Tested
from nuhist.tables import Array


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
    _refuse_other_neutrinos(experiment, treatment, options.source)
    if options.flux == "paper" and source.common_uncertainty is None:
        raise ConfigError(f"flux='paper': is one parameter for the Sun; use flux='split' with {source.name}")
    response = make_response(experiment, kind, _points(experiment, source, [each for each, _ in tested]))
    names = [hypothesis.name for hypothesis, _ in tested]
    return [
        NeutrinoModel(
            experiment, treatment, hypothesis, flavor, options, response, source,
            labelled=names.count(hypothesis.name) > 1,
        )
        for hypothesis, flavor in tested
    ]  # fmt: skip


def split_for_all(models: Sequence[NeutrinoModel]) -> list[NeutrinoModel]:
    """The same models of one channel, with a response that is split where the rates of all are not smooth."""
    first = models[0]
    points = _points(first.experiment, first.source, [each.hypothesis for each in models])
    if np.isin(points, first.response.breakpoints).all():
        return list(models)
    kind = first.options.response or first.treatment.response
    response = make_response(first.experiment, kind, points)
    return [replace(each, response=response) for each in models]


def _points(experiment: Experiment, source: Source, hypotheses: Sequence[Hypothesis]) -> Array:
    """Recoil energies in keV at which some rate is not smooth."""
    found = (
        breakpoints(each, experiment.target, source.components, experiment.process) for each in hypotheses
    )
    return reduce(np.union1d, found)


def refuse_narrow_rates(models: Sequence[NeutrinoModel]) -> None:
    """Refuse hypotheses of which a response would overlook a part, see :mod:`nuhist.experiments.narrow`."""
    for each in models:
        refuse_narrow(each.experiment, each.response, each.hypothesis, each.flavor, each.physics)


def _refuse_other_neutrinos(experiment: Experiment, treatment: Treatment, other: str | None) -> None:
    """Refuse neutrinos that cannot have made the data of an experiment."""
    own = (treatment.source or experiment.source).kind
    kind = own if other is None else SourceChoice(other, Path()).kind
    # A table may hold anybody's fluxes of the same source.
    if treatment.observed is not None and kind not in {own, "table"}:
        raise ConfigError(
            f"source='{other}': the counts of {experiment.name} were taken with neutrinos of {own}, whose"
            " events the model would lack; give a planned experiment, or a folder with an experiment.yaml"
        )
