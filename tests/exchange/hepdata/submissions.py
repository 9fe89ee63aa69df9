"""Models to share, and how to read a submission without nuhist."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import yaml

from nuhist.histfactory.workspace import digest

# Names that mean something in YAML, HTML, Markdown or a shell; no sidecar, a staterror, counts of
# a million, and a bin with nothing in it.
FOREIGN_CHANNEL = 'SR <b>1</b> & "x: y" #2 | {a}'
FOREIGN: dict[str, Any] = {
    "channels": [
        {
            "name": FOREIGN_CHANNEL,
            "samples": [
                {
                    "name": "sig|nal",
                    "data": [500.0, 300.0, 0.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "- bkg: <i>",
                    "data": [1234000.0, 20.0, 0.0],
                    "modifiers": [
                        {"name": "norm: {a}", "type": "normsys", "data": {"hi": 1.01, "lo": 0.99}},
                        {"name": "stat", "type": "staterror", "data": [1000.0, 2.0, 0.0]},
                    ],
                },
            ],
        }
    ],
    "observations": [{"name": FOREIGN_CHANNEL, "data": [1234567, 0, 0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}
# Two bins with a sidecar, so that fits take no time.
SMALL: dict[str, Any] = {
    "channels": [
        {
            "name": "detector",
            "samples": [
                {
                    "name": "signal",
                    "data": [5.0, 3.0],
                    "modifiers": [
                        {"name": "mu_nu_squared", "type": "normfactor", "data": None},
                        {"name": "flux", "type": "normsys", "data": {"hi": 1.07, "lo": 0.93}},
                    ],
                },
                {
                    "name": "background",
                    "data": [10.0, 20.0],
                    "modifiers": [{"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}],
                },
            ],
        }
    ],
    "observations": [{"name": "detector", "data": [12.0, 22.0]}],
    "measurements": [{"name": "nuhist", "config": {"poi": "mu_nu_squared", "parameters": []}}],
    "version": "1.0.0",
}
SMALL_SIDECAR: dict[str, Any] = {
    "nuhist_version": "0.1.0",
    "workspace_digest": digest(SMALL),
    "hypothesis": "magnetic-moment",
    "flavor": "effective",
    "poi": {
        "name": "mu_nu_squared", "coupling": "mu_nu", "unit": "mu_B", "reference": 1e-11, "power": 2,
        "scale": 1.0, "meaning": "(mu_nu / 1e-11 mu_B)^2",
    },
    "channels": {"detector": {"edges_keV": [1.0, 2.0, 4.0], "samples": {}}},
    "parameters": {"norm": {"meaning": "norm", "unit": "standard deviations"}},
}  # fmt: skip


def write_small(folder: Path, name: str = "small") -> Path:
    """The small workspace and its sidecar as files."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(SMALL), encoding="utf-8")
    (folder / f"{name}.meta.json").write_text(json.dumps(SMALL_SIDECAR), encoding="utf-8")
    return path


def extract(archive: Path, folder: Path) -> Path:
    """An archive's contents in a new folder."""
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            assert "/" not in member.name
            (folder / member.name).write_bytes(content.read())
    return folder


def documents(folder: Path) -> list[dict[str, Any]]:
    """Documents of submission.yaml."""
    return list(yaml.safe_load_all((folder / "submission.yaml").read_text(encoding="utf-8")))


def table(folder: Path, name: str) -> dict[str, Any]:
    """Content of a table by its name."""
    entry = next(document for document in documents(folder) if document.get("name") == name)
    found: dict[str, Any] = yaml.safe_load((folder / entry["data_file"]).read_text(encoding="utf-8"))
    return found


def column(content: dict[str, Any], name: str) -> dict[str, Any]:
    """A variable of a table by its header."""
    variables = [*content["independent_variables"], *content["dependent_variables"]]
    found: dict[str, Any] = next(entry for entry in variables if entry["header"]["name"] == name)
    return found


def numbers(variable: dict[str, Any]) -> list[Any]:
    """Values of a variable."""
    return [entry["value"] for entry in variable["values"]]
