"""From an experiment and a hypothesis to a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, unknown_name
from nuhist.experiments.counts import neutrino_counts
from nuhist.experiments.experiment import (
    ARGON_CHOICES,
    FLUX_MODELS,
    RESPONSE_KINDS,
    Argon,
    Experiment,
    FluxModel,
    ResponseKind,
    Treatment,
    load_experiment,
    observed_counts,
    read_counts,
)
from nuhist.experiments.response import Response, make_response
from nuhist.histfactory.backgrounds import background_samples
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.histfactory.templates import (
    Channel,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    linear_constraint,
    mirrored,
)
from nuhist.histfactory.workspace import Workspace, make_workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import (
    Atomic,
    Dependence,
    FlavorChoice,
    Hypothesis,
    RateOptions,
    active_flavors,
    breakpoints,
    get_hypothesis,
)
from nuhist.physics.solar import FLUX_GROUPS, PAPER_FLUX_UNCERTAINTY, group_uncertainty
from nuhist.tables import Array

Constraint = Literal["normsys", "linear"]
CONSTRAINTS: tuple[Constraint, ...] = get_args(Constraint)


@dataclass(frozen=True)
class BuildOptions:
    """How a workspace is built; None stands for what the experiment's treatment says.

    Attributes
    ----------
    background
        Treatment of the data, ``"components"`` or ``"paper"`` where an experiment has both.
    ar37
        ³⁷Ar ``"fixed"``, ``"gaussian"`` (arXiv:2207.05036, eq. 11) or ``"flat"`` (0 to its maximum).
    constraint
        Constrained norms as ``"normsys"`` or as exactly ``"linear"`` factors.
    flux
        ``"split"``: one parameter per solar source; ``"paper"``: one for all, 7 %.
    atomic
        ``"step"`` or ``"rrpa"``, see :class:`nuhist.physics.hypotheses.RateOptions`.
    response
        ``"matrix"``, ``"gaussian"`` or ``"none"``, for the neutrino scattering.
    neutrino_mass
        eV, in the equivalent-photon approximation.
    observed
        CSV file with other observed counts.
    exposure
        Tonne year to scale everything to; needs ``asimov`` or ``observed``.
    asimov
        Take the expected counts without the coupling as observed.
    """

    background: str | None = None
    ar37: Argon | None = None
    constraint: Constraint = "normsys"
    flux: FluxModel | None = None
    atomic: Atomic = "step"
    response: ResponseKind | None = None
    neutrino_mass: float = 1.0
    observed: Path | None = None
    exposure: float | None = None
    asimov: bool = False

    def __post_init__(self) -> None:
        checks: tuple[tuple[str, str | None, Sequence[str]], ...] = (
            ("³⁷Ar treatment", self.ar37, ARGON_CHOICES),
            ("constraint", self.constraint, CONSTRAINTS),
            ("flux model", self.flux, FLUX_MODELS),
            ("response", self.response, RESPONSE_KINDS),
        )
        for kind, value, known in checks:
            if value is not None and value not in known:
                raise unknown_name(kind, value, known)
        if self.exposure is not None:
            if not 0 < self.exposure < np.inf:
                raise ConfigError(f"exposure {self.exposure:g} t yr: must be positive")
            if not self.asimov and self.observed is None:
                raise ConfigError("another exposure has no observed counts; add --asimov or --observed FILE")
        if self.asimov and self.observed is not None:
            raise ConfigError("--asimov and --observed exclude each other; keep one")


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
    kind = options.response or treatment.response
    response = make_response(experiment, kind, breakpoints(hypothesis))
    samples: list[Sample] = []
    parameters: list[Parameter] = []
    standard_model = np.zeros(experiment.bins)
    for group in ("all",) if options.flux == "paper" else FLUX_GROUPS:
        counts, shift = _counts_and_atomic_shift(
            experiment, treatment, response, hypothesis, flavor, group, options
        )
        standard_model += counts[0]
        if hypothesis.replaces_standard_model:
            standard_model += counts[1]
        flux = _flux_parameter(group, lumi=_needs_lumi(hypothesis, options))
        parameters.append(flux[0])
        samples += _neutrino_samples(hypothesis, flavor, group, counts, shift, flux, options)
    if treatment.atomic_response and options.atomic == "step":
        parameters.append(
            Parameter(
                "atomic_response",
                "electrons bound in the atom: 0 stepping function, +1 RRPA (arXiv:1610.04177)",
            )
        )
    others, more = background_samples(
        experiment, treatment, standard_model, options.ar37, linear=options.constraint == "linear"
    )
    samples, parameters = samples + others, parameters + more
    exposure = options.exposure or experiment.exposure
    samples = [sample.scaled(exposure / experiment.exposure) for sample in samples]
    channel = Channel(
        name=experiment.name,
        edges=experiment.edges,
        samples=tuple(samples),
        observed=_observed(experiment, treatment, hypothesis, flavor, samples, parameters, options),
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
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    samples: Sequence[Sample],
    parameters: Sequence[Parameter],
    options: BuildOptions,
) -> Array:
    """Observed counts: the experiment's, a user's, or those expected without the coupling."""
    if options.observed is not None:
        return read_counts(options.observed, experiment)
    if not options.asimov:
        return observed_counts(experiment, treatment)
    factors = {parameter.name: parameter.init for parameter in parameters}
    factors[hypothesis.parameter_of_interest(flavor).name] = (
        1.0 if hypothesis.replaces_standard_model else 0.0
    )
    total = np.zeros(experiment.bins)
    for sample in samples:
        counts = sample.counts
        for modifier in sample.modifiers:
            value = factors.get(modifier.name)
            if isinstance(modifier, NormFactor) and value is not None:
                counts = counts * value
            if isinstance(modifier, HistoSys) and value is not None:
                counts = counts + value * (modifier.up - modifier.down) / 2
        total += counts
    return total


def _needs_lumi(hypothesis: Hypothesis, options: BuildOptions) -> bool:
    """Whether the flux must be a ``lumi``, which multiplies a histosys and is linear.

    Raises
    ------
    ConfigError
        If more than one such parameter would be needed: a model has one at most.
    """
    if options.constraint != "linear" or hypothesis.dependence is not Dependence.POLYNOMIAL:
        return False
    if options.flux != "paper":
        raise ConfigError(
            "a signed coupling with --constraint linear takes its flux as the one lumi parameter that"
            " a model may have; add --flux paper, or use --constraint normsys"
        )
    return True


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


def _counts_and_atomic_shift(
    experiment: Experiment,
    treatment: Treatment,
    response: Response,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    group: str,
    options: BuildOptions,
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Counts per power of the coupling, and the same in the RRPA where it is a systematic."""
    physics = RateOptions(atomic=options.atomic, neutrino_mass_ev=options.neutrino_mass)
    counts = neutrino_counts(experiment, response, hypothesis, flavor, group, physics)
    if not treatment.atomic_response or options.atomic != "step":
        return counts, {}
    varied = replace(physics, atomic="rrpa")
    return counts, neutrino_counts(experiment, response, hypothesis, flavor, group, varied)


def _neutrino_samples(
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    group: str,
    counts: dict[int, Array],
    rrpa: dict[int, Array],
    flux: tuple[Parameter, float],
    options: BuildOptions,
) -> list[Sample]:
    """The Standard Model's sample and the coupling's, or one sample for a signed polynomial."""
    suffix, of = ("", "") if group == "all" else (f"_{group}", f", {group}")
    poi = hypothesis.parameter_of_interest(flavor).name
    signed = hypothesis.dependence is Dependence.POLYNOMIAL
    label = hypothesis.name.replace("-", "_")
    samples = []
    for power, values in counts.items():
        if (signed and power > 0) or not values.any():
            continue
        modifiers: list[Modifier] = [_flux_modifier(flux, values, options)]
        if power in rrpa and not np.array_equal(rrpa[power], values):
            modifiers.append(mirrored("atomic_response", values, rrpa[power]))
        if signed:
            modifiers.append(polynomial_modifier(poi, values, counts[1], counts[2], hypothesis.scale))
        elif power > 0:
            modifiers.append(NormFactor(poi))
        name = label if power > 0 and not hypothesis.replaces_standard_model else "nu"
        title = "solar ν–e scattering" if name == "nu" else hypothesis.title
        if hypothesis.replaces_standard_model and power == 0:
            name, title = "nu_other_flavors", "solar ν–e scattering, other flavours"
        samples.append(Sample(f"{name}{suffix}", f"{title}{of}", values, tuple(modifiers)))
    return samples


def _flux_modifier(flux: tuple[Parameter, float], values: Array, options: BuildOptions) -> Modifier:
    parameter, fraction = flux
    if parameter.sigma is not None:
        return Lumi()
    if options.constraint == "linear":
        return linear_constraint(parameter.name, fraction, values)
    return NormSys(parameter.name, fraction)
