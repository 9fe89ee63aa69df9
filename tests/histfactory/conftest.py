"""Workspaces that the tests of the model as data share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from nuhist import Workspace, build

Spec = dict[str, Any]

# Two bins, two samples, one parameter of interest, one constraint: small, and pyhf reads it.
_SMALL: Spec = {
    "channels": [
        {
            "name": "detector",
            "samples": [
                {
                    "name": "signal",
                    "data": [5.0, 3.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "background",
                    "data": [10.0, 20.0],
                    "modifiers": [
                        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                        {
                            "name": "shape",
                            "type": "histosys",
                            "data": {"hi_data": [11.0, 19.0], "lo_data": [9.0, 21.0]},
                        },
                    ],
                },
            ],
        }
    ],
    "observations": [{"name": "detector", "data": [12.0, 22.0]}],
    "measurements": [
        {"name": "only", "config": {"poi": "mu", "parameters": [{"name": "mu", "bounds": [[0, 10]]}]}}
    ],
    "version": "1.0.0",
}


@pytest.fixture(scope="session")
def built() -> Callable[..., Workspace]:
    """``nuhist.build``, each workspace once."""
    return cache(build)


@pytest.fixture
def small() -> Spec:
    """A valid workspace to spoil."""
    return copy.deepcopy(_SMALL)
