"""Reading and writing of files: whole or not at all, with errors that name the file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
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
    data = content.encode() if isinstance(content, str) else content
    check_output(path)
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        try:
            path.write_bytes(data)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {_reason(error)}") from error
        return
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {_reason(error)}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


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
