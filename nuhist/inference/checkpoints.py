"""Checkpoints: batches of toys that are done, in a file from which the same command goes on."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.documents import parse_json
from nuhist.errors import DataError
from nuhist.files import write_atomically
from nuhist.inputs import MEBIBYTE, reason
from nuhist.schemas import check
from nuhist.tables import Array

Result = Any
"""Of a task: two arrays with a number for each toy, or a document of JSON."""
KEPT = "; with resume=..., finished batches are kept, and the same command goes on from there"
_ARRAYS = ("statistic", "best")
_LONGEST_LINE = MEBIBYTE  # a batch takes 22 kB


class Checkpoint:
    """Finished tasks, one line of JSON each, after a line that says what they belong to.

    A line that was cut off by a crash is not counted; what is appended starts on a new line.

    Parameters
    ----------
    path
        Made where it is not there yet.
    tasks
        Dataclasses; what the file belongs to.
    digest
        Digest of the workspace.

    Raises
    ------
    DataError
        If the file belongs to something else, or cannot be written.
    """

    def __init__(self, path: Path, tasks: Sequence[Any], digest: str) -> None:
        self.path = path
        self._entries: dict[int, dict[str, Any]] = {}
        together = hashlib.sha256("".join(_described(task) for task in tasks).encode()).hexdigest()
        header = {"nuhist": __version__, "workspace_digest": digest, "toys": together}
        if not path.exists():
            write_atomically(path, json.dumps(header) + "\n")
            return
        lines = _lines(path)
        if _parsed(next(lines, "")) != header:
            raise DataError(f"{path}: belongs to another workspace, version or other toys; name another file")
        for line in lines:
            entry = _entry(line)
            if entry is not None:
                self._entries[entry["task"]] = entry

    def result(self, index: int, task: Any) -> Result | None:
        """What the file holds of a task; None if that is nothing, or of another one."""
        entry = self._entries.get(index)
        if entry is None or entry["check"] != _check(entry, task):
            return None
        try:
            return (
                entry["document"] if "document" in entry else tuple(_decoded(entry[name]) for name in _ARRAYS)
            )
        except ValueError:  # base64 that is none, or of no whole numbers
            return None

    def append(self, index: int, task: Any, result: Result) -> None:
        """Add a result."""
        entry: dict[str, Any] = {"task": index}
        if isinstance(result, tuple):
            entry |= zip(_ARRAYS, map(_encoded, result), strict=True)
        else:
            entry["document"] = result
        entry["check"] = _check(entry, task)
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write("\n" + json.dumps(entry))
                stream.flush()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written: {error.strerror}") from error


def _lines(path: Path) -> Iterator[str]:
    """Lines of a checkpoint, one after the other; of one that is too long, its parts."""
    try:
        if not path.is_file():
            raise DataError(f"{path}: is no file; name another one for the checkpoint")
        with path.open("rb") as stream:
            while line := stream.readline(_LONGEST_LINE):
                yield line.decode(errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from error


def _parsed(line: str) -> Any:
    try:
        return parse_json(line, "line")
    except DataError:
        return None


def _entry(line: str) -> dict[str, Any] | None:
    """What a line holds; None if it was cut off or is something else."""
    entry: Any = _parsed(line)
    try:
        check(entry, "checkpoint", "line", DataError)
    except DataError:
        return None
    found: dict[str, Any] = entry
    return found


def _check(entry: dict[str, Any], task: Any) -> str:
    kept = [json.dumps(entry["document"])] if "document" in entry else map(str, map(entry.get, _ARRAYS))
    content = " ".join((_described(task), str(entry.get("task")), *kept))
    return hashlib.sha256(content.encode()).hexdigest()


def _encoded(values: Array) -> str:
    return base64.b64encode(values.astype("<f8").tobytes()).decode()


def _decoded(text: str) -> Array:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


def _described(task: Any) -> str:
    """What is thrown, numbers to a few digits: a fit ends a little elsewhere on another machine."""
    return " ".join(_text(getattr(task, entry.name)) for entry in fields(task)) + ";"


def _text(value: Any) -> str:
    if isinstance(value, float | np.ndarray):
        return " ".join(f"{number:.4g}" for number in np.ravel(value))
    return str(value)
