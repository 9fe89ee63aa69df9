"""Run one command with faults at every operation on files, and judge what each left.

``python -m tests.faults.campaign NAME --inputs FOLDER`` prints a line of JSON for each fault. It is a process
of its own, since it forks.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from nuhist.cli.main import main as nuhist
from tests.faults.cases import CASES, INPUTS, found
from tests.faults.watch import Ended, State, Watch, contents, forked, put

_BETWEEN = ("os.rename", "os.remove")
_PAGE = 4096
_NOBODY = 65534
_PARTIAL = (".part",)
_FEW = 3  # next runs and sizes of a slow command
_MOST_SIZES = 24
_FIRST, _EACH = 12, 23  # stops of a slow command at which faults are tried


@dataclass(frozen=True)
class Outcome:
    """What a fault did; ``problem`` is empty where that is as promised."""

    case: str
    before: str
    fault: str
    at: str
    code: int
    left: str
    problem: str


def prepare(folder: Path, names: Sequence[str]) -> None:
    """Make inputs by nuhist's own commands, those that are missing."""
    for name, arguments in INPUTS.items():
        if name in names and not (folder / name).exists():
            command = [
                sys.executable,
                "-c",
                "from nuhist.cli.main import main; main()",
                *arguments,
                "-o",
                name,
            ]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)


class Campaign:
    """One command, from an empty folder or over what another one wrote."""

    def __init__(self, name: str, watch: Watch, *, over: bool) -> None:
        self.name, self.case = name, CASES[name]
        self.folder, self.watch = watch.folder, watch
        self.over = over and self.case.old is not None

    def run(self, arguments: Sequence[str]) -> int:
        """The command in this process, as the program would run it."""
        place = [each.replace("OUT", str(self.folder), 1) if "OUT" in each else each for each in arguments]
        sys.argv = ["nuhist", *place]
        nuhist(args=place)
        return 0

    def outcomes(self, kinds: Sequence[str]) -> Iterator[Outcome]:
        """All faults, one after another."""
        put(self.folder, {})
        if self.over and self.case.old is not None:
            ended = forked(partial(self.run, self.case.old))
            assert ended.code == 0, ended.err
        self.old = contents(self.folder)
        self.old_found = found(self.case, self.folder)
        watched = self.watch.run(partial(self.run, self.case.new))
        assert watched.ended.code == 0, watched.ended.err
        self.out = watched.ended.out
        self.new = contents(self.folder)
        self.new_found = found(self.case, self.folder)
        for path in watched.outside:
            yield self._outcome("none", path, watched.ended, "writes elsewhere")
        again = 0
        for stop in watched.stops:
            for fault, (ended, state) in stop.faults.items():
                yield self._judged(fault, stop.event, ended, state)
            yield self._judged("killed", stop.event, Ended(-signal.SIGKILL, "", ""), stop.state)
            if self.watch.chosen(stop.number, stop.event) and (not self.case.slow or again < _FEW):
                again += 1
                put(self.folder, stop.state)
                ended = forked(partial(self.run, self.case.new))
                yield self._judged("run after a kill", stop.event, ended, contents(self.folder))
        sweeps = {"size": self._sizes, "tmpfs": self._small_disks, "read-only": self._read_only}
        for kind in kinds:
            yield from sweeps[kind]()

    def _outcome(self, fault: str, at: str, ended: Ended, problem: str, left: str = "") -> Outcome:
        before = "old files" if self.over else "empty"
        return Outcome(self.name, before, fault, at, ended.code, left, problem)

    def _judged(self, fault: str, at: str, ended: Ended, state: State) -> Outcome:
        """Compare a state with the old and the new one."""
        killed = ended.code < 0
        put(self.folder, state)
        seen = found(self.case, self.folder)
        left = {self.old_found: "old", self.new_found: "new"}.get(seen, seen)
        problems = []
        if "Traceback" in ended.err:
            problems.append(f"traceback: {ended.err.strip().splitlines()[-1]}")
        elif fault == "run after a kill":
            problems += self._next_run(ended, left)
        elif not killed:
            problems += _messages(fault, ended, left)
        for name, content in state.items():
            known = [files[name] for files in (self.old, self.new) if name in files]
            if not known:
                cleaning = at in {f"os.rmdir {name}", f"os.remove {name}"}  # what failed
                if not (killed or cleaning or fault == "run after a kill") or not _temporary(name):
                    problems.append(f"stray {name}")
            elif content is not None and not whole(name, content, known):
                problems.append(f"half of {name}")
        lost = [name for name in self.old if name not in state]
        if left in {"old", "new", "nothing"} and not lost:
            pass
        elif killed and at.startswith(_BETWEEN):  # files are whole; a set of them is partly the old one
            left = "between two renames"
        else:
            problems += [f"lost {name}" for name in lost] or [f"old and new files together: {left}"]
        return self._outcome(fault, at, ended, "; ".join(problems), left)

    def _next_run(self, ended: Ended, left: str) -> Iterator[str]:
        there = "is there already; remove it" in ended.err
        if ended.code != 0 and not there:
            yield f"the next run fails: {ended.err.strip()}"
        elif left != "new" and not there:
            yield f"the next run leaves {left}"
        elif ended.out != self.out:
            yield "the next run prints something else"

    def _sizes(self) -> Iterator[Outcome]:
        """No file may become larger than so many bytes: as a full disk, or killed within a write."""
        sizes = sorted({len(content) for content in self.new.values() if content})
        limits = sorted({limit for size in sizes for limit in (0, size // 2, size - 1)})
        most = _FEW if self.case.slow else _MOST_SIZES
        for limit in limits[:: max(1, -(-len(limits) // most))]:
            for fault, action in (("full disk", signal.SIG_IGN), ("killed", signal.SIG_DFL)):
                put(self.folder, self.old)
                ended = forked(partial(self.run, self.case.new), partial(_limit_size, limit, action))
                yield self._judged(fault, f"within a file, {limit} bytes", ended, contents(self.folder))

    def _small_disks(self) -> Iterator[Outcome]:
        """A file system of its own with so many free pages."""
        base = sum(_pages(content) for content in self.old.values())
        need = sum(_pages(content) for content in self.new.values()) + 1
        most = _FEW if self.case.slow else _MOST_SIZES
        for free in range(0, need, max(1, need // most)):
            put(self.folder, {})
            size = f"size={max(1, base + free) * _PAGE}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)], check=True)
            try:
                put(self.folder, self.old)
                ended = forked(partial(self.run, self.case.new))
                state = contents(self.folder)
            finally:
                subprocess.run(["umount", str(self.folder)], check=True)
            yield self._judged("full disk", f"tmpfs, {free} free pages", ended, state)

    def _read_only(self) -> Iterator[Outcome]:
        """A folder that one may not write to."""
        put(self.folder, self.old)
        self.folder.chmod(0o555)
        try:
            ended = forked(partial(self.run, self.case.new), _drop_rights)
        finally:
            self.folder.chmod(0o755)
        yield self._judged("read-only folder", "", ended, contents(self.folder))


def _messages(fault: str, ended: Ended, left: str) -> Iterator[str]:
    """What is wrong with the exit code and the messages."""
    if ended.code == 0:
        if left != "new":
            yield f"ends with 0 and leaves {left}"
    elif ended.code != 1:
        yield f"ends with {ended.code}"
    elif fault == "interrupt":
        if "Aborted!" not in ended.err:
            yield f"says {ended.err.strip()!r}"
    elif sum(line.startswith("nuhist: ") for line in ended.err.splitlines()) != 1:
        yield f"no message but {ended.err.strip()!r}"


def _temporary(name: str) -> bool:
    """Whether a name is one of nuhist's temporary files, or in its temporary folder."""
    first = next((part for part in Path(name).parts if part.startswith(".")), "")
    return first.endswith(_PARTIAL) or first.count(".") >= 2


def whole(name: str, content: bytes, known: Sequence[bytes | None]) -> bool:
    """Whether a file is the old or the new one; ROOT files and pages hold the time of their making."""
    if name.endswith(".root"):
        large = int.from_bytes(content[4:8], "big") >= 1_000_000
        end = content[12:20] if large else content[12:16]
        return content[:4] == b"root" and int.from_bytes(end, "big") == len(content)
    if name.endswith(".html"):
        return content.rstrip().endswith(b"</html>")
    if name == "checkpoint":  # grows by lines; what a reader makes of it is what the next run prints
        return all(each is None or each.startswith(content) for each in known)
    return content in known


def _pages(content: bytes | None) -> int:
    return -(-len(content or b"") // _PAGE)


def _every(step: int, number: int, event: str) -> bool:
    return number % step == 0 or event.startswith("os.rename")


def _some(number: int, event: str) -> bool:
    """For a slow command with many files; where a temporary name is removed it goes on to its end."""
    return number < _FIRST or (number % _EACH == 0 and not event.startswith("os.remove"))


def _limit_size(size: int, action: signal.Handlers) -> None:
    signal.signal(signal.SIGXFSZ, action)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _drop_rights() -> None:
    """Root may write everywhere."""
    if os.geteuid() == 0:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def main() -> None:
    """Read the arguments, print what happened."""
    parser = argparse.ArgumentParser(description="Faults in one command.")
    parser.add_argument("name", choices=CASES)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--empty", action="store_true", help="not over older files")
    parser.add_argument("--every", type=int, default=1, help="faults at each nth operation, and each rename")
    parser.add_argument("--kinds", default="size,read-only", help="size, tmpfs, read-only")
    options = parser.parse_args()
    options.inputs.mkdir(exist_ok=True)
    prepare(options.inputs, CASES[options.name].inputs)
    work = Path(tempfile.mkdtemp(prefix="faults-")).resolve()
    work.chmod(0o755)
    try:
        for name in ("out", "shadow", "tmp"):
            (work / name).mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(work / "tmp")
        (work / "tmp").chmod(0o777)
        os.chdir(options.inputs)
        ignored = [work / "shadow", work / "tmp", Path("/dev"), Path.home() / ".cache", Path(sys.prefix)]
        ignored.append(Path.home() / ".config" / "matplotlib")  # made by matplotlib where it is missing
        chosen = _some if CASES[options.name].slow else partial(_every, options.every)
        watch = Watch(work / "out", work / "shadow", ignored, chosen)
        campaign = Campaign(options.name, watch, over=not options.empty)
        for outcome in campaign.outcomes([kind for kind in options.kinds.split(",") if kind]):
            print(json.dumps(asdict(outcome)), flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
