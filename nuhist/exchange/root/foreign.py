"""A workspace of a ROOT file's histograms, by their names alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, ExchangeError, OptionError, unknown_name
from nuhist.exchange.root.channel import NamedHistograms, report_outside
from nuhist.exchange.root.histograms import RootFile
from nuhist.exchange.samples import DEFAULT_POI, STRENGTH_BOUNDS
from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.interest import named_interest, told_of_reference
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import MEASUREMENT, Workspace, digest
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import Dependence, find_parameter


def foreign_workspace(
    file: RootFile,
    *,
    signal: Sequence[str] = (),
    poi: str | None = None,
    asimov: bool = False,
    staterror: bool = True,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of histograms ``CHANNEL/SAMPLE`` and ``CHANNEL/SAMPLE_SYSTEMATIC_Up``, ``..._Down``.

    A pair of variations becomes a normsys where it has the shape of its sample, else a histosys;
    ``CHANNEL/SAMPLE_SYSTEMATIC_Uncertainty`` a shapesys; ``CHANNEL/data`` the observed counts.
    Histograms that lie in no folder are one channel, called like the file.

    For the options see :func:`nuhist.exchange.root.read.import_root`.
    """
    if poi is not None and not signal:
        raise OptionError(f"--poi {poi}: scales no sample; name its samples with --signal")
    name = poi or DEFAULT_POI
    histograms = {path: file.histogram(path) for path in file.names()}
    channels = [
        NamedHistograms(channel, members, histograms, file.origin, message)
        for channel, members in _grouped(file).items()
    ]
    samples = dict.fromkeys(sample for channel in channels for sample in channel.samples)
    for entry in signal:
        if entry not in samples:
            raise unknown_name(f"sample of {file.origin}", entry, samples)
    systematics = dict.fromkeys(cause for channel in channels for cause in channel.causes)
    if signal and name in systematics:
        raise ConfigError(f"{file.origin}: '{name}' is a systematic already; choose another name with --poi")
    report_outside(file.origin, histograms, message)
    block = {"name": name, "bounds": [list(_strength_bounds(name))], "inits": [1.0]}
    interest = {"poi": name, "parameters": [block]} if signal else {"poi": "", "parameters": []}
    spec = {
        "channels": [channel.to_spec(signal, name, staterror=staterror) for channel in channels],
        "observations": [channel.observation(signal, asimov=asimov) for channel in channels],
        "measurements": [{"name": MEASUREMENT, "config": interest}],
        "version": "1.0.0",
    }
    validate(spec, file.origin)
    scale = (
        told_of_reference(named_interest(name), file.origin, message)
        if signal
        else CouplingScale("", "none", "1")
    )
    parameters = {
        cause: {"meaning": f"variation '{cause}' of {file.origin}", "unit": "standard deviations"}
        for cause in systematics
    }
    if signal:
        parameters[name] = {"meaning": scale.meaning, "unit": "1"}
    sidecar = {
        "nuhist_version": __version__,
        "command": command,
        "workspace_digest": digest(spec),
        **({"data": data_record(spec, "asimov")} if asimov else {}),
        "poi": {**asdict(scale), "meaning": scale.meaning if signal else "background only"},
        "channels": {channel.name: channel.describe() for channel in channels if channel.in_kev},
        "parameters": parameters,
    }
    return Workspace(spec, sidecar, file.origin)


def _strength_bounds(poi: str) -> tuple[float, float]:
    """Bounds of a factor on the signal; those of the coupling where nuhist knows it."""
    known = find_parameter(poi)
    if known is None:
        return STRENGTH_BOUNDS
    hypothesis, flavor = known
    if hypothesis.dependence is not Dependence.POWER:
        raise ConfigError(f"'{poi}' is a signed coupling, no factor on a template; choose another --poi")
    return hypothesis.parameter_range(flavor).bounds


def _grouped(file: RootFile) -> dict[str, list[str]]:
    """Paths of histograms by channel."""
    groups: dict[str, list[str]] = {}
    for path in file.names():
        folder, _, _ = path.rpartition("/")
        if "/" in folder:
            raise ExchangeError(f"{file.origin}: {path} lies too deep; expected CHANNEL/SAMPLE")
        groups.setdefault(folder, []).append(path)
    if not groups:
        raise ExchangeError(f"{file.origin}: has no histograms of one dimension; expected CHANNEL/SAMPLE")
    if "" in groups:
        if len(groups) > 1:
            raise ExchangeError(
                f"{file.origin}: {groups[''][0]} lies in no folder and others do; expected CHANNEL/SAMPLE"
            )
        return {Path(file.origin).stem: groups[""]}
    return groups
