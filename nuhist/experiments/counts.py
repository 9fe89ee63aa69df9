"""Expected counts per bin: neutrino scattering and backgrounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.data import binned_column
from nuhist.experiments.experiment import BackgroundSample, Experiment, ResponseKind
from nuhist.experiments.response import Response, make_response
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.interference import crossed_rates
from nuhist.physics.processes import refuse_other_process
from nuhist.physics.propagation import rates_in_source
from nuhist.physics.recoils import recoil_rates_by_flux
from nuhist.physics.sources.source import Source
from nuhist.physics.terms import own_line, own_product, own_rates
from nuhist.physics.together import Tested, shared_flavors
from nuhist.tables import Array, column, read_table


def neutrino_counts(
    experiment: Experiment,
    response: Response,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    source: Source,
    group: str,
    options: RateOptions,
) -> dict[int, Array]:
    """Expected counts of neutrino scattering per power of the coupling.

    Parameters
    ----------
    experiment, response
        The detector.
    hypothesis, flavor
        What is tested, see :func:`nuhist.physics.recoils.recoil_rates`.
    source
        Source of the neutrinos.
    group
        One of its flux groups, or ``"all"``.
    options
        Other choices of the physics; target and process are the experiment's.

    Returns
    -------
    Counts per bin for the experiment's exposure, for each power of coupling / reference; power 0
    is the Standard Model.
    """
    return neutrino_counts_by_group(experiment, response, hypothesis, flavor, source, [group], options)[group]


def neutrino_counts_by_group(
    experiment: Experiment,
    response: Response,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    source: Source,
    groups: Sequence[str],
    options: RateOptions,
) -> dict[str, dict[int, Array]]:
    """:func:`neutrino_counts` of several flux groups, by name; cross sections are evaluated once."""
    fluxes = [source.group(group).components for group in groups]
    physics = _on(experiment, options)
    rates = recoil_rates_by_flux(hypothesis, flavor, response.energy, fluxes, physics)
    factor = experiment.exposure * experiment.counts_per_event
    return {
        group: {power: factor * response.fold(values) for power, values in found.items()}
        for group, found in zip(groups, rates, strict=True)
    }


def crossed_counts_by_group(
    experiment: Experiment,
    response: Response,
    first: Tested,
    second: Tested,
    source: Source,
    groups: Sequence[str],
    options: RateOptions,
) -> dict[str, Array]:
    """Expected counts per bin of flux groups, by name, that a product of two couplings adds.

    Parameters
    ----------
    first, second
        Which two, see :func:`nuhist.physics.interference.crossed_rates`; both couplings are their references.
    experiment, response, source, groups, options
        As in :func:`neutrino_counts_by_group`.
    """
    fluxes = [source.group(group).components for group in groups]
    physics, flavors = _on(experiment, options), shared_flavors(first, second)
    rates = crossed_rates(first[0], second[0], flavors, response.energy, fluxes, physics)
    factor = experiment.exposure * experiment.counts_per_event
    return {group: factor * response.fold(values) for group, values in zip(groups, rates, strict=True)}


def own_counts(experiment: Experiment, response: Response, hypothesis: Hypothesis) -> dict[int, Array]:
    """Expected counts per bin, by power of coupling / reference, of a signal that is no neutrino's."""
    refuse_other_process(hypothesis, experiment.process)
    rates = own_rates(hypothesis, response.energy, experiment.target)
    factor = experiment.exposure * experiment.counts_per_event
    counts = {power: factor * response.fold(values) for power, values in rates.items()}
    return counts | _line_counts(experiment, response, hypothesis)


def own_product_counts(
    experiment: Experiment, response: Response, hypothesis: Hypothesis, other: str
) -> Array:
    """Expected counts per bin that the product of two such couplings adds, both being their references."""
    rates = own_product(hypothesis, other, response.energy, experiment.target)
    return np.asarray(experiment.exposure * experiment.counts_per_event * response.fold(rates))


def _line_counts(experiment: Experiment, response: Response, hypothesis: Hypothesis) -> dict[int, Array]:
    if hypothesis.line is None:
        return {}
    energy, events = own_line(hypothesis, experiment.target)
    factor = experiment.exposure * experiment.counts_per_event * events
    return {hypothesis.power: factor * response.probability(np.array([energy]))[:, 0]}


def neutrino_counts_at(
    experiment: Experiment,
    response: Response,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    coupling: float,
    source: Source,
    groups: Sequence[str],
    options: RateOptions,
) -> tuple[Array, Array]:
    """Expected counts at one coupling: the Standard Model's and what the coupling adds.

    Parameters are those of :func:`neutrino_counts`, with several flux groups.

    Returns
    -------
    Two arrays of shape (groups, bins).
    """
    physics = _on(experiment, options)
    rates = rates_in_source(hypothesis, flavor, coupling, response.energy, source, groups, physics)
    factor = experiment.exposure * experiment.counts_per_event
    standard, added = (factor * part @ response.weights.T for part in rates)
    for power, values in _line_counts(experiment, response, hypothesis).items():
        added[0] += (coupling / hypothesis.reference) ** power * values  # of no flux, so that it comes once
    return standard, added


def _on(experiment: Experiment, options: RateOptions) -> RateOptions:
    return replace(options, target=experiment.target, process=experiment.process)


def background_response(experiment: Experiment) -> Response:
    """The best response an experiment has, in which background lines and spectra are folded."""
    kind: ResponseKind = "none"
    if "resolution" in experiment.response:
        kind = "gaussian"
    if "matrix" in experiment.response:
        kind = "matrix"
    if "monoenergetic" in experiment.response:
        kind = "monoenergetic"
    return make_response(experiment, kind, np.array([]))


def background_counts(
    experiment: Experiment, sample: BackgroundSample, response: Response, standard_model: Array
) -> Array:
    """Expected counts per bin of one background.

    Parameters
    ----------
    experiment, sample
        Which background.
    response
        From :func:`background_response`.
    standard_model
        Counts of neutrino scattering, for a background that contains them.

    Raises
    ------
    ConfigError
        If the shape has no events in the range, or fewer than the scattering taken out of it.
    """
    (kind, value), *_ = sample.shape.items()
    scale = experiment.counts_per_event
    if kind == "counts":
        counts = scale * binned_column(experiment, value)
        if value.get("minus_standard_model", False):
            counts = _without(experiment, sample, counts, standard_model)
    elif kind == "density":
        counts = scale * experiment.exposure * _binned_density(experiment, value)
        if "minus" in value:
            counts = counts - scale * experiment.exposure * _binned_density(experiment, value["minus"])
            counts = np.maximum(counts, 0.0)
        if value.get("minus_standard_model", False):
            counts = _without(experiment, sample, counts, standard_model)
    elif kind == "flat":
        counts = response.fold(np.ones_like(response.energy))
    elif kind == "lines":
        energies = np.array([line["energy"] for line in value])
        counts = response.probability(energies) @ np.array([line["weight"] for line in value])
    elif kind == "spectrum":
        path = experiment.folder / value["table"]
        table = read_table(path)
        energy = column(path, table, value["energy"], increasing=True) * value.get("energy_in_kev", 1.0)
        density = column(path, table, value["value"], non_negative=True)
        counts = response.fold(np.interp(response.energy, energy, density, left=0.0, right=0.0))
    else:
        low, high = value
        counts = np.diff(np.clip(experiment.edges, low, high))
    if sample.events is None:
        return counts
    if counts.sum() <= 0:
        raise ConfigError(f"{experiment.name}: sample '{sample.name}' has no events in the range")
    return np.asarray(counts * (scale * sample.events / counts.sum()))


def _binned_density(experiment: Experiment, source: Mapping[str, str]) -> Array:
    """Events per tonne year and bin of a tabulated density, linear between its rows."""
    path = experiment.folder / source["table"]
    table = read_table(path)
    nodes = column(path, table, source["energy"], increasing=True)
    density = column(path, table, source["value"], non_negative=True)
    # Constant beyond the ends, so that a table of bin centres covers its outer bins.
    limits = np.union1d(nodes, experiment.edges)
    values = np.interp(limits, nodes, density)
    cumulative = np.append(0.0, np.cumsum(np.diff(limits) * (values[1:] + values[:-1]) / 2))
    return np.diff(cumulative[np.searchsorted(limits, experiment.edges)])


def _without(experiment: Experiment, sample: BackgroundSample, counts: Array, standard_model: Array) -> Array:
    """Counts less the scattering that they contain."""
    rest = counts - standard_model
    # A published total is rounded, so that a bin with next to nothing may come out below zero.
    slack = 0.02 * counts.sum() / counts.size
    if rest.min() < -slack:
        bad = int(np.argmin(rest))
        raise ConfigError(
            f"{experiment.name}: sample '{sample.name}', bin {bad}: {counts[bad]:.3g} counts are"
            f" fewer than the {standard_model[bad]:.3g} of neutrino scattering to be taken out"
        )
    return np.maximum(rest, 0.0)


def argon37_counts(experiment: Experiment, response: Response, events: float) -> Array:
    """³⁷Ar template per bin, normalised to a number of events.

    Raises
    ------
    ConfigError
        If the experiment has no ³⁷Ar.
    """
    if experiment.argon37 is None:
        raise ConfigError(f"{experiment.name} has no ³⁷Ar; leave ar37=... out")
    counts = response.probability(np.array([experiment.argon37.energy]))[:, 0]
    return np.asarray(counts * (experiment.counts_per_event * events / counts.sum()))
