"""ROOT templates that nuhist wrote, as the workspace that they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.documents import parse_json
from nuhist.errors import ExchangeError, OptionError
from nuhist.exchange.root.bin_labels import align_channel
from nuhist.exchange.root.channel import refuse_other_edges, report_outside
from nuhist.exchange.root.foreign import foreign_workspace
from nuhist.exchange.root.histograms import Histogram, RootFile, open_root
from nuhist.exchange.root.write import (
    DATA,
    DIRECTIONS,
    METADATA,
    VERSION,
    parameter_blocks,
    sample_path,
    variation_suffix,
    variations,
)
from nuhist.exchange.stored import as_written, filled
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.schemas import check

_ADVICE = "import it with ignore_metadata=True, which takes the histograms alone"
_ROUNDING = 1e-9


def import_root(
    path: Path,
    *,
    signal: Sequence[str] = (),
    poi: str | None = None,
    asimov: bool = False,
    staterror: bool = True,
    ignore_metadata: bool = False,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of the histograms in a ROOT file.

    A file that nuhist wrote gives back its workspace, with the counts that the histograms have now.
    Of another file the names of the histograms say what they are, see
    :func:`nuhist.exchange.root.foreign.foreign_workspace`, which the options are for.

    Parameters
    ----------
    path
        Path of the file.
    signal
        Samples that the parameter of interest scales. None: there is no parameter of interest.
    poi
        Its name, ``"mu"`` by default. One that nuhist knows, such as ``"mu_nu_squared"``, has its
        meaning: the signal is then that of the coupling's reference value.
    asimov
        Observe what is expected without the signal, whatever the file says was observed.
    staterror
        Whether a sample whose Sumw2 are not its counts gets a staterror.
    ignore_metadata
        Treat a file that nuhist wrote like any other.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for what is left out, has changed or could be read in two ways.

    Raises
    ------
    DataError
        If the file cannot be read, or uproot is not installed.
    ConfigError
        If options do not fit the file.
    ExchangeError
        If the file is none of ROOT or damaged, or histograms contradict each other or what the file
        says of them.
    ModelError
        If the result is no valid model.
    """
    file = open_root(path)
    text = None if ignore_metadata else file.text(METADATA)
    if text is None:
        return foreign_workspace(
            file, signal=signal, poi=poi, asimov=asimov, staterror=staterror, command=command, message=message
        )
    if signal or poi is not None or asimov or not staterror:
        raise OptionError(
            f"{path}: says itself what its signal, data and errors are; leave the options out, or"
            " add ignore_metadata=True"
        )
    return _stored_workspace(file, text, message)


def _stored_workspace(file: RootFile, text: str, message: Callable[[str], None]) -> Workspace:
    where = f"{file.origin}: {METADATA}"
    reader = _Reader(file)
    metadata = parse_json(text, f"{where}: is not what nuhist wrote", ExchangeError)
    with as_written(where, _ADVICE):
        if metadata["format"] != METADATA or metadata["version"] != VERSION:
            raise ExchangeError(f"{where}: version {metadata['version']} is not known here; {_ADVICE}")
        spec = filled(metadata["spec"], {"histogram": reader.counts, "errors": reader.errors})
        sidecar = metadata["sidecar"]
    validate(spec, where)
    _check_variations(reader, spec)  # which names the last of the histograms that are used
    _refuse_unused(reader)
    report_outside(file.origin, reader.histograms, message)
    if sidecar is None:
        return Workspace(spec, None, file.origin)
    check(sidecar, "sidecar", where, ExchangeError)
    found, exported = digest(spec), sidecar["workspace_digest"]
    if found != exported:
        message(f"{file.origin}: histograms have changed: digest {found[:12]}, exported {exported[:12]}")
        sidecar = {**sidecar, "workspace_digest": found}
    return Workspace(spec, _with_edges(sidecar, spec, reader.histograms), file.origin)


class _Reader:
    """Puts the counts of histograms in the places that refer to them, and knows which were used."""

    def __init__(self, file: RootFile) -> None:
        self.file = file
        self.histograms = {path: file.histogram(path, signed=True) for path in file.names()}
        self.used: set[str] = set()
        folders: dict[str, list[str]] = {}
        for path in self.histograms:
            siblings = folders.setdefault(path.rpartition("/")[0], [])
            siblings.append(path)
            refuse_other_edges(file.origin, path, siblings[0], self.histograms)
        for folder, siblings in folders.items():
            data = f"{folder}/{DATA}"
            reference = data if data in self.histograms else siblings[0]
            align_channel(siblings, self.histograms, file.origin, reference)

    def histogram(self, path: str) -> Histogram:
        """A histogram of the file."""
        found = self.histograms.get(path) or self.file.histogram(path)  # which says what is near
        self.used.add(path)
        return found

    def counts(self, path: str) -> list[float]:
        """Counts of a histogram."""
        counts: list[float] = self.histogram(path).counts.tolist()
        return counts

    def errors(self, path: str) -> list[float]:
        """Roots of the sums of squared weights of a histogram."""
        variances = self.histogram(path).variances
        if variances is None:
            raise ExchangeError(
                f"{self.file.origin}: {path}: has no Sumw2, from which its staterror comes; {_ADVICE}"
            )
        errors: list[float] = np.sqrt(variances).tolist()
        return errors


def _check_variations(reader: _Reader, spec: Mapping[str, Any]) -> None:
    """Refuse variations that are not what their normsys makes of the nominal counts."""
    blocks = parameter_blocks(spec)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            path = sample_path(channel["name"], sample["name"])
            for parameter, pair in variations(sample, blocks).items():
                for direction, expected in zip(DIRECTIONS, pair, strict=True):
                    place = path + variation_suffix(parameter, direction)
                    counts = reader.histogram(place).counts
                    bad = np.abs(counts - expected) > _ROUNDING * np.abs(expected).max()
                    if bad.any():
                        index = int(np.argmax(bad))
                        raise ExchangeError(
                            f"{reader.file.origin}: {place}: bin {index + 1} is {counts[index]:.6g}, but"
                            f" '{parameter}' makes {expected[index]:.6g} of {path}: scale it too, or"
                            f" {_ADVICE}"
                        )


def _refuse_unused(reader: _Reader) -> None:
    for path in reader.histograms:
        if path not in reader.used:
            raise ExchangeError(
                f"{reader.file.origin}: {path} is not in the file's metadata; take it out, or {_ADVICE}"
            )


def _with_edges(
    sidecar: Mapping[str, Any], spec: Mapping[str, Any], histograms: Mapping[str, Histogram]
) -> dict[str, Any]:
    """The sidecar with the edges that the histograms have."""
    channels = dict(sidecar["channels"])
    for name in {channel["name"] for channel in spec["channels"]} & channels.keys():
        if "edges_keV" not in channels[name]:  # its bins are of other axes
            continue
        edges = histograms[sample_path(name, DATA)].edges
        channels[name] = {**channels[name], "edges_keV": edges.tolist()}
    return {**sidecar, "channels": channels}
