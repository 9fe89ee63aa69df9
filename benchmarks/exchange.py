"""Published likelihoods in other formats and back, and what ROOT makes of them, one table from one run.

    python -m benchmarks.exchange --likelihoods FOLDER --root PYTHON [--only NAME[,..]] [--json FILE]

FOLDER is that of :mod:`benchmarks.published`; PYTHON an interpreter that has ROOT. Each likelihood is written
and read in a process of its own, with one BLAS thread; seconds are of CPU, imports of libraries left out. A
model of which XML cannot hold the luminosity is written with ``--lumi normsys``, and compared with the model
that this is.

The likelihood is compared at eight random points within 1.5 standard deviations, free factors within half of
their start: the largest difference of 2NLL from pyhf's, both counted from the first point. ``explained`` is
the same against pyhf with two things that ROOT does: samples clipped at zero (pyhf's own
``clip_sample_data``), and, in XML, Gaussian constraints of statistical errors normalised over positive
values. Of ROOT templates it is the largest difference of a count as ROOT reads it.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from scipy.special import log_ndtr

from benchmarks.published import Result, in_a_process
from nuhist.errors import NuhistError
from nuhist.exchange.differences import relative_errors
from nuhist.exchange.formats import FORMATS
from nuhist.exchange.luminosity import with_luminosity
from nuhist.exchange.parameter_names import bin_name, root_name
from nuhist.histfactory.parameter_sets import SCALARS, parameter_sets
from nuhist.histfactory.workspace import Workspace, load_workspace

POINTS, REACH, SEED = 8, 1.5, 20261128
LARGEST = 1e6  # of 2NLL, of which 1e-9 are then rounding
NAMES = ("xml", "root", "hs3", "inference-interface")
JOBS = Path(__file__).resolve().parents[1] / "tests" / "exchange" / "root_jobs.py"


def main() -> None:
    """Run all and print the table, or one likelihood for the parent process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--likelihoods", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--root", metavar="PYTHON", help="interpreter that has ROOT [default: no comparison]")
    parser.add_argument("--only", default="", metavar="NAME[,..]", help="files without .json")
    parser.add_argument("--formats", default=",".join(NAMES), metavar="NAME[,..]")
    parser.add_argument("--timeout", type=float, default=1800.0, metavar="S", help="of each likelihood")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers and warnings")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(one(arguments.likelihoods, *json.loads(arguments.one))))
        return
    files = {file.stem: file for file in sorted(arguments.likelihoods.glob("*.json"))}
    asked = json.dumps([arguments.formats.split(","), arguments.root])
    rows: dict[str, Result] = {}
    for name in list(filter(None, arguments.only.split(","))) or list(files):
        rows[name] = in_a_process(asked, files[name], arguments.timeout, ("-m", "benchmarks.exchange"))
        print(*lines(name, rows[name]), sep="\n", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def one(file: Path, formats: list[str], root: str | None) -> Result:
    """One likelihood through all formats."""
    warnings.simplefilter("ignore")
    workspace = load_workspace(file)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: there_and_back(workspace, name, Path(folder)) for name in formats}
        if root:
            compare(workspace, found, Path(folder), root)
    return found


def there_and_back(workspace: Workspace, name: str, folder: Path) -> dict[str, Any]:
    """Seconds, warnings and the digest of one format."""
    each = next(entry for entry in FORMATS if entry.name == name)
    assert each.writer is not None
    assert each.reader is not None
    path = folder / f"{name}{'' if each.writer.main else each.suffixes[0]}"
    said: list[str] = []
    options: dict[str, Any] = {}
    warm(each, folder)
    start = process_time()
    try:
        files = each.writer(workspace, path, message=said.append)
    except NuhistError as error:
        if name != "xml" or "--lumi normsys" not in str(error):
            return {"refused": str(error).removeprefix(f"{workspace.origin}: ")}
        options, start = {"lumi": "normsys"}, process_time()
        files = each.writer(workspace, path, message=said.append, **options)
    written = process_time()
    again = each.reader(files if each.reader.several else files[0])
    read = process_time()
    expected, _ = with_luminosity(workspace, options.get("lumi", "keep"))
    return {
        "export": written - start,
        "import": read - written,
        "same": again.digest == expected.digest,
        "lumi": options.get("lumi", "keep"),
        "warnings": [line.removeprefix(f"{workspace.origin}: ") for line in said],
        "path": str(files[0]),
    }


def warm(each: Any, folder: Path) -> None:
    """Import the libraries of a format, with a model of one bin."""
    sample = {"name": "s", "data": [1.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]}
    spec = {
        "channels": [{"name": "c", "samples": [sample]}],
        "observations": [{"name": "c", "data": [1.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    path = folder / f"warm_{each.name}{'' if each.writer.main else each.suffixes[0]}"
    files = each.writer(Workspace(spec), path)
    each.reader(files if each.reader.several else files[0])


class Model:
    """pyhf's likelihood of a workspace, as it is and as ROOT has it, at random points."""

    def __init__(self, workspace: Workspace) -> None:
        import pyhf

        spec = copy.deepcopy(dict(workspace.spec))
        self.sets = parameter_sets(spec)
        poi = workspace.interest()
        settings = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
        parts = {"channels": spec["channels"], "parameters": workspace.measurement()["config"]["parameters"]}
        self.models = [
            pyhf.Model(parts, poi_name=poi, modifier_settings=settings, clip_sample_data=clip)
            for clip in (None, 0.0)
        ]
        self.config = self.models[0].config
        self.channels = {channel["name"]: channel for channel in spec["channels"]}
        observed = workspace.observed()
        self.data = [count for name in self.config.channels for count in observed[name]]
        self.data += self.config.auxdata
        self.sizes: dict[str, dict[str, float]] = {}  # by set, relative errors of its bins, by ROOT's name
        generator = np.random.default_rng(SEED)
        self.points = [self._nearer(self._point(generator)) for _ in range(POINTS)]

    def _point(self, generator: np.random.Generator) -> dict[str, list[float]]:
        found = {}
        for name in self.config.par_order:
            block, entry = self.config.param_set(name), self.sets[name]
            start = np.array(block.suggested_init, dtype=float)
            widths = 0.5 / REACH * np.ones_like(start)
            if entry.kind in ("normsys", "histosys"):
                widths[:] = 1.0
            elif entry.kind == "lumi":
                widths[:] = block.sigmas
            elif entry.kind == "staterror":
                widths = np.array(block.sigmas)
            elif entry.kind == "shapesys":
                widths = 1 / np.sqrt(np.array(block.factors))
            low, high = np.array(block.suggested_bounds).T
            if entry.kind in ("staterror", "shapesys", "lumi"):  # so that no bin comes near to nothing
                low = np.maximum(low, 0.2 * start)
            values = np.clip(start + REACH * widths * generator.uniform(-1, 1, start.size), low, high)
            found[name] = np.where(block.suggested_fixed, start, values).tolist()
        return found

    def _nearer(self, point: dict[str, list[float]]) -> dict[str, list[float]]:
        """The point, or one on the way to the start at which the model does not expect absurdly many events.

        Dozens of normsys of 2000 % each have a bin expect 1e22 events where all are at 1.5, and 2NLL then has
        no digits left to compare.
        """
        start = {name: self.config.param_set(name).suggested_init for name in point}
        while abs(self._value(point)) > LARGEST:
            point = {name: ((np.array(point[name]) + start[name]) / 2).tolist() for name in point}
        return point

    def _value(self, point: dict[str, list[float]]) -> float:
        """2NLL, with samples clipped at zero."""
        return -2 * float(self.models[1].logpdf(self._vector(point), self.data)[0])

    def _vector(self, point: dict[str, list[float]]) -> list[float]:
        """A point as pyhf has it."""
        return [value for name in self.config.par_order for value in point[name]]

    def vectors(self) -> list[list[float]]:
        """The points as pyhf has them."""
        return [self._vector(point) for point in self.points]

    def values(self, *, clipped: bool = False, positive: bool = False) -> Any:
        """2NLL at all points; samples clipped at zero, constraints normalised over positive values."""
        model = self.models[int(clipped)]
        found = [-2 * float(model.logpdf(vector, self.data)[0]) for vector in self.vectors()]
        return np.array(found) + (self._positive() if positive else 0.0)

    def _positive(self) -> Any:
        """What 2NLL gets where the constraints of statistical errors are normalised over positive values."""
        found = np.zeros(POINTS)
        for name, entry in self.sets.items():
            if entry.kind != "staterror":
                continue
            errors = np.concatenate([relative_errors(self.channels[c]) for c in sorted(entry.holders)])
            for index, point in enumerate(self.points):
                values = np.array(point[name])
                found[index] += 2 * log_ndtr(values[errors > 0] / errors[errors > 0]).sum()
        return found

    def named(self, form: str) -> list[dict[str, float]]:
        """The points by ROOT's names, without bins that are constant."""
        found = []
        for point in self.points:
            named: dict[str, float] = {}
            for name, entry in self.sets.items():
                if entry.kind in SCALARS:
                    named[root_name(name, entry.kind) if form == "xml" else name] = point[name][0]
                    continue
                places = [(c, i) for c in sorted(entry.holders) for i in range(entry.holders[c][0])]
                fixed = self.config.param_set(name).suggested_fixed
                for place, value, held in zip(places, point[name], fixed, strict=False):
                    if not held:
                        named[bin_name(name, entry.kind, *place)] = value
            found.append(named)
        return found


def compare(workspace: Workspace, found: dict[str, Any], folder: Path, root: str) -> None:
    """Add to each format what ROOT makes of it."""
    for name in ("xml", "hs3", "root"):
        entry = found.get(name, {})
        if "path" not in entry:
            continue
        job: dict[str, Any] = {"kind": "histograms" if name == "root" else name, "path": entry["path"]}
        changed, _ = with_luminosity(workspace, entry["lumi"])
        model = None if name == "root" else Model(changed)
        if model is not None:
            job["points"] = model.named(name)
        (folder / "jobs.json").write_text(json.dumps([job]), encoding="utf-8")
        command = [root, "-W", "ignore", str(JOBS), str(folder / "jobs.json"), str(folder / "results.json")]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            entry["error"] = (done.stderr.strip().splitlines() or ["killed"])[-1][:300]
            continue
        (result,) = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        if model is None:
            entry["difference"] = largest_of_counts(workspace, result)
            continue
        theirs = np.array(result["values"])
        entry["values"] = result["values"]
        explained = {"clipped": True, "positive": name == "xml"}
        for key, ours in (("difference", model.values()), ("explained", model.values(**explained))):
            entry[key] = float(np.abs((theirs - theirs[0]) - (ours - ours[0])).max())


def largest_of_counts(workspace: Workspace, histograms: Mapping[str, Any]) -> float:
    """The largest difference of a nominal or observed count as ROOT reads it."""
    from nuhist.exchange.root.write import DATA, sample_path

    pairs = [(sample_path(name, DATA), counts) for name, counts in workspace.observed().items()]
    for channel in workspace.spec["channels"]:
        pairs += [(sample_path(channel["name"], s["name"]), s["data"]) for s in channel["samples"]]
    differences = [np.subtract(histograms[path]["contents"], counts) for path, counts in pairs]
    return max(float(np.abs(each).max()) for each in differences)


def lines(name: str, found: Mapping[str, Any]) -> list[str]:
    """Rows of the table."""
    if "error" in found:
        return [f"| {name} | {found['error']} |"]
    rows = []
    for form, entry in found.items():
        if "refused" in entry:
            rows.append(f"| {name} | {form} | refused: {entry['refused']} | | | |")
            continue
        trip = ("same" if entry["same"] else "other") + (", as normsys" if entry["lumi"] != "keep" else "")
        numbers = " | ".join(
            f"{entry[key]:.1e}" if key in entry else str(entry.get("error", "")) * (key == "difference")
            for key in ("difference", "explained")
        )
        rows.append(
            f"| {name} | {form} | {trip} | {entry['export']:.2g} | {entry['import']:.2g} | {numbers} |"
        )
    return rows


if __name__ == "__main__":
    main()
