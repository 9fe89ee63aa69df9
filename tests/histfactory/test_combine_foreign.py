"""Workspaces that are not nuhist's, or lost their sidecar, in a combination; and the same events twice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.stats import norm

from nuhist import Workspace, combine, fit, limit
from nuhist.errors import ConfigError, ModelError

Build = Callable[..., Workspace]
Json = dict[str, Any]
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
FLUXES = ("pp_flux", "be7_flux", "pep_flux", "cno_flux", "b8_flux", "sin2_theta_12", "delta_m2_21")
SHARED = (*FLUXES, "atomic_response")
OURS = {"mu_sig": "mu_nu_squared"}


def _channel(name: str, signal: list[float], background: list[float]) -> Json:
    plain: list[Json] = [{"name": "lumi", "type": "lumi", "data": None}]
    return {
        "name": name,
        "samples": [
            {
                "name": "signal",
                "data": signal,
                "modifiers": [*plain, {"name": "mu_sig", "type": "normfactor", "data": None}],
            },
            {
                "name": "background",
                "data": background,
                "modifiers": [
                    *plain,
                    {"name": "eff", "type": "normsys", "data": {"hi": 1.03, "lo": 0.96}},
                    {"name": f"mc_{name}", "type": "staterror", "data": [0.05 * n for n in background]},
                    {"name": "flux", "type": "normsys", "data": {"hi": 1.07, "lo": 0.93}},
                ],
            },
        ],
    }


def xenon(origin: str = "theirs/xenonnt.json", scale: float = 1.0) -> Workspace:
    """Made by hand: two channels, a lumi, staterrors, two measurements, names of its own."""
    spec: Json = {
        "channels": [
            _channel("low", [3.0 * scale, 1.0], [30.0, 35.0]),
            _channel("high", [0.5], [60.0]),
        ],
        "observations": [{"name": "high", "data": [57.0]}, {"name": "low", "data": [31.0, 33.0]}],
        "measurements": [
            {
                "name": "LowER",
                "config": {
                    "poi": "mu_sig",
                    "parameters": [
                        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]],
                         "inits": [1.0]},
                        {"name": "mu_sig", "bounds": [[0.0, 50.0]], "inits": [1.0]},
                    ],
                },
            },
            {"name": "background_only", "config": {"poi": "", "parameters": []}},
        ],
        "version": "1.0.0",
    }  # fmt: skip
    return Workspace(spec, None, origin)


class Model:
    """pyhf's model of a workspace's first measurement, parameters by name."""

    def __init__(self, workspace: Workspace) -> None:
        document = pyhf.Workspace(dict(workspace.spec))
        self.pyhf = document.model(modifier_settings=COMMAND_LINE)
        self.data = document.data(self.pyhf)
        self.names: list[str] = list(self.pyhf.config.par_names)

    def log_likelihood(self, values: Mapping[str, float]) -> float:
        return float(self.pyhf.logpdf([values[name] for name in self.names], self.data)[0])

    def random(self, generator: np.random.Generator) -> dict[str, float]:
        """Within a σ or so of the start."""
        bounds = self.pyhf.config.suggested_bounds()
        start = self.pyhf.config.suggested_init()
        return {
            name: float(np.clip(generator.normal(value, 0.1 if value == 1 else 1), low, high))
            for name, value, (low, high) in zip(self.names, start, bounds, strict=True)
        }


@pytest.fixture
def lz(built: Build) -> Workspace:
    return replace(built("lz_ws2024", hypothesis="magnetic-moment"), origin="ours/lz.json")


def test_another_name_of_the_coupling_is_refused_with_what_to_do(lz: Workspace) -> None:
    with pytest.raises(ModelError) as caught:
        combine([lz, xenon()])
    assert str(caught.value) == (
        "ours/lz.json limits (mu_nu / 1e-11 mu_B)^2, theirs/xenonnt.json limits mu_sig, and nothing says"
        " that they mean the same; rename one of them, give both workspaces their sidecars, or choose one"
        " with poi=...: mu_nu_squared or mu_sig"
    )


@pytest.mark.parametrize("ours_first", [True, False])
def test_likelihood_after_renaming(lz: Workspace, ours_first: bool) -> None:
    parts = [lz, xenon()] if ours_first else [xenon(), lz]
    joint = Model(combine(parts, rename=OURS))
    separate = [Model(part) for part in parts]
    expected_names = {OURS.get(name, name) for part in separate for name in part.names}
    assert set(joint.names) == expected_names
    assert joint.pyhf.config.poi_name == "mu_nu_squared"
    generator = np.random.default_rng(7)
    for _ in range(10):
        values = joint.random(generator)
        values["mu_sig"] = values["mu_nu_squared"]
        # No parameter is shared but the one of interest, which has no constraint.
        expected = sum(part.log_likelihood(values) for part in separate)
        assert joint.log_likelihood(values) == pytest.approx(expected, rel=0, abs=1e-9)


def test_fits_of_the_combination(lz: Workspace) -> None:
    joint = combine([lz, xenon()], rename=OURS)
    model = Model(joint)
    _, theirs = pyhf.infer.mle.fit(model.data, model.pyhf, return_fitted_val=True)
    ours = fit(joint).twice_nll
    # SciPy's SLSQP stops at 1e-6 of 2NLL by default; where it stops is never below the minimum.
    assert float(theirs) == pytest.approx(ours, abs=1e-3)
    assert float(theirs) > ours - 1e-8
    result, alone = limit(joint), limit(lz)
    assert (result.coupling, result.unit) == ("mu_nu", "mu_B")
    assert result.upper is not None
    assert alone.upper is not None
    # They have 3.0, 1.0 and 0.5 events at 1e-11 μ_B on 125, observe 4 fewer, and say a little.
    assert 0.95 < result.upper / alone.upper < 0.99


def test_overrides_and_names_of_the_combination(lz: Workspace) -> None:
    joint = combine([lz, xenon()], rename=OURS)
    (measurement,) = joint.spec["measurements"]
    blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
    assert blocks["lumi"] == xenon().measurement()["config"]["parameters"][0]
    assert blocks["mu_nu_squared"] == {"name": "mu_nu_squared", "bounds": [[0.0, 50.0]], "inits": [0.1]}
    assert joint.sidecar is not None
    assert joint.sidecar["combined"] == {"lz_ws2024": lz.digest, "xenonnt": xenon().digest}
    assert set(joint.sidecar["channels"]) == {"lz_ws2024"}  # of theirs nothing is known
    assert joint.observed() == {**lz.observed(), **xenon().observed()}


def test_a_systematic_of_theirs_with_our_fluxes(lz: Workspace) -> None:
    rename = {**OURS, "flux": "pp_flux"}
    # 7 % against 0.6 %.
    with pytest.raises(ModelError, match=r"'pp_flux' has different sizes: .* in lz_ws2024, .* in xenonnt"):
        combine([lz, xenon()], rename=rename, correlate=["pp_flux"])
    parts = [Model(lz), Model(xenon())]
    joint = Model(combine([lz, xenon()], rename=rename, correlate=["pp_flux"], prefer={"pp_flux": "xenonnt"}))
    start = dict(zip(joint.names, joint.pyhf.config.suggested_init(), strict=True))
    values = {**start, "mu_nu_squared": 0.0, "mu_sig": 0.0, "pp_flux": 1.0, "flux": 1.0}
    up = joint.pyhf.expected_actualdata([values[name] for name in joint.names])
    low = joint.pyhf.config.channel_slices["low"]
    theirs = parts[1].pyhf.expected_actualdata([values[name] for name in parts[1].names])
    assert up[low] == pytest.approx(theirs[parts[1].pyhf.config.channel_slices["low"]])
    ours = lz.spec["channels"][0]["samples"]
    nominal = sum(
        np.array(sample["data"]) for sample in ours
        if not any(entry["name"] == "mu_nu_squared" for entry in sample["modifiers"])
    )  # fmt: skip
    (pp,) = (np.array(sample["data"]) for sample in ours if sample["name"] == "nu_pp")
    channel = joint.pyhf.config.channel_slices["lz_ws2024"]
    assert up[channel] == pytest.approx(nominal + 0.07 * pp, rel=1e-12)


def test_channels_of_one_name() -> None:
    parts = [xenon("a/first.json"), xenon("a/second.json", scale=2.0)]
    parts[1].spec["channels"][1]["name"] = "other"
    parts[1].spec["observations"][0]["name"] = "other"
    lines: list[str] = []
    apart = ["eff", "flux", "mc_low", "mc_high"]
    joint = combine(parts, correlate=["lumi"], decorrelate=apart, message=lines.append)
    assert [channel["name"] for channel in joint.spec["channels"]] == [
        "first_low", "high", "second_low", "other",
    ]  # fmt: skip
    assert joint.observed() == {
        "first_low": [31.0, 33.0], "high": [57.0], "second_low": [31.0, 33.0], "other": [57.0],
    }  # fmt: skip
    assert "a/second.json: channel low renamed to second_low" in lines
    model, separate = Model(joint), [Model(part) for part in parts]
    values = model.random(np.random.default_rng(8))
    expected = 0.0
    for name, part in zip(("first", "second"), separate, strict=True):
        expected += part.log_likelihood({n: values.get(f"{name}_{n}", values.get(n, 0)) for n in part.names})
    expected -= norm.logpdf(values["lumi"], 1.0, 0.02)  # of the one that is counted twice
    assert model.log_likelihood(values) == pytest.approx(expected, rel=0, abs=1e-9)


def test_files_of_one_name() -> None:
    parts = [xenon("2022/fit.json"), xenon("2024/fit.json", scale=2.0)]
    joint = combine(parts, correlate=["lumi", "eff", "flux"], decorrelate=["mc_low", "mc_high"])
    assert [channel["name"] for channel in joint.spec["channels"]] == [
        "fit_1_low", "fit_1_high", "fit_2_low", "fit_2_high",
    ]  # fmt: skip


def test_no_parameter_of_interest() -> None:
    spec = copy.deepcopy(dict(xenon().spec))
    spec["measurements"][0]["config"]["poi"] = ""
    said: list[str] = []
    both = [xenon(), Workspace(spec, None, "bare.json")]
    combine(both, correlate_common=True, message=said.append)
    assert said[0] == "bare.json: has no parameter of interest; it is a control measurement"


def test_a_linear_flux_of_a_signed_coupling_is_no_luminosity(built: Build) -> None:
    linear = built("lz_ws2022", hypothesis="millicharge-fea", constraint="linear", flux="paper")
    other = built("xenonnt_sr0", hypothesis="millicharge-fea", flux="paper")
    with pytest.raises(ModelError, match=r"has it as lumi, .*; build it with constraint='normsys'"):
        combine([other, replace(linear, origin="lz.json")], correlate=["atomic_response"])


@pytest.mark.parametrize("sidecars", [(True, True), (True, False), (False, True), (False, False)])
def test_the_same_events(built: Build, sidecars: tuple[bool, bool]) -> None:
    # A bundled channel is known by its name where the sidecar was lost in a pipe.
    parts = [
        replace(built(name, hypothesis="magnetic-moment"), origin=f"{name}.json")
        for name in ("lz_ws2022", "lz_ws2022_1droi")
    ]
    given = [
        part if kept else replace(part, sidecar=None) for part, kept in zip(parts, sidecars, strict=True)
    ]
    with pytest.raises(ConfigError) as caught:
        combine(given, correlate=SHARED)
    assert str(caught.value) == (
        "lz_ws2022.json and lz_ws2022_1droi.json hold the same events (LZ WS2022,"
        " by channel 'lz_ws2022_1droi'); leave one out, or force it"
    )
    forced = combine(given, correlate=SHARED, force=True)
    assert set(forced.observed()) == {"lz_ws2022", "lz_ws2022_1droi"}


def test_the_same_events_of_workspaces_in_memory(built: Build) -> None:
    parts = [built(name, hypothesis="magnetic-moment") for name in ("lz_ws2022", "lz_ws2022_1droi")]
    with pytest.raises(ConfigError, match="lz_ws2022 and lz_ws2022_1droi hold the same events"):
        combine(parts, correlate=SHARED)


def test_a_signed_coupling_is_not_correlated_in_part(built: Build) -> None:
    parts = [built(name, hypothesis="millicharge-fea") for name in ("lz_ws2024", "xenonnt_sr0")]
    with pytest.raises(
        ConfigError, match="'q_nu_scaled' is the parameter of interest; it cannot be correlated"
    ):
        combine(parts, correlate={**dict.fromkeys(SHARED, 1.0), "q_nu_scaled": 0.5})


def test_a_preference_for_nothing(lz: Workspace) -> None:
    for name in ("nonsense", "eff"):
        with pytest.raises(
            ConfigError, match=f"prefer={{'{name}': ...}}: it is not among the shared parameters"
        ):
            combine([lz, xenon()], rename=OURS, prefer={name: "xenonnt"})


@pytest.mark.parametrize(
    ("bounds", "start"),
    # The first one's bounds are 0 to 50, and it starts at 1: the nearest value that both allow.
    [((0.0, 0.5), 0.5), ((2.0, 9.0), 2.0), ((-5.0, 20.0), 1.0)],
)
def test_the_start_lies_within_the_common_bounds(bounds: tuple[float, float], start: float) -> None:
    parts = [xenon("first.json"), xenon("second.json", scale=2.0)]
    parts[1].spec["measurements"][0]["config"]["parameters"][1].update(
        bounds=[list(bounds)], inits=[bounds[1]]
    )
    joint = combine(parts, correlate=["lumi", "eff", "flux"], decorrelate=["mc_low", "mc_high"])
    (block,) = (b for b in joint.measurement()["config"]["parameters"] if b["name"] == "mu_sig")
    assert block["bounds"] == [[max(0.0, bounds[0]), min(50.0, bounds[1])]]
    assert block["inits"] == [start]
    assert parts[0].measurement()["config"]["parameters"][1]["inits"] == [1.0]  # the parts are as they were
