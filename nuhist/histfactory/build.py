"""From an experiment and a hypothesis to a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment
from nuhist.histfactory.bounds import in_bounds
from nuhist.histfactory.expectation import refuse_other_expectation, refuse_other_product
from nuhist.histfactory.interest import interest_parameter
from nuhist.histfactory.model_set import ModelSet, model_set
from nuhist.histfactory.neutrino_models import refuse_narrow_rates
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.workspace import Workspace, make_workspace
from nuhist.histfactory.yield_deviations import with_deviations
from nuhist.keywords import with_fields
from nuhist.physics.hypotheses import Dependence, FlavorChoice, Hypothesis
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.rounding import refuse_noise
from nuhist.physics.together import hypotheses_together


@with_fields(BuildOptions)
def build(
    *experiments: str | Path | Experiment,
    hypothesis: str | Sequence[str],
    flavor: FlavorChoice | Sequence[FlavorChoice] = "effective",
    options: BuildOptions | None = None,
    command: str | None = None,
    **choices: Any,
) -> Workspace:
    """Build the workspace of a hypothesis or of several, for one experiment or for several together.

    Parameters
    ----------
    experiments
        Bundled names, folders with experiment.yaml, or :class:`Experiment` objects. Fluxes, the
        atomic response and the coupling are shared between them, all else is not.
    hypothesis
        Such as ``"magnetic-moment"``. Of several the couplings are parameters, the first one that of
        interest; their cross sections must add, see :mod:`nuhist.physics.together`.
    flavor
        ``"effective"`` (all flavours share the coupling), ``"e"``, ``"mu"`` or ``"tau"``; of several
        hypotheses one for all, or one for each.
    options, choices
        Fields of :class:`BuildOptions`, as an object or as keywords.
    command
        What the sidecar names as its origin.

    Raises
    ------
    ConfigError
        If a name is unknown, choices contradict each other, or hypotheses interfere.
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
    (tested, of), *further = hypotheses_together(hypothesis, flavor)
    refuse_no_polynomial(tested)
    return workspace_of(model_set(experiments, tested, of, options, further), command)


def workspace_of(models: ModelSet, command: str | None = None) -> Workspace:
    """The workspace of prepared channels, see :func:`build`."""
    for each in models.models[0].tested:
        if each.experiment.process == ELECTRON:
            refuse_noise(each.hypothesis, each.flavor, each.physics)
    for model in models.models:
        refuse_narrow_rates(model.tested)
    models = in_bounds(models)
    tested = models.models[0].tested
    couplings = [interest_parameter(each.hypothesis, each.flavor) for each in tested]
    for each, coupling in zip(tested, couplings, strict=True):
        if any(entry.name == coupling.name for entry in models.parameters):
            raise ConfigError(
                f"{each.hypothesis.name}: its parameter '{coupling.name}' is a nuisance parameter, too;"
                " expected another name"
            )
    channels = models.channels()
    for each in tested:
        refuse_other_expectation(models, channels, each.hypothesis, each.flavor)
    refuse_other_product(models, channels)
    return make_workspace(
        with_deviations(models.models, channels),
        [*couplings, *models.parameters],
        couplings[0].name,
        models.description(command),
        data=tested[0].options.data_kind,
    )


def refuse_no_polynomial(hypothesis: Hypothesis, each: str = "") -> None:
    """Refuse a hypothesis that cannot be one workspace.

    Parameters
    ----------
    hypothesis
        What is tested.
    each
        What there would be a workspace of each of, such as ``"value"``; nothing where there is one.

    Raises
    ------
    ConfigError
        With the command that writes a grid of signal points instead.
    """
    if hypothesis.dependence is not Dependence.GENERAL:
        return
    remedy = "use nuhist patchset, which writes its exact counts on a grid"
    if each:
        remedy = f"for each {each}, write a grid of its exact counts by nuhist patchset, and ask its limit"
    raise ConfigError(
        f"{hypothesis.name} is no polynomial in the coupling and cannot be one workspace; {remedy}"
    )
