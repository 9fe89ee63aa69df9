"""Where the numbers of a report come from, how to redo them, and the files themselves."""

from __future__ import annotations

import base64
import platform
import re
from dataclasses import dataclass
from importlib.metadata import version

from nuhist.__about__ import __version__
from nuhist.characters import shell_word
from nuhist.files import to_json
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.record import BACKGROUND_FILE, PATCHSET_FILE
from nuhist.report.page_study import Study

_PACKAGES = ("pyhf", "numpy", "scipy", "iminuit", "matplotlib", "jinja2")
_PIPED = "workspace.json"  # what came through a pipe has no name


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the page carries: its name, what it is, its size in bytes, and a ``data:`` address."""

    name: str
    what: str
    size: int
    address: str


def versions() -> tuple[tuple[str, str], ...]:
    """Programs that made the numbers, with their versions."""
    packages = ((name, version(name)) for name in _PACKAGES)
    return (("nuhist", __version__), *packages, ("Python", platform.python_version()))


def file_name(study: Study) -> str:
    """File or folder of a model, without what no file should be called."""
    return _plain(study.path.name) if _has_file(study) else _PIPED


def _plain(name: str) -> str:
    return re.sub(r"[^\w.+-]", "_", name)


def _has_file(study: Study) -> bool:
    """Whether the model came from a file or a folder, not through a pipe or from Python."""
    return bool(study.path.suffix) or (isinstance(study.model, SignalGrid) and bool(study.path.name))


def commands(study: Study) -> tuple[str, ...]:
    """Commands that redo each result, in the order of the page."""
    where = shell_word(str(study.path) if _has_file(study) else file_name(study))
    wanted: list[str] = []
    for interval in study.intervals:
        method = "" if interval.method == "profile" else f" --method {interval.method}"
        wanted.append(f"limit {where}{method} --cl {interval.confidence_level:g} --expected")
    if study.significance is not None:
        wanted.append(f"significance {where}")
    wanted += [
        f"plot spectrum {where} --channel {shell_word(entry.channel)} -o spectrum-{_plain(entry.channel)}.png"
        for entry in study.spectra
    ]
    if study.fit is not None and not isinstance(study.model, SignalGrid):
        wanted.append(f"fit {where}")
    if study.goodness is not None:
        toys = f" --ntoys {study.goodness.toys} --seed {study.goodness.seed}" if study.goodness.toys else ""
        wanted.append(f"gof {where}{toys}")
    if study.scan is not None:
        wanted.append(f"scan {where}")
    if study.ranking is not None:
        wanted.append(f"ranking {where}")
    if study.pulls is not None:
        wanted.append(f"plot pulls {where} -o pulls.png")
    return tuple(f"nuhist {entry}" for entry in wanted)


def downloads(study: Study) -> tuple[Download, ...]:
    """The workspace, its sidecar and the results, as files that the page carries."""
    workspace, name = study.workspace, file_name(study)
    sidecar = None if workspace.sidecar is None else to_json(workspace.sidecar)
    if isinstance(study.model, SignalGrid):
        files = [
            (BACKGROUND_FILE, "workspace without the coupling", workspace.to_json()),
            (PATCHSET_FILE, "signal points, a pyhf PatchSet", to_json(study.model.document)),
        ]
        beside, results = f"{BACKGROUND_FILE.removesuffix('.json')}.meta.json", f"{name}.results.json"
    else:
        files = [(name, "workspace, HistFactory JSON", workspace.to_json())]
        beside = f"{name.removesuffix('.json')}.meta.json"
        results = f"{name.removesuffix('.json')}.results.json"
    if sidecar is not None:
        files.append((beside, "its sidecar: energies, meanings, sources", sidecar))
    files.append((results, "all results on this page", to_json(study.to_json())))
    return tuple(download(*entry) for entry in files)


def download(name: str, what: str, text: str) -> Download:
    """A file of JSON that the page carries."""
    data = text.encode()
    address = f"data:application/json;base64,{base64.b64encode(data).decode()}"
    return Download(name, what, len(data), address)
