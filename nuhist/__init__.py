"""nuhist: from neutrino cross sections to HistFactory likelihoods that anyone can fit."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nuhist.__about__ import __version__

if TYPE_CHECKING:
    from nuhist.errors import NuhistError
    from nuhist.experiments.experiment import bundled_experiments, load_experiment
    from nuhist.experiments.spectrum import spectrum
    from nuhist.histfactory.build import build
    from nuhist.histfactory.combine import combine
    from nuhist.histfactory.options import BuildOptions
    from nuhist.histfactory.patchset import SignalGrid, build_patchset, load
    from nuhist.histfactory.workspace import Workspace
    from nuhist.inference.fit import fit
    from nuhist.inference.intervals import limit, scan

_PUBLIC = {
    "BuildOptions": "nuhist.histfactory.options",
    "NuhistError": "nuhist.errors",
    "Workspace": "nuhist.histfactory.workspace",
    "SignalGrid": "nuhist.histfactory.patchset",
    "build": "nuhist.histfactory.build",
    "build_patchset": "nuhist.histfactory.patchset",
    "bundled_experiments": "nuhist.experiments.experiment",
    "combine": "nuhist.histfactory.combine",
    "fit": "nuhist.inference.fit",
    "limit": "nuhist.inference.intervals",
    "load": "nuhist.histfactory.patchset",
    "load_experiment": "nuhist.experiments.experiment",
    "scan": "nuhist.inference.intervals",
    "spectrum": "nuhist.experiments.spectrum",
}

__all__ = [
    "BuildOptions",
    "NuhistError",
    "SignalGrid",
    "Workspace",
    "__version__",
    "build",
    "build_patchset",
    "bundled_experiments",
    "combine",
    "fit",
    "limit",
    "load",
    "load_experiment",
    "scan",
    "spectrum",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'nuhist' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
