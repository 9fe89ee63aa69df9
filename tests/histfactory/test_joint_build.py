"""Several experiments in one workspace or PatchSet: what they share, what stays apart, what is refused."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, build, build_patchset, load_experiment
from nuhist.errors import ConfigError
from nuhist.histfactory.templates import Parameter
from nuhist.histfactory.workspace import load_workspace
from tests.digits import WRITTEN

Build = Callable[..., Workspace]

EXPERIMENTS = ("lz_ws2022", "lz_ws2024", "xenonnt_sr0", "pandax4t_run1")
FLUXES = {"pp_flux", "be7_flux", "pep_flux", "cno_flux", "b8_flux", "sin2_theta_12", "delta_m2_21"}


def holders(workspace: Workspace) -> dict[str, set[str]]:
    """Channels of each parameter."""
    found = defaultdict(set)
    for channel in workspace.spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                found[modifier["name"]].add(channel["name"])
    return dict(found)


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(
    ("hypothesis", "poi"), [("magnetic-moment", "mu_nu_squared"), ("millicharge-fea", "q_nu_scaled"),
                            ("charge-radius", "r2_nu_scaled"), ("standard-model", "sm_strength_nu")]
)  # fmt: skip
@pytest.mark.parametrize("flux", ["split", "paper"])
def test_what_is_shared(built: Build, hypothesis: str, poi: str, flux: str) -> None:
    found = holders(built(*EXPERIMENTS, hypothesis=hypothesis, flux=flux))
    shared = {name for name, channels in found.items() if len(channels) > 1}
    assert shared == {poi, "atomic_response"} | (FLUXES if flux == "split" else {"solar_nu_flux"})
    for name in shared:
        assert found[name] == set(EXPERIMENTS)
    for name in found.keys() - shared:
        (channel,) = found[name]
        assert name.startswith(f"{channel}_")


def test_the_channels_are_those_of_the_experiments(built: Build) -> None:
    joint = built(*EXPERIMENTS, hypothesis="magnetic-moment")
    for channel in joint.spec["channels"]:
        alone = built(channel["name"], hypothesis="magnetic-moment")
        assert [channel] == alone.spec["channels"]
        assert joint.observed()[channel["name"]] == alone.observed()[channel["name"]]


def test_sidecar(built: Build, tmp_path: Path) -> None:
    joint = built(*EXPERIMENTS, hypothesis="magnetic-moment")
    joint.save(tmp_path / "joint.json")
    kept = json.loads((tmp_path / "joint.meta.json").read_text(encoding="utf-8"))
    assert list(kept["channels"]) == list(EXPERIMENTS)
    for name, channel in kept["channels"].items():
        experiment = load_experiment(name)
        assert channel["edges_keV"] == experiment.edges.tolist()
        assert channel["exposure_tonne_year"] == experiment.exposure
        assert channel["dataset"] == experiment.dataset
        # Then those of neutrinos and target.
        assert channel["sources"][: len(experiment.sources)] == list(experiment.sources)
        assert "arXiv:1611.09867" in channel["sources"][len(experiment.sources)]
        assert (channel["neutrino_source"], channel["target"], channel["process"]) == (
            "sun",
            "xenon",
            "electron",
        )
    assert set(kept["parameters"]) == set(holders(joint))
    assert kept["workspace_digest"] == joint.digest
    assert load_workspace(tmp_path / "joint.json").sidecar == kept


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("choice", "kind"), [("fixed", None), ("gaussian", "histosys"), ("flat", "normfactor")]
)
def test_argon_only_where_it_is(built: Build, choice: str, kind: str | None) -> None:
    joint = built("lz_ws2022", "xenonnt_sr0", hypothesis="magnetic-moment", ar37=choice)
    found = {
        (channel["name"], modifier["type"])
        for channel in joint.spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
        if "ar37" in modifier["name"]
    }
    assert found == ({("lz_ws2022", kind)} if kind else set())
    assert joint.sidecar is not None
    assert joint.sidecar["options"]["lz_ws2022"]["ar37"] == choice
    assert joint.sidecar["options"]["xenonnt_sr0"]["ar37"] is None


@pytest.mark.parametrize("pair", [("lz_ws2022", "lz_ws2022_1droi"), ("lz_ws2022_paper", "lz_ws2022"),
                                  ("lz_ws2022_1droi", "lz_ws2022_paper")])  # fmt: skip
def test_the_same_events_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        build(*pair, hypothesis="magnetic-moment", flux="paper")
    assert str(caught.value) == f"{pair[0]} and {pair[1]} hold the same events (LZ WS2022); leave one out"


def test_one_experiment_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="xenonnt_sr0 and xenonnt_sr0 hold the same events"):
        build("xenonnt_sr0", "lz_ws2024", "xenonnt_sr0", hypothesis="magnetic-moment")


@pytest.mark.parametrize(
    ("experiments", "choices", "message"),
    [
        (
            ("lz_ws2022", "lz_ws2024"),
            {"observed": Path("counts.csv")},
            "observed=... and exposure=... belong to one",
        ),
        (
            ("lz_ws2022", "lz_ws2024"),
            {"exposure": 2.0, "asimov": True},
            "observed=... and exposure=... belong",
        ),
        (("lz_ws2024", "xenonnt_sr0"), {"ar37": "flat"}, "none of the experiments has ³⁷Ar"),
        (("lz_ws2024", "xenonnt_sr0"), {"background": "paper"}, "no background of lz_ws2024 called 'paper'"),
        (("lz_ws2024", "xenonnt_sr0"), {"response": "matrix"}, "lz_ws2024 has no response matrix"),
        ((), {}, "name at least one experiment"),
    ],
)
def test_refused(experiments: tuple[str, ...], choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(*experiments, hypothesis="magnetic-moment", **choices)
    assert message in str(caught.value)


def test_asimov_of_all(built: Build) -> None:
    joint = built("lz_ws2022", "lz_ws2024", "xenonnt_sr0", hypothesis="millicharge-fea", asimov=True)
    model = pyhf.Workspace(dict(joint.spec)).model()
    start = model.config.suggested_init()
    start[model.config.par_names.index("q_nu_scaled")] = 0.0
    # What is expected without the coupling at the parameters' start.
    expected = model.expected_actualdata(start)
    found = pyhf.Workspace(dict(joint.spec)).data(model, include_auxdata=False)
    np.testing.assert_allclose(found, expected, rtol=WRITTEN)


def test_parameters_of_one_name_and_two_meanings(monkeypatch: pytest.MonkeyPatch) -> None:
    from nuhist.histfactory import channel, model_set

    prepared = channel.channel_model

    def other(experiment: object, *arguments: object) -> channel.ChannelModel:
        model = prepared(experiment, *arguments)  # type: ignore[arg-type]
        named = (Parameter("drift", f"of {model.neutrinos.experiment.name}"), *model.parameters)
        return channel.ChannelModel(model.neutrinos, model.backgrounds, named)

    monkeypatch.setattr(model_set, "channel_model", other)
    with pytest.raises(ConfigError, match="lz_ws2024: 'drift' means something else in another experiment"):
        build("xenonnt_sr0", "lz_ws2024", hypothesis="magnetic-moment")


@pytest.mark.thorough
def test_joint_patchset(tmp_path: Path) -> None:
    couplings = [-2e-13, 0.0, 2e-13]
    names = ("lz_ws2024", "xenonnt_sr0")
    grid = build_patchset(*names, couplings=couplings, hypothesis="millicharge-epa")
    grid.save(tmp_path)
    background = pyhf.Workspace(json.loads((tmp_path / "BkgOnly.json").read_text(encoding="utf-8")))
    patchset = pyhf.PatchSet(json.loads((tmp_path / "patchset.json").read_text(encoding="utf-8")))
    patchset.verify(background)
    assert len(patchset) == 3
    alone = {name: build_patchset(name, couplings=couplings, hypothesis="millicharge-epa") for name in names}
    for patch, index in zip(patchset, range(3), strict=True):
        patched = patchset.apply(background, patch.name)
        signal = {
            channel["name"]: sum(
                sum(sample["data"])
                for sample in channel["samples"]
                if sample["name"].startswith("millicharge")
            )
            for channel in patched["channels"]
        }
        assert set(signal) == set(names)
        assert all((total > 0) == (index != 1) for total in signal.values())
        if index != 1:
            touched = {operation["path"].split("/")[2] for operation in patch.patch}
            assert touched == {"0", "1"}
        for position, name in enumerate(names):
            single = alone[name].workspace(alone[name].points[index])
            assert patched["channels"][position] == single.spec["channels"][0]
