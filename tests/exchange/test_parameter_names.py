"""No two parameters become one, no luminosity loses its start, and no Asimov data are taken for data."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuhist import Workspace, build, fit, limit
from nuhist.errors import ConfigError, ExchangeError, ModelError
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.hs3.write import export_hs3, hs3_document
from nuhist.exchange.parameter_names import distinct_names
from nuhist.exchange.xml.read import import_xml
from nuhist.exchange.xml.write import export_xml
from nuhist.inference.validity import check_models

Spec = dict[str, Any]
Refused = Callable[..., str]
Write = Callable[..., Path]


def normsys(name: str) -> Spec:
    return {"name": name, "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}


def factor(name: str) -> Spec:
    return {"name": name, "type": "normfactor", "data": None}


def workspace(signal: list[Spec], background: list[Spec], *blocks: Spec) -> Workspace:
    samples = [
        {"name": "s", "data": [5.0, 3.0], "modifiers": [factor("mu"), *signal]},
        {"name": "b", "data": [50.0, 30.0], "modifiers": background},
    ]
    return Workspace(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": [52, 31]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": list(blocks)}}],
            "version": "1.0.0",
        }
    )


def through(document: Spec, folder: Path, **choices: Any) -> Workspace:
    path = folder / "model.hs3.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return import_hs3(path, **choices)


def names(found: Workspace) -> list[list[str]]:
    """Of the modifiers of each sample, but the strength."""
    (channel,) = found.spec["channels"]
    return [[entry["name"] for entry in s["modifiers"] if entry["name"] != "mu"] for s in channel["samples"]]


# HS3


@pytest.mark.parametrize(
    "pair",
    [
        ("x", "alpha_x"),
        ("alpha_x", "alpha_alpha_x"),
        ("alpha_", "x"),
        ("gamma_x", "x"),
        ("Lumi", "alpha_Lumi"),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
def test_our_own_hs3_keeps_names_with_prefixes(tmp_path: Path, pair: tuple[str, str], bare: bool) -> None:
    original = workspace([normsys(pair[0])], [normsys(pair[1])])
    document = hs3_document(original)
    if bare:
        del document["misc"]["nuhist"]
    assert through(document, tmp_path).digest == original.digest


def test_limits_are_those_of_two_parameters(tmp_path: Path) -> None:
    # 90 %, Minuit's minimisation of pyhf's logpdf; with one parameter in place of two it would be 3.289.
    original = workspace([normsys("x")], [normsys("alpha_x")])
    export_hs3(original, tmp_path / "model.json")
    for found in (original, import_hs3(tmp_path / "model.json")):
        assert limit(found).upper == pytest.approx(2.982, abs=5e-4)


def as_roofit(original: Workspace) -> Spec:
    """The document with RooFit's names of constrained parameters, and without ours."""
    document: Spec = copy.deepcopy(hs3_document(original))
    del document["misc"]["nuhist"]
    constrained = set()
    for sample in document["distributions"][0]["samples"]:
        for modifier in sample["modifiers"]:
            if modifier["type"] == "normsys":
                constrained.add(modifier["name"])
                modifier["parameter"] = f"alpha_{modifier['name']}"
    for entry in (*document["parameter_points"][0]["parameters"], *document["domains"][0]["axes"]):
        if entry["name"] in constrained:
            entry["name"] = f"alpha_{entry['name']}"
    return document


@pytest.mark.parametrize(
    ("signal", "background", "expected"),
    [
        ([normsys("x")], [normsys("y")], [["x"], ["y"]]),
        ([normsys("x")], [normsys("alpha_x")], [["x"], ["alpha_x"]]),  # alpha_x, alpha_alpha_x in RooFit
        ([normsys("x")], [factor("x2"), normsys("alpha_alpha_x")], [["x"], ["x2", "alpha_alpha_x"]]),
    ],
)
def test_roofits_prefix_is_no_part_of_a_name(
    tmp_path: Path, signal: list[Spec], background: list[Spec], expected: list[list[str]]
) -> None:
    block = {"name": signal[0]["name"], "inits": [0.5], "fixed": True}
    original = workspace(signal, background, block)
    found = through(as_roofit(original), tmp_path)
    assert names(found) == expected
    assert found.spec["measurements"] == original.spec["measurements"]


def test_a_name_that_another_parameter_has_stays_whole(tmp_path: Path) -> None:
    """RooFit's x and alpha_x, of which HistFactory JSON would make one name of two types."""
    document = as_roofit(workspace([normsys("x")], [factor("y"), normsys("alpha_x")]))
    text = json.dumps(document).replace('"y"', '"x"')
    found = through(json.loads(text), tmp_path)
    assert names(found) == [["alpha_x"], ["x", "alpha_alpha_x"]]
    assert check_models(found)


def test_names_do_not_depend_on_the_order() -> None:
    wishes = {"alpha_alpha_x": "alpha_x", "alpha_x": "x", "x": "x"}
    expected = {"alpha_alpha_x": "alpha_alpha_x", "alpha_x": "alpha_x", "x": "x"}
    for order in (list(wishes), list(wishes)[::-1]):
        assert distinct_names({own: wishes[own] for own in order}) == expected
    assert distinct_names({"alpha_l": "l", "alpha_m": "m"}, ["l"]) == {"alpha_l": "alpha_l", "alpha_m": "m"}


def test_a_modifier_that_is_named_otherwise_says_its_parameter(tmp_path: Path) -> None:
    """alpha_ without RooFit's convention is a part of a name, whatever the modifier is called."""
    document = hs3_document(workspace([normsys("x")], []))
    del document["misc"]["nuhist"]
    for sample in document["distributions"][0]["samples"]:
        for modifier in sample["modifiers"]:
            if modifier["name"] == "x":
                modifier.update(name="first", parameter="alpha_x")
    assert names(through(document, tmp_path))[0] == ["alpha_x"]


def luminosity(name: str = "Lumi", constraint: str = "lumiConstraint") -> Spec:
    return {"name": name, "type": "normfactor", "parameter": name, "constraint_name": constraint}


def with_luminosity(document: Spec, *factors: Spec) -> Spec:
    samples = document["distributions"][0]["samples"]
    for index, entry in enumerate(factors):
        samples[index]["modifiers"].insert(0, entry)
        name = entry["parameter"]
        document["distributions"].append(
            {
                "name": entry["constraint_name"],
                "type": "gaussian_dist",
                "x": name,
                "mean": f"nom_{name}",
                "sigma": 0.05,
            }
        )
        values = [{"name": name, "value": 1.0}, {"name": f"nom_{name}", "value": 1.0, "const": True}]
        document["parameter_points"][0]["parameters"] += values
    return document


def test_a_luminosity_is_no_systematic_of_its_name(tmp_path: Path) -> None:
    """``lumi`` is a name that analyses like to give a systematic."""
    document = with_luminosity(as_roofit(workspace([], [normsys("lumi")])), luminosity())
    found = through(document, tmp_path)
    assert names(found) == [["lumi"], ["alpha_lumi"]]
    assert check_models(found)
    # No domain says bounds: five widths on both sides.
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "inits": [1.0], "bounds": [[0.75, 1.25]]}
    assert found.measurement()["config"]["parameters"] == [block]


def test_two_luminosities_are_refused(tmp_path: Path) -> None:
    document = with_luminosity(
        hs3_document(workspace([], [])), luminosity(), luminosity("Lumi2", "otherConstraint")
    )
    with pytest.raises(ExchangeError, match="'Lumi' and 'Lumi2' would be one parameter, 'lumi'"):
        through(document, tmp_path)


def shapefactor(name: str, *parameters: str) -> Spec:
    return {"name": name, "type": "shapefactor", "parameters": list(parameters)}


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            shapefactor("f", "a", "b"),
            shapefactor("f", "c", "d"),
            "'a' and 'c' would be one parameter, 'f, bin 0'",
        ),
        (shapefactor("f", "a", "b"), shapefactor("g", "a", "b"), "'f, bin 0' and 'g, bin 0' would be one"),
        (shapefactor("f", "a", "b"), shapefactor("f", "b", "a"), "would be one parameter"),
        (shapefactor("f", "a", "mu"), shapefactor("f", "a", "mu"), "'f, bin 1' and 'mu' would be one"),
    ],
)
def test_bins_that_share_parameters_otherwise_are_refused(
    tmp_path: Path, first: Spec, second: Spec, message: str
) -> None:
    document = hs3_document(workspace([], []))
    for sample, modifier in zip(document["distributions"][0]["samples"], (first, second), strict=True):
        sample["modifiers"].append(modifier)
    with pytest.raises(ExchangeError, match=message):
        through(document, tmp_path)


def test_an_interest_that_no_modifier_has_is_refused(tmp_path: Path) -> None:
    """Not even where a systematic has its name here, and alpha_ before it there."""
    document = as_roofit(workspace([normsys("x")], []))
    document["analyses"][0]["parameters_of_interest"] = ["x"]
    with pytest.raises(ExchangeError, match="its parameter of interest 'x' is in no modifier"):
        through(document, tmp_path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    document = hs3_document(workspace([normsys("x")], []))
    document["data"].append({**document["data"][0], "contents": [1, 1]})
    with pytest.raises(ExchangeError, match="'obsData_c' is there twice"):
        through(document, tmp_path)


@pytest.mark.parametrize(
    ("modifiers", "message"),
    [
        ([normsys("x"), factor("nom_x")], "'the centre of x' and 'nom_x' would be one parameter, 'nom_x'"),
        (
            [{"name": "f", "type": "shapefactor", "data": None}, factor("gamma_f_bin_1")],
            "'f, bin 1' and 'gamma_f_bin_1' would be one parameter, 'gamma_f_bin_1'",
        ),
    ],
)
def test_names_that_hs3_would_merge_are_not_written(modifiers: list[Spec], message: str) -> None:
    with pytest.raises(ExchangeError, match=message):
        hs3_document(workspace([], modifiers))


# Statistical errors of 0: what RooFit makes of them is tested in test_with_root.py.


def test_errors_of_zero_come_back(tmp_path: Path) -> None:
    errors = [{"name": "st", "type": "staterror", "data": data} for data in ([0.0, 2.5], [0, 0])]
    original = workspace([errors[0]], [errors[1]])
    document = hs3_document(original)
    written = [sample["data"]["errors"] for sample in document["distributions"][0]["samples"]]
    assert written == [[1e-150, 2.5], [2e-150, 2e-150]]
    values = {entry["name"]: entry for entry in document["parameter_points"][0]["parameters"]}
    assert "const" in values["gamma_stat_c_bin_0"]
    assert "const" not in values["gamma_stat_c_bin_1"]
    found = through(document, tmp_path)
    assert found.digest == original.digest  # 0 and 0.0 are different texts
    assert found.spec["measurements"] == original.spec["measurements"]  # nothing is constant


def test_a_staterror_that_is_constant_stays_so(tmp_path: Path) -> None:
    entry = {"name": "staterror_c", "type": "staterror", "data": [0.0, 2.5]}
    original = workspace([], [entry], {"name": "staterror_c", "fixed": True})
    document = hs3_document(original)
    del document["misc"]["nuhist"]
    assert through(document, tmp_path).digest == original.digest
    entry["data"] = [1.0, 2.5]
    document = hs3_document(original)
    del document["misc"]["nuhist"]
    values = {entry["name"]: entry for entry in document["parameter_points"][0]["parameters"]}
    del values["gamma_stat_c_bin_0"]["const"]
    messages: list[str] = []
    found = through(document, tmp_path, message=messages.append)
    assert found.measurement()["config"]["parameters"] == []
    assert "'staterror_c' is constant in some bins, and here in none" in messages[0]


# Data


def with_data(*sets: str, analyses: bool = True) -> Spec:
    """A document with data sets of these names; counts are 1, 2, ... times those of the model."""
    document: Spec = copy.deepcopy(hs3_document(workspace([normsys("x")], [])))
    del document["misc"]["nuhist"]
    (data,), (likelihood,), (analysis,) = (document[key] for key in ("data", "likelihoods", "analyses"))
    document["data"] = [
        {**data, "name": f"{name}_c", "contents": [52 * (i + 1), 31 * (i + 1)]} for i, name in enumerate(sets)
    ]
    used = sets if analyses else sets[:1]
    document["likelihoods"] = [{**likelihood, "name": name, "data": [f"{name}_c"]} for name in used]
    document["analyses"] = [{**analysis, "name": f"with_{name}", "likelihood": name} for name in used]
    return document


@pytest.mark.parametrize("analyses", [True, False])
@pytest.mark.parametrize(
    ("sets", "choice", "expected"),
    [
        (("asimovData", "obsData"), {}, 1),
        (("obsData", "asimovData"), {}, 0),
        (("toyData_1", "AsimovData_mu0", "run3"), {}, 2),
        (("asimovData", "obsData"), {"data": "asimovData"}, 0),
        (("asimovData",), {"data": "asimovData"}, 0),
        (("first", "second"), {"data": "second"}, 1),
    ],
)
def test_the_data_that_were_observed_are_taken(
    tmp_path: Path, sets: tuple[str, ...], choice: dict[str, str], expected: int, analyses: bool
) -> None:
    messages: list[str] = []
    found = through(with_data(*sets, analyses=analyses), tmp_path, message=messages.append, **choice)
    assert found.observed() == {"c": [52 * (expected + 1), 31 * (expected + 1)]}
    if analyses:
        assert found.measurement()["name"] == f"with_{sets[expected]}"
    others = ", ".join(name for name in sets if name != sets[expected])
    said = f"{sets[expected]} are the data; with data=...: {others}"
    assert any(said in line for line in messages) == (len(sets) > 1 and not choice)


@pytest.mark.parametrize(
    ("sets", "choice", "message"),
    [
        (
            ("asimovData",),
            {},
            "has no data that were observed, by their names; choose with data=...: asimovData$",
        ),
        (("asimovData", "toys"), {}, "has no data that were observed, .* data=...: asimovData, toys$"),
        (("first", "second"), {}, "has several data sets; choose with data=...: first, second$"),
        (
            ("asimovData", "obsData"),
            {"measurement": "with_asimovData"},
            "no data that were observed.*asimovData$",
        ),
    ],
)
def test_other_data_are_asked_for(
    tmp_path: Path, sets: tuple[str, ...], choice: dict[str, str], message: str
) -> None:
    with pytest.raises(ExchangeError, match=message):
        through(with_data(*sets), tmp_path, **choice)


def test_an_analysis_that_is_named_brings_its_data(tmp_path: Path) -> None:
    found = through(with_data("first", "second"), tmp_path, measurement="with_second")
    assert found.observed() == {"c": [104, 62]}


def test_data_by_a_name_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no data set of .* called 'obsDat'; did you mean obsData"):
        through(with_data("asimovData", "obsData"), tmp_path, data="obsDat")


def test_data_on_the_command_line(run: Callable[..., Any], refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(with_data("asimovData")), encoding="utf-8")
    assert "choose with --data: asimovData" in refused("import", "hs3", path, "-o", tmp_path / "out.json")
    result = run("import", "hs3", path, "--data", "asimovData", "-o", tmp_path / "out.json")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("name", "kind"), [("asimovData", "asimov"), ("toyData_1", "toy"), ("obsData", "observed")]
)
def test_data_stay_what_they_are(tmp_path: Path, name: str, kind: str) -> None:
    found = through(with_data(name), tmp_path, data=name)
    assert found.data_kind == kind


def test_our_own_asimov_data_are_called_so(tmp_path: Path) -> None:
    original = build("lz_ws2022", hypothesis="magnetic-moment", asimov=True)
    document = hs3_document(original)
    assert [entry["name"] for entry in document["data"]] == ["asimovData_lz_ws2022"]
    assert list(document["misc"]["ROOT_internal"]["combined_datasets"]) == ["asimovData"]
    found = through(document, tmp_path)  # which the workspace itself will not take for data
    assert (found.digest, found.sidecar, found.data_kind) == (original.digest, original.sidecar, "asimov")
    del document["misc"]["nuhist"]
    with pytest.raises(ExchangeError, match="no data that were observed"):
        through(document, tmp_path)


def test_data_in_other_bins_are_refused(tmp_path: Path) -> None:
    document = with_data("obsData")
    document["data"][0]["axes"] = [{"name": "obs_x_c", "edges": [0.0, 1.5, 2.0]}]
    with pytest.raises(ExchangeError, match="data 'obsData_c': have other bin edges than model_c"):
        through(document, tmp_path)


# XML


def write_xml(
    folder: Path,
    write_root: Write,
    signal: str = "",
    background: str = "",
    settings: str = "",
    error: float = 0.05,
) -> Path:
    """Two bins, a signal and a background, and a luminosity on both."""
    counts = {"obs": [22.0, 28.0], "sol": [6.0, 2.0], "rn": [17.0, 24.0]}
    write_root(folder / "h.root", counts, [0.0, 1.0, 2.0])
    (folder / "channel.xml").write_text(
        '<Channel Name="er" InputFile="h.root"><Data HistoName="obs"/><Sample Name="sol" HistoName="sol">'
        f'<NormFactor Name="kappa" Val="1" Low="0" High="10"/>{signal}</Sample>'
        f'<Sample Name="rn" HistoName="rn">{background}</Sample></Channel>',
        encoding="utf-8",
    )
    (folder / "top.xml").write_text(
        '<Combination OutputFilePrefix="out"><Input>channel.xml</Input>'
        f'<Measurement Name="m" Lumi="1.0" LumiRelErr="{error}"><POI>kappa</POI>{settings}</Measurement>'
        "</Combination>",
        encoding="utf-8",
    )
    return folder / "top.xml"


def overall(name: str) -> str:
    return f'<OverallSys Name="{name}" High="1.1" Low="0.9"/>'


def free(name: str) -> str:
    return f'<NormFactor Name="{name}" Val="1" Low="0" High="3"/>'


def test_xml_with_a_luminosity_can_be_fitted(tmp_path: Path, write_root: Write) -> None:
    found = import_xml(write_xml(tmp_path, write_root, background=overall("esc")))
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "inits": [1.0], "bounds": [[0.75, 1.25]]}
    assert found.measurement()["config"]["parameters"] == [block]
    assert check_models(found)
    # Minuit's minimisation of pyhf's logpdf, from three starts.
    values = {parameter.name: parameter.value for parameter in fit(found).parameters}
    assert values["kappa"] == pytest.approx(0.87341, abs=2e-4)


@pytest.mark.parametrize(
    ("error", "settings", "inits", "bounds"),
    [
        (0.5, "", 1.0, [0.0, 3.5]),  # no negative luminosity
        (0.01, '<ParamSetting Val="1.2">Lumi</ParamSetting>', 1.2, [0.95, 1.2]),  # which hold the start
    ],
)
def test_bounds_of_a_luminosity(
    tmp_path: Path, write_root: Write, error: float, settings: str, inits: float, bounds: list[float]
) -> None:
    found = import_xml(write_xml(tmp_path, write_root, settings=settings, error=error))
    (block,) = found.measurement()["config"]["parameters"]
    assert block["inits"] == [inits]
    assert block["bounds"] == [pytest.approx(bounds, rel=1e-12)]
    assert check_models(found)


@pytest.mark.parametrize(
    ("signal", "background", "expected"),
    [
        (free("x"), overall("x"), ["x", "alpha_x"]),
        (overall("alpha_x"), overall("x"), ["alpha_x", "x"]),
        ("", overall("lumi"), ["alpha_lumi"]),
        ('<ShapeFactor Name="x"/>', overall("x"), ["x", "alpha_x"]),
    ],
)
def test_names_in_xml_stay_apart(
    tmp_path: Path, write_root: Write, signal: str, background: str, expected: list[str]
) -> None:
    """ROOT has the parameters x and alpha_x; HistFactory JSON needs two names as well."""
    constant = f'<ParamSetting Const="True">alpha_{expected[-1].removeprefix("alpha_")}</ParamSetting>'
    found = import_xml(write_xml(tmp_path, write_root, signal, background, constant))
    own = [entry["name"] for s in found.spec["channels"][0]["samples"] for entry in s["modifiers"]]
    assert [name for name in own if name not in ("lumi", "kappa")] == expected
    assert {"name": expected[-1], "fixed": True} in found.measurement()["config"]["parameters"]
    assert check_models(found)


@pytest.mark.parametrize(
    ("signal", "background", "message"),
    [
        (free("alpha_x"), overall("x"), "'alpha_x' and 'x' would be one parameter, 'alpha_x'"),
        (free("Lumi"), "", "'lumi' and 'Lumi' would be one parameter, 'Lumi'"),
        ('<ShapeFactor Name="x"/>', free("gamma_x_bin_0"), "'x, bin 0' and 'gamma_x_bin_0' would be one"),
    ],
)
def test_parameters_that_root_takes_for_one_are_refused(
    tmp_path: Path, write_root: Write, signal: str, background: str, message: str
) -> None:
    with pytest.raises(ExchangeError, match=message):
        import_xml(write_xml(tmp_path, write_root, signal, background))


@pytest.mark.parametrize(
    ("signal", "background", "message"),
    [
        ([factor("alpha_x")], [normsys("x")], "'alpha_x' and 'x' would be one parameter, 'alpha_x'"),
        ([factor("Lumi")], [normsys("x")], "'lumi' and 'Lumi' would be one parameter, 'Lumi'"),
    ],
)
def test_names_that_root_would_merge_are_not_written(
    tmp_path: Path, signal: list[Spec], background: list[Spec], message: str
) -> None:
    pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
    with pytest.raises(ExchangeError, match=message):
        export_xml(workspace(signal, background), tmp_path / "out")


def test_types_that_cannot_share_a_name_are_refused(tmp_path: Path, write_root: Write) -> None:
    both = write_xml(tmp_path, write_root, free("x"), '<ShapeFactor Name="x"/>')
    with pytest.raises(ModelError, match="'x' is the name of modifiers of types normfactor and shapefactor"):
        import_xml(both)


def test_many_bins_with_names_of_their_own(tmp_path: Path) -> None:
    """Names per bin are made once for each channel, not for each pair of channels."""
    channels = [
        {
            "name": f"c{i}",
            "samples": [
                {
                    "name": "s",
                    "data": [5.0] * 4,
                    "modifiers": [factor("mu"), {"name": f"st{i}", "type": "staterror", "data": [1.0] * 4}],
                }
            ],
        }
        for i in range(300)
    ]
    spec = {
        "channels": channels,
        "observations": [{"name": f"c{i}", "data": [5] * 4} for i in range(300)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    original = Workspace(spec)
    assert through(hs3_document(original), tmp_path).digest == original.digest
    points = hs3_document(original)["parameter_points"][0]["parameters"]
    assert len(points) == 1 + 300 * 4
    assert np.unique([entry["name"] for entry in points]).size == len(points)
