"""Compare nuhist with pyhf on many random models, and write the report.

    python -m benchmarks.equivalence --models 1000 [--seed 1] [--jobs 2] [--log FILE] [-o PAGE]

Run it in the checkout: the models and the comparisons are those of the tests. Each model is a line of the
log, so that a run that was stopped goes on where it was. About three seconds per model.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.equivalence_report import LONGEST, report
from nuhist.files import write_atomically
from nuhist.histfactory.workspace import Workspace
from tests.equivalence.checks import compare_likelihood, compare_sum
from tests.equivalence.exchange import FORMATS, compare_exchange
from tests.equivalence.fits import compare_fit
from tests.strategies import random_workspace

Entry = dict[str, Any]


def main() -> None:
    """Read the arguments, run what is missing in the log, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--log", type=Path, default=Path("equivalence.jsonl"))
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    done = read(options.log, options.seed)
    missing = [number for number in range(options.models) if number not in done]
    started = perf_counter()
    with ProcessPoolExecutor(options.jobs, initializer=logging.disable) as pool:  # pyhf logs each failed fit
        entries = (pool.submit(examine, options.seed, number) for number in missing)
        for count, ended in enumerate(as_completed(list(entries)), 1):
            entry = ended.result()
            done[entry["number"]] = entry
            with options.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
            if count % 10 == 0:
                print(f"{count} of {len(missing)} models, {perf_counter() - started:.0f} s", flush=True)
    text = report([done[number] for number in range(options.models)], options.seed)
    if options.output is None:
        print(text)
    else:
        write_atomically(options.output, text)


def read(path: Path, seed: int) -> dict[int, Entry]:
    """What a log has of a seed, by number; a last line that was cut off is left out."""
    entries: dict[int, Entry] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["seed"] == seed:
            entries[entry["number"]] = entry
    return entries


def examine(seed: int, number: int) -> Entry:
    """All comparisons of one model."""
    workspace = random_workspace([seed, number])
    second = random_workspace([seed, number, 1])
    entry: Entry = {"seed": seed, "number": number, "size": size(workspace)}

    def random() -> np.random.Generator:
        return np.random.default_rng([seed, number, 2])

    entry["likelihood"] = outcome(lambda: compare_likelihood(workspace, random()))
    entry["fit"] = outcome(lambda: compare_fit(workspace, random()))
    entry["sum"] = outcome(lambda: compare_sum(workspace, second, random()))
    for kind in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            entry[kind] = outcome(partial(compare_exchange, workspace, kind, Path(folder), random()))
    return entry


def size(workspace: Workspace) -> Entry:
    """How large a model is and what it has."""
    samples = [sample for channel in workspace.spec["channels"] for sample in channel["samples"]]
    kinds = Counter(entry["type"] for sample in samples for entry in sample["modifiers"])
    blocks = workspace.measurement()["config"]["parameters"]
    return {
        "channels": len(workspace.spec["channels"]),
        "bins": sum(len(counts) for counts in workspace.observed().values()),
        "samples": len({sample["name"] for sample in samples}),
        "modifiers": dict(kinds),
        "empty": sum(value == 0 for sample in samples for value in sample["data"]),
        "overrides": sorted({key for block in blocks for key in block if key != "name"}),
    }


class TooLongError(Exception):
    """A comparison took longer than it may."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Interrupt what takes longer; on Unix only."""

    def late(*_: object) -> None:
        raise TooLongError

    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def outcome(compare: Callable[[], Any]) -> Entry:
    """A comparison as JSON, with its seconds and the warnings that nuhist gave."""
    started = perf_counter()
    try:
        with time_limit(LONGEST), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = asdict(compare())
    except TooLongError:
        return {"late": True}
    except Exception as error:  # noqa: BLE001, RUF100 (a campaign goes on and reports it)
        return {"crash": f"{type(error).__name__}: {error}"[:300]}
    said = sorted(
        {str(entry.message)[:80] for entry in caught if "compiled likelihood" in str(entry.message)}
    )
    return {**found, "warnings": said, "seconds": perf_counter() - started}


if __name__ == "__main__":
    main()
