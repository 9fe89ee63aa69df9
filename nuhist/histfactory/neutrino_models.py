"""Models of the neutrinos of a channel: which source, which response, and which neutrinos are refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.interaction import SourceChoice
from nuhist.experiments.response import make_response
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.options import BuildOptions
from nuhist.physics.recoils import breakpoints
from nuhist.physics.together import Tested


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
    points = [
        breakpoints(hypothesis, experiment.target, source.components, experiment.process)
        for hypothesis, _ in tested
    ]
    response = make_response(experiment, kind, reduce(np.union1d, points))
    names = [hypothesis.name for hypothesis, _ in tested]
    return [
        NeutrinoModel(
            experiment, treatment, hypothesis, flavor, options, response, source,
            labelled=names.count(hypothesis.name) > 1,
        )
        for hypothesis, flavor in tested
    ]  # fmt: skip


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
