"""A coupling that acts on the way and in the detector: rates, signal points, sources that it does not fit."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

import nuhist
from nuhist.errors import ConfigError, NuhistError, OptionError
from nuhist.physics.hypotheses import HYPOTHESES, FlavorChoice, get_hypothesis
from nuhist.physics.propagation import on_the_way
from nuhist.physics.rate_options import RateOptions
from nuhist.physics.recoils import recoil_rates_at
from nuhist.physics.sources.registry import get_source

S13, S23 = 0.0220, 0.547


def projected(flavor: FlavorChoice, epsilon: float) -> str:
    """The Sun with the diagonal matrix of one flavour, its two light states rotated out by hand."""
    c13, s13, c23, s23 = (sqrt(value) for value in (1 - S13, S13, 1 - S23, S23))
    row = {"e": 0, "mu": 1, "tau": 2}
    matrix = np.diag([epsilon if flavor in ("effective", name) else 0.0 for name in row])
    r23 = np.array([[1, 0, 0], [0, c23, s23], [0, -s23, c23]])
    r13 = np.array([[c13, 0, s13], [0, 1, 0], [-s13, 0, c13]])
    turned = (r23 @ r13).T @ matrix @ (r23 @ r13)
    # The upper block is, but for a multiple of 1, ((-e_D, e_N), (e_N, e_D)).
    diagonal, off_diagonal = (turned[1, 1] - turned[0, 0]) / 2, turned[0, 1]
    return f"sun:epsilon_d_e={diagonal:.12g},epsilon_n_e={off_diagonal:.12g}"


@pytest.mark.parametrize("flavor", ["effective", "e", "mu", "tau"])
@pytest.mark.parametrize("epsilon", [-0.7, 0.4])
def test_rates_in_the_detector_and_on_the_way(flavor: FlavorChoice, epsilon: float) -> None:
    found = nuhist.spectrum("xenonnt_sr0", hypothesis="nsi-vector", coupling=epsilon, flavor=flavor)
    # In the detector a weak mixing angle, g_V -> g_V + 2 rho delta with rho = 1.00063, does the same.
    same = nuhist.spectrum(
        "xenonnt_sr0", hypothesis="weak-mixing-angle", coupling=epsilon / (2 * 1.00063), flavor=flavor,
        source=projected(flavor, epsilon),
    )  # fmt: skip
    plain = nuhist.spectrum("xenonnt_sr0", hypothesis="weak-mixing-angle", coupling=0.0)
    np.testing.assert_allclose(found.standard_model, plain.standard_model, rtol=1e-12)
    np.testing.assert_allclose(
        found.standard_model + found.added, same.standard_model + same.added, rtol=1e-6
    )
    moved = np.abs(same.standard_model / plain.standard_model - 1).max()
    assert bool(moved > 1e-4) is (flavor != "effective")


def test_points_expect_what_spectrum_says() -> None:
    couplings = [-0.5, 0.2, 0.9]
    grid = nuhist.build_patchset("xenonnt_sr0", couplings=couplings, hypothesis="nsi-vector", flavor="e")
    for coupling, point in zip(couplings, grid.points, strict=True):
        (channel,) = grid.workspace(point).spec["channels"]
        counts = sum(
            np.array(sample["data"])
            for sample in channel["samples"]
            if sample["name"].startswith(("nu_", "nsi"))
        )
        expected = nuhist.spectrum("xenonnt_sr0", hypothesis="nsi-vector", coupling=coupling, flavor="e")
        np.testing.assert_allclose(counts, expected.standard_model + expected.added, rtol=1e-6)


def test_without_matter_it_acts_in_the_detector_alone() -> None:
    chromium = get_source("cr51:activity=1MCi,distance=1m")
    tested = get_hypothesis("nsi-vector")
    assert on_the_way(tested, "e", 0.3, chromium) is chromium
    found = recoil_rates_at(tested, "e", 0.3, np.array([1.0, 5.0]), [chromium.components], RateOptions())
    assert (found[1] != 0).all()


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("sun:survival=constant", OptionError, "epsilon_d_e does nothing with survival=constant"),
        ("sun:epsilon_d_e=0.1", ConfigError, "sets epsilon_d_e of sun itself; leave it out of the source"),
        ("atmospheric", ConfigError, "of which the source atmospheric knows nothing; use the Sun"),
    ],
)
def test_sources_that_do_not_fit(source: str, kind: type[NuhistError], message: str) -> None:
    with pytest.raises(kind, match=message):
        on_the_way(get_hypothesis("nsi-vector"), "e", 0.3, get_source(source))


def test_flavours_are_no_polynomial() -> None:
    for name in ("nsi-left", "millicharge-epa"):
        with pytest.raises(
            ConfigError, match="it has a propagation; expected the dependence GENERAL without"
        ):
            replace(HYPOTHESES[name], propagation=lambda *_: {})
