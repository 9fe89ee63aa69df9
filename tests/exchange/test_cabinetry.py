"""cabinetry on our ROOT templates and on our JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from nuhist import Workspace, fit, limit, ranking, scan
from nuhist.errors import DataError, ExchangeError
from nuhist.exchange.cabinetry.configuration import cabinetry_configuration, save_with_configuration

cabinetry = pytest.importorskip(
    "cabinetry", reason="cabinetry is not installed; pip install 'nuhist[cabinetry]'"
)
pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

Build = Callable[..., Workspace]
Spec = dict[str, Any]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """cabinetry logs a line for each empty bin."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def through_cabinetry(workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Spec:
    """The workspace that cabinetry builds from our ROOT file and configuration."""
    save_with_configuration(workspace, folder / "templates.root", folder / "model.yml")
    monkeypatch.chdir(folder)
    configuration = cabinetry.configuration.load("model.yml")  # validates it
    cabinetry.templates.collect(configuration, method="uproot")
    cabinetry.templates.postprocess(configuration)
    found: Spec = cabinetry.workspace.build(configuration)
    return found


def normalised(spec: Spec) -> Spec:
    """Counts, normfactors and normsys of each sample, by channel and sample."""
    return {
        f"{channel['name']}/{sample['name']}": {
            "data": sample["data"],
            **{
                f"{entry['type']} {entry['name']}": list((entry["data"] or {}).values())
                for entry in sample["modifiers"]
                if entry["type"] in ("normfactor", "normsys")
            },
        }
        for channel in spec["channels"]
        for sample in channel["samples"]
    }


def test_cabinetry_finds_our_histograms(
    built: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37="flat", asimov=True)
    found = through_cabinetry(workspace, tmp_path, monkeypatch)
    # No systematic has a shape here: the model is the same, but for hi = 1 + (hi − 1).
    ours, theirs = normalised(dict(workspace.spec)), normalised(found)
    assert ours.keys() == theirs.keys()
    for name, sample in ours.items():
        assert theirs[name].keys() == sample.keys()
        assert theirs[name]["data"] == sample["data"]
        for key in sample.keys() - {"data"}:
            assert theirs[name][key] == pytest.approx(sample[key], rel=1e-12)
    assert found["observations"] == workspace.spec["observations"]
    assert found["measurements"][0]["config"]["poi"] == "mu_nu_squared"
    blocks = {block["name"]: block for block in found["measurements"][0]["config"]["parameters"]}
    for block in workspace.spec["measurements"][0]["config"]["parameters"]:
        assert blocks[block["name"]] == block
    assert limit(Workspace(found)).upper == pytest.approx(limit(workspace).upper, rel=1e-6)


def test_shapes_become_norm_and_shape(built: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = built("xenonnt_sr0", hypothesis="magnetic-moment")
    found = through_cabinetry(workspace, tmp_path, monkeypatch)
    kinds = {
        (entry["name"], entry["type"])
        for channel in found["channels"]
        for sample in channel["samples"]
        for entry in sample["modifiers"]
    }
    assert {kind for name, kind in kinds if name == "atomic_response"} == {"normsys", "histosys"}
    assert not any(kind == "staterror" for _, kind in kinds)
    # At ±1 standard deviation and at 0 the split is exact; between it is not, and hardly matters.
    import pyhf

    models = [pyhf.Workspace(spec).model() for spec in (dict(workspace.spec), found)]
    for value in (-1.0, 0.0, 1.0):
        counts = []
        for model in models:
            parameters = dict(zip(model.config.par_names, model.config.suggested_init(), strict=True))
            parameters["atomic_response"] = value
            counts.append(model.expected_actualdata([parameters[name] for name in model.config.par_names]))
        np.testing.assert_allclose(counts[1], counts[0], rtol=1e-12)
    assert limit(Workspace(found)).upper == pytest.approx(limit(workspace).upper, rel=2e-4)


def test_statistical_errors_and_odd_names(
    everything: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without what a configuration cannot hold: shapesys, shapefactor, a start of a constrained parameter.
    first, second = everything["channels"]
    sample = first["samples"][1]
    sample["modifiers"] = [m for m in sample["modifiers"] if m["type"] not in ("shapesys", "shapefactor")]
    sample["modifiers"][1]["data"]["lo_data"][2] = 0.1  # cabinetry takes the root of counts, even of these
    second["samples"][0]["modifiers"].pop()
    found = through_cabinetry(Workspace(everything), tmp_path, monkeypatch)
    assert [channel["name"] for channel in found["channels"]] == ["first%2Fregion", "second"]
    region = {entry["name"]: entry for entry in found["channels"][0]["samples"]}
    assert list(region) == ["signal%3B%20p=1%25", "³⁷Ar%20(a%2Eb)"]
    assert region["³⁷Ar%20(a%2Eb)"]["data"] == [10.0, 20.0, 0.1]
    modifiers = {(m["name"], m["type"]): m["data"] for m in region["³⁷Ar%20(a%2Eb)"]["modifiers"]}
    assert modifiers["staterror_first%2Fregion", "staterror"] == pytest.approx([1.0, 0.3, 0.1])
    # The total 13.2 + 22.8 + 0.36 of a normsys and a histosys of one name, over 30.1.
    assert modifiers["scale:e", "normsys"]["hi"] == pytest.approx(36.36 / 30.1)
    signal = {(m["name"], m["type"]) for m in region["signal%3B%20p=1%25"]["modifiers"]}
    assert signal == {("mu", "normfactor"), ("scale:e", "normsys")}  # no staterror was invented
    assert found["measurements"][0]["config"]["parameters"] == [
        {"name": "mu", "inits": [0.5], "bounds": [[0, 10]]},
        {"name": "shape", "inits": [0.25], "fixed": True},
    ]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"hypothesis": "millicharge-fea"}, "holds no bounds of the constrained 'q_nu_scaled'"),
        ({"hypothesis": "magnetic-moment", "ar37": "gaussian"}, "would split 'lz_ws2022_ar37_norm' into"),
    ],
)  # fmt: skip
def test_what_a_configuration_cannot_hold(built: Build, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ExchangeError, match=f"({message}).*give cabinetry the workspace itself"):
        cabinetry_configuration(built("lz_ws2022", **choices), Path("x.root"))


def test_other_modifiers_are_refused(everything: Spec) -> None:
    def refused(message: str) -> None:
        with pytest.raises(ExchangeError, match=message):
            cabinetry_configuration(Workspace(everything), Path("x.root"))

    first, second = everything["channels"]
    modifiers = first["samples"][1]["modifiers"]
    refused("sample '³⁷Ar \\(a.b\\)' has the shapesys 'each', which a cabinetry configuration cannot hold")
    del modifiers[4]
    refused("has the shapefactor 'free', which")
    del modifiers[4]
    errors = modifiers.pop(3)
    refused("has a staterror in one channel and none in another")
    modifiers.append(errors)
    shape = everything["measurements"][0]["config"]["parameters"][1]
    del shape["fixed"]
    refused("holds no start of the constrained 'shape'")
    shape["bounds"] = [[-1.0, 1.0]]
    refused("holds no bounds of the constrained 'shape'")
    del shape["bounds"], shape["inits"]
    second["samples"].append({"name": "signal; p=1%", "data": [1.0], "modifiers": []})
    cabinetry_configuration(Workspace(everything), Path("x.root"))  # mu acts in one channel only
    modifiers.append({"name": "mu", "type": "normfactor", "data": None})
    second["samples"][1]["modifiers"].append({"name": "mu", "type": "normfactor", "data": None})
    refused("'mu' scales other samples in channel 'second' than elsewhere")


def test_the_command(
    built: Build, run: Callable[..., Result], refused: Callable[..., str], tmp_path: Path
) -> None:
    built("lz_ws2024", hypothesis="magnetic-moment").save(tmp_path / "x.json")
    (tmp_path / "sub").mkdir()
    root, config = tmp_path / "sub" / "x.root", tmp_path / "x.yml"
    result = run("export", "root", tmp_path / "x.json", "-o", root, "--cabinetry", config)
    assert result.exit_code == 0
    assert result.stderr == f"{root}: written\n{config}: written\n"
    # The path is as seen from the configuration's folder.
    found = cabinetry.configuration.load(config)
    assert found["General"]["InputPath"] == "sub/x.root:{RegionPath}/{SamplePath}{VariationPath}"
    built("lz_ws2024", hypothesis="millicharge-fea").save(tmp_path / "y.json")
    arguments = ("export", "root", tmp_path / "y.json", "-o", tmp_path / "y.root", "--cabinetry")
    assert "give cabinetry the workspace itself" in refused(*arguments, tmp_path / "y.yml")
    assert "cannot be one file" in refused(
        *arguments[:2], tmp_path / "x.json", "-o", config, "--cabinetry", config
    )
    assert "No such file or directory" in refused(*arguments, tmp_path / "none" / "y.yml")
    with pytest.raises(DataError):
        save_with_configuration(built("lz_ws2024", hypothesis="magnetic-moment"), root, tmp_path)


def test_cabinetry_fits_ranks_and_scans_our_json(built: Build, tmp_path: Path) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37="fixed")
    workspace.save(tmp_path / "x.json")
    model, data = cabinetry.model_utils.model_and_data(cabinetry.workspace.load(tmp_path / "x.json"))
    theirs, ours = cabinetry.fit.fit(model, data), fit(workspace)
    assert theirs.labels == [entry.name for entry in ours.parameters]
    # The best fit lies at mu = 0, where Minuit stops some 1e-2 above: 2NLL is flat there.
    assert theirs.bestfit == pytest.approx([entry.value for entry in ours.parameters], abs=0.05)
    assert theirs.best_twice_nll == pytest.approx(ours.twice_nll, abs=1e-3)
    points = [0.5, 1.5]
    profile = cabinetry.fit.scan(
        model, data, "mu_nu_squared", par_range=(points[0], points[1]), n_steps=2, init_pars=None
    )
    expected = scan(workspace, couplings=[1e-11 * value**0.5 for value in points]).delta_chi2
    assert np.diff(profile.delta_nlls) == pytest.approx(np.diff(expected), abs=1e-3)
    ranked = cabinetry.fit.ranking(model, data, fit_results=theirs)
    names = {entry.parameter for entry in ranking(workspace).impacts}
    assert set(ranked.labels) == names == {"lz_ws2022_background_norm", "solar_nu_flux"}
