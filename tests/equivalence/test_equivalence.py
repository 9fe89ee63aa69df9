"""nuhist's likelihood, fits and combinations of random models are pyhf's: the short campaign.

The long one, with larger models: ``python -m benchmarks.equivalence``.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nuhist import Workspace, combine
from nuhist.errors import ModelError
from nuhist.histfactory.validation import modifiers
from tests.equivalence.checks import LIKELIHOOD, compare_likelihood, compare_sum, reference
from tests.equivalence.exchange import FORMATS, compare_exchange
from tests.equivalence.fits import FIT, compare_engines, compare_fit
from tests.strategies import SMALL, Limits, random_workspace, workspaces

SEEDS = st.integers(0, 2**32 - 1)


def campaign(examples: int) -> settings:
    """The same examples at each run, so that the tests' verdict does not change by itself."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.mark.thorough
@campaign(80)
@given(workspaces(), SEEDS)
def test_the_likelihood_is_pyhfs(workspace: Workspace, seed: int) -> None:
    assert compare_likelihood(workspace, np.random.default_rng(seed)).worst <= LIKELIHOOD


@pytest.mark.thorough
@campaign(40)
@given(workspaces(), SEEDS)
def test_a_fit_is_no_worse_than_pyhfs_best(workspace: Workspace, seed: int) -> None:
    fit = compare_fit(workspace, np.random.default_rng(seed), most=20)
    assert fit.error is None
    assert fit.lower <= FIT
    # Where pyhf's optimum expects less than nothing somewhere, it is none.
    assert fit.excess is None or fit.negative or fit.excess <= FIT


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("seed", range(40))
def test_both_engines_end_in_one_minimum(seed: int) -> None:
    workspace = random_workspace([78, seed], Limits(channels=2, bins=6, samples=4, causes=4))
    if sum(reference(workspace).free) > 8:
        pytest.skip("without gradients, SciPy takes long")
    # SciPy has differences for gradients, and keeps 1e-6 counts away from less than nothing in each bin.
    assert abs(compare_engines(workspace)) < 5e-5


@pytest.mark.thorough
@campaign(40)
@given(workspaces(), workspaces(), SEEDS)
def test_a_combination_is_the_sum(first: Workspace, second: Workspace, seed: int) -> None:
    if first.digest != second.digest:  # which combine refuses
        result = compare_sum(first, second, np.random.default_rng(seed))
        # A bin or two without events may be taken for Asimov data, which are not combined with others.
        if result.refused is None or "data of different kinds" not in result.refused:
            assert result.refused is None
            assert result.worst <= LIKELIHOOD


@pytest.mark.thorough(keep=4)
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_exported_comes_back(kind: str, seed: int, tmp_path: Path) -> None:
    workspace = random_workspace([11, seed], SMALL)
    result = compare_exchange(workspace, kind, tmp_path, np.random.default_rng(seed))
    assert result.worst <= LIKELIHOOD
    assert result.settings
    lumi = any(name == "lumi" for name, _ in modifiers(workspace.spec))
    shapesys = any(name == "shapesys" for _, name in modifiers(workspace.spec))
    if result.refused is not None:  # what the format has no place for, see docs
        assert (lumi and kind == "xml") or (kind == "hs3" and shapesys)


@pytest.mark.parametrize("seed", range(4))
def test_large_models(seed: int) -> None:
    # Some hundred bins and parameters: what shrinking examples seldom have.
    rng = np.random.default_rng(seed)
    assert compare_likelihood(random_workspace([7, seed]), rng).worst <= LIKELIHOOD


def test_the_generator_gives_what_it_promises() -> None:
    models = [random_workspace([3, seed]).spec for seed in range(60)]
    kinds = {
        entry["type"]
        for spec in models
        for channel in spec["channels"]
        for sample in channel["samples"]
        for entry in sample["modifiers"]
    }
    assert kinds == {"normfactor", "normsys", "histosys", "lumi", "staterror", "shapesys", "shapefactor"}
    assert {len(spec["channels"]) for spec in models} == {1, 2, 3, 4, 5}
    sizes = [len(entry["data"]) for spec in models for entry in spec["observations"]]
    assert min(sizes) == 1
    assert max(sizes) > 150
    assert max(len(channel["samples"]) for spec in models for channel in spec["channels"]) > 7
    blocks = [block for spec in models for block in spec["measurements"][0]["config"]["parameters"]]
    keys = {key for block in blocks for key in block}
    assert keys == {"name", "bounds", "inits", "fixed", "auxdata", "sigmas", "factors"}
    assert random_workspace(5, SMALL).digest == random_workspace(5, SMALL).digest


def _counting(**override: Any) -> Workspace:
    """One bin with a shared systematic; ``override`` is its block in the measurement."""
    modifiers = [
        {"name": "mu", "type": "normfactor", "data": None},
        {"name": "scale", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
    ]
    blocks = [{"name": "scale", **override}] if override else []
    return Workspace(
        {
            "channels": [
                {"name": "only", "samples": [{"name": "signal", "data": [50.0], "modifiers": modifiers}]}
            ],
            "observations": [{"name": "only", "data": [48.0 + len(blocks)]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": blocks}}],
            "version": "1.0.0",
        }
    )


@pytest.mark.parametrize("override", [{"auxdata": [0.5]}, {"fixed": True}], ids=str)
def test_an_override_of_one_side_is_a_disagreement(override: dict[str, Any]) -> None:
    # Left out, a datum is 0 and a parameter free: the other workspace's model would change in silence.
    parts = [_counting(), _counting(**override)]
    with pytest.raises(ModelError, match=rf"disagree on '{next(iter(override))}'"):
        combine(parts, correlate=["scale"])
    together = combine([copy.deepcopy(part) for part in parts], decorrelate=["scale"])
    assert len(together.spec["channels"]) == 2
