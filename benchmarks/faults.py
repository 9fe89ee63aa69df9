"""Faults while nuhist writes, over all commands that write; prints a table and writes the report.

    python -m benchmarks.faults [--cases "build,export xml"] [-o benchmarks/results/faults.md]

Run it in the checkout, on Linux; as root it also mounts small file systems. What is done and how it
is judged is in ``tests/faults``. About 40 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults_processes import Row, rows
from nuhist.__about__ import __version__
from nuhist.files import write_atomically
from tests.faults.campaign import prepare
from tests.faults.cases import CASES

Entry = dict[str, Any]
KINDS = {
    "killed": "killed",
    "full disk": "disk full",
    "error once": "one error",
    "interrupt": "interrupt",
    "read-only folder": "read-only",
    "run after a kill": "next run",
}


def main() -> None:
    """Read the arguments, run everything, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--interrupts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--keep", type=Path, help="JSON lines: faults are kept there, and not tried again")
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="fault-inputs-") as name:
        inputs = Path(name)
        inputs.chmod(0o755)
        prepare(inputs, ["a.json", "b.json", "lz.json", "xenonnt.json", "joint.json"])
        entries = []
        kept = []
        if options.keep and options.keep.exists():
            kept = [json.loads(line) for line in options.keep.read_text(encoding="utf-8").splitlines()]
        for case in options.cases.split(","):
            started = time.monotonic()
            found = [entry for entry in kept if entry["case"] == case] or list(outcomes(case, inputs))
            entries += found
            if options.keep and found[0] not in kept:
                with options.keep.open("a", encoding="utf-8") as stream:
                    stream.writelines(f"{json.dumps(entry)}\n" for entry in found)
            bad = sum(bool(entry["problem"]) for entry in found)
            print(
                f"{case}: {len(found)} faults, {bad} problems, {time.monotonic() - started:.0f} s", flush=True
            )
        found_rows = []
        for row in rows(inputs, options.interrupts, options.seed):
            found_rows.append(row)
            print(f"{row.what}: {row.times} times, {row.found}", flush=True)
    text = report(entries, found_rows)
    print(text)
    if options.output:
        write_atomically(options.output, text)


def outcomes(case: str, inputs: Path) -> Iterator[Entry]:
    """Of one command: over older files, and from an empty folder."""
    kinds = "size,read-only" + (",tmpfs" if os.geteuid() == 0 else "")
    command = [sys.executable, "-m", "tests.faults.campaign", case, "--inputs", str(inputs), "--kinds", kinds]
    for extra in ([], ["--empty"]) if CASES[case].old else (["--empty"],):
        done = subprocess.run([*command, *extra], capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            raise SystemExit(f"{case}: {done.stderr}")
        yield from map(json.loads, done.stdout.splitlines())


def report(entries: Sequence[Entry], rows: Sequence[Row]) -> str:
    """The page that is kept in benchmarks/results."""
    problems = [entry for entry in entries if entry["problem"]]
    between = sum(entry["left"] == "between two renames" for entry in entries)
    header = ["command", *KINDS.values(), "between renames", "problems"]
    lines = [f"| {' | '.join(header)} |", f"| --- |{' ---: |' * (len(header) - 1)}"]
    cases = list(dict.fromkeys(entry["case"] for entry in entries))
    for case in (*cases, "all"):
        chosen = [entry for entry in entries if case in {entry["case"], "all"}]
        counts = [sum(entry["fault"] == kind for entry in chosen) for kind in KINDS]
        counts.append(sum(entry["left"] == "between two renames" for entry in chosen))
        counts.append(sum(bool(entry["problem"]) for entry in chosen))
        name = f"`{case}`" if case != "all" else "all"
        lines.append(f"| {name} | {' | '.join(map(str, counts))} |")
    bad = "".join(
        f"- `{entry['case']}`, {entry['fault']} at {entry['at']}: {entry['problem']}\n"
        for entry in problems[:20]
    )
    more = [f"| {row.what} | {row.times} | {row.found} |" for row in rows]
    wrong = sum(len(row.problems) for row in rows)
    table = "\n".join(lines)
    return (
        "# Faults\n\n"
        f"What remains when nuhist {__version__} is stopped while it writes. Made by"
        " `python -m benchmarks.faults -o benchmarks/results/faults.md`; a short version runs with"
        " the tests (`tests/faults`).\n\n"
        f"**{len(entries)} faults in {len(cases)} commands, {len(problems)} problems;"
        f" {sum(row.times for row in rows)} signals, kills and contests of several processes, {wrong}"
        " problems.**\n\n"
        f"{table}\n\n{bad}{EXPLANATION}\n"
        "## Signals, and several processes\n\n"
        "| What | times | found |\n| --- | ---: | --- |\n" + "\n".join(more) + "\n\n" + FOUND.format(between)
    )


EXPLANATION = """- **killed**: the state before each open for writing, rename, remove, chmod, mkdir and fsync
  in the target folder, which is what a kill there leaves; and real kills in the middle of a file (by
  `RLIMIT_FSIZE` with the signal's own action). Temporary files (`.NAME.*.part`) may stay, nothing else.
- **disk full**: every operation that needs space fails from one on; a limit on the size of files; as root, a
  `tmpfs` with 0, 1, 2, ... free pages. **one error**: one operation fails (EIO), the others work.
  **interrupt**: Ctrl-C arrives at an operation. **read-only**: a folder without the right to write.
- **next run**: the same command again, on what a kill left: it ends with 0 and leaves what an undisturbed run
  leaves. (`hepdata build` overwrites nothing; where a kill left its archive, it says so and asks to remove
  it.)

A problem would be: a file that is neither the old nor the new one; one that is lost; one that nobody knows; a
traceback; no message; a message but code 0; old and new files that are read together.
"""

FOUND = """## What was found, and mended

By this campaign and by those before it:

- A full disk or an interrupt at the second file of a set took the first one's place already: a workspace
  without its sidecar, a PatchSet folder that its reader refuses, an XML driver with another model's
  histograms. All files of a set are now written before the first is renamed; where a rename fails or an
  interrupt comes between two, the old files are put back.
- Ctrl-C during toys by several processes: one that it met during its imports showed a traceback, and the
  command waited for ever. Processes do not get it any more; the command ends them, and itself.
- Ctrl-C while a module of scipy starts became an ImportError with a traceback; where nuhist looks for an
  extra, it was said to be missing. Both are an interrupt now.
- Ctrl-C during toys by Dask showed, one time in eight, tracebacks of Dask's own beside `Aborted!`.
- After `kill -9` of the command its processes stayed for ever. They end with it now. The same in `reproduce`
  and `rebuild`.
- A sidecar that belongs to another workspace was left out in silence; it is named now.
- A full standard output (`nuhist limit > /dev/full`) gave a traceback; now one line and code 1.
- An interrupt between the two renames of `hepdata build` left an archive alone.
- An output that is a loop of symbolic links gave a traceback; it is replaced now.

## What remains

No file system renames two files at once. A process that is killed between two renames of one set ({} of the
faults above) leaves whole files, some old, some new, and the old ones as `.NAME.*.old.part`. Then

- a workspace is the old one; the sidecar's digest does not match, it is left out, and a message says so;
- a PatchSet folder is refused with a message, since the digests differ;
- XML has no driver, a figure's numbers have no figure, ROOT templates have no cabinetry configuration: the
  old one is removed first, so that old and new are not read together;
- of template files of several channels (`inference-interface`), each is whole in itself, of either run;
- `hepdata build` has its archive and not its folder; the next run says so.

Running the command again mends each of them. Two processes that write one workspace at the same moment may
leave the sidecar of one beside the workspace of the other, which is named at reading like any other. Finished
batches in a checkpoint are lost at most where two processes make the file at the same moment; they are thrown
again.

Ctrl-C before Python has read nuhist's first file, some hundredths of a second after the start, is Python's
own to end; nothing has been read or written then.

Not tried: power cuts. Contents are synced before they are renamed; folders and lines of a checkpoint are not.
"""


if __name__ == "__main__":
    main()
