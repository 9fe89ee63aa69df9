"""ROOT files from the bytes of their objects: keys, directories, and what describes the classes.

Source of the layout: ROOT's documentation of TFile, TDirectoryFile, TKey and TFree. uproot rewrites its
directory with each object, which takes most of its time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from nuhist.exchange.root.objects import written

_KEY, _NUMBER = struct.Struct(">iHiIhhii"), struct.Struct(">i")
_FOLDER = struct.Struct(">HIIiiiii")
_HEADER = 100
_BLOCK = 0xFFFFFF  # bytes that are packed together
_COMPRESSION = 101  # zlib, level 1
_END, _FREE, _NAME, _PACKED, _CLASSES = 12, 16, 28, 33, 37  # places in the header
_KEYS, _LIST = 10, 26  # places in a directory: bytes of its list of keys, and where it is
_LAST = 2_000_000_000  # where a file of 32-bit positions must end


@dataclass
class _Folder:
    """A directory: its name and its place, that of its key, and the keys in it."""

    name: str
    place: int
    record: int
    keys: list[bytes] = field(default_factory=list)


def file_bytes(objects: Iterable[tuple[str, str, bytes]], frame: bytes) -> bytes:
    """A ROOT file of objects: their path, their class and their bytes.

    Parameters
    ----------
    objects
        Each path once.
    frame
        A file of uproot's with an object of each class, of which header, time and descriptions are taken.

    Raises
    ------
    struct.error
        If a name is too long, with the path.
    OverflowError
        If the file is larger than 2 GB.
    """
    file = _File(frame)
    for path, kind, data in objects:
        try:
            folder, _, name = path.rpartition("/")
            file.add(file.folder(folder), kind, name, "", data)
        except struct.error as error:
            raise struct.error(path) from error
    return file.finished()


class _File:
    def __init__(self, frame: bytes) -> None:
        (named,) = _NUMBER.unpack_from(frame, _NAME)
        self.frame, self.root = frame, _HEADER + named
        self.size = 2 + 7 * 4 + 2 + 18 + 12  # of a directory, with its UUID and room for large positions
        self.content = bytearray(frame[: self.root + self.size])
        self.time = _KEY.unpack_from(frame, _HEADER)[3]
        self.folders = {"": _Folder("", self.root, _HEADER)}

    def folder(self, path: str) -> _Folder:
        """A directory, made if it is not there."""
        found = self.folders.get(path)
        if found is None:
            above, _, name = path.rpartition("/")
            parent = self.folder(above)
            record = len(self.content)
            uuid = self.frame[self.root + _FOLDER.size : self.root + self.size]
            head = len(self._key("TDirectory", name, "", 0, 0, 0, 0))
            data = _FOLDER.pack(5, self.time, self.time, 0, head, record, parent.record, 0) + uuid
            self.add(parent, "TDirectory", name, "", data)
            found = self.folders[path] = _Folder(name, record + head, record)
        return found

    def add(self, folder: _Folder, kind: str, name: str, title: str, data: bytes) -> None:
        """Append an object, and name it in its directory."""
        packed = data if kind == "TDirectory" else _packed(data)
        key = self._key(kind, name, title, len(data), len(packed), len(self.content), folder.record)
        folder.keys.append(key)
        self.content += key
        self.content += packed

    def finished(self) -> bytes:
        """The file, with lists of keys, descriptions of classes, and the list of what is free."""
        for folder in self.folders.values():
            kind = "TDirectory" if folder.name else "TFile"
            place, record = self._append(kind, folder, _NUMBER.pack(len(folder.keys)) + b"".join(folder.keys))
            _NUMBER.pack_into(self.content, folder.place + _KEYS, record)
            _NUMBER.pack_into(self.content, folder.place + _LIST, place)
        classes, size = struct.unpack_from(">ii", self.frame, _CLASSES)
        place = len(self.content)
        self.content += self.frame[classes : classes + size]
        _NUMBER.pack_into(self.content, place + 18, place)
        struct.pack_into(">ii", self.content, _CLASSES, place, size)
        _NUMBER.pack_into(self.content, _PACKED, _COMPRESSION)
        root = self.folders[""]
        head = len(self._key("TFile", root.name, "", 0, 0, 0, 0))
        end = len(self.content) + head + 10
        place, record = self._append("TFile", root, struct.pack(">hii", 1, end, _LAST))
        struct.pack_into(">iiii", self.content, _END, end, place, record, 1)
        if end >= _LAST:
            raise OverflowError("a ROOT file of more than 2 GB")
        return bytes(self.content)

    def _append(self, kind: str, folder: _Folder, data: bytes) -> tuple[int, int]:
        """Append a record that no directory names; its place and its bytes."""
        place = len(self.content)
        key = self._key(kind, folder.name, "", len(data), len(data), place, folder.record)
        self.content += key
        self.content += data
        return place, len(key) + len(data)

    def _key(self, kind: str, name: str, title: str, size: int, packed: int, place: int, above: int) -> bytes:
        texts = written(kind) + written(name) + (written(title) if title else b"\0")
        length = _KEY.size + len(texts)
        return _KEY.pack(length + packed, 4, size, self.time, length, 1, place, above) + texts


def _packed(data: bytes) -> bytes:
    """Packed as ROOT has it, where that is shorter: blocks behind their algorithm and their lengths."""
    blocks = []
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        packer = zlib.compressobj(1, zlib.DEFLATED, 11, 3)  # small tables, which suffice for small objects
        found = packer.compress(block) + packer.flush()
        lengths = len(found).to_bytes(3, "little") + len(block).to_bytes(3, "little")
        blocks.append(b"ZL\x08" + lengths + found)
    packed = b"".join(blocks)
    return packed if len(packed) < len(data) else data
