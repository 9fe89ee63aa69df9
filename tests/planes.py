"""Exclusions made without fits, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import nuhist
from nuhist.histfactory.data_kind import DataKind
from nuhist.methods.contour import Axis, Contour, ContourLevel
from nuhist.methods.exclusion_contours import make_contours
from nuhist.methods.exclusion_results import Exclusion, ExclusionPoint
from nuhist.methods.scan_results import ExclusionScan, ScanPoint
from nuhist.methods.sensitivity_results import Sensitivity, SensitivityPoint

SIGMAS = (-2, -1, 0, 1, 2)


def plane(
    heavy: Sequence[float] = (400, 600, 800, 1000), light: Sequence[float] = (100, 200, 300), failed: int = 0
) -> Exclusion:
    """CLs that rises with the heavy mass, from 1e-4 or so to 0.6."""
    points = []
    for first in heavy:
        for second in light:
            size = (first - 300) / 100 + second / 200
            expected = tuple(float(np.exp(size - 7 + 0.7 * sigma)) for sigma in SIGMAS)
            upper = tuple(float(np.exp(size / 3 - 1.5 + 0.3 * sigma)) for sigma in SIGMAS)
            name = f"m_{first:g}_{second:g}"
            observed = 0.8 * expected[2]
            points.append(
                ExclusionPoint(name, (first, second), observed, expected, 0.9 * upper[2], upper, 0.0)
            )
    for number in range(failed):
        point = points[number]
        none = (None,) * 5
        points[number] = ExclusionPoint(
            point.name, point.values, None, none, None, none, None, failure="does not fit"
        )
    labels = ("heavy", "light")
    chosen = tuple(label for label, side in zip(labels, (heavy, light), strict=True) if len(side) > 1)
    made = make_contours(labels, chosen, points, 0.95)
    return Exclusion(
        labels, "mu", tuple(points), made.labels, made.contours, made.hull, made.interpolation,
        0.95, "cls", "of a test", made.notes, "observed", 64 * "0", 64 * "1", nuhist.__version__,
    )  # fmt: skip


def forecast(*names: str, tested: float | None = 3e-12) -> Sensitivity:
    """Limits that fall with the root of the root of the exposure."""
    points = []
    for name in names or ("darwin",):
        for exposure in (10.0, 100.0, 1000.0):
            upper = tuple(5e-12 * exposure**-0.25 * (1 + 0.2 * sigma) for sigma in SIGMAS)
            found = None if tested is None else exposure**0.5 / 10
            points.append(SensitivityPoint(name, exposure, upper, found, upper, found))
    return Sensitivity(
        "magnetic-moment", "effective", "mu_nu", "mu_B", tested, names or ("darwin",), tuple(points), 0.9,
        "profile", "of a test", 10, 0, (), "asimov", nuhist.__version__,
    )  # fmt: skip


def scan(data: DataKind = "observed") -> ExclusionScan:
    """Limits that rise with the mass, of two experiments."""
    points = []
    for name in ("one", "together"):
        for mass in (1.0, 10.0, 100.0):
            expected = tuple(1e-14 * mass * (3 + sigma) for sigma in SIGMAS)
            points.append(ScanPoint(name, mass, 1e-14 * (1 + mass), expected, None, 0.0))
    return ExclusionScan(
        "light-vector", "effective", "mass", "keV", True, "g2_nu", "1", ("one", "together"), tuple(points),
        0.9, "profile", "of a test", (), data, nuhist.__version__,
    )  # fmt: skip


def circle() -> Contour:
    """A contour in two charges."""
    angles = np.linspace(0, 2 * np.pi, 17)
    line = tuple((float(np.cos(angle)), float(np.sin(angle))) for angle in angles)
    axes = (Axis("q_nue", "q_nue", "e_0"), Axis("q_numu", "q_numu", "e_0"))
    level = ContourLevel(0.9, 4.605, (line,))
    return Contour(
        *axes, (0.0, 0.0), (level,), "of a test", 10.0, (), "observed", 64 * "0", nuhist.__version__
    )
