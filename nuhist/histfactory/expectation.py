"""Whether a built workspace expects what the physics says: the last check of a hypothesis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts_at
from nuhist.histfactory.model_set import ModelSet
from nuhist.histfactory.templates import Channel, HistoSys, NormFactor, Sample
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis
from nuhist.tables import Array

_ROUNDING = 1e-12  # of all events, of which two sums are subtracted
_AGREEMENT = 1e-4  # of all events of scattering in a bin: a hundred times what a polynomial is off by


def refuse_other_expectation(
    models: ModelSet, channels: Sequence[Channel], hypothesis: Hypothesis, flavor: FlavorChoice
) -> None:
    """Hold what a workspace expects at two couplings against :func:`nuhist.spectrum`.

    Parameters
    ----------
    models
        What the channels were made from.
    channels
        With the coupling as a parameter.
    hypothesis, flavor
        What is tested.

    Raises
    ------
    ConfigError
        If the coupling changes no count, or other counts than it should.
    """
    scale = hypothesis.parameter_of_interest(flavor)
    changed = False
    for x in _couplings(hypothesis, flavor):
        coupling = x * hypothesis.reference
        parameter = scale.to_parameter(coupling)
        for model, channel in zip(models.models, channels, strict=True):
            neutrinos = model.neutrinos
            experiment = neutrinos.experiment
            exposure = channel.description["exposure_tonne_year"] / experiment.exposure
            standard, added = (
                exposure * counts[0]
                for counts in neutrino_counts_at(
                    experiment,
                    neutrinos.response,
                    hypothesis,
                    flavor,
                    coupling,
                    neutrinos.source,
                    ["all"],
                    neutrinos.physics,
                )
            )
            without = _counts(channel.samples, scale.name, 0.0)
            found = _counts(channel.samples, scale.name, parameter) - without
            changed |= bool(found.any())
            apart = np.abs(found - added) > _AGREEMENT * (standard + np.abs(added)) + _ROUNDING * without
            if apart.any():
                worst = int(np.argmax(np.abs(found - added)))
                raise ConfigError(
                    f"hypothesis {hypothesis.name}: at {scale.coupling} = {coupling:.3g}{spaced(scale.unit)}"
                    f" the workspace expects {found[worst]:.6g} events more than the Standard Model in"
                    f" channel '{channel.name}', bin {worst}; expected {added[worst]:.6g}, as nuhist spectrum"
                    " has it"
                )
    if not changed:
        raise ConfigError(
            f"hypothesis {hypothesis.name}: its coupling changes no expected count; expected terms that are"
            " not 0 where the experiments see anything"
        )


def _couplings(hypothesis: Hypothesis, flavor: FlavorChoice) -> tuple[float, float]:
    """Two values of x within the bounds: their ends, or where one is no coupling, a third of the other."""
    low, high = hypothesis.parameter_range(flavor).bounds
    if hypothesis.power > 1:
        low, high = (max(bound, 0.0) ** (1 / hypothesis.power) for bound in (low, high))
    return (low or high / 3, high or low / 3)


def _counts(samples: Iterable[Sample], name: str, value: float) -> Array:
    """Counts of the samples that have a parameter, at a value of it, all other parameters nominal."""
    return np.asarray(sum(_count(sample, name, value) for sample in samples))


def _count(sample: Sample, name: str, value: float) -> Array:
    counts = sample.counts
    for modifier in sample.modifiers:
        if modifier.name != name:
            continue
        if isinstance(modifier, NormFactor):
            counts = value * counts
        elif isinstance(modifier, HistoSys):
            # Interpolation code 4p of HistFactory between -1 and +1.
            odd = (modifier.up - modifier.down) / 2
            even = (modifier.up + modifier.down - 2 * sample.counts) / 16
            counts = counts + value * (odd + value * even * (15 + value**2 * (3 * value**2 - 10)))
        else:
            raise ConfigError(f"'{name}' is a {type(modifier).__name__} of sample '{sample.name}', too")
    return counts
