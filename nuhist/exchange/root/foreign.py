"""A workspace of a ROOT file's histograms, by their names alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nuhist.__about__ import __version__
from nuhist.errors import ExchangeError
from nuhist.exchange.root.channel import NamedHistograms, report_outside
from nuhist.exchange.root.histograms import RootFile
from nuhist.exchange.samples import strength
from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import MEASUREMENT, Workspace, digest


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
    histograms = {path: file.histogram(path) for path in file.names()}
    channels = [
        NamedHistograms(channel, members, histograms, file.origin, message)
        for channel, members in _grouped(file).items()
    ]
    samples = dict.fromkeys(sample for channel in channels for sample in channel.samples)
    systematics = dict.fromkeys(cause for channel in channels for cause in channel.causes)
    report_outside(file.origin, histograms, message)
    factor = strength(signal, poi, samples, systematics, file.origin, message)
    block = {"name": factor.name, "bounds": [list(factor.bounds)], "inits": [1.0]}
    interest = {"poi": factor.name, "parameters": [block] if signal else []}
    spec = {
        "channels": [channel.to_spec(signal, factor.name, staterror=staterror) for channel in channels],
        "observations": [channel.observation(signal, asimov=asimov) for channel in channels],
        "measurements": [{"name": MEASUREMENT, "config": interest}],
        "version": "1.0.0",
    }
    validate(spec, file.origin)
    parameters = {
        cause: {"meaning": f"variation '{cause}' of {file.origin}", "unit": "standard deviations"}
        for cause in systematics
    }
    if signal:
        parameters[factor.name] = {"meaning": factor.scale.meaning, "unit": "1"}
    sidecar = {
        "nuhist_version": __version__,
        "command": command,
        "workspace_digest": digest(spec),
        **({"data": data_record(spec, "asimov")} if asimov else {}),
        "poi": factor.record(),
        "channels": {channel.name: channel.describe() for channel in channels if channel.in_kev},
        "parameters": parameters,
    }
    return Workspace(spec, sidecar, file.origin)


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
