"""Histograms of ROOT files as bytes, taken apart and put together where they are plain.

A published likelihood has up to 25,000 of them, and uproot takes milliseconds for each. So one of each set of
edges is uproot's, the others are it with other numbers; and what is laid out like these is read here. All
else (labels, functions, other versions of the classes) is left to uproot. Source of the layout: the
descriptions of the classes TH1D 3, TH1 8 and TAxis 10 that ROOT puts into its files.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nuhist.tables import Array

_COUNTED, _REFERENCED = 0x40000000, 0x10
_HEADER = struct.Struct(">IH")  # bytes that follow, and the version of a class
_NUMBER, _REAL = struct.Struct(">i"), struct.Struct(">d")
_STATISTICS = struct.Struct(">5d")
_LIMITS = 24  # largest and smallest value to draw, norm: three numbers that are not read
_FORMS = {"TH1D": ">f8", "TH1F": ">f4"}


class Plain(NamedTuple):
    """A histogram's contents and sums of squared weights (None: none), both with the bins outside."""

    edges: Array
    counts: Array
    squares: Array | None
    title: str
    x_title: str


class _Parts(NamedTuple):
    """Places in the bytes of a histogram."""

    title: str
    texts: int  # where its name begins; attributes begin behind its title
    attributes: int
    axis: tuple[int, int]
    numbers: int
    squares: int
    rest: int
    base: int  # the end of TH1; contents follow


def plain_histogram(data: bytes, kind: str, axes: dict[bytes, tuple[Array, str]]) -> Plain | None:
    """A histogram of ROOT's class ``kind``; None where it is not laid out as here.

    ``axes`` keeps those that were read before, by their bytes.
    """
    form = _FORMS.get(kind)
    if form is None:
        return None
    try:
        parts = _take_apart(data, np.dtype(form).itemsize)
        packed = data[slice(*parts.axis)]
        if packed not in axes:
            axes[packed] = _axis(packed)
    except (ValueError, struct.error, UnicodeError):
        return None
    edges, x_title = axes[packed]
    counts = np.frombuffer(data, form, offset=parts.base + 4).astype(np.float64)
    if counts.size != len(edges) + 1:
        return None
    squares: Array = np.frombuffer(data[parts.squares + 4 : parts.rest], ">f8").astype(np.float64)
    return Plain(edges, counts, squares if len(squares) == len(counts) else None, parts.title, x_title)


def plain_text(data: bytes) -> str | None:
    """The text of a TObjString; None where it is not laid out as here."""
    try:
        end = _end(data, 0, 1)
        text, place = _text(data, 16)
    except (ValueError, struct.error, UnicodeError):
        return None
    return text if place == end == len(data) and data[6:8] == b"\0\1" and not data[15] & _REFERENCED else None


class Prototype:
    """A TH1D without name and title, whose numbers are replaced."""

    def __init__(self, data: bytes) -> None:
        parts = _take_apart(data, 8)
        self.object = data[18 : parts.texts]
        self.middle = data[parts.attributes : parts.numbers]
        self.after = data[parts.numbers + _STATISTICS.size : parts.squares]
        self.rest = data[parts.rest : parts.base]

    def filled(
        self, name: str, title: str, statistics: Sequence[float], counts: Array, squares: Array | None
    ) -> bytes:
        """A histogram; counts and squares with the bins outside, statistics as ROOT has them."""
        texts = written(name) + written(title)
        base = b"".join(
            (
                _HEADER.pack(_COUNTED | (2 + len(self.object) + len(texts)), 1),
                self.object,
                texts,
                self.middle,
                _STATISTICS.pack(*statistics),
                self.after,
                _array(squares),
                self.rest,
            )
        )
        contents = _array(counts)
        size = 8 + len(base) + len(contents)
        return b"".join(
            (_HEADER.pack(_COUNTED | size, 3), _HEADER.pack(_COUNTED | (2 + len(base)), 8), base, contents)
        )


def _array(values: Array | None) -> bytes:
    return _NUMBER.pack(0) if values is None else _NUMBER.pack(len(values)) + values.astype(">f8").tobytes()


def _named(data: bytes, place: int) -> tuple[str, int]:
    """Title of an object with a name, and where the two end; a ValueError if they are laid out otherwise."""
    end = _end(data, place, 1)
    if data[place + 6 : place + 8] != b"\0\1" or data[place + 15] & _REFERENCED:
        raise ValueError("an object of another version")
    _, title_at = _text(data, place + 16)
    title, behind = _text(data, title_at)
    if behind != end:
        raise ValueError("a name that does not end")
    return title, end


def _take_apart(data: bytes, size: int) -> _Parts:
    """Places of a histogram with numbers of this size; a ValueError if it is laid out otherwise."""
    whole, base = _end(data, 0, 3), _end(data, 6, 8)
    title, attributes = _named(data, 12)
    place = attributes
    for _ in range(3):
        place = _end(data, place, 2)
    cells, axis = _NUMBER.unpack_from(data, place)[0], place + 4
    behind = _end(data, axis, 10)
    numbers = _end(data, _end(data, behind, 10), 10) + 4
    squares = _behind(data, numbers + _STATISTICS.size + _LIMITS)
    rest = _behind(data, squares)
    _, place = _text(data, rest)
    place = _end(data, place, 5) if data[place] else place + 4  # functions, or none
    if data[place : place + 5] != bytes(5) or place + 13 != base:
        raise ValueError("a histogram with more in it")
    if _NUMBER.unpack_from(data, base)[0] != cells or not base + 4 + size * cells == whole == len(data):
        raise ValueError("a histogram with other contents")
    return _Parts(title, 28, attributes, (axis, behind), numbers, squares, rest, base)


def _axis(data: bytes) -> tuple[Array, str]:
    """Edges and title of an axis; a ValueError if it has labels, or is laid out otherwise."""
    title, place = _named(data, 6)
    place = _end(data, place, 4)
    bins, low, high = struct.unpack_from(">idd", data, place)
    place += 20
    end = _behind(data, place)
    edges: Array = np.frombuffer(data[place + 4 : end], ">f8").astype(np.float64)
    _, place = _text(data, end + 11)
    if data[place:] != bytes(8) or bins < 1 or bins > len(data):  # no labels; bins with edges of their own
        raise ValueError("an axis with labels")
    if len(edges) != bins + 1:
        edges = np.linspace(low, high, bins + 1)
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ValueError("edges that make no sense")
    return edges, title


def _end(data: bytes, place: int, version: int) -> int:
    """Where an object of this version ends."""
    size, found = _HEADER.unpack_from(data, place)
    end = place + 4 + (size & ~_COUNTED)
    if not size & _COUNTED or found != version or end > len(data):
        raise ValueError("a class of another version")
    return int(end)


def _behind(data: bytes, place: int) -> int:
    """What follows an array of float64."""
    (size,) = _NUMBER.unpack_from(data, place)
    end = place + 4 + 8 * size
    if size < 0 or end > len(data):
        raise ValueError("an array that does not end")
    return int(end)


def _text(data: bytes, place: int) -> tuple[str, int]:
    """A text, and what follows it."""
    size, place = data[place] if place < len(data) else 256, place + 1
    if size == 255:
        (size,) = _NUMBER.unpack_from(data, place)
        place += 4
    if size < 0 or place + size > len(data):
        raise ValueError("a text that does not end")
    return data[place : place + size].decode(), place + size


def written(text: str) -> bytes:
    """A text as ROOT keeps it."""
    data = text.encode()
    return (bytes([len(data)]) if len(data) < 255 else b"\xff" + _NUMBER.pack(len(data))) + data


def object_text(text: str) -> bytes:
    """A TObjString."""
    data = struct.pack(">HII", 1, 0, 0x02000000) + written(text)
    return _HEADER.pack(_COUNTED | (2 + len(data)), 1) + data
