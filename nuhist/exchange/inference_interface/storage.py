"""What a dataset of an HDF5 file unpacks to, looked at before it is read."""

from __future__ import annotations

import zlib
from math import prod
from typing import Any

_DEFLATE, _SHUFFLE, _CHECKSUM, _LZF = 1, 2, 3, 32000  # HDF5's numbers of filters
_LZF_GROWTH = 88  # three bytes stand for up to 264
_ADDED = 64  # bytes that a checksum may add to a chunk


def refused_storage(dataset: Any, most: int) -> str | None:
    """Why a dataset is not read: a chunk would unpack to more than ``most`` bytes; None if it is read.

    HDF5 unpacks a chunk whole, however few of its entries are asked for, and to any size that its packed
    data have, before it compares it with the chunk's own.
    """
    if dataset.chunks is None:
        return None
    chunk = prod(dataset.chunks) * dataset.dtype.itemsize
    if chunk > most:
        return f"is stored in chunks of {chunk} bytes; at most {most} can be read"
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    # Checksums and shuffling change no sizes; what is packed last is unpacked first.
    packing = [number for number in filters if number not in (_CHECKSUM, _SHUFFLE)]
    if packing not in ([], [_DEFLATE], [_LZF]) or filters.count(_CHECKSUM) > 1:
        return f"is packed with filters {filters} of HDF5, which are not read; pack it with gzip alone"
    after = filters[filters.index(packing[0]) + 1 :] if packing else []
    if _SHUFFLE in after:
        return "is shuffled after it was packed, which is not read; pack it last"
    for stored in _chunks(dataset) if packing else ():
        packed = not stored.filter_mask >> filters.index(packing[0]) & 1
        if packed and _grows(dataset, stored, packing[0], chunk, most):
            return "has a chunk that unpacks to more than it says"
    return None


def is_plain(attributes: Any, name: str) -> bool:
    """Whether an attribute is text or numbers; damaged lists of lists make HDF5 crash."""
    from h5py import check_string_dtype

    kind = attributes.get_id(name).dtype
    return kind.kind in "fiubSU" or check_string_dtype(kind) is not None


def _grows(dataset: Any, stored: Any, packing: int, chunk: int, most: int) -> bool:
    if packing == _LZF:
        return bool(stored.size * _LZF_GROWTH > max(most, _LZF_GROWTH * chunk))
    _, packed = dataset.id.read_direct_chunk(stored.chunk_offset)
    return _inflated(packed, chunk + _ADDED) > chunk + _ADDED


def _chunks(dataset: Any) -> list[Any]:
    found: list[Any] = []
    dataset.id.chunk_iter(found.append)
    return found


def _inflated(packed: bytes, most: int) -> int:
    """Bytes that a packed chunk stands for, counted up to one more than the most."""
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error:
        return 0  # HDF5 refuses it
