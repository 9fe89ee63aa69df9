"""Input that is rarely wrong in this way, and must still end in one line.

The tests marked as expected failures are known faults; whoever mends one removes its mark.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from stat import S_ISFIFO
from typing import Any

import pytest

Refused = Callable[..., str]
Spec = dict[str, Any]

PAPER = ("lz_ws2022", "--hypothesis", "magnetic-moment", "--background", "paper")


def _config(spec: Spec) -> Spec:
    found: Spec = spec["measurements"][0]["config"]
    return found


def _poi(spec: Spec, **settings: Any) -> None:
    _config(spec)["parameters"] = [{"name": "mu_nu_squared", **settings}]


def _modifier(spec: Spec, name: str, kind: str, data: Any) -> None:
    spec["channels"][0]["samples"][0]["modifiers"].append({"name": name, "type": kind, "data": data})


def _vector(spec: Spec) -> None:
    _modifier(spec, "shape", "shapefactor", None)
    _config(spec).update(poi="shape")


SPOILED: dict[str, Callable[[Spec], object]] = {
    "too many values": lambda s: _poi(s, inits=[1, 2]),
    "sigmas of a normfactor": lambda s: _poi(s, sigmas=[1.0]),
    "vector as poi": _vector,
    "start is nan": lambda s: _poi(s, inits=[float("nan")]),
}
FAULTS: dict[str, Callable[[Spec], object]] = {
    "one bound": lambda s: _poi(s, bounds=[[0]]),
    "three bounds": lambda s: _poi(s, bounds=[[0, 1, 2]]),
    "one name, two types": lambda s: _modifier(s, "mu_nu_squared", "normsys", {"hi": 1.1, "lo": 0.9}),
    "lumi without settings": lambda s: _modifier(s, "lumi", "lumi", None),
    "integer beyond 64 bits": lambda s: s["observations"][0]["data"].__setitem__(0, 10**400),
}


@pytest.mark.parametrize(
    "name",
    [*SPOILED, *FAULTS],
)
def test_models_that_pyhf_refuses(refused: Refused, tmp_path: Path, spec: Spec, name: str) -> None:
    {**SPOILED, **FAULTS}[name](spec)
    path = tmp_path / "spoiled.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    assert refused("limit", path).startswith(f"{path}: ")


def test_bounds_in_the_wrong_order(refused: Refused, spec: Spec) -> None:
    _poi(spec, bounds=[[10, 0]])
    assert "bounds" in refused("limit", input=json.dumps(spec))


def test_output_that_is_a_folder(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "cannot be written" in refused("build", *PAPER, "-o", tmp_path / "folder")


def test_output_that_is_this_folder(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "cannot be written" in refused("build", *PAPER, "-o", ".")


def test_output_that_is_a_pipe_stays_one(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Somebody reads, so that writing into the pipe does not wait; the workspace fits its buffer.
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run("build", *PAPER, "-o", pipe)
    finally:
        os.close(reader)
    assert S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "arguments",
    [
        ("plot", "spectrum", "moment.json", "--coupling", "nan", "-o", "new.png"),
        ("plot", "spectrum", "moment.json", "--coupling", "1e200", "-o", "new.png"),
        ("spectrum", "lz_ws2022", "--hypothesis", "magnetic-moment", "--coupling", "1e200"),
        ("scan", "moment.json", "--range", "0:1e200:3"),
        ("fit", "moment.json", "--test-poi", "nan"),
    ],
    ids=" ".join,
)
def test_couplings_beyond_measure(
    refused: Refused, workspaces: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    places = {"moment.json": str(workspaces / "moment.json"), "new.png": str(tmp_path / "new.png")}
    refused(*(places.get(argument, argument) for argument in arguments))


@pytest.mark.parametrize(
    "change",
    [
        {"note": "mine"},
        {"scale": 0},
        {"reference": "1e-11"},
    ],
    ids=str,
)
def test_sidecars_that_were_edited(
    refused: Refused, workspaces: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "moment.json"
    path.write_bytes((workspaces / "moment.json").read_bytes())
    sidecar = json.loads((workspaces / "moment.meta.json").read_text(encoding="utf-8"))
    sidecar["poi"].update(change)
    (tmp_path / "moment.meta.json").write_text(json.dumps(sidecar), encoding="utf-8")
    assert refused("limit", path).startswith(f"{tmp_path / 'moment.meta.json'}: ")
