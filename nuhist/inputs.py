"""Files that are read: within bounds, and never replaced by what the same command writes."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from nuhist.errors import DataError

STDIN = "-"
MEBIBYTE = 2**20
LARGEST = 256 * MEBIBYTE  # bytes; the largest public likelihoods have some ten million
_CHUNK = 2**20
_Identity = tuple[int, int]  # of a file, whatever it is called: device and number on it


@dataclass
class _Command:
    """Files that a command reads, and those that it is going to write, by identity; with their names."""

    inputs: dict[_Identity, str] = field(default_factory=dict)
    outputs: dict[_Identity, str] = field(default_factory=dict)


_COMMAND: ContextVar[_Command | None] = ContextVar("command", default=None)


@contextmanager
def inputs_kept() -> Iterator[None]:
    """Refuse, as long as this lasts, to write to files that were read, and to read what will be written.

    Files are compared by what they are, so that links and other spellings of a path are seen; standard
    input, output and error count where they are files. In another such block nothing is known of this one.
    """
    command = _Command()
    for descriptor, name in ((1, "standard output"), (2, "standard error")):
        identity = _of_descriptor(descriptor)
        if identity is not None:
            command.outputs[identity] = name
    token = _COMMAND.set(command)
    try:
        yield
    finally:
        _COMMAND.reset(token)


def plan_output(path: Path) -> None:
    """Note that a file is going to be written.

    Raises
    ------
    DataError
        If it has been read, see :func:`inputs_kept`.
    """
    command = _COMMAND.get()
    identity = _of_path(path)
    if command is None or identity is None:
        return
    if identity in command.inputs:
        source = command.inputs[identity]
        what = "an input" if source == str(path) else f"the same file as {source}, an input"
        raise DataError(f"{path}: is {what} of this command, and would be replaced; name another output")
    command.outputs.setdefault(identity, str(path))


def begin_output(path: Path) -> None:
    """Check as :func:`plan_output` does; what is written may be read afterwards."""
    plan_output(path)
    command, identity = _COMMAND.get(), _of_path(path)
    if command is not None and identity is not None:
        command.outputs.pop(identity, None)


def note_input(descriptor: int, name: str) -> None:
    """Note that an open file is read.

    Raises
    ------
    DataError
        If it is going to be written, see :func:`inputs_kept`.
    """
    command = _COMMAND.get()
    identity = _of_descriptor(descriptor)
    if command is None or identity is None:
        return
    if identity in command.outputs:
        target = command.outputs[identity]
        what = "its output" if target == name else f"the same file as {target}, its output"
        raise DataError(f"{name}: is an input of this command and {what}; name another output")
    command.inputs.setdefault(identity, name)


def read_bytes(path: Path | str, most: int = LARGEST, signature: bytes = b"") -> bytes:
    """Content of a file, or of standard input for ``-``.

    Parameters
    ----------
    path
        A file, a pipe or a device.
    most
        Bytes; what is larger is not read, and what has no end is not read further.
    signature
        With which it must begin; else its beginning alone is given back.

    Raises
    ------
    DataError
        If it cannot be read, is larger, or is a file that the command is going to write.
    """
    check_path(path)
    name = shown(path)
    try:
        with _opened(path) as stream:
            size = _size(stream, name)
            if size is not None and size > most:
                raise _too_large(name, most)
            if signature and not signature.startswith(stream.peek()[: len(signature)]):
                return bytes(stream.read(len(signature)))
            content = stream.read(size + 1) if size else b""  # a size of 0 tells nothing, as in /proc
            parts = [content]
            length = len(content)
            while length <= most and (part := stream.read(_CHUNK)):
                parts.append(part)
                length += len(part)
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: cannot be read: {reason(error)}") from error
    if length > most:
        raise _too_large(name, most)
    return b"".join(parts)


def is_file(path: Path | str) -> bool:
    """Whether there is a file; False for a name that is too long, for which ``Path.is_file`` raises."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def check_path(path: Path | str) -> None:
    """Refuse what is no path, and one without a letter, which the system takes for the current folder.

    Raises
    ------
    DataError
        If it is one of these.
    """
    if not isinstance(path, str | Path):
        raise DataError(f"expected a path, not {type(path).__name__}")
    if str(path) == "":
        raise DataError("the path is empty; name a file, or write . for the current folder")
    if str(path).lstrip().startswith("{"):
        raise DataError("the path begins with a brace, as the text of a document does; give json.loads of it")


def shown(path: Path | str) -> str:
    """The path for a message."""
    return "standard input" if str(path) == STDIN else str(path)


def reason(error: Exception) -> str:
    """What an error of the system says."""
    if getattr(error, "errno", None) == errno.EBADF:
        return "it is closed"
    return getattr(error, "strerror", None) or str(error)


def _opened(path: Path | str) -> AbstractContextManager[Any]:
    if str(path) != STDIN:
        return Path(path).open("rb")
    if sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return nullcontext(sys.stdin.buffer)


def _size(stream: IO[bytes], name: str) -> int | None:
    """Bytes that are left in a file; None for what is no file, or no file of the system's."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return None
    note_input(descriptor, name)
    status = os.fstat(descriptor)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _too_large(name: str, most: int) -> DataError:
    return DataError(f"{name}: is larger than {most // MEBIBYTE} MiB; not read")


def _of_descriptor(descriptor: int) -> _Identity | None:
    try:
        return _identity(os.fstat(descriptor))
    except OSError:
        return None


def _of_path(path: Path) -> _Identity | None:
    try:
        return _identity(path.stat())
    except (OSError, ValueError):
        return None


def _identity(status: os.stat_result) -> _Identity | None:
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
