"""Workspaces written and read again, used by the tests and by ``benchmarks/equivalence.py``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuhist.errors import ExchangeError
from nuhist.exchange.formats import formats
from nuhist.histfactory.workspace import Workspace
from tests.equivalence.checks import POINTS, random_points, reference


@dataclass(frozen=True)
class Exchange:
    """A workspace written and read again.

    ``worst`` is as in :class:`Agreement`, of pyhf's likelihoods of the two; ``settings`` says whether
    start values, bounds and fixed parameters survive; ``refused`` is why the format cannot hold it.
    """

    worst: float
    settings: bool
    refused: str | None = None


FORMATS = ("root", "xml", "hs3")


def compare_exchange(workspace: Workspace, kind: str, folder: Path, rng: np.random.Generator) -> Exchange:
    """Export, import, and compare pyhf's likelihoods of what went out and what came back."""
    try:
        again = _through(workspace, kind, folder)
    except ExchangeError as error:
        return Exchange(0.0, settings=True, refused=str(error))
    before, after = reference(workspace), reference(again)
    names = list(before.model.config.par_names)
    order = [names.index(name) for name in after.model.config.par_names]
    worst = 0.0
    for theta in random_points(before, rng, POINTS):
        expected, value = before.twice_nll(theta), after.twice_nll(theta[order])
        if np.isfinite(expected) and np.isfinite(value):
            worst = max(worst, abs(value - expected) / max(1.0, abs(expected)))
        elif np.isfinite(expected) or np.isfinite(value):
            worst = np.inf
    start = np.asarray(before.model.config.suggested_init())[order]
    same = (
        len(names) == len(order)
        and np.allclose(start, after.model.config.suggested_init(), rtol=1e-12, atol=0)
        and np.allclose(before.bounds[order], after.bounds, rtol=1e-12, atol=0)
        and bool((before.free[order] == after.free).all())
    )
    return Exchange(worst, same)


def _through(workspace: Workspace, kind: str, folder: Path) -> Workspace:
    writer, reader = formats()[kind].writer, formats()[kind].reader
    assert writer is not None
    assert reader is not None
    return reader(writer(workspace, folder / f"model.{kind}")[0])
