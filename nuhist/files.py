"""Reading and writing of files: whole or not at all, with errors that name the file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nuhist.errors import DataError

STDIN = "-"
_NUMBERS = re.compile(r"\[\n\s+([-+.,\d\seE]+?)\n\s+\]")  # no string holds a line break


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


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

    All are written under temporary names before the first is renamed, so that a full disk or an
    interrupt leaves the old ones. What remains is the moment between two renames.

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
        If one of the paths is a folder, or its folder does not exist or cannot be written to.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            with _writing(path):
                _stage(path, content.encode() if isinstance(content, str) else content, staged)
        if key is not None:
            with _writing(key):
                key.resolve().unlink(missing_ok=True)
        for path, temporary in staged.items():
            with _writing(path):
                temporary.replace(path)
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {_reason(error)}") from error


def _stage(path: Path, data: bytes, staged: dict[Path, Path]) -> None:
    """Write under a temporary name; a pipe or a device as it is."""
    check_output(path)
    if path.exists() and not path.is_file():  # before links: /dev/stdout leads to no path
        path.write_bytes(data)
        return
    path = path.resolve() if path.is_symlink() else path
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    staged[path] = Path(name)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    staged[path].chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())


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
        raise DataError(f"{folder}: cannot be made: {_reason(error)}") from error


def check_output(path: Path) -> None:
    """Refuse a path that cannot be a file to write, before anything is written.

    Raises
    ------
    DataError
        If it is a folder or lies in none.
    """
    if not path.name or path.is_dir():
        raise DataError(f"{path}: cannot be written: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise DataError(f"{path}: cannot be written: No such file or directory")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_text(path: Path | str) -> str:
    """Text of a file, or of standard input for ``-``.

    Raises
    ------
    DataError
        If it cannot be read or is no UTF-8 text.
    """
    try:
        if str(path) == STDIN:
            return sys.stdin.buffer.read().decode()
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{_shown(path)}: cannot be read: {_reason(error)}") from error


def read_json(path: Path | str) -> Any:
    """Parsed JSON of a file, or of standard input for ``-``.

    Raises
    ------
    DataError
        If it cannot be read or is no JSON; the message has line and column.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{_shown(path)}: is empty; expected JSON")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{_shown(path)}: is no JSON: {error.msg} at {place}") from error
    except RecursionError as error:
        raise DataError(f"{_shown(path)}: is JSON nested too deeply") from error
    except ValueError as error:  # an integer of thousands of digits
        raise DataError(f"{_shown(path)}: is no JSON that can be read: {error}") from error


def to_json(value: Any) -> str:
    """JSON text as nuhist writes it: indented, lists of numbers on one line, NaN refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def _shown(path: Path | str) -> str:
    return "standard input" if str(path) == STDIN else str(path)
