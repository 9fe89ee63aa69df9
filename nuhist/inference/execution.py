"""Who computes the toys: this process, several, or a Dask cluster; with checkpoints."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.documents import parse_json
from nuhist.errors import ConfigError, DataError, FitError
from nuhist.files import read_text, write_atomically
from nuhist.inference.processes import shared_out
from nuhist.inference.toys import Task, ToyModel, statistic
from nuhist.schemas import check
from nuhist.tables import Array

Result = tuple[Array, Array]

_KEPT = "; with --resume FILE, finished batches are kept, and the same command goes on from there"


@dataclass(frozen=True)
class Execution:
    """How toys are thrown and where.

    Attributes
    ----------
    toys
        At each point.
    seed
        The same seed gives the same toys bit for bit, whatever computes them.
    jobs
        Processes on this machine.
    scheduler
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, or None.
    resume
        Checkpoint file: finished batches are appended to it, and taken from it.
    progress
        Called with the number of toys done and to do.
    """

    toys: int = 2000
    seed: int = 0
    jobs: int = 1
    scheduler: str | None = None
    resume: Path | None = None
    progress: Callable[[int, int], None] = lambda _done, _all: None

    def __post_init__(self) -> None:
        if self.toys < 1 or self.jobs < 1 or self.seed < 0:
            raise ConfigError("toys and jobs must be at least 1, and the seed not negative")


def run(model: ToyModel, tasks: Sequence[Task], execution: Execution, digest: str) -> list[Result]:
    """Results of :func:`nuhist.inference.toys.statistic` for each task, in order.

    Parameters
    ----------
    model, tasks
        What to throw.
    execution
        How.
    digest
        Of the workspace, which a checkpoint must share.

    Raises
    ------
    DataError
        If a checkpoint belongs to other toys or cannot be written.
    ConfigError
        If Dask is asked for and not installed, or its scheduler does not answer.
    FitError
        If a process is killed, or the Dask cluster is lost.
    """
    known = _Checkpoint(execution.resume, tasks, digest) if execution.resume else None
    results = dict(known.results) if known else {}
    total = sum(task.size for task in tasks)
    done = sum(tasks[index].size for index in results)
    execution.progress(done, total)
    open_tasks = [index for index in range(len(tasks)) if index not in results]
    for index, result in _compute(model, tasks, open_tasks, execution):
        results[index] = result
        if known:
            known.append(index, result)
        done += tasks[index].size
        execution.progress(done, total)
    return [results[index] for index in range(len(tasks))]


def _compute(
    model: ToyModel, tasks: Sequence[Task], chosen: Sequence[int], execution: Execution
) -> Iterator[tuple[int, Result]]:
    work = [tasks[index] for index in chosen]
    if execution.scheduler is not None and work:
        yield from _dask(model, work, chosen, execution.scheduler)
    elif execution.jobs > 1 and len(work) > 1:
        try:
            yield from zip(chosen, shared_out(partial(_alone, model), work, execution.jobs), strict=True)
        except BrokenProcessPool as error:
            raise FitError(f"a process that throws toys was killed{_KEPT}") from error
    else:
        for index, task in zip(chosen, work, strict=True):
            yield index, _alone(model, task)


def _dask(
    model: ToyModel, work: Sequence[Task], chosen: Sequence[int], address: str
) -> Iterator[tuple[int, Result]]:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ConfigError("--scheduler needs Dask; pip install 'nuhist[dask]'") from error
    try:
        client = Client(address, timeout="20s")
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from error
    with _quiet("distributed.client", "distributed.batched", "tornado.application"), client:
        # A task, not scattered data: when the worker that holds it dies, another makes it again.
        shared = client.submit(_itself, model, pure=False)
        futures = [client.submit(_alone, shared, task, pure=False, retries=3) for task in work]
        order = {future.key: index for future, index in zip(futures, chosen, strict=True)}
        for future in as_completed(futures):
            try:
                result = future.result()
            except Exception as error:  # the scheduler is gone, or no worker can do it
                raise FitError(f"the Dask cluster at {address} fails: {_one_line(error)}{_KEPT}") from error
            yield order[future.key], result


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Without the messages of some loggers, whose tracebacks would stand beside the error."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _itself(model: ToyModel) -> ToyModel:
    return model


def _alone(model: ToyModel, task: Task) -> Result:
    """One task with one BLAS thread: its matrices are small."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return statistic(model, task)


class _Checkpoint:
    """Finished batches, one line of JSON each, after a line that says what they belong to.

    A line that was cut off by a crash is not counted; what is appended starts on a new line.
    """

    def __init__(self, path: Path, tasks: Sequence[Task], digest: str) -> None:
        self.path = path
        self.results: dict[int, Result] = {}
        header = {"nuhist": __version__, "workspace_digest": digest, "toys": _fingerprint(tasks)}
        if not path.exists():
            write_atomically(path, json.dumps(header) + "\n")
            return
        first, *lines = read_text(path).split("\n")
        if _parsed(first) != header:
            raise DataError(f"{path}: belongs to another workspace, version or other toys; name another file")
        for line in lines:
            entry = _entry(line, tasks)
            if entry is not None:
                self.results[entry[0]] = entry[1]

    def append(self, index: int, result: Result) -> None:
        entry: dict[str, Any] = {
            "task": index,
            "statistic": _encoded(result[0]),
            "best": _encoded(result[1]),
        }
        entry["check"] = _check(entry)
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write("\n" + json.dumps(entry))
                stream.flush()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written: {error.strerror}") from error


def _parsed(line: str) -> Any:
    try:
        return parse_json(line, "line")
    except DataError:
        return None


def _entry(line: str, tasks: Sequence[Task]) -> tuple[int, Result] | None:
    """Number and result of the batch that a line holds; None if it was cut off or is something else."""
    entry = _parsed(line)
    try:
        check(entry, "checkpoint", "line", DataError)
        if entry["check"] != _check(entry) or entry["task"] >= len(tasks):
            return None
        result = _decoded(entry["statistic"]), _decoded(entry["best"])
    except (DataError, ValueError):  # the latter where base64 is none, or of no whole numbers
        return None
    size = tasks[int(entry["task"])].size
    return (int(entry["task"]), result) if result[0].size == result[1].size == size else None


def _check(entry: dict[str, Any]) -> str:
    content = f"{entry.get('task')} {entry.get('statistic')} {entry.get('best')}"
    return hashlib.sha256(content.encode()).hexdigest()


def _encoded(values: Array) -> str:
    return base64.b64encode(values.astype("<f8").tobytes()).decode()


def _decoded(text: str) -> Array:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


def _fingerprint(tasks: Sequence[Task]) -> str:
    """Digest of what is thrown, to a few digits: a fit ends a little elsewhere on another machine."""
    digest = hashlib.sha256()
    for task in tasks:
        truth = " ".join(f"{value:.4g}" for value in task.truth)
        value = "fit" if task.value is None else f"{task.value:.6g}"
        digest.update(f"{truth} {value} {task.size} {task.seed} {task.batch};".encode())
    return digest.hexdigest()
