"""Workspaces that the tests of fits and intervals share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from nuhist import Workspace, build


@pytest.fixture(scope="session")
def built() -> Callable[..., Workspace]:
    """``nuhist.build``, each workspace once; the experiment may come by keyword."""
    return cache(build)


@pytest.fixture(scope="session")
def counting() -> Callable[..., Workspace]:
    """Counting experiments: n events observed where s mu + b are expected, in one or more bins."""

    def make(
        observed: Sequence[float],
        signal: Sequence[float],
        background: Sequence[float],
        *,
        poi: str = "mu",
        sigma: float | None = None,
        **settings: Any,
    ) -> Workspace:
        norm = [{"name": "norm", "type": "normsys", "data": {"hi": 1 + (sigma or 0), "lo": 1 - (sigma or 0)}}]
        samples = [
            {
                "name": "signal",
                "data": list(signal),
                "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
            },
            {"name": "background", "data": list(background), "modifiers": norm if sigma else []},
        ]
        parameters = [{"name": "mu", **settings}] if settings else []
        return Workspace(
            {
                "channels": [{"name": "counting", "samples": samples}],
                "observations": [{"name": "counting", "data": list(observed)}],
                "measurements": [{"name": "only", "config": {"poi": poi, "parameters": parameters}}],
                "version": "1.0.0",
            },
            origin="counting.json",
        )

    return make
