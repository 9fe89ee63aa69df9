"""Workspaces as ROOT templates: what the file holds, and that the same workspace comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from nuhist import Workspace
from nuhist.errors import ExchangeError, NuhistError
from nuhist.exchange.root.read import import_root
from nuhist.exchange.root.write import METADATA, escaped, export_root, save_root
from nuhist.experiments.loading import load_experiment
from nuhist.histfactory.workspace import load_workspace
from tests.strategies import SMALL, random_workspace

uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

Build = Callable[..., Workspace]
Spec = dict[str, Any]
LZ: dict[str, Any] = {"hypothesis": "magnetic-moment"}


@pytest.fixture(scope="module")
def moment(built: Build, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    """A workspace and its ROOT file."""
    workspace = built("lz_ws2022", **LZ)
    path = tmp_path_factory.mktemp("root") / "lz.root"
    save_root(workspace, path)
    return workspace, path


def sample(workspace: Workspace, name: str) -> Any:
    """A sample of the first channel."""
    return next(entry for entry in workspace.spec["channels"][0]["samples"] if entry["name"] == name)


def test_the_histograms_are_the_model(moment: tuple[Workspace, Path]) -> None:
    # Read with uproot alone. 1.006 and 0.994: the pp flux's 0.6 %; up of atomic_response is the RRPA rate.
    workspace, path = moment
    file = uproot.open(path)
    nominal = file["lz_ws2022/nu_pp"]
    assert nominal.classname == "TH1D"
    assert (nominal.axis().edges() == load_experiment("lz_ws2022").edges).all()
    assert nominal.values().tolist() == sample(workspace, "nu_pp")["data"]
    assert nominal.values(flow=True)[[0, -1]].tolist() == [0.0, 0.0]
    for suffix, factor in (("pp_flux_Up", 1.006), ("pp_flux_Down", 0.994)):
        np.testing.assert_allclose(
            file[f"lz_ws2022/nu_pp_{suffix}"].values(), factor * nominal.values(), rtol=1e-12
        )
    shape = next(m for m in sample(workspace, "nu_pp")["modifiers"] if m["type"] == "histosys")["data"]
    assert file["lz_ws2022/nu_pp_atomic_response_Up"].values().tolist() == shape["hi_data"]
    assert file["lz_ws2022/nu_pp_atomic_response_Down"].values().tolist() == shape["lo_data"]
    assert file["lz_ws2022/data"].values().tolist() == workspace.observed()["lz_ws2022"]


def test_every_sample_and_variation_is_there(moment: tuple[Workspace, Path]) -> None:
    workspace, path = moment
    expected = {"lz_ws2022/data"}
    for entry in workspace.spec["channels"][0]["samples"]:
        expected.add(f"lz_ws2022/{entry['name']}")
        for modifier in entry["modifiers"]:
            if modifier["type"] != "normfactor":
                expected |= {f"lz_ws2022/{entry['name']}_{modifier['name']}_{end}" for end in ("Up", "Down")}
    classes = uproot.open(path).classnames(cycle=False)
    assert {name for name, kind in classes.items() if kind == "TH1D"} == expected
    assert len(expected) > 50
    assert classes[METADATA] == "TObjString"
    assert json.loads(str(uproot.open(path)[METADATA]))["sidecar"] == workspace.sidecar


def test_titles_have_units(moment: tuple[Workspace, Path], everything: Spec, tmp_path: Path) -> None:
    histogram = uproot.open(moment[1])["lz_ws2022/nu_pp"]
    assert histogram.title == "solar ν–e scattering, pp"
    assert histogram.member("fXaxis").member("fTitle") == "reconstructed energy [keVee]"
    assert histogram.member("fYaxis").member("fTitle") == "events / bin"
    assert histogram.to_hist().axes[0].label == "reconstructed energy [keVee]"
    # Without a sidecar nobody knows the energies: bins are numbered.
    save_root(Workspace(everything), tmp_path / "x.root")
    histogram = uproot.open(tmp_path / "x.root")["second/data"]
    assert histogram.member("fXaxis").member("fTitle") == "bin"
    assert histogram.axis().edges().tolist() == [0.0, 1.0]


def test_sums_of_squared_weights(moment: tuple[Workspace, Path], everything: Spec, tmp_path: Path) -> None:
    path = tmp_path / "x.root"
    save_root(Workspace(everything), path)
    histogram = uproot.open(path)["first%2Fregion/³⁷Ar%20(a.b)"]
    assert histogram.errors().tolist() == [1.0, 0.3, 0.1]  # √x² is x in IEEE arithmetic
    # Statistical errors that the model does not have are not invented: ROOT then takes √n.
    assert not uproot.open(moment[1])["lz_ws2022/nu_pp"].weighted
    assert not uproot.open(path)["second/³⁷Ar%20(a.b)"].weighted  # two staterrors are in the metadata
    uncertainty = uproot.open(path)["first%2Fregion/³⁷Ar%20(a.b)_each_Uncertainty"]
    assert uncertainty.values().tolist() == [0.5, 2.0, 0.0]


def test_a_norm_and_a_shape_of_one_name_multiply(everything: Spec, tmp_path: Path) -> None:
    save_root(Workspace(everything), tmp_path / "x.root")
    file = uproot.open(tmp_path / "x.root")
    place = "first%2Fregion/³⁷Ar%20(a.b)_scale%3Ae"
    np.testing.assert_allclose(file[f"{place}_Up"].values(), [13.2, 22.8, 0.36], rtol=1e-12)
    np.testing.assert_allclose(file[f"{place}_Down"].values(), [6.3, 14.7, -0.07], rtol=1e-12)


@pytest.mark.parametrize(
    "choices",
    [
        LZ,
        {**LZ, "constraint": "linear", "flux": "paper", "background": "paper"},
        {**LZ, "ar37": "gaussian", "flavor": "mu"},
        {"hypothesis": "millicharge-fea"},
        {"hypothesis": "millicharge-fea", "ar37": "gaussian", "background": "paper"},
        {"hypothesis": "millicharge-epa-only", "ar37": "fixed", "asimov": True},
        {"hypothesis": "charge-radius", "flavor": "e"},
        {"hypothesis": "standard-model"},
    ],
    ids=lambda choices: "-".join(str(value) for value in choices.values()),
)
def test_the_same_workspace_comes_back(built: Build, tmp_path: Path, choices: dict[str, Any]) -> None:
    workspace = built("lz_ws2022", **choices)
    save_root(workspace, tmp_path / "x.root")
    messages: list[str] = []
    found = import_root(tmp_path / "x.root", message=messages.append)
    assert found.digest == workspace.digest
    assert found.sidecar == workspace.sidecar
    assert messages == []


def test_three_experiments_come_back(built: Build, tmp_path: Path) -> None:
    workspace = built("lz_ws2022", "lz_ws2024", "xenonnt_sr0", **LZ)
    save_root(workspace, tmp_path / "x.root")
    found = import_root(tmp_path / "x.root")
    assert (found.digest, found.sidecar) == (workspace.digest, workspace.sidecar)
    folders = {"lz_ws2022", "lz_ws2024", "xenonnt_sr0"}
    assert set(uproot.open(tmp_path / "x.root").keys(recursive=False, cycle=False)) == ({METADATA} | folders)


def test_all_that_histfactory_has_comes_back(everything: Spec, tmp_path: Path) -> None:
    workspace = Workspace(everything, origin="all")
    save_root(workspace, tmp_path / "x.root")
    found = import_root(tmp_path / "x.root")
    assert found.spec == everything
    assert found.digest == workspace.digest  # 5 and 5.0 differ here
    assert found.sidecar is None


@pytest.mark.thorough
def test_random_models_come_back(tmp_path: Path) -> None:
    for seed in range(30):
        workspace = random_workspace(seed, SMALL)
        save_root(workspace, tmp_path / "x.root")
        assert import_root(tmp_path / "x.root").digest == workspace.digest, seed


def test_a_lumi_on_some_samples(built: Build, tmp_path: Path) -> None:
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", constraint="linear", flux="paper")
    save_root(workspace, tmp_path / "x.root")
    assert import_root(tmp_path / "x.root").digest == workspace.digest


def test_negative_counts_come_back(everything: Spec, tmp_path: Path) -> None:
    everything["channels"][0]["samples"][0]["data"][0] = -4.5
    workspace = Workspace(everything)
    save_root(workspace, tmp_path / "x.root")
    assert import_root(tmp_path / "x.root").digest == workspace.digest


def test_a_lumi_on_all_samples(everything: Spec, tmp_path: Path) -> None:
    for channel in everything["channels"]:
        for entry in channel["samples"]:
            entry["modifiers"].append({"name": "lumi", "type": "lumi", "data": None})
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    for measurement in everything["measurements"]:
        measurement["config"]["parameters"].append(block)
    workspace = Workspace(everything)
    save_root(workspace, tmp_path / "x.root")
    file = uproot.open(tmp_path / "x.root")
    assert file["second/³⁷Ar%20(a.b)_lumi_Up"].values() == pytest.approx([7 * 1.02], rel=1e-12)
    assert file["second/³⁷Ar%20(a.b)_lumi_Down"].values() == pytest.approx([7 * 0.98], rel=1e-12)
    assert import_root(tmp_path / "x.root").digest == workspace.digest


@pytest.mark.parametrize("name", ["a/b", "a;1", "a:b", " a\tb ", "100%2F", "a\\b", "ν³⁷é", "a.b-c_d"])
def test_names_are_escaped_one_to_one(name: str) -> None:
    from urllib.parse import unquote

    assert unquote(escaped(name)) == name
    assert not set("/;:\\ \t") & set(escaped(name))


def test_two_histograms_of_one_name_are_refused(everything: Spec, tmp_path: Path) -> None:
    first, second = everything["channels"][0]["samples"]
    first["name"] = "bg"
    second["name"] = "bg_scale:e_Up"  # the histogram of bg at +1 standard deviation of scale:e
    with pytest.raises(ExchangeError, match=r"two histograms would be called .*bg_scale%3Ae_Up'"):
        export_root(Workspace(everything))
    second["name"] = "data"
    with pytest.raises(ExchangeError, match="two histograms would be called 'first%2Fregion/data'"):
        export_root(Workspace(everything))


def test_a_sidecar_with_other_bins_is_refused(built: Build) -> None:
    workspace = built("xenonnt_sr0", **LZ)
    assert workspace.sidecar is not None
    channels = json.loads(json.dumps(workspace.sidecar["channels"]))
    channels["xenonnt_sr0"]["edges_keV"].pop()
    with pytest.raises(ExchangeError, match=r"'xenonnt_sr0': its sidecar has 58 bin edges for 58 bins"):
        export_root(Workspace(workspace.spec, {**workspace.sidecar, "channels": channels}))


def test_commands(
    built: Build, run: Callable[..., Result], refused: Callable[..., str], tmp_path: Path
) -> None:
    workspace = built("xenonnt_sr0", **LZ)
    workspace.save(tmp_path / "x.json")
    result = run("export", "root", tmp_path / "x.json", "-o", tmp_path / "x.root")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{tmp_path / 'x.root'}: written\n")
    result = run("import", "root", tmp_path / "x.root", "-o", tmp_path / "y.json")
    assert result.exit_code == 0
    assert result.stderr == f"{tmp_path / 'y.json'}: 433 counts observed, digest {workspace.digest[:12]}\n"
    assert (tmp_path / "y.json").read_bytes() == (tmp_path / "x.json").read_bytes()
    assert load_workspace(tmp_path / "y.json").sidecar == workspace.sidecar
    # Through pipes: without its sidecar the workspace has no energies, and is the same.
    result = run("export", "root", "-o", tmp_path / "z.root", input=workspace.to_json())
    assert result.exit_code == 0
    assert run("import", "root", tmp_path / "z.root").stdout == workspace.to_json()
    message = refused("export", "root", tmp_path / "x.json", "-o", tmp_path)
    assert message == f"{tmp_path}: cannot be written: it is a folder; name a file in it"


def test_a_missing_uproot_is_named(
    built: Build, refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uproot", None)
    built("xenonnt_sr0", **LZ).save(tmp_path / "x.json")
    message = refused("export", "root", tmp_path / "x.json", "-o", tmp_path / "x.root")
    assert message == "ROOT files need uproot; pip install 'nuhist[root]'"
    (tmp_path / "y.root").write_bytes(b"root")
    assert refused("import", "root", tmp_path / "y.root") == message


def test_every_error_is_nuhists(tmp_path: Path, moment: tuple[Workspace, Path]) -> None:
    # Bytes changed and cut off at random: an error of ours, or a workspace that happens to be valid.
    content = moment[1].read_bytes()
    rng = np.random.default_rng(1)
    path = tmp_path / "x.root"
    for index in range(40):
        damaged = bytearray(content)
        if index % 4 == 0:
            del damaged[rng.integers(len(content)) :]
        for place in rng.integers(len(damaged), size=index % 4 * 5) if damaged else ():
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            import_root(path)
        except NuhistError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
        else:
            assert index % 4
