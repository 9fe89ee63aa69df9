"""Workspaces, commands and ROOT files that the tests of other formats share."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import ArrayLike

from nuhist import Workspace, build
from nuhist.cli.main import main

Spec = dict[str, Any]

# Scripts for an interpreter that has ROOT; looking for doctests would import them here.
collect_ignore = ["root"]

# Every type of modifier, several of a type, one name of two types, counts with and without a point, and names
# that are no paths in a ROOT file.
_EVERYTHING: Spec = {
    "channels": [
        {
            "name": "first/region",
            "samples": [
                {
                    "name": "signal; p=1%",
                    "data": [5, 3.25, 0],
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "data": None},
                        {"name": "scale:e", "type": "normsys", "data": {"hi": 1.1, "lo": 0.95}},
                    ],
                },
                {
                    "name": "³⁷Ar (a.b)",
                    "data": [10.0, 20.0, 0.1],
                    "modifiers": [
                        {"name": "scale:e", "type": "normsys", "data": {"hi": 1.2, "lo": 0.7}},
                        {
                            "name": "scale:e",
                            "type": "histosys",
                            "data": {"hi_data": [11.0, 19.0, 0.3], "lo_data": [9, 21, -0.1]},
                        },
                        {
                            "name": "shape",
                            "type": "histosys",
                            "data": {"hi_data": [12, 18.5, 0.2], "lo_data": [8.0, 21.5, 0.0]},
                        },
                        {"name": "stat", "type": "staterror", "data": [1, 0.3, 0.1]},
                        {"name": "each", "type": "shapesys", "data": [0.5, 2, 0.0]},
                        {"name": "free", "type": "shapefactor", "data": None},
                    ],
                },
            ],
        },
        {
            "name": "second",
            "samples": [
                {
                    "name": "³⁷Ar (a.b)",
                    "data": [7.0],
                    "modifiers": [
                        {"name": "scale:e", "type": "normsys", "data": {"hi": 1.2, "lo": 0.7}},
                        {"name": "stat_1", "type": "staterror", "data": [0.1]},
                        {"name": "stat_2", "type": "staterror", "data": [0.7]},
                    ],
                }
            ],
        },
    ],
    "observations": [{"name": "second", "data": [8]}, {"name": "first/region", "data": [12, 22.0, 1]}],
    "measurements": [
        {
            "name": "one",
            "config": {
                "poi": "mu",
                "parameters": [
                    {"name": "mu", "bounds": [[0, 10]], "inits": [0.5]},
                    {"name": "shape", "fixed": True, "inits": [0.25]},
                ],
            },
        },
        {"name": "two", "config": {"poi": "", "parameters": []}},
    ],
    "version": "1.0.0",
}


@pytest.fixture(scope="session")
def built() -> Callable[..., Workspace]:
    """``nuhist.build``, each workspace once."""
    return cache(build)


@pytest.fixture
def everything() -> Spec:
    """A workspace with all that HistFactory JSON can hold but a lumi."""
    return copy.deepcopy(_EVERYTHING)


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """``nuhist ARGUMENTS``, in this process; ``input`` is standard input."""

    def call(*arguments: object, input: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=input)

    return call


@pytest.fixture
def refused(run: Callable[..., Result], tmp_path: Path) -> Callable[..., str]:
    """Run a command that must be refused with one line, and leave tmp_path as it was; its message."""

    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def check(*arguments: object) -> str:
        before = contents()
        result = run(*arguments)
        assert isinstance(result.exception, SystemExit), f"traceback: {result.exception!r}"
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        (line,) = result.stderr.splitlines()
        assert contents() == before
        return line.removeprefix("nuhist: ")

    return check


@pytest.fixture(scope="session")
def write_root() -> Callable[..., Path]:
    """Write a ROOT file with uproot and hist alone, as somebody without nuhist would."""
    uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
    hist = pytest.importorskip("hist", reason="hist is not installed; pip install 'nuhist[root]'")

    def write(
        path: Path,
        histograms: Mapping[str, ArrayLike],
        edges: Mapping[str, Sequence[float]] | Sequence[float],
        errors: Mapping[str, ArrayLike] | None = None,
        *,
        single: bool = False,
    ) -> Path:
        with uproot.recreate(path) as file:
            for name, counts in histograms.items():
                own = edges.get(name, edges[""]) if isinstance(edges, Mapping) else edges
                if single:
                    values = np.concatenate(([0], counts, [0])).astype(np.float32)
                    axis = uproot.writing.identify.to_TAxis(
                        "xaxis", "", len(own) - 1, own[0], own[-1], fXbins=np.array(own)
                    )
                    file[name] = uproot.writing.identify.to_TH1x(
                        None, "", values, 0.0, 0.0, 0.0, 0.0, 0.0, None, axis
                    )
                    continue
                if errors is not None and name in errors:
                    histogram = hist.Hist(hist.axis.Variable(own), storage=hist.storage.Weight())
                    histogram[...] = np.stack([np.asarray(counts), np.square(errors[name])], axis=-1)
                else:
                    histogram = hist.Hist(hist.axis.Variable(own), data=np.asarray(counts, dtype=float))
                file[name] = histogram
        return path

    return write
