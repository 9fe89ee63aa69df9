"""Spoiled files for the readers in pure Python, guided by the lines of nuhist that they reach.

Atheris (libFuzzer for Python) keeps an input that reaches something new and goes on from it. Half of its
mutations are its own, of bytes, half those of ``benchmarks.fuzz``, of what a format means. Its results are
for ``python -m benchmarks.fuzz --guided FILE``. It is not among nuhist's dependencies:
``pip install atheris hypothesis 'nuhist[root]'`` in an environment of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

TARGETS = {
    "experiment": "lz_ws2022_1droi/experiment.yaml",
    "workspace": "every.json",
    "sidecar": "described.meta.json",
    "checkpoint": "toys.checkpoint",
    "xml": "xml/channel_one.xml",
}
_LARGEST = 200_000  # bytes of an input
_PATIENCE = 400.0  # seconds, see benchmarks.fuzz


def work(reader: str, inputs: int, seconds: float, gigabytes: float, findings: Path, folder: Path) -> None:
    """Read inputs that Atheris makes; print a line of JSON for each. It ends the process."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["nuhist"]):
        guard = import_module("tests.fuzz.guard")
        entry = import_module("tests.fuzz.readers").READERS[reader]
        mutated = import_module("tests.fuzz.mutations").mutated
        target, kind = TARGETS[reader], dict(entry.targets)[TARGETS[reader]]
        (folder / "files").mkdir()
        (folder / "corpus").mkdir()
        entry.prepare(folder / "files")
        clean = (folder / "files" / target).read_bytes()
        entry.read(folder / "files", target)  # what it imports is instrumented too
    os.nice(10)
    guard.limit_memory(gigabytes)
    (folder / "corpus" / "clean").write_bytes(clean)
    done = 0

    def mutate(data: bytes, largest: int, seed: int) -> bytes:
        source = random.Random(seed)
        if source.random() < 0.3:
            data = clean  # else most are far from anything valid after a while
        own = source.random() < 0.5
        made: bytes = mutated(source, data, kind) if own else atheris.Mutate(data, largest)
        return made[:largest]

    def read(data: bytes) -> None:
        nonlocal done
        (folder / "files" / target).write_bytes(data)
        outcome = guard.watched_read(entry, folder / "files", target, seconds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        line = {"number": done, "target": target, "size": len(data), "memory": memory, **asdict(outcome)}
        print(json.dumps(line), flush=True)
        done += 1
        if outcome.fault:
            findings.mkdir(parents=True, exist_ok=True)
            (findings / f"{reader}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)

    options = [f"-runs={inputs}", f"-max_len={_LARGEST}", "-seed=1", "-rss_limit_mb=0", "-timeout=100000"]
    atheris.Setup(
        [sys.argv[0], *options, "-verbosity=0", str(folder / "corpus")], read, custom_mutator=mutate
    )
    atheris.Fuzz()


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="per reader")
    parser.add_argument("--readers", default=",".join(TARGETS), help="with commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="that one input may take")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="that a reader may take more")
    parser.add_argument("--results", type=Path, help="JSON with the counts, kept from run to run")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder for faults")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        reader, inputs, seconds, gigabytes, findings, folder = options.worker
        work(reader, int(inputs), float(seconds), float(gigabytes), Path(findings), Path(folder))
        return
    from benchmarks.fuzz import outcomes
    from benchmarks.fuzz_report import Tally, load_tallies, save_tallies

    known = load_tallies(options.results) if options.results else {}
    for reader in options.readers.split(","):
        tally = known[reader] = Tally(reader)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            bounds = [options.seconds, options.gigabytes]
            numbers = [reader, options.inputs, *bounds, options.findings.resolve(), folder]
            for line in outcomes("benchmarks.fuzz_atheris", numbers, _PATIENCE):
                tally.add({"number": tally.inputs, **line})
        print(f"{reader}: {tally.inputs} inputs, {tally.kinds}, slowest {tally.slowest:.1f} s", flush=True)
        for fault in tally.faults.values():
            print(f"  {fault.times} x {fault.what}: {fault.message[:200]}", flush=True)
        if options.results:
            save_tallies(known, options.results)
    sys.exit(any(tally.faults for tally in known.values()))


if __name__ == "__main__":
    main()
