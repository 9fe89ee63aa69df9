"""What workspaces of the catalogue's hypotheses expect, by pyhf, against the physics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest

import nuhist
from nuhist import Workspace
from nuhist.physics.hypotheses import FAMILIES, HYPOTHESES, get_hypothesis
from nuhist.physics.hypothesis import Dependence

Build = Callable[..., Workspace]
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
NAMES = [
    *(name for name, entry in HYPOTHESES.items() if entry.dependence is not Dependence.GENERAL),
    *(f"{family}:mass=20keV" for family in FAMILIES),
]


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("name", NAMES)
def test_workspaces_expect_what_spectrum_says(built: Build, name: str) -> None:
    hypothesis = get_hypothesis(name)
    workspace = built("xenonnt_sr0", hypothesis=name)
    model: Any = pyhf.Workspace(dict(workspace.spec)).model(modifier_settings=COMMAND_LINE)
    low, high = hypothesis.bounds
    scale = hypothesis.parameter_of_interest("effective")
    kept = [i for i, each in enumerate(model.config.samples) if each != "background"]
    for x in (0.3 * high, 0.7 * high, 0.6 * low if low < 0 else 0.1 * high):
        value = x ** (1 / hypothesis.power)
        coupling = value * hypothesis.reference
        parameters = np.array(model.config.suggested_init())
        parameters[model.config.poi_index] = scale.to_parameter(coupling)
        rows = np.asarray(model.main_model.expected_data(parameters, return_by_sample=True))
        found = rows[kept].sum(axis=0)
        expected = nuhist.spectrum("xenonnt_sr0", hypothesis=name, coupling=coupling)
        # 1e-6 of the counts that interference does not take away; ten digits are written.
        size = np.abs(expected.standard_model) + np.abs(expected.added)
        whole = expected.standard_model * (0 if hypothesis.replaces_standard_model else 1) + expected.added
        assert np.all(np.abs(found - whole) <= 2e-6 * size + 1e-8), name
