"""What ROOT, pyhf and RooFit write of published likelihoods, imported, and how far 2NLL is off.

    python -m benchmarks.exchange_foreign --likelihoods FOLDER --root PYTHON --only NAME[,..]

Of each likelihood there are ROOT's own ``PrintXML`` and RooFit's own JSON of the model that HistFactory makes
of nuhist's XML, and what ``pyhf json2xml`` writes. The largest difference of 2NLL is between pyhf's models
of the import and of the original, at the points of :mod:`benchmarks.exchange`; the second number is
with the statistical errors of the original, of which RooFit writes seven digits.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.exchange import JOBS, Model
from nuhist.errors import ConfigError, NuhistError
from nuhist.exchange.differences import relative_errors
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.luminosity import with_luminosity
from nuhist.exchange.parameter_names import bin_name, root_name
from nuhist.exchange.xml.read import import_xml
from nuhist.exchange.xml.write import export_xml
from nuhist.histfactory.parameter_sets import SCALARS
from nuhist.histfactory.workspace import Workspace, load_workspace


def main() -> None:
    """Print a row for each likelihood and program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--likelihoods", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--root", required=True, metavar="PYTHON", help="interpreter that has ROOT")
    parser.add_argument("--only", required=True, metavar="NAME[,..]", help="files without .json")
    arguments = parser.parse_args()
    for name in arguments.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            run(load_workspace(arguments.likelihoods / f"{name}.json"), name, Path(folder), arguments.root)


def run(original: Workspace, name: str, folder: Path, root: str) -> None:
    """All programs on one likelihood."""
    try:
        export_xml(original, folder / "ours")
        made = original
    except NuhistError:
        export_xml(original, folder / "ours", lumi="normsys")
        made, _ = with_luminosity(original, "normsys")
    (folder / "ours" / "config").mkdir()
    job = {
        "kind": "xml",
        "path": str(folder / "ours" / "combination.xml"),
        "points": [],
        "print_xml": str(folder / "ours"),
        "export_hs3": str(folder / "roofit.json"),
    }
    (folder / "jobs.json").write_text(json.dumps([job]), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [root, "-W", "ignore", str(JOBS), str(folder / "jobs.json"), str(folder / "results.json")]
    subprocess.run(command, capture_output=True, check=True, env=environment)
    (folder / "original.json").write_text(json.dumps(original.spec), encoding="utf-8")
    (folder / "pyhf").mkdir()
    command = [sys.executable, "-c", "from pyhf.cli import cli; cli()", "json2xml"]
    command.append(str(folder / "original.json"))
    written = subprocess.run(
        [*command, "--output-dir", str(folder / "pyhf")], capture_output=True, text=True, check=False
    )
    if written.returncode:
        print(f"| {name} | pyhf json2xml | fails: {written.stderr.strip().splitlines()[-1]} |", flush=True)
    of_pyhf = [*(folder / "pyhf").glob("*.xml")]
    drivers = sorted((folder / "ours" / "config").glob("*.xml"), key=lambda path: len(path.name))
    imports: dict[str, tuple[Workspace, Callable[[Callable[[str], None]], Workspace]]] = {
        "ROOT's PrintXML": (made, lambda say: import_xml(driver(drivers), message=say)),
        "RooFit's JSON": (made, lambda say: import_hs3(folder / "roofit.json", message=say)),
        "pyhf json2xml": (original, lambda say: import_xml(driver(of_pyhf), message=say)),
    }
    for program, (expected, read) in imports.items():
        said: list[str] = []
        try:
            found = read(said.append)
        except NuhistError as error:
            print(f"| {name} | {program} | refused: {error} |", flush=True)
            continue
        worst = difference(Model(expected), Model(found))
        whole = difference(Model(expected), Model(with_all_digits(found, expected)))
        print(
            f"| {name} | {program} | {worst:.1e} | {whole:.1e} | {'; '.join(line[:160] for line in said)} |",
            flush=True,
        )


def driver(files: list[Path]) -> Path:
    """The one that begins with a combination."""
    found = [path for path in files if "<Combination" in path.read_text(encoding="utf-8")]
    if not found:
        raise ConfigError("nothing was written")
    return found[0]


def with_all_digits(found: Workspace, expected: Workspace) -> Workspace:
    """An import with its statistical errors scaled to those of the original; RooFit writes seven digits."""
    spec = copy.deepcopy(dict(found.spec))
    channels = {channel["name"]: channel for channel in expected.spec["channels"]}
    for channel in spec["channels"]:
        theirs, ours = relative_errors(channel), relative_errors(channels[channel["name"]])
        scale = np.divide(ours, theirs, out=np.ones_like(ours), where=theirs > 0)
        for sample in channel["samples"]:
            for entry in sample["modifiers"]:
                if entry["type"] == "staterror":
                    entry["data"] = (np.array(entry["data"]) * scale).tolist()
    return Workspace(spec, None, found.origin)


def difference(original: Model, found: Model) -> float:
    """Of 2NLL at the points of the first, both from the first point on."""
    named = original.named("xml")
    vectors = [
        [value for name in found.config.par_order for value in values(found, name, at)] for at in named
    ]
    theirs = np.array([-2 * float(found.models[0].logpdf(each, found.data)[0]) for each in vectors])
    ours = original.values()
    return float(np.abs((theirs - theirs[0]) - (ours - ours[0])).max())


def values(model: Model, name: str, at: dict[str, float]) -> list[float]:
    """Values of a parameter set, by ROOT's names, or by its own; those that are constant as they start."""
    entry, block = model.sets[name], model.config.param_set(name)
    start: list[Any] = list(block.suggested_init)
    if entry.kind in SCALARS:
        return [at.get(root_name(name, entry.kind), at.get(name, start[0]))]
    places = [(c, i) for c in sorted(entry.holders) for i in range(entry.holders[c][0])]
    return [at.get(bin_name(name, entry.kind, *p), s) for p, s in zip(places, start, strict=True)]


if __name__ == "__main__":
    main()
