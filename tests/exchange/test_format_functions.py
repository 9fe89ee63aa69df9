"""Formats from Python: by name, with the options of the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

import nuhist
from nuhist.errors import ConfigError, KeywordError


def test_there_and_back(tmp_path: Path) -> None:
    workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    (path,) = nuhist.export_to("hs3", workspace, tmp_path / "lz.json")
    assert path == tmp_path / "lz.json"
    assert nuhist.import_from("hs3", str(path)).digest == workspace.digest


def test_several_files_and_messages(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    messages: list[str] = []
    paths = nuhist.export_to("inference-interface", workspace, tmp_path / "t.h5", message=messages.append)
    assert nuhist.import_from("inference-interface", paths).digest == workspace.digest
    assert nuhist.import_from("inference-interface", paths[0]).digest == workspace.digest


def test_what_is_refused(tmp_path: Path) -> None:
    workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    with pytest.raises(ConfigError, match="no format called 'rot'; did you mean root"):
        nuhist.export_to("rot", workspace, tmp_path / "x")
    with pytest.raises(ConfigError, match="format 'hepdata': is not written here; nuhist hepdata build"):
        nuhist.export_to("hepdata", workspace, tmp_path / "x")
    with pytest.raises(ConfigError, match="format 'hepdata': nuhist does not read it"):
        nuhist.import_from("hepdata", tmp_path / "x")
    with pytest.raises(KeywordError, match=r"measurment is no option of .*; did you mean measurement"):
        nuhist.import_from("hs3", tmp_path / "x", measurment="m")
    assert list(tmp_path.iterdir()) == []


def test_registries_name_what_there_is() -> None:
    assert {"root", "hs3"} <= set(nuhist.format_names())
    assert {"profile", "cls", "feldman-cousins"} <= set(nuhist.method_names())
    assert {"spectrum", "scan"} <= set(nuhist.figure_names())
    assert {"xenon", "germanium"} <= set(nuhist.target_names())
    assert {"sun", "reactor"} <= set(nuhist.source_names())
    assert "magnetic-moment" in nuhist.all_hypotheses()
