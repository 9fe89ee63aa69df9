"""What the objects of a ROOT file unpack to, looked at before uproot unpacks them."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterable

from nuhist.exchange.root.directories import Key, streamer_key
from nuhist.inputs import MEBIBYTE

LARGEST = 256 * MEBIBYTE  # of all objects that are read, their numbers as float64
_STORED = {"TH1C": 1, "TH1S": 2, "TH1I": 4, "TH1F": 4}  # bytes of a number; 8 in others
_HEADER = 9  # of a block: algorithm, method, three bytes of either length


def unpacked(content: bytes, keys: Iterable[Key]) -> tuple[int, dict[int, bytes]]:
    """Histograms and texts unpacked, by their place, and the bytes that they take as float64.

    Those that are packed in a way that only uproot knows are left out, and all if they are too large.

    Refused, as by :func:`check_directories`, is what would unpack to more than it says: uproot unpacks a
    block whole before it compares its length with the one that is written there, and 16 MB may stand for 16
    GB. Source of the layout: ROOT's documentation of TKey, and its RZip.cxx.
    """
    streamers = streamer_key(content)
    read = [key for key in keys if key.kind.startswith("TH1") or key.kind == "TObjString"]
    total, found = 0, {}
    for key in (streamers, *read):
        total += key.unpacked * 8 // _STORED.get(key.kind, 8)
        if key.packed < 0:
            raise ValueError("an object has less than no bytes")
        if total > LARGEST:
            continue
        packed = content[key.place : key.place + key.packed]
        data = packed if key.packed == key.unpacked else _unpacked(packed)
        if data is not None:
            found[key.place] = data
    return total, found


def _unpacked(packed: bytes) -> bytes | None:
    """What blocks unpack to; None if that is not known without uproot."""
    place, found = 0, []
    while place < len(packed):
        if place + _HEADER > len(packed):
            raise ValueError("an object ends within its packed data")
        kind, _, low, size, much, stated_low, stated, stated_much = struct.unpack_from("2s7B", packed, place)
        length = low + (size << 8) + (much << 16)
        most = stated_low + (stated << 8) + (stated_much << 16)
        place += _HEADER
        data = _block(kind, packed[place : place + length], most)
        if data is not None and len(data) > most:
            raise ValueError("an object unpacks to more than it says")
        found.append(data)
        place += length
    return None if None in found else b"".join(filter(None, found))


def _block(kind: bytes, block: bytes, most: int) -> bytes | None:
    """What a block unpacks to, up to one byte too many; None for uproot to unpack."""
    if kind == b"ZL":
        return zlib.decompressobj().decompress(block, most + 1)
    if kind == b"XZ":
        return lzma.LZMADecompressor(memlimit=LARGEST).decompress(block, most + 1)
    if kind == b"ZS" and _zstd_unpacks_to_more(block, most):
        raise ValueError("an object unpacks to more than it says")
    return None  # of LZ4 no more is unpacked than it says; others uproot does not know


def _zstd_unpacks_to_more(block: bytes, most: int) -> bool:
    import cramjam  # with which uproot unpacks

    buffer = bytearray(most + 1)
    try:
        return int(cramjam.zstd.decompress_into(block, buffer)) > most
    except cramjam.DecompressionError as error:
        raise ValueError(f"an object is damaged, or unpacks to more than it says: {error}") from error
