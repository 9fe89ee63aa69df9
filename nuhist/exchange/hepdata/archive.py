"""Flat tar.gz archives: written the same every time, unpacked without trusting them."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from nuhist.errors import DataError, ExchangeError
from nuhist.files import read_json
from nuhist.histfactory.record import plain_tar
from nuhist.inputs import MEBIBYTE

LARGEST_MEMBER = 100 * MEBIBYTE
LARGEST_ARCHIVE = 200 * MEBIBYTE  # unpacked; HEPData takes uploads of 50 MB
MOST_MEMBERS = 1000
_CHUNK = 2**16


def pack(members: Mapping[str, bytes]) -> bytes:
    """A flat tar.gz of contents by file name, whose bytes depend on these alone."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(members):
            entry = tarfile.TarInfo(name)  # mtime, uid and gid are 0, owners empty, mode 644
            entry.size = len(members[name])
            tar.addfile(entry, io.BytesIO(members[name]))
    return gzip.compress(plain.getvalue(), mtime=0)


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """Unpack a flat tar or tar.gz into a temporary folder, which goes away afterwards.

    All members are looked at before the first is written, so that nothing of a refused archive ever touches
    the disk, except its plain tar in an unnamed temporary file. Refused is what is no plain file with a name
    of its own (a path, ``..``, a link, a device, a name that is there twice), and what is too much.
    """
    with TemporaryDirectory(prefix="nuhist-") as name, TemporaryFile() as plain:
        folder = Path(name)
        with plain_tar(archive, LARGEST_ARCHIVE, ExchangeError) as stream:
            shutil.copyfileobj(stream, plain, _CHUNK)
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:") as tar:
                for file, member in _checked(tar, archive).items():
                    content = tar.extractfile(member)
                    if content is None:
                        raise ExchangeError(f"{archive}: '{file}' has no content")
                    with (folder / file).open("xb") as target:
                        shutil.copyfileobj(content, target, _CHUNK)
                    if (folder / file).stat().st_size != member.size:
                        raise ExchangeError(f"{archive}: '{file}' is truncated")
        yield folder


def _checked(tar: tarfile.TarFile, archive: Path) -> dict[str, tarfile.TarInfo]:
    """Members by file name, once none of them is dangerous."""
    members: dict[str, tarfile.TarInfo] = {}
    taken: set[str] = set()
    total = seen = 0
    while (member := tar.next()) is not None:
        seen += 1
        if seen > MOST_MEMBERS:
            raise ExchangeError(f"{archive}: has more than {MOST_MEMBERS} members; not unpacked")
        if member.isdir() and member.name in (".", "./"):
            continue  # of an archive that was packed with 'tar -C FOLDER .'
        name = member.name.removeprefix("./")
        _check_name(member, name, archive)
        if name.casefold() in taken:
            raise ExchangeError(f"{archive}: '{name}' is there twice; not unpacked")
        total += member.size
        if member.size > LARGEST_MEMBER or total > LARGEST_ARCHIVE:
            raise ExchangeError(
                f"{archive}: '{name}' makes it larger than {LARGEST_MEMBER // MEBIBYTE} MiB a file or"
                f" {LARGEST_ARCHIVE // MEBIBYTE} MiB together; not unpacked"
            )
        taken.add(name.casefold())
        members[name] = member
    return members


def _check_name(member: tarfile.TarInfo, name: str, archive: Path) -> None:
    shown = ascii(member.name[:100])
    if member.issym() or member.islnk():
        raise ExchangeError(f"{archive}: {shown} is a link; not unpacked")
    if member.name.startswith("/") or ".." in member.name.replace("\\", "/").split("/"):
        raise ExchangeError(f"{archive}: {shown} lies outside the archive's own folder; not unpacked")
    if member.isdir() or "/" in name or "\\" in name:
        raise ExchangeError(
            f"{archive}: {shown} lies in a folder; pack the files alone: tar czf ARCHIVE -C FOLDER ."
        )
    if not member.isreg():
        raise ExchangeError(f"{archive}: {shown} is no plain file; not unpacked")
    if not name or not name.isprintable() or name == "." or len(name.encode(errors="replace")) > 255:
        raise ExchangeError(f"{archive}: {shown} is no file name; not unpacked")


def read_json_file(path: Path) -> Any:
    """Parsed JSON of a file that nobody vouches for; errors name the file without its folder."""
    try:
        return read_json(path, LARGEST_MEMBER)
    except DataError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ExchangeError(f"{path.name}: {reason}") from error
