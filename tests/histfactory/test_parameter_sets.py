"""Parameters of which pyhf makes no model, or another one than they say, are refused with their name."""

from __future__ import annotations

import copy
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, combine, describe, export_to, fit
from nuhist.errors import ModelError
from nuhist.histfactory.suspicions import suspicions
from nuhist.histfactory.validation import validate
from nuhist.inference.validity import check_models

Spec = dict[str, Any]
LUMI = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "inits": [1.0], "bounds": [[0.9, 1.1]]}


def modifier(name: str, kind: str, bins: int = 2) -> Spec:
    data: Any = None
    if kind in ("staterror", "shapesys"):
        data = [1.0] * bins
    elif kind == "normsys":
        data = {"hi": 1.1, "lo": 0.9}
    elif kind == "histosys":
        data = {"hi_data": [11.0] * bins, "lo_data": [9.0] * bins}
    return {"name": name, "type": kind, "data": data}


def sample(name: str, *modifiers: Spec, bins: int = 2) -> Spec:
    return {"name": name, "data": [10.0] * bins, "modifiers": list(modifiers)}


def workspace(channels: dict[str, list[Spec]], *blocks: Spec, poi: str = "") -> Spec:
    return {
        "channels": [{"name": name, "samples": samples} for name, samples in channels.items()],
        "observations": [
            {"name": name, "data": [10.0] * len(samples[0]["data"])} for name, samples in channels.items()
        ],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": list(blocks)}}],
        "version": "1.0.0",
    }


def with_lumi(*missing: str, **changes: Any) -> Spec:
    """A model with a luminosity, of whose block keys are missing."""
    block = {key: value for key, value in {**LUMI, **changes}.items() if key not in missing}
    return workspace({"c": [sample("s", modifier("lumi", "lumi"))]}, block)


def shared(kind: str, *bins: int) -> Spec:
    """One name in channels with these numbers of bins, on samples of other names."""
    return workspace({f"c{i}": [sample(f"s{i}", modifier("x", kind, n), bins=n)] for i, n in enumerate(bins)})


BAD: dict[str, tuple[Spec, str]] = {
    "no lumi block": (
        workspace({"c": [sample("s", modifier("lumi", "lumi"))]}),
        "measurement 'm': parameters: lumi has no inits, bounds, auxdata, sigmas, for which pyhf has no",
    ),
    "lumi without start and bounds": (with_lumi("inits", "bounds"), "lumi has no inits, bounds, for which"),
    "lumi without auxdata": (with_lumi("auxdata"), "lumi has no auxdata, for which"),
    "lumi without sigmas": (with_lumi("sigmas"), "lumi has no sigmas, for which"),  # pyhf would take 1
    "lumi of no width": (with_lumi(sigmas=[0.0]), "parameter 'lumi': sigmas: 0 is no width"),
    "lumi of two numbers": (with_lumi(inits=[1.0, 1.0]), "'lumi': inits: has 2 entries for one number"),
    "two types": (
        workspace({"c": [sample("s", modifier("x", "normfactor"), modifier("x", "normsys"))]}),
        "'x' is the name of modifiers of types normfactor and normsys, which cannot share",
    ),
    "shapesys twice": (shared("shapesys", 2, 2), "shapesys 'x': is on several samples"),
    # pyhf 0.7.6 fits, with the value of another parameter in the last bin.
    "shapefactor of other bins": (
        shared("shapefactor", 1, 2),
        "shapefactor 'x': channel 'c0' has 1 bins and 'c1' 2",
    ),
    "staterror elsewhere": (
        shared("staterror", 2, 2),
        "staterror 'x': sample 's0' has it in channel 'c0' and not in 'c1'",
    ),
    "slash": (
        workspace({"c": [sample("s", modifier("a/b", "staterror"))]}),
        "staterror 'a/b': pyhf cannot have a slash",
    ),
    "auxdata of a free parameter": (
        workspace({"c": [sample("s", modifier("x", "normfactor"))]}, {"name": "x", "auxdata": [1.0]}),
        "parameter 'x': auxdata: a normfactor has none",
    ),
    # pyhf 0.7.6 counts the letters of "undefined" and lets nine numbers pass.
    "nine numbers": (
        workspace(
            {"c": [sample("s", modifier("x", "shapefactor", 9), bins=9)]}, {"name": "x", "sigmas": [1.0] * 9}
        ),
        "parameter 'x': sigmas: a shapefactor has none",
    ),
    "one start for two bins": (
        workspace({"c": [sample("s", modifier("x", "staterror"))]}, {"name": "x", "inits": [1.0]}),
        "parameter 'x': inits: has 1 entries for 2 bins",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_parameters_that_make_no_model(name: str) -> None:
    spec, message = BAD[name]
    with pytest.raises(ModelError, match=f"^bad.json: .*{re.escape(message)}"):
        validate(spec, "bad.json")


GOOD: dict[str, Spec] = {
    "lumi": with_lumi(),
    "two types": workspace({"c": [sample("s", modifier("x", "normsys"), modifier("x", "histosys"))]}),
    "shapefactor in two channels": shared("shapefactor", 2, 2),
    "shapefactor in fewer bins": shared("shapefactor", 3, 2),
    "staterror in two channels": workspace(
        {
            "a": [sample("s", modifier("x", "staterror"))],
            "b": [sample("s", modifier("x", "staterror", 3), bins=3)],
        },
        {"name": "x", "inits": [1.1] * 5},
    ),
    "poi of one bin": workspace({"c": [sample("s", modifier("x", "shapefactor", 1), bins=1)]}, poi="x"),
    "a block of nothing": workspace(
        {"c": [sample("s", modifier("x", "normsys"))]}, {"name": "other", "inits": [3.0]}
    ),
}  # fmt: skip


@pytest.fixture
def several() -> Workspace:
    """Two measurements, of which the second has a parameter of interest of two numbers."""
    free = sample("b", modifier("x", "shapefactor"))
    spec = workspace({"c": [sample("s", modifier("mu", "normfactor")), free], "control": [free]}, poi="mu")
    spec["observations"][0]["data"] = [19.0, 22.0]
    bad = {"name": "bad", "config": {"poi": "x", "parameters": []}}
    return Workspace({**spec, "measurements": [*spec["measurements"], bad]}, origin="two.json")


BAD_POI = "^two.json: measurement 'bad': its parameter of interest 'x' is a shapefactor of 2 numbers; "


def test_a_measurement_with_a_poi_of_several_numbers_is_warned_of(several: Workspace) -> None:
    validate(several.spec, "two.json")
    assert check_models(several)
    (found,) = suspicions(several.spec)
    assert found == (
        "measurement 'bad': its parameter of interest 'x' is a shapefactor of 2 numbers; a fit needs another"
        " one, by poi=..."
    )


def test_it_is_refused_where_it_is_chosen_without_another_poi(several: Workspace) -> None:
    for found in (fit(several, measurement="m"), fit(several, measurement="bad", poi="mu")):
        assert [entry.name for entry in found.parameters] == ["mu", "x[0]", "x[1]"]
    with pytest.raises(ModelError, match=BAD_POI + "choose one that is a single number, by poi"):
        fit(several, measurement="bad")


def test_combinations_and_descriptions_refuse_it(several: Workspace) -> None:
    measurements = several.spec["measurements"][::-1]
    first = Workspace({**several.spec, "measurements": measurements}, origin="two.json")
    other = Workspace(workspace({"d": [sample("s", modifier("k", "normfactor"))]}, poi="k"))
    with pytest.raises(ModelError, match=BAD_POI + "choose one that is a single number, by poi"):
        combine([first, other])
    with pytest.raises(ModelError, match=BAD_POI + "choose one that is a single number, by poi"):
        describe(first, coupling="g", unit="cm", reference=1.0)
    assert describe(first, poi="mu", coupling="g", unit="cm", reference=1.0).sidecar


@pytest.mark.parametrize("form", ["hs3", "xml"])
def test_exports_refuse_it_alone(several: Workspace, tmp_path: Path, form: str) -> None:
    assert export_to(form, several, tmp_path / "good", measurement="m")
    with pytest.raises(ModelError, match=BAD_POI + "export another one, by measurement"):
        export_to(form, several, tmp_path / "bad", measurement="bad")


@pytest.mark.parametrize("name", GOOD)
def test_parameters_that_make_one(name: str) -> None:
    validate(GOOD[name], "good.json")
    assert check_models(Workspace(GOOD[name]))


def _random(random: np.random.Generator) -> Spec:
    """A small model with names and blocks by chance, many of them wrong."""
    kinds = ("normfactor", "normsys", "histosys", "shapefactor", "shapesys", "staterror", "lumi")
    likely = [
        ("mu", "normfactor"),
        ("x", "normsys"),
        ("x", "histosys"),
        ("f", "shapefactor"),
        ("st", "staterror"),
    ]
    channels: dict[str, list[Spec]] = {}
    for channel in ("b", "a")[: random.integers(1, 3)]:
        bins = int(random.integers(1, 4))
        channels[channel] = []
        for name in ("s", "t")[: random.integers(1, 3)]:
            found: dict[tuple[str, str], Spec] = {}
            for _ in range(random.integers(0, 4)):
                key = likely[random.integers(len(likely))]
                if random.random() < 0.15:
                    key = ("f", "x", "st", "y")[random.integers(4)], kinds[random.integers(6)]
                if random.random() < 0.1:
                    key = ("lumi", "lumi")
                found[key] = modifier(*key, bins)
            channels[channel].append(sample(name, *found.values(), bins=bins))
    blocks = []
    for name in ("mu", "x", "f", "st", "lumi"):
        if random.random() < 0.25 or name == "lumi":
            length = int(random.choice([1, 1, 2, 3]))
            entries = {
                "inits": [1.0] * length, "bounds": [[0.5, 1.5]] * length, "auxdata": [1.0] * length,
                "sigmas": [0.1] * length, "factors": [4.0] * length, "fixed": True,
            }  # fmt: skip
            chosen = [key for key in entries if random.random() < (0.9 if name == "lumi" else 0.3)]
            blocks.append({"name": name, **{key: entries[key] for key in chosen}})
    names = [entry["name"] for entries in channels.values() for s in entries for entry in s["modifiers"]]
    poi = str(random.choice(names)) if names and random.random() < 0.5 else ""
    return workspace(channels, *blocks, poi=poi)


def _refusal_of_pyhf(spec: Spec) -> str | None:
    config = spec["measurements"][0]["config"]
    parts = {"channels": copy.deepcopy(spec["channels"]), "parameters": copy.deepcopy(config["parameters"])}
    try:
        model = pyhf.Model(parts, poi_name=config["poi"] or None)
        expected = model.expected_actualdata(np.array(model.config.suggested_init()))
        assert len(expected) == model.config.nmaindata
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _refusal(spec: Spec) -> str | None:
    try:
        validate(spec, "random")
    except ModelError as error:
        return str(error)
    return None


# What pyhf 0.7.6 takes, or may take, although it means something else there: see BAD.
STRICTER = (
    r"lumi has no sigmas|'lumi': \w+: has \d entries|of which pyhf takes the last|has none; take them out"
)


@pytest.mark.thorough
def test_what_pyhf_refuses_is_refused() -> None:
    random = np.random.default_rng(14)
    counts = {"both": 0, "neither": 0, "stricter": 0}
    for _ in range(300):
        spec = _random(random)
        if not any(s["modifiers"] for channel in spec["channels"] for s in channel["samples"]):
            continue  # a valid document, see below
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of models that pyhf refuses later
            theirs = _refusal_of_pyhf(spec)
        ours = _refusal(spec)
        if theirs is None and ours is not None:
            assert re.search(STRICTER, ours), (ours, spec)
            counts["stricter"] += 1
        else:
            assert (ours is None) == (theirs is None), (theirs, spec)
            counts["both" if ours else "neither"] += 1
    assert min(counts["both"], counts["neither"]) > 50  # else the list proves little
    assert counts["stricter"] > 0


def test_templates_without_parameters_are_a_document_and_no_model() -> None:
    spec = workspace({"c": [sample("s")]})
    validate(spec, "templates.json")
    with pytest.raises(ModelError, match="pyhf refuses it: No parameters specified for the Model"):
        check_models(Workspace(spec))


def test_the_model_is_built(small: Spec) -> None:
    """Events in a bin where nothing is expected are no matter of the document, but of the model."""
    small["channels"][0]["samples"][0]["data"][0] = small["channels"][0]["samples"][1]["data"][0] = 0.0
    for side in ("hi_data", "lo_data"):
        small["channels"][0]["samples"][1]["modifiers"][1]["data"][side][0] = 0.0
    validate(small, "good.json")
    with pytest.raises(ModelError, match="bin 0: 12 events observed where every sample expects 0"):
        check_models(Workspace(small))


def test_a_model_too_large_for_pyhf_is_told_from_one_that_was_built(small: Spec) -> None:
    modifiers = small["channels"][0]["samples"][1]["modifiers"]
    modifiers += [modifier(f"n{i}", "normsys") for i in range(10_000)]
    validate(small, "large.json")
    assert not check_models(Workspace(small))
