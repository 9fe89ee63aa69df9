"""What is no workspace is refused, with the place: what pyhf's schema sees, and what it lets pass."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyhf
import pytest

from nuhist.errors import DataError, ModelError
from nuhist.histfactory.suspicions import suspicions
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import load_workspace

Spec = dict[str, Any]
NAN, INF = float("nan"), float("inf")


def sample(spec: Spec, index: int) -> Spec:
    found: Spec = spec["channels"][0]["samples"][index]
    return found


def modifier(spec: Spec, index: int) -> Spec:
    """One of the background's."""
    found: Spec = sample(spec, 1)["modifiers"][index]
    return found


def config(spec: Spec) -> Spec:
    found: Spec = spec["measurements"][0]["config"]
    return found


def twice(items: list[Any], **changes: Any) -> None:
    """Append a copy of the first item."""
    items.append({**copy.deepcopy(items[0]), **changes})


def extra(spec: Spec, kind: str, data: Any) -> None:
    """Append a modifier to the background."""
    sample(spec, 1)["modifiers"].append({"name": "extra", "type": kind, "data": data})


BAD: dict[str, tuple[Callable[[Spec], object], str]] = {
    # What pyhf's schema sees.
    "no channels": (lambda s: s.pop("channels"), "'channels' is a required property"),
    "no measurements": (lambda s: s.pop("measurements"), "'measurements' is a required property"),
    "no observations": (lambda s: s.pop("observations"), "'observations' is a required property"),
    "no version": (lambda s: s.pop("version"), "'version' is a required property"),
    "other version": (lambda s: s.update(version="2"), "version: '1.0.0' was expected"),
    "empty channels": (lambda s: s.update(channels=[]), "channels: [] should be non-empty"),
    "no data": (lambda s: sample(s, 0).pop("data"), "channels[0].samples[0]: 'data' is a required"),
    "text as count": (
        lambda s: sample(s, 0)["data"].__setitem__(0, "5"),
        "channels[0].samples[0].data[0]: '5' is not of type 'number'",
    ),
    "edges": (lambda s: s["channels"][0].update(edges=[0, 1, 2]), "channels[0]: Additional properties"),
    # What it lets pass: counts.
    "nan": (
        lambda s: sample(s, 1)["data"].__setitem__(1, NAN),
        "sample 'background': bin 1: nan is no finite",
    ),
    "infinity": (lambda s: sample(s, 1)["data"].__setitem__(0, INF), "'background': bin 0: inf is no finite"),
    "negative observed": (
        lambda s: s["observations"][0]["data"].__setitem__(1, -3),
        "channel 'detector': observed counts: bin 1: -3 is negative",
    ),
    "nan observed": (
        lambda s: s["observations"][0]["data"].__setitem__(0, NAN),
        "channel 'detector': observed counts: bin 0: nan is no finite number",
    ),
    "nan histosys": (
        lambda s: modifier(s, 1)["data"]["hi_data"].__setitem__(0, NAN),
        "sample 'background': histosys 'shape': hi_data: bin 0: nan is no finite number",
    ),
    # Lengths.
    "short sample": (
        lambda s: sample(s, 0)["data"].pop(),
        "sample 'signal': has 1 bins, the observed counts 2",
    ),
    "long observed": (lambda s: s["observations"][0]["data"].append(1), "has 2 bins, the observed counts 3"),
    "short histosys": (lambda s: modifier(s, 1)["data"]["lo_data"].pop(), "'shape': lo_data: has 1 bins"),
    "short staterror": (lambda s: extra(s, "staterror", [1.0]), "staterror 'extra': has 1 bins"),
    "long shapesys": (lambda s: extra(s, "shapesys", [1.0] * 3), "shapesys 'extra': has 3 bins"),
    # Names.
    "channel twice": (lambda s: twice(s["channels"]), "channels: 'detector' is there twice"),
    "sample twice": (lambda s: twice(s["channels"][0]["samples"]), "samples: 'signal' is there twice"),
    "modifier twice": (
        lambda s: twice(sample(s, 1)["modifiers"]),
        "sample 'background': normsys 'norm' is there twice; pyhf would keep one",
    ),
    "observation twice": (lambda s: twice(s["observations"]), "observations: 'detector' is there twice"),
    "measurement twice": (lambda s: twice(s["measurements"]), "measurements: 'only' is there twice"),
    "parameter twice": (
        lambda s: twice(config(s)["parameters"]),
        "measurement 'only': parameters: 'mu' is there twice",
    ),
    # What belongs together.
    "channel unobserved": (
        lambda s: twice(s["channels"], name="other"),
        "channel 'other': has no observation",
    ),
    "nan observed by nobody": (
        lambda s: twice(s["observations"], name="other", data=[NAN]),
        "observation 'other': bin 0: nan is no finite number",
    ),
    "bounds in disorder": (
        lambda s: config(s)["parameters"][0].update(bounds=[[3.0, 1.0]]),
        "parameter 'mu': bounds: [3.0, 1.0] are not a lower and a higher number",
    ),
    # A factor of zero makes NaN of pyhf's logarithm.
    "normsys zero": (
        lambda s: modifier(s, 0)["data"].update(lo=0),
        "normsys 'norm': lo is 0; it must be a positive",
    ),
    "normsys negative": (lambda s: modifier(s, 0)["data"].update(hi=-1.1), "normsys 'norm': hi is -1.1; it"),
    "normsys nan": (
        lambda s: modifier(s, 0)["data"].update(hi=NAN),
        "normsys 'norm': hi is nan; it must be a positive",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_workspaces_are_refused_with_the_place(small: dict[str, Any], name: str) -> None:
    spoil, message = BAD[name]
    validate(small, "good.json")  # or the refusal below would prove nothing
    spoil(small)
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        validate(small, "bad.json")
    assert str(caught.value).startswith("bad.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_files_are_refused_like_documents(small: dict[str, Any], tmp_path: Path, name: str) -> None:
    spoil, message = BAD[name]
    spoil(small)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(small), encoding="utf-8")
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        load_workspace(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("document", [[], [1], "text", 3, None, True])
def test_documents_that_are_no_object(document: object) -> None:
    with pytest.raises(ModelError, match=r"^bad.json: is no workspace: expected a JSON object"):
        validate(document, "bad.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ("{", "is no JSON: .* at line 1, column 2"), ("{}\n}", "line 2, column 1")],
)
def test_files_that_are_no_json(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: .*{message}"):
        load_workspace(path)


GOOD: dict[str, Callable[[Spec], object]] = {
    "no poi": lambda s: config(s).update(poi=""),
    "histosys below zero": lambda s: modifier(s, 1)["data"]["lo_data"].__setitem__(0, -5.0),
    "no events": lambda s: s["observations"][0].update(data=[0, 0]),
    "a name of two types": lambda s: extra(s, "normsys", {"hi": 1.2, "lo": 0.8}),
    "fractions of events": lambda s: s["observations"][0].update(data=[0.5, 1.5]),
    "a zero bin": lambda s: sample(s, 0)["data"].__setitem__(0, 0.0),
}


@pytest.mark.parametrize("name", GOOD)
def test_unusual_but_good_workspaces_pass(small: dict[str, Any], name: str) -> None:
    GOOD[name](small)
    validate(small, "good.json")
    pyhf.Workspace(small).model()


# Legal, and hardly meant: what validate warns of.
SUSPICIOUS: dict[str, tuple[Callable[[Spec], object], str]] = {
    "negative": (
        lambda s: sample(s, 0)["data"].__setitem__(1, -0.5),
        "channel 'detector': sample 'signal': bin 1 expects fewer than no events (-0.5)",
    ),
    "negative staterror": (
        lambda s: extra(s, "staterror", [1.0, -1.0]),
        "staterror 'extra': -1 is no uncertainty; pyhf takes its size",
    ),
    "negative shapesys": (
        lambda s: extra(s, "shapesys", [1.0, -1.0]),
        "shapesys 'extra': -1 is no uncertainty; pyhf leaves it out",
    ),
    "unknown poi": (
        lambda s: config(s).update(poi="nu"),
        "measurement 'only': its parameter of interest 'nu' is in no modifier: background only",
    ),
    "observation alone": (
        lambda s: twice(s["observations"], name="other"),
        "observation 'other' belongs to no channel and is left out",
    ),
    "start outside": (
        lambda s: config(s)["parameters"][0].update(inits=[99.0], bounds=[[0.0, 1.0]]),
        "parameter 'mu': its start 99 lies outside its bounds, 0 to 1",
    ),
    "no room": (
        lambda s: config(s)["parameters"][0].update(inits=[1.0], bounds=[[1.0, 1.0]]),
        "parameter 'mu': its bounds leave it no room and hold it at 1",
    ),
    "parameter of nothing": (
        lambda s: config(s)["parameters"].append({"name": "nobody", "inits": [1.0]}),
        "parameter 'nobody': is in no modifier and is left out",
    ),
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_is_legal_is_warned_of_and_not_refused(small: dict[str, Any], name: str) -> None:
    spoil, message = SUSPICIOUS[name]
    assert suspicions(small) == ()
    spoil(small)
    validate(small, "good.json")
    pyhf.Workspace(small).model(poi_name=None)
    (found,) = suspicions(small)
    assert message in found


def test_pyhfs_schema_lets_pass_what_nuhist_does_not(small: dict[str, Any]) -> None:
    # The reason for the second half of the list above; if pyhf learns it, ours may go.
    BAD["negative observed"][0](small)
    pyhf.Workspace(small)
