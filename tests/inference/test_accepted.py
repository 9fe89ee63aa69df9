"""What pyhf accepts is fitted: backgrounds alone, negative samples, a lumi on some samples, other auxdata.

Numbers without another origin come from a Minuit minimisation of pyhf's logpdf from several starts, or
from roots of pyhf.infer.hypotest, to the digits given here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, fit, goodness_of_fit, limit, ranking, scan, significance
from nuhist.errors import ConfigError, ModelError, NuhistError, OptionError
from nuhist.histfactory.patchset import SignalGrid
from nuhist.inference.prepare import ENGINES, make_likelihood

Spec = dict[str, Any]
DIGITS = 2e-5  # relative: numbers of five digits or more
NORM = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
LUMI = {"name": "lumi", "type": "lumi", "data": None}
STRENGTH = {"name": "mu", "type": "normfactor", "data": None}
SHAPE = {
    "name": "shape",
    "type": "histosys",
    "data": {"hi_data": [52.0, 41.0, 13.0], "lo_data": [48.0, 39.0, 11.0]},
}


def sample(name: str, data: list[float], *modifiers: Spec) -> Spec:
    return {"name": name, "data": data, "modifiers": list(modifiers)}


def model(*samples: Spec, data: list[float], poi: str = "mu", blocks: tuple[Spec, ...] = ()) -> Workspace:
    spec = {
        "channels": [{"name": "SR", "samples": list(samples)}],
        "observations": [{"name": "SR", "data": data}],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": list(blocks)}}],
        "version": "1.0.0",
    }
    return Workspace(spec, origin="model.json")


SIGNAL = sample("signal", [3.0, 6.0, 2.0], STRENGTH)
BACKGROUND = sample("bkg", [50.0, 40.0, 12.0], NORM, SHAPE)
DATA = [52.0, 44.0, 11.0]


def background_only(poi: str) -> Workspace:
    return model(sample("bg", [40.0, 30.0], NORM), data=[44.0, 35.0], poi=poi)


@pytest.mark.parametrize("poi", ["", "mu_SIG"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_background_alone_is_fitted(poi: str, engine: Any) -> None:
    # 79 observed, 70 expected with an error of 10 %: a fit of pyhf's with no parameter of interest.
    workspace = background_only(poi)
    made = pyhf.Workspace(workspace.spec).model(poi_name=None)
    pyhf.set_backend("numpy", "scipy")
    right = pyhf.infer.mle.fit([44.0, 35.0, *made.config.auxdata], made)
    found = fit(workspace, engine=engine)
    assert (found.parameter, found.best_fit) == (None, None)
    assert found.parameters[0].value == pytest.approx(float(right[0]), abs=1e-4)  # SLSQP stops so near
    assert goodness_of_fit(workspace, engine=engine).min_chi2 == found.min_chi2


@pytest.mark.parametrize("command", [limit, scan, significance, ranking])
@pytest.mark.parametrize("poi", ["", "mu_SIG"])
def test_what_needs_a_parameter_says_how_to_get_one(command: Any, poi: str) -> None:
    with pytest.raises(ModelError, match=r"^model\.json: .*apply a patch, or poi=...$"):
        command(background_only(poi))


def test_another_parameter_of_interest() -> None:
    workspace = background_only("mu_SIG")
    found = limit(workspace, poi="norm")
    # Symmetric to 1 % about the best fit, 0.512, with the error of the fit.
    error = fit(workspace).parameters[0].uncertainty
    assert error is not None
    assert found.upper is not None
    assert found.upper - found.best_fit == pytest.approx(1.645 * error, rel=0.02)
    assert fit(workspace, poi="norm", test_poi=0.0).min_chi2 > found.min_chi2
    assert scan(workspace, [0.0], poi="norm").delta_chi2[0] == pytest.approx(
        fit(workspace, poi="norm", test_poi=0.0).min_chi2 - found.min_chi2, abs=1e-6
    )
    two = model(SIGNAL, BACKGROUND, data=DATA)
    assert ranking(two, poi="norm").parameter == significance(two, poi="norm").parameter == "norm"


def test_a_parameter_that_is_none() -> None:
    with pytest.raises(ConfigError, match="no parameter called 'mu_SIG'; known: norm"):
        limit(background_only("mu_SIG"), poi="mu_SIG")
    gamma = {"name": "gamma", "type": "staterror", "data": [1.0, 2.0, 1.0]}
    workspace = model(SIGNAL, sample("bkg", [50.0, 40.0, 12.0], gamma), data=DATA)
    with pytest.raises(
        ModelError, match="'gamma' is a staterror of 3 numbers; choose a parameter that is one"
    ):
        limit(workspace, poi="gamma")


def test_a_grid_has_no_other_parameter(built: Any) -> None:
    from nuhist import build_patchset

    grid = build_patchset("lz_ws2022", couplings=[0, 1e-13], hypothesis="millicharge-epa", background="paper")
    assert isinstance(grid, SignalGrid)
    with pytest.raises(OptionError, match=r"poi=...: does nothing with signal points"):
        limit(grid, poi="mu")


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_negative_sample(engine: Any) -> None:
    inorm = {"name": "inorm", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}}
    workspace = model(SIGNAL, BACKGROUND, sample("interference", [-1.0, -0.5, 0.2], inorm), data=DATA)
    found = limit(workspace, engine=engine)
    assert found.best_fit == pytest.approx(0.41416, abs=1e-4)  # flat near its minimum
    assert found.upper == pytest.approx(2.39731, rel=DIGITS)
    cls = limit(workspace, method="cls", expected=True, engine=engine)
    assert cls.upper == pytest.approx(2.24644, rel=DIGITS)
    assert cls.expected is not None
    assert cls.expected["0"] == pytest.approx(1.95800, rel=DIGITS)


def test_a_negative_sample_with_a_staterror_that_pyhf_leaves_out() -> None:
    # 420 − 40 κ with 385 seen: κ = 35/40, and as far as a counting experiment goes to either side.
    stat = {"name": "mc", "type": "staterror", "data": [8.0]}
    workspace = model(sample("interf", [-40.0], STRENGTH, stat), sample("rn", [420.0]), data=[385.0])
    found = limit(workspace)
    assert found.best_fit == pytest.approx(0.875, abs=1e-6)
    for end in (found.lower, found.upper):
        assert end is not None
        counts = 420 - 40 * end
        assert 2 * (counts - 385 + 385 * np.log(385 / counts)) == pytest.approx(2.70554, abs=1e-4)


def test_events_that_only_a_negative_strength_can_give() -> None:
    low = {"name": "mu", "bounds": [[-3.0, 3.0]], "inits": [1.0]}
    workspace = model(sample("s", [-4.0], STRENGTH), data=[8.0], blocks=(low,))
    assert fit(workspace).best_fit == pytest.approx(-2.0, abs=1e-6)
    with pytest.raises(ModelError, match="bin 0: 8 events observed where every sample expects 0 or less"):
        fit(model(sample("s", [-4.0], STRENGTH), data=[8.0]))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lumi_on_some_samples(engine: Any) -> None:
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    signal = sample("signal", [3.0, 6.0, 2.0], STRENGTH, LUMI)
    workspace = model(signal, BACKGROUND, data=DATA, blocks=(block,))
    assert limit(workspace, engine=engine).upper == pytest.approx(2.34489, rel=DIGITS)
    assert limit(workspace, method="cls", engine=engine).upper == pytest.approx(2.21024, rel=DIGITS)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shapefactor_of_one_bin_as_parameter_of_interest(engine: Any) -> None:
    # 40 κ + 10 (1 ± 10 %) with 44 seen: the normsys stays at 0, and κ = 34/40.
    factor = {"name": "kappa", "type": "shapefactor", "data": None}
    workspace = model(sample("sol", [40.0], factor), sample("bg", [10.0], NORM), data=[44.0], poi="kappa")
    found = limit(workspace, engine=engine)
    assert found.parameter == "kappa"
    assert found.best_fit == pytest.approx(0.85, abs=1e-5)
    assert found.upper == pytest.approx(1.1485, abs=6e-5)
    assert significance(workspace, engine=engine).parameter == "kappa"


def _block(**settings: Any) -> tuple[Spec, ...]:
    return ({"name": "norm", **settings},)


@pytest.mark.parametrize(
    "blocks",
    [
        _block(auxdata=[0.7]),
        _block(auxdata=[-3.0], inits=[-2.0]),
        _block(inits=[9.0]),  # outside the bounds of ±5
        _block(bounds=[[0.25, 0.25]]),
        _block(bounds=[[0.25, 1.0]], inits=[0.1], fixed=True),
    ],
    ids=["auxdata", "far auxdata", "start outside", "no room", "fixed outside"],
)
def test_parameters_as_the_measurement_has_them(blocks: tuple[Spec, ...]) -> None:
    workspace = model(SIGNAL, BACKGROUND, data=DATA, blocks=blocks)
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-10))
    made = pyhf.Workspace(workspace.spec).model()
    start = np.clip(made.config.suggested_init(), *np.transpose(made.config.suggested_bounds()))
    fixed = np.array(made.config.suggested_fixed())
    start = np.where(fixed, made.config.suggested_init(), start)
    bounds = [
        (min(low, at), max(high, at))
        for at, (low, high) in zip(start, made.config.suggested_bounds(), strict=True)
    ]
    data = [*DATA, *made.config.auxdata]
    _, right = pyhf.infer.mle.fit(data, made, list(start), bounds, return_fitted_val=True)
    pyhf.set_backend("numpy", "scipy")
    for engine in ENGINES:
        assert fit(workspace, engine=engine).twice_nll == pytest.approx(float(right), abs=1e-6)
    likelihood = make_likelihood(workspace)
    assert (likelihood.lower <= likelihood.initial).all()
    assert (likelihood.initial <= likelihood.upper).all()


def test_each_of_several_measurements() -> None:
    workspace = model(SIGNAL, BACKGROUND, data=DATA)
    other = {"name": "background", "config": {"poi": "nobody", "parameters": []}}
    workspace.spec["measurements"].append(other)
    assert limit(workspace).parameter == "mu"
    assert fit(workspace, measurement="background").parameter is None
    with pytest.raises(NuhistError, match=r"apply a patch, or poi=..."):
        limit(workspace, measurement="background")
    assert limit(workspace, measurement="background", poi="mu").upper == limit(workspace).upper
