"""What HistFactory XML cannot hold, and XML that makes no sense or means harm: one line, nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuhist import Workspace, build
from nuhist.exchange.xml.write import export_xml

uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

Refused = Callable[..., str]
Spec = dict[str, Any]

CHANNEL, DRIVER = "channel_one.xml", "combination.xml"


def foreign_spec() -> Spec:
    path = Path(__file__).parent / "foreign_workspace.json"
    spec: Spec = json.loads(path.read_text(encoding="utf-8"))
    return spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export to spoil."""
    export_xml(Workspace(foreign_spec()), tmp_path / "theirs")
    return tmp_path / "theirs"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def _modifiers(spec: Spec, channel: int, sample: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["channels"][channel]["samples"][sample]["modifiers"]
    return found


def _other_channel(name: str) -> Callable[[Spec], None]:
    def rename(spec: Spec) -> None:
        for entry in (spec["channels"][0], *spec["observations"]):
            if entry["name"] == "one":
                entry["name"] = name

    return rename


def _another_measurement(spec: Spec) -> None:
    (first,) = spec["measurements"]
    other = json.loads(json.dumps(first))
    other["name"], other["config"]["parameters"][0]["bounds"] = "mine", [[0.0, 6.0]]
    spec["measurements"].append(other)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda spec: _modifiers(spec, 1, 1).pop(0),
            "channel 'two': sample 'other' has no lumi and others have; ROOT scales all samples of a"
            " measurement with its luminosity, whatever NormalizeByTheory says, so XML cannot hold it;"
            " add --lumi normsys, which writes it as a normsys (or export HS3)",
        ),
        (
            lambda spec: spec["measurements"][0]["config"].update(poi=""),
            "measurement 'theirs': has no parameter of interest, which ROOT's HistFactory needs;"
            " apply a patch",
        ),
        (
            lambda spec: spec["channels"][0]["samples"][0].update(name=" signal"),
            "' signal' is no name of a sample for ROOT's HistFactory; use no control characters, and no"
            " blanks at its ends",
        ),
        (
            lambda spec: _modifiers(spec, 0, 0).append(
                {"name": "shape one", "type": "normfactor", "data": None}
            ),
            "'shape one' is no name of a parameter for ROOT's HistFactory; use no blanks and control"
            " characters",
        ),
        (
            _other_channel("1one"),
            "'1one' is no name of a channel for ROOT's HistFactory; begin with a letter, and use no commas,"
            " semicolons and slashes",
        ),
        (
            lambda spec: _modifiers(spec, 0, 0).append(
                {"name": "more", "type": "staterror", "data": [1, 1, 1]}
            ),
            "channel 'one': has several staterrors; XML holds one per channel",
        ),
        (
            _another_measurement,
            "measurement 'mine': has another start or other bounds of 'mu' than 'theirs', and XML holds one"
            " of them; choose with --measurement",
        ),
        (
            lambda spec: spec["channels"][0]["samples"][0].update(name="background_shape_Up"),
            "channel 'one': two histograms would be called 'one/background_shape_Up'; rename a sample or a"
            " parameter",
        ),
    ],
)
def test_models_that_xml_cannot_hold(
    refused: Refused, tmp_path: Path, spoil: Callable[[Spec], object], message: str
) -> None:
    spec = foreign_spec()
    spoil(spec)
    (tmp_path / "bad.json").write_text(json.dumps(spec), encoding="utf-8")
    found = refused("export", "xml", tmp_path / "bad.json", "-o", tmp_path / "out")
    assert found == f"{tmp_path / 'bad.json'}: {message}"
    assert not (tmp_path / "out").exists()


def test_a_measurement_can_be_chosen(run: Callable[..., Any], tmp_path: Path) -> None:
    spec = foreign_spec()
    _another_measurement(spec)
    (tmp_path / "two.json").write_text(json.dumps(spec), encoding="utf-8")
    arguments = ("export", "xml", tmp_path / "two.json", "-o", tmp_path / "out")
    assert run(*arguments, "--measurement", "mine").exit_code == 0
    text = (tmp_path / "out" / CHANNEL).read_text(encoding="utf-8")
    assert 'High="6.0"' in text
    assert (
        "no measurement called 'other'; it has theirs, mine"
        in run(*arguments, "--measurement", "other").stderr
    )


def test_linear_flux_of_a_charge_is_refused(refused: Refused, tmp_path: Path) -> None:
    choices: dict[str, Any] = {"background": "paper", "constraint": "linear", "flux": "paper"}
    build("lz_ws2022", hypothesis="millicharge-fea", **choices).save(tmp_path / "q.json")
    message = refused("export", "xml", tmp_path / "q.json", "-o", tmp_path / "out")
    assert "add --lumi normsys, which writes it as a normsys (or export HS3)" in message


def test_a_file_in_the_way(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text(json.dumps(foreign_spec()), encoding="utf-8")
    (tmp_path / "out").write_text("kept", encoding="utf-8")
    message = refused("export", "xml", tmp_path / "theirs.json", "-o", tmp_path / "out")
    assert message.startswith(f"{tmp_path / 'out'}: cannot be made: ")


BILLION_LAUGHS = """<!DOCTYPE Combination [
  <!ENTITY a "ha"> <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"> <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"> ]>
<Combination OutputFilePrefix="&c;"/>"""
EXTERNAL = """<!DOCTYPE Combination [ <!ENTITY secret SYSTEM "file://{secret}"> ]>
<Combination OutputFilePrefix="x"><Input>&secret;</Input></Combination>"""
PARAMETER_ENTITY = """<!DOCTYPE Combination [ <!ENTITY % more SYSTEM "file://{secret}"> %more; ]>
<Combination OutputFilePrefix="x"/>"""
UNDECLARED = """<!DOCTYPE Combination SYSTEM 'file://{secret}'>
<Combination OutputFilePrefix="x"><Input>&secret;</Input></Combination>"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BILLION_LAUGHS, "declares the entity 'a'; write out what it stands for"),
        (EXTERNAL, "declares the entity 'secret'; write out what it stands for"),
        (PARAMETER_ENTITY, "declares the entity 'more'; write out what it stands for"),
        (UNDECLARED, "is no XML: undefined entity &secret;"),
        ("<Combination>" * 1000, "<Combination> is nested 17 deep; this is no HistFactory XML"),
        ("<Combination>", "is no XML: no element found"),
        ("", "is no XML: no element found"),
        ("root\0binary", "is no XML: "),
        ('<?xml version="1.0" encoding="martian"?><Combination/>', "is no XML: "),
        ("<Channel Name='x'/>", "begins with <Channel>; expected HistFactory's <Combination>"),
        ("<Combination/>", "has no <Input> or no <Measurement>"),
        ("<Combination><Function Name='f'/></Combination>", "<Function> has no counterpart"),
    ],
)
def test_drivers_that_are_not_read(refused: Refused, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "secret.txt").write_text("for nobody", encoding="utf-8")
    (tmp_path / "bad.xml").write_text(
        text.replace("{secret}", str(tmp_path / "secret.txt")), encoding="utf-8"
    )
    found = refused("import", "xml", tmp_path / "bad.xml", "-o", tmp_path / "out.json")
    assert found.startswith(f"{tmp_path / 'bad.xml'}: {message}")
    assert "for nobody" not in found


SIGNAL = 'InputFile="data.root" HistoPath="one" HistoName="signal"'


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (DRIVER, "channel_one.xml", "missing.xml", "combination.xml: there is no file 'missing.xml' in "),
        (DRIVER, "channel_one.xml", "../secret.xml", "'../secret.xml' lies outside"),
        (DRIVER, "channel_one.xml", "/etc/passwd", "'/etc/passwd' lies outside"),
        (DRIVER, "channel_one.xml", ".", "there is no file '.'"),
        (DRIVER, "channel_one.xml", "data.root", "data.root: is no XML"),
        (DRIVER, 'LumiRelErr="0.04"', 'LumiRelErr="0"', "pyhf needs a width; make it positive"),
        (DRIVER, 'Lumi="1.25"', 'Lumi="all"', '<Measurement>: Lumi="all" is no finite number'),
        (
            DRIVER,
            "<POI>mu</POI>",
            "<POI>mu</POI><ConstraintTerm Type='Gamma'>alpha_shape</ConstraintTerm>",
            "measurement 'theirs': <ConstraintTerm> has no counterpart in HistFactory JSON",
        ),
        (
            CHANNEL,
            '<Data InputFile="data.root" HistoPath="one" HistoName="data" />',
            "",
            "channel 'one': has no <Data>, the observed counts; add it",
        ),
        (
            CHANNEL,
            'HistoName="data"',
            'HistoName="dada"',
            "no histogram called 'one/dada'; did you mean one/data",
        ),
        (
            CHANNEL,
            SIGNAL,
            SIGNAL.replace("data.root", "gone.root"),
            "channel 'one': sample 'signal': there is no file 'gone.root'",
        ),
        (CHANNEL, SIGNAL, SIGNAL.replace("data.root", "../../x.root"), "'../../x.root' lies outside"),
        (
            CHANNEL,
            SIGNAL,
            SIGNAL.replace("data.root", "channel_two.xml"),
            "channel_two.xml: is no ROOT file",
        ),
        (
            CHANNEL,
            SIGNAL,
            SIGNAL.replace('"one"', '"two"'),
            "sample 'signal': two/signal has other bin edges than the observed counts (2 bins from 0 to 2,"
            " and 3 bins from 0 to 3); bring them to common bins",
        ),
        (CHANNEL, 'High="1.2"', 'High="nan"', "OverallSys 'shared': <OverallSys>: High=\"nan\" is no finite"),
        (CHANNEL, 'Name="shared" High="1.2"', 'High="1.2"', "sample 'signal': <OverallSys> has no Name"),
        (CHANNEL, 'High="5.0"', 'High="4.0"', "channel_two.xml: NormFactor 'mu' has another range elsewhere"),
        (CHANNEL, 'NormalizeByTheory="True"', 'NormalizeByTheory="Maybe"', "is neither True nor False"),
        (CHANNEL, "<StatError ", "<HistoFactor ", "sample 'signal': <HistoFactor> has no counterpart"),
    ],
)
def test_xml_that_makes_no_sense(
    refused: Refused, folder: Path, tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    edit(folder / file, old, new)
    assert message in refused("import", "xml", folder / DRIVER, "-o", tmp_path / "out.json")


def test_a_link_that_leads_outside(refused: Refused, folder: Path, tmp_path: Path) -> None:
    (folder / CHANNEL).rename(tmp_path / "outside.xml")
    (folder / CHANNEL).symlink_to(tmp_path / "outside.xml")
    assert "'channel_one.xml' lies outside" in refused("import", "xml", folder / DRIVER)


def test_a_truncated_root_file(refused: Refused, folder: Path) -> None:
    content = (folder / "data.root").read_bytes()
    (folder / "data.root").write_bytes(content[: len(content) // 2])
    assert "data.root: is truncated" in refused("import", "xml", folder / DRIVER)


@pytest.mark.parametrize(
    ("bad", "what"), [(np.inf, "inf is no finite number"), (np.nan, "nan is no finite number")]
)
def test_bad_counts(
    refused: Refused, folder: Path, write_root: Callable[..., Path], bad: float, what: str
) -> None:
    write_root(folder / "bad.root", {"counts": [1.0, bad, 1.0]}, [0.0, 1.0, 2.0, 3.0])
    old = 'InputFile="data.root" HistoPath="one" HistoName="signal"'
    edit(folder / CHANNEL, old, 'InputFile="bad.root" HistoName="counts"')
    edit(folder / CHANNEL, 'InputFile="data.root">', 'InputFile="data.root" HistoPath="">')
    assert f"bad.root: counts: bin 2 (from 1 to 2): {what}" in refused("import", "xml", folder / DRIVER)


def test_missing_driver(refused: Refused, tmp_path: Path) -> None:
    message = refused("import", "xml", tmp_path / "gone.xml", "-o", tmp_path / "out.json")
    assert message == f"{tmp_path / 'gone.xml'}: cannot be read: No such file or directory"


def test_metadata_of_somebody_else(refused: Refused, folder: Path, write_root: Callable[..., Path]) -> None:
    with uproot.update(folder / "data.root") as file:
        del file["nuhist_remainder"]
        file["nuhist_remainder"] = "{}"
    message = refused("import", "xml", folder / DRIVER)
    assert "data.root: nuhist_remainder: is not what nuhist wrote; take it out" in message
