"""How fits, limits, rankings, reports and submissions grow, on generated models, beside pyhf's fit.

    python benchmarks/growth.py [--axes bins,normsys,...] [--steps fit,limit,...] [--timeout S] [--json FILE]

Along each axis one number of a model grows: bins, parameters of normsys or histosys, bins with a statistical
error, channels; all else is small. Each command of each model is a process of its own, with one BLAS thread;
seconds are its CPU seconds and memory its peak, both with Python, its libraries and the reading of the file
(some 1 s and 110 MB). The power is that of the last two sizes, less what the smallest model takes. pyhf's
rows are its global fit with SciPy and one hypotest, in a process of their own as well.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Spec = dict[str, Any]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
AXES: Mapping[str, Sequence[int]] = {
    "bins": (10, 100, 1000, 10_000),
    "normsys": (10, 100, 300, 1000),
    "histosys": (10, 50, 100, 200),
    "staterror": (10, 100, 500, 2000),
    "channels": (2, 20, 60, 200),
}
STEPS: Mapping[str, Sequence[str]] = {
    "fit": ("fit", "{model}"),
    "limit": ("limit", "{model}"),
    "limit cls": ("limit", "{model}", "--method", "cls", "--expected"),
    "ranking": ("ranking", "{model}"),
    "report": ("report", "{model}", "-o", "{folder}/page.html"),
    "hepdata": ("hepdata", "build", "{model}", "--data-license", "CC0-1.0", "-o", "{folder}/submission"),
    "pyhf fit": (),
    "pyhf hypotest": (),
}
PYHF = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pyhf
workspace = pyhf.Workspace(json.load(open(sys.argv[1])))
model = workspace.model()
data = workspace.data(model)
if sys.argv[2] == "fit":
    pyhf.infer.mle.fit(data, model)
else:
    pyhf.infer.hypotest(1.0, data, model)
"""


def model(axis: str, size: int) -> Spec:
    """A model with a signal and a background, of which one number is large."""
    random = np.random.default_rng(11)
    bins = size if axis in ("bins", "staterror") else 10
    channels, observations = [], []
    for number in range(size if axis == "channels" else 1):
        background, signal = (
            np.round(40 + 20 * random.random(bins), 3),
            np.round(0.5 + 3 * random.random(bins), 3),
        )
        free = {"name": f"norm_{number}", "type": "normfactor", "data": None}
        modifiers: list[Spec] = [free] if axis == "channels" else []
        modifiers += [
            {"name": f"n{index}", "type": "normsys", "data": {"hi": 1 + width, "lo": 1 - width}}
            for index, width in enumerate(0.02 * random.random(size if axis == "normsys" else 2) + 0.001)
        ]
        for index in range(size if axis == "histosys" else 2):
            tilt, bend = background * random.normal(0, 0.02, bins), background * random.normal(0, 0.004, bins)
            sides = {
                "hi_data": (background + tilt + bend).tolist(),
                "lo_data": (background - tilt + bend).tolist(),
            }
            modifiers.append({"name": f"h{index}", "type": "histosys", "data": sides})
        if axis == "staterror":
            modifiers.append({"name": "stat", "type": "staterror", "data": (0.05 * background).tolist()})
        strength = [{"name": "mu", "type": "normfactor", "data": None}]
        samples = [
            {"name": "signal", "data": signal.tolist(), "modifiers": strength},
            {"name": "background", "data": background.tolist(), "modifiers": modifiers},
        ]
        channels.append({"name": f"c{number}", "samples": samples})
        counts = random.poisson(background + 0.5 * signal).astype(float).tolist()
        observations.append({"name": f"c{number}", "data": counts})
    config = {"poi": "mu", "parameters": []}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "m", "config": config}],
        "version": "1.0.0",
    }


def run(step: str, file: Path, folder: Path, timeout: float) -> tuple[float, float] | str:
    """CPU seconds and megabytes of a step, or what went wrong."""
    places = {"model": str(file), "folder": str(folder)}
    if step.startswith("pyhf"):
        words = [sys.executable, "-c", PYHF, str(file), step.split()[1]]
    else:
        words = [sys.executable, "-m", "nuhist", *(word.format(**places) for word in STEPS[step])]
    measured = [sys.executable, __file__, "--measure", str(timeout), *words]
    done = subprocess.run(
        measured, env={**os.environ, **THREADS}, capture_output=True, text=True, check=False
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    return (found["cpu"], found["memory"]) if found["code"] == 0 else str(found["error"])


def measure(words: Sequence[str]) -> None:
    """Run a command, and print what it took: a process of its own, whose children are all its children."""
    try:
        done = subprocess.run(words[1:], capture_output=True, text=True, timeout=float(words[0]), check=False)
        code, error = done.returncode, (done.stderr.strip().splitlines() or [""])[-1][:100]
    except subprocess.TimeoutExpired:
        code, error = 1, f"> {words[0]} s"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "code": code,
        "error": error,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
    }
    print(json.dumps(result))


def power(sizes: Sequence[int], values: Sequence[float]) -> str:
    """Power of the growth between the last two sizes, less the smallest model's value."""
    above = [value - values[0] for value in values[-2:]]
    if len(values) < 3 or min(above) <= 0.1:
        return "0"
    return f"{math.log(above[1] / above[0]) / math.log(sizes[-1] / sizes[-2]):.1f}"


def main() -> None:
    """Measure, and print a table per axis."""
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--axes", default=",".join(AXES))
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="of each command")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers")
    arguments = parser.parse_args()
    everything: dict[str, Any] = {}
    for axis in arguments.axes.split(","):
        sizes = AXES[axis]
        print(f"\n| {axis}: s (MB) | " + " | ".join(map(str, sizes)) + " | power |", flush=True)
        print("| --- |" + " ---: |" * (len(sizes) + 1), flush=True)
        for step in arguments.steps.split(","):
            found: list[tuple[float, float] | str] = []
            with tempfile.TemporaryDirectory() as name:
                for size in sizes:
                    folder = Path(name) / str(size)
                    folder.mkdir()
                    file = folder / "model.json"
                    file.write_text(json.dumps(model(axis, size)), encoding="utf-8")
                    found.append(run(step, file, folder, arguments.timeout))
            cells = [
                entry if isinstance(entry, str) else f"{entry[0]:.1f} ({entry[1]:.0f})" for entry in found
            ]
            numbers = [entry[0] for entry in found if not isinstance(entry, str)]
            cells.append(power(sizes[: len(numbers)], numbers))
            print(f"| {step} | " + " | ".join(cells) + " |", flush=True)
            everything.setdefault(axis, {})[step] = found
            if arguments.json:
                arguments.json.write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
