"""Who computes the toys: this process, several, or a Dask cluster; with checkpoints."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, get_args

from nuhist.errors import ConfigError, FitError, OptionError, unknown_name
from nuhist.inference.checkpoints import KEPT, Checkpoint, Result
from nuhist.inference.dask_cluster import cluster, results_of
from nuhist.inference.processes import processes
from nuhist.inference.toys import ToysAt, statistic
from nuhist.inputs import check_path
from nuhist.keywords import named_fields
from nuhist.values import as_text, as_whole, shown

_ROUNDING = 1e-6  # of one toy


@named_fields
@dataclass(frozen=True)
class Execution:
    """Choices of how toys are thrown, and where they are computed.

    Attributes
    ----------
    toys
        Number of toys at each value of the parameter of interest.
    seed
        The same seed gives the same toys bit for bit, whatever computes them.
    toys_at
        Nuisance parameters of the toys: ``"fitted"``, to the data with the coupling held (the profile
        construction), or ``"nominal"``, see :func:`nuhist.inference.toys.truth_of_toys`.
    jobs
        Number of processes on this machine.
    scheduler
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, or None.
    resume
        Checkpoint file: finished batches are appended to it, and taken from it.
    progress
        Called with the number of toys done and to do.
    """

    toys: int = 2000
    seed: int = 0
    toys_at: ToysAt = "fitted"
    jobs: int = 1
    scheduler: str | None = None
    resume: Path | None = None
    progress: Callable[[int, int], None] = lambda _done, _all: None

    def __post_init__(self) -> None:
        for name, least in (("toys", 1), ("jobs", 1), ("seed", 0)):
            object.__setattr__(self, name, as_whole(getattr(self, name), name, least))
        if as_text(self.toys_at, "toys_at") not in get_args(ToysAt):
            raise unknown_name("choice of toys_at", self.toys_at, get_args(ToysAt))
        if self.resume is not None:
            check_path(self.resume)
            object.__setattr__(self, "resume", Path(self.resume))
        if self.scheduler is not None:
            as_text(self.scheduler, "scheduler")
        if not callable(self.progress):
            raise ConfigError(f"progress = {shown(self.progress)}: expected a function of two numbers")
        if self.jobs > 1 and self.scheduler is not None:
            raise OptionError("jobs=...: does nothing with scheduler=..., whose cluster computes all toys")

    def refuse_level(self, confidence_level: float) -> None:
        """Refuse a level beyond which fewer than one of the toys is expected.

        Raises
        ------
        ConfigError
            With how many toys it takes.
        """
        beyond = 1 - confidence_level
        if self.toys * beyond < 1 - _ROUNDING:
            raise ConfigError(
                f"confidence level {confidence_level!r}: {self.toys} toys know nothing of what happens once"
                f" in {1 / beyond:.3g} times; throw {10 / beyond:.2g} of them or more"
            )


def as_execution(value: Execution | None) -> Execution | None:
    """How to throw toys, or None where none are thrown.

    Raises
    ------
    ConfigError
        If it is something else, such as a number of toys.
    """
    if value is not None and not isinstance(value, Execution):
        raise ConfigError(f"execution = {shown(value)}: expected nuhist.Execution(toys=...)")
    return value


class Work(Protocol):
    """A task: a frozen dataclass of numbers and arrays."""

    @property
    def size(self) -> int:
        """How many toys it is."""


Compute = Callable[[Any, Any], Result]
"""What is computed of a model and a task; a function of a module, since it is sent by name."""

Round = Callable[[Sequence[Work]], list[Result]]
"""Results of some tasks, in order."""


def run(
    model: Any,
    tasks: Sequence[Work],
    execution: Execution,
    digest: str,
    compute: Compute | None = None,
) -> list[Result]:
    """Results of each task, in order.

    Parameters
    ----------
    model, tasks
        What to throw.
    execution
        How.
    digest
        Digest of the workspace, which a checkpoint must share.
    compute
        What is computed; by default :func:`nuhist.inference.toys.statistic`.

    Raises
    ------
    DataError
        If a checkpoint belongs to other toys or cannot be written.
    ConfigError
        If Dask is asked for and not installed, its scheduler does not answer, or a worker has another
        version of nuhist.
    FitError
        If a process is killed, or the Dask cluster is lost.
    """
    with rounds(model, execution, digest, compute) as one:
        return one(tasks)


@contextmanager
def rounds(model: Any, execution: Execution, digest: str, compute: Compute | None = None) -> Iterator[Round]:
    """Several rounds of tasks, of which the later ones depend on the results of those before.

    They share processes, cluster and checkpoint. A checkpoint belongs to the tasks of the first round.
    See :func:`run`.
    """
    with ExitStack() as stack:
        yield _Rounds(model, execution, digest, compute, stack).run


def _refuse_unsent(model: Any) -> None:
    """Say what to do about a function inside of a function, which other processes cannot be sent."""
    try:
        pickle.dumps(model)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"jobs=...: other processes cannot be sent the model: {error}; define the functions of its"
            " hypothesis at the top of a module, or leave jobs=... out"
        ) from error


@dataclass(eq=False)
class _Rounds:
    """The state between rounds.

    Attributes
    ----------
    begun
        Tasks of the rounds before.
    done, total
        Toys so far.
    """

    model: Any
    execution: Execution
    digest: str
    compute: Compute | None
    stack: ExitStack
    begun: int = 0
    done: int = 0
    total: int = 0
    checkpoint: Checkpoint | None = None
    _open: dict[str, Any] = field(default_factory=dict)

    def run(self, tasks: Sequence[Work]) -> list[Result]:
        if self.execution.resume and self.checkpoint is None:
            self.checkpoint = Checkpoint(self.execution.resume, tasks, self.digest)
        first = self.begun
        self.begun += len(tasks)
        results: dict[int, Result] = {}
        for index, task in enumerate(tasks):
            known = self.checkpoint and self.checkpoint.result(first + index, task)
            if known:
                results[index] = known
        self.total += sum(task.size for task in tasks)
        self.done += sum(tasks[index].size for index in results)
        self.execution.progress(self.done, self.total)
        missing = [index for index in range(len(tasks)) if index not in results]
        for index, result in self._computed(tasks, missing):
            results[index] = result
            if self.checkpoint:
                self.checkpoint.append(first + index, tasks[index], result)
            self.done += tasks[index].size
            self.execution.progress(self.done, self.total)
        return [results[index] for index in range(len(tasks))]

    def _computed(self, tasks: Sequence[Work], chosen: Sequence[int]) -> Iterator[tuple[int, Result]]:
        work = [tasks[index] for index in chosen]
        if self.execution.scheduler is not None and work:
            address = self.execution.scheduler
            opened = self._shared("dask", lambda: cluster(address, self.model))
            for place, result in results_of(opened, partial(_alone, self.compute), work, address):
                yield chosen[place], result
        elif self.execution.jobs > 1 and len(work) > 1:
            _refuse_unsent(self.model)
            share = self._shared("processes", lambda: processes(self.execution.jobs))
            try:
                yield from zip(chosen, share(partial(_alone, self.compute, self.model), work), strict=True)
            except BrokenProcessPool as error:
                raise FitError(f"a process that computes was killed{KEPT}") from error
        else:
            for index, task in zip(chosen, work, strict=True):
                yield index, _alone(self.compute, self.model, task)

    def _shared(self, name: str, make: Callable[[], AbstractContextManager[Any]]) -> Any:
        """What is opened in the first round that needs it, and closed after the last one."""
        if name not in self._open:
            self._open[name] = self.stack.enter_context(make())
        return self._open[name]


def _alone(compute: Compute | None, model: Any, task: Any) -> Result:
    """One task with one BLAS thread: its matrices are small."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return (compute or statistic)(model, task)
