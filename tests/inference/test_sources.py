"""Every public function takes what a model is made from, and answers the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from matplotlib.figure import Figure

import nuhist
from nuhist import Model, Workspace
from nuhist.errors import ConfigError
from nuhist.report.figure_table import FIGURES
from nuhist.report.world_limits import world_limits

Build = Callable[..., Workspace]


def counting_document(name: str) -> dict[str, Any]:
    """Three bins with a background that is known to 10 %."""
    norm = {"name": f"{name}_norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [3.0, 2.0, 1.0], "modifiers": [mu]},
        {"name": "background", "data": [20.0, 30.0, 40.0], "modifiers": [norm]},
    ]
    return {
        "channels": [{"name": name, "samples": samples}],
        "observations": [{"name": name, "data": [24.0, 33.0, 41.0]}],
        "measurements": [{"name": "measurement", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


OPTIONS: dict[str, dict[str, Any]] = {"contour": {"parameters": ["mu", "one_norm"]}}
EVERY: dict[str, Callable[[Any], Any]] = {
    "combine": lambda model: nuhist.combine([model, counting_document("other")], correlate=["mu"]),
    "contour": lambda model: nuhist.contour(model, "mu", "one_norm", levels=[0.6]),
    "coverage": lambda model: nuhist.coverage(model, [0.5], execution=nuhist.Execution(toys=20)),
    "fit": nuhist.fit,
    "goodness_of_fit": nuhist.goodness_of_fit,
    "limit": nuhist.limit,
    "ranking": nuhist.ranking,
    "scan": lambda model: nuhist.scan(model, points=5),
    "significance": nuhist.significance,
    **{
        f"plot {kind.name}": partial(nuhist.plot, kind.name, **OPTIONS.get(kind.name, {}))
        for kind in FIGURES
        # Of the world's limits there is none without a known unit, which documents do not have.
        if kind.subject in {"model", "models"}
    },
}


@pytest.mark.thorough(keep=4)
@pytest.mark.parametrize("name", EVERY)
def test_every_function_takes_what_a_model_is_made_from(name: str, tmp_path: Path) -> None:
    document = counting_document("one")
    workspace = Workspace(document, None, str(tmp_path / "one.json"))
    workspace.save(tmp_path / "one.json")
    path = tmp_path / "one.json"
    sources = [str(path), path, document, pyhf.Workspace(document), workspace, Model(workspace)]
    answers = [shown(EVERY[name](source)) for source in sources]
    assert all(answer == answers[0] for answer in answers)


def shown(answer: Any) -> Any:
    """What must be the same of an answer, whatever it was asked of: notes name a path."""
    if isinstance(answer, Workspace):
        return answer.spec
    if isinstance(answer, Figure):
        return [[np.array(line.get_xydata()).tolist() for line in axes.lines] for axes in answer.axes]
    return {key: value for key, value in answer.to_json().items() if key != "notes"}


def test_the_limits_of_the_world_take_models(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    numbers = [world_limits([source]).limits[-1] for source in (workspace, Model(workspace))]
    assert numbers[0] == numbers[1]
    assert nuhist.plot("world-limits", [Model(workspace)]).axes


def test_a_model_with_choices_is_no_part_of_a_combination() -> None:
    parts: list[Any] = [counting_document("one"), Model(counting_document("two"), fixed={"two_norm": 0.0})]
    with pytest.raises(ConfigError, match="workspace: a model with choices of its own; give its workspace"):
        nuhist.combine(parts, correlate=["mu"])
