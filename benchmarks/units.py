"""Limits in other units of the strength and with wider bounds, on many random models.

    python -m benchmarks.units [--models 300] [--seed 5] [--output out]

Run it in the checkout: the models are those of the tests. The strength is divided by s, from 1e-12 to 1e12,
or its bounds are replaced by wider ones, up to 1e30. Both engines; that with pyhf on every fifth model, where
that has few parameters, since it has no gradients.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.equivalence import TooLongError, time_limit
from nuhist.inference.prepare import Engine, make_likelihood
from tests.counting.units import answers, differences, units_workspace, variants

TOLERANCE = 1e-4
MOST_FITTED = 4  # free parameters with the engine that leaves fits to pyhf, which takes seconds
EVERY = 5  # of the models, with that engine
LONGEST = 180  # seconds for one model with one engine
_SHOWN = 15


def main() -> None:
    """Read the arguments, compare, print the summary and the worst."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("out"), help="folder")
    options = parser.parse_args()
    logging.disable()
    options.output.mkdir(parents=True, exist_ok=True)
    log = options.output / "units.jsonl"
    log.write_text("", encoding="utf-8")
    started, rows = perf_counter(), []
    for number in range(options.models):
        for engine in ("compiled", "pyhf"):
            row = examine(options.seed, number, engine)
            if row is not None:
                rows.append(row)
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    print(summary(rows, options.models, perf_counter() - started))


def examine(seed: int, number: int, engine: Engine) -> dict[str, Any] | None:
    """One model with one engine, compared with the compiled one's answers in the model's own units."""
    workspace = units_workspace(seed, number)
    found = variants(workspace, seed, number)
    free = int(np.sum(~np.array(make_likelihood(workspace).constant)))
    if engine == "pyhf":
        if free > MOST_FITTED or number % EVERY:
            return None
        found = {"base": found["base"], "both": found.get("both", found["bounds"])}
    row: dict[str, Any] = {"number": number, "engine": engine, "free": free, "differences": {}}
    try:
        with time_limit(LONGEST), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            base = answers(found["base"][0])
            for name, (variant, unit) in found.items():
                if engine == "compiled" and name == "base":
                    continue
                compared = differences(base, answers(variant, engine), unit)
                row["differences"] |= {f"{name}: {key}": value for key, value in compared.items()}
    except TooLongError:
        row["late"] = True
    return row


def summary(rows: list[dict[str, Any]], models: int, seconds: float) -> str:
    """One line, and a table of the worst."""
    compared = [row for row in rows if "late" not in row]
    numbers = [value for row in compared for value in row["differences"].values()]
    beyond = [row for row in compared if worst(row) > TOLERANCE]
    engines = {name: sum(row["engine"] == name for row in compared) for name in ("compiled", "pyhf")}
    lines = [
        f"{models} models ({engines['compiled']} compiled, {engines['pyhf']} pyhf), {len(numbers)} numbers"
        f" compared: {len(beyond)} models above {TOLERANCE:.0e}, {len(rows) - len(compared)} not ended after"
        f" {LONGEST} s; {seconds:.0f} s",
        "",
        "| model | engine | free parameters | worst | where |",
        "| ---: | --- | ---: | ---: | --- |",
    ]
    for row in sorted(compared, key=worst, reverse=True)[:_SHOWN]:
        key = max(row["differences"], key=row["differences"].get)
        lines.append(f"| {row['number']} | {row['engine']} | {row['free']} | {worst(row):.1e} | {key} |")
    late = [f"{row['number']} ({row['engine']})" for row in rows if "late" in row]
    return "\n".join(lines + ([f"\nNot ended: {', '.join(late)}."] if late else []))


def worst(row: Mapping[str, Any]) -> float:
    """The largest difference of a model."""
    return max(row["differences"].values(), default=0.0)


if __name__ == "__main__":
    main()
