"""One-dimensional histograms in ROOT files: written as TH1D, read with checks."""

from __future__ import annotations

import difflib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError, missing_extra
from nuhist.exchange.root.directories import Key, check_directories, stated_length
from nuhist.exchange.root.objects import Plain, Prototype, object_text, plain_histogram, plain_text
from nuhist.exchange.root.packed import LARGEST, unpacked
from nuhist.exchange.root.written import file_bytes
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
        Titles of the histogram and of its axis.
    labels
        Labels of the bins, empty where a bin has none; none at all where no bin has one.
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
) -> Histogram:
    """A histogram to write; without variances (ROOT's Sumw2) ROOT takes the counts."""
    return Histogram(edges, counts, variances, title=title, x_title=x_title)


def root_file(contents: Mapping[str, Histogram | str]) -> bytes:
    """A ROOT file as bytes: histograms as TH1D, and texts, which become TObjString, by path."""
    prototypes: dict[tuple[bytes, str], tuple[Prototype, Array]] = {}

    def objects() -> Iterator[tuple[str, str, bytes]]:
        for path, entry in contents.items():
            if isinstance(entry, str):
                yield path, "TObjString", object_text(entry)
            else:
                key = entry.edges.tobytes(), entry.x_title
                if key not in prototypes:
                    centres = (entry.edges[:-1] + entry.edges[1:]) / 2
                    powers = np.stack([np.ones_like(centres), centres, centres**2])
                    prototypes[key] = Prototype(_first(_of_uproot(entry), "TH1D")), powers
                yield path, "TH1D", _filled(*prototypes[key], path.rpartition("/")[2], entry)

    one = Histogram(np.array([0.0, 1.0]), np.zeros(1))
    try:
        return file_bytes(objects(), _of_uproot(one))
    except struct.error as error:
        path = str(error)
        short = path if len(path) < 80 else f"{path[:77]}..."
        raise ExchangeError(f"'{short}': its name or title is too long for a ROOT file") from error
    except OverflowError as error:
        raise ExchangeError(f"{error}: leave some histograms out") from error


def _filled(prototype: Prototype, powers: Array, name: str, histogram: Histogram) -> bytes:
    """A TH1D, with the sums that ROOT keeps of its bins: over powers of their centres, shape (3, bins)."""
    counts, variances = histogram.counts, histogram.variances
    total, first, second = (powers @ counts).tolist()
    squares = total if variances is None else float(variances.sum())
    flow = None if variances is None else _flow(variances)
    sums = (total, total, squares, first, second)
    return prototype.filled(name, histogram.title, sums, _flow(counts), flow)


def _flow(values: Array) -> Array:
    """Values with nothing below and above."""
    found = np.zeros(len(values) + 2)
    found[1:-1] = values
    return found


def _of_uproot(histogram: Histogram) -> bytes:
    """A file of uproot's with a histogram of these edges, without numbers, and a text."""
    uproot = _uproot()
    writing = uproot.writing.identify
    edges = np.asarray(histogram.edges, dtype=np.float64)
    x_axis = writing.to_TAxis("xaxis", histogram.x_title, len(edges) - 1, edges[0], edges[-1], fXbins=edges)
    y_axis = writing.to_TAxis("yaxis", COUNTS_TITLE, 1, 0.0, 1.0)
    made = writing.to_TH1x(None, "", np.zeros(len(edges) + 1), 0.0, 0.0, 0.0, 0.0, 0.0, None, x_axis, y_axis)
    stream = BytesIO()
    with uproot.recreate(stream, compression=None) as file:
        file["h"], file["t"] = made, ""
        return stream.getvalue()  # whole after each entry; leaving the block closes the stream


def _first(content: bytes, kind: str) -> bytes:
    """The first object of a class in a file that is not packed."""
    key = next(key for key in check_directories(content) if key.kind == kind)
    return content[key.place : key.place + key.packed]


@dataclass(frozen=True, eq=False)
class RootFile:
    """A ROOT file that was read; keys by path, in the file's order and without cycles."""

    origin: str
    keys: Mapping[str, Key]
    content: bytes
    objects: Mapping[int, bytes]
    axes: dict[bytes, tuple[Array, str]] = field(default_factory=dict)

    @cached_property
    def directory(self) -> Any:
        """The file as uproot has it."""
        return _uproot().open(BytesIO(self.content))

    def names(self) -> list[str]:
        """Paths of all one-dimensional histograms."""
        return [path for path, key in self.keys.items() if key.kind.startswith("TH1")]

    def text(self, path: str) -> str | None:
        """Text of a TObjString, or None if there is none of this path."""
        key = self.keys.get(path)
        if key is None or key.kind != "TObjString":
            return None
        with damage(f"{self.origin}: {path}"):
            text = plain_text(self.objects.get(key.place, b""))
            return _whole(str(self.directory[path])) if text is None else text

    def histogram(self, path: str, *, signed: bool = False) -> Histogram:
        """A histogram by its path, such as ``"lz_ws2022/nu_pp"``; ``signed`` counts may be negative.

        Raises
        ------
        ExchangeError
            If there is no such histogram, it is none of one dimension, or edges or counts make no
            sense; the message has the bin, counted from 1 as in ROOT.
        """
        key = self.keys.get(path)
        if key is None or not key.kind.startswith("TH1"):
            raise ExchangeError(f"{self.origin}: {self._absent(path, key and key.kind)}")
        plain = plain_histogram(self.objects.get(key.place, b""), key.kind, self.axes)
        labels: tuple[str, ...] = ()
        where = f"{self.origin}: {path}"
        if plain is None:
            with damage(where):
                plain, labels = _read_by_uproot(self.directory[path])
            edges = plain.edges
            bad = not np.isfinite(edges).all() or bool((np.diff(edges) <= 0).any())
            if bad or len(edges) != len(plain.counts) - 1:
                raise ExchangeError(f"{where}: its bin edges do not increase; write them in order")
        edges, counts, squares, title, x_title = plain
        check_counts(counts[1:-1], edges, where, signed=signed)
        if squares is not None:
            check_counts(squares[1:-1], edges, f"{where}: sum of squared weights")
            squares = squares[1:-1]
        outside = float(counts[0]), float(counts[-1])
        return Histogram(edges, counts[1:-1], squares, *outside, title, x_title, labels)

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
    _uproot()  # refused as everywhere where it is missing
    content = read_bytes(path, _LARGEST, _SIGNATURE)
    if not content.startswith(_SIGNATURE):
        raise ExchangeError(f"{path}: is no ROOT file")
    if len(content) < stated_length(content):
        raise ExchangeError(
            f"{path}: is truncated: {len(content)} of {stated_length(content)} bytes; copy it again"
        )
    with damage(str(path)):
        keys = check_directories(content)
        size, objects = unpacked(content, keys)
    if size > LARGEST:
        raise ExchangeError(
            f"{path}: its histograms unpack to more than {LARGEST // MEBIBYTE} MiB; leave some out"
        )
    latest: dict[str, Key] = {}
    for key in keys:
        if key.path not in latest or latest[key.path].cycle < key.cycle:
            latest[key.path] = key
    with damage(str(path)):
        _whole("".join(latest))
    return RootFile(str(path), latest, content, objects)


def _read_by_uproot(found: Any) -> tuple[Plain, tuple[str, ...]]:
    """A histogram, and the labels of its bins."""
    counts = np.array(found.values(flow=True), dtype=np.float64)
    edges = np.array(found.axis().edges(), dtype=np.float64)
    squares = np.array(found.member("fSumw2"), dtype=np.float64) if found.weighted else None
    titles = _whole(str(found.title)), _whole(str(found.axis().member("fTitle")))
    return Plain(edges, counts, squares, *titles), _labels(found.axis(), len(counts) - 2)


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
