"""HistFactory XML: what is written, what comes back, and what stock pyhf makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

import numpy as np
import pyhf
import pytest
from click.testing import Result

from nuhist import Workspace
from nuhist.errors import ExchangeError
from nuhist.exchange.remainder import ChannelTitles, Remainder, imported
from nuhist.exchange.xml.read import import_xml
from nuhist.exchange.xml.write import export_xml
from nuhist.histfactory.workspace import load_workspace

uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
# pyhf's reader and writer of XML need it too.
readxml = pytest.importorskip("pyhf.readxml")
writexml = pytest.importorskip("pyhf.writexml")

Built = Callable[..., Workspace]
PAPER = {"background": "paper", "hypothesis": "magnetic-moment"}
MODELS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("lz_ws2022",), {"hypothesis": "magnetic-moment"}),
    (("lz_ws2022",), {**PAPER, "constraint": "linear", "ar37": "gaussian"}),
    (("lz_ws2022",), {"hypothesis": "millicharge-fea"}),
    (("lz_ws2022", "xenonnt_sr0"), {"hypothesis": "charge-radius"}),
]


def foreign() -> Workspace:
    """A workspace with all types of modifiers; ROOT reads it in test_with_root.py."""
    return load_workspace(Path(__file__).parent / "foreign_workspace.json")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The driver of the foreign workspace, to spoil."""
    export_xml(foreign(), tmp_path / "theirs")
    return tmp_path / "theirs" / "combination.xml"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(("experiments", "choices"), MODELS)
def test_round_trip_keeps_the_digest_and_the_sidecar(
    built: Built, tmp_path: Path, experiments: tuple[str, ...], choices: dict[str, Any]
) -> None:
    original = built(*experiments, **choices)
    export_xml(original, tmp_path)
    found = import_xml(tmp_path / "combination.xml")
    assert found.digest == original.digest
    assert found.sidecar == original.sidecar


def test_round_trip_of_all_types_of_modifiers(exported: Path) -> None:
    found = import_xml(exported)
    assert found.spec == foreign().spec
    assert found.sidecar is not None
    assert found.sidecar["channels"] == {}  # its bins are only numbered


def test_commands(built: Built, run: Callable[..., Result], tmp_path: Path) -> None:
    built("lz_ws2022", **PAPER).save(tmp_path / "lz.json")
    result = run("export", "xml", tmp_path / "lz.json", "-o", tmp_path / "lz_xml")
    assert (result.exit_code, result.stdout) == (0, "")
    files = sorted(path.name for path in (tmp_path / "lz_xml").iterdir())
    assert files == ["HistFactorySchema.dtd", "channel_lz_ws2022.xml", "combination.xml", "data.root"]
    result = run("import", "xml", tmp_path / "lz_xml" / "combination.xml", "-o", tmp_path / "again.json")
    assert result.exit_code == 0, result.stderr
    for name in ("lz.json", "lz.meta.json"):  # byte for byte
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("lz", "again")).read_bytes()


@pytest.mark.parametrize(("experiments", "choices"), [MODELS[0], MODELS[1]])
def test_stock_pyhf_reads_the_same_model(
    built: Built,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    experiments: tuple[str, ...],
    choices: dict[str, Any],
) -> None:
    original = built(*experiments, **choices)
    export_xml(original, tmp_path)
    monkeypatch.chdir(tmp_path)
    spec = readxml.parse("combination.xml", ".")
    readxml.clear_filecache()
    assert spec["channels"] == original.spec["channels"]
    assert spec["observations"] == original.spec["observations"]
    interest = original.measurement()["config"]["poi"]
    blocks = {block["name"]: block for block in spec["measurements"][0]["config"]["parameters"]}
    assert blocks[interest]["bounds"] == [[0.0, 100.0]]
    assert blocks[interest]["inits"] == [0.1]
    assert np.isfinite(pyhf.Workspace(spec).model().logpdf(*_start(spec))[0])


def _start(spec: dict[str, Any]) -> tuple[Any, Any]:
    workspace = pyhf.Workspace(spec)
    model = workspace.model()
    return model.config.suggested_init(), workspace.data(model)


def test_histograms_have_real_bin_edges_and_titles(built: Built, tmp_path: Path) -> None:
    original = built("lz_ws2022", hypothesis="millicharge-fea")
    export_xml(original, tmp_path)
    with uproot.open(tmp_path / "data.root") as file:
        up = file["lz_ws2022/nu_pp_q_nu_scaled_Up"]
        assert up.classname == "TH1D"
        edges = up.axis().edges()
        np.testing.assert_allclose(edges, np.arange(52) / 3, rtol=1e-15)  # LZ's: 0 to 17 keV
        assert original.sidecar is not None
        assert edges.tolist() == original.sidecar["channels"]["lz_ws2022"]["edges_keV"]
        assert up.axis().member("fTitle") == "reconstructed energy [keVee]"
        assert up.title == "solar ν–e scattering, pp, q_nu_scaled up"
        sample = original.spec["channels"][0]["samples"][0]
        modifier = next(entry for entry in sample["modifiers"] if entry["name"] == "q_nu_scaled")
        assert up.values().tolist() == modifier["data"]["hi_data"]


def test_files_are_valid_by_their_schema(exported: Path) -> None:
    """Elements, their attributes and children as the DTD declares them; ROOT's parser validates."""
    schema = (exported.parent / "HistFactorySchema.dtd").read_text(encoding="utf-8")
    attributes: dict[str, dict[str, bool]] = {}
    children: dict[str, str] = {}
    parser = expat.ParserCreate()
    parser.AttlistDeclHandler = lambda tag, name, _kind, _default, required: attributes.setdefault(
        tag, {}
    ).update({name: bool(required)})
    parser.ElementDeclHandler = lambda tag, content: children.update({tag: str(content)})
    parser.Parse(f"<!DOCTYPE x [{schema}]><x/>", True)
    files = [exported, *exported.parent.glob("channel_*.xml")]
    assert len(files) == 3
    for file in files:
        for element in ET.parse(file).getroot().iter():
            declared = attributes.get(element.tag, {})
            assert element.attrib.keys() <= declared.keys()
            assert {name for name, required in declared.items() if required} <= element.attrib.keys()
            assert all(f"'{child.tag}'" in children[element.tag] for child in element)
    (order,) = {tuple(dict.fromkeys(e.tag for e in ET.parse(file).getroot())) for file in files[2:]}
    assert [tag for tag in order if tag != "StatErrorConfig"] == ["Data", "Sample"]
    measurement = ET.parse(exported).find("Measurement")
    assert measurement is not None
    assert list(dict.fromkeys(e.tag for e in measurement)) == ["POI", "ParamSetting"]


def test_paths_are_relative(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in exported.parent.glob("*.xml"):
        assert str(tmp_path) not in file.read_text(encoding="utf-8")
    moved = tmp_path / "elsewhere" / "there"
    shutil.move(exported.parent, moved)
    monkeypatch.chdir(tmp_path)
    assert import_xml(Path("elsewhere/there/combination.xml")).spec == foreign().spec


def test_bounds_starts_and_constants_stand_where_root_takes_them(exported: Path) -> None:
    channel = ET.parse(exported.parent / "channel_one.xml").getroot()
    factor = channel.find("Sample/NormFactor")
    assert factor is not None
    assert factor.attrib == {"Name": "mu", "Val": "0.7", "Low": "0.0", "High": "5.0"}
    config = channel.find("StatErrorConfig")  # pyhf's; ROOT's default is Poisson, from 5 % on
    assert config is not None
    assert config.attrib == {"RelErrorThreshold": "0.0", "ConstraintType": "Gaussian"}
    measurement = ET.parse(exported).find("Measurement")
    assert measurement is not None
    assert (float(measurement.attrib["Lumi"]), float(measurement.attrib["LumiRelErr"])) == (1.25, 0.04)
    settings = [(entry.attrib, entry.text) for entry in measurement.iter("ParamSetting")]
    assert settings == [
        ({"Val": "1.25"}, "Lumi"),
        ({"Val": "0.3"}, "alpha_shape"),
        ({"Val": "0.5"}, "alpha_held"),
        ({"Const": "True"}, "alpha_held"),
    ]


def test_a_signed_coupling_is_alpha_in_root(built: Built, tmp_path: Path) -> None:
    original = built("lz_ws2022", hypothesis="millicharge-fea", background="paper")
    export_xml(original, tmp_path)
    measurement = ET.parse(tmp_path / "combination.xml").find("Measurement")
    assert measurement is not None
    assert measurement.findtext("POI") == "alpha_q_nu_scaled"
    assert measurement.find("ParamSetting[@Val='1e-05']") is not None
    # No sample has a luminosity: ROOT would scale all of them, so it is held.
    assert [entry.text for entry in measurement.findall("ParamSetting[@Const='True']")] == ["Lumi"]
    assert import_xml(tmp_path / "combination.xml").measurement()["config"]["poi"] == "q_nu_scaled"


def test_constants_of_bins_come_back(tmp_path: Path) -> None:
    spec = json.loads(json.dumps(foreign().spec))
    blocks = spec["measurements"][0]["config"]["parameters"]
    blocks += [{"name": name, "fixed": True} for name in ("mc_one", "free")]
    export_xml(Workspace(spec), tmp_path / "fixed")
    driver = tmp_path / "fixed" / "combination.xml"
    text = driver.read_text(encoding="utf-8")
    assert "gamma_stat_one_bin_0 gamma_stat_one_bin_1 gamma_stat_one_bin_2" in text
    assert "gamma_free_bin_0 gamma_free_bin_1" in text
    messages: list[str] = []
    assert import_xml(driver, message=messages.append).spec == spec
    assert not messages
    edit(driver, "gamma_free_bin_0 ", "")  # a workspace holds all bins or none
    blocks = {
        block["name"]: block
        for block in import_xml(driver, message=messages.append).measurement()["config"]["parameters"]
    }
    (message,) = messages
    assert message.endswith("is constant, but in no sample or only in some bins: gamma_free_bin_1")
    assert blocks["mc_one"]["fixed"]


def test_what_was_changed_in_xml_holds(exported: Path) -> None:
    for name in ("channel_one.xml", "channel_two.xml"):
        edit(exported.parent / name, 'High="5.0"', 'High="10.0"')  # which is pyhf's default
    edit(exported.parent / "channel_two.xml", 'High="1.3"', 'High="1.4"')
    edit(exported, '<ParamSetting Const="True">alpha_held</ParamSetting>', "")
    edit(exported, 'Val="0.3"', 'Val="-0.2"')
    found = import_xml(exported)
    blocks = {block["name"]: block for block in found.measurement()["config"]["parameters"]}
    assert blocks["mu"]["bounds"] == [[0.0, 10.0]]
    assert blocks["shape"] == {"name": "shape", "bounds": [[-3.0, 2.0]], "inits": [-0.2]}
    assert found.spec["channels"][1]["samples"][1]["modifiers"][3]["data"] == {"hi": 1.4, "lo": 0.7}


def test_edges_are_those_of_the_histograms(built: Built) -> None:
    """Of a file whose histograms somebody gave other edges, as with a calibration."""
    original = built("lz_ws2022", **PAPER)
    assert original.sidecar is not None
    edges = np.arange(52) / 2
    shifted = json.loads(json.dumps(original.sidecar))
    shifted["channels"]["lz_ws2022"]["edges_keV"] = edges.tolist()
    titles = {"lz_ws2022": ChannelTitles(edges, {})}
    kept = Remainder(sidecar=original.sidecar)
    spec = json.loads(original.to_json())
    assert imported(spec, titles, kept, origin="x", command=None).sidecar == shifted


def test_pyhfs_own_xml_is_read_as_pyhf_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbered bins, absolute paths, config/ and data/ below the driver."""
    for name in ("config", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    content = writexml.writexml(foreign().spec, "config", tmp_path / "data", "theirs")
    (tmp_path / "theirs.xml").write_bytes(content)
    expected = readxml.parse("theirs.xml", ".")
    readxml.clear_filecache()
    messages: list[str] = []
    found = import_xml(tmp_path / "theirs.xml", message=messages.append)
    assert found.spec["channels"] == expected["channels"]
    assert found.spec["observations"] == expected["observations"]
    assert found.sidecar is not None
    assert found.sidecar["channels"] == {}
    (message,) = messages  # pyhf leaves ROOT's defaults
    assert "statistical errors get Gaussian constraints" in message
    blocks = [
        sorted(entry["measurements"][0]["config"]["parameters"], key=lambda block: str(block["name"]))
        for entry in (found.spec, expected)
    ]
    assert blocks[0] == blocks[1]


ROOTS_LAYOUT = {
    "config/driver.xml": """<!DOCTYPE Combination SYSTEM 'HistFactorySchema.dtd'>
<Combination OutputFilePrefix="./results/example">
  <Input>./config/channel.xml</Input>
  <Measurement Name="first" Lumi="2." LumiRelErr="0.1" BinLow="0" BinHigh="2">
    <POI> SigXsec   alpha_bkg </POI>
    <ParamSetting Const="True">
      alpha_shape Lumi alpha_gone
    </ParamSetting>
  </Measurement>
  <Measurement Name="second" Lumi="2." LumiRelErr="0.1"><POI>SigXsec</POI></Measurement>
</Combination>""",
    "config/channel.xml": """<!DOCTYPE Channel SYSTEM 'HistFactorySchema.dtd'>
<Channel Name="channel" InputFile="./data/example.root" HistoPath="/top/">
  <Data HistoName="observed" />
  <Sample Name="signal" HistoName="signal">
    <NormFactor Name="SigXsec" Val="1" Low="0." High="3." Const="True" />
    <HistoSys Name="shape" HistoNameHigh="high" HistoNameLow="low" HistoFileLow="data/other.root"
              HistoPathLow="" />
  </Sample>
  <Sample Name="background" HistoName="background" NormalizeByTheory="False">
    <OverallSys Name="bkg" Low="0.9" High="1.2"/>
    <StatError Activate="True" HistoName="errors" HistoPath="relative" InputFile="data/other.root" />
    <ShapeSys Name="bins" HistoName="errors" HistoPath="relative" InputFile="data/other.root" />
  </Sample>
</Channel>""",
}


@pytest.fixture
def roots_layout(tmp_path: Path, write_root: Callable[..., Path]) -> Path:
    """XML as ROOT's prepareHistFactory lays it out, with what pyhf's reader takes for something else."""
    for name, text in ROOTS_LAYOUT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "data").mkdir()
    edges = [1.0, 1.5, 3.0]
    counts = {"observed": [12.0, 9.0], "signal": [2.0, 3.0], "background": [10.0, 8.0], "high": [2.5, 3.0]}
    inside = {f"top/{name}": values for name, values in counts.items()}
    write_root(tmp_path / "data" / "example.root", inside, edges)
    others = {"low": [1.5, 3.0], "relative/errors": [0.25, 0.5], "errors": [9.0, 9.0]}
    write_root(tmp_path / "data" / "other.root", others, edges)
    return tmp_path / "config" / "driver.xml"


def test_foreign_xml_is_read_as_root_reads_it(roots_layout: Path) -> None:
    messages: list[str] = []
    found = import_xml(roots_layout, message=messages.append)
    signal, background = found.spec["channels"][0]["samples"]
    # Without NormalizeByTheory ROOT scales with the luminosity.
    assert [entry["type"] for entry in signal["modifiers"]] == ["lumi", "normfactor", "histosys"]
    assert signal["modifiers"][2]["data"] == {"hi_data": [2.5, 3.0], "lo_data": [1.5, 3.0]}
    kinds = {entry["type"]: entry for entry in background["modifiers"]}
    assert kinds["staterror"]["data"] == kinds["shapesys"]["data"] == [2.5, 4.0]  # relative, times counts
    assert kinds["staterror"]["name"] == "staterror_channel"
    assert found.observed() == {"channel": [12.0, 9.0]}
    first, second = (entry["config"] for entry in found.spec["measurements"])
    assert first["poi"] == second["poi"] == "SigXsec"
    blocks = {block["name"]: block for block in first["parameters"]}
    assert blocks["SigXsec"] == {"name": "SigXsec", "bounds": [[0.0, 3.0]], "fixed": True}
    assert blocks["shape"] == {"name": "shape", "fixed": True}
    lumi = {"name": "lumi", "auxdata": [2.0], "sigmas": [0.2], "inits": [2.0], "bounds": [[1.0, 3.0]]}
    assert blocks["lumi"] == {**lumi, "fixed": True}
    assert lumi in second["parameters"]
    assert found.sidecar is not None
    assert found.sidecar["channels"]["channel"]["edges_keV"] == [1.0, 1.5, 3.0]
    told = "\n".join(messages)
    assert "SigXsec is taken" in told
    assert "in no sample or only in some bins: alpha_gone" in told
    assert "its Gaussian constraint becomes a Poisson one" in told
    assert "measurement 'second': ROOT scales all samples with Lumi" in told
    assert "measurement 'first': ROOT scales" not in told  # there it is constant


def test_basedir_names_the_folder_where_root_is_run(roots_layout: Path, run: Callable[..., Result]) -> None:
    folder = roots_layout.parent.parent
    moved = folder / "deep" / "down"
    moved.mkdir(parents=True)
    shutil.move(roots_layout, moved / "driver.xml")
    with pytest.raises(ExchangeError, match=r"basedir=... names the folder where ROOT is run"):
        import_xml(moved / "driver.xml")
    assert import_xml(moved / "driver.xml", basedir=folder).observed() == {"channel": [12.0, 9.0]}
    result = run("import", "xml", moved / "driver.xml", "--basedir", folder)
    assert json.loads(result.stdout)["observations"] == [{"name": "channel", "data": [12.0, 9.0]}]
