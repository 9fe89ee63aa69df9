"""Likelihood records as HEPData gives them out: tar.gz files with BkgOnly.json and patchset.json."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nuhist.documents import parse_json
from nuhist.errors import DataError, NuhistError
from nuhist.inputs import LARGEST, MEBIBYTE, note_input

BACKGROUND_FILE = "BkgOnly.json"
PATCHSET_FILE = "patchset.json"
_ENDINGS = (".tar.gz", ".tgz", ".tar")
_LARGEST_RECORD = 1024 * MEBIBYTE  # unpacked; the largest public ones have some hundred
_MOST_MEMBERS = 10_000
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Record:
    """One likelihood of a record.

    Attributes
    ----------
    background, patchset
        Parsed JSON; no patchset where the record has none beside the background.
    origin
        The file, and the folder in it, for messages.
    """

    background: Any
    patchset: Any | None
    origin: str


def is_record(path: Path | str) -> bool:
    """Whether a path names a record, by its ending; ``RECORD:FOLDER`` names one likelihood of several."""
    name, folder = record_place(path)
    return name.lower().endswith(_ENDINGS) and (folder is None or Path(name).is_file())


def record_place(path: Path | str) -> tuple[str, str | None]:
    """File and folder of ``RECORD:FOLDER``; no folder where there is none."""
    text = str(path)
    file, colon, folder = text.rpartition(":")
    if not colon or not file.lower().endswith(_ENDINGS) or Path(text).exists():
        return text, None
    return file, folder


def read_record(path: Path | str) -> Record:
    """The likelihood of a record, or one of several by the name of its folder.

    Nothing is unpacked to the disk, and nothing but the two files is read.

    Parameters
    ----------
    path
        ``RECORD`` or ``RECORD:FOLDER``.

    Raises
    ------
    DataError
        If it cannot be read, is no archive, unpacks to too much, has no BkgOnly.json, or several and none
        is named.
    """
    name, folder = record_place(path)
    found = _documents(Path(name))
    folders = {str(PurePosixPath(member).parent) for member in found if _is(member, BACKGROUND_FILE)}
    if folder is not None:
        folders = {entry for entry in folders if entry == folder or PurePosixPath(entry).name == folder}
    if len(folders) != 1:
        raise DataError(f"{name}: {_not_one(name, found, folder)}")
    (chosen,) = folders
    texts = {
        file: next((text for member, text in found.items() if _is(member, file, chosen)), None)
        for file in (BACKGROUND_FILE, PATCHSET_FILE)
    }
    place = name if chosen == "." and folder is None else f"{name}:{chosen}"
    parsed = {
        file: None
        if text is None
        else parse_json(_decoded(text, f"{place}: {file}"), f"{place}: {file}: is no JSON")
        for file, text in texts.items()
    }
    return Record(parsed[BACKGROUND_FILE], parsed[PATCHSET_FILE], place)


def _not_one(name: str, members: Mapping[str, bytes], folder: str | None) -> str:
    """Why a record, or a folder of it, is not one likelihood."""
    known = sorted({str(PurePosixPath(each).parent) for each in members if _is(each, BACKGROUND_FILE)})
    if not known:
        return f"has no {BACKGROUND_FILE}; it is no record of a likelihood"
    if known == ["."]:
        return f"has one likelihood, which is in no folder; leave out ':{folder}'"
    if len(known) == 1:
        return f"has one likelihood, {known[0]}; leave out ':{folder}'"
    return f"has {len(known)} likelihoods: name one of {', '.join(known)}, as {name}:NAME"


def _is(member: str, file: str, folder: str | None = None) -> bool:
    path = PurePosixPath(member)
    return path.name.lower() == file.lower() and folder in {None, str(path.parent)}


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: is no text in UTF-8") from error


def _documents(path: Path) -> Mapping[str, bytes]:
    """Contents of all background and patchset files of an archive, by path in it."""
    found: dict[str, bytes] = {}
    with plain_tar(path, _LARGEST_RECORD) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for number, member in enumerate(tar):
            if number >= _MOST_MEMBERS:
                raise DataError(f"{path}: has more than {_MOST_MEMBERS} members; not read")
            name = member.name.removeprefix("./")
            if not member.isreg() or not (_is(name, BACKGROUND_FILE) or _is(name, PATCHSET_FILE)):
                continue
            if member.size > LARGEST:
                raise DataError(f"{path}: '{name}' is larger than {LARGEST // MEBIBYTE} MiB; not read")
            content = tar.extractfile(member)
            found[name] = b"" if content is None else content.read()
    return found


@contextmanager
def plain_tar(path: Path, most: int, error: type[NuhistError] = DataError) -> Iterator[Any]:
    """A tar or tar.gz as a stream of at most so many bytes of plain tar, headers too.

    What goes wrong while it is read is one error.
    """
    try:
        with path.open("rb") as stream:
            note_input(stream.fileno(), str(path))
            compressed = stream.read(2) == _GZIP
            stream.seek(0)
            source: Any = gzip.GzipFile(fileobj=stream) if compressed else stream
            yield _Bounded(
                source, most, error(f"{path}: unpacks to more than {most // MEBIBYTE} MiB; not read")
            )
    except OSError as reason:
        raise error(f"{path}: cannot be read: {reason.strerror or reason}") from reason
    except (EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError) as reason:
        raise error(f"{path}: is no tar.gz archive, or is cut off: {reason}") from reason


class _Bounded:
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: IO[bytes], most: int, refusal: NuhistError) -> None:
        self._stream, self._left, self._refusal = stream, most, refusal

    def read(self, size: int = -1) -> bytes:
        """Bytes of the stream."""
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise self._refusal
        return content
