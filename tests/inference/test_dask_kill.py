"""Workers, processes and schedulers that are killed in the middle of throwing toys."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from nuhist import Workspace
from nuhist.errors import FitError
from nuhist.inference import execution as module
from nuhist.inference.checkpoints import Result
from nuhist.inference.execution import Execution, run
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.toys import BATCH, Task, ToyModel, batches, statistic, toy_model

DIGEST = "d" * 64
BATCHES = 12

# Dask's own: sockets that its event loop closes after the test.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def model(built: Callable[..., Workspace]) -> ToyModel:
    """Some 0.1 s for a batch, so that there is a middle."""
    return toy_model(
        make_likelihood(built("lz_ws2022", hypothesis="magnetic-moment", background="components"))
    )


@pytest.fixture(scope="module")
def tasks(model: ToyModel) -> list[Task]:
    return batches(model.initial, 1.0, BATCHES * BATCH, seed=8)


@pytest.fixture(scope="module")
def alone(model: ToyModel, tasks: list[Task]) -> list[Result]:
    """What one process finds."""
    return run(model, tasks, Execution(), DIGEST)


def _same(results: Sequence[Result], others: Sequence[Result]) -> None:
    assert len(results) == len(others)
    for one, other in zip(results, others, strict=True):
        assert np.array_equal(one[0], other[0])  # bit for bit
        assert np.array_equal(one[1], other[1])


def _goes_on(
    model: ToyModel, tasks: list[Task], alone: list[Result], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint has batches, no more are computed than it lacks, and all are the same in the end."""
    kept = len(path.read_text(encoding="utf-8").split("\n")) - 2  # less the header, and its end of line
    assert 0 < kept < BATCHES
    computed: list[int] = []

    def counted(model: ToyModel, task: Task) -> Result:
        computed.append(task.batch)
        return statistic(model, task)

    monkeypatch.setattr(module, "statistic", counted)
    _same(run(model, tasks, Execution(resume=path), DIGEST), alone)
    assert len(computed) == BATCHES - kept


@pytest.mark.thorough
def test_workers_of_dask(model: ToyModel, tasks: list[Task], alone: list[Result], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2,
        processes=True,
        threads_per_worker=1,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
        local_directory=tmp_path,
    ) as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]

        def progress(done: int, total: int) -> None:
            # One after the other, so that what either held alone is lost: results, and the model itself.
            if len(killed) < 2 and done >= (1 + 3 * len(killed)) * BATCH:
                assert done < total
                os.kill(pids[len(killed)], signal.SIGKILL)
                killed.append(done)

        address = cluster.scheduler_address
        _same(run(model, tasks, Execution(scheduler=address, progress=progress), DIGEST), alone)
        assert len(killed) == 2
        assert not set(pids) & {nanny.pid for nanny in cluster.workers.values()}


def _program(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler in a process of its own, with one worker: its address and the process."""
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    at = ["--scheduler-file", str(file), "--no-dashboard"]
    main = _program("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *at)
    worker = _program(
        "distributed.cli.dask_worker",
        "--nthreads",
        "1",
        "--no-nanny",
        *at,
        "--local-directory",
        str(tmp_path),
    )
    with main, worker:
        try:
            deadline = time.monotonic() + 60
            while not file.exists() or not file.read_text(encoding="utf-8"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield json.loads(file.read_text(encoding="utf-8"))["address"], main
        finally:
            worker.kill()
            main.kill()


@pytest.mark.thorough
def test_the_scheduler_of_dask(
    model: ToyModel,
    tasks: list[Task],
    alone: list[Result],
    scheduler: tuple[str, subprocess.Popen[bytes]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, process = scheduler
    path = tmp_path / "checkpoint"

    def progress(done: int, _: int) -> None:
        if done >= 2 * BATCH:
            process.kill()

    started = time.monotonic()
    with pytest.raises(
        FitError, match=rf"the Dask cluster at {address} fails: .*; with resume=..."
    ) as caught:
        run(model, tasks, Execution(scheduler=address, resume=path, progress=progress), DIGEST)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 30  # and it does not wait for what is gone
    assert capfd.readouterr().err == ""  # nor does Dask's client show a traceback
    _goes_on(model, tasks, alone, path, monkeypatch)


@pytest.mark.thorough
def test_a_process_of_this_machine(
    model: ToyModel,
    tasks: list[Task],
    alone: list[Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As the system does where memory runs out.
    path = tmp_path / "checkpoint"

    def progress(done: int, _: int) -> None:
        if done == 2 * BATCH:
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(FitError, match=r"a process that computes was killed; with resume=..."):
        run(model, tasks, Execution(jobs=2, resume=path, progress=progress), DIGEST)
    _goes_on(model, tasks, alone, path, monkeypatch)


def test_a_task_that_no_worker_can_do(
    model: ToyModel, tasks: list[Task], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Such as workers with another nuhist.
    distributed = pytest.importorskip("distributed")

    def broken(model: ToyModel, task: Task) -> Result:
        raise AttributeError("no such thing\nhere")

    monkeypatch.setattr(module, "statistic", broken)
    with (
        distributed.LocalCluster(
            processes=False,
            n_workers=1,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
            local_directory=tmp_path,
        ) as cluster,
        pytest.raises(FitError, match=r"the Dask cluster at \S+ fails: no such thing here; with resume=..."),
    ):
        run(model, tasks[:2], Execution(scheduler=cluster.scheduler_address), DIGEST)
