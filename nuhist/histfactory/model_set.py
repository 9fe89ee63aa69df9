"""The channels of one or several experiments, with the parameters that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, OptionError
from nuhist.experiments.experiment import Experiment
from nuhist.experiments.loading import load_experiments
from nuhist.histfactory.channel import ChannelModel, channel_model, replaced
from nuhist.histfactory.neutrino_models import split_for_all
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.templates import Channel, Parameter
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, active_flavors, title_of
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.together import Tested, refuse_unused_flavor


@dataclass(frozen=True, eq=False)
class ModelSet:
    """Channels of several experiments that test one hypothesis.

    Attributes
    ----------
    models
        One per experiment.
    parameters
        Parameters of all of them; those of one name are shared.
    """

    models: tuple[ChannelModel, ...]
    parameters: tuple[Parameter, ...]

    def testing(self, hypothesis: Hypothesis, place: int = 0) -> ModelSet:
        """The same for another hypothesis in the place of one."""
        models = []
        for model in self.models:
            tested = list(model.tested)
            tested[place] = replace(tested[place], hypothesis=hypothesis)
            tested = split_for_all(tested)
            models.append(replace(model, neutrinos=tested[0], further=tuple(tested[1:])))
        return ModelSet(tuple(models), self.parameters)

    def exposed(self, exposure: float) -> ModelSet:
        """The same with another exposure, in tonne year; of several experiments it is that of all of them.

        Each one has its part of that, in the ratio of their own exposures.
        """
        own = [model.neutrinos.experiment.exposure for model in self.models]
        models = []
        for model, part in zip(self.models, own, strict=True):
            options = replace(model.neutrinos.options, exposure=exposure * (part / sum(own)))
            models.append(replace(model, neutrinos=replace(model.neutrinos, options=options)))
        return ModelSet(tuple(models), self.parameters)

    @property
    def parts(self) -> dict[str, ModelSet]:
        """Each experiment by name; those of a set are together under the name of it."""
        found: dict[str, list[ChannelModel]] = {}
        for model in self.models:
            experiment = model.neutrinos.experiment
            found.setdefault(experiment.part_of or experiment.name, []).append(model)
        return {name: ModelSet(tuple(models), _shared(models)) for name, models in found.items()}

    def channels(self) -> list[Channel]:
        """Channels with the couplings as parameters."""
        return [model.with_coupling for model in self.models]

    def channels_at(self, coupling: float) -> list[Channel]:
        """Channels at one coupling."""
        return [model.channel(model.neutrinos.samples_at(coupling)) for model in self.models]

    def description(self, command: str | None) -> dict[str, Any]:
        """What the sidecar says beside channels and parameters."""
        first, *further = [_described(model) for model in self.models[0].tested]
        return {
            "nuhist_version": __version__,
            "command": command,
            **{name: first[name] for name in ("hypothesis", "flavor", "cited") if name in first},
            "options": {entry.neutrinos.experiment.name: _plain(entry) for entry in self.models},
            "poi": first["coupling"],
            **({"further": further} if further else {}),
        }


def _described(model: NeutrinoModel) -> dict[str, Any]:
    coupling = model.hypothesis.parameter_of_interest(model.flavor)
    return {
        "hypothesis": model.hypothesis.name,
        **({"flavor": model.flavor} if model.hypothesis.of_neutrinos else {}),
        **({"cited": model.hypothesis.cited} if _is_outside(model.hypothesis) else {}),
        "coupling": {**asdict(coupling), "meaning": coupling.meaning},
    }


def _is_outside(hypothesis: Hypothesis) -> bool:
    """Whether nobody but the sidecar will know what it cites: one of a file or of a table."""
    return bool(hypothesis.cited) and title_of(hypothesis.name) is None


def _plain(model: ChannelModel) -> dict[str, Any]:
    options = asdict(replace(model.neutrinos.options, templates=()))
    del options["templates"], options["allow_outside"]  # the command has it
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    return plain | replaced(model.neutrinos.options)


def model_set(
    experiments: Sequence[str | Path | Experiment],
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    options: BuildOptions,
    further: Sequence[Tested] = (),
) -> ModelSet:
    """Prepare the channels of one or several experiments.

    Parameters
    ----------
    experiments
        Bundled names, folders with experiment.yaml, or :class:`Experiment` objects.
    hypothesis, flavor
        What is tested.
    options
        For all of them; ³⁷Ar for those that have it.
    further
        Other hypotheses, whose couplings are parameters besides; their cross sections add.

    Raises
    ------
    ConfigError
        If there is none, two hold the same events or have one name, or an option cannot be shared.
    """
    if not experiments:
        raise ConfigError("name at least one experiment")
    active_flavors(flavor)
    refuse_unused_flavor(hypothesis, flavor)
    loaded = load_experiments(experiments, allow_outside=options.allow_outside)
    if len(loaded) > 1:
        _refuse_same_events(loaded)
        if options.observed is not None or options.exposure is not None:
            raise ConfigError(_of_one("observed=... and exposure=... belong", loaded))
        if options.templates:
            raise ConfigError(_of_one("templates=... belongs", loaded))
        if options.ar37 is not None and all(entry.argon37 is None for entry in loaded):
            raise OptionError("none of the experiments has ³⁷Ar; leave ar37=... out")
    if options.atomic is not None and all(entry.process != ELECTRON for entry in loaded):
        raise OptionError(
            f"atomic='{options.atomic}': is of electrons bound in the atom, and nuclei recoil in"
            f" {', '.join(entry.name for entry in loaded)}; leave it out"
        )
    models = []
    for experiment in loaded:
        bare = len(loaded) > 1 and experiment.argon37 is None
        chosen = replace(options, ar37=None) if bare else options
        models.append(channel_model(experiment, hypothesis, flavor, chosen, further))
    kinds = {model.neutrinos.options.data_kind: model.neutrinos.experiment.name for model in models}
    if len(kinds) > 1:
        raise ConfigError(
            f"{kinds['asimov']} is planned and has no observed counts, which the others have; add asimov=True"
        )
    return ModelSet(tuple(models), _shared(models))


def _shared(models: Sequence[ChannelModel]) -> tuple[Parameter, ...]:
    """Parameters of all channels, each once."""
    parameters: dict[str, Parameter] = {}
    for model in models:
        own: dict[str, Parameter] = {}
        for parameter in model.parameters:
            experiment, known = model.neutrinos.experiment.name, own.setdefault(parameter.name, parameter)
            if known != parameter:
                raise ConfigError(
                    f"{experiment}: the name '{parameter.name}' is taken twice, by {known.meaning} and by"
                    f" {parameter.meaning}; choose another name in its experiment.yaml"
                )
            if parameters.setdefault(parameter.name, parameter) != parameter:
                raise ConfigError(
                    f"{experiment}: '{parameter.name}' means something else in another experiment; build each"
                    f" alone, and join them by combine with decorrelate=['{parameter.name}']"
                )
    return tuple(parameters.values())


def _of_one(what: str, loaded: Sequence[Experiment]) -> str:
    """That options belong to one experiment, and which ones there are; a set is several."""
    names = ", ".join(entry.name for entry in loaded)
    part_of = {entry.part_of for entry in loaded}
    whole = next(iter(part_of)) if len(part_of) == 1 else None
    if whole is None:
        return f"{what} to one experiment, and there are {names}; build it alone and combine"
    return (
        f"{what} to one experiment, and {whole} is a set of {len(loaded)}, {names}; name one of them,"
        " or build each and combine them"
    )


def _refuse_same_events(experiments: Sequence[Experiment]) -> None:
    holders: dict[str, str] = {}
    for experiment in experiments:
        for key in {experiment.name, experiment.dataset or experiment.name}:
            if key in holders:
                raise ConfigError(
                    f"{holders[key]} and {experiment.name} hold the same events ({key}); leave one out"
                )
            holders[key] = experiment.name
