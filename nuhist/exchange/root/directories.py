"""Length and directories of a ROOT file, looked at before uproot reads it, which believes what it says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_BIG_FILE = 1_000_000  # versions from here on have 64-bit positions
_BIG_RECORD = 1000  # of keys and directories
_FOLDERS = ("TDirectory", "TDirectoryFile")


class Key(NamedTuple):
    """An object's class, where its data begin, their bytes stored and unpacked, its path and its cycle."""

    kind: str
    place: int
    packed: int
    unpacked: int
    path: str = ""
    cycle: int = 0


def check_directories(content: bytes) -> list[Key]:
    """Keys of all directories of a file, each directory's before its own.

    Refused are lists of keys that go back, and directories that are in each other: of such a damaged file
    uproot would read keys without end. Source of the layout: ROOT's documentation of TFile, TDirectoryFile
    and TKey.

    Raises
    ------
    ValueError, struct.error
        With what is wrong, or if the file ends too early.
    """
    found: list[Key] = []
    version, start = struct.unpack_from(">ii", content, 4)
    (name_bytes,) = struct.unpack_from(">i", content, 36 if version >= _BIG_FILE else 28)
    seen = set[int]()

    def opened(place: int) -> Iterator[Key]:
        """The keys of a directory."""
        keys = _keys_of(content, place)
        if keys in seen:
            raise ValueError("a directory is in several places")
        if not keys:
            return iter(())
        seen.add(keys)
        return iter(_listed(content, keys))

    waiting = [("", opened(start + name_bytes))]
    while waiting:
        folder, listed = waiting[-1]
        key = next(listed, None)
        if key is None:
            waiting.pop()
            continue
        found.append(key._replace(path=f"{folder}{key.path}"))
        if key.kind in _FOLDERS:
            waiting.append((f"{found[-1].path}/", opened(key.place)))
    return found


def stated_length(content: bytes) -> int:
    """Length of a ROOT file as its header has it; its end if the header is not there."""
    try:
        (version,) = struct.unpack_from(">i", content, 4)
        (end,) = struct.unpack_from(">q" if version >= _BIG_FILE else ">i", content, 12)
    except struct.error:
        return len(content) + 1
    return int(end)


def _keys_of(content: bytes, place: int) -> int:
    """Where a directory has its list of keys; 0 for none."""
    (version,) = struct.unpack_from(">h", content, _checked(place))
    form, offset = (">q", 34) if version > _BIG_RECORD else (">i", 26)
    keys: int = struct.unpack_from(form, content, place + offset)[0]
    return keys


def streamer_key(content: bytes) -> Key:
    """The key of the descriptions of classes; raises as :func:`check_directories`."""
    (version,) = struct.unpack_from(">i", content, 4)
    form, offset = (">q", 45) if version >= _BIG_FILE else (">i", 37)
    (place,) = struct.unpack_from(form, content, offset)
    return _key(content, place)[0] if place else Key("", 0, 0, 0)


def _listed(content: bytes, place: int) -> list[Key]:
    """The keys of a list."""
    _, place = _key(content, place)
    (number,) = struct.unpack_from(">i", content, place)
    place += 4
    found = []
    for _ in range(number):  # each key is longer than 26 bytes, so that a large number leaves the file
        key, place = _key(content, place)
        found.append(key)
    return found


def _key(content: bytes, place: int) -> tuple[Key, int]:
    """A key, and where the next one is."""
    stored, version, unpacked, _, length, cycle = struct.unpack_from(">ihIIhh", content, _checked(place))
    big = version > _BIG_RECORD
    (data,) = struct.unpack_from(">q" if big else ">i", content, place + 18)
    place += 34 if big else 26
    texts = []
    for _ in range(3):  # class, name, title
        (size,) = struct.unpack_from(">B", content, place)
        place += 1
        if size == 255:
            (size,) = struct.unpack_from(">i", content, place)
            place += 4
        if size < 0 or place + size > len(content):
            raise ValueError("a key has a name of impossible length")
        texts.append(content[place : place + size].decode(errors="surrogateescape"))
        place += size
    return Key(texts[0], _checked(data + length), stored - length, unpacked, texts[1], cycle), place


def _checked(place: int) -> int:
    if place < 0:  # struct would count it from the end
        raise ValueError("a directory lies outside the file")
    return place
