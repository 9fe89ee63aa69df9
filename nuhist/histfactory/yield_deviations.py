"""How well samples follow the parameters of a response where a coupling is seen.

What a signed coupling adds has no slopes of its own in these parameters, see
:mod:`nuhist.histfactory.yields`, so that the Standard Model says too little of how far a model is off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from nuhist.histfactory.channel import ChannelModel
from nuhist.histfactory.morphing import bent, normsys
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.seen import Seen, seen_in
from nuhist.histfactory.templates import Channel, HistoSys, Lumi, NormFactor, Sample
from nuhist.tables import Array

_EXCLUDED = 1.6449  # standard deviations of a limit at 90 % CL, Δχ² = 2.7055
_PLACES = np.geomspace(1e-16, 1.0, 97)  # times a bound, where the coupling is looked for
_HALVINGS = 12  # between two of them
_LEAST = 1e-10  # counts; less cannot be expected


def with_deviations(models: Sequence[ChannelModel], channels: Sequence[Channel]) -> list[Channel]:
    """The channels, each of which says how far off it is with its couplings where it sees them."""
    made = []
    for model, channel in zip(models, channels, strict=True):
        texts = [text for place in range(len(model.tested)) for text in _texts(model, place, channel)]
        assumptions = [*channel.description["assumptions"], *texts]
        made.append(replace(channel, description={**channel.description, "assumptions": assumptions}))
    return made


def deviations_at(
    model: ChannelModel, place: int, channel: Channel, power_of_x: float, pulls: Array
) -> Array:
    """By how much 2 ln L of a channel is off at some pulls of the response's parameters, with a coupling.

    Parameters
    ----------
    model, channel
        The channel, before and after its scattering samples are chosen.
    place
        Place of the coupling among those that are tested; all others are without effect.
    power_of_x
        The coupling over its reference, to the power of the hypothesis.
    pulls
        In standard deviations, shape (points, parameters).
    """
    tested = model.tested[place]
    if tested.parts is None:
        return np.zeros(len(pulls))
    scale = tested.hypothesis.parameter_of_interest(tested.flavor)
    values = {each.name: np.full(len(pulls), each.init) for each in model.parameters if each.init is not None}
    for each in model.tested:
        without = 1.0 if each.hypothesis.replaces_standard_model else 0.0
        other = each.hypothesis.parameter_of_interest(each.flavor)
        values[other.name] = np.full(len(pulls), without / other.scale)
    values[scale.name] = np.full(len(pulls), power_of_x / scale.scale)
    values |= dict(zip(tested.parts.parameters, pulls.T, strict=True))
    known = {sample.name for sample in model.backgrounds}
    scattering = [sample for sample in channel.samples if sample.name not in known]
    others = sum(sample.counts for sample in channel.samples if sample.name in known)
    made = np.maximum(others + sum(_counts(sample, values) for sample in scattering), _LEAST)
    exposure = channel.description["exposure_tonne_year"] / tested.experiment.exposure
    x = power_of_x if tested.hypothesis.power == 1 else max(power_of_x, 0.0) ** (1 / tested.hypothesis.power)
    anchored = exposure * tested.at_anchors(x)
    exact = np.maximum(others + _between(tested.response.anchors, anchored, pulls), _LEAST)
    return np.asarray(2 * np.sum(made - exact - channel.observed * np.log(made / exact), axis=1))


def _texts(model: ChannelModel, place: int, channel: Channel) -> list[str]:
    tested = model.tested[place]
    if tested.parts is None or tested.hypothesis.replaces_standard_model:
        return []
    # What makes the signal itself uncertain is in proportion to it, and far too much at its reference.
    plain = tuple(sample for sample in channel.samples if not _is_signal(model, sample))
    found = seen_in(model, place, replace(channel, samples=plain))
    scale = tested.hypothesis.parameter_of_interest(tested.flavor)
    ends = [_seen_at(found, bound) for bound in tested.hypothesis.parameter_range(tested.flavor).bounds]
    seen = [value for value in ends if value is not None]
    off = []
    for size in (1.0, 2.0):
        pulls = _corners(tested, size)
        if len(pulls) and seen:  # anchors may end before
            largest = max(np.abs(deviations_at(model, place, channel, value, pulls)).max() for value in seen)
            off.append(f"{largest:.2g} at ±{size:g}")
    if not off:
        return []
    couplings = " and ".join(scale.shown(value / scale.scale) for value in seen)
    return [
        f"With {scale.coupling} at {couplings}, about where this channel alone excludes it at 90 % CL, 2 ln L"
        f" is off by at most {' and '.join(off)} standard deviations of the response's parameters, one"
        " or all of them."
    ]


def _is_signal(model: ChannelModel, sample: Sample) -> bool:
    """Whether a sample is that of a coupling alone."""
    couplings = {each.hypothesis.parameter_of_interest(each.flavor).name for each in model.tested}
    return any(isinstance(each, NormFactor) and each.name in couplings for each in sample.modifiers)


def _seen_at(found: Seen, bound: float) -> float | None:
    """The least value of a coupling towards a bound that a channel excludes, about; None for none."""
    before = 0.0
    for value in (bound * _PLACES).tolist() if bound else []:
        if found.deviations(value) >= _EXCLUDED:
            inside, outside = before, value
            for _ in range(_HALVINGS):
                middle = (inside + outside) / 2
                inside, outside = (
                    (inside, middle) if found.deviations(middle) >= _EXCLUDED else (middle, outside)
                )
            return float(outside)
        before = value
    return None


def _corners(tested: NeutrinoModel, size: float) -> Array:
    """All combinations of pulls of −size, 0 and size that lie within the anchors."""
    ends = [
        [value for value in (-size, 0.0, size) if each[0] <= value <= each[-1]]
        for each in tested.response.anchors
    ]
    return np.array([point for point in product(*ends) if any(point)]).reshape(-1, len(ends))


def _between(anchors: Sequence[Array], counts: Array, pulls: Array) -> Array:
    """Counts at combinations of anchors, the last parameter's fastest, on straight lines between these."""
    weights = np.ones((len(pulls), 1))
    for each, values in zip(anchors, pulls.T, strict=True):
        hats = np.stack([np.interp(values, each, row) for row in np.eye(each.size)], axis=1)
        weights = np.einsum("pi,pj->pij", weights, hats).reshape(len(pulls), weights.shape[1] * each.size)
    return weights @ counts


def _counts(sample: Sample, values: Mapping[str, Array]) -> Array:
    """Counts of a sample at values of parameters, shape (points, bins), as HistFactory has them."""
    points = len(next(iter(values.values())))
    counts, factor = np.tile(sample.counts, (points, 1)), np.ones(points)
    for modifier in sample.modifiers:
        if modifier.name not in values:
            continue
        value = values[modifier.name]
        if isinstance(modifier, HistoSys):
            slope, bend = (
                (modifier.up - modifier.down) / 2,
                (modifier.up + modifier.down) / 2 - sample.counts,
            )
            counts += np.outer(value, slope) + np.outer(bent(value), bend)
        elif isinstance(modifier, NormFactor | Lumi):
            factor = factor * value
        else:
            ends = (
                1 + modifier.fraction,
                1 + (-modifier.fraction if modifier.lower is None else modifier.lower),
            )
            factor = factor * normsys(ends, value)
    return factor[:, None] * counts
