"""Responses whose tables end too early: where recoils are seen, or where parameters are pulled."""

from __future__ import annotations

import numpy as np

from nuhist.experiments.experiment import Experiment, ResponseKind
from nuhist.experiments.monoenergetic import parameters_of, read_monoenergetic
from nuhist.experiments.response import Response, first_seen
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.physics.hypotheses import get_hypothesis
from nuhist.physics.recoils import recoil_rates
from nuhist.tables import Array

_SEEN = 0.01  # of the largest probability, from which the first one is no tail; bundled ones have 0.0012
_SOME = 500  # energies among which the largest is looked for
_MISSING = 0.01  # of the Standard Model's events above the last energy
_FAR = 2.0  # standard deviations, to which pulls are usual
_BEYOND = np.geomspace(1.0, 1e3, 600)  # times the last energy; neutrinos give no recoils further out


def cut_remarks(model: NeutrinoModel) -> list[str]:
    """Warnings of a response whose table ends too early, one line each."""
    experiment, kind = model.experiment, model.options.response
    if kind is None:
        return []
    return [*_below(experiment, kind, model.response), *_above(model, kind), *_held(model)]


def _held(model: NeutrinoModel) -> list[str]:
    """Parameters of a response that its anchors hold so near to 0 that a fit notices."""
    found = []
    names = [each["parameter"] for each in parameters_of(model.experiment).values()]
    for name, anchors in zip(names, model.response.anchors, strict=True):
        low, high = float(anchors[0]), float(anchors[-1])
        if max(low, -high) > -_FAR:
            found.append(
                f"{model.experiment.name}: its response has anchors of {name} from {low:g} to {high:g}"
                f" standard deviations, and fits hold the parameter between them; give anchors to ±{_FAR:g},"
                " or limits are too strong where it is pulled"
            )
    return found


def _below(experiment: Experiment, kind: ResponseKind, response: Response) -> list[str]:
    energy, seen = first_seen(experiment, kind, response)
    some = response.energy[:: max(1, response.energy.size // _SOME)]
    largest = response.probability(some).sum(axis=0).max(initial=0.0)
    if seen <= _SEEN * largest:
        return []
    return [
        f"{experiment.name}: its response begins at {energy:g} keV, where {seen:.2g} of the recoils are seen,"
        " and counts none below; add rows down to where none is seen, or one of 0 where it ends"
    ]


def _above(model: NeutrinoModel, kind: ResponseKind) -> list[str]:
    if kind != "monoenergetic":  # other tables that end inside the bins are refused
        return []
    experiment = model.experiment
    last = float(read_monoenergetic(experiment).energies[-1])
    seen = float(model.response.probability(np.array([last])).sum())
    counted = float(model.standard_model().sum())
    if seen == 0.0:
        return []
    energy: Array = last * _BEYOND
    standard = get_hypothesis("standard-model")
    rates = recoil_rates(standard, "effective", energy, model.source.components, model.physics)[1]
    events = float(np.sum((rates[1:] + rates[:-1]) / 2 * np.diff(energy)))
    above = seen * events * experiment.exposure * experiment.counts_per_event
    if above <= _MISSING * (counted + above):
        return []
    return [
        f"{experiment.name}: its response ends at {last:g} keV, where {seen:.2g} of the recoils are seen, and"
        f" counts none above, about {100 * above / (counted + above):.2g} % of the Standard Model's events;"
        " add rows up to where recoils end, or one of 0 where none is seen"
    ]
