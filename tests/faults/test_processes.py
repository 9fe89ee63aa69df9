"""Processes that share work end with it, however it ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from multiprocessing import active_children

import pytest

from nuhist.inference.processes import shared_out

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no masks of signals")


def test_results_come_in_order_from_several_processes() -> None:
    before = set(active_children())
    assert list(shared_out(abs, [-3, 1, -2, 0], 2)) == [3, 1, 2, 0]
    assert os.getpid() not in set(shared_out(_process, range(4), 2))
    assert set(active_children()) == before


def _process(_: int) -> int:
    return os.getpid()


def test_they_get_no_interrupt_and_their_parent_does() -> None:
    blocked = partial(signal.pthread_sigmask, signal.SIG_BLOCK)
    before = blocked([])
    for mask in shared_out(blocked, [[], []], 2):
        assert signal.SIGINT in mask
    assert signal.SIGINT not in before
    assert blocked([]) == before


def test_an_error_ends_them() -> None:
    before = set(active_children())
    with pytest.raises(ValueError, match="invalid literal"):
        list(shared_out(int, ["1", "one", "2"], 2))
    assert set(active_children()) == before


def test_they_end_when_nobody_wants_the_rest() -> None:
    before = set(active_children())
    results = shared_out(time.sleep, [0, 300, 300, 300], 2)
    started = time.monotonic()
    assert next(results) is None
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 100  # and not what they sleep
    assert set(active_children()) == before
