"""The likelihood of a combination against those of its parts, all evaluated by pyhf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.stats import norm

from nuhist import Workspace, combine, fit

Build = Callable[..., Workspace]

EXPERIMENTS = ("lz_ws2022", "lz_ws2024", "xenonnt_sr0")
FLUXES = ("pp_flux", "be7_flux", "pep_flux", "cno_flux", "b8_flux", "sin2_theta_12", "delta_m2_21")
SPLIT = (*FLUXES, "atomic_response")
PAPER = ("sin2_theta_12", "delta_m2_21", "solar_nu_flux", "atomic_response")
CASES: list[tuple[str, dict[str, str], Sequence[str]]] = [
    ("magnetic-moment", {}, SPLIT),
    ("magnetic-moment", {"flux": "paper", "constraint": "linear"}, PAPER),
    ("millicharge-fea", {}, SPLIT),
]
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}


class Model:
    """pyhf's model of a workspace, with parameters by name."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        document = pyhf.Workspace(dict(spec))
        self.model = document.model(modifier_settings=COMMAND_LINE)
        self.data = document.data(self.model)
        self.names: list[str] = list(self.model.config.par_names)
        self.constrained: list[str] = list(self.model.config.auxdata_order)
        self.bounds = dict(zip(self.names, self.model.config.suggested_bounds(), strict=True))

    def log_likelihood(self, values: Mapping[str, float]) -> float:
        """ln L, constraints included."""
        return float(self.model.logpdf([values[name] for name in self.names], self.data)[0])

    def random(self, generator: np.random.Generator) -> dict[str, float]:
        """Constrained parameters within 1.5 σ, where all counts are positive; others within bounds."""
        values = {}
        for name in self.names:
            low, high = self.bounds[name]
            constrained = name in self.constrained and name != self.model.config.poi_name
            values[name] = generator.uniform(-1.5, 1.5) if constrained else generator.uniform(low, high)
        return values


@pytest.fixture(params=CASES, ids=["moment", "moment, paper's fluxes", "charge"])
def case(
    request: pytest.FixtureRequest, built: Build
) -> tuple[list[Workspace], Workspace, Sequence[str], dict[str, Any]]:
    """Separate workspaces, their combination, what is shared, and how they are built."""
    hypothesis, options, shared = request.param
    settings = {"hypothesis": hypothesis, **options}
    parts = [built(name, **settings) for name in EXPERIMENTS]
    return parts, combine(parts, correlate=shared), shared, settings


Case = tuple[list[Workspace], Workspace, Sequence[str], dict[str, Any]]


@pytest.mark.thorough(keep=1)
def test_sum_of_the_parts(case: Case) -> None:
    parts, joint, shared, _ = case
    combined, separate = Model(joint.spec), [Model(part.spec) for part in parts]
    holders = Counter(name for part in separate for name in part.constrained)
    poi = combined.model.config.poi_name
    assert {name for name, count in holders.items() if count > 1} - {poi} == set(shared)
    generator = np.random.default_rng(4)
    for _ in range(20):
        values = combined.random(generator)
        found = combined.log_likelihood(values)
        # Each shared constraint is a unit normal around 0, and the combination has it once: of the
        # parameter of interest too, where a histosys carries it.
        extra = sum((count - 1) * norm.logpdf(values[name]) for name, count in holders.items())
        expected = sum(part.log_likelihood(values) for part in separate) - extra
        assert np.isfinite(found)
        # As the issue asks. |ln L| is up to 1e4, of which 16 digits are kept: 4e-12 is the worst seen.
        assert found == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.thorough(keep=1)
def test_a_joint_build_is_the_combination(case: Case, built: Build) -> None:
    _, joint, _, settings = case
    assert built(*EXPERIMENTS, **settings).digest == joint.digest


def test_pyhf_combines_to_the_same_likelihood(case: Case) -> None:
    # nuhist gives its parts one measurement with compatible parameter blocks, which pyhf's own
    # combine needs.
    parts, joint, _, _ = case
    theirs = Model(
        reduce(
            lambda left, right: pyhf.Workspace.combine(left, right, join="outer"),
            [pyhf.Workspace(dict(part.spec)) for part in parts],
        )
    )
    ours = Model(joint.spec)
    assert sorted(theirs.names) == sorted(ours.names)
    assert theirs.bounds == ours.bounds
    generator = np.random.default_rng(5)
    for _ in range(5):
        values = ours.random(generator)
        # The same terms in the same order: rounding at most.
        assert theirs.log_likelihood(values) == pytest.approx(ours.log_likelihood(values), rel=1e-14)


@pytest.mark.thorough
def test_pyhf_renames_and_combines_to_the_decorrelated_likelihood(case: Case) -> None:
    parts, _, shared, _ = case
    ours = Model(combine(parts, decorrelate=shared).spec)
    renamed = []
    for name, part in zip(EXPERIMENTS, parts, strict=True):
        theirs = pyhf.Workspace(dict(part.spec))
        apart = {old: f"{name}_{old}" for old in shared if old in Model(part.spec).names}
        renamed.append(theirs.rename(modifiers=apart))
    both = Model(
        reduce(lambda left, right: pyhf.Workspace.combine(left, right, join="outer"), renamed),
    )
    assert sorted(both.names) == sorted(ours.names)
    values = ours.random(np.random.default_rng(6))
    assert both.log_likelihood(values) == pytest.approx(ours.log_likelihood(values), rel=1e-14)


@pytest.mark.parametrize(
    ("hypothesis", "poi"),
    # At no moment; at 0.7e-11 μ_B; at −2e-13 e_0, where the interference is largest.
    [("magnetic-moment", 0.0), ("magnetic-moment", 0.49), ("millicharge-fea", -2e-4)],
)
def test_decorrelated_nuisances_are_those_of_separate_fits(built: Build, hypothesis: str, poi: float) -> None:
    parts = [built(name, hypothesis=hypothesis) for name in EXPERIMENTS]
    joint = fit(combine(parts, decorrelate=SPLIT), test_poi=poi)
    found = {entry.name: entry for entry in joint.parameters}
    seen = {joint.parameter}
    alone = [fit(part, test_poi=poi) for part in parts]
    for name, result in zip(EXPERIMENTS, alone, strict=True):
        for parameter in result.parameters:
            if parameter.name == result.parameter:
                continue
            new = f"{name}_{parameter.name}" if parameter.name in SPLIT else parameter.name
            seen.add(new)
            assert parameter.uncertainty is not None
            # Fits stop at 1e-10 of 2NLL, which is 1e-5 σ (worst seen: 3e-5); HESSE has 1e-4 of σ.
            assert found[new].value == pytest.approx(parameter.value, abs=1e-4 * parameter.uncertainty)
            assert found[new].uncertainty == pytest.approx(parameter.uncertainty, rel=1e-3)
    assert seen == set(found)
    # A constraint per part on a signed coupling, but one in the combination. 1e-8: see above.
    extra = 0.0 if hypothesis == "magnetic-moment" else -2 * (len(parts) - 1) * norm.logpdf(poi)
    assert joint.twice_nll == pytest.approx(sum(result.twice_nll for result in alone) - extra, abs=1e-8)
