"""The real ROOT reads what nuhist writes, and has pyhf's likelihood.

ROOT runs in a process of its own (root_jobs.py): importing it warns, and takes over signals. Its Python is
NUHIST_ROOT_PYTHON, else the one of the tests where ``pip install --pre root`` was done; else these tests are
skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.special import log_ndtr

from nuhist import Workspace, build
from nuhist.errors import ExchangeError
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.hs3.write import export_hs3
from nuhist.exchange.root.write import save_root
from nuhist.exchange.xml.read import import_xml
from nuhist.exchange.xml.write import export_xml
from nuhist.histfactory.parameter_sets import each_modifier
from nuhist.histfactory.workspace import load_workspace
from nuhist.tables import Array

FOLDER = Path(__file__).parent
PYTHON = os.environ.get("NUHIST_ROOT_PYTHON") or (sys.executable if find_spec("ROOT") else None)

pytestmark = pytest.mark.skipif(
    PYTHON is None,
    reason="no ROOT here: pip install --pre root, or set NUHIST_ROOT_PYTHON to a Python that has it",
)

POINTS = 100
# Two programs that add some hundred terms of order 10² agree to 1e-12. What a limit resolves is 1e-6.
TOLERANCE = 1e-8
# RooFit normalises the constraint of a parameter over -10 to 10 for its global observable, not over all
# numbers: at 3 standard deviations that is 1e-12 of 2NLL, at 5 it would be 6e-7.
REACH = 3.0

MODELS: dict[str, dict[str, Any]] = {
    "moment": {"hypothesis": "magnetic-moment"},
    "moment_linear": {"hypothesis": "magnetic-moment", "background": "paper", "constraint": "linear"},
    "charge": {"hypothesis": "millicharge-fea"},
    "charge_paper": {"hypothesis": "millicharge-fea", "background": "paper", "flavor": "e"},
    "argon_flat": {"hypothesis": "magnetic-moment", "background": "paper", "ar37": "flat"},
    "argon_gaussian": {"hypothesis": "magnetic-moment", "background": "paper", "ar37": "gaussian"},
}
INTEREST = {"charge": "q_nu_scaled", "charge_paper": "q_nue_scaled"}  # the others: mu_nu_squared


def _normsys(name: str) -> dict[str, Any]:
    return {"name": name, "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}


def _small(*modifiers: list[dict[str, Any]], parameters: list[dict[str, Any]]) -> Workspace:
    """A signal and two backgrounds with these modifiers, in four bins."""
    signal = [{"name": "mu", "type": "normfactor", "data": None}]
    samples = [
        {"name": name, "data": [counts, counts, 0.6 * counts, counts], "modifiers": found}
        for name, counts, found in zip(
            ("s", "b", "b2"), (5.0, 50.0, 50.0), (signal + modifiers[0], *modifiers[1:]), strict=True
        )
    ]
    return Workspace(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": [102.0, 104.0, 62.0, 108.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}],
            "version": "1.0.0",
        }
    )


def _zero() -> Workspace:
    """Statistical errors of 0: on one sample only, on the other only, on both."""
    errors = [{"name": "st", "type": "staterror", "data": data} for data in ([0.0, 2, 1, 0], [2.0, 2, 0, 0])]
    return _small([], [errors[0]], [errors[1]], parameters=[])


def _names() -> Workspace:
    """Names of which ROOT makes alpha_x and alpha_alpha_x, and a luminosity."""
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    block = {"name": "lumi", "auxdata": [1.25], "sigmas": [0.05], "inits": [1.25], "bounds": [[1.0, 1.5]]}
    found = [[_normsys("x"), lumi], [_normsys("alpha_x"), lumi], [_normsys("x"), _normsys("y"), lumi]]
    return _small(*found, parameters=[block])


def _published(*, fixed: bool) -> Workspace:
    """As ATLAS publishes: a lumi on some samples only, a name with +, and a sample that falls below zero."""
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "inits": [1.0], "bounds": [[0.75, 1.25]]}
    shape = {"hi_data": [52.0, 55.0, 30.0, 20.0], "lo_data": [48.0, 45.0, 30.0, 98.0]}
    errors = {"name": "st", "type": "staterror", "data": [25.0, 2, 1, 3]}
    histosys = {"name": "tilt+up", "type": "histosys", "data": shape}
    found = [[lumi], [histosys, _normsys("x")], [lumi, _normsys("x"), errors]]
    made = _small(*found, parameters=[{**block, "fixed": True} if fixed else block])
    made.spec["channels"][0]["samples"][1]["name"] = "WZ+b"
    if not fixed:  # of HS3, whose names are letters, digits and underscores
        histosys["name"] = "tilt"
    return made


def workspace(name: str) -> Workspace:
    if name in ("zero", "names"):
        return _zero() if name == "zero" else _names()
    if name.startswith("published"):
        return _published(fixed=name.endswith("fixed"))
    if name == "joint":  # two channels that share fluxes and the coupling
        return build("lz_ws2022", "xenonnt_sr0", hypothesis="magnetic-moment")
    if name == "foreign":  # all types of modifiers
        return load_workspace(FOLDER / "foreign_workspace.json")
    return build("lz_ws2022", **MODELS[name])


class Model:
    """pyhf's likelihood of a workspace, and random points."""

    def __init__(self, built: Workspace, clip: float | None = None) -> None:
        found = pyhf.Workspace(dict(built.spec))
        self.model = found.model(
            modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}},
            clip_sample_data=clip,
        )
        self.data = found.data(self.model)
        config = self.model.config
        bounds = np.array(config.suggested_bounds())
        per_bin = np.array([name.endswith("]") for name in config.par_names])
        low = np.where(per_bin, 0.95, np.maximum(bounds[:, 0], -REACH))
        high = np.where(per_bin, 1.05, np.minimum(bounds[:, 1], REACH))
        fixed = np.array(config.suggested_fixed())  # bins without a statistical error
        low[fixed] = high[fixed] = 1.0
        # Of a luminosity, whose bounds are five standard deviations.
        if "lumi" in config.par_names:
            index = config.par_names.index("lumi")
            (centre,) = config.param_set("lumi").auxdata
            low[index], high[index] = (1.0, 1.0) if fixed[index] else (0.88 * centre, 1.12 * centre)
        self.points = np.random.default_rng(20261123).uniform(low, high, (POINTS, len(low)))

    def values(self) -> Array:
        return np.array([-2 * self.model.logpdf(point, self.data)[0] for point in self.points])

    def named(self, rename: Callable[[str], str]) -> list[dict[str, float]]:
        names = [rename(name) for name in self.model.config.par_names]
        return [dict(zip(names, map(float, point), strict=True)) for point in self.points]

    def root_name(self, name: str) -> str:
        """ROOT's name of a parameter, by pyhf's own table where that is right."""
        if not name.endswith("]"):
            return str(pyhf.compat.paramset_to_rootnames(self.model.config.param_set(name)))
        stem, index = name.removesuffix("]").split("[")
        channel = {"mc_one": "stat_one", "st": "stat_c"}.get(stem, stem)
        return f"gamma_{channel}_bin_{index}"

    def hs3_name(self, name: str) -> str:
        """RooFit's name of a parameter where it reads HS3: ours, but in bins."""
        return self.root_name(name) if name.endswith("]") else name


@cache
def model(name: str) -> Model:
    return Model(workspace(name))


@cache
def clipped(name: str) -> Model:
    """The same with samples that are nowhere below zero, as in ROOT."""
    return Model(workspace(name), clip=0.0)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ROOT makes of everything, from one process of it; and the folder, as ``folder``."""
    folder = tmp_path_factory.mktemp("root")
    jobs: dict[str, dict[str, Any]] = {}
    for name in (*MODELS, "joint", "foreign"):
        export_xml(workspace(name), folder / name)
        driver = str(folder / name / "combination.xml")
        points = model(name).named(model(name).root_name)
        jobs[f"xml {name}"] = {"kind": "xml", "path": driver, "points": points}
        export_hs3(workspace(name), folder / f"{name}.hs3.json")
        path, same = str(folder / f"{name}.hs3.json"), model(name).named(model(name).hs3_name)
        jobs[f"hs3 {name}"] = {"kind": "hs3", "path": path, "points": same}
    export_hs3(workspace("zero"), folder / "zero.hs3.json")
    points = model("zero").named(model("zero").root_name)
    jobs["hs3 zero"] = {"kind": "hs3", "path": str(folder / "zero.hs3.json"), "points": points}
    export_xml(workspace("names"), folder / "names")
    jobs["xml names"] = {
        "kind": "xml",
        "path": str(folder / "names" / "combination.xml"),
        "points": model("names").named(model("names").root_name),
        "export_hs3": str(folder / "names.hs3.json"),
    }
    export_hs3(workspace("published"), folder / "published.hs3.json")
    jobs["hs3 published"] = {
        "kind": "hs3",
        "path": str(folder / "published.hs3.json"),
        "points": model("published").named(model("published").hs3_name),
    }
    export_xml(workspace("published fixed"), folder / "published")
    jobs["xml published fixed"] = {
        "kind": "xml",
        "path": str(folder / "published" / "combination.xml"),
        "points": model("published fixed").named(model("published fixed").root_name),
    }
    jobs["xml foreign"]["print_xml"] = str(folder / "foreign")
    jobs["xml joint"]["export_hs3"] = str(folder / "roofit.json")
    jobs["xml foreign"]["export_hs3"] = str(folder / "roofit_foreign.json")
    for name in ("moment", "joint"):
        save_root(workspace(name), folder / f"{name}.root")
        path = str(folder / f"{name}.root")
        jobs[f"histograms {name}"] = {"kind": "histograms", "path": path}
    (folder / "jobs.json").write_text(json.dumps(list(jobs.values())), encoding="utf-8")
    done = subprocess.run(
        [str(PYTHON), FOLDER / "root_jobs.py", folder / "jobs.json", folder / "results.json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return {"folder": folder, **dict(zip(jobs, found, strict=True))}


def assert_same_likelihood(values: list[float], expected: Array) -> None:
    assert np.ptp(expected) > 10  # the points are far apart
    np.testing.assert_allclose(np.array(values) - values[0], expected - expected[0], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", [*MODELS, "joint", "foreign", "names"])
def test_histfactory_has_the_likelihood_of_pyhf(results: dict[str, Any], name: str) -> None:
    assert_same_likelihood(results[f"xml {name}"]["values"], clipped(name).values())


@pytest.mark.parametrize("name", [*MODELS, "joint", "foreign", "zero"])
def test_roofit_reads_hs3_and_has_the_likelihood_of_pyhf(results: dict[str, Any], name: str) -> None:
    assert_same_likelihood(results[f"hs3 {name}"]["values"], clipped(name).values())


@pytest.mark.parametrize("name", ["hs3 published", "xml published fixed"])
def test_root_has_a_published_likelihood_with_samples_clipped(results: dict[str, Any], name: str) -> None:
    """A luminosity on some samples, free in HS3 and held at 1 in XML; pyhf clips where ROOT does."""
    kind = name.removeprefix("hs3 ").removeprefix("xml ")
    expected, plain = clipped(kind).values(), model(kind).values()
    assert np.abs((plain - plain[0]) - (expected - expected[0])).max() > 0.1  # which the export says
    if name.startswith("xml"):  # HistFactory normalises constraints of statistical errors above zero
        index = clipped(kind).model.config.par_slice("st")
        errors = clipped(kind).model.config.param_set("st").sigmas
        expected = expected + 2 * log_ndtr(clipped(kind).points[:, index] / errors).sum(axis=1)
    assert_same_likelihood(results[name]["values"], expected)


@pytest.mark.parametrize("name", MODELS)
def test_root_has_our_bins_bounds_and_parameter_of_interest(results: dict[str, Any], name: str) -> None:
    built = workspace(name)
    assert built.sidecar is not None
    edges = built.sidecar["channels"]["lz_ws2022"]["edges_keV"]
    interest = INTEREST.get(name, "mu_nu_squared")
    blocks = {block["name"]: block for block in built.measurement()["config"]["parameters"]}
    for kind in ("xml", "hs3"):
        found = results[f"{kind} {name}"]
        assert found["edges"]["obs_x_lz_ws2022"] == edges  # to the last digit
        signed = kind == "xml" and name.startswith("charge")  # a histosys, which ROOT renames
        assert found["poi"] == [f"alpha_{interest}" if signed else interest]
        poi = found["parameters"][found["poi"][0]]
        assert poi["value"] == blocks[interest]["inits"][0]
        assert not poi["constant"]
        # XML cannot hold the bounds of a histosys: ROOT has its own, HS3 ours.
        assert poi["bounds"] == ([-5, 5] if signed else blocks[interest]["bounds"][0])
        lumi = found["parameters"].get("Lumi", {"constant": True})
        assert lumi["constant"]


def test_constants_and_the_luminosity_arrive(results: dict[str, Any]) -> None:
    found = results["xml foreign"]["parameters"]
    assert found["alpha_held"] == {"value": 0.5, "bounds": [-5, 5], "constant": True}
    assert found["alpha_shape"]["value"] == 0.3
    assert found["Lumi"]["value"] == found["nominalLumi"]["value"] == 1.25
    assert not found["Lumi"]["constant"]


@pytest.mark.parametrize("name", ["moment", "joint"])
def test_root_reads_the_templates(results: dict[str, Any], name: str) -> None:
    built, found = workspace(name), results[f"histograms {name}"]
    assert built.sidecar is not None
    for channel in built.spec["channels"]:
        described = built.sidecar["channels"][channel["name"]]
        data = found[f"{channel['name']}/data"]
        assert data["contents"] == built.observed()[channel["name"]]
        for sample in channel["samples"]:
            entry = found[f"{channel['name']}/{sample['name']}"]
            assert entry["class"] == "TH1D"
            assert entry["contents"] == sample["data"]
            assert entry["edges"] == data["edges"] == described["edges_keV"]
            title = described["samples"][sample["name"]]
            assert entry["titles"] == [title, "reconstructed energy [keVee]", "events / bin"]
            for modifier in sample["modifiers"]:
                if modifier["type"] == "histosys":
                    up = found[f"{channel['name']}/{sample['name']}_{modifier['name']}_Up"]
                    assert up["contents"] == modifier["data"]["hi_data"]


def test_xml_that_root_writes_comes_back(results: dict[str, Any]) -> None:
    """ROOT's own PrintXML, with paths as ROOT has them, gives the model that it was made from."""
    driver = results["folder"] / "foreign" / "config" / "theirs.xml"
    found, original = import_xml(driver).spec, workspace("foreign").spec
    assert found["observations"] == original["observations"]
    assert found["measurements"] == original["measurements"]

    def in_order(spec: Mapping[str, Any]) -> list[Any]:  # ROOT writes the modifiers by type
        key = itemgetter("type", "name")
        return [
            (sample["name"], sample["data"], sorted(sample["modifiers"], key=key))
            for channel in spec["channels"]
            for sample in channel["samples"]
        ]

    assert in_order(found) == in_order(original)


def test_hs3_that_roofit_writes_comes_back(results: dict[str, Any]) -> None:
    """RooFit's own export of the model that it read from our XML has the likelihood that it had."""
    path = results["folder"] / "roofit.json"
    assert_as_at(Model(import_hs3(path, measurement="simPdf_obsData")), model("joint"))


def test_a_shapesys_that_roofit_writes_comes_back(results: dict[str, Any]) -> None:
    """Its errors are relative. Of a staterror RooFit writes the total, with seven digits; here are ours."""
    found = import_hs3(results["folder"] / "roofit_foreign.json", measurement="simPdf_obsData")
    spec = json.loads(json.dumps(found.spec).replace("staterror_one", "mc_one"))
    squares = np.zeros(3)
    ours = {(c["name"], s["name"], e["name"]): e for c, s, e in each_modifier(workspace("foreign").spec)}
    for channel, sample, entry in each_modifier(spec):
        original = ours[channel["name"], sample["name"], entry["name"]]
        if entry["type"] == "shapesys":
            assert entry["data"] == original["data"] == [2.0, 1.0, 0.25]
        elif entry["type"] == "staterror":
            squares += np.square(entry["data"]) - np.square(original["data"])
            entry["data"] = original["data"]
    np.testing.assert_allclose(squares, 0.0, atol=1e-6)
    assert_as_at(Model(Workspace(spec)), model("foreign"))


def assert_as_at(found: Model, original: Model) -> None:
    """The likelihood at the points of another model with the same parameters."""
    order = [original.model.config.par_names.index(name) for name in found.model.config.par_names]
    found.points = original.points[:, order]
    assert_same_likelihood(list(found.values()), original.values())


def test_bins_without_a_statistical_error_are_constant_in_roofit(results: dict[str, Any]) -> None:
    """As in pyhf; else RooFit would take the root of the counts for their error."""
    found = results["hs3 zero"]["parameters"]
    constant = [found[f"gamma_stat_c_bin_{index}"]["constant"] for index in range(4)]
    assert constant == [False, False, False, True]
    assert import_hs3(results["folder"] / "zero.hs3.json").digest == workspace("zero").digest


@pytest.mark.parametrize("name", ["names", "joint"])
def test_of_roofits_data_the_observed_are_taken(results: dict[str, Any], name: str) -> None:
    """RooFit puts the analysis of its Asimov data first."""
    path = results["folder"] / ("names.hs3.json" if name == "names" else "roofit.json")
    first = json.loads(path.read_text(encoding="utf-8"))["analyses"][0]["name"]
    assert first == "simPdf_asimovData"  # else this shows nothing
    messages: list[str] = []
    found = import_hs3(path, message=messages.append)
    assert found.observed() == workspace(name).observed()
    assert found.measurement()["name"] == "simPdf_obsData"
    assert any("obsData are the data; with data=...: asimovData" in line for line in messages)
    with pytest.raises(ExchangeError, match=r"no data that were observed.*data=...: asimovData"):
        import_hs3(path, measurement="simPdf_asimovData")
    if name == "joint":
        with pytest.raises(ExchangeError, match="data 'asimovData_lz_ws2022': are unbinned"):
            import_hs3(path, data="asimovData")
    else:
        assert import_hs3(path, data="asimovData").observed() != workspace(name).observed()


def test_names_and_a_luminosity_come_back_from_roofit(results: dict[str, Any]) -> None:
    found = import_hs3(results["folder"] / "names.hs3.json")
    original = workspace("names")
    kinds = [
        {
            sample["name"]: sorted((entry["type"], entry["name"]) for entry in sample["modifiers"])
            for sample in built.spec["channels"][0]["samples"]
        }
        for built in (found, original)
    ]
    assert kinds[0] == kinds[1]
    blocks = {block["name"]: block for block in found.measurement()["config"]["parameters"]}
    assert (blocks["lumi"]["auxdata"], blocks["lumi"]["inits"]) == ([1.25], [1.25])
    assert blocks["lumi"]["sigmas"] == pytest.approx([0.05], rel=1e-12)
    theirs, ours = Model(found), model("names")
    theirs.points = ours.points[
        :, [ours.model.config.par_names.index(name) for name in theirs.model.config.par_names]
    ]
    assert_same_likelihood(list(theirs.values()), ours.values())
