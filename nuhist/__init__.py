"""nuhist: from neutrino cross sections to HistFactory likelihoods that anyone can fit."""

from __future__ import annotations

from importlib import import_module

from nuhist.__about__ import __version__

TYPE_CHECKING = False  # not from typing, whose import takes a hundredth of a second, in which Ctrl-C is loud
if TYPE_CHECKING:
    from typing import Any

    from nuhist.errors import NuhistError
    from nuhist.exchange.formats import export_to, format_names, import_from
    from nuhist.exchange.hepdata.submission import build_submission
    from nuhist.exchange.hepdata.validation import validate_submission
    from nuhist.experiments.experiment import Experiment
    from nuhist.experiments.loading import bundled_experiments, load_experiment
    from nuhist.experiments.spectrum import spectrum
    from nuhist.histfactory.build import build
    from nuhist.histfactory.combine import combine
    from nuhist.histfactory.describe import describe
    from nuhist.histfactory.loading import load
    from nuhist.histfactory.options import BuildOptions
    from nuhist.histfactory.patchset import SignalGrid, build_patchset
    from nuhist.histfactory.summary import summarise
    from nuhist.histfactory.workspace import Workspace
    from nuhist.inference.coverage import coverage
    from nuhist.inference.execution import Execution
    from nuhist.inference.fit import fit
    from nuhist.inference.model import Model
    from nuhist.inference.pyhf_optimizer import pyhf_optimizer
    from nuhist.inference.ranking import ranking
    from nuhist.inference.results import FitResult, Interval, Scan
    from nuhist.inference.significance import goodness_of_fit, significance
    from nuhist.methods.cls import CLs
    from nuhist.methods.contour import Contour, contour
    from nuhist.methods.exclusion import exclusion
    from nuhist.methods.exclusion_results import Exclusion
    from nuhist.methods.feldman_cousins import FeldmanCousins
    from nuhist.methods.limits import limit, scan
    from nuhist.methods.moment_limits import moments
    from nuhist.methods.profile_likelihood import ProfileLikelihood
    from nuhist.methods.registry import method_names
    from nuhist.methods.result_files import read_result
    from nuhist.methods.scan_results import ExclusionScan
    from nuhist.methods.sensitivity import sensitivity
    from nuhist.methods.sensitivity_results import Sensitivity
    from nuhist.physics.hypotheses import all_hypotheses, get_hypothesis
    from nuhist.physics.sources.registry import get_source, source_names
    from nuhist.physics.targets.registry import get_target, target_names
    from nuhist.report.citations import citations
    from nuhist.report.figure_table import figure_names, plot
    from nuhist.report.page import make_report
    from nuhist.report.rebuild import rebuild
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
    "Contour": "nuhist.methods.contour",
    "Exclusion": "nuhist.methods.exclusion_results",
    "ExclusionScan": "nuhist.methods.scan_results",
    "Experiment": "nuhist.experiments.experiment",
    "FitResult": "nuhist.inference.results",
    "Interval": "nuhist.inference.results",
    "Scan": "nuhist.inference.results",
    "Sensitivity": "nuhist.methods.sensitivity_results",
    "all_hypotheses": "nuhist.physics.hypotheses",
    "build_submission": "nuhist.exchange.hepdata.submission",
    "citations": "nuhist.report.citations",
    "export_to": "nuhist.exchange.formats",
    "figure_names": "nuhist.report.figure_table",
    "format_names": "nuhist.exchange.formats",
    "get_hypothesis": "nuhist.physics.hypotheses",
    "get_source": "nuhist.physics.sources.registry",
    "get_target": "nuhist.physics.targets.registry",
    "import_from": "nuhist.exchange.formats",
    "make_report": "nuhist.report.page",
    "method_names": "nuhist.methods.registry",
    "read_result": "nuhist.methods.result_files",
    "rebuild": "nuhist.report.rebuild",
    "source_names": "nuhist.physics.sources.registry",
    "summarise": "nuhist.histfactory.summary",
    "target_names": "nuhist.physics.targets.registry",
    "validate_submission": "nuhist.exchange.hepdata.validation",
}

# Old public names, with the version that has the new one, and that; the contract says how long they stay.
_RENAMED: dict[str, tuple[str, str]] = {}

__all__ = [
    "BuildOptions",
    "CLs",
    "Contour",
    "Exclusion",
    "ExclusionScan",
    "Execution",
    "Experiment",
    "FeldmanCousins",
    "FitResult",
    "Interval",
    "Model",
    "NuhistError",
    "ProfileLikelihood",
    "Scan",
    "Sensitivity",
    "SignalGrid",
    "Workspace",
    "__version__",
    "all_hypotheses",
    "build",
    "build_patchset",
    "build_submission",
    "bundled_experiments",
    "citations",
    "combine",
    "contour",
    "coverage",
    "describe",
    "exclusion",
    "export_to",
    "figure_names",
    "fit",
    "format_names",
    "get_hypothesis",
    "get_source",
    "get_target",
    "goodness_of_fit",
    "import_from",
    "limit",
    "load",
    "load_experiment",
    "make_report",
    "method_names",
    "moments",
    "plot",
    "pyhf_optimizer",
    "ranking",
    "read_result",
    "rebuild",
    "reproduce",
    "scan",
    "sensitivity",
    "significance",
    "source_names",
    "spectrum",
    "summarise",
    "target_names",
    "validate_submission",
]


if not TYPE_CHECKING:  # a type checker would take any name for a public one

    def __getattr__(name: str) -> Any:
        if name in _RENAMED:
            from nuhist.deprecation import warn_of_old

            since, new = _RENAMED[name]
            warn_of_old(f"nuhist.{name}", f"nuhist.{new}", since)
            name = new
        if name not in _PUBLIC:
            raise AttributeError(f"module 'nuhist' has no attribute '{name}'")
        found = getattr(import_module(_PUBLIC[name]), name)
        if isinstance(found, type):
            return found
        from nuhist.keywords import public

        return public(found)


def __dir__() -> list[str]:
    return __all__
