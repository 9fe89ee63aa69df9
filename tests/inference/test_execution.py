"""Who computes the toys does not matter; checkpoints lose at most one batch."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist import Workspace
from nuhist import __version__ as nuhist_version
from nuhist.errors import ConfigError, DataError
from nuhist.inference import dask_cluster
from nuhist.inference import execution as module
from nuhist.inference.checkpoints import Result
from nuhist.inference.execution import Execution, run
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.toys import BATCH, Task, ToyModel, batches, statistic, toy_model

Array = NDArray[np.float64]
DIGEST = "a" * 64
BATCHES = 4


@pytest.fixture(scope="module")
def model(counting: Callable[..., Workspace]) -> ToyModel:
    return toy_model(make_likelihood(counting([4, 7], [1.0, 2.0], [3.0, 5.0], sigma=0.1)))


@pytest.fixture(scope="module")
def tasks(model: ToyModel) -> list[Task]:
    return batches(model.initial, 1.0, BATCHES * BATCH - 300, seed=8)


@pytest.fixture(scope="module")
def alone(model: ToyModel, tasks: list[Task]) -> list[Result]:
    """What one process finds."""
    return run(model, tasks, Execution(), DIGEST)


def _same(results: Sequence[Result], others: Sequence[Result]) -> None:
    assert len(results) == len(others)
    for one, other in zip(results, others, strict=True):
        assert np.array_equal(one[0], other[0])  # bit for bit
        assert np.array_equal(one[1], other[1])


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batches that were computed, in order."""
    found: list[int] = []

    def counted(model: ToyModel, task: Task) -> Result:
        found.append(task.batch)
        return statistic(model, task)

    monkeypatch.setattr(module, "statistic", counted)
    return found


def _stop_after(number: int) -> Callable[[int, int], None]:
    calls = iter(range(number + 1))  # the first call comes before any batch

    def progress(done: int, total: int) -> None:
        if next(calls) == number:
            raise KeyboardInterrupt

    return progress


def test_two_processes_find_the_same(model: ToyModel, tasks: list[Task], alone: list[Result]) -> None:
    assert [result[0].size for result in alone] == [BATCH, BATCH, BATCH, BATCH - 300]
    _same(run(model, tasks, Execution(jobs=2), DIGEST), alone)


def test_progress_counts_toys(model: ToyModel, tasks: list[Task]) -> None:
    seen: list[tuple[int, int]] = []
    run(model, tasks, Execution(progress=lambda done, total: seen.append((done, total))), DIGEST)
    total = BATCHES * BATCH - 300
    assert seen == [(0, total), (1000, total), (2000, total), (3000, total), (total, total)]


def test_an_interrupted_run_goes_on(
    model: ToyModel, tasks: list[Task], alone: list[Result], computed: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        run(model, tasks, Execution(resume=path, progress=_stop_after(2)), DIGEST)
    assert computed == [0, 1]
    computed.clear()
    _same(run(model, tasks, Execution(resume=path), DIGEST), alone)
    assert computed == [2, 3]  # none again
    computed.clear()
    # A third run takes everything from the file, by however many processes.
    before = path.read_bytes()
    _same(run(model, tasks, Execution(resume=path, jobs=2), DIGEST), alone)
    assert computed == []
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("kept", [10, 200, -1])
def test_a_line_that_was_cut_off(
    model: ToyModel, tasks: list[Task], alone: list[Result], computed: list[int], tmp_path: Path, kept: int
) -> None:
    # A crash in the middle of a write: 10 or 200 characters of the line are there, or all but one.
    path = tmp_path / "checkpoint"
    run(model, tasks, Execution(resume=path), DIGEST)
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    path.write_text("\n".join([*lines[:-1], lines[-1][:kept]]), encoding="utf-8")
    computed.clear()
    for expected in ([BATCHES - 1], []):  # and what was appended after it is read again
        _same(run(model, tasks, Execution(resume=path), DIGEST), alone)
        assert computed == expected
        computed.clear()


def test_a_line_that_was_changed(
    model: ToyModel, tasks: list[Task], alone: list[Result], computed: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    run(model, tasks, Execution(resume=path), DIGEST)
    lines = path.read_text(encoding="utf-8").split("\n")
    index = next(number for number, line in enumerate(lines) if '"task": 1' in line)
    entry = json.loads(lines[index])
    entry["statistic"] = entry["best"]
    lines[index] = json.dumps(entry)
    path.write_text("\n".join(lines), encoding="utf-8")
    computed.clear()
    _same(run(model, tasks, Execution(resume=path), DIGEST), alone)
    assert computed == [1]


def test_another_workspace_is_refused(model: ToyModel, tasks: list[Task], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    run(model, tasks[:1], Execution(resume=path), DIGEST)
    before = path.read_bytes()
    with pytest.raises(DataError, match="belongs to another workspace, version or other toys"):
        run(model, tasks[:1], Execution(resume=path), "b" * 64)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "other",
    [
        {"toys": 999},
        {"seed": 9},
        {"value": 1.5},
        {"truth": 1.01},
        {"first": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_toys_are_refused(model: ToyModel, tmp_path: Path, other: dict[str, Any]) -> None:
    def make(
        toys: int = 1000, seed: int = 8, value: float = 1.0, truth: float = 1.0, first: int = 0
    ) -> list[Task]:
        return batches(truth * model.initial + (truth - 1), value, toys, seed, first)

    path = tmp_path / "checkpoint"
    run(model, make(), Execution(resume=path), DIGEST)
    with pytest.raises(DataError, match="other toys"):
        run(model, make(**other), Execution(resume=path), DIGEST)


def test_a_file_that_is_no_checkpoint(model: ToyModel, tasks: list[Task], tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Not a checkpoint.\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"notes\.txt: belongs to another"):
        run(model, tasks[:1], Execution(resume=path), DIGEST)
    assert path.read_text(encoding="utf-8") == "Not a checkpoint.\n"


def test_a_folder_is_no_checkpoint(model: ToyModel, tasks: list[Task], tmp_path: Path) -> None:
    with pytest.raises(DataError):
        run(model, tasks[:1], Execution(resume=tmp_path), DIGEST)
    with pytest.raises(DataError):
        run(model, tasks[:1], Execution(resume=tmp_path / "missing" / "checkpoint"), DIGEST)


# Dask's own: sockets that its event loop closes after the test.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_dask_cluster_finds_the_same(
    model: ToyModel, tasks: list[Task], alone: list[Result], computed: list[int], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "checkpoint"
    with distributed.LocalCluster(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        address = cluster.scheduler_address
        _same(run(model, tasks, Execution(scheduler=address, resume=path), DIGEST), alone)
        assert sorted(computed) == list(range(BATCHES))
        computed.clear()
        _same(run(model, tasks, Execution(scheduler=address, resume=path), DIGEST), alone)
        assert computed == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_dask_worker_of_another_version(
    model: ToyModel, tasks: list[Task], computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    ours = nuhist_version
    with distributed.LocalCluster(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        address = cluster.scheduler_address
        monkeypatch.setattr("nuhist.__about__.__version__", "0.0.1")  # the worker's
        message = (
            rf"^the Dask worker \S+ has nuhist 0\.0\.1, this is nuhist {re.escape(ours)}; install the same"
        )
        with pytest.raises(ConfigError, match=message):
            run(model, tasks, Execution(scheduler=address), DIGEST)
        # One that comes when work is already given out is asked again with each task.
        monkeypatch.setattr(dask_cluster, "_refuse_other_versions", lambda _client: None)
        submitted = partial(dask_cluster._of_version, "0.0.2", statistic)
        monkeypatch.setattr(dask_cluster, "partial", lambda *_arguments: submitted)
        with pytest.raises(ConfigError, match=r"^the Dask worker \S+ has nuhist .*, this is nuhist 0\.0\.2;"):
            run(model, tasks[:1], Execution(scheduler=address), DIGEST)
    assert computed == []


def test_a_worker_without_nuhist() -> None:
    class Cluster:
        def run(self, function: Any, name: str) -> dict[str, Any]:
            # pydoc.locate, which every worker has; so it answers for a package that is not there.
            assert function(name) == nuhist_version
            return {"tcp://a": function("no_nuhist.__about__.__version__"), "tcp://b": function(name)}

    with pytest.raises(ConfigError, match=r"^the Dask worker tcp://a has no nuhist, this is nuhist "):
        dask_cluster._refuse_other_versions(Cluster())


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without end")
def test_a_checkpoint_without_end(model: ToyModel, tasks: list[Task]) -> None:
    with pytest.raises(DataError, match=r"^/dev/zero: is no file"):
        run(model, tasks[:1], Execution(resume=Path("/dev/zero")), DIGEST)


def test_dask_that_is_not_installed(
    model: ToyModel, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("distributed"):
            raise ImportError(name)
        return before(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'nuhist\[dask\]'"):
        run(model, tasks, Execution(scheduler="tcp://127.0.0.1:9"), DIGEST)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"toys": 0}, "toys = 0: expected a whole number of at least 1"),
        ({"toys": 10.5}, "toys = 10.5: expected a whole number of at least 1"),
        ({"toys": True}, "toys = True: expected a whole number"),
        ({"toys": "100"}, "toys = '100': expected a whole number"),
        ({"jobs": 0}, "jobs = 0: expected a whole number of at least 1"),
        ({"seed": -1}, "seed = -1: expected a whole number of at least 0"),
        ({"seed": float("nan")}, "seed = nan: expected a whole number of at least 0"),
        ({"scheduler": 8786}, "scheduler = 8786: expected a text"),
        ({"progress": 1}, "progress = 1: expected a function"),
    ],
)
def test_numbers_that_make_no_sense(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Execution(**choices)
