"""A contour in two couplings against a brute-force grid of pyhf's fits: (q_nue, q_numu) of LZ and XENONnT.

python benchmarks/contour.py [--side 25] [EXPERIMENT...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyhf
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

import nuhist

Array = NDArray[np.float64]
NAMES, LEVEL, MARGIN = ("q_nue_scaled", "q_numu_scaled"), 0.9, 0.1


def apart(points: Array, line: Array) -> float:
    """How far the furthest of some points lies from a line."""
    steps = np.diff(line, axis=0)
    found = []
    for point in points:
        share = np.clip(np.sum((point - line[:-1]) * steps, axis=1) / np.sum(steps**2, axis=1), 0, 1)
        found.append(np.min(np.hypot(*(line[:-1] + share[:, None] * steps - point).T)))
    return float(max(found))


def main(experiments: Sequence[str], side: int) -> None:
    """Print how far the two contours are apart, in units of the half axes, and how long each took."""
    workspace = nuhist.build(*experiments, hypothesis=["millicharge-fea"] * 2, flavor=["e", "mu"])
    model = nuhist.Model(workspace)
    started = time.process_time()
    found = model.contour(*NAMES, levels=[LEVEL])
    ours = time.process_time() - started
    (line,) = (np.array(points) for points in found.levels[0].lines)

    reference = pyhf.Workspace(workspace.spec).model()
    data = pyhf.Workspace(workspace.spec).data(reference)
    bounds = reference.config.suggested_bounds()
    names = reference.config.par_names
    held = [names.index(name) for name in NAMES]
    axes = np.ptp(line, axis=0) / 2
    margin = 2 * MARGIN * axes
    sides = [
        np.linspace(low - more, high + more, side) / each
        for low, high, more, each in zip(
            line.min(axis=0), line.max(axis=0), margin, scales(model), strict=True
        )
    ]
    start = np.array(model.best.parameters)
    order = [model.likelihood.names.index(name) for name in names]
    start = start[order]
    started = time.process_time()
    surface = np.empty((side, side))
    for row, y in enumerate(sides[1]):
        for column, x in enumerate(sides[0]):
            point = start.copy()
            point[held] = x, y
            fixed = [name in NAMES for name in names]
            _, value = pyhf.infer.mle.fit(
                data, reference, point.tolist(), bounds, fixed, return_fitted_val=True
            )
            surface[row, column] = value
    theirs = time.process_time() - started
    free = pyhf.infer.mle.fit(data, reference, start.tolist(), bounds, return_fitted_val=True)
    lowest = min(float(free[1]), -2 * float(reference.logpdf(start, data)[0]), float(surface.min()))
    fine = [np.linspace(each[0], each[-1], 401) for each in sides]
    smooth = RectBivariateSpline(sides[1], sides[0], surface - lowest)(fine[1], fine[0])
    threshold = -2 * np.log1p(-LEVEL)
    generator: Any = contour_generator(x=fine[0], y=fine[1], z=smooth)
    (brute,) = generator.lines(threshold)
    units = scales(model)
    distance = max(apart(brute * units / axes, line / axes), apart(line / axes, brute * units / axes))
    print(f"{' + '.join(experiments)}: {', '.join(NAMES)} at {LEVEL:.0%}; {len(names)} parameters")
    print(f"half axes {axes[0]:.4g} and {axes[1]:.4g} e_0")
    print(f"largest distance of the lines: {100 * distance:.3f} % of the half axes")
    print(f"nuhist {ours:.1f} s, pyhf {theirs:.0f} s of CPU for {side} x {side} fits")


def scales(model: nuhist.Model) -> Array:
    """The coupling where its parameter is 1, of both."""
    from nuhist.histfactory.interest import coupling_scale

    return np.array([coupling_scale(model.workspace, name).to_coupling(1.0) for name in NAMES])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", nargs="*", default=["lz_ws2022", "xenonnt_sr0"])
    parser.add_argument("--side", type=int, default=25)
    given = parser.parse_args()
    main(given.experiments, given.side)
