"""From named templates to a workspace: samples, their variations, the strength of the signal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, ExchangeError, OptionError, unknown_name
from nuhist.histfactory.interest import named_interest, told_of_reference
from nuhist.histfactory.templates import Channel, HistoSys, NormFactor, Parameter, Sample
from nuhist.histfactory.workspace import Workspace, make_workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import Dependence, find_parameter
from nuhist.tables import Array, column, read_table

UP, DOWN = "_Up", "_Down"
_DEFAULT_POI = "mu"
_BOUNDS = (0.0, 10.0)  # pyhf's own


@dataclass(frozen=True, eq=False)
class NamedTemplates:
    """Templates of one channel in common bins.

    Expected events per bin have the names ``SAMPLE``, ``SAMPLE_PARAMETER_Up`` and ``SAMPLE_PARAMETER_Down``.
    Edges are in keV, or None where the bins are none of energy.
    """

    channel: str
    counts: Mapping[str, Array]
    edges: Array | None
    origin: str


def split_variations(names: Sequence[str], origin: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Which templates are samples and which are their variations.

    A name that ends in ``_Up`` or ``_Down`` belongs to the sample with the longest name that it
    begins with; what stands between is the parameter. For each sample there are, by parameter, the names of
    the templates at plus and minus one standard deviation.

    Examples
    --------
    >>> split_variations(["er", "er_tly_Up", "er_tly_Down"], "er.h5")
    {'er': {'tly': ('er_tly_Up', 'er_tly_Down')}}
    """
    found: dict[str, dict[str, tuple[str, str]]] = {
        name: {} for name in names if not name.endswith((UP, DOWN))
    }
    known = set(names)
    for name in names:
        side, other = (UP, DOWN) if name.endswith(UP) else (DOWN, UP)
        if not name.endswith(side):
            continue
        stem = name.removesuffix(side)
        partner = f"{stem}{other}"
        ends = [place for place in range(len(stem) - 1) if stem[place] == "_" and stem[:place] in found]
        if not ends:
            raise ExchangeError(
                f"{origin}: {name}: no sample has a name that it begins with; it should read"
                f" SAMPLE_PARAMETER{side}"
            )
        if partner not in known:
            raise ExchangeError(f"{origin}: {name} has no {partner}; add it, or leave both out")
        owner = stem[: ends[-1]]
        found[owner][stem.removeprefix(f"{owner}_")] = (f"{stem}{UP}", f"{stem}{DOWN}")
    return found


@dataclass(frozen=True)
class Strength:
    """The common factor on the samples of a signal; without a name where there is no signal."""

    name: str
    bounds: tuple[float, float]
    scale: CouplingScale

    def record(self) -> dict[str, Any]:
        """The strength as the sidecar has it."""
        return {**asdict(self.scale), "meaning": self.scale.meaning if self.name else "background only"}


def strength(
    signal: Sequence[str],
    poi: str | None,
    samples: Collection[str],
    causes: Collection[str],
    origin: str,
    message: Callable[[str], None],
) -> Strength:
    """What scales the samples of a signal. A name that nuhist knows has its meaning and its bounds.

    Raises
    ------
    ConfigError
        If there is no such sample, or ``poi`` has no signal, is no factor, or is a systematic's name.
    """
    if not signal:
        if poi is not None:
            raise OptionError(f"poi='{poi}': scales no sample; name its samples with signal=...")
        return Strength("", _BOUNDS, CouplingScale("", "none", "1"))
    for entry in signal:
        if entry not in samples:
            raise unknown_name(f"sample of {origin}", entry, samples)
    name, bounds = poi or _DEFAULT_POI, _BOUNDS
    if name in causes:
        raise ConfigError(f"{origin}: '{name}' is a systematic already; choose another name with poi=...")
    known = find_parameter(name)
    if known is not None:
        hypothesis, flavor = known
        if hypothesis.dependence is not Dependence.POWER:
            raise ConfigError(
                f"'{name}' is a signed coupling, no factor on a template; choose another name with poi=..."
            )
        bounds = hypothesis.parameter_range(flavor).bounds
    return Strength(name, bounds, told_of_reference(named_interest(name), origin, message))


def template_workspace(
    templates: NamedTemplates,
    signal: Sequence[str],
    *,
    poi: str | None = None,
    observed: Path | None = None,
    asimov: bool = False,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """A workspace of one channel from templates alone.

    Each sample gets a histosys per pair of variations. The signal's samples get one free factor, the
    parameter of interest; all other norms are fixed. For the options see
    :func:`nuhist.exchange.inference_interface.read.import_templates`.
    """
    if asimov == (observed is not None):
        raise ConfigError(
            f"{templates.origin}: templates have no observed counts; add either observed=... or asimov=True"
        )
    groups = split_variations(list(templates.counts), templates.origin)
    causes = dict.fromkeys(cause for variations in groups.values() for cause in variations)
    factor = strength(signal, poi, groups, causes, templates.origin, message)
    samples = []
    for name, variations in groups.items():
        modifiers = [
            HistoSys(cause, templates.counts[up], templates.counts[down])
            for cause, (up, down) in variations.items()
        ]
        factors = (NormFactor(factor.name),) if name in signal else ()
        samples.append(Sample(name, name, templates.counts[name], (*factors, *modifiers)))
    nothing = np.zeros_like(samples[0].counts)
    expected = sum((sample.counts for sample in samples if sample.name not in signal), nothing)
    counts = expected if observed is None else read_observed(observed, nothing.size)
    parameters = [Parameter(cause, f"variation '{cause}' of {templates.origin}") for cause in causes]
    if signal:
        parameters.insert(0, Parameter(factor.name, factor.scale.meaning, "1", factor.bounds, 1.0))
    edges = np.linspace(0, counts.size, counts.size + 1) if templates.edges is None else templates.edges
    description = {"nuhist_version": __version__, "command": command, "poi": factor.record()}
    channel = Channel(templates.channel, edges, tuple(samples), counts)
    workspace = make_workspace(
        [channel], parameters, factor.name, description, data="asimov" if asimov else "observed"
    )
    if templates.edges is None:  # the sidecar has edges in keV or none
        workspace = replace(workspace, sidecar={**(workspace.sidecar or {}), "channels": {}})
    return workspace


def read_observed(file: Path, bins: int) -> Array:
    """Observed counts from a CSV file with a column ``counts``, events per bin, shape (bins,)."""
    counts = column(file, read_table(file), "counts", non_negative=True)
    if counts.size != bins:
        raise ConfigError(f"{file}: has {counts.size} rows, the templates have {bins} bins")
    uneven = counts != np.round(counts)
    if uneven.any():
        bad = int(np.argmax(uneven))
        raise ConfigError(f"{file}: row {bad + 1}: {counts[bad]:g} is no whole number of events")
    return counts
