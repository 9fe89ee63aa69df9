"""What a combination shares, keeps apart, renames, splits, rescales and refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import nan, sqrt
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

from nuhist import Model, Workspace, combine, limit
from nuhist.errors import ConfigError, ModelError

Array = NDArray[np.float64]
Build = Callable[..., Workspace]
Json = dict[str, Any]
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
SHARED = (
    "pp_flux",
    "be7_flux",
    "pep_flux",
    "cno_flux",
    "b8_flux",
    "sin2_theta_12",
    "delta_m2_21",
    "atomic_response",
)


def toy(name: str, *modifiers: Json, data: float = 50.0, blocks: Sequence[Json] = ()) -> Workspace:
    """A counting experiment: 2 mu + a background, one bin."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [2.0], "modifiers": [mu]},
        {"name": "background", "data": [data], "modifiers": list(modifiers)},
    ]
    spec = {
        "channels": [{"name": name, "samples": samples}],
        "observations": [{"name": name, "data": [data]}],
        "measurements": [{"name": "theirs", "config": {"poi": "mu", "parameters": list(blocks)}}],
        "version": "1.0.0",
    }
    return Workspace(spec, None, f"folder/{name}.json")


def normsys(high: float, low: float, name: str = "eff") -> Json:
    return {"name": name, "type": "normsys", "data": {"hi": high, "lo": low}}


def histosys(high: float, low: float, name: str = "eff") -> Json:
    return {"name": name, "type": "histosys", "data": {"hi_data": [high], "lo_data": [low]}}


def plain(kind: str, name: str, data: Any = None) -> Json:
    return {"name": name, "type": kind, "data": data}


def lumi(name: str, sigma: float) -> Workspace:
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [sigma], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    return toy(name, plain("lumi", "lumi"), blocks=[block])


def model_of(workspace: Workspace) -> Any:
    return pyhf.Workspace(dict(workspace.spec)).model(modifier_settings=COMMAND_LINE)


def counts(model: Any, **values: float) -> Array:
    """Expected counts of all bins; parameters that are not named at their start, mu at 0."""
    named = {"mu": 0.0, **values}
    start = zip(model.config.par_names, model.config.suggested_init(), strict=True)
    return np.asarray(model.expected_actualdata([named.get(name, value) for name, value in start]))


def jacobian(workspace: Workspace, transform: Callable[[Array], Array], step: float) -> Array:
    """Change of the expected counts per standard deviation of each constrained parameter."""
    model = model_of(workspace)
    names = model.config.auxdata_order
    up, down = ([transform(counts(model, **{n: sign * step})) for n in names] for sign in (1, -1))
    return (np.array(up) - np.array(down)).T / (2 * step)


def parameters(workspace: Workspace) -> set[str]:
    return set(model_of(workspace).config.par_names)


def log_likelihood(workspace: Workspace, values: Mapping[str, float]) -> float:
    model = model_of(workspace)
    point = [values[name] for name in model.config.par_names]
    return float(model.logpdf(point, pyhf.Workspace(dict(workspace.spec)).data(model))[0])


A, B = toy("a", normsys(1.07, 0.93)), toy("b", normsys(1.07, 0.93), data=80.0)


def test_shared_and_apart() -> None:
    lines: list[str] = []
    assert parameters(combine([A, B], correlate=["eff"], message=lines.append)) == {"mu", "eff"}
    assert lines == []
    apart = combine([A, B], decorrelate=["eff"], message=lines.append)
    assert parameters(apart) == {"mu", "a_eff", "b_eff"}
    assert lines == [f"folder/{name}.json: eff renamed to {name}_eff" for name in "ab"]
    model = model_of(apart)
    assert counts(model, a_eff=1.0) == pytest.approx([53.5, 80.0])  # 50 × 1.07
    assert parameters(A) == {"mu", "eff"}  # the parts are as they were


def test_rename_joins_or_parts_names() -> None:
    other = toy("b", normsys(1.07, 0.93, "efficiency"))
    joint = combine([A, other], rename={"efficiency": "eff"}, correlate=["eff"])
    assert parameters(joint) == {"mu", "eff"}
    with pytest.raises(ModelError, match=r"a\.json and folder/b\.json both have 'eff'"):
        combine([A, other], rename={"efficiency": "eff"})


@pytest.mark.parametrize("rho", [0.05, 0.5, 0.81])
def test_partial_correlation_of_counts(rho: float) -> None:
    # σ₁ = 5, σ₂ = 12 counts, linear: exact.
    parts = [toy("a", histosys(55, 45)), toy("b", histosys(92, 68), data=80.0)]
    joint = combine(parts, correlate={"eff": rho})
    assert parameters(joint) == {"mu", "eff", "a_eff", "b_eff"}
    change = jacobian(joint, lambda values: values, 0.1)
    expected = [[25, 60 * rho], [60 * rho, 144]]
    assert change @ change.T == pytest.approx(np.array(expected), rel=1e-9)


@pytest.mark.parametrize("rho", [0.05, 0.5, 0.81])
def test_partial_correlation_of_norms(rho: float) -> None:
    joint = combine([A, B], correlate={"eff": rho})
    # From −1σ to +1σ, and beyond, a normsys is exponential: exact in the logarithm.
    sigma = np.log(1.07 / 0.93) / 2
    change = jacobian(joint, np.log, 1.0)
    expected = sigma**2 * np.array([[1, rho], [rho, 1]])
    assert change @ change.T == pytest.approx(expected, rel=1e-9)
    # To linear order at the start; the next order is σ² of it, 0.5 %.
    start = jacobian(joint, lambda values: values, 1e-3)
    assert start @ start.T == pytest.approx(
        0.07**2 * np.array([[2500, 4000 * rho], [4000 * rho, 6400]]), rel=5e-3
    )
    beyond = counts(model_of(joint), eff=1.5, a_eff=2.0, b_eff=-1.0)
    hi, lo, shared, private = 1.07, 0.93, sqrt(rho), sqrt(1 - rho)
    assert beyond[0] == pytest.approx(50 * hi ** (1.5 * shared + 2 * private), rel=1e-12)
    assert beyond[1] == pytest.approx(80 * hi ** (1.5 * shared) * lo**private, rel=1e-12)


def test_partial_correlation_leaves_a_workspace_of_two_channels_whole() -> None:
    pair = combine([A, B], correlate=["eff"])
    third = toy("c", normsys(1.07, 0.93), data=30.0)
    change = jacobian(combine([pair, third], correlate={"eff": 0.3}), np.log, 1.0)
    correlation = change @ change.T / (np.log(1.07 / 0.93) / 2) ** 2
    assert correlation == pytest.approx(np.array([[1, 1, 0.3], [1, 1, 0.3], [0.3, 0.3, 1]]), rel=1e-9)


def test_full_correlation_is_sharing() -> None:
    assert combine([A, B], correlate={"eff": 1.0}).digest == combine([A, B], correlate=["eff"]).digest


def test_sizes_that_differ() -> None:
    small = toy("b", normsys(1.006, 0.994), data=80.0)
    with pytest.raises(
        ModelError, match=r"hi 1\.07, lo 0\.93 in a, .* hi 1\.006, lo 0\.994 in b; use prefer={'eff': "
    ):
        combine([A, small], correlate=["eff"])
    for winner, factor in (("a", 1.07), ("b", 1.006)):
        joint = model_of(combine([A, small], correlate=["eff"], prefer={"eff": winner}))
        assert counts(joint, eff=1.0) == pytest.approx([50 * factor, 80 * factor])
    with pytest.raises(ConfigError, match="'eff': 'c'}: no such workspace; they are a, b"):
        combine([A, small], correlate=["eff"], prefer={"eff": "c"})


@pytest.mark.parametrize("rho", [0.0, 1.5, nan, -0.5])
def test_correlations_that_are_none(rho: float) -> None:
    with pytest.raises(
        ConfigError, match=r"correlat.* eff ?=.*: (must be above 0 and at most 1|expected a number)"
    ):
        combine([A, B], correlate={"eff": rho})


@pytest.mark.parametrize(
    ("first", "second", "choices", "message"),
    [
        (A, B, {}, "a.json and folder/b.json both have 'eff'; say correlate=['eff'], decorrelate=['eff']"),
        (A, B, {"correlate": ["pp_flux"]}, "no workspace has a parameter 'pp_flux'; they have eff, mu"),
        (A, B, {"decorrelate": ["pp_flux"]}, "no workspace has a parameter 'pp_flux'"),
        (A, toy("b"), {"correlate": ["eff"]}, "only one workspace has 'eff'; there is nothing to correlate"),
        (A, B, {"correlate": ["eff"], "decorrelate": ["eff"]}, "'eff' cannot be both"),
        (A, B, {"correlate": ["eff"], "decorrelate": ["mu"]}, "'mu' cannot be both"),
        (A, B, {"correlate": {"eff": 1.0, "mu": 0.5}},
         "'mu' is the parameter of interest; it cannot be correlated in part"),
        (A, toy("b", plain("normfactor", "eff")), {"correlate": ["eff"]},
         "it is gaussian in a, free in b; use decorrelate=... or rename=..."),
        (toy("a", plain("staterror", "mc", [2.0])), toy("b", plain("staterror", "mc", [2.0])),
         {"correlate": ["mc"]}, "'mc' has a parameter per bin and cannot be shared; use decorrelate=['mc']"),
        (toy("a", plain("shapesys", "mc", [2.0])), toy("b", plain("shapesys", "mc", [2.0])),
         {"correlate": ["mc"]}, "'mc' has a parameter per bin and cannot be shared; use decorrelate=['mc']"),
        (A, B, {"rename": {"eff": "x", "x": "eff"}}, "renames go in a circle or a chain"),
        (A, B, {"rename": {"eff": "x", "x": "y"}}, "renames go in a circle or a chain"),
        (A, B, {"rename": {"eff": "x", "mu": "x"}}, "'mu' cannot become 'x', which exists"),
        (A, B, {"rename": {"nothing": "x"}}, "no workspace has a parameter 'nothing'"),
        (A, B, {"rename": {"eff": "mu"}}, "folder/a.json: 'eff' cannot become 'mu', which exists"),
        (A, A, {"correlate": ["eff"]}, "folder/a.json is the same workspace as folder/a.json"),
        (lumi("a", 0.05), lumi("b", 0.05), {}, "both have 'lumi'; say correlate=['lumi']"),
        (lumi("a", 0.05), lumi("b", 0.02), {"correlate": ["lumi"]}, "'lumi' has different sizes"),
        (lumi("a", 0.05), lumi("b", 0.05), {"decorrelate": ["lumi"]}, "a lumi cannot be renamed"),
        (lumi("a", 0.05), lumi("b", 0.05), {"correlate": {"lumi": 0.5}}, "only a normsys or histosys"),
    ],
)  # fmt: skip
def test_refused(first: Workspace, second: Workspace, choices: Json, message: str) -> None:
    with pytest.raises((ConfigError, ModelError)) as caught:
        combine([first, second], **choices)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [[], [A]])
def test_fewer_than_two(given: list[Workspace]) -> None:
    with pytest.raises(ConfigError, match=f"needs at least two workspaces; got {len(given)}"):
        combine(given)


def test_one_lumi_or_one_that_is_shared() -> None:
    assert parameters(combine([lumi("a", 0.05), B])) == {"mu", "lumi", "eff"}
    joint = combine([lumi("a", 0.05), lumi("b", 0.05)], correlate=["lumi"])
    assert counts(model_of(joint), lumi=1.1) == pytest.approx([55, 55])
    preferred = combine([lumi("a", 0.05), lumi("b", 0.02)], correlate=["lumi"], prefer={"lumi": "b"})
    assert model_of(preferred).config.param_set("lumi").width() == [0.02]


def test_staterrors_apart() -> None:
    parts = [toy(name, plain("staterror", "mc", [2.0])) for name in "ab"]
    assert parameters(combine(parts, decorrelate=["mc"])) == {"mu", "a_mc[0]", "b_mc[0]"}


def other_reference(workspace: Workspace) -> Workspace:
    """The same with (μ/2e-11 μ_B)² as the parameter: four times the counts, bounds and start a quarter."""
    spec = copy.deepcopy(dict(workspace.spec))
    sidecar = copy.deepcopy(dict(workspace.sidecar or {}))
    for sample in spec["channels"][0]["samples"]:
        if any(entry["name"] == "mu_nu_squared" for entry in sample["modifiers"]):
            sample["data"] = [4 * value for value in sample["data"]]
            for entry in sample["modifiers"]:
                if entry["type"] == "histosys":
                    entry["data"] = {key: [4 * x for x in row] for key, row in entry["data"].items()}
    (block,) = (b for b in spec["measurements"][0]["config"]["parameters"] if b["name"] == "mu_nu_squared")
    block["bounds"], block["inits"] = [[0.0, 25.0]], [0.025]
    sidecar["poi"]["reference"] = 2e-11
    return Workspace(spec, sidecar, "other.json")


@pytest.mark.thorough
def test_references_are_rescaled(built: Build) -> None:
    lz, xenon = (built(name, hypothesis="magnetic-moment") for name in ("lz_ws2024", "xenonnt_sr0"))
    other = other_reference(xenon)
    lines: list[str] = []
    plain_joint = combine([lz, xenon], correlate=SHARED)
    ours = combine([lz, other], correlate=SHARED, message=lines.append)
    theirs = combine([other, lz], correlate=SHARED)
    assert lines == ["other.json: mu_nu_squared rescaled to (mu_nu / 1e-11 mu_B)^2"]
    assert theirs.sidecar is not None
    assert theirs.sidecar["poi"]["meaning"] == "(mu_nu / 2e-11 mu_B)^2"
    names = model_of(plain_joint).config.par_names
    for mu in (0.0, 0.3, 2.0, 60.0):
        values = {
            **dict.fromkeys(names, 0.4),
            "lz_ws2024_background_norm": 1.1,
            "xenonnt_sr0_background_norm": 0.9,
        }
        expected = log_likelihood(plain_joint, {**values, "mu_nu_squared": mu})
        # The same numbers times 4 and ¼, which is exact in binary.
        assert log_likelihood(ours, {**values, "mu_nu_squared": mu}) == pytest.approx(expected, rel=1e-13)
        assert log_likelihood(theirs, {**values, "mu_nu_squared": mu / 4}) == pytest.approx(
            expected, rel=1e-13
        )
    # The fit's precision: Δχ² to 1e-6 of 2.7.
    assert limit(theirs).upper == pytest.approx(limit(plain_joint).upper, rel=1e-4, abs=0)


def test_overrides_are_rescaled(built: Build) -> None:
    lz, xenon = (built(name, hypothesis="magnetic-moment") for name in ("lz_ws2024", "xenonnt_sr0"))
    bare = copy.deepcopy(dict(lz.spec))
    blocks = bare["measurements"][0]["config"]["parameters"]
    blocks[:] = [block for block in blocks if block["name"] != "mu_nu_squared"]
    joint = combine([replace(lz, spec=bare), other_reference(xenon)], correlate=SHARED)
    (found,) = (b for b in joint.measurement()["config"]["parameters"] if b["name"] == "mu_nu_squared")
    # As nuhist builds them with (μ/1e-11 μ_B)²: ¼ of these in the other's.
    assert found["bounds"][0] == pytest.approx([0, 100], rel=1e-12)
    assert found["inits"] == pytest.approx([0.1], rel=1e-12)


def test_a_signed_coupling_is_rescaled(built: Build) -> None:
    # For the reactor's germanium the bounds are moved, and the scale is larger.
    one, other = (
        built(name, hypothesis="millicharge-fea", asimov=True) for name in ("lz_ws2024", "gemma_like")
    )
    messages: list[str] = []
    for parts in ((one, other), (other, one)):
        joint = combine(parts, correlate_common=True, message=messages.append)
        joint_model, *models = (Model(each) for each in (joint, *parts))
        for charge in (-8e-13, 3e-13, 1.1e-12):
            # They share nothing else, so that their curves add where both are least at 0.
            apart = sum(model.scan([charge]).delta_chi2[0] for model in models)
            assert joint_model.scan([charge]).delta_chi2[0] == pytest.approx(apart, rel=1e-5)
    assert [text for text in messages if "rescaled" in text] == [
        "lz_ws2024: q_nu_scaled rescaled to (q_nu / 1e-13 e_0) / 30000"
    ] * 2


def test_only_what_is_linear_is_rescaled(built: Build) -> None:
    lz, xenon = (built(name, hypothesis="magnetic-moment") for name in ("lz_ws2024", "xenonnt_sr0"))
    sidecar, spec = copy.deepcopy(dict(xenon.sidecar or {})), json.loads(json.dumps(xenon.spec))
    sidecar["poi"]["reference"] = 2e-11
    for sample in spec["channels"][0]["samples"]:
        for modifier in sample["modifiers"]:
            if modifier["name"] == "mu_nu_squared":
                modifier |= {"type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    with pytest.raises(ModelError, match=r"'mu_nu_squared' is a normsys; only a normfactor or a signed"):
        combine([lz, replace(xenon, spec=spec, sidecar=sidecar, origin="other.json")], correlate=SHARED)


def test_couplings_of_two_meanings(built: Build) -> None:
    lz = built("lz_ws2024", hypothesis="magnetic-moment")
    for choice in ({"hypothesis": "millicharge-fea"}, {"hypothesis": "magnetic-moment", "flavor": "e"}):
        with pytest.raises(ModelError, match="nothing says that they mean the same"):
            combine([lz, built("xenonnt_sr0", **choice)], correlate=SHARED)
