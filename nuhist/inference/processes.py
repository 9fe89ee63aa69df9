"""Processes of this machine that share work, and end with the one that started them."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


Share = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


def shared_out(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """Results of a function for each item, in order, computed by several processes.

    An interrupt (Ctrl-C), an error, or a caller that wants no more results ends the processes at once.

    Parameters
    ----------
    function
        Function of a module, since it is sent by name.
    items
        What to share out.
    jobs
        Processes.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If one of them is killed.
    """
    with processes(jobs) as share:
        yield from share(function, items)


@contextmanager
def processes(jobs: int) -> Iterator[Share]:
    """Processes that share several rounds of work; what :func:`shared_out` says holds for each."""
    before = set(active_children())
    workers: set[BaseProcess] = set()
    # Spawned, not forked: a fork of a process with BLAS threads may hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_follow_parent) as pool:

        def share(function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
            with _interrupts_held():
                futures = deque(pool.submit(function, item) for item in items)  # starts them
                workers.update(set(active_children()) - before)
            while futures:
                yield futures.popleft().result()

        try:
            yield share
        except BaseException:
            # Futures are not cancelled: a pool that loses its processes fails on those that are.
            for worker in workers or set(active_children()) - before:
                worker.terminate()
            raise


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back; processes that are started meanwhile never get it.

    A terminal sends it to them too. One that it meets during its imports would show a traceback, and the
    others would wait for it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _follow_parent() -> None:
    """End when the parent is killed: a process that waits for work would wait for ever."""

    def wait() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()
