"""One point of an exclusion: a patched workspace, its CLs at a strength of 1 and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nuhist.errors import FitError, NuhistError
from nuhist.histfactory.patches import Patch, apply_patch
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.cls import SIGMAS, asymptotic_cls, limits_of
from nuhist.inference.model import Model
from nuhist.inference.notes import interval_notes
from nuhist.methods.exclusion_results import BANDS, NOTHING

STRENGTH = 1.0  # of the signal as the patch has it


@dataclass(frozen=True)
class Plane:
    """What all points share.

    Attributes
    ----------
    background
        The workspace that is patched.
    choices
        Keywords of :class:`nuhist.Model`.
    confidence_level
        Confidence level of the limits.
    test_stat
        See :class:`nuhist.CLs`.
    toys
        The command for the same limit with toys; ``NAME`` in it stands for the point's name.
    """

    background: Workspace
    choices: Mapping[str, Any]
    confidence_level: float
    test_stat: Any
    toys: str


@dataclass(frozen=True)
class PointTask:
    """A point to compute."""

    name: str
    operations: tuple[Mapping[str, Any], ...]

    @property
    def size(self) -> int:
        """One point."""
        return 1


def compute_point(plane: Plane, task: PointTask) -> dict[str, Any]:
    """Fields of :class:`nuhist.methods.exclusion_results.ExclusionPoint` but its name and values, as JSON.

    A point that fails says why.
    """
    try:
        return _computed(plane, task)
    except NuhistError as error:
        return {
            **dict.fromkeys(("cls_observed", "upper_observed", "best_fit")),
            "cls_expected": list(NOTHING),
            "upper_expected": list(NOTHING),
            "notes": [],
            "failure": str(error),
        }


def _computed(plane: Plane, task: PointTask) -> dict[str, Any]:
    patched = apply_patch(plane.background, Patch(task.name, task.operations, {}))
    model = Model(patched, **plane.choices)
    profile = model.profile
    low, high = profile.bounds
    if not low <= STRENGTH <= high:
        raise FitError(
            f"{model.origin}: a strength of {STRENGTH:g} is outside the bounds of {profile.coupling.name},"
            f" {low:g} to {high:g}; give it others with bounds=..."
        )
    curve = asymptotic_cls(profile, plane.test_stat)
    found = limits_of(curve, plane.confidence_level, expected=True)
    curve.prepare([STRENGTH])
    bands = found.bands or {}
    return {
        "cls_observed": curve.observed(STRENGTH),
        "cls_expected": [curve.expected(STRENGTH, sigma) for sigma in SIGMAS],
        "upper_observed": found.upper,
        "upper_expected": [bands.get(band) for band in BANDS],
        "best_fit": profile.best,
        "notes": [*found.notes, *interval_notes(profile, found.upper, plane.toys, cls=True), *model.notes],
        "failure": None,
    }
