"""Signals, processes that are killed, and several at one file; a part of ``benchmarks/faults.py``."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nuhist.histfactory.workspace import load_workspace
from tests.faults.several import TOYS, Run, batches, finished, interrupted, killed, save_at_once, start

LIMIT = (*TOYS, "a.json")
FITS = (
    ("fit", "lz.json"),
    ("limit", "lz.json", "--method", "cls", "--expected"),
    ("ranking", "joint.json"),
    ("scan", "joint.json"),
)


@dataclass(frozen=True)
class Row:
    """What was done, how often, and what was found; ``problems`` is empty where that is as promised."""

    what: str
    times: int
    found: str
    problems: tuple[str, ...] = ()


def rows(inputs: Path, number: int, seed: int) -> Iterator[Row]:
    """All of them, one after another."""
    source = random.Random(seed)
    few = max(2, number // 5)
    yield _fits(inputs, number, source)
    yield _toys(inputs, few)
    yield _toys_at_any_time(inputs, number, source)
    yield _killed(inputs, few)
    yield _workers(inputs, few)
    yield from _dask(inputs, few)
    yield _others(inputs)
    yield _writers(inputs)
    yield _checkpoints(inputs)


def _row(what: str, times: int, found: str, problems: Sequence[str]) -> Row:
    return Row(what, times, "; ".join(problems[:3]) if problems else found, tuple(problems))


def _stopped(run: Run) -> bool:
    return (run.code, run.out, run.err.strip()) == (1, "", "Aborted!")


def _fits(inputs: Path, number: int, source: random.Random) -> Row:
    """Ctrl-C at random times of commands that fit."""
    runs: list[Run] = []
    problems = []
    early = late = 0
    for command in FITS:
        started = time.monotonic()
        whole = finished(start(*command, cwd=inputs))
        length = time.monotonic() - started
        for _ in range(number // len(FITS)):
            moment = time.monotonic() + source.uniform(0.1, length)
            ended = interrupted(*command, cwd=inputs, when=partial(_is_past, moment))
            runs.append(ended)
            if _is_early(ended):
                early += 1
            elif ended.code in {0, -signal.SIGINT} and ended.out == whole.out:
                late += 1
            elif not _stopped(ended):
                problems.append(f"`{' '.join(command)}`: {ended}")
    if late > len(runs) / 2:
        problems.append(f"{late} of {len(runs)} are not interrupted")
    return _row(
        "Ctrl-C at a random time of `fit`, `limit --method cls`, `ranking`, `scan`",
        len(runs),
        f"`Aborted!` and code 1, no traceback; {late} came after the result was printed, {early} while Python"
        " imported the command line (see below)",
        problems,
    )


def _is_early(run: Run) -> bool:
    """Whether it came before the command began: nobody catches it there."""
    return run.code == -signal.SIGINT and not run.out and "self.main(" not in run.err


def _is_past(moment: float) -> bool:
    return time.monotonic() > moment


def _has_batches(checkpoint: Path, number: int) -> bool:
    return batches(checkpoint) >= number


def _alone(inputs: Path, ntoys: int) -> str:
    return finished(start(*LIMIT, "--ntoys", str(ntoys), cwd=inputs)).out


def _goes_on(command: Sequence[str], checkpoint: Path, alone: str, ended: Run, inputs: Path) -> list[str]:
    """What is wrong with the next run by one process, which takes what the checkpoint has."""
    kept = batches(checkpoint)
    again = finished(start(*command, cwd=inputs))
    if kept and (again.code, again.out) == (0, alone) and "Traceback" not in ended.err:
        return []
    return [f"{ended}; {kept} batches; then {again}"]


def _toys(inputs: Path, number: int) -> Row:
    """Ctrl-C when a batch of toys has ended, by one process and by two."""
    alone = _alone(inputs, 3000)
    problems = []
    for index in range(number):
        path = inputs / f"interrupted{index}"
        command = (*LIMIT, "--ntoys", "3000", "--jobs", str(1 + index % 2), "--resume", str(path))
        ended = interrupted(*command, cwd=inputs, when=partial(_has_batches, path, 1 + index))
        if not _stopped(ended):
            problems.append(f"{ended}")
        problems += _goes_on(command, path, alone, ended, inputs)
    return _row(
        "Ctrl-C during toys with `--resume`, one and two processes",
        number,
        "the next run takes the finished batches and prints what a run without an interrupt prints",
        problems,
    )


def _toys_at_any_time(inputs: Path, number: int, source: random.Random) -> Row:
    """Ctrl-C at random times of a command that starts several processes: their imports, their work."""
    problems = []
    for index in range(number):
        jobs = 2 + 2 * (index % 2)
        path = inputs / f"any{index}"
        command = (*LIMIT, "--ntoys", "100000", "--jobs", str(jobs), "--resume", str(path))
        # Not before nuhist itself is there: until then it is Python that says KeyboardInterrupt.
        moment = time.monotonic() + source.uniform(0.4, 6.0)
        ended = interrupted(*command, cwd=inputs, when=partial(_is_past, moment))
        if not _stopped(ended):
            problems.append(f"after {ended.after:.2f} s: {ended}")
    return _row(
        "Ctrl-C at a random time of toys by two and by four processes",
        number,
        "`Aborted!` and code 1, no traceback, no process is left",
        problems,
    )


def _killed(inputs: Path, number: int) -> Row:
    """The command itself is killed while its processes throw toys."""
    alone = _alone(inputs, 3000)
    problems = []
    for index in range(number):
        path = inputs / f"killed{index}"
        command = (*LIMIT, "--ntoys", "3000", "--jobs", str(1 + index % 2), "--resume", str(path))
        ended = killed(*command, cwd=inputs, when=partial(_has_batches, path, 1 + index))
        problems += _goes_on(command, path, alone, ended, inputs)
    return _row(
        "`kill -9` during toys with `--resume`, one and two processes",
        number,
        "its processes end too; the next run takes the finished batches and prints the same",
        problems,
    )


def _workers(inputs: Path, number: int) -> Row:
    """One of the processes that throw toys is killed."""
    alone = _alone(inputs, 3000)
    problems = []
    for index in range(number):
        path = inputs / f"worker{index}"
        command = (*LIMIT, "--ntoys", "3000", "--jobs", "2", "--resume", str(path))
        ended = killed(*command, cwd=inputs, when=partial(_has_batches, path, 1 + index), worker=True)
        said = ended.err.startswith("nuhist: a process that throws toys was killed; with --resume FILE")
        if ended.code != 1 or not said or ended.err.count("\n") != 1:
            problems.append(f"{ended}")
        problems += _goes_on(command, path, alone, ended, inputs)
    return _row(
        "`kill -9` of one of two processes that throw toys",
        number,
        "one line, code 1; the next run takes the finished batches and prints the same",
        problems,
    )


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler at any free port with two workers: its address, and the three processes."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    at = ["--scheduler-file", str(file), "--no-dashboard"]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *at]
    programs = [["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *at]]
    programs += [[*worker, "--local-directory", str(folder)]] * 2
    processes = [
        subprocess.Popen([sys.executable, "-m", *each], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for each in programs
    ]
    try:
        deadline = time.monotonic() + 60
        while not file.exists() or not file.read_text(encoding="utf-8"):
            if time.monotonic() > deadline:
                raise SystemExit("the Dask scheduler does not start")
            time.sleep(0.05)
        yield json.loads(file.read_text(encoding="utf-8"))["address"], processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _dask(inputs: Path, number: int) -> Iterator[Row]:
    ntoys = 20000
    alone = _alone(inputs, ntoys)
    command = (*LIMIT, "--ntoys", str(ntoys))

    kinds: dict[str, tuple[str, str]] = {
        "worker": ("one of two Dask workers is killed", "code 0, the result of a run alone"),
        "scheduler": (
            "the Dask scheduler is killed",
            "one line, code 1; the next run, without Dask, takes the finished batches and prints the same",
        ),
        "interrupt": (
            "Ctrl-C during toys by Dask",
            "`Aborted!` and code 1; the next run takes the finished batches and prints the same",
        ),
    }
    for kind, (what, found) in kinds.items():
        problems = []
        for index in range(number):
            path = inputs / f"dask-{kind}{index}"
            resume = (*command, "--resume", str(path))
            with _cluster(inputs) as (address, processes):
                run = start(*resume, "--scheduler", address, cwd=inputs)
                while run.poll() is None and not _has_batches(path, 1 + index):
                    time.sleep(0.005)
                if kind == "interrupt":
                    os.killpg(run.pid, signal.SIGINT)
                else:
                    processes[kind == "worker"].kill()
                ended = finished(run)
            if kind == "worker" and (ended.code, ended.out, ended.err) != (0, alone, ""):
                problems.append(f"{ended}")
            if kind == "scheduler" and not _says_that_dask_is_gone(ended):
                problems.append(f"{ended}")
            if kind == "interrupt" and not _stopped(ended):
                problems.append(f"{ended}")
            if kind != "worker":
                problems += _goes_on(resume, path, alone, ended, inputs)
        yield _row(what, number, found, problems)


def _says_that_dask_is_gone(run: Run) -> bool:
    said = run.err.startswith("nuhist: the Dask cluster at ") and "with --resume FILE" in run.err
    return said and run.code == 1 and run.err.count("\n") == 1


def _others(inputs: Path) -> Row:
    """A checkpoint of another workspace, version, seed, number of toys or of points."""
    path = inputs / "belongs"

    def run(workspace: str, ntoys: int, seed: int, points: int) -> Run:
        options = {"--ntoys": ntoys, "--seed": seed, "--points": points, "--resume": path}
        words = [str(word) for option in options.items() for word in option]
        return finished(
            start("limit", workspace, "--method", "feldman-cousins", "--json", *words, cwd=inputs)
        )

    problems = []
    right = ("a.json", 100, 4, 2)
    first = run(*right)
    before = path.read_bytes()
    wrong = [("b.json", 100, 4, 2), ("a.json", 101, 4, 2), ("a.json", 100, 5, 2), ("a.json", 100, 4, 3)]
    for choices in wrong:
        problems += _refusal(run(*choices), path, before)
    header, rest = before.split(b"\n", 1)
    older = json.dumps({**json.loads(header), "nuhist": "0.0.1"}).encode() + b"\n" + rest
    path.write_bytes(older)
    problems += _refusal(run(*right), path, older)
    path.write_bytes(before)
    if run(*right).out != first.out:
        problems.append("its own run does not take it")
    return _row(
        "`--resume` with a checkpoint of another workspace, number of toys, seed, number of points, version",
        len(wrong) + 1,
        "refused with one line and code 1; the checkpoint stays as it is",
        problems,
    )


def _refusal(run: Run, path: Path, before: bytes) -> list[str]:
    said = run.err.startswith(f"nuhist: {path}: ") and run.err.count("\n") == 1
    if run.code == 1 and not run.out and said and path.read_bytes() == before:
        return []
    return [f"{run}"]


def _writers(inputs: Path) -> Row:
    """Four processes that save to one path."""
    paths = [inputs / name for name in ("a.json", "b.json", "lz.json", "joint.json")]
    known = {load_workspace(path).digest for path in paths}
    folder = inputs / "writers"
    folder.mkdir()
    found = list(save_at_once(paths, folder / "w.json", 300))
    left = sorted(path.name for path in folder.iterdir())
    problems = [f"reads {digest}" for digest in set(found) - known]
    if left != ["w.json", "w.meta.json"]:
        problems.append(f"leaves {', '.join(left)}")
    what = f"{len(found)} reads meanwhile, each a whole workspace; no temporary file left"
    return _row("four processes save 300 workspaces each to one path", 1200, what, problems)


def _checkpoints(inputs: Path) -> Row:
    """Two processes with one checkpoint."""
    command = (*LIMIT, "--ntoys", "2000")
    alone = _alone(inputs, 2000)
    problems = []
    for index in range(5):
        shared = (*command, "--resume", f"shared{index}")
        both = [finished(process) for process in [start(*shared, cwd=inputs) for _ in range(2)]]
        third = finished(start(*shared, cwd=inputs))
        problems += [f"{run}" for run in (*both, third) if run.out != alone]
    return _row(
        "two processes with one checkpoint", 5, "both, and a third run, print the same as one alone", problems
    )
