"""Reading and writing of files: whole or not at all, with errors that name the file."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nuhist.characters import printable
from nuhist.documents import parse_json
from nuhist.errors import DataError
from nuhist.inputs import LARGEST, begin_output, plan_output, read_bytes, reason, shown

_NUMBERS = re.compile(r"\[\n\s+([-+.,\d\seE]+?)\n\s+\]")  # no string holds a line break
_ARCHIVES = {  # how files begin that are no text
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xfd7zXZ\0": "an xz archive",
    b"BZh91AY&SY": "a bzip2 archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
# What nobody sees in a text: controls, marks of writing direction, half characters.
_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    "\ud800-\udfff]"
)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it, then rename it into place.

    Readers see the old content or the new one, never a part of it. A pipe or a device is written
    to as it is.

    Raises
    ------
    DataError
        If the path is a folder, or its folder does not exist or cannot be written to.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, str | bytes], *, key: Path | None = None) -> None:
    """Write files that belong together as :func:`write_atomically` does, all of them or none.

    All are written under temporary names before the first is renamed; where a rename fails, or an
    interrupt comes between two, the old files are put back. What remains is a process that is killed
    between two renames.

    Parameters
    ----------
    contents
        By path; they are renamed in this order.
    key
        One of the paths, the last one, with which reading begins: its old file is removed before the first
        rename, so that nobody reads old and new files together.

    Raises
    ------
    DataError
        If one of the paths is a folder, its folder does not exist or cannot be written to, or two paths
        are one file.
    """
    with contextlib.ExitStack() as stack:  # which removes all of them, even when it is interrupted
        staged: dict[Path, Path] = {}
        for path, content in contents.items():
            with _writing(path):
                data = content.encode() if isinstance(content, str) else content
                _stage(path, data, staged, stack)
        if len(staged) < 2:
            for path, temporary in staged.items():
                with _writing(path):
                    temporary.replace(path)
        else:
            _replace_all(staged, key and _target(key), stack)


def _replace_all(staged: Mapping[Path, Path], key: Path | None, stack: contextlib.ExitStack) -> None:
    kept = {path: temporary.with_suffix(".old.part") for path, temporary in staged.items()}
    for path, old in kept.items():
        stack.callback(_remove, old)
        if path.exists():
            with _writing(path):
                _keep(path, old)
    begun: list[Path] = []
    try:
        if key is not None:
            begun.append(key)
            with _writing(key):
                key.unlink(missing_ok=True)
        for path, temporary in staged.items():
            begun.append(path)
            with _writing(path):
                temporary.replace(path)
    except BaseException:
        for path in sorted(set(begun), key=lambda path: path == key):  # the key last
            with contextlib.suppress(OSError):
                kept[path].replace(path) if kept[path].exists() else path.unlink()
        raise


def _keep(path: Path, kept: Path) -> None:
    try:
        kept.hardlink_to(path)
    except OSError:  # some file systems have none
        shutil.copy2(path, kept)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {reason(error)}") from error


def _stage(path: Path, data: bytes, staged: dict[Path, Path], stack: contextlib.ExitStack) -> None:
    """Write under a temporary name; a pipe or a device as it is."""
    _check_place(path)
    begin_output(path)
    if path.exists() and not path.is_file():  # before links: /dev/stdout leads to no path
        path.write_bytes(data)
        return
    path = _target(path)
    if path in staged:
        raise DataError(f"{path}: would be written twice; name two files")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    staged[path] = Path(name)
    stack.callback(_remove, staged[path])
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    staged[path].chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())


def _target(path: Path) -> Path:
    """Where links lead to, for they stay; a loop of links is replaced."""
    return Path(os.path.realpath(path))


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    DataError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {reason(error)}") from error


def check_output(path: Path) -> None:
    """Refuse a path that cannot be a file to write, before anything is written.

    Raises
    ------
    DataError
        If it is a folder or lies in none, or is a file that the command reads.
    """
    _check_place(path)
    plan_output(path)


def _check_place(path: Path) -> None:
    if not path.name or path.is_dir():
        raise DataError(f"{path}: cannot be written: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise DataError(f"{path}: cannot be written: No such file or directory")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_text(path: Path | str, most: int = LARGEST) -> str:
    """Text of a file, or of standard input for ``-``, without byte-order mark and carriage returns.

    Parameters
    ----------
    path, most
        See :func:`nuhist.inputs.read_bytes`.

    Raises
    ------
    DataError
        If :func:`nuhist.inputs.read_bytes` refuses it, or it is no UTF-8 text.
    """
    content = read_bytes(path, most)
    _refuse_archive(content, path)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise DataError(f"{shown(path)}: cannot be read: it is text in UTF-16 or UTF-32; save it in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{shown(path)}: cannot be read: {error}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _refuse_archive(content: bytes, path: Path | str) -> None:
    for signature, kind in _ARCHIVES.items():
        if content.startswith(signature):
            raise DataError(
                f"{shown(path)}: cannot be read: it is {kind}; unpack it, for of archives only likelihood"
                " records are read, as .tar.gz or .tar"
            )


def read_json(path: Path | str, most: int = LARGEST) -> Any:
    """Parsed JSON of a file, or of standard input for ``-``.

    Parameters
    ----------
    path, most
        See :func:`nuhist.inputs.read_bytes`.

    Raises
    ------
    DataError
        If it cannot be read or is no JSON that :func:`nuhist.documents.parse_json` takes.
    """
    text = read_text(path, most)
    if not text.strip():
        raise DataError(f"{shown(path)}: is empty; expected JSON")
    return parse_json(text, shown(path))


def to_json(value: Any) -> str:
    """JSON text as nuhist writes it: indented, lists of numbers on one line, NaN refused.

    Letters stay as they are; characters that nobody sees are written in JSON's escapes. Half characters,
    which JSON cannot hold, come from file names that are no UTF-8, and are written out as
    :func:`nuhist.characters.printable` does.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    text = _UNSEEN.sub(_escape, text)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def _escape(match: re.Match[str]) -> str:
    half = "\ud800" <= match[0] <= "\udfff"
    return json.dumps(printable(match[0]) if half else match[0])[1:-1]
