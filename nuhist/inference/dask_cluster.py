"""A Dask cluster that computes: its client, its workers and their versions, what comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError
from nuhist.inference.checkpoints import KEPT, Result

Compute = Callable[[Any, Any], Result]


@contextmanager
def cluster(address: str, model: Any) -> Iterator[tuple[Any, Any]]:
    """A client of a Dask cluster, and the model there.

    Raises
    ------
    ConfigError
        If Dask is not installed, no scheduler answers, or a worker has another version of nuhist.
    FitError
        If the cluster does not answer.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError("scheduler=... needs Dask; pip install 'nuhist[dask]'") from error
    try:
        client = Client(address, timeout="20s")
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from error
    with _quiet("distributed.client", "distributed.batched", "tornado.application"), client:
        _refuse_other_versions(client)
        # A task, not scattered data: when the worker that holds it dies, another makes it again.
        yield client, client.submit(_itself, model, pure=False)


def results_of(
    opened: tuple[Any, Any], compute: Compute, work: Sequence[Any], address: str
) -> Iterator[tuple[int, Result]]:
    """Places of tasks and their results, as they come.

    Parameters
    ----------
    opened
        What :func:`cluster` gives.
    compute
        What is computed of a model and a task; a function of a module, since it is sent by name.
    work
        Tasks.
    address
        Address of the scheduler, for messages.

    Raises
    ------
    ConfigError
        If a worker that came later has another version of nuhist.
    FitError
        If the scheduler is gone, or no worker can do it.
    """
    from distributed import as_completed

    client, shared = opened
    same = partial(_of_version, __version__, compute)
    futures = [client.submit(same, shared, task, pure=False, retries=3) for task in work]
    order = {future.key: place for place, future in enumerate(futures)}
    for future in as_completed(futures):
        try:
            result = future.result()
        except ConfigError:
            raise
        except Exception as error:
            raise FitError(f"the Dask cluster at {address} fails: {_one_line(error)}{KEPT}") from error
        yield order[future.key], result


def _refuse_other_versions(client: Any) -> None:
    """Refuse workers that have another nuhist, or none, before they get work.

    They are asked with a function of Python's own, which every worker has.
    """
    from pydoc import locate

    try:
        versions = client.run(locate, "nuhist.__about__.__version__")
    except Exception as error:
        raise FitError(f"the Dask cluster does not answer: {_one_line(error)}") from error
    for worker, version in sorted(versions.items()):
        if version != __version__:
            raise _other_version(worker, version)


def _of_version(version: str, compute: Compute, model: Any, task: Any) -> Result:
    """One task on a worker that has the version of the one who asks."""
    if version != __version__:
        from distributed import get_worker

        raise _other_version(get_worker().address, __version__, version)
    return compute(model, task)


def _other_version(worker: str, theirs: str | None, ours: str = __version__) -> ConfigError:
    has = f"nuhist {theirs}" if theirs else "no nuhist"
    return ConfigError(f"the Dask worker {worker} has {has}, this is nuhist {ours}; install the same on both")


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


def _itself(model: Any) -> Any:
    return model
