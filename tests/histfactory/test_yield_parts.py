"""Samples that follow parameters of a response, against straight lines between anchors, by pyhf."""

from __future__ import annotations

import re
import warnings
from itertools import product

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


@pytest.mark.parametrize(
    ("hypothesis", "largest"), [("light-vector:mass=50MeV", 0.3), ("magnetic-moment", 0.0)]
)
def test_how_far_off_it_is_said_to_be_where_the_coupling_is_seen(hypothesis: str, largest: float) -> None:
    workspace = nuhist.build(RUN, hypothesis=hypothesis)
    described = (workspace.sidecar or {})["channels"][RUN]
    (text,) = (text for text in described["assumptions"] if text.startswith("With "))
    found = re.search(r" at (\S+)( mu_B)?, about .* at most (\S+) at ±1 and (\S+) at ±2 ", text)
    assert found
    coupling, said = float(found[1]), (float(found[3]), float(found[4]))
    # Near the limit of this run alone, whose fit knows what makes the signal itself uncertain.
    assert coupling == pytest.approx(nuhist.limit(workspace).upper, rel=0.25)
    table = read_table(nuhist.load_experiment(RUN).folder / "bins.csv")
    others = sum(table[name] for name in ("accidental", "electron", "neutron"))
    observed = np.array(workspace.observed()[RUN])
    for size, number in zip((1, 2), said, strict=True):
        off = []
        for light, charge in product((-size, 0, size), repeat=2):
            made, expected = (others + get(hypothesis, coupling, light, charge) for get in (by_pyhf, exact))
            off.append(2 * np.sum(made - expected - observed * np.log(made / expected)))
        # The text has two digits, and a coupling of four.
        assert number == pytest.approx(max(np.abs(off)), rel=0.06, abs=1e-4)
    # A signed coupling has no slopes of its own; one that has a sample is followed as the Standard Model is.
    assert said[0] > largest


def test_the_standard_models_number_is_said_to_be_its_own() -> None:
    sidecar = nuhist.build(RUN, hypothesis="standard-model").sidecar or {}
    texts = [text for text in sidecar["channels"][RUN]["assumptions"] if "2 ln L" in text]
    assert len(texts) == 1
    assert texts[0].startswith("2 ln L of the Standard Model's scattering is off by at most 0.0046 at ±1")
