"""Histograms whose bins have labels: matched by label in every reader, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuhist import Workspace
from nuhist.errors import ExchangeError
from nuhist.exchange.root.background import read_template
from nuhist.exchange.root.histograms import open_root
from nuhist.exchange.root.read import import_root
from nuhist.exchange.root.write import save_root
from nuhist.exchange.xml.read import import_xml

uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
identify = uproot.writing.identify

Bins = Sequence[tuple[str, float]]  # label and counts; "" has no label
Refused = Callable[..., str]
EXPECTED = {"sol": [4.0, 6.0, 2.0], "rn": [20.0, 30.0, 10.0], "data": [25.0, 37.0, 12.0]}
ORDER = ("low", "mid", "high")
MIXED = [("low", 20.0), ("high", 10.0), ("mid", 30.0)]  # rn in another order


def labelled(bins: Bins, *, backwards: bool = False) -> Any:
    """A TH1D with labels, which the file may have in another order than that of the bins."""
    counts = np.array([0.0, *(count for _, count in bins), 0.0])
    labels = []
    for index, (label, _) in enumerate(bins):
        if label:
            text = identify.to_TObjString(label)
            text._bases[0]._members["@fUniqueID"] = index + 1  # the bin, as TAxis::SetBinLabel has it
            labels.append(text)
    axis = identify.to_TAxis(
        "xaxis", "", len(bins), 0.0, len(bins),
        fLabels=identify.to_THashList(labels[::-1] if backwards else labels) if labels else None,
    )  # fmt: skip
    squares = 0.25 * counts  # so that there is a staterror, with the order of the counts
    return identify.to_TH1x(
        None,
        "",
        counts,
        1.0,
        1.0,
        1.0,
        0.0,
        0.0,
        squares,
        axis,
        fYaxis=identify.to_TAxis("yaxis", "", 1, 0, 1),
    )


def plain(counts: Sequence[float]) -> Bins:
    return list(zip(ORDER, counts, strict=True))


def write(path: Path, histograms: Mapping[str, Any]) -> Path:
    with uproot.recreate(path) as file:
        for name, histogram in histograms.items():
            file[name] = histogram
    return path


def foreign(path: Path, rn: Any, **others: Any) -> Path:
    found = {name: labelled(plain(EXPECTED[name])) for name in ("sol", "data")} | {"rn": rn, **others}
    return write(path, {f"er/{name}": histogram for name, histogram in found.items()})


def counts(workspace: Workspace) -> dict[str, list[float]]:
    (channel,) = workspace.spec["channels"]
    return {sample["name"]: sample["data"] for sample in channel["samples"]} | {
        "data": workspace.observed()[channel["name"]]
    }


@pytest.mark.parametrize("backwards", [False, True])
def test_foreign_templates_are_matched_by_label(tmp_path: Path, backwards: bool) -> None:
    up, down = labelled([("high", 11.0), ("mid", 33.0), ("low", 21.0)]), labelled(plain([19.0, 27.0, 9.0]))
    rn = labelled(MIXED, backwards=backwards)
    found = import_root(foreign(tmp_path / "a.root", rn, rn_e_Up=up, rn_e_Down=down), signal=["sol"])
    assert counts(found) == EXPECTED
    modifiers = {entry["type"]: entry for entry in found.spec["channels"][0]["samples"][1]["modifiers"]}
    assert modifiers["histosys"]["data"] == {"hi_data": [21.0, 33.0, 11.0], "lo_data": [19.0, 27.0, 9.0]}
    errors = np.sqrt(0.25 * np.array(EXPECTED["rn"]))
    assert modifiers["staterror"]["data"] == pytest.approx(errors, rel=1e-15)
    assert found.sidecar is not None
    assert found.sidecar["channels"] == {}  # bins with labels are no energies


def test_the_order_is_that_of_the_data(tmp_path: Path) -> None:
    first = {"er/sol": labelled([("high", 2.0), ("low", 4.0), ("mid", 6.0)])}
    rest = {"er/rn": labelled(MIXED), "er/data": labelled(plain(EXPECTED["data"]))}
    found = import_root(write(tmp_path / "a.root", first | rest), signal=["sol"])
    assert counts(found) == EXPECTED


def test_one_bin_needs_no_label(tmp_path: Path) -> None:
    found = import_root(
        write(tmp_path / "a.root", {"er/s": labelled([("cut", 3.0)]), "er/data": labelled([("", 4.0)])}),
        signal=["s"],
    )
    assert counts(found) == {"s": [3.0], "data": [4.0]}


REFUSED: dict[str, tuple[Bins, str]] = {
    "none": (
        [("", 20.0), ("", 30.0), ("", 10.0)],
        "er/rn: has no labels and er/data has, so that their order is not known; label both or neither",
    ),
    "other": (
        [("low", 20.0), ("mid", 30.0), ("top", 10.0)],
        "er/rn: has other labels on its bins than er/data: only one of them has 'high'",
    ),
    "some": (
        [("high", 10.0), ("", 20.0), ("mid", 30.0)],
        "er/rn: has other labels on its bins than er/data: only one of them has ''",
    ),
    "twice": (
        [("low", 20.0), ("low", 30.0), ("high", 10.0)],
        "er/rn: has other labels on its bins than er/data: only one of them has 'mid'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_labels_that_do_not_say_which_bin_is_which(refused: Refused, tmp_path: Path, name: str) -> None:
    bins, message = REFUSED[name]
    path = foreign(tmp_path / "a.root", labelled(bins))
    found = refused("import", "root", path, "--signal", "sol", "-o", tmp_path / "out.json")
    assert found.startswith(f"{path}: {message}")


@pytest.mark.parametrize("label", ["", "x"])
def test_equal_labels_in_another_order_are_refused(refused: Refused, tmp_path: Path, label: str) -> None:
    """Two bins without a label, or with the same, could be either of them."""
    path = write(
        tmp_path / "a.root",
        {
            "er/s": labelled([("a", 1.0), (label, 2.0), (label, 3.0)]),
            "er/data": labelled([(label, 1.0), ("a", 2.0), (label, 3.0)]),
        },
    )
    message = refused("import", "root", path, "--signal", "s", "-o", tmp_path / "out.json")
    assert "er/s: its bins stand in another order than those of er/data" in message


def test_xml_is_matched_by_label(refused: Refused, tmp_path: Path) -> None:
    histograms = {name: labelled(plain(EXPECTED[name])) for name in ("sol", "data")}
    write(tmp_path / "h.root", histograms | {"rn": labelled(MIXED), "bare": labelled([("", 1.0)] * 3)})
    channel = (
        '<Channel Name="er" InputFile="h.root"><Data HistoName="data"/>'
        '<Sample Name="sol" HistoName="sol"><NormFactor Name="mu" Val="1" Low="0" High="10"/></Sample>'
        '<Sample Name="rn" HistoName="rn" NormalizeByTheory="False"><StatError Activate="True"/></Sample>'
        "</Channel>"
    ).replace('"sol"><', '"sol" NormalizeByTheory="False"><')
    (tmp_path / "channel.xml").write_text(channel, encoding="utf-8")
    (tmp_path / "top.xml").write_text(
        '<Combination OutputFilePrefix="x"><Input>channel.xml</Input>'
        '<Measurement Name="m" Lumi="1" LumiRelErr="0.1"><POI>mu</POI></Measurement></Combination>',
        encoding="utf-8",
    )
    found = import_xml(tmp_path / "top.xml")
    assert counts(found) == EXPECTED
    (stat,) = found.spec["channels"][0]["samples"][1]["modifiers"]
    assert stat["data"] == pytest.approx(np.sqrt(0.25 * np.array(EXPECTED["rn"])), rel=1e-15)
    (tmp_path / "channel.xml").write_text(channel.replace('"rn" Norm', '"bare" Norm'), encoding="utf-8")
    message = refused("import", "xml", tmp_path / "top.xml", "-o", tmp_path / "out.json")
    assert "bare: has no labels and that of the data has, so that their order is not known" in message


def test_our_own_templates_are_matched_by_label(tmp_path: Path) -> None:
    """Labels that somebody gave the histograms of a file that nuhist wrote."""
    original = import_root(foreign(tmp_path / "a.root", labelled(plain(EXPECTED["rn"]))), signal=["sol"])
    save_root(original, tmp_path / "own.root")
    with uproot.open(tmp_path / "own.root") as file:
        text = str(file["nuhist_model"])
        content = {name: file[f"er/{name}"].values().tolist() for name in ("sol", "rn", "data")}
    histograms = {f"er/{name}": labelled(plain(values)) for name, values in content.items()}
    histograms["er/rn"] = labelled(MIXED)
    write(tmp_path / "edited.root", {"nuhist_model": text} | histograms)
    assert import_root(tmp_path / "edited.root").digest == original.digest


def test_a_background_of_an_experiment_has_no_labels(refused: Refused, tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", {"h": labelled(MIXED)})
    assert open_root(path).histogram("h").labels == ("low", "high", "mid")
    with pytest.raises(ExchangeError, match="has labels on its bins, so that these are no energies"):
        read_template(f"beta={path}:h")
