"""Fit published likelihoods with pyhf and with nuhist, one table from one run.

    python benchmarks/published.py --likelihoods FOLDER [--only NAME[,..]] [--timeout S] [--json FILE]

FOLDER holds workspaces as JSON, such as those of HEPData; none of them comes with nuhist. Each fit of
each file has a process of its own, one after the other, with one BLAS thread; seconds are CPU seconds of
the fit, of the fastest run where one takes less than a second, with the model at hand; memory is the peak
of the process, its libraries included. Background-only files are fitted as such. The minimum is 2NLL, by
pyhf's own logpdf, at the parameters that each fit returns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
METHODS = ("pyhf scipy", "pyhf minuit", "pyhf jax", "nuhist")
SHORT = 1.0  # seconds: a fit that takes less is timed again
REPEATS = 5
SAME = 1e-6  # of 2NLL: what the issue asks of nuhist's minimum

Result = dict[str, Any]


def main() -> None:
    """Run all fits and print the table, or one fit for the parent process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--likelihoods", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="NAME[,..]", help="files without .json")
    parser.add_argument("--methods", default=",".join(METHODS), help="of " + ", ".join(METHODS))
    parser.add_argument("--timeout", type=float, default=300.0, metavar="S", help="of each process")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, arguments.likelihoods)))
        return
    files = sorted(arguments.likelihoods.glob("*.json"))
    chosen = set(filter(None, arguments.only.split(",")))
    rows: dict[str, dict[str, Result]] = {}
    for file in files:
        if chosen and file.stem not in chosen:
            continue
        rows[file.stem] = {
            method: in_a_process(method, file, arguments.timeout) for method in arguments.methods.split(",")
        }
        print(row(file.stem, rows[file.stem]), file=sys.stderr, flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows))


def in_a_process(method: str, file: Path, timeout: float, run: Sequence[str] = (__file__,)) -> Result:
    """One fit in a process of its own; what went wrong under ``error``."""
    command = [sys.executable, *run, "--likelihoods", str(file), "--one", method]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **THREADS},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"> {timeout:g} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1][:120]}
    found: Result = json.loads(done.stdout.splitlines()[-1])
    return found


def one(method: str, file: Path) -> Result:
    """Fit one file in this process."""
    warnings.simplefilter("ignore")
    spec = json.loads(file.read_text(encoding="utf-8"))
    found = with_nuhist(file) if method == "nuhist" else with_pyhf(method.removeprefix("pyhf "), spec)
    return {**found, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of the fastest run, and what the call gave."""
    seconds: list[float] = []
    result = None
    while not seconds or (len(seconds) < REPEATS and min(seconds) < SHORT):
        start = process_time()
        result = function()
        seconds.append(process_time() - start)
    return min(seconds), result


def with_pyhf(optimizer: str, spec: Mapping[str, Any]) -> Result:
    """A global fit of pyhf's; JAX's first one is timed apart, with its compilation."""
    import pyhf

    backend = ("jax", "scipy") if optimizer == "jax" else ("numpy", optimizer)
    pyhf.set_backend(*backend)
    model, data = pyhf_model(spec)
    start = process_time()
    parameters = pyhf.infer.mle.fit(data, model)
    first = process_time() - start
    if optimizer == "jax":
        seconds, parameters = timed(lambda: pyhf.infer.mle.fit(data, model))
    else:
        again = timed(lambda: pyhf.infer.mle.fit(data, model))[0] if first < SHORT else first
        seconds = min(first, again)
    values = [float(value) for value in parameters]
    pyhf.set_backend("numpy")
    model, data = pyhf_model(spec)
    return {"cold": first, "seconds": seconds, "minimum": -2 * float(model.logpdf(values, data)[0])}


def pyhf_model(spec: Mapping[str, Any]) -> tuple[Any, Any]:
    """Model of pyhf's of the first measurement, and its data; background-only where it names no parameter."""
    import pyhf

    config = spec["measurements"][0]["config"]
    names = {
        modifier["name"]
        for channel in spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
    }
    parts = {"channels": spec["channels"], "parameters": config["parameters"]}
    model = pyhf.Model(parts, poi_name=config["poi"] if config["poi"] in names else None)
    counts = {entry["name"]: entry["data"] for entry in spec["observations"]}
    data = [count for channel in model.config.channels for count in counts[channel]]
    return model, [*data, *model.config.auxdata]


def with_nuhist(file: Path) -> Result:
    """Compilation, a fit from one start, and the whole search."""
    import numpy as np

    from nuhist.histfactory.workspace import load_workspace
    from nuhist.inference.edges import fit_with_edges
    from nuhist.inference.prepare import make_likelihood
    from nuhist.inference.pyhf_model import pyhf_model as made

    workspace = load_workspace(file)
    building, _ = timed(lambda: made(workspace))
    whole, likelihood = timed(lambda: make_likelihood(workspace))
    compiled, data = likelihood.compiled, likelihood.data
    if compiled is None:
        raise RuntimeError("not compiled")
    constant = np.array(likelihood.constant)

    def single() -> Any:
        start = likelihood.start[None]
        bounds = likelihood.lower, likelihood.upper
        return fit_with_edges(
            compiled, data[None], start, *bounds, constant, likelihood.scale, exploring=False
        )

    seconds, batch = timed(single)
    everything, best = timed(lambda: fresh(likelihood).best())
    return {
        "compilation": max(whole - building, 0.0),
        "one start": seconds,
        "one minimum": likelihood.twice_nll(batch.parameters[0]),
        "converged": bool(batch.converged[0]),
        "seconds": everything,
        "minimum": best.twice_nll,
        "parameters": len(likelihood.names),
        "bins": compiled.bins,
    }


def fresh(likelihood: Any) -> Any:
    """The same likelihood with nothing remembered from an earlier fit."""
    from dataclasses import replace

    return replace(likelihood)


def row(name: str, found: Mapping[str, Result]) -> str:
    """One line of the table."""
    ours = found.get("nuhist", {})
    minima = [entry["minimum"] for entry in found.values() if "minimum" in entry]
    least = min(minima, default=float("nan"))
    cells = [name, str(ours.get("parameters", "")), str(ours.get("bins", ""))]
    cells += [
        seconds_of(found.get(method, {}), "seconds", "cold" if method == "pyhf jax" else None)
        for method in METHODS[:-1]
    ]
    cells += [seconds_of(ours, "one start"), seconds_of(ours, "compilation"), seconds_of(ours, "seconds")]
    cells.append(f"{least:.6f}")
    for method in METHODS[:-1]:
        cells.append(above(found.get(method, {}).get("minimum"), least))
    cells += [above(ours.get("one minimum"), least), above(ours.get("minimum"), least)]
    memory = [found.get(method, {}).get("memory") for method in ("pyhf scipy", "nuhist")]
    cells += ["" if value is None else f"{value:.0f}" for value in memory]
    return "| " + " | ".join(cells) + " |"


def seconds_of(entry: Result, key: str, cold: str | None = None) -> str:
    """Seconds for a cell, or why there are none."""
    if key not in entry:
        return str(entry.get("error", ""))[:24]
    extra = "" if cold is None else f" ({entry[cold]:.2g})"
    return f"{entry[key]:.3g}{extra}"


def above(value: float | None, least: float) -> str:
    """By how much a minimum lies above the least."""
    if value is None:
        return ""
    return "0" if value - least <= SAME else f"{value - least:.2g}"


def table(rows: Mapping[str, Mapping[str, Result]]) -> str:
    """The table, and what it says in the median."""
    names = (
        "likelihood, parameters, bins, pyhf scipy s, pyhf minuit s, pyhf jax s (cold), nuhist one start s,"
    )
    names += " nuhist compilation s, nuhist all starts s, least 2NLL, scipy above, minuit above, jax above,"
    names += " one start above, all starts above, pyhf MB, nuhist MB"
    header = names.split(", ")
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * 1 + " ---: |" * (len(header) - 1)]
    lines += [row(name, found) for name, found in rows.items()]
    ours = [found["nuhist"] for found in rows.values() if "one start" in found.get("nuhist", {})]
    lines.append("")
    for what, method, key, own in (
        ("one start over pyhf scipy", "pyhf scipy", "seconds", lambda e: e["one start"]),
        ("one start over warm pyhf jax", "pyhf jax", "seconds", lambda e: e["one start"]),
        ("all starts with compilation over cold pyhf jax", "pyhf jax", "cold",
         lambda e: e["seconds"] + e["compilation"]),
        ("all starts with compilation over pyhf scipy", "pyhf scipy", "seconds",
         lambda e: e["seconds"] + e["compilation"]),
    ):  # fmt: skip
        lines.append(ratios(what, rows, method, key, own))
    if ours:
        lines.append(f"peak memory: {max(entry['memory'] for entry in ours):.0f} MB at most")
    return "\n".join(lines)


def ratios(
    what: str,
    rows: Mapping[str, Mapping[str, Result]],
    method: str,
    key: str,
    own: Callable[[Result], float],
) -> str:
    """How many times faster than a method, in the median and at the least."""
    found: Sequence[tuple[float, str]] = sorted(
        (entry[method][key] / own(entry["nuhist"]), name)
        for name, entry in rows.items()
        if key in entry.get(method, {}) and "one start" in entry.get("nuhist", {})
    )
    if not found:
        return f"{what}: nothing to compare"
    median = statistics.median(value for value, _ in found)
    return f"{what}: {median:.3g} times faster in the median, {found[0][0]:.3g} at the least ({found[0][1]})"


if __name__ == "__main__":
    main()
