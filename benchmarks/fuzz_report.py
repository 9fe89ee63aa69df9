"""What became of spoiled files, counted, and as a page."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from nuhist import __version__
from tests.fuzz.guard import ACCEPTED
from tests.fuzz.readers import READERS
from tests.fuzz.regressions import FOUND

_INTRODUCTION = """# Fuzzing of the readers

Written by `python -m benchmarks.fuzz --inputs {each} --seed {seed} --results FILE --guided FILE --report
benchmarks/results/fuzzing.md`, with {versions}. A short version runs with the tests (`tests/fuzz`).

Every reader was given valid files that had been spoiled: bits, bytes and lines; values, types, names, order,
size and nesting of JSON, YAML, CSV and XML; datasets, attributes and links of HDF5; histograms of ROOT;
members of archives. A reader may accept a file or raise one of nuhist's errors, which the command line prints
as one line. It may do nothing else: no other exception, no more than {seconds:g} s of the processor or
{gigabytes:g} GB beyond what Python and its libraries have, no crash of the process, nothing written, run or
connected outside its folder, nothing left behind in it. Readers of models go on: to the summary, the
likelihood, a fit, a combination, other formats, and the texts that would be written.

## The campaign

{inputs} inputs, {faults}. Each reader runs in processes of its own, with RLIMIT_AS for the memory and an
alarm for the time. Input number n of a reader depends on the seed, the reader and n alone.

"""

_GUIDED = """
## Guided by coverage

[Atheris](https://github.com/google/atheris) (libFuzzer for Python) keeps inputs that reach new lines of
nuhist and goes on from them. It ran for the readers in pure Python, one file of each:
`python -m benchmarks.fuzz_atheris --inputs {each} --results FILE`, in an environment with Atheris, on Python
3.11. {inputs} inputs, {faults}.

"""

_FOUND = """
## Found by fuzzing and mended

In all campaigns; each has a file in `tests/fuzz/inputs` that the tests read again.

- JSON of all readers goes through one function (`nuhist.documents.parse_json`), which refuses what Python's
  parser lets pass and others stumble over: nesting beyond 50 levels, integers beyond 64 bits, half a
  character.
- YAML is looked at as events before anything is built of it: depth, aliases that stand for too much or for
  what they are in. Nested 100,000 deep, it would crash the interpreter.
- The lines of a checkpoint, and what XML and HS3 carry of nuhist beside the model, have JSON Schemas. A line
  of a checkpoint that does not follow its own is no batch that is done: its toys are thrown again.
- Every schema refuses numbers that are not finite; that of the sidecar refuses scales of zero.
- An efficiency or bins that reach millions of keV, or a cell of a table with 100,000 letters, took all
  memory. Energies are now refused beyond 25 MeV. The campaign itself had not found the first of these; the
  memory that it used pointed to them, its mutations of tables were changed, and it was run again.
- The directories of a ROOT file are checked before uproot reads them: a key with a name of negative length
  sends it back, for hours.

"""
_LIBRARIES = ("numpy", "pyyaml", "jsonschema", "pyhf", "h5py", "uproot", "hepdata-validator")


@dataclass
class Fault:
    """One way in which a reader misbehaved, with the smallest input that shows it."""

    what: str
    message: str
    times: int = 0
    number: int = -1
    target: str = ""
    size: int = sys.maxsize


@dataclass
class Tally:
    """What became of all inputs of a reader."""

    reader: str
    inputs: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    slowest: float = 0.0
    memory: float = 0.0

    def add(self, line: dict[str, Any]) -> None:
        """Count one outcome."""
        self.inputs += 1
        kind = "fault" if line["fault"] else line["kind"]
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.slowest = max(self.slowest, line["seconds"])
        self.memory = max(self.memory, line["memory"])
        if line["fault"]:
            fault = self.faults.setdefault(line["fault"], Fault(line["fault"], line["message"]))
            fault.times += 1
            if line["size"] < fault.size:
                fault.number, fault.target, fault.size = line["number"], line["target"], line["size"]


def load_tallies(path: Path) -> dict[str, Tally]:
    """Counts by reader, as :func:`save_tallies` wrote them; none if there is no file."""
    known = {}
    for entry in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
        entry["faults"] = {what: Fault(**fault) for what, fault in entry["faults"].items()}
        known[entry["reader"]] = Tally(**entry)
    return known


def save_tallies(tallies: Mapping[str, Tally], path: Path) -> None:
    """Write counts, in the order of the readers."""
    entries = [asdict(tallies[reader]) for reader in READERS if reader in tallies]
    path.write_text(json.dumps(entries, indent=1), encoding="utf-8")


def report(
    tallies: Sequence[Tally],
    guided: Sequence[Tally],
    *,
    each: int,
    seed: int,
    seconds: float,
    gigabytes: float,
) -> str:
    """The page that is kept in benchmarks/results.

    Parameters
    ----------
    tallies
        One per reader.
    guided
        Of inputs that Atheris made; may be empty.
    each
        Inputs per reader.
    seed
        Of the campaign.
    seconds, gigabytes
        Bounds for one input.
    """
    versions = [f"{name} {version(name)}" for name in _LIBRARIES]
    text = _INTRODUCTION.format(
        versions=f"nuhist {__version__}, {', '.join(versions)}, Python {python_version()}",
        seconds=seconds,
        gigabytes=gigabytes,
        each=each,
        seed=seed,
        **_sums(tallies),
    )
    text += _outcomes(tallies)
    text += "\nMemory is the most that the process had, Python and libraries included.\n"
    if guided:
        each = max(tally.inputs for tally in guided)
        text += _GUIDED.format(each=each, **_sums(guided)) + _outcomes(guided)
    faults = [(tally, fault) for tally in (*tallies, *guided) for fault in tally.faults.values()]
    if faults:
        rows = [
            [
                tally.reader,
                fault.what,
                str(fault.times),
                f"number {fault.number}, {fault.target}: {fault.message}",
            ]
            for tally, fault in faults
        ]
        text += "\n## Faults of these runs\n\n" + _table(
            ["reader", "fault", "times", "example"], rows, left=4
        )
    found = [[entry.reader, f"`{entry.file}`", entry.what] for entry in FOUND]
    return text + _FOUND + _table(["reader", "file", "what it did"], found, left=3)


def _sums(tallies: Sequence[Tally]) -> dict[str, str]:
    faults = sum(len(tally.faults) for tally in tallies)
    return {"inputs": f"{sum(tally.inputs for tally in tallies):,}", "faults": f"{faults or 'no'} faults"}


def _outcomes(tallies: Sequence[Tally]) -> str:
    """A table with a row per reader."""
    kinds = sorted({kind for tally in tallies for kind in tally.kinds} - {ACCEPTED, "fault"})
    header = ["reader", "what is read", "inputs", ACCEPTED, *kinds, "faults", "slowest [s]", "memory [MB]"]
    rows = [
        [
            tally.reader,
            READERS[tally.reader].title,
            *map(str, (tally.inputs, *(tally.kinds.get(kind, 0) for kind in (ACCEPTED, *kinds, "fault")))),
            f"{tally.slowest:.1f}",
            f"{tally.memory:.0f}",
        ]
        for tally in tallies
    ]
    return _table(header, rows, left=2)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    rules = ["---" if index < left else "---:" for index in range(len(header))]
    cells = [[" ".join(cell.split())[:140].replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rules, *cells))
