"""One-dimensional histograms in ROOT files: written as TH1D, read with checks."""

from __future__ import annotations

import difflib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError, missing_extra
from nuhist.exchange.root.directories import check_directories, stated_length
from nuhist.exchange.root.packed import LARGEST, unpacked_size
from nuhist.exchange.stored import damage
from nuhist.inputs import MEBIBYTE, read_bytes
from nuhist.tables import Array

ENERGY_TITLE = "reconstructed energy [keVee]"
BIN_TITLE = "bin"
COUNTS_TITLE = "events / bin"
_LARGEST, _SIGNATURE = 1024 * MEBIBYTE, b"root"


@dataclass(frozen=True, eq=False)
class Histogram:
    """A one-dimensional histogram.

    Attributes
    ----------
    edges, counts
        Shapes (bins + 1,), in keV in nuhist's files, and (bins,).
    variances
        Shape (bins,), or None where the file has no sums of squared weights.
    underflow, overflow
        Counts below the first and above the last edge.
    title, x_title
        Of the histogram and of its axis.
    labels
        Of the bins, empty where a bin has none; none at all where no bin has one.
    """

    edges: Array
    counts: Array
    variances: Array | None = None
    underflow: float = 0.0
    overflow: float = 0.0
    title: str = ""
    x_title: str = ""
    labels: tuple[str, ...] = ()


def th1d(
    counts: Array,
    edges: Array,
    variances: Array | None = None,
    *,
    title: str = "",
    x_title: str = ENERGY_TITLE,
) -> Any:
    """A TH1D that uproot can write; without variances (ROOT's Sumw2) ROOT takes the counts."""
    writing = _uproot().writing.identify
    values = np.concatenate(([0.0], counts, [0.0]))
    squares = None if variances is None else np.concatenate(([0.0], variances, [0.0]))
    centres = (edges[:-1] + edges[1:]) / 2
    bins = len(counts)
    return writing.to_TH1x(
        fName=None,  # uproot puts the name of the key there
        fTitle=title,
        data=values,
        fEntries=float(values.sum()),
        fTsumw=float(values.sum()),
        fTsumw2=float((values if squares is None else squares).sum()),
        fTsumwx=float(counts @ centres),
        fTsumwx2=float(counts @ centres**2),
        fSumw2=squares,
        fXaxis=writing.to_TAxis(
            "xaxis", x_title, bins, edges[0], edges[-1], fXbins=np.asarray(edges, dtype=np.float64)
        ),
        fYaxis=writing.to_TAxis("yaxis", COUNTS_TITLE, 1, 0.0, 1.0),
    )


def root_file(contents: Mapping[str, Any]) -> bytes:
    """A ROOT file as bytes: histograms of :func:`th1d` and texts, which become TObjString, by path."""
    stream = BytesIO()
    # Folders with room for all keys from the start; else each overflow leaves a gap in the file.
    options = {"compression": _uproot().ZLIB(9), "initial_directory_bytes": 100 * (len(contents) + 1)}
    with _uproot().recreate(stream, **options) as file:
        for path, entry in contents.items():
            try:
                file[path] = entry
            except struct.error as error:
                short = path if len(path) < 80 else f"{path[:77]}..."
                raise ExchangeError(f"'{short}': its name or title is too long for a ROOT file") from error
        return stream.getvalue()  # whole after each entry; leaving the block closes the stream


@dataclass(frozen=True, eq=False)
class RootFile:
    """A ROOT file that is open for reading; ROOT's class by path, in the file's order and without cycles."""

    origin: str
    classes: Mapping[str, str]
    _directory: Any

    def names(self) -> list[str]:
        """Paths of all one-dimensional histograms."""
        return [path for path, kind in self.classes.items() if kind.startswith("TH1")]

    def text(self, path: str) -> str | None:
        """Text of a TObjString, or None if there is none of this path."""
        if self.classes.get(path) != "TObjString":
            return None
        with damage(f"{self.origin}: {path}"):
            return _whole(str(self._directory[path]))

    def histogram(self, path: str, *, signed: bool = False) -> Histogram:
        """A histogram by its path, such as ``"lz_ws2022/nu_pp"``; ``signed`` counts may be negative.

        Raises
        ------
        ExchangeError
            If there is no such histogram, it is none of one dimension, or edges or counts make no
            sense; the message has the bin, counted from 1 as in ROOT.
        """
        kind = self.classes.get(path)
        if kind is None or not kind.startswith("TH1"):
            raise ExchangeError(f"{self.origin}: {self._absent(path, kind)}")
        with damage(f"{self.origin}: {path}"):
            found = self._directory[path]
            counts = np.array(found.values(flow=True), dtype=np.float64)
            edges = np.array(found.axis().edges(), dtype=np.float64)
            squares = np.array(found.member("fSumw2"), dtype=np.float64) if found.weighted else None
            titles = _whole(str(found.title)), _whole(str(found.axis().member("fTitle")))
            labels = _labels(found.axis(), len(counts) - 2)
        where = f"{self.origin}: {path}"
        if len(edges) != len(counts) - 1 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise ExchangeError(f"{where}: its bin edges do not increase; write them in order")
        check_counts(counts[1:-1], edges, where, signed=signed)
        if squares is not None:
            check_counts(squares[1:-1], edges, f"{where}: sum of squared weights")
            squares = squares[1:-1]
        return Histogram(edges, counts[1:-1], squares, float(counts[0]), float(counts[-1]), *titles, labels)

    def _absent(self, path: str, kind: str | None) -> str:
        if kind is not None:
            return f"{path} is a {kind}; expected a histogram of one dimension (TH1D, TH1F)"
        names = self.names()
        near = difflib.get_close_matches(path, names, n=3, cutoff=0.5)
        if near:
            return f"no histogram called '{path}'; did you mean {' or '.join(near)}?"
        known = ", ".join([*names[:8], "..."] if len(names) > 8 else names)
        return f"no histogram called '{path}'; it has {known or 'none'}"


def open_root(path: Path) -> RootFile:
    """Open a ROOT file.

    Raises
    ------
    DataError
        If the file cannot be read, is larger than 1 GiB, or uproot is not installed.
    ExchangeError
        If it is no ROOT file or not a whole one, or unpacks to more than 256 MiB.
    """
    uproot = _uproot()
    content = read_bytes(path, _LARGEST, _SIGNATURE)
    if not content.startswith(_SIGNATURE):
        raise ExchangeError(f"{path}: is no ROOT file")
    if len(content) < stated_length(content):
        raise ExchangeError(
            f"{path}: is truncated: {len(content)} of {stated_length(content)} bytes; copy it again"
        )
    with damage(str(path)):
        size = unpacked_size(content, check_directories(content))
    if size > LARGEST:
        raise ExchangeError(
            f"{path}: its histograms unpack to more than {LARGEST // MEBIBYTE} MiB; leave some out"
        )
    with damage(str(path)):
        directory = uproot.open(BytesIO(content))
        classes = directory.classnames(cycle=False, recursive=True)
        _whole("".join(classes))
    return RootFile(str(path), classes, directory)


def check_counts(counts: Array, edges: Array, where: str, *, signed: bool = False) -> None:
    """Refuse contents that are no counts, with the first bin that is not finite, or negative."""
    bad = ~np.isfinite(counts) if signed else ~(np.isfinite(counts) & (counts >= 0))
    if bad.any():
        index = int(np.argmax(bad))
        value = counts[index]
        what = "negative" if np.isfinite(value) else "no finite number"
        place = f"bin {index + 1} (from {edges[index]:g} to {edges[index + 1]:g})"
        raise ExchangeError(f"{where}: {place}: {value:g} is {what}")


def _labels(axis: Any, bins: int) -> tuple[str, ...]:
    """Labels of an axis by bin; ROOT keeps them in the order in which they were set, each with its bin."""
    found = axis.member("fLabels", none_if_missing=True)
    if found is None or not len(found):
        return ()
    by_bin = {int(label.member("@fUniqueID")): _whole(str(label)) for label in found}
    if len(by_bin) < len(found) or not by_bin.keys() <= set(range(1, bins + 1)):
        raise ValueError("labels of its axis belong to no bin, or two to one")
    labels = tuple(by_bin.get(index + 1, "") for index in range(bins))
    return labels if any(labels) else ()


def _whole(text: str) -> str:
    """A text, unless it has bytes that are no UTF-8 (UnicodeEncodeError, a ValueError)."""
    return text.encode().decode()


def _uproot() -> Any:
    try:
        import uproot
        import uproot.writing.identify
    except ImportError as error:
        raise missing_extra("ROOT files", "uproot", "root") from error
    return uproot
