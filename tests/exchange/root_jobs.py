"""Run by the real ROOT, in a process of its own: python root_jobs.py JOBS.json RESULTS.json.

A job has a ``kind``: ``xml`` (the driver ``path``) and ``hs3`` (a JSON file) give -2 ln L at ``points``, each
a dictionary of values by ROOT's name of the parameter; ``histograms`` gives all TH1 of a file. An ``xml`` job
may ask for ROOT's own XML in the folder ``print_xml``, or for RooFit's own HS3 in ``export_hs3``.

Not a test: pytest must be able to import it where there is no ROOT.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET


class HistFactoryXml:
    """A measurement of an XML driver.

    The wheel of ROOT on PyPI was built without XML. There the calls to HistFactory that ROOT's own parser
    makes are made here; elsewhere its parser is used.
    """

    def __init__(self, root: Any) -> None:
        self.factory = root.RooStats.HistFactory

    def measurement(self, driver: Path) -> Any:
        """The first measurement, with its histograms; the working directory is the driver's."""
        if hasattr(self.factory, "ConfigParser"):
            measurement = self.factory.ConfigParser().GetMeasurementsFromXML(driver.name)[0]
            measurement.CollectHistograms()
            return measurement
        combination = ET.parse(driver).getroot()
        entry = combination.find("Measurement")
        assert entry is not None
        measurement = self.factory.Measurement(entry.get("Name"), entry.get("Name"))
        measurement.SetOutputFilePrefix(combination.get("OutputFilePrefix"))
        measurement.SetLumi(float(entry.get("Lumi", "")))
        measurement.SetLumiRelErr(float(entry.get("LumiRelErr", "")))
        measurement.SetPOI(entry.findtext("POI"))
        for setting in entry.iter("ParamSetting"):
            for name in (setting.text or "").split():
                if setting.get("Const") == "True":
                    measurement.AddConstantParam(name)
                if "Val" in setting.attrib:
                    measurement.SetParamValue(name, float(setting.attrib["Val"]))
        for line in combination.iter("Input"):
            measurement.AddChannel(self.channel(ET.parse(line.text or "").getroot()))
        measurement.CollectHistograms()
        return measurement

    def channel(self, root: ET.Element) -> Any:
        """A channel."""
        channel = self.factory.Channel(root.get("Name"))
        data, config = root.find("Data"), root.find("StatErrorConfig")
        assert data is not None
        channel.SetData(*histogram(data))
        if config is not None:
            threshold, kind = float(config.attrib["RelErrorThreshold"]), config.attrib["ConstraintType"]
            channel.SetStatErrorConfig(threshold, kind)
        for entry in root.iter("Sample"):
            sample = self.factory.Sample(entry.get("Name"), *histogram(entry))
            sample.SetNormalizeByTheory(entry.get("NormalizeByTheory") != "False")
            for tag in entry:
                self.add_modifier(sample, tag)
            channel.AddSample(sample)
        return channel

    def add_modifier(self, sample: Any, tag: ET.Element) -> None:
        """Add a modifier to a sample."""
        name = tag.get("Name")
        if tag.tag == "NormFactor":
            sample.AddNormFactor(name, *(float(tag.attrib[key]) for key in ("Val", "Low", "High")))
        elif tag.tag == "OverallSys":
            sample.AddOverallSys(name, float(tag.attrib["Low"]), float(tag.attrib["High"]))
        elif tag.tag == "HistoSys":
            sample.AddHistoSys(name, *histogram(tag, "Low"), *histogram(tag, "High"))
        elif tag.tag == "ShapeSys":
            kind = getattr(self.factory.Constraint, tag.attrib["ConstraintType"])
            sample.AddShapeSys(name, kind, *histogram(tag))
        elif tag.tag == "ShapeFactor":
            sample.AddShapeFactor(name)
        else:
            assert tag.tag == "StatError", tag.tag
            sample.ActivateStatError()


def histogram(tag: ET.Element, side: str = "") -> tuple[str, str, str]:
    """Name, file and path of a histogram."""
    file = tag.attrib[f"HistoFile{side}" if side else "InputFile"]
    return tag.attrib[f"HistoName{side}"], file, tag.attrib[f"HistoPath{side}"]


def run_xml(root: Any, job: dict[str, Any]) -> dict[str, Any]:
    """-2 ln L of HistFactory's model of an XML driver."""
    driver = Path(job["path"])
    os.chdir(driver.parent)  # as for hist2workspace: paths are relative to where ROOT runs
    measurement = HistFactoryXml(root).measurement(driver)
    if "print_xml" in job:
        os.chdir(job["print_xml"])
        measurement.PrintXML("config", "theirs")
    workspace = root.RooStats.HistFactory.HistoToWorkspaceFactoryFast.MakeCombinedModel(measurement)
    if "export_hs3" in job:
        assert root.RooJSONFactoryWSTool(workspace).exportJSON(job["export_hs3"])
    return evaluate(root, workspace, job["points"])


def run_hs3(root: Any, job: dict[str, Any]) -> dict[str, Any]:
    """-2 ln L of RooFit's model of an HS3 file."""
    workspace = root.RooWorkspace("workspace")
    assert root.RooJSONFactoryWSTool(workspace).importJSON(job["path"])
    return evaluate(root, workspace, job["points"])


def evaluate(root: Any, workspace: Any, points: list[dict[str, float]]) -> dict[str, Any]:
    """-2 ln L at all points, and what RooFit makes of parameters and bins."""
    config, data = workspace.obj("ModelConfig"), workspace.data("obsData") or workspace.data("asimovData")
    nll = config.GetPdf().createNLL(data, GlobalObservables=config.GetGlobalObservables())
    parameters = {entry.GetName(): entry for entry in nll.getParameters(root.RooArgSet())}
    described = {
        name: {
            "value": entry.getVal(),
            "bounds": [entry.getMin(), entry.getMax()],
            "constant": bool(entry.isConstant()),
        }
        for name, entry in parameters.items()
    }
    binnings = {
        entry.GetName(): entry.getBinning()
        for entry in config.GetObservables()
        if entry.InheritsFrom("RooRealVar")
    }
    edges = {
        name: [binning.binLow(0), *(binning.binHigh(i) for i in range(binning.numBins()))]
        for name, binning in binnings.items()
        if binning.numBins() > 1 or name.startswith("obs_x")
    }
    values = []
    for point in points:
        for name, value in point.items():
            parameters[name].setVal(value)
            assert parameters[name].getVal() == value, f"{name}: {value} is out of its range"
        values.append(2 * nll.getVal())
    interest = [entry.GetName() for entry in config.GetParametersOfInterest()]
    return {"values": values, "parameters": described, "edges": edges, "poi": interest}


def run_histograms(root: Any, job: dict[str, Any]) -> dict[str, Any]:
    """All one-dimensional histograms of a file, by path."""
    file = root.TFile.Open(job["path"])
    found: dict[str, Any] = {}

    def walk(folder: Any, prefix: str) -> None:
        for key in folder.GetListOfKeys():
            entry = key.ReadObj()
            path = f"{prefix}{key.GetName()}"
            if entry.InheritsFrom("TDirectory"):
                walk(entry, f"{path}/")
            elif entry.InheritsFrom("TH1"):
                bins = range(1, entry.GetNbinsX() + 1)
                axis = entry.GetXaxis()
                found[path] = {
                    "class": entry.ClassName(),
                    "edges": [axis.GetBinLowEdge(i) for i in (*bins, len(bins) + 1)],
                    "contents": [entry.GetBinContent(i) for i in bins],
                    "titles": [entry.GetTitle(), axis.GetTitle(), entry.GetYaxis().GetTitle()],
                }

    walk(file, "")
    return found


def main() -> None:
    """Read the jobs, write the results."""
    jobs, results = (Path(name).resolve() for name in sys.argv[1:])
    root: Any = importlib.import_module("ROOT")
    root.gROOT.SetBatch(True)
    root.RooMsgService.instance().setGlobalKillBelow(root.RooFit.ERROR)
    kinds = {"xml": run_xml, "hs3": run_hs3, "histograms": run_histograms}
    found = [kinds[job["kind"]](root, job) for job in json.loads(jobs.read_text(encoding="utf-8"))]
    results.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
