"""Our versions of Figs. 2, 3 and 4 of arXiv:2207.05036."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nuhist.files import make_folder
from nuhist.histfactory.build import build
from nuhist.histfactory.patchset import SignalGrid, build_patchset
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.spectrum import fitted_spectrum
from nuhist.physics.hypotheses import FLAVOR_CHOICES
from nuhist.report.figures import save_figure
from nuhist.report.profile_figure import profile_figure
from nuhist.report.profiles import profile_lines
from nuhist.report.spectrum_figure import spectrum_figure

_EXPERIMENT = "lz_ws2022_paper"  # the reading of the paper that gives its minimum chi-square
_ILLUSTRATION = 2.8e-11  # μ_B, the limit of Borexino that the paper draws
_EPA_REACH = {"effective": 2.4, "e": 3.2, "mu": 5.2, "tau": 4.7}  # 1e-13 e0, where Δχ² exceeds 9
_EPA_POINTS = 21


def draw_figures(folder: Path) -> list[Path]:
    """Draw the three figures into a folder, made if need be.

    Returns
    -------
    The files.

    Raises
    ------
    DataError
        If the folder or a file cannot be written, or matplotlib is missing.
    """
    make_folder(folder)
    paths = [
        folder / name for name in ("fig2_spectrum.png", "fig3_magnetic_moment.png", "fig4_millicharge.png")
    ]
    spectrum = build("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37="gaussian")
    save_figure(spectrum_figure(fitted_spectrum(spectrum, coupling=_ILLUSTRATION)), paths[0])
    moments = [
        build(_EXPERIMENT, hypothesis="magnetic-moment", flavor=flavor, constraint="linear")
        for flavor in FLAVOR_CHOICES
    ]
    labels = ["effective", "ν_e", "ν_μ", "ν_τ"]
    save_figure(
        profile_figure(profile_lines(moments, labels), title="after Fig. 3: densities as counts"), paths[1]
    )
    charges: list[Workspace | SignalGrid] = []
    for flavor in FLAVOR_CHOICES:
        reach = 1e-13 * _EPA_REACH[flavor]
        couplings = np.linspace(-reach, reach, _EPA_POINTS).tolist()
        charges.append(
            build_patchset(
                _EXPERIMENT,
                couplings=couplings,
                hypothesis="millicharge-epa",
                flavor=flavor,
                constraint="linear",
            )
        )
    charges.append(build(_EXPERIMENT, hypothesis="millicharge-fea", constraint="linear"))
    labels = ["EPA, effective", "EPA, ν_e", "EPA, ν_μ", "EPA, ν_τ", "FEA, effective"]
    save_figure(
        profile_figure(profile_lines(charges, labels), title="after Fig. 4: densities as counts"), paths[2]
    )
    return paths
