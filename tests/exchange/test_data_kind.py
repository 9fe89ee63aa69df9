"""Other formats: what the data are comes back, and what a format says of its data is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nuhist import Workspace, build
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.hs3.write import export_hs3
from nuhist.exchange.inference_interface.read import Source, import_templates
from nuhist.exchange.inference_interface.write import export_templates
from nuhist.exchange.root.read import import_root
from nuhist.exchange.root.write import save_root
from nuhist.exchange.xml.read import import_xml
from nuhist.exchange.xml.write import DRIVER, export_xml
from nuhist.histfactory.data_kind import DataKind


@pytest.fixture(scope="module", params=["observed", "asimov"])
def model(request: pytest.FixtureRequest) -> tuple[Workspace, DataKind]:
    choices: dict[str, Any] = {"hypothesis": "magnetic-moment", "background": "paper"}
    return build("lz_ws2022", **choices, asimov=request.param == "asimov"), request.param


def _root(workspace: Workspace, folder: Path) -> Workspace:
    pytest.importorskip("uproot")
    save_root(workspace, folder / "a.root")
    return import_root(folder / "a.root")


def _xml(workspace: Workspace, folder: Path) -> Workspace:
    pytest.importorskip("uproot")
    export_xml(workspace, folder / "xml")
    return import_xml(folder / "xml" / DRIVER)


def _hs3(workspace: Workspace, folder: Path) -> Workspace:
    export_hs3(workspace, folder / "a.hs3.json")
    return import_hs3(folder / "a.hs3.json")


def _hdf5(workspace: Workspace, folder: Path) -> Workspace:
    pytest.importorskip("h5py")
    (path,) = export_templates(workspace, folder / "a.h5")
    return import_templates([Source(path)])


@pytest.mark.parametrize("through", [_root, _xml, _hs3, _hdf5])
def test_there_and_back(model: tuple[Workspace, DataKind], tmp_path: Path, through: Any) -> None:
    workspace, kind = model
    assert through(workspace, tmp_path).data_kind == kind


def test_other_counts_in_the_file_are_other_data(model: tuple[Workspace, DataKind], tmp_path: Path) -> None:
    path = tmp_path / "a.hs3.json"
    export_hs3(model[0], path)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["data"][0]["contents"][5] = 4.0
    path.write_text(json.dumps(document), encoding="utf-8")
    # A data set that calls itself Asimov's is taken at its word.
    assert import_hs3(path).data_kind == ("asimov" if model[1] == "asimov" else "other")


@pytest.mark.parametrize(("name", "kind"), [("asimovData", "asimov"), ("toyData", "toy")])
def test_names_that_say_that_nobody_observed_it(
    model: tuple[Workspace, DataKind], tmp_path: Path, name: str, kind: DataKind
) -> None:
    path = tmp_path / "a.hs3.json"
    export_hs3(model[0], path)
    text = path.read_text(encoding="utf-8").replace("obsData", name).replace("asimovData", name)
    path.write_text(text, encoding="utf-8")
    assert import_hs3(path, data=name).data_kind == kind


def test_templates_with_a_file_of_counts(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    (path,) = export_templates(workspace, tmp_path / "a.h5")
    counts = tmp_path / "counts.csv"
    counts.write_text("counts\n" + "2\n" * 51, encoding="utf-8")
    # In the place of LZ's own, they are others; of templates that have none, they are the data.
    assert import_templates([Source(path)], observed=counts).data_kind == "other"
    alone: dict[str, Any] = {"signal": ["magnetic_moment"], "ignore_metadata": True}
    assert import_templates([Source(path)], observed=counts, **alone).data_kind == "observed"
    assert import_templates([Source(path)], asimov=True, **alone).data_kind == "asimov"
