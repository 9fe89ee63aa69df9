"""Short campaign of faults: full disks, kills, interrupts, read-only folders, several processes.

The long one, over all commands that write: ``python -m benchmarks.faults``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nuhist import load
from nuhist.cli.main import main
from nuhist.errors import DataError
from nuhist.histfactory.workspace import load_workspace
from tests.faults.campaign import prepare
from tests.faults.cases import SHORT
from tests.faults.several import TOYS, batches, finished, interrupted, killed, p_value, save_at_once, start

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    prepare(folder, ["a.json", "b.json"])
    return folder


def campaign(name: str, inputs: Path) -> list[dict[str, Any]]:
    """Outcomes of a process that forks; this one may have threads."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.faults.campaign", name, "--inputs", str(inputs)]
    command += ["--every", str(SHORT[name])]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.thorough
@pytest.mark.parametrize("name", SHORT)
def test_no_fault_leaves_a_lost_or_half_file(inputs: Path, name: str) -> None:
    outcomes = campaign(name, inputs)
    assert [outcome for outcome in outcomes if outcome["problem"]] == []
    found = {outcome["fault"] for outcome in outcomes}
    faults = {"full disk", "error once", "interrupt", "killed", "run after a kill", "read-only folder"}
    assert found == faults
    # A write is at least mkstemp, open, fsync, chmod, rename.
    assert sum(outcome["fault"] == "killed" for outcome in outcomes) >= 5
    assert any(outcome["code"] == -signal.SIGXFSZ for outcome in outcomes)  # in the middle of a write
    between = [outcome for outcome in outcomes if outcome["left"] == "between two renames"]
    assert all(outcome["at"].startswith(("os.rename", "os.remove")) for outcome in between)


def test_two_processes_save_to_one_path(inputs: Path, tmp_path: Path) -> None:
    paths = [inputs / "a.json", inputs / "b.json"]
    known = {load_workspace(path).digest for path in paths}
    found = list(save_at_once(paths, tmp_path / "w.json", 40))
    assert set(found) <= known
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.json", "w.meta.json"]


@pytest.mark.thorough
def test_an_interrupt_during_toys(inputs: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    command = (*TOYS, str(inputs / "a.json"), "--ntoys", "15000", "--jobs", "2")
    ended = interrupted(
        *command, "--resume", str(checkpoint), cwd=tmp_path, when=lambda: batches(checkpoint) > 0
    )
    assert (ended.code, ended.out, ended.err.strip()) == (1, "", "Aborted!")
    kept = batches(checkpoint)
    assert kept > 0
    again = finished(start(*command, "--resume", str(checkpoint), cwd=tmp_path))
    alone = finished(start(*command, cwd=tmp_path))
    assert again.code == alone.code == 0
    assert again.out == alone.out
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.thorough
def test_nuhist_is_killed_while_its_processes_throw_toys(inputs: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    command = (*TOYS, str(inputs / "a.json"), "--ntoys", "15000", "--resume", str(checkpoint))
    # Its processes end too: killed() waits for them.
    ended = killed(*command, "--jobs", "2", cwd=tmp_path, when=lambda: batches(checkpoint) > 0)
    assert ended.code == -signal.SIGKILL
    assert batches(checkpoint) > 0
    again = finished(start(*command, cwd=tmp_path))
    assert (again.code, again.err) == (0, "")


def test_an_interrupt_during_a_fit(inputs: Path, tmp_path: Path) -> None:
    # Once nuhist has read the workspace: while it imports pyhf, or fits.
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    process = start("limit", str(fifo), "--method", "cls", "--expected", cwd=tmp_path)
    fifo.write_bytes((inputs / "a.json").read_bytes())  # returns when nuhist reads
    os.killpg(process.pid, signal.SIGINT)
    ended = finished(process)
    assert (ended.code, ended.out, ended.err.strip()) == (1, "", "Aborted!")


@pytest.mark.parametrize("error", [ImportError("initialization failed"), DataError("needs uproot")])
def test_an_interrupt_that_became_another_error(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    # As one that meets the start of a module of scipy, and what is said of a module that is not there.
    def interrupted_import(*_: object, **__: object) -> None:
        raise error from KeyboardInterrupt()

    monkeypatch.setattr("nuhist.histfactory.loading.load", interrupted_import)
    ended = CliRunner().invoke(main, ["validate", str(inputs / "a.json")])
    assert (ended.exit_code, ended.stdout, ended.stderr) == (1, "", "Aborted!\n")


@pytest.mark.thorough
def test_two_processes_with_one_checkpoint(inputs: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    command = (*TOYS, str(inputs / "a.json"), "--ntoys", "5000", "--resume", str(checkpoint))
    ended = [finished(process) for process in [start(*command, cwd=tmp_path) for _ in range(2)]]
    assert [run.code for run in ended] == [0, 0]
    assert ended[0].out == ended[1].out
    assert p_value(ended[0].out) > 0
    assert finished(start(*command, cwd=tmp_path)).out == ended[0].out


def _header(change: dict[str, str]) -> Callable[[str], str]:
    def spoil(text: str) -> str:
        first, rest = text.split("\n", 1)
        return json.dumps({**json.loads(first), **change}) + "\n" + rest

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        _header({"workspace_digest": "0" * 64}),
        _header({"nuhist": "0.0.1"}),
        _header({"toys": "another fingerprint"}),
        lambda _text: "",
        lambda _text: "a shopping list\n",
    ],
    ids=["workspace", "version", "toys", "empty", "no checkpoint"],
)
def test_another_checkpoint_is_refused(inputs: Path, tmp_path: Path, spoil: Callable[[str], str]) -> None:
    checkpoint = tmp_path / "checkpoint"
    command = ["significance", str(inputs / "a.json"), "--ntoys", "50", "--resume", str(checkpoint)]
    assert CliRunner().invoke(main, command).exit_code == 0
    checkpoint.write_text(spoil(checkpoint.read_text(encoding="utf-8")), encoding="utf-8")
    before = checkpoint.read_bytes()
    ended = CliRunner().invoke(main, command)
    assert (ended.exit_code, ended.stdout) == (1, "")
    message = f"nuhist: {checkpoint}: belongs to another workspace, version or other toys"
    assert ended.stderr.startswith(message)
    assert checkpoint.read_bytes() == before


def test_toys_of_other_numbers_are_refused(inputs: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"

    def run(name: str, *more: str) -> Result:
        command = ["significance", str(inputs / name), "--resume", str(checkpoint), *more]
        return CliRunner().invoke(main, command)

    assert run("a.json", "--ntoys", "50", "--seed", "4").exit_code == 0
    before = checkpoint.read_bytes()
    for name, ntoys, seed in (("a.json", "51", "4"), ("a.json", "50", "5"), ("b.json", "50", "4")):
        ended = run(name, "--ntoys", ntoys, "--seed", seed)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert "belongs to another workspace, version or other toys; name another file" in ended.stderr
    assert checkpoint.read_bytes() == before


@pytest.mark.thorough
def test_another_workspaces_sidecar_is_named(inputs: Path, tmp_path: Path) -> None:
    # Killed between two renames, or two processes at one path.
    (tmp_path / "w.json").write_bytes((inputs / "a.json").read_bytes())
    (tmp_path / "w.meta.json").write_bytes((inputs / "b.meta.json").read_bytes())
    command = [sys.executable, "-c", "from nuhist.cli.main import main; main()", "validate", "w.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == "w.meta.json: belongs to another workspace than w.json, and is left out\n"


@pytest.mark.thorough(keep=1)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("experiments",), ("inspect", "a.json", "--json"), ("--version",)])
def test_standard_output_is_full(inputs: Path, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", "from nuhist.cli.main import main; main()", *arguments]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            command, cwd=inputs, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False
        )
    assert (done.returncode, done.stderr) == (1, "nuhist: output: No space left on device\n")


def test_a_killed_grid_is_refused(tmp_path: Path) -> None:
    # Between its two renames: the new background with the old patches.
    from nuhist import NuhistError, build_patchset

    for name, exposure in (("old", None), ("new", 2.0)):
        grid = build_patchset(
            "lz_ws2022",
            couplings=[-1e-13, 0.0, 1e-13],
            hypothesis="millicharge-epa",
            exposure=exposure,
            asimov=exposure is not None,
        )
        grid.save(tmp_path / name)
    (tmp_path / "new" / "BkgOnly.json").replace(tmp_path / "old" / "BkgOnly.json")
    with pytest.raises(NuhistError, match="belongs to another workspace"):
        load(tmp_path / "old")
