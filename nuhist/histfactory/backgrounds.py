"""Background samples of a channel, with their constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nuhist.errors import ConfigError, unknown_name
from nuhist.experiments.counts import argon37_counts, background_counts, background_response
from nuhist.experiments.experiment import Argon, Argon37, BackgroundSample, Experiment, Treatment
from nuhist.experiments.monoenergetic import parameters_of
from nuhist.histfactory.options import ReplacedTemplate
from nuhist.histfactory.templates import (
    HistoSys,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    linear_constraint,
)
from nuhist.tables import Array
from nuhist.values import rough_percent

ARGON_SAMPLE = "ar37"
_FARTHEST = 10.0  # standard deviations


def background_samples(
    experiment: Experiment,
    treatment: Treatment,
    standard_model: Array,
    argon: Argon | None,
    *,
    linear: bool,
    templates: Sequence[ReplacedTemplate] = (),
) -> tuple[list[Sample], list[Parameter]]:
    """All backgrounds of a treatment, ³⁷Ar last.

    Parameters
    ----------
    experiment, treatment
        Whose backgrounds.
    standard_model
        Counts of neutrino scattering, for a background that contains them.
    argon
        How ³⁷Ar is treated; None where the experiment has none.
    linear
        Whether constrained norms are exactly linear instead of normsys.
    templates
        Backgrounds with other counts. Nothing is taken out of these, neither scattering nor ³⁷Ar.

    Raises
    ------
    ConfigError
        If the experiment has no ³⁷Ar to treat, a template has no counts, or one that is to replace
        a background's has other bins or no background of its name.
    """
    replaced = _replaced(experiment, templates)
    if argon is not None and experiment.argon37 is None:
        raise ConfigError(f"{experiment.name} has no ³⁷Ar; leave ar37=... out")
    response = background_response(experiment)
    samples: list[Sample] = []
    parameters: list[Parameter] = []
    argon_inside = False
    for sample in treatment.samples:
        other = replaced.pop(sample.name, None)
        counts = background_counts(experiment, sample, response, standard_model) if other is None else other
        constraint = sample.constraint
        if sample.constraint_without_argon37 is not None:
            argon_inside = True
            if argon not in (None, "fixed") and experiment.argon37 is not None:
                inside = argon37_counts(experiment, response, experiment.argon37.fitted)
                counts = _without_argon(experiment, sample, counts, inside) if other is None else other
                constraint = sample.constraint_without_argon37
        modifiers: list[Modifier] = []
        for key, factors in sample.variations.items():
            modifiers.append(_variation(experiment, sample, key, factors))
        norm = sample.parameter or f"{experiment.name}_{sample.name}_norm"
        if sample.free is not None:
            modifiers.append(NormFactor(norm))
            parameters.append(Parameter(norm, f"{sample.title}: free norm", "1", sample.free, 1.0))
        elif constraint is not None:
            straight = linear or sample.linear
            modifiers.append(
                linear_constraint(norm, constraint, counts) if straight else NormSys(norm, constraint)
            )
            # A norm of nothing is as low as a linear one goes.
            bounds = (-min(1 / constraint, _FARTHEST), _FARTHEST) if sample.linear else None
            parameters.append(
                Parameter(norm, f"{sample.title}: norm, {rough_percent(constraint)}", bounds=bounds)
            )
        samples.append(Sample(sample.name, sample.title, counts, tuple(modifiers)))
    if argon is not None and experiment.argon37 is not None and not (argon == "fixed" and argon_inside):
        argon37, other = experiment.argon37, replaced.pop(ARGON_SAMPLE, None)
        if other is None:
            nominal = argon37.fitted if argon == "fixed" else argon37.events
            counts = argon37_counts(experiment, response, nominal)
        else:
            counts, argon37 = other, replace(argon37, events=_events(experiment, other))
        argon_modifiers, more = _argon_modifiers(experiment.name, argon37, argon, counts)
        samples.append(Sample(ARGON_SAMPLE, "³⁷Ar", counts, argon_modifiers))
        parameters += more
    for name in replaced:
        unknown = unknown_name(f"background of {experiment.name}", name, [sample.name for sample in samples])
        raise ConfigError(
            f"{unknown}; neutrino scattering follows from the hypothesis, no template replaces it"
        )
    return samples, parameters


def _variation(
    experiment: Experiment, sample: BackgroundSample, key: str, factors: tuple[float, float]
) -> NormSys:
    """What a parameter of the response does to a background."""
    known = parameters_of(experiment)
    if key not in known:
        raise ConfigError(
            f"{experiment.name}: sample '{sample.name}': variations: '{key}' is no parameter of its response"
        )
    lower, upper = factors
    return NormSys(known[key]["parameter"], upper - 1, lower - 1)


def _replaced(experiment: Experiment, templates: Sequence[ReplacedTemplate]) -> dict[str, Array]:
    """Counts by name of the background that they replace."""
    found: dict[str, Array] = {}
    for entry in templates:
        edges, expected = entry.edges, experiment.edges
        # Edges that another program made may differ in the last digits.
        if edges.shape != expected.shape or (np.abs(edges - expected) > 1e-9 * expected[-1]).any():
            ours, theirs = (f"{len(e) - 1} bins from {e[0]:g} to {e[-1]:g} keV" for e in (expected, edges))
            if ours == theirs:
                first = int(np.argmax(edges != expected))
                theirs, ours = f"edge {first} at {edges[first]:.10g} keV", f"it at {expected[first]:.10g} keV"
            raise ConfigError(
                f"{entry.source}: has {theirs}, {experiment.name} has {ours}; the edges must be the same"
            )
        if entry.sample in found:
            raise ConfigError(f"{entry.source}: sample '{entry.sample}' is replaced twice; keep one")
        found[entry.sample] = entry.counts
    return found


def _events(experiment: Experiment, counts: Array) -> float:
    if counts.sum() <= 0:
        raise ConfigError(f"{experiment.name}: the template of {ARGON_SAMPLE} has no events")
    return float(counts.sum()) / experiment.counts_per_event


def _argon_modifiers(
    experiment: str, argon37: Argon37, argon: Argon, counts: Array
) -> tuple[tuple[Modifier, ...], list[Parameter]]:
    norm = f"{experiment}_ar37_norm"
    start = argon37.fitted / argon37.events
    if argon == "flat":
        high = argon37.maximum / argon37.events
        meaning = f"³⁷Ar over its {argon37.events:g} expected events, flat"
        return (NormFactor(norm),), [Parameter(norm, meaning, "1", (0.0, high), start)]
    if argon == "gaussian":
        # A normsys of 100 % would have lo = 0, which pyhf turns into NaN.
        meaning = f"³⁷Ar over its {argon37.events:g} expected events, less 1; ± 100 %"
        parameter = Parameter(norm, meaning, "1", (-1.0, 5.0), start - 1)
        return (HistoSys(norm, 2 * counts, 0 * counts),), [parameter]
    return (), []


def _without_argon(experiment: Experiment, sample: BackgroundSample, counts: Array, argon37: Array) -> Array:
    rest = counts - argon37
    if rest.min() < 0:
        bad = int(np.argmin(rest))
        raise ConfigError(
            f"{experiment.name}: sample '{sample.name}', bin {bad}: {counts[bad]:.3g} counts are"
            f" fewer than the {argon37[bad]:.3g} of ³⁷Ar to be taken out"
        )
    return rest
