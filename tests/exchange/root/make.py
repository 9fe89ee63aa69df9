"""Run by the real ROOT: writes ``foreign.root`` as somebody without nuhist would (ROOT 6.40).

Usage: python make.py. Contents are in powers of two and small integers, exact in a TH1F too.
"""

from __future__ import annotations

from array import array

import ROOT

EDGES = array("d", [0.5, 1.0, 2.0, 4.0, 8.0])

file = ROOT.TFile("foreign.root", "RECREATE")
folder = file.mkdir("detector")
folder.cd()


def write(kind: type, name: str, counts: list[float], *, errors: list[float] | None = None) -> None:
    """One histogram; the first and the last count are under- and overflow."""
    histogram = kind(name, f"title of {name};E [keV];events", len(EDGES) - 1, EDGES)
    if errors is not None:
        histogram.Sumw2()
    for index, count in enumerate(counts):
        histogram.SetBinContent(index, count)
    for index, error in enumerate(errors or ()):
        histogram.SetBinError(index, error)
    histogram.Write()


write(ROOT.TH1D, "data", [1, 12, 9, 4, 2, 0])
write(ROOT.TH1F, "beta", [0, 8, 8, 4, 2, 0.5], errors=[0, 2, 1, 0.5, 0.25, 0])
write(ROOT.TH1F, "beta_norm_Up", [0, 10, 10, 5, 2.5, 0])
write(ROOT.TH1F, "beta_norm_Down", [0, 6, 6, 3, 1.5, 0])
write(ROOT.TH1F, "beta_shape_Up", [0, 9, 8, 4, 1, 0])
write(ROOT.TH1F, "beta_shape_Down", [0, 7, 8, 4, 3, 0])
write(ROOT.TH1D, "moment", [0, 4, 2, 1, 0, 0])
write(ROOT.TH1D, "moment_norm_Up", [0, 5, 2.5, 1.25, 0, 0])
write(ROOT.TH1D, "moment_norm_Down", [0, 3, 1.5, 0.75, 0, 0])
ROOT.TH2D("map", "not a template", 2, 0, 1, 2, 0, 1).Write()
file.Close()
