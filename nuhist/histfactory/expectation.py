"""Whether a built workspace expects what the physics says: the last check of a hypothesis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts_at
from nuhist.histfactory.model_set import ModelSet
from nuhist.histfactory.several import normsys_factor
from nuhist.histfactory.templates import Channel, HistoSys, NormFactor, NormSys, Sample
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis
from nuhist.physics.together import has_product
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
            without = _counts(channel.samples, {scale.name: 0.0})
            found = _counts(channel.samples, {scale.name: parameter}) - without
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


def refuse_other_product(models: ModelSet, channels: Sequence[Channel]) -> None:
    """Hold what a workspace expects at two couplings together against the interference of both.

    Parameters
    ----------
    models
        What the channels were made from.
    channels
        With the couplings as parameters.

    Raises
    ------
    ConfigError
        If the product of two couplings changes other counts than it should.
    """
    for model, channel in zip(models.models, channels, strict=True):
        exposure = channel.description["exposure_tonne_year"] / model.neutrinos.experiment.exposure
        for first, second in combinations(model.tested, 2):
            tested = (first.hypothesis, first.flavor), (second.hypothesis, second.flavor)
            crossed = sum(first.crossed(second).values()) if has_product(*tested) else np.zeros(1)
            scales = [hypothesis.parameter_of_interest(flavor) for hypothesis, flavor in tested]
            for pair in product(*(_couplings(*each) for each in tested)):
                values = {
                    scale.name: x**scale.power / scale.scale for scale, x in zip(scales, pair, strict=True)
                }
                single = [
                    {name: value if name == own else 0.0 for name, value in values.items()} for own in values
                ]
                both, none = (
                    _counts(channel.samples, values),
                    _counts(channel.samples, dict.fromkeys(values, 0.0)),
                )
                alone = [_counts(channel.samples, each) - none for each in single]
                found = both - none - sum(alone)
                expected = exposure * pair[0] * pair[1] * np.asarray(crossed)
                size = none + sum(np.abs(each) for each in alone)
                if np.any(np.abs(found - expected) > _AGREEMENT * size):
                    raise ConfigError(
                        f"{first.hypothesis.name} and {second.hypothesis.name}: the workspace expects"
                        f" {found.sum():.6g} events of the product of both couplings in channel"
                        f" '{channel.name}'; expected {expected.sum():.6g}"
                    )


def _couplings(hypothesis: Hypothesis, flavor: FlavorChoice) -> tuple[float, float]:
    """Two values of x within the bounds: their ends, or where one is no coupling, a third of the other."""
    low, high = hypothesis.parameter_range(flavor).bounds
    if hypothesis.power > 1:
        low, high = (max(bound, 0.0) ** (1 / hypothesis.power) for bound in (low, high))
    return (low or high / 3, high or low / 3)


def _counts(samples: Iterable[Sample], values: Mapping[str, float]) -> Array:
    """Counts of the samples that have some parameters, at values of these, all other parameters nominal."""
    return np.asarray(sum(_count(sample, values) for sample in samples))


def _count(sample: Sample, values: Mapping[str, float]) -> Array:
    counts, factor = sample.counts, 1.0
    for modifier in sample.modifiers:
        value = values.get(modifier.name)
        if value is None:
            continue
        if isinstance(modifier, NormFactor):
            factor *= value
        elif isinstance(modifier, HistoSys):
            # Interpolation code 4p of HistFactory between -1 and +1.
            odd = (modifier.up - modifier.down) / 2
            even = (modifier.up + modifier.down - 2 * sample.counts) / 16
            counts = counts + value * (odd + value * even * (15 + value**2 * (3 * value**2 - 10)))
        elif isinstance(modifier, NormSys):
            factor *= normsys_factor(modifier, value)
        else:
            raise ConfigError(
                f"'{modifier.name}' is a {type(modifier).__name__} of sample '{sample.name}', too"
            )
    return factor * counts
