"""Goodness of fit from toys: who throws them does not matter, and an interrupted run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nuhist import Workspace
from nuhist.errors import DataError
from nuhist.inference import execution as module
from nuhist.inference.checkpoints import Result
from nuhist.inference.execution import Execution
from nuhist.inference.significance import goodness_of_fit, significance
from nuhist.inference.study_results import GoodnessOfFit
from nuhist.inference.toys import BATCH, Task, ToyModel, statistic

TOYS = 3 * BATCH + 200
SEED = 5


@pytest.fixture(scope="module")
def workspace(counting: Callable[..., Workspace]) -> Workspace:
    return counting([14, 9, 3], [3.0, 1.0, 0.5], [8.0, 6.0, 5.0], sigma=0.2)


@pytest.fixture(scope="module")
def alone(workspace: Workspace) -> GoodnessOfFit:
    return goodness_of_fit(workspace, execution=Execution(toys=TOYS, seed=SEED))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Batches that were computed, in order."""
    found: list[Task] = []

    def counted(model: ToyModel, task: Task) -> Result:
        found.append(task)
        return statistic(model, task)

    monkeypatch.setattr(module, "statistic", counted)
    return found


def test_two_processes_find_the_same(workspace: Workspace, alone: GoodnessOfFit) -> None:
    # Bit for bit: the p-value and all else.
    assert goodness_of_fit(workspace, execution=Execution(toys=TOYS, seed=SEED, jobs=2)) == alone
    assert goodness_of_fit(workspace, execution=Execution(toys=TOYS, seed=SEED + 1)) != alone
    assert alone.toys_p_value is not None
    assert 0.05 < alone.toys_p_value < 0.95  # neither all toys nor none


def test_toys_are_thrown_at_the_best_fit(
    workspace: Workspace, alone: GoodnessOfFit, computed: list[Task]
) -> None:
    assert goodness_of_fit(workspace, execution=Execution(toys=TOYS, seed=SEED)) == alone
    assert [task.size for task in computed] == [BATCH, BATCH, BATCH, 200]
    assert {task.value for task in computed} == {None}
    # 14, 9 and 3 of 8 + 3 mu, 6 + mu, 5 + mu/2: some 2 of mu, and not the start of 1.
    assert all(task.truth == pytest.approx(computed[0].truth) for task in computed)
    assert 1.2 < max(computed[0].truth) < 2.5


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_goes_on(
    workspace: Workspace, alone: GoodnessOfFit, computed: list[Task], tmp_path: Path, jobs: int
) -> None:
    path = tmp_path / "checkpoint"
    calls = iter(range(10))

    def stop(done: int, total: int) -> None:
        assert total == TOYS
        if next(calls) == 2:  # the first call comes before any batch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        goodness_of_fit(
            workspace, execution=Execution(toys=TOYS, seed=SEED, resume=path, progress=stop, jobs=jobs)
        )
    computed.clear()
    seen: list[int] = []
    again = Execution(toys=TOYS, seed=SEED, resume=path, progress=lambda done, _: seen.append(done))
    assert goodness_of_fit(workspace, execution=again) == alone
    assert [task.batch for task in computed] == [2, 3]  # and none again
    assert seen == [2 * BATCH, 3 * BATCH, TOYS]
    computed.clear()
    assert goodness_of_fit(workspace, execution=again) == alone
    assert computed == []


def test_a_checkpoint_of_another_question(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    execution = Execution(toys=100, seed=SEED, resume=path)
    goodness_of_fit(workspace, execution=execution)
    with pytest.raises(DataError, match="belongs to another workspace, version or other toys"):
        significance(workspace, execution=execution)
