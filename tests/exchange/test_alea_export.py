"""Workspaces as models of alea: what is the same, what differs by how much, what is refused, what comes back.

The real alea runs in a process of its own (alea_jobs.py), with the Python that NUHIST_ALEA_PYTHON names (alea
is made for versions of NumPy that others may not have); without it, tests with alea are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, build
from nuhist.errors import ConfigError, ExchangeError
from nuhist.exchange.alea.anchored import deviation
from nuhist.exchange.alea.factors import Factor, factors
from nuhist.exchange.alea.kept import kept_workspace
from nuhist.exchange.alea.write import anchored_samples, export_alea
from nuhist.histfactory.workspace import digest
from nuhist.tables import Array
from tests.exchange.alea_jobs import PYTHON, alea

SETTINGS = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
NORMFACTOR = {"name": "wimp_rate_multiplier", "type": "normfactor", "data": None}
LUMI = {"name": "lumi", "type": "lumi", "data": None}


def _histosys(name: str, nominal: list[float], high: list[float], low: list[float]) -> dict[str, Any]:
    data = {"hi_data": [n * h for n, h in zip(nominal, high, strict=True)]}
    data["lo_data"] = [n * v for n, v in zip(nominal, low, strict=True)]
    return {"name": name, "type": "histosys", "data": data}


def _rate(name: str, nominal: list[float], width: float) -> dict[str, Any]:
    return _histosys(name, nominal, [1 + width] * len(nominal), [1 - width] * len(nominal))


def search(*more: dict[str, Any]) -> Workspace:
    """Two runs of a search by hand: a signal, neutrinos (with more modifiers) and accidentals."""
    channels = []
    for name, scale, bins in (("SR0", 1.0, 6), ("SR1", 2.0, 4)):
        wimp = [scale * (index + 1) / 4 for index in range(bins)]
        neutrinos = [scale * (bins - index) for index in range(bins)]
        accidentals = [3.0 + 2 * scale] * bins
        samples = [
            {"name": "wimp", "data": wimp, "modifiers": [LUMI, NORMFACTOR]},
            {
                "name": "b8",
                "data": neutrinos,
                "modifiers": [LUMI, _rate("b8_rate_multiplier", neutrinos, 0.0381), *more],
            },
            {
                "name": "ac",
                "data": accidentals,
                "modifiers": [_rate(f"ac_{name.lower()}_rate_multiplier", accidentals, 0.09)],
            },
        ]
        channels.append({"name": name, "samples": samples})
    block = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.1], "inits": [1.0], "bounds": [[0.5, 1.5]]}
    interest = {"name": "wimp_rate_multiplier", "bounds": [[0, 100]], "inits": [1.0]}
    spec = {
        "channels": channels,
        "observations": [
            {"name": "SR0", "data": [9, 8, 12, 7, 6, 5]},
            {"name": "SR1", "data": [14, 16, 9, 12]},
        ],
        "measurements": [{"name": "m", "config": {"poi": interest["name"], "parameters": [block, interest]}}],
        "version": "1.0.0",
    }
    axes = [{"name": "cs2", "edges": [100, 200, 500]}, {"name": "score", "edges": [0, 0.3, 0.5, 1]}]
    sidecar = {
        "nuhist_version": "0",
        "workspace_digest": digest(spec),
        "poi": {"name": "wimp_rate_multiplier", "coupling": "sigma", "unit": "cm^2", "reference": 1e-45,
                "power": 1, "scale": 1.0, "meaning": "sigma / 1e-45 cm^2", "signal": {"mass_GeV": 6}},
        "channels": {"SR0": {"samples": {}, "axes": axes}},
        "parameters": {},
    }  # fmt: skip
    return Workspace(spec, sidecar, "search.json")


BENT = {"name": "yield", "type": "normsys", "data": {"hi": 1.3, "lo": 0.8}}


def ln_likelihood(workspace: Workspace, values: Mapping[str, float]) -> float:
    document = pyhf.Workspace(dict(workspace.spec))
    model = document.model(modifier_settings=SETTINGS)
    return float(model.logpdf([values[name] for name in model.config.par_names], document.data(model))[0])


def random_points(known: Mapping[str, Factor], count: int) -> list[dict[str, float]]:
    """Values by the workspace's names, within two standard deviations and bounds; the first is the start."""
    generator = np.random.default_rng(19)
    points = [{name: factor.start for name, factor in known.items()}]
    for _ in range(count):
        point = {}
        for name, factor in known.items():
            sigma = 1.0 if factor.sigma is None else factor.sigma / factor.slope
            value = generator.normal(factor.start, sigma)
            low = max(
                factor.start - 2 * sigma, factor.low + 0.01 * sigma
            )  # a rate of 0 may be one by rounding
            point[name] = float(np.clip(value, low, min(factor.start + 2 * sigma, factor.high)))
            if factor.sigma is None:
                point[name] = float(generator.uniform(0, 3))
        points.append(point)
    return points


def differences(workspace: Workspace, folder: Path, **choices: Any) -> tuple[Array, Array]:
    """2 ln L of the real alea less pyhf's at random points, less that at the first; and what we say of it."""
    (model,) = export_alea(workspace, folder / "alea", **choices)
    known = factors(workspace, None, choices.get("normsys", "anchors"))
    points = random_points(known, 20)
    named = [
        {known[name].alea: known[name].value(value) for name, value in point.items()} for point in points
    ]
    theirs = np.array(alea(model, named, folder))
    ours = np.array([ln_likelihood(workspace, point) for point in points])
    found: Array = 2 * (theirs - ours)
    samples = anchored_samples(workspace, known, **choices)
    said = np.array([deviation(samples, workspace.observed(), point) for point in points])
    return found - found[0], said - said[0]


@pytest.mark.skipif(PYTHON is None, reason="no alea here; set NUHIST_ALEA_PYTHON to a Python that has it")
@pytest.mark.parametrize(
    ("name", "choices", "most"),
    [
        ("search", {}, 1e-9),  # what is linear is alea's own
        ("bent", {"step": 0.25}, 0.05),
        ("lz", {}, 0.05),
        ("lz", {"normsys": "linear"}, 1.0),
        ("terms", {"reach": 2.0, "step": 0.25}, 0.05),
    ],
)
def test_the_real_alea_has_the_same_likelihood(
    tmp_path: Path, name: str, choices: dict[str, Any], most: float
) -> None:
    if name == "lz":
        workspace = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    else:
        workspace = {"bent": search(BENT), "terms": in_terms(), "search": search()}[name]
    found, said = differences(workspace, tmp_path, **choices)
    assert np.abs(found).max() < most
    # Sums of some tens of terms of order 10, to rounding.
    np.testing.assert_allclose(found, said, rtol=0, atol=1e-9)


def test_what_is_linear_needs_no_anchors(tmp_path: Path) -> None:
    said: list[str] = []
    export_alea(search(), tmp_path / "w", message=said.append)
    assert said == ["alea has the same likelihood, for all values of the parameters"]
    known = factors(search(), None, "anchors")
    assert {name: factor.form for name, factor in known.items()} == {
        "lumi": "efficiency",
        "wimp_rate_multiplier": "rate",
        "b8_rate_multiplier": "rate",
        "ac_sr0_rate_multiplier": "rate",
        "ac_sr1_rate_multiplier": "rate",
    }
    assert known["b8_rate_multiplier"].sigma == pytest.approx(0.0381, rel=1e-12)


def test_the_difference_is_said(tmp_path: Path) -> None:
    sizes = []
    for step in (1.0, 0.5, 0.25):
        said: list[str] = []
        export_alea(search(BENT), tmp_path / "w", step=step, message=said.append)
        found = re.search(r"at most (\S+) within ±1σ of one parameter \(yield\), (\S+) within", said[-1])
        assert found is not None
        sizes.append(float(found[1]))
    # Straight lines are off by the square of their length, to the two digits that are printed.
    assert sizes[0] / sizes[1] == pytest.approx(4, rel=0.1)
    assert sizes[1] / sizes[2] == pytest.approx(4, rel=0.1)


def test_what_was_written_comes_back_until_it_is_changed(tmp_path: Path) -> None:
    workspace = search(BENT)
    (model,) = export_alea(workspace, tmp_path / "w")
    again = kept_workspace(model)
    assert again is not None
    assert again.digest == workspace.digest
    assert again.sidecar == workspace.sidecar
    with model.open("a", encoding="utf-8") as file:
        file.write("# more\n")
    said: list[str] = []
    assert kept_workspace(model, said.append) is None
    assert said == [
        f"{model}: is not what nuhist wrote; the model is read as anybody else's, of which data=... names the"
        " events"
    ]
    model.with_name("nuhist.json").unlink()
    assert kept_workspace(model) is None


STATERROR = {"name": "mc", "type": "staterror", "data": [0.1] * 6}


def _with(change: Any) -> Workspace:
    made = search()
    change(made.spec)
    return made


def _second_factors(spec: Any) -> None:
    for name in ("f", "g"):
        spec["channels"][0]["samples"][0]["modifiers"].append({**NORMFACTOR, "name": name})


@pytest.mark.parametrize(
    ("change", "choices", "message"),
    [
        (lambda s: s["channels"][0]["samples"][1]["modifiers"].append(STATERROR), {},
         "channel 'SR0': sample 'b8': 'mc' is a staterror: alea has no factors of bins"),
        (lambda s: s["channels"][0]["samples"][0].update(data=[-1.0] * 6), {},
         "sample 'wimp': bin 0: -1 is negative"),
        (_second_factors, {}, "'g': alea multiplies a source with one rate and one efficiency"),
        (lambda s: s["channels"][0]["samples"][1]["modifiers"].append({**BENT, "name": "a b"}), {},
         "'a b' is no name of a parameter for alea"),
        (lambda s: s["channels"][0]["samples"][1]["modifiers"].extend(
            {**BENT, "name": f"y{i}"} for i in range(4)), {},
         "alea makes a model for each of 388962 combinations of anchors"),
        (lambda _: None, {"step": 0.0}, "step 0: must be positive"),
        (lambda _: None, {"normsys": "curved"}, "no form of normsys called 'curved'"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, change: Any, choices: dict[str, Any], message: str) -> None:
    with pytest.raises((ExchangeError, ConfigError), match=re.escape(message)):
        export_alea(_with(change), tmp_path / "w", **choices)
    assert not (tmp_path / "w").exists()


def in_terms() -> Workspace:
    """The neutrinos as two terms, of which one is negative, and of which one alone has a parameter."""
    made = search()
    for channel in made.spec["channels"]:
        _, b8, _ = channel["samples"]
        counts = b8["data"]
        b8["data"] = [-count for count in counts]
        b8["modifiers"] = [LUMI]
        bent = {**BENT, "name": "nr_rate_multiplier"}
        more = {"name": "b8_1", "data": [2 * count for count in counts], "modifiers": [LUMI, bent]}
        channel["samples"].append(more)
    return made


def test_terms_of_either_sign_are_one_source(tmp_path: Path) -> None:
    workspace = in_terms()
    known = factors(workspace, None, "anchors")
    samples = anchored_samples(workspace, known, reach=2)
    assert sorted(each.source for each in samples if each.channel == "SR0") == ["SR0_b8", "ac_sr0", "wimp"]
    # alea takes all names that end as rates do for rates.
    assert known["nr_rate_multiplier"].alea == "nr_factor"
    values = {name: factor.start for name, factor in known.items()} | {"nr_rate_multiplier": 1.0}
    for each in samples:
        np.testing.assert_allclose(each.interpolated(values), each.expected(values), rtol=1e-12)
    export_alea(workspace, tmp_path / "w", reach=2)


def test_forecasts_have_no_events(tmp_path: Path) -> None:
    said: list[str] = []
    forecast = build("lz_ws2022", hypothesis="magnetic-moment", background="paper", asimov=True)
    export_alea(forecast, tmp_path / "w", message=said.append)
    assert not (tmp_path / "w" / "data.h5").exists()
    assert any("no events are written" in line for line in said)


def test_counts_below_0_that_become_0_are_said(tmp_path: Path) -> None:
    # The two cancel but for -1e-4 events at two standard deviations, of some 100 events of the channel.
    workspace, said = search(), list[str]()
    for channel in workspace.spec["channels"]:
        (b8,) = (sample for sample in channel["samples"] if sample["name"] == "b8")
        count = [1.0] * len(b8["data"])
        b8["data"], b8["modifiers"] = [2 * each for each in count], [LUMI]
        tilt = _histosys("tilt", [-each for each in count], [1.50005] * len(count), [0.49995] * len(count))
        channel["samples"].append(
            {"name": "b8_1", "data": [-each for each in count], "modifiers": [LUMI, tilt]}
        )
    export_alea(workspace, tmp_path / "w", reach=2, message=said.append)
    assert "counts below 0 at anchors are 0 in alea; the lowest is -0.0001 events (SR0, b8)" in said
