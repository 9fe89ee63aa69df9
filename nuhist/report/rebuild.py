"""Workspaces of all cases: LZ in every treatment, other experiments, and joint ones; ROOT templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import NuhistError
from nuhist.exchange.root.read import import_root
from nuhist.exchange.root.write import save_root
from nuhist.experiments.experiment import ARGON_CHOICES, Argon
from nuhist.experiments.loading import load_experiment
from nuhist.files import make_folder, to_json, write_atomically
from nuhist.histfactory.build import build
from nuhist.histfactory.patchset import SignalGrid, build_patchset
from nuhist.histfactory.workspace import Workspace, load_workspace
from nuhist.inference.processes import shared_out
from nuhist.inference.profile import threshold
from nuhist.inputs import inputs_kept
from nuhist.methods.limits import limit
from nuhist.physics.hypotheses import FLAVOR_CHOICES, Dependence, FlavorChoice, get_hypothesis

INDEX = "index.json"
_EXPERIMENT = "lz_ws2022"
_JOINT = ("lz_ws2022", "lz_ws2024", "xenonnt_sr0")
_MORE: dict[str, tuple[str, ...]] = {
    "lz_ws2024": ("lz_ws2024",),
    "xenonnt_sr0": ("xenonnt_sr0",),
    "pandax4t_run1": ("pandax4t_run1",),
    "joint_lz_xenonnt": _JOINT,
    "joint_lz_xenonnt_pandax4t": (*_JOINT, "pandax4t_run1"),
}
_BACKGROUNDS = ("components", "paper")
_HYPOTHESES = ("magnetic-moment", "millicharge-fea", "millicharge-epa-only", "millicharge-epa")
_GRID_POINTS = 17
_GRID_REACH = {
    "effective": 3.4,
    "e": 4.6,
    "mu": 7.2,
    "tau": 6.6,
}  # 1e-13 e0: half as much again as the limits


@dataclass(frozen=True)
class Entry:
    """One workspace, or one folder with a PatchSet."""

    path: str
    experiments: tuple[str, ...]
    hypothesis: str
    flavor: FlavorChoice
    background: str | None
    ar37: Argon | None

    @property
    def is_grid(self) -> bool:
        """Whether it is a folder with a PatchSet."""
        return get_hypothesis(self.hypothesis).dependence is Dependence.GENERAL

    def build(self) -> Workspace | SignalGrid:
        """Build it."""
        choices: dict[str, Any] = {"background": self.background, "ar37": self.ar37}
        choices |= {"hypothesis": self.hypothesis, "flavor": self.flavor, "command": self.command}
        if self.is_grid:
            reach = float(f"{_GRID_REACH[self.flavor]}e-13")
            couplings = np.linspace(-reach, reach, _GRID_POINTS).tolist()
            return build_patchset(*self.experiments, couplings=couplings, **choices)
        return build(*self.experiments, **choices)

    @property
    def has_templates(self) -> bool:
        """Whether it is written as ROOT templates too: one experiment, in its default treatment."""
        if self.is_grid or len(self.experiments) > 1:
            return False
        treatment = load_experiment(self.experiments[0]).treatment(None)
        return self.background in (None, treatment.name) and self.ar37 in (None, treatment.argon37)

    @property
    def command(self) -> str:
        """The command that makes it."""
        words = [*self.experiments, f"--hypothesis {self.hypothesis}", f"--flavor {self.flavor}"]
        words += [f"--background {self.background}"] if self.background else []
        words += [f"--ar37 {self.ar37}"] if self.ar37 else []
        reach = _GRID_REACH[self.flavor]
        if self.is_grid:
            words.append(f"--grid=-{reach}e-13:{reach}e-13:{_GRID_POINTS}")
        return f"nuhist {'patchset' if self.is_grid else 'build'} {' '.join(words)} -o {self.path}"


def entries() -> Iterator[Entry]:
    """All that is made, in a fixed order: LZ in every treatment, the others, and all together."""
    for background in _BACKGROUNDS:
        for hypothesis in _HYPOTHESES:
            for flavor in FLAVOR_CHOICES:
                for ar37 in ARGON_CHOICES:
                    name = f"{_EXPERIMENT}_{background}_{hypothesis}_{flavor}_ar37-{ar37}"
                    yield _entry(name, (_EXPERIMENT,), hypothesis, flavor, background, ar37)
    for name, experiments in _MORE.items():
        for hypothesis in _HYPOTHESES:
            yield _entry(f"{name}_{hypothesis}_effective", experiments, hypothesis, "effective", None, None)


def _entry(
    name: str,
    experiments: tuple[str, ...],
    hypothesis: str,
    flavor: FlavorChoice,
    background: str | None,
    ar37: Argon | None,
) -> Entry:
    general = get_hypothesis(hypothesis).dependence is Dependence.GENERAL
    path = name if general else f"{name}.json"
    return Entry(path, experiments, hypothesis, flavor, background, ar37)


def rebuild(folder: Path, *, limits: bool = True, jobs: int = 1) -> Path:
    """Write workspaces of the bundled experiments, in each treatment and together, and an index.

    Parameters
    ----------
    folder
        Folder to write to, made if need be.
    limits
        Whether the index gets the expected results: interval at 90 % C.L., best fit and min_chi2,
        from the observed data, by the profile likelihood.
    jobs
        Processes to share the work.

    Returns
    -------
    The index's path.

    Raises
    ------
    DataError
        If the folder cannot be made or written to.
    """
    make_folder(folder)
    work = [(entry, folder, limits) for entry in entries()]
    written = list(map(_write, work) if jobs < 2 else shared_out(_write, work, jobs))
    index = {
        "nuhist_version": __version__,
        "command": "nuhist rebuild",
        "method": "profile likelihood, 90 % C.L.",
        "delta_chi2": threshold(0.90),
        "workspaces": written,
    }
    write_atomically(folder / INDEX, to_json(index))
    return folder / INDEX


def _write(work: tuple[Entry, Path, bool]) -> dict[str, Any]:
    entry, folder, limits = work
    model = entry.build()
    model.save(folder / entry.path)
    described: dict[str, Any] = {**asdict(entry), "command": entry.command, "digest": model.digest}
    if limits:
        interval = limit(model)
        described["expected_result"] = {
            "unit": interval.unit,
            "lower": _rounded(interval.lower),
            "upper": _rounded(interval.upper),
            "min_chi2": round(interval.min_chi2, 3),
        }
    return described


def _rounded(value: float | None) -> float | None:
    """Four digits: what a fit gives on every machine."""
    return None if value is None else json.loads(f"{value:.4g}")


def rebuild_templates(workspaces: Path, folder: Path) -> list[Path]:
    """Write the ROOT templates of those workspaces that are an experiment's default treatment.

    Parameters
    ----------
    workspaces
        Folder that :func:`rebuild` wrote.
    folder
        Made if need be.

    Returns
    -------
    Paths of all ROOT files. One whose content would be the same is left as it is: a ROOT file holds
    the time of its making, so that no two are alike.

    Raises
    ------
    DataError
        If a workspace cannot be read, or a file cannot be written.
    """
    make_folder(folder)
    paths = []
    for entry in entries():
        if entry.has_templates:
            path = (folder / entry.path).with_suffix(".root")
            workspace = load_workspace(workspaces / entry.path)
            if not _holds(path, workspace):
                save_root(workspace, path)
            paths.append(path)
    return paths


def _holds(path: Path, workspace: Workspace) -> bool:
    """Whether a ROOT file holds a workspace already."""
    try:
        with inputs_kept():  # it is looked at, to be replaced
            found = import_root(path)
    except NuhistError:
        return False
    return found.digest == workspace.digest and found.sidecar == workspace.sidecar
