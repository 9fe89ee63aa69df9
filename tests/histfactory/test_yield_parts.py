"""Samples that follow parameters of a response, against straight lines between anchors, by pyhf."""

from __future__ import annotations

import warnings

import numpy as np
import pyhf
import pytest

import nuhist
from nuhist.experiments.counts import neutrino_counts_at
from nuhist.experiments.monoenergetic import Monoenergetic, read_monoenergetic
from nuhist.experiments.response import Response, make_response
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.morphing import normsys
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.registry import get_source
from nuhist.tables import Array, read_table

RUN = "xenonnt_cevns_sr1"
BACKGROUND = read_table(nuhist.load_experiment(RUN).folder / "bins.csv")["accidental"]


def exact(hypothesis: str, coupling: float, light: float, charge: float) -> Array:
    """Scattering in all bins, by a response that is interpolated first: multilinear between anchors."""
    experiment, source, tested = nuhist.load_experiment(RUN), get_source("sun"), get_hypothesis(hypothesis)
    found = read_monoenergetic(experiment)
    weights = np.outer(hats(found.anchors[0], light), hats(found.anchors[1], charge))
    here = np.tensordot(weights.ravel(), found.probabilities, 1)[None]
    points = breakpoints(tested, experiment.target, source.components, "nucleus")
    plain = make_response(experiment, "monoenergetic", points)
    table = Monoenergetic(found.energies, (), here)
    widths = np.divide(plain.weights.sum(0), plain.probability(plain.energy).sum(0))
    response = Response(plain.energy, table.at_anchors(plain.energy)[0] * widths, plain.probability)
    options = RateOptions(target=experiment.target)
    parts = neutrino_counts_at(experiment, response, tested, "effective", coupling, source, ["all"], options)
    return np.asarray(parts[0][0] + parts[1][0])


def hats(anchors: Array, value: float) -> Array:
    return np.asarray(np.maximum(0, 1 - np.abs(anchors - value)))


def by_pyhf(hypothesis: str, coupling: float, light: float, charge: float) -> Array:
    """Scattering alone in all bins, as pyhf expects it of the workspace."""
    workspace = nuhist.build(RUN, hypothesis=hypothesis)
    scale = coupling_scale(workspace, workspace.interest() or "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pyhf.Workspace(dict(workspace.spec)).model(
            modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
        )
    point = np.array(model.config.suggested_init())
    for name, value in (
        (scale.name, scale.to_parameter(coupling)),
        ("xenonnt_nr_light_yield", light),
        ("xenonnt_nr_charge_yield", charge),
    ):
        point[model.config.par_slice(name)] = value
    samples = model.main_model.expected_data(point, return_by_sample=True)
    kept = [name not in ("accidental", "electron", "neutron") for name in model.config.samples]
    return np.asarray(samples[kept].sum(axis=0))


@pytest.mark.parametrize(
    ("hypothesis", "coupling"),
    [("standard-model", 1.3), ("magnetic-moment", 8e-10), ("weak-mixing-angle", 0.15)],
)
@pytest.mark.parametrize(
    ("light", "charge", "far", "off"),
    [(0, 0, 1e-8, 1e-12), (1, -1, 0.02, 0.005), (-1.5, 0.5, 0.03, 0.01), (2, 2, 0.03, 0.02)],
)
def test_counts_follow_the_yields(
    hypothesis: str, coupling: float, light: float, charge: float, far: float, off: float
) -> None:
    made, expected = (get(hypothesis, coupling, light, charge) for get in (by_pyhf, exact))
    signed = hypothesis == "weak-mixing-angle"
    # Without pulls the same counts, in ten digits, and to the 10⁻⁶ of a polynomial. With pulls nearly: a few
    # percent of a total that is uncertain by a quarter. What a signed coupling adds has no slopes of its own,
    # and is less near. Events of a likelihood: a hundredth of 2 ln L or so.
    assert made.sum() == pytest.approx(expected.sum(), rel=2 * far + 1e-6 if signed else far)
    total = BACKGROUND + expected
    assert 2 * np.sum(made - expected - total * np.log1p((made - expected) / total)) < off


def test_factors_multiply_to_one_where_nothing_is_pulled() -> None:
    assert normsys((2.5, 1 / 2.5), np.zeros(1)) == pytest.approx([1.0], abs=1e-15)
