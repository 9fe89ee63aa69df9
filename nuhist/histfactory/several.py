"""Samples of several couplings in one channel: those that add, and the product of two that interfere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from nuhist.histfactory.neutrinos import NeutrinoModel
from nuhist.histfactory.templates import (
    LINEAR_ENDS,
    LINEAR_SLOPE,
    HistoSys,
    Modifier,
    NormSys,
    Sample,
    rounded,
    sample_name,
)
from nuhist.physics.together import has_product
from nuhist.tables import Array


def merged(models: Sequence[NeutrinoModel]) -> list[Sample]:
    """Samples of several hypotheses: one Standard Model, each signal, and each product of two couplings.

    A signed coupling is a modifier of the Standard Model's sample, so that this one has the modifiers of all.
    """
    # A strength of the Standard Model takes the place of its sample.
    ordered = sorted(models, key=lambda model: not model.hypothesis.replaces_standard_model)
    samples = {sample.name: sample for sample in ordered[0].samples()}
    strength = ordered[0].hypothesis.replaces_standard_model
    for model in ordered[1:]:
        for sample in model.samples():
            known = samples.get(sample.name)
            if known is None:
                samples[sample.name] = sample
            elif not strength:
                names = {modifier.name for modifier in known.modifiers}
                more = (entry for entry in sample.modifiers if entry.name not in names)
                samples[sample.name] = replace(known, modifiers=(*known.modifiers, *more))
    for first, second in combinations(models, 2):
        if has_product((first.hypothesis, first.flavor), (second.hypothesis, second.flavor)):
            _add_product(samples, first, second)
    return list(samples.values())


def normsys_factor(modifier: NormSys, value: float) -> float:
    """By which a normsys multiplies, by interpolation code 4: a polynomial between ±1.

    Value, slope and curvature at ±1 are those of the exponential outside.
    """
    ends = 1 + modifier.fraction, 1 + (-modifier.fraction if modifier.lower is None else modifier.lower)
    if abs(value) >= 1:
        return float(ends[0] ** value if value > 0 else ends[1] ** -value)
    powers = np.arange(1, 7)
    rows, right = [], []
    for side, end in zip((1.0, -1.0), ends, strict=True):
        slope = side * np.log(end)
        rows += [side**powers, powers * side ** (powers - 1), powers * (powers - 1) * side**powers]
        right += [end - 1, end * slope, end * slope**2]
    return float(1 + np.linalg.solve(np.array(rows), np.array(right)) @ value**powers)


def _add_product(samples: dict[str, Sample], first: NeutrinoModel, second: NeutrinoModel) -> None:
    """A sample with the product of two signed couplings, and what it brings along taken from another one.

    A sample of nothing with a histosys of the one parameter, ± D, and a normsys of the other, 1 + k β, has
    D α + k D α β. D α is taken from the sample of the signed coupling, which has a histosys of α, too.
    """
    one, other = (each.hypothesis.parameter_of_interest(each.flavor) for each in (first, second))
    name = "_".join(sample_name(each.hypothesis.name) for each in (first, second))
    title = f"interference of {first.hypothesis.title} and {second.hypothesis.title}"
    for group, counts in first.crossed(second).items():
        if not counts.any():
            continue
        size = rounded(np.asarray(counts * (one.scale * other.scale / LINEAR_SLOPE)))
        signed = samples[first.signed_name(group)]
        modifiers = tuple(_less(entry, one.name, size) for entry in signed.modifiers)
        samples[signed.name] = replace(signed, modifiers=modifiers)
        exact = any(isinstance(entry, HistoSys) and entry.exact for entry in modifiers)
        upper, lower = LINEAR_ENDS
        product = (HistoSys(one.name, size, -size, exact), NormSys(other.name, upper - 1, lower - 1))
        ending = "" if group == "all" else f"_{group}"
        samples[name + ending] = Sample(
            name + ending,
            title + (f", {group}" if ending else ""),
            np.zeros_like(counts),
            (*first.constraints(group, counts, own=not first.hypothesis.of_neutrinos), *product),
        )


def _less(modifier: Modifier, name: str, size: Array) -> Modifier:
    if isinstance(modifier, HistoSys) and modifier.name == name:
        return replace(modifier, up=modifier.up - size, down=modifier.down + size)
    return modifier
