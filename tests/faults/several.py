"""Interrupts as a terminal sends them, and several processes with one output."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuhist.histfactory.workspace import load_workspace

PROGRAM = (sys.executable, "-c", "from nuhist.cli.main import main; main()")
TOYS = ("significance", "--seed", "7", "--json")
_PATIENCE = 120.0  # seconds
_SOON = 30.0  # seconds
_SAVER = """
import sys
from pathlib import Path
from nuhist.histfactory.workspace import load_workspace
workspace = load_workspace(sys.argv[1])
for _ in range(int(sys.argv[3])):
    workspace.save(Path(sys.argv[2]))
"""


@dataclass(frozen=True)
class Run:
    """How a program ended, and after how many seconds it was interrupted."""

    code: int
    out: str
    err: str
    after: float = 0.0


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start nuhist with a process group of its own, as a shell does."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:  # as in the background of a script; programs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def finished(process: subprocess.Popen[str], after: float = 0.0) -> Run:
    """Wait for the end."""
    out, err = process.communicate(timeout=_PATIENCE)
    return Run(process.returncode, out, err, after)


def interrupted(*arguments: str, cwd: Path, when: Callable[[], bool], delay: float = 0.0) -> Run:
    """Run nuhist, and press Ctrl-C: the whole process group gets SIGINT."""
    started = time.monotonic()
    process = start(*arguments, cwd=cwd)
    while process.poll() is None and not when():
        time.sleep(0.005)
    time.sleep(delay)
    after = time.monotonic() - started
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    ended = finished(process, after)
    assert all_ended(process.pid), f"still there: {members(process.pid)}"
    return ended


def members(session: int) -> list[int]:
    """Processes that a program started, and itself, as long as they run; on Linux."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            state, _, _, its_session = stat.read_text("utf-8").rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append(int(stat.parent.name))
    return sorted(found)


def all_ended(session: int) -> bool:
    """Whether all of them end, soon."""
    deadline = time.monotonic() + _SOON
    while time.monotonic() < deadline:
        if not members(session):
            return True
        time.sleep(0.05)
    return False


def killed(*arguments: str, cwd: Path, when: Callable[[], bool], worker: bool = False) -> Run:
    """Run nuhist, and kill it alone (SIGKILL), or the newest process that it started."""
    process = start(*arguments, cwd=cwd)
    while process.poll() is None and not when():
        time.sleep(0.005)
    os.kill(members(process.pid)[-1] if worker else process.pid, signal.SIGKILL)
    process.wait(_PATIENCE)
    assert all_ended(process.pid), f"still there: {members(process.pid)}"
    return finished(process)


def batches(checkpoint: Path) -> int:
    """Finished batches that a checkpoint holds."""
    return checkpoint.read_text(encoding="utf-8").count('"task"') if checkpoint.exists() else 0


def save_at_once(paths: Sequence[Path], target: Path, times: int) -> Iterator[str]:
    """Save several workspaces to one path by processes of their own; what a reader finds meanwhile."""
    savers = [
        subprocess.Popen([sys.executable, "-c", _SAVER, str(path), str(target), str(times)]) for path in paths
    ]
    while any(saver.poll() is None for saver in savers):
        if target.exists():
            yield load_workspace(target).digest
    assert all(saver.returncode == 0 for saver in savers)
    yield load_workspace(target).digest


def p_value(text: str) -> float:
    """What a command printed."""
    found: float = json.loads(text)["p_value"]
    return found
