"""Spoiled files for every reader: only NuhistError comes out, within time and memory.

``python -m benchmarks.fuzz --inputs 10000`` takes some hours on one core; ``--readers hdf5,root`` takes some
of them, ``--report FILE`` writes the page. Each reader runs in a process of its own with
limits on memory (RLIMIT_AS) and time (an alarm; where C code does not hear it, the process is killed). Input
number n of a reader depends on the seed, the reader and n alone. The smallest input of each fault is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.fuzz_report import Tally, load_tallies, report, save_tallies
from tests.fuzz.guard import limit_memory, watched_read
from tests.fuzz.mutations import mutated
from tests.fuzz.readers import READERS

_PATIENCE = 20.0  # times what an input may take: then a process that does not hear the alarm is killed


def spoiled(reader: str, seed: int, number: int, clean: dict[str, bytes]) -> tuple[str, bytes]:
    """Target and content of one input."""
    source = random.Random(f"{seed} {reader} {number}")
    target, kind = source.choice(READERS[reader].targets)
    return target, mutated(source, clean[target], kind)


def work(reader: str, seed: int, first: int, last: int, seconds: float, gigabytes: float) -> None:
    """Read inputs one after another; print a line of JSON for each."""
    entry = READERS[reader]
    os.nice(10)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        entry.prepare(folder)
        clean = {target: (folder / target).read_bytes() for target, _ in entry.targets}
        for target, content in clean.items():  # what it imports is there before the limits
            entry.read(folder, target)
            (folder / target).write_bytes(content)
        for number in range(first, last):
            target, content = spoiled(reader, seed, number, clean)
            if number == first:
                limit_memory(gigabytes)
            (folder / target).write_bytes(content)
            outcome = watched_read(entry, folder, target, seconds)
            (folder / target).write_bytes(clean[target])
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            line = {
                "number": number,
                "target": target,
                "size": len(content),
                "memory": memory,
                **asdict(outcome),
            }
            print(json.dumps(line), flush=True)


def campaign(reader: str, seed: int, inputs: int, seconds: float, gigabytes: float) -> Tally:
    """All inputs of a reader, in as many processes as it kills."""
    tally = Tally(reader)
    first = 0
    while first < inputs:
        numbers = [reader, seed, first, min(first + 2000, inputs), seconds, gigabytes]
        for line in outcomes("benchmarks.fuzz", numbers, _PATIENCE * seconds):
            line.setdefault("number", first)
            tally.add(line)
            first = line["number"] + 1
    return tally


def outcomes(module: str, arguments: Sequence[object], patience: float) -> Iterator[dict[str, Any]]:
    """Outcomes that a process of a module prints; if it dies or hangs, one that says so."""
    command = [sys.executable, "-m", module, "--worker", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        started = False
        failed = {"kind": "fault", "target": "", "size": sys.maxsize - 1, "seconds": 0.0, "memory": 0.0}
        while selector.select(patience if started else 300):
            text = process.stdout.readline()
            if not text:
                if process.wait() != 0:
                    errors.seek(0)
                    detail = errors.read()[-300:]
                    if not started and process.returncode > 0:
                        raise SystemExit(f"the worker did not start: {detail}")
                    yield {**failed, "fault": f"process died with {process.returncode}", "message": detail}
                return
            started = True
            if text.startswith("{"):  # a library may print something else
                yield json.loads(text)
        process.kill()
        yield {
            **failed,
            "fault": "process hangs and does not hear the alarm",
            "message": "",
            "seconds": patience,
        }


def _keep(tally: Tally, seed: int, folder: Path) -> None:
    """Write the smallest input of each fault."""
    if not tally.faults:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        READERS[tally.reader].prepare(Path(name))
        clean = {target: (Path(name) / target).read_bytes() for target, _ in READERS[tally.reader].targets}
    for fault in tally.faults.values():
        target, content = spoiled(tally.reader, seed, fault.number, clean)
        (folder / f"{tally.reader}-{fault.number}-{Path(target).name}").write_bytes(content)


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--inputs", type=int, default=1000, help="per reader")
    parser.add_argument("--readers", default=",".join(READERS), help="with commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="that one input may take")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="that a reader may take more")
    parser.add_argument("--report", type=Path, help="page to write")
    parser.add_argument(
        "--results", type=Path, help="JSON with the counts of each reader, kept from run to run"
    )
    parser.add_argument(
        "--findings", type=Path, default=Path("fuzz-findings"), help="folder for inputs of faults"
    )
    parser.add_argument("--guided", type=Path, help="results of benchmarks.fuzz_atheris, for the page")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        reader, *numbers = options.worker
        seed, first, last = map(int, numbers[:3])
        work(reader, seed, first, last, float(numbers[3]), float(numbers[4]))
        return
    known = load_tallies(options.results) if options.results else {}
    for name in filter(None, options.readers.split(",")):
        tally = campaign(name, options.seed, options.inputs, options.seconds, options.gigabytes)
        known[name] = tally
        print(f"{name}: {tally.inputs} inputs, {tally.kinds}, slowest {tally.slowest:.1f} s", flush=True)
        for fault in tally.faults.values():
            where = f"number {fault.number}, {fault.target}"
            print(f"  {fault.times} x {fault.what}: {fault.message[:200]} ({where})")
        _keep(tally, options.seed, options.findings)
        if options.results:
            save_tallies(known, options.results)
    if options.report:
        tallies = [known[reader] for reader in READERS if reader in known]
        page = report(
            tallies,
            list(load_tallies(options.guided).values()) if options.guided else [],
            each=options.inputs,
            seed=options.seed,
            seconds=options.seconds,
            gigabytes=options.gigabytes,
        )
        options.report.write_text(page, encoding="utf-8")
    sys.exit(any(tally.faults for tally in known.values()))


if __name__ == "__main__":
    main()
