"""Hypotheses that also change the flavours on the way: rates in a source that a coupling changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nuhist.errors import ConfigError
from nuhist.physics.called import called
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.recoils import recoil_rates_at
from nuhist.physics.sources.registry import get_source, source_kind
from nuhist.physics.sources.source import Source
from nuhist.tables import Array


def on_the_way(hypothesis: Hypothesis, flavor: FlavorChoice, coupling: float, source: Source) -> Source:
    """A source as its neutrinos arrive where a coupling acts on the way, too.

    Parameters
    ----------
    hypothesis, flavor
        What is tested, and which flavours have the coupling.
    coupling
        In its unit.
    source
        Without the coupling; a source near the detector stays as it is.

    Raises
    ------
    ConfigError
        If the hypothesis acts on the way, and the source is none that knows matter, or already has what the
        coupling sets; an OptionError if its flavours are given otherwise.
    """
    if hypothesis.propagation is None or source.mass_states == "coherent":
        return source
    kind, _, given = source.name.partition(":")
    where = f"hypothesis {hypothesis.name}: propagation"
    wanted = called(hypothesis.propagation, where, coupling / hypothesis.reference, flavor)
    if not isinstance(wanted, Mapping) or not all(isinstance(each, str) for each in wanted):
        raise ConfigError(
            f"{where}: gives {wanted!r:.80}; expected a mapping from parameters of the source to their values"
        )
    known = {parameter.name for parameter in source_kind(kind).parameters}
    if not known.issuperset(wanted):
        raise ConfigError(
            f"{hypothesis.name}: acts on the way from the source, of which the source {kind} knows nothing;"
            " use the Sun, or a source near the detector"
        )
    taken = known.intersection(part.partition("=")[0] for part in given.split(",")).intersection(wanted)
    if taken:
        raise ConfigError(
            f"{hypothesis.name}: sets {min(taken)} of {kind} itself; leave it out of the source"
        )
    words = [*filter(None, given.split(",")), *(f"{name}={value:.12g}" for name, value in wanted.items())]
    return get_source(f"{kind}:{','.join(words)}")


def rates_in_source(
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    coupling: float,
    recoil_energy: Array,
    source: Source,
    groups: Sequence[str],
    options: RateOptions,
) -> tuple[Array, Array]:
    """:func:`nuhist.physics.recoils.recoil_rates_at` of a source's groups, which a coupling may change.

    Parameters
    ----------
    source, groups
        Source of the neutrinos, and which of its groups.
    hypothesis, flavor, coupling, recoil_energy, options
        As there.

    Returns
    -------
    The Standard Model's part in the source as it is, and what the coupling adds, each of shape
    ``(groups, *T.shape)``.
    """
    fluxes = [source.group(group).components for group in groups]
    standard, added = recoil_rates_at(hypothesis, flavor, coupling, recoil_energy, fluxes, options)
    moved = on_the_way(hypothesis, flavor, coupling, source)
    if moved is source:
        return standard, added
    fluxes = [moved.group(group).components for group in groups]
    arrived, added = recoil_rates_at(hypothesis, flavor, coupling, recoil_energy, fluxes, options)
    return standard, arrived + added - standard
