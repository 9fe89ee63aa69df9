"""nuhist: from neutrino cross sections to HistFactory likelihoods that anyone can fit."""

from __future__ import annotations

from importlib import import_module

from nuhist.__about__ import __version__

TYPE_CHECKING = False  # not from typing, whose import takes a hundredth of a second, in which Ctrl-C is loud
if TYPE_CHECKING:
    from typing import Any

    from nuhist.errors import NuhistError
    from nuhist.experiments.loading import bundled_experiments, load_experiment
    from nuhist.experiments.spectrum import spectrum
    from nuhist.histfactory.build import build
    from nuhist.histfactory.combine import combine
    from nuhist.histfactory.describe import describe
    from nuhist.histfactory.loading import load
    from nuhist.histfactory.options import BuildOptions
    from nuhist.histfactory.patchset import SignalGrid, build_patchset
    from nuhist.histfactory.workspace import Workspace
    from nuhist.inference.coverage import coverage
    from nuhist.inference.execution import Execution
    from nuhist.inference.fit import fit
    from nuhist.inference.model import Model
    from nuhist.inference.pyhf_optimizer import pyhf_optimizer
    from nuhist.inference.ranking import ranking
    from nuhist.inference.significance import goodness_of_fit, significance
    from nuhist.methods.cls import CLs
    from nuhist.methods.contour import contour
    from nuhist.methods.exclusion import exclusion
    from nuhist.methods.feldman_cousins import FeldmanCousins
    from nuhist.methods.limits import limit, scan
    from nuhist.methods.moment_limits import moments
    from nuhist.methods.profile_likelihood import ProfileLikelihood
    from nuhist.methods.sensitivity import sensitivity
    from nuhist.report.figure_table import plot
    from nuhist.report.reproduce import reproduce

_PUBLIC = {
    "BuildOptions": "nuhist.histfactory.options",
    "CLs": "nuhist.methods.cls",
    "FeldmanCousins": "nuhist.methods.feldman_cousins",
    "Model": "nuhist.inference.model",
    "NuhistError": "nuhist.errors",
    "ProfileLikelihood": "nuhist.methods.profile_likelihood",
    "Workspace": "nuhist.histfactory.workspace",
    "SignalGrid": "nuhist.histfactory.patchset",
    "build": "nuhist.histfactory.build",
    "build_patchset": "nuhist.histfactory.patchset",
    "bundled_experiments": "nuhist.experiments.loading",
    "combine": "nuhist.histfactory.combine",
    "contour": "nuhist.methods.contour",
    "describe": "nuhist.histfactory.describe",
    "exclusion": "nuhist.methods.exclusion",
    "fit": "nuhist.inference.fit",
    "limit": "nuhist.methods.limits",
    "load": "nuhist.histfactory.loading",
    "load_experiment": "nuhist.experiments.loading",
    "moments": "nuhist.methods.moment_limits",
    "plot": "nuhist.report.figure_table",
    "pyhf_optimizer": "nuhist.inference.pyhf_optimizer",
    "reproduce": "nuhist.report.reproduce",
    "scan": "nuhist.methods.limits",
    "sensitivity": "nuhist.methods.sensitivity",
    "significance": "nuhist.inference.significance",
    "goodness_of_fit": "nuhist.inference.significance",
    "ranking": "nuhist.inference.ranking",
    "coverage": "nuhist.inference.coverage",
    "Execution": "nuhist.inference.execution",
    "spectrum": "nuhist.experiments.spectrum",
}

__all__ = [
    "BuildOptions",
    "CLs",
    "Execution",
    "FeldmanCousins",
    "Model",
    "NuhistError",
    "ProfileLikelihood",
    "SignalGrid",
    "Workspace",
    "__version__",
    "build",
    "build_patchset",
    "bundled_experiments",
    "combine",
    "contour",
    "coverage",
    "describe",
    "exclusion",
    "fit",
    "goodness_of_fit",
    "limit",
    "load",
    "load_experiment",
    "moments",
    "plot",
    "pyhf_optimizer",
    "ranking",
    "reproduce",
    "scan",
    "sensitivity",
    "significance",
    "spectrum",
]


if not TYPE_CHECKING:  # a type checker would take any name for a public one

    def __getattr__(name: str) -> Any:
        if name not in _PUBLIC:
            raise AttributeError(f"module 'nuhist' has no attribute '{name}'")
        found = getattr(import_module(_PUBLIC[name]), name)
        if isinstance(found, type):
            return found
        from nuhist.keywords import public

        return public(found)


def __dir__() -> list[str]:
    return __all__
