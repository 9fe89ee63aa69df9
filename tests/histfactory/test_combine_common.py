"""Combinations of what others published: many names at once, plans in files, other parameters of interest."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, combine
from nuhist.errors import ConfigError, ModelError, OptionError
from nuhist.histfactory.combination_plan import combination_plan, read_plan

Json = dict[str, Any]
SETTINGS = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}


def norm(name: str, high: float, low: float) -> Json:
    return {"name": name, "type": "normsys", "data": {"hi": high, "lo": low}}


def analysis(name: str, jet: float, *, poi: str = "mu", signal: bool = True, lumi: float = 0.02) -> Workspace:
    """Two samples in a channel "SR" of two bins, with names as experiments have them."""
    stat = {"name": "staterror_SR", "type": "staterror", "data": [2.0, 1.0]}
    shape = {
        "name": "JET_shape",
        "type": "histosys",
        "data": {"hi_data": [44.0, 19.0], "lo_data": [37.0, 21.0]},
    }
    luminosity = {"name": "lumi", "type": "lumi", "data": None}
    free = {"name": "mu_top", "type": "normfactor", "data": None}
    background = [norm("JET_1", 1 + jet, 1 - jet), norm("MUON", 1.02, 0.98), shape, free, luminosity, stat]
    samples = [{"name": "top", "data": [40.0, 20.0], "modifiers": background}]
    if signal:
        strength = {"name": poi, "type": "normfactor", "data": None}
        samples.append({"name": "signal", "data": [3.0, 6.0], "modifiers": [strength, luminosity]})
    blocks = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [lumi], "inits": [1.0], "bounds": [[0.5, 1.5]]},
        {"name": "mu_top", "bounds": [[0.0, 5.0]], "inits": [1.0]},
    ]
    spec = {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [43.0, 22.0]}],
        "measurements": [{"name": "theirs", "config": {"poi": poi, "parameters": blocks}}],
        "version": "1.0.0",
    }
    return Workspace(spec, None, f"folder/{name}.json")


def by_hand(parts: list[Workspace]) -> pyhf.Workspace:
    """pyhf's own combination: names of channels and of factors of bins made different before."""
    specs = []
    for part in parts:
        prefix = Path(part.origin).stem
        text = json.dumps(part.spec).replace('"SR"', f'"{prefix}_SR"')
        spec = json.loads(text.replace("staterror_SR", f"{prefix}_staterror_SR"))
        specs.append(pyhf.Workspace(spec))
    return pyhf.Workspace.combine(*specs, join="left outer")


def twice_nll(workspace: pyhf.Workspace, values: Json) -> float:
    model = workspace.model(modifier_settings=SETTINGS)
    point = [values.get(name, start) for name, start in
             zip(model.config.par_names, model.config.suggested_init(), strict=True)]  # fmt: skip
    return -2 * float(model.logpdf(point, workspace.data(model))[0])


A, B = analysis("a", 0.1), analysis("b", 0.2)


def test_common_names_are_shared_as_by_pyhf() -> None:
    said: list[str] = []
    joint = combine([A, B], correlate_common=True, message=said.append)
    ours, theirs = pyhf.Workspace(dict(joint.spec)), by_hand([A, B])
    names = set(ours.model().config.par_names)
    assert names == set(theirs.model().config.par_names)
    rng = np.random.default_rng(1)
    for _ in range(5):
        values = {name: rng.uniform(0.8, 1.2) for name in names}
        values |= {name: rng.uniform(-1.5, 1.5) for name in ("JET_1", "MUON", "JET_shape")}
        # Rounding of sums of a dozen terms of size ten.
        assert twice_nll(ours, values) == pytest.approx(twice_nll(theirs, values), abs=1e-10)
    assert "factors of bins, staterror_SR: each workspace has its own, with its name in front" in said
    assert "shared, constrained: 3: JET_1, JET_shape, MUON" in said
    (sizes,) = (line for line in said if "differ" in line)
    assert "JET_1: a normsys with hi 1.1, lo 0.9 in a, a normsys with hi 1.2, lo 0.8 in b" in sizes
    assert joint.sidecar is not None
    assert set(joint.sidecar["shared"]) == {"JET_1", "JET_shape", "MUON", "lumi", "mu", "mu_top"}


def test_all_open_names_are_in_one_message() -> None:
    with pytest.raises(ModelError) as caught:
        combine([A, analysis("b", 0.2, lumi=0.03)])
    assert str(caught.value) == (
        "folder/a.json and folder/b.json have 5 names in common (constrained: JET_1, JET_shape, MUON;"
        " luminosity, constraints that differ: lumi; free: mu_top); say correlate=['JET_1'],"
        " decorrelate=['JET_1'] or rename=... for each, a pattern such as 'JET_*', or correlate_common=True"
        " for all that agree; plan=... writes a proposal to edit"
    )


def test_patterns_stand_for_common_names() -> None:
    joint = combine([A, B], correlate=["JET_*", "lumi"], decorrelate=["M*", "mu_top"], prefer="own")
    names = set(pyhf.Workspace(dict(joint.spec)).model().config.par_names)
    assert {"JET_1", "JET_shape", "a_MUON", "b_MUON", "a_mu_top", "b_mu_top"} <= names
    with pytest.raises(
        ConfigError, match=r"correlate=\['EL\*'\]: no common parameter has such a name; they are JET"
    ):
        combine([A, B], correlate=["EL*"])


@pytest.mark.parametrize(
    ("prefer", "sizes"),
    [
        ("own", [1.1, 1.2]),
        ("first", [1.1, 1.1]),
        ({"JET_1": "b"}, [1.2, 1.2]),
        ({"JET_*": "first"}, [1.1, 1.1]),
    ],
)
def test_whose_size(prefer: Any, sizes: list[float]) -> None:
    chosen = ["JET_*", "MUON", "lumi", "mu_top"]
    joint = combine([A, B], correlate=chosen, prefer=prefer)
    found = [channel["samples"][0]["modifiers"][0]["data"]["hi"] for channel in joint.spec["channels"]]
    assert found == sizes
    with pytest.raises(ModelError, match=r"'JET_1' has different sizes: .*; use prefer={'JET_1': WORKSPACE}"):
        combine([A, B], correlate=chosen)


def test_a_plan_is_written_edited_and_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(combination_plan([A, B]), encoding="utf-8")
    plan = read_plan(path)
    assert plan["correlate"] == dict.fromkeys(["JET_1", "JET_shape", "MUON", "lumi", "mu", "mu_top"], 1)
    assert plan["prefer"] == {"JET_1": "own"}
    assert combine([A, B], **plan).digest == combine([A, B], correlate_common=True).digest
    path.write_text(
        "correlate: [MUON]\nrename: {}\ndecorrelate: ['JET_*', mu_top]\nprefer: own\n", encoding="utf-8"
    )
    edited = combine(
        [A, B], correlate={**read_plan(path)["correlate"], "lumi": 1.0}, decorrelate=["JET_*", "mu_top"]
    )
    assert "a_JET_shape" in pyhf.Workspace(dict(edited.spec)).model().config.par_names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected correlate, decorrelate, rename, prefer as keys"),
        ("corelate: {}\n", "did you mean correlate or decorrelate"),
        ("correlate: {a: {}}\n", "correlate: expected NAME: RHO, NAME: OTHER_NAME or names"),
        ("correlate: [1, 2]\n", "correlate: expected NAME: RHO, NAME: OTHER_NAME or names"),
        ("decorrelate: a\n", "decorrelate: expected a list of names"),
        ("rename: {a: 1}\n", "rename: expected OLD: NEW"),
        ("prefer: [own]\n", "prefer: expected own, first, or NAME: WORKSPACE"),
    ],
)
def test_plans_that_say_nothing_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_plan(path)


def test_another_parameter_of_interest_stays_free() -> None:
    said: list[str] = []
    joint = combine(
        [A, analysis("b", 0.1, poi="mu_other")], correlate_common=True, poi="mu", message=said.append
    )
    assert joint.spec["measurements"][0]["config"]["poi"] == "mu"
    assert "folder/b.json: mu_other is not of interest here; it stays free, as a nuisance parameter" in said
    model = pyhf.Workspace(dict(joint.spec)).model()
    assert not model.config.suggested_fixed()[model.config.par_names.index("mu_other")]
    with pytest.raises(ModelError, match=r"or choose one with poi=...: mu or mu_other"):
        combine([A, analysis("b", 0.1, poi="mu_other")], correlate_common=True)
    with pytest.raises(ConfigError, match="no workspace has a parameter of interest 'nu'"):
        combine([A, B], poi="nu")


def test_backgrounds_are_combined_and_a_missing_patch_is_named() -> None:
    said: list[str] = []
    parts = [analysis(name, jet, signal=False) for name, jet in (("a", 0.1), ("b", 0.2))]
    joint = combine(parts, correlate_common=True, message=said.append)
    assert said[0] == "no workspace has a signal for mu; the combination has none either"
    assert joint.spec["measurements"][0]["config"]["poi"] == "mu"
    with pytest.raises(ModelError, match=r"b\.json: has no parameter of interest to combine; apply a patch"):
        combine([A, parts[1]], correlate_common=True)
    combine([A, parts[1]], correlate_common=True, poi="mu", message=said.append)
    assert said[-1] != said[0]
    assert any(
        line.endswith("has no parameter of interest 'mu'; it is a control measurement") for line in said
    )


def test_a_preference_for_nothing_is_refused_and_correlation_in_part_is_said() -> None:
    with pytest.raises(OptionError, match=r"prefer={'JET_9': ...}: it is not among the shared parameters"):
        combine([A, B], correlate_common=True, prefer={"JET_9": "own"})
    said: list[str] = []
    joint = combine([A, B], correlate_common=True, correlate={"JET_1": 0.5}, message=said.append)
    assert "shared, constrained: 3: JET_1 (in part, ρ = 0.5), JET_shape, MUON" in said
    assert joint.sidecar is not None
    assert all(words.endswith("(in part, ρ = 0.5)") for words in joint.sidecar["shared"]["JET_1"].values())


def test_the_parameter_of_interest_may_be_a_nuisance_elsewhere() -> None:
    other = copy.deepcopy(dict(B.spec))
    names = other["channels"][0]["samples"][0]["modifiers"]
    names.append({"name": "second", "type": "normfactor", "data": None})
    other["measurements"][0]["config"]["poi"] = "second"
    said: list[str] = []
    joint = combine(
        [A, Workspace(other, None, "b.json")], correlate_common=True, poi="mu", message=said.append
    )
    assert joint.spec["measurements"][0]["config"]["poi"] == "mu"
    assert {"mu", "second"} <= set(pyhf.Workspace(dict(joint.spec)).model().config.par_names)
    assert said[0] == "b.json: second is not of interest here; it stays free, as a nuisance parameter"


def test_what_is_reported_is_what_is_there() -> None:
    """After --prefer first both have the size of the first; with patterns what is shared is told of, too."""
    said: list[str] = []
    parts = [analysis("one", 0.05), analysis("two", 0.2)]
    joint = combine(parts, correlate_common=True, prefer="first", message=said.append)
    assert not [line for line in said if "hi 1.2" in line]
    assert joint.sidecar is not None
    assert set(joint.sidecar["shared"]["JET_1"].values()) == {"a normsys with hi 1.05, lo 0.95"}
    said.clear()
    combine(parts, correlate=["mu_top", "lumi", "JET_*", "MUON"], prefer="own", message=said.append)
    assert [
        line
        for line in said
        if "JET_1: a normsys with hi 1.05, lo 0.95 in one, a normsys with hi 1.2, lo 0.8 in two" in line
    ]


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ({"fixed": True, "inits": [0.3]}, "fixed"),
        ({"auxdata": [0.3]}, "auxdata"),
        ({"bounds": [[-1, 1]]}, "bounds"),
    ],
)
def test_what_is_held_is_not_correlated_in_part(block: Json, key: str) -> None:
    """It would become two parameters, which were free, and no parameter of the two workspaces."""
    parts = [analysis("one", 0.05), analysis("two", 0.1)]
    for part in parts:
        part.spec["measurements"][0]["config"]["parameters"].append({"name": "JET_1", **block})
    with pytest.raises(ModelError, match=f"one.json: 'JET_1' has {key} of its own"):
        combine(parts, correlate={"JET_1": 0.5}, correlate_common=True)
    whole = combine(parts, correlate_common=True).spec["measurements"][0]["config"]["parameters"]
    assert {"name": "JET_1", **block} in whole


def test_a_parameter_that_only_one_holds() -> None:
    parts = [analysis("one", 0.05), analysis("two", 0.05)]
    block = {"name": "JET_1", "fixed": True, "inits": [0.3]}
    parts[1].spec["measurements"][0]["config"]["parameters"].append(block)
    with pytest.raises(
        ModelError, match=r"disagree on 'fixed' of the shared 'JET_1'.* or hold it with fixed=..."
    ):
        combine(parts, correlate_common=True)
    joint = combine(parts, correlate_common=True, fixed={"JET_1": 0.3})
    assert block in joint.spec["measurements"][0]["config"]["parameters"]


def test_luminosities_that_differ() -> None:
    """A model has one: what the messages advise is what works."""
    parts = [analysis("one", 0.05), analysis("two", 0.1, lumi=0.03)]
    with pytest.raises(
        ModelError, match=r"say correlate=\['lumi'\], with prefer={'lumi': WORKSPACE} or first"
    ):
        combine(parts, correlate=["mu_top", "JET_*", "MUON"], prefer="own")
    for prefer in (None, "own"):
        with pytest.raises(ModelError, match=r"use prefer={'lumi': WORKSPACE} \(or first\): a model has one"):
            combine(
                parts, correlate=["lumi", "mu_top", "MUON", "JET_shape"], decorrelate=["JET_1"], prefer=prefer
            )
    joint = combine(parts, correlate_common=True, correlate=["lumi"], prefer={"lumi": "two"})
    (block,) = [b for b in joint.spec["measurements"][0]["config"]["parameters"] if b["name"] == "lumi"]
    assert block["sigmas"] == [0.03]
