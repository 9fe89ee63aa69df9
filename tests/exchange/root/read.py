"""Run by the real ROOT: prints what it finds in a ROOT file, as JSON.

Usage: python read.py FILE.root
"""

from __future__ import annotations

import json
import sys

import ROOT

ROOT.gErrorIgnoreLevel = ROOT.kWarning
found = {}
file = ROOT.TFile.Open(sys.argv[1])
for key in file.GetListOfKeys():
    entry = key.ReadObj()
    if not entry.InheritsFrom("TDirectory"):
        found[key.GetName()] = {"class": entry.ClassName(), "text": str(entry.GetString())}
        continue
    for inner in entry.GetListOfKeys():
        histogram = inner.ReadObj()
        bins = range(1, histogram.GetNbinsX() + 1)
        found[f"{entry.GetName()}/{histogram.GetName()}"] = {
            "class": histogram.ClassName(),
            "title": histogram.GetTitle(),
            "axes": [histogram.GetXaxis().GetTitle(), histogram.GetYaxis().GetTitle()],
            "edges": [histogram.GetXaxis().GetBinLowEdge(i) for i in [*bins, len(bins) + 1]],
            "counts": [histogram.GetBinContent(i) for i in bins],
            "outside": [histogram.GetBinContent(0), histogram.GetBinContent(len(bins) + 1)],
            "errors": [histogram.GetBinError(i) for i in bins],
            "mean": histogram.GetMean(),
        }
print(json.dumps(found))
