"""An exclusion over a PatchSet of 200 points: seconds per point beside pyhf's hypotest, killed and resumed.

python benchmarks/exclusion.py [--points 200] [--jobs 2] [--hypotests 6]
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyhf

from nuhist.histfactory.workspace import digest

CHANNELS, BINS, NORMS, SHAPES = 4, 5, 46, 34  # with 20 staterrors and the strength: 101 parameters


def background(random: np.random.Generator) -> dict[str, Any]:
    """A likelihood with 100 constrained parameters, seen in a toy of itself."""
    channels, observations = [], []
    for number in range(CHANNELS):
        samples = []
        for name in ("first", "second"):
            counts = random.uniform(20, 200, BINS)
            modifiers: list[dict[str, Any]] = [
                {"name": f"stat_{number}", "type": "staterror", "data": (counts * 0.03).tolist()}
            ]
            for index in random.choice(NORMS, 2 * NORMS // 3, replace=False):
                size = random.uniform(0.01, 0.05)
                modifiers.append(
                    {
                        "name": f"norm_{index}",
                        "type": "normsys",
                        "data": {"hi": 1 + size, "lo": 1 / (1 + size)},
                    }
                )
            for index in random.choice(SHAPES, 2 * SHAPES // 3, replace=False):
                shift = counts * random.uniform(-0.03, 0.03, BINS)
                data = {"hi_data": (counts + shift).tolist(), "lo_data": (counts - 0.9 * shift).tolist()}
                modifiers.append({"name": f"shape_{index}", "type": "histosys", "data": data})
            samples.append({"name": name, "data": counts.tolist(), "modifiers": modifiers})
        total = sum(np.array(sample["data"]) for sample in samples)
        channels.append({"name": f"region_{number}", "samples": samples})
        observations.append(
            {"name": f"region_{number}", "data": random.poisson(total).astype(float).tolist()}
        )
    measurement = {"name": "m", "config": {"poi": "mu", "parameters": []}}
    return {
        "channels": channels, "observations": observations, "measurements": [measurement], "version": "1.0.0",
    }  # fmt: skip


def patchset(spec: dict[str, Any], points: int) -> dict[str, Any]:
    """Signals that fall with two masses, with two uncertainties of the background and one of their own."""
    columns = 20
    patches = []
    for index in range(points):
        heavy, light = 400 + 40 * (index % columns), 100 + 30 * (index // columns)
        operations = []
        for number in range(CHANNELS):
            size = 55 * np.exp(-(heavy + light / 2) / 400) * (1 + number / CHANNELS)
            counts = size * np.linspace(0.5, 1.5, BINS)
            modifiers: list[dict[str, Any]] = [
                {"name": "mu", "type": "normfactor", "data": None},
                {"name": "norm_0", "type": "normsys", "data": {"hi": 1.03, "lo": 0.97}},
                {"name": "norm_signal", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
            ]
            value = {"name": "signal", "data": counts.tolist(), "modifiers": modifiers}
            operations.append({"op": "add", "path": f"/channels/{number}/samples/-", "value": value})
        name = f"m_{heavy}_{light}"
        patches.append({"metadata": {"name": name, "values": [heavy, light]}, "patch": operations})
    metadata = {
        "references": {"hepdata": "ins0000000"}, "description": "generated", "labels": ["heavy", "light"],
        "digests": {"sha256": digest(spec)},
    }  # fmt: skip
    return {"metadata": metadata, "patches": patches, "version": "1.0.0"}


def cpu() -> float:
    """Seconds of CPU of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(points: int, jobs: int, hypotests: int) -> None:
    """Print seconds per point of both, their ratio, and whether the resumed file is the same."""
    spec = background(np.random.default_rng(17))
    patches = patchset(spec, points)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "BkgOnly.json").write_text(json.dumps(spec))
        (folder / "patchset.json").write_text(json.dumps(patches))
        words = [sys.executable, "-m", "nuhist", "exclusion", str(folder), "--jobs", str(jobs)]
        before, started = cpu(), time.perf_counter()
        whole = subprocess.run(
            [*words, "-o", str(folder / "whole.json")], check=True, capture_output=True, text=True
        )
        spent, wall = cpu() - before, time.perf_counter() - started
        print(whole.stdout.splitlines()[0])

        kept, again = folder / "kept", [*words, "--resume", str(folder / "kept")]
        process = subprocess.Popen(
            [*again, "-o", str(folder / "resumed.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            time.sleep(0.2)
            if kept.exists() and len(kept.read_text().splitlines()) > points // 2:
                process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(kept.read_text().splitlines()) - 1
        subprocess.run([*again, "-o", str(folder / "resumed.json")], check=True, capture_output=True)
        same = (folder / "whole.json").read_bytes() == (folder / "resumed.json").read_bytes()
        results = json.loads((folder / "whole.json").read_text())["points"]

    document, workspace = pyhf.PatchSet(patches), pyhf.Workspace(spec)
    times, apart = [], []
    for index in np.linspace(0, points - 1, hypotests).round().astype(int).tolist():
        patched = document.apply(workspace, results[index]["name"])
        model = patched.model()
        data = patched.data(model)
        started_cpu = time.process_time()
        observed, expected = pyhf.infer.hypotest(
            1.0, data, model, test_stat="qtilde", return_expected_set=True
        )
        times.append(time.process_time() - started_cpu)
        found = np.array([results[index]["cls_observed"], *results[index]["cls_expected"]])
        apart.append(np.abs(found - [float(observed), *map(float, expected)]).max())
    ours, theirs = spent / points, float(np.mean(times))
    print(f"{model.config.npars} parameters, {points} points, {jobs} jobs")
    print(f"nuhist: {ours:.2f} s of CPU a point, {wall:.0f} s in all; CLs and six limits")
    print(f"pyhf's hypotest: {theirs:.2f} s of CPU a point ({hypotests} points), CLs alone")
    print(f"ratio: {theirs / ours:.1f}")
    print(f"largest difference of CLs: {max(apart):.1e}")
    print(f"killed after {done} points and resumed: {'the same bytes' if same else 'OTHER BYTES'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hypotests", type=int, default=6)
    given = parser.parse_args()
    main(given.points, given.jobs, given.hypotests)
