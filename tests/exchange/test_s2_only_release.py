"""XENONnT's S2-only release (arXiv:2601.11296): totals, alea's limit, the real alea on it and on an export.

NUHIST_XENONNT_S2_ONLY names its folder. The comparisons with alea need NUHIST_ALEA_PYTHON as well.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from nuhist import Model, Workspace
from nuhist.exchange.alea.data import read_events
from nuhist.exchange.alea.document import read_model
from nuhist.exchange.alea.likelihood import AleaLikelihood, read_grids
from nuhist.exchange.alea.read import import_alea
from tests.exchange.alea_jobs import PYTHON, alea
from tests.exchange.test_alea_export import differences

RELEASE = os.environ.get("NUHIST_XENONNT_S2_ONLY")
FOLDER = Path(RELEASE or "")
YAML, TEMPLATES, DATA = (
    FOLDER / "s2_only_statistical_model.yaml",
    FOLDER / "data/templates",
    FOLDER / "data/real_data.pkl",
)
EXPOSURES = {"SR0": 1.50, "SR1": 2.44, "SR2": 3.89}  # t yr, as the YAML has them

pytestmark = pytest.mark.skipif(
    RELEASE is None, reason="no release here; NUHIST_XENONNT_S2_ONLY names its folder"
)
with_alea = pytest.mark.skipif(
    PYTHON is None, reason="no alea here; set NUHIST_ALEA_PYTHON to a Python that has it"
)


def _release() -> Workspace:
    return import_alea(YAML, templates=TEMPLATES, data=[str(DATA)])


def _background(term: str) -> float:
    """Events of all backgrounds per t yr, from the release's own table."""
    with (FOLDER / f"data/background_{term.lower()}.csv").open(encoding="utf-8") as stream:
        _, *rows = csv.reader(stream)
    return sum(float(value) for _, *values in rows for value in values)


def test_expected_events_are_those_of_the_release() -> None:
    workspace = _release()
    model = Model(workspace)
    likelihood = model.likelihood
    nominal = likelihood.nominal
    nominal[likelihood.poi_index] = 0.0
    found = likelihood.expected(nominal)
    for name, part in likelihood.model.config.channel_slices.items():
        expected = EXPOSURES[name] * _background(name)
        # Templates have the numbers of the table; workspaces have ten digits of some hundred times as many
        # events, which cancel.
        assert found[part].sum() == pytest.approx(expected, rel=1e-6)
    assert [sum(data) for data in workspace.observed().values()] == [583, 864, 1107]  # real_data.pkl


def test_the_profile_limit_is_aleas() -> None:
    # alea's own is 2.979; straight lines between anchors are smooth curves here.
    assert Model(_release()).limit().upper == pytest.approx(2.979, rel=0.01)


@with_alea
def test_the_real_alea_on_the_release(tmp_path: Path) -> None:
    model = read_model(YAML, templates=TEMPLATES)
    events = read_events([str(DATA)], model, lambda _: None)
    likelihood = AleaLikelihood(model, read_grids(model), events.counts, events.measured)
    generator, points = np.random.default_rng(19), []
    for _ in range(20):
        point = {}
        for each in model.used():
            if each.fittable:
                low, high = (
                    (-np.inf, np.inf)[side] if limit is None else limit
                    for side, limit in enumerate(each.limits)
                )
                value = (
                    generator.uniform(0, 5)
                    if each.sigma is None
                    else generator.normal(each.value, each.sigma)
                )
                point[each.name] = float(np.clip(value, low, high))
        points.append(point)
    config = yaml.safe_load(YAML.read_text(encoding="utf-8"))
    config["likelihood_config"]["template_folder"] = str(TEMPLATES.resolve())
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (tmp_path / "data.pkl").write_bytes(DATA.read_bytes())
    theirs = alea(tmp_path / "model.yaml", points, tmp_path, "data.pkl")
    ours = [likelihood.log_likelihood(point) for point in points]
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-10)  # rounding of sums of order 1000


@with_alea
def test_the_real_alea_on_an_export(tmp_path: Path) -> None:
    found, said = differences(_release(), tmp_path, step=1.0, reach=3.0, normsys="linear")
    # What we say of it, to the rounding of sums of order 1000.
    np.testing.assert_allclose(found, said, rtol=0, atol=1e-9)
    assert np.abs(found).max() < 0.2  # straight lines beside pyhf's curves, at 20 random points
