"""Limits of small counting models against fits of pyhf's likelihood by Minuit from many starts.

    python -m benchmarks.counting [--models 2000] [--seed 1] [--references FILE] [--output out]

Run it in the checkout: the models are those of the tests. A reference takes about half a second, and is kept
as a line of a file, so that a run with the same file takes nuhist's part alone. Where the two differ by more
than 1e-4, the reference is made again with several times as many starts, and at last from nuhist's own fits,
too: whoever has the higher minimum is wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.equivalence import TooLongError, time_limit
from nuhist.errors import NuhistError
from nuhist.histfactory.workspace import Workspace
from tests.counting.compared import differences, fits_of, limits_of, minima_of
from tests.counting.models import counting_workspace, kind_of
from tests.counting.reference import answers

TOLERANCE = 1e-3  # of the distance from the best fit, or of a limit
_DOUBTED = 1e-4  # the same: where the reference is made again
_MINIMUM = 1e-4  # of 2NLL
_CONSISTENT = 200  # models whose commands are compared with each other
_SAME = 1e-6  # of 2NLL: fits of one thing by several commands
_LONGEST = 120  # seconds
_SHOWN = 20

Entry = dict[str, Any]


def main() -> None:
    """Read the arguments, compare, print the summary and what disagrees."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--references", type=Path, help="file of references; in the output by default")
    parser.add_argument("--output", type=Path, default=Path("out"), help="folder")
    options = parser.parse_args()
    logging.disable()
    warnings.simplefilter("ignore")
    options.output.mkdir(parents=True, exist_ok=True)
    kept = options.references or options.output / "counting_references.jsonl"
    known = read(kept)
    log = options.output / "counting.jsonl"
    log.write_text("", encoding="utf-8")
    started, rows = perf_counter(), []
    for number in range(options.models):
        rows.append(
            examine(options.seed, number, known.get((number, False)), known.get((number, True)), kept)
        )
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    for row in rows[:_CONSISTENT]:
        if "error" not in row:
            row["minima"] = consistency(options.seed, row["number"])
    (options.output / "counting_minima.json").write_text(json.dumps(rows[:_CONSISTENT]), encoding="utf-8")
    print(summary(rows, perf_counter() - started))


def read(path: Path) -> dict[tuple[int, bool], Entry]:
    """References by number, and whether they are thorough ones."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entries = [json.loads(line) for line in lines]
    return {
        (entry["number"], entry.get("thorough", False)): entry for entry in entries if "min_chi2" in entry
    }


def examine(seed: int, number: int, reference: Entry | None, thorough: Entry | None, kept: Path) -> Entry:
    """One model: by how much nuhist differs from the reference, and its commands from each other."""
    workspace = counting_workspace([seed, number])
    row: Entry = {"number": number, "kind": kind_of(workspace)}
    started = perf_counter()
    try:
        with time_limit(_LONGEST):
            ours = limits_of(workspace)
            row["seconds"] = perf_counter() - started
    except TooLongError:
        return row | {"error": f"not ended after {_LONGEST} s"}
    except Exception as error:  # noqa: BLE001, RUF100 (a campaign goes on and reports it)
        return row | {"error": f"{type(error).__name__}: {error}"[:200]}
    reference = reference or _made(workspace, number, kept, thorough=False)
    row |= differences(ours, reference)
    if row["limits"] > _DOUBTED or abs(row["minimum"]) > _MINIMUM:
        reference = thorough or _made(workspace, number, kept, thorough=True)
        row |= differences(ours, reference)
    if row["limits"] > _DOUBTED or abs(row["minimum"]) > _MINIMUM:
        # The reference may start from our fits, too: a lower value of its own function is a lower value.
        reference = answers(workspace.spec, number, thorough=True, hints=fits_of(workspace, ours))
        row |= {"helped": True, **differences(ours, reference)}
    return row | {"from pyhf": reference["difference_from_pyhf"]}


def consistency(seed: int, number: int) -> Entry:
    """How far the minima of a model's commands are apart."""
    try:
        with time_limit(_LONGEST):
            return minima_of(counting_workspace([seed, number]))
    except TooLongError:
        return {"spread": float("inf"), "error": f"not ended after {_LONGEST} s"}
    except NuhistError as error:
        return {"spread": float("inf"), "error": str(error)}


def _made(workspace: Workspace, number: int, kept: Path, *, thorough: bool) -> Entry:
    reference = {"number": number, "thorough": thorough, **answers(workspace.spec, number, thorough=thorough)}
    with kept.open("a", encoding="utf-8") as file:
        file.write(json.dumps(reference) + "\n")
    return reference


def summary(rows: list[Entry], seconds: float) -> str:
    """One line for the limits, one for the commands, and tables of what disagrees."""
    compared = [row for row in rows if "limits" in row]
    beyond = [row for row in compared if row["limits"] > TOLERANCE]
    helped = sum(row.get("helped", False) for row in compared)
    higher = [row for row in compared if row["minimum"] > _MINIMUM]
    lower = [row for row in compared if row["minimum"] < -_MINIMUM]
    agreeing = [row["limits"] for row in compared if row["limits"] <= TOLERANCE]
    spread = {row["number"]: row["minima"] for row in rows if "minima" in row}
    apart = {number: value for number, value in spread.items() if value["spread"] > _SAME}
    lines = [
        f"{len(rows)} models, {len(compared)} compared: {len(beyond)} differ by more than {TOLERANCE:.0e},"
        f" the others by {max(agreeing, default=0.0):.1e} at most; minimum of 2NLL higher by more than"
        f" {_MINIMUM:.0e} than the reference's in {len(higher)}, lower in {len(lower)}; in {helped} the"
        " reference started from our fits, too; the reference's"
        f" likelihood and pyhf's: {max((row['from pyhf'] for row in compared), default=0.0):.0e};"
        f" {seconds:.0f} s",
        f"{len(spread)} models with all commands: minima further apart than {_SAME:.0e} in {len(apart)}"
        + "".join(f"; {number}: {value}" for number, value in list(apart.items())[:_SHOWN]),
        "",
        "| model | strength | limits | where | minimum |",
        "| ---: | --- | ---: | --- | ---: |",
    ]
    worst = sorted(compared, key=lambda row: (row["limits"], abs(row["minimum"])), reverse=True)
    listed = [row for row in worst if row["limits"] > TOLERANCE or abs(row["minimum"]) > _MINIMUM]
    lines += [
        f"| {row['number']} | {row['kind']} | {row['limits']:.1e} | {row['where']} | {row['minimum']:+.1e} |"
        for row in listed or worst[:3]
    ]
    lines += [f"\n{row['number']} ({row['kind']}): {row['error']}" for row in rows if "error" in row]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
