"""How plainly a channel sees a coupling: an estimate without a fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from nuhist.experiments.counts import own_counts
from nuhist.histfactory.channel import ChannelModel
from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.templates import (
    STRENGTH,
    Channel,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
)
from nuhist.physics.hypotheses import Dependence, Hypothesis
from nuhist.tables import Array

_NOTHING = 1e-9  # counts; a bin that expects none still has a width


@dataclass(frozen=True, eq=False)
class Seen:
    """A coupling in one channel.

    Attributes
    ----------
    hypothesis
        Whose coupling it is.
    parts
        Counts per bin by power of x = coupling / reference, all fluxes together.
    expected
        Counts per bin without the coupling.
    excess
        Observed counts less these.
    free
        What other parameters may change of the counts, each by one standard deviation or by half of
        its bounds, shape (parameters, bins).
    """

    hypothesis: Hypothesis
    parts: Mapping[int, Array]
    expected: Array
    excess: Array
    free: Array

    def added(self, bound: float | Array) -> Array:
        """Counts per bin that the coupling adds at a bound, which is of xᵖ, or at several in a column."""
        if self.hypothesis.dependence is Dependence.POLYNOMIAL:
            return bound * self.parts[1] + bound**2 * self.parts[2]
        without = 1.0 if self.hypothesis.replaces_standard_model else 0.0
        return (bound - without) * self.parts[self.hypothesis.power]

    def deviations(self, bound: float) -> float:
        """By how many standard deviations the data say that the coupling is not at a bound, about."""
        return self.deviations_of(self.added(bound))

    def deviations_of(self, added: Array) -> float:
        """The same of counts per bin that a coupling adds.

        All parameters are linear here, and an excess of the data counts for the coupling.
        """
        if not added.any():
            return 0.0
        width = np.sqrt(np.maximum(self.expected + np.maximum(added, 0.0), _NOTHING))
        # By Woodbury's identity, in units of each bin's width.
        free, signal = self.free / width, added / width
        inner = np.eye(len(free)) + free @ free.T
        weighed = signal - free.T @ np.linalg.solve(inner, free @ signal)
        seen = np.sqrt(max(float(signal @ weighed), 0.0))
        if seen == 0.0:
            return 0.0
        return float(seen - max(float(self.excess / width @ weighed) / seen, 0.0))


def seen_in(model: ChannelModel, place: int, channel: Channel) -> Seen:
    """How one of the couplings that are tested appears in a channel.

    Parameters
    ----------
    model, channel
        The channel, before and after its scattering samples are chosen.
    place
        Place of the coupling among those that are tested.
    """
    tested = model.tested[place]
    couplings = {each.hypothesis.parameter_of_interest(each.flavor).name for each in model.tested} | {
        STRENGTH
    }
    exposure = channel.description["exposure_tonne_year"] / tested.experiment.exposure
    parts: dict[int, Array] = {}
    for found in by_power(tested):
        for power, counts in found.items():
            parts[power] = parts.get(power, 0.0) + exposure * counts
    standard = parts[1] if tested.hypothesis.replaces_standard_model else 0.0
    others = (
        sample.counts
        for sample in channel.samples
        if not any(
            modifier.name in couplings and isinstance(modifier, NormFactor) for modifier in sample.modifiers
        )
    )
    expected = np.asarray(sum(others, np.zeros_like(channel.observed)) + standard)
    free = _free(channel.samples, model.parameters, couplings)
    return Seen(tested.hypothesis, parts, expected, channel.observed - expected, free)


def by_power(model: NeutrinoModel) -> list[dict[int, Array]]:
    """Counts per bin by power of x of each group of fluxes, and those of no flux, as measured."""
    own = own_counts(model.experiment, model.response, model.hypothesis)
    return [*(model.counts(group) for group in model.groups), own]


def _free(samples: tuple[Sample, ...], parameters: tuple[Parameter, ...], without: Collection[str]) -> Array:
    """What parameters may change of the counts, see :class:`Seen`."""
    known = {parameter.name: parameter for parameter in parameters}
    changes: dict[str, Array] = {}
    for sample in samples:
        for modifier in sample.modifiers:
            if modifier.name in without:
                continue
            if isinstance(modifier, HistoSys):
                change = (modifier.up - modifier.down) / 2
            elif isinstance(modifier, NormSys):
                change = modifier.fraction * sample.counts
            elif isinstance(modifier, Lumi):
                change = (known[modifier.name].sigma or 0.0) * sample.counts
            else:
                low, high = known[modifier.name].bounds or (0.0, 10.0)
                change = (high - low) / 2 * sample.counts
            changes[modifier.name] = changes.get(modifier.name, 0.0) + change
    return np.stack(list(changes.values())) if changes else np.zeros((0, samples[0].counts.size))
