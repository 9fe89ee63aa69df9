"""Length and directories of a ROOT file, looked at before uproot reads it, which believes what it says."""

from __future__ import annotations

import struct

_BIG_FILE = 1_000_000  # versions from here on have 64-bit positions
_BIG_RECORD = 1000  # of keys and directories
_FOLDERS = ("TDirectory", "TDirectoryFile")


def check_directories(content: bytes) -> None:
    """Refuse a file whose lists of keys go back, or whose directories are in each other.

    Of such a damaged file uproot would read keys without end. Source of the layout: ROOT's documentation of
    TFile, TDirectoryFile and TKey.

    Parameters
    ----------
    content
        The whole file.

    Raises
    ------
    ValueError
        With what is wrong.
    struct.error
        If the file ends too early.
    """
    version, start = struct.unpack_from(">ii", content, 4)
    (name_bytes,) = struct.unpack_from(">i", content, 36 if version >= _BIG_FILE else 28)
    waiting, seen = [start + name_bytes], set[int]()
    while waiting:
        keys = _keys_of(content, waiting.pop())
        if keys in seen:
            raise ValueError("a directory is in several places")
        if keys:
            seen.add(keys)
            waiting += _folders(content, keys)


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


def _folders(content: bytes, place: int) -> list[int]:
    """Where the directories in a list of keys are."""
    _, _, place = _key(content, place)
    (number,) = struct.unpack_from(">i", content, place)
    place += 4
    found = []
    for _ in range(number):  # each key is longer than 26 bytes, so that a large number leaves the file
        kind, data, place = _key(content, place)
        if kind in _FOLDERS:
            found.append(data)
    return found


def _key(content: bytes, place: int) -> tuple[str, int, int]:
    """Class of a key, where its data begin, and where the next key is."""
    _, version, _, _, length, _ = struct.unpack_from(">ihIIhh", content, _checked(place))
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
        texts.append(content[place : place + size].decode(errors="replace"))
        place += size
    return texts[0], data + length, place


def _checked(place: int) -> int:
    if place < 0:  # struct would count it from the end
        raise ValueError("a directory lies outside the file")
    return place
